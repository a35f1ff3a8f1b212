//! The cost of long sequences: no stack, no leaked memory, and nothing quadratic.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::thread;

use bptt_autodiff::{Param, Tape, Var};
use bptt_tensor::{Tensor, release_pooled_memory};

/// The system's allocator, which counts this thread's memory.
struct Counting;

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
    static ALLOCATED: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is passed on unchanged; the counters have no destructor and allocate nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.set(LIVE.get() + layout.size() as isize);
        PEAK.set(PEAK.get().max(LIVE.get()));
        ALLOCATED.set(ALLOCATED.get() + layout.size());
        // SAFETY: as promised by the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.set(LIVE.get() - layout.size() as isize);
        // SAFETY: as promised by the caller.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const STEPS: usize = 100_000;

/// The gradient of a recurrence `h ← tanh(h ⊙ w + x)` of this number of steps.
fn recurrence(steps: usize) -> Tensor<f64> {
    let w = Param::new(Tensor::full([2], 0.5));
    let tape = Tape::new();
    let x = tape.constant(Tensor::from_vec([2], vec![0.1, -0.2]));
    let mut h = tape.constant(Tensor::zeros([2]));
    for _ in 0..steps {
        h = (h * &w + x).tanh();
    }
    tape.backward(h.sum_all())[&w].clone()
}

#[test]
fn a_hundred_thousand_steps_need_no_stack_and_leave_no_memory() {
    let thread = thread::Builder::new().stack_size(2 << 20);
    let run = thread.spawn(|| {
        let few = recurrence(100); // also fills the thread's pools and caches
        release_pooled_memory();
        let before = LIVE.get();
        let many = recurrence(STEPS);
        // the state has converged, so distant steps have no influence
        for (few, many) in few.as_slice().iter().zip(many.as_slice()) {
            assert!((few - many).abs() < 1e-12);
        }
        drop(many);
        release_pooled_memory();
        assert_eq!(LIVE.get(), before);
    });
    run.unwrap().join().unwrap();
}

#[test]
fn a_recorded_gradient_needs_no_stack_either() {
    let thread = thread::Builder::new().stack_size(2 << 20);
    let run = thread.spawn(|| {
        let tape = Tape::<f64>::new();
        let w = tape.variable(Tensor::scalar(0.5));
        let mut h = w;
        for _ in 0..STEPS / 4 {
            h = (h * w + 0.3).tanh();
        }
        let [slope] = tape.grad(h, [w]);
        let [curvature] = tape.grad(slope, [w]);
        assert!(curvature.item().is_finite());
        assert!(tape.dot().to_string().lines().count() > STEPS);
    });
    run.unwrap().join().unwrap();
}

/// The bytes that `run` allocates, from an empty pool.
fn bytes<R>(run: impl FnOnce() -> R) -> usize {
    release_pooled_memory();
    let before = ALLOCATED.get();
    drop(run());
    ALLOCATED.get() - before
}

/// The bytes that `run` allocates, beyond reused memory.
pub(crate) fn allocated_by(run: impl FnOnce()) -> usize {
    let before = ALLOCATED.get();
    run();
    ALLOCATED.get() - before
}

/// The peak of memory in use while `run` runs, beyond the memory in use before.
pub(crate) fn peak_of(run: impl FnOnce()) -> usize {
    let before = LIVE.get();
    PEAK.set(before);
    run();
    (PEAK.get() - before) as usize
}

/// Checks that twice the steps allocate about twice the bytes.
#[track_caller]
pub(crate) fn assert_linear(what: &str, run: impl Fn(usize)) {
    let (short, long) = (bytes(|| run(200)), bytes(|| run(400)));
    let ratio = long as f64 / short as f64;
    assert!(ratio < 2.3, "{what}: {long} bytes are {ratio} times {short}");
}

const BATCH: usize = 4;
const FEATURES: usize = 16;

/// A loss on all steps of a sequence `[T, B, F]`.
fn loss_on_steps<'t>(sequence: Var<'t, f64>) -> Var<'t, f64> {
    let mut h = sequence.tape().constant(Tensor::zeros([BATCH, FEATURES]));
    let mut states = Vec::new();
    for t in 0..sequence.shape()[0] {
        h = (h + sequence.index_first(t)).tanh();
        states.push(h);
    }
    Var::stack(&states, 0).square().mean_all()
}

#[test]
fn the_gradient_of_a_sequences_steps_is_linear_in_their_number() {
    assert_linear("backward", |steps| {
        let tape = Tape::new();
        let x = tape.variable(Tensor::ones([steps, BATCH, FEATURES]));
        assert_eq!(tape.backward(loss_on_steps(x)).wrt(x).len(), steps * BATCH * FEATURES);
    });
    assert_linear("grad", |steps| {
        let tape = Tape::new();
        let x = tape.variable(Tensor::ones([steps, BATCH, FEATURES]));
        let [dx] = tape.grad(loss_on_steps(x), [x]);
        let _ = tape.grad(dx.square().sum_all(), [x]);
    });
}
