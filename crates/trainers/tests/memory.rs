//! Products with the Gauss–Newton matrix leave no memory behind.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicIsize, Ordering};

use bptt_autodiff::Tape;
use bptt_layers::{Elman, Layer, Linear, Module, loss};
use bptt_tensor::{Tensor, release_pooled_memory};
use bptt_trainers::{GaussNewton, Objective};

/// The system's allocator, which counts the memory of all threads.
struct Counting;

static LIVE: AtomicIsize = AtomicIsize::new(0);

// SAFETY: every call is passed on unchanged; the counter allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size() as isize, Ordering::Relaxed);
        // SAFETY: as promised by the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size() as isize, Ordering::Relaxed);
        // SAFETY: as promised by the caller.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn products_leave_no_memory_behind() {
    let mut rng = bptt_layers::rng(0);
    let model = (Elman::<f32>::new(&mut rng, 4, 64), Linear::new(&mut rng, 64, 2));
    let xs = Tensor::normal([200, 16, 4], 0.0, 1.0, &mut rng);
    let v = Tensor::normal([model.parameter_count()], 0.0, 1.0, &mut rng);
    let tape = Tape::new();
    let (ys, _) = model.forward(tape.constant(xs));
    let loss = loss::cross_entropy(ys, &vec![1; 200 * 16]).mean();
    let matrix =
        GaussNewton::new(&model, &tape, &Objective::of_outputs(ys, loss)).expect("outputs");
    drop(matrix.product(&v)); // compiles the steps and fills the pool
    let live = || {
        release_pooled_memory();
        LIVE.load(Ordering::Relaxed)
    };
    let before = live();
    for _ in 0..5 {
        drop(matrix.product(&v));
    }
    let growth = live() - before;
    assert!(growth < 4096, "{growth} bytes"); // a cotangent of one sequence alone takes 51 200
}
