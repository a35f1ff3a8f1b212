//! Products with the Gauss–Newton matrix leave no memory behind.

use bptt_autodiff::Tape;
use bptt_layers::{Elman, Layer, Linear, Module, loss};
use bptt_tensor::{Tensor, release_pooled_memory};
use bptt_trainers::{GaussNewton, Objective};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

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
        ALLOCATOR.current_usage() as isize
    };
    let before = live();
    for _ in 0..5 {
        drop(matrix.product(&v));
    }
    let growth = live() - before;
    assert!(growth < 4096, "{growth} bytes"); // a cotangent of one sequence alone takes 51 200
}
