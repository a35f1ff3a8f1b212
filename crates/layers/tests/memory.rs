//! The memory that inference takes: weights are never copied.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fs;

use bptt_autodiff::Tape;
use bptt_layers::weights::Archive;
use bptt_layers::{Lstm, Module, Recurrence, StateSizes, stepper};
use bptt_tensor::{Tensor, release_pooled_memory};

/// The system's allocator, which counts this thread's memory.
struct Counting;

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

// SAFETY: every call is passed on unchanged; the counters have no destructor and allocate nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.set(LIVE.get() + layout.size() as isize);
        PEAK.set(PEAK.get().max(LIVE.get()));
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

/// Returns the result of `run`, and the bytes that this thread allocated at most meanwhile.
fn peak_of<R>(run: impl FnOnce() -> R) -> (R, usize) {
    release_pooled_memory();
    let before = LIVE.get();
    PEAK.set(before);
    let result = run();
    (result, (PEAK.get() - before) as usize)
}

const INPUT: usize = 300;
const HIDDEN: usize = 400;
const WINDOW: usize = 50;

fn cell() -> Lstm<f32> {
    Lstm::new(&mut bptt_layers::rng(0), INPUT, HIDDEN)
}

/// Returns the bytes of a model's weights.
fn size_of_weights(model: &dyn Module<f32>) -> usize {
    model.parameters().into_iter().map(|(_, it)| size_of_val(it.value().as_slice())).sum()
}

#[test]
fn loading_takes_the_memory_of_the_tensors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    Archive::of(&cell()).save(&path).unwrap();
    let size = fs::metadata(&path).unwrap().len() as usize;
    let (archive, peak) = peak_of(|| Archive::<f32>::load(&path).unwrap());
    assert!(peak < size + size / 10, "{peak} bytes for a file of {size}");
    let mut cell = cell();
    let (_, peak) = peak_of(|| archive.assign_to(&mut cell).unwrap());
    assert!(peak < size / 10, "{peak} bytes beside tensors of {size}");
}

#[test]
fn a_stepper_of_one_sequence_shares_large_matrices() {
    let cell = cell();
    let size = size_of_weights(&cell);
    let (_stepper, peak) = peak_of(|| stepper(&cell, [1, INPUT]));
    let small = size_of_val(cell.w_ih.value().as_slice());
    assert!(peak < small + small / 3, "{peak} bytes beside weights of {size}");
}

/// A window packs the one matrix whose product has the rows of all steps.
#[test]
fn a_window_of_one_sequence_shares_the_recurrent_matrix() {
    let cell = cell();
    let xs = Tensor::zeros([WINDOW, 1, INPUT]);
    let run = || {
        let tape = Tape::inference();
        let state = cell.zero_state(&tape, 1);
        Recurrence::new(&cell).run(tape.constant(xs.clone()), state).0.value()
    };
    let (_, peak) = peak_of(run);
    let inputs = size_of_val(cell.w_ih.value().as_slice());
    let window = WINDOW * (INPUT + 10 * HIDDEN) * size_of::<f32>();
    assert!(peak < inputs + inputs / 3 + window, "{peak} bytes, {inputs} and {window}");
}
