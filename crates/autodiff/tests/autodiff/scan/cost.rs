//! The cost of a scan is linear in the length of the sequence; its plan is made once.

use std::cell::Cell;

use bptt_autodiff::{Operation, Param, Pullback, Tape};
use bptt_tensor::{Shape, ShapeError, Tensor, release_pooled_memory};

use super::support::{param, uniform};
use crate::sequences::{allocated_by, assert_linear, peak_of};

fn gradient(u: &Param<f64>, steps: usize) -> Tensor<f64> {
    let tape = Tape::new();
    let xs = tape.constant(uniform([steps, 2, 16], 1));
    let h = tape.constant(Tensor::zeros([2, 16]));
    let scanned = tape.scan(xs, h).run(|x, h| {
        let next = (x + h.matmul(u)).tanh();
        (next, next)
    });
    tape.backward(scanned.outputs.square().mean_all())[u].clone()
}

#[test]
fn memory_is_linear_in_the_number_of_steps() {
    let u = param([16, 16], 2);
    let _ = gradient(&u, 10); // compiles the step
    assert_linear("a scan", |steps| drop(gradient(&u, steps)));
}

#[test]
fn a_plan_is_made_once() {
    let u = param([16, 16], 2);
    let steps = 4;
    let bytes = |run: &dyn Fn()| {
        release_pooled_memory();
        allocated_by(run)
    };
    let first = std::thread::scope(|scope| {
        let other = scope.spawn(|| allocated_by(|| drop(gradient(&param([16, 16], 2), steps))));
        other.join().expect("it computes")
    });
    let _ = gradient(&u, steps);
    let again = bytes(&|| drop(gradient(&u, steps)));
    assert!(again * 2 < first, "{again} bytes again, {first} the first time");
}

/// The reverse pass takes no cotangents of probes on which the loss does not depend.
#[test]
fn probes_that_are_looked_at_cost_the_reverse_pass_nothing() {
    const STEPS: usize = 64;
    let w = param([16, 16], 2);
    let allocated = |is_probed: bool| {
        let tape = Tape::new();
        let xs = tape.constant(uniform([STEPS, 2, 16], 1));
        let h = tape.constant(Tensor::zeros([2, 16]));
        let _probes = is_probed.then(|| tape.probes());
        let scanned = tape.scan(xs, h).run(|x, h| {
            let gate = (x + h.matmul(&w)).sigmoid().probe("gate");
            let next = (gate * h + (1.0 - gate) * x.tanh().probe("candidate")).probe("next");
            (next, next)
        });
        let loss = scanned.outputs.square().mean_all();
        release_pooled_memory();
        allocated_by(|| drop(tape.backward(loss)))
    };
    let [plain, probed] = [false, true].map(|is_probed| {
        let _ = allocated(is_probed); // compiles the step
        allocated(is_probed)
    });
    let of_a_probe = STEPS * 2 * 16 * size_of::<f64>();
    assert!(probed < plain + of_a_probe / 2, "{probed} bytes, without probes {plain}");
}

thread_local! {
    /// The number of runs of the gradient rule of a [`Scale`]. Compiling a step runs it once.
    static DERIVED: Cell<usize> = const { Cell::new(0) };
}

/// `y = a x`
#[derive(Debug)]
struct Scale {
    factor: f64,
    is_comparable: bool,
}

impl Operation<f64> for Scale {
    fn name(&self) -> &'static str {
        "scale"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        Ok(inputs[0].into())
    }

    fn forward(&self, inputs: &[&Tensor<f64>]) -> Tensor<f64> {
        let factor = self.factor;
        inputs[0].map(move |x| factor * x)
    }

    fn gradient(&self, at: &mut Pullback<'_, '_, f64>) {
        DERIVED.set(DERIVED.get() + 1);
        let g = at.cotangent();
        at.add(0, || g * self.factor);
    }

    fn equals(&self, other: &dyn Operation<f64>) -> bool {
        let is_equal = |other: &Self| self.factor == other.factor;
        self.is_comparable && other.downcast_ref().is_some_and(is_equal)
    }
}

/// The gradient of `y₃ = a³ y₀`, as a scan of three steps, and the number of times that it was
/// derived.
fn scaled(factor: f64, is_comparable: bool) -> (f64, usize) {
    let before = DERIVED.get();
    let tape = Tape::new();
    let xs = tape.constant(Tensor::zeros([3, 1, 1]));
    let start = tape.variable(Tensor::ones([1, 1]));
    let scanned = tape.scan(xs, start).run(|x, y| {
        let y = tape.apply(Scale { factor, is_comparable }, &[y]) + x;
        ((), y)
    });
    let gradient = tape.backward(scanned.state.sum_all()).wrt(start)[[0, 0]];
    (gradient, DERIVED.get() - before)
}

#[test]
fn a_step_with_a_users_operation_is_planned_once_if_it_can_be_compared() {
    let (first, derived) = scaled(2.0, true);
    assert_eq!(first, 8.0);
    assert!(derived > 0);
    assert_eq!(scaled(2.0, true), (8.0, 0));
    assert_eq!(scaled(3.0, true), (27.0, derived), "another operation");
    assert_eq!(scaled(2.0, true), (8.0, 0));
    assert_eq!(scaled(2.0, false), (8.0, derived), "an operation that equals none");
    assert_eq!(scaled(2.0, false), (8.0, derived));
}

/// The step has an inner scan, whose operation equals no other.
#[test]
fn a_step_that_equals_none_displaces_no_plan() {
    let known = scaled(2.0, true);
    for _ in 0..100 {
        let tape = Tape::new();
        let xs = tape.constant(Tensor::zeros([2, 3, 1, 1]));
        let start = tape.constant(Tensor::ones([1, 1]));
        let _ = tape.scan(xs, start).run(|x, y| {
            let within = tape.scan(x, y).run(|x, y| {
                let scale = Scale { factor: 2.0, is_comparable: false };
                ((), tape.apply(scale, &[y]) + x)
            });
            ((), within.state)
        });
    }
    assert_eq!(scaled(2.0, true), (known.0, 0));
}

/// A scan on a tape for inference is compiled without its reverse.
#[test]
fn inference_derives_no_gradient() {
    let before = DERIVED.get();
    let tape = Tape::inference();
    let xs = tape.constant(Tensor::zeros([3, 1, 1]));
    let scanned = tape.scan(xs, tape.constant(Tensor::ones([1, 1]))).run(|x, y| {
        let y = tape.apply(Scale { factor: 2.0, is_comparable: false }, &[y]) + x;
        (y, y)
    });
    assert_eq!((scanned.state.item(), DERIVED.get()), (8.0, before));
}

/// If the step were compiled, its gradient rule would run before a gradient is computed.
#[test]
fn a_single_step_is_not_planned() {
    let before = DERIVED.get();
    let tape = Tape::new();
    let xs = tape.constant(Tensor::zeros([1, 1, 1]));
    let scanned = tape.scan(xs, tape.constant(Tensor::ones([1, 1]))).run(|x, y| {
        let y = tape.apply(Scale { factor: 2.0, is_comparable: false }, &[y]) + x;
        (y, y)
    });
    assert_eq!(scanned.outputs.value(), Tensor::full([1, 1, 1], 2.0));
    assert_eq!(scanned.state.value(), Tensor::full([1, 1], 2.0));
    assert_eq!(DERIVED.get(), before);
}

/// Memory for the outputs, their squares, and one cotangent. Buffers of segments are small in
/// comparison.
#[test]
fn the_cotangents_of_outputs_are_held_once() {
    let u = param([16, 16], 2);
    let _ = gradient(&u, 10);
    release_pooled_memory();
    let (steps, mut xs) = (1 << 14, 0);
    let peak = peak_of(|| {
        let tape = Tape::new();
        let inputs = uniform([steps, 2, 16], 1);
        xs = inputs.len() * size_of::<f64>();
        let h = tape.constant(Tensor::zeros([2, 16]));
        let scanned = tape.scan(tape.constant(inputs), h).run(|x, h| {
            let next = (x + h.matmul(&u)).tanh();
            (next, next)
        });
        drop(tape.backward(scanned.outputs.square().sum_all()));
    });
    let beside = peak as f64 / xs as f64 - 1.0;
    assert!(beside < 3.5, "{beside} times the outputs");
}
