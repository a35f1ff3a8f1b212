//! What a scan costs grows with the sequence and no faster; its plan is made once.

use bptt_autodiff::{Param, Tape};
use bptt_tensor::{Tensor, release_pooled_memory};

use super::support::{param, uniform};
use crate::sequences::{allocated_by, assert_linear, peak_of};

fn gradient(u: &Param<f64>, steps: usize) -> Tensor<f64> {
    let tape = Tape::new();
    let xs = tape.constant(uniform([steps, 2, 16], 1));
    let h = tape.constant(Tensor::zeros([2, 16]));
    let scanned = tape.scan(&[xs], &[h]).run(|x, h| {
        let next = (x[0] + h[0].matmul(u)).tanh();
        (vec![next], vec![next])
    });
    tape.backward(scanned.outputs[0].square().mean_all())[u].clone()
}

#[test]
fn memory_is_linear_in_the_number_of_steps() {
    let u = param([16, 16], 2);
    let _ = gradient(&u, 10); // makes the plan
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

/// The outputs, their squares, and one cotangent; what the segments at work take is little beside.
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
        let scanned = tape.scan(&[tape.constant(inputs)], &[h]).run(|x, h| {
            let next = (x[0] + h[0].matmul(&u)).tanh();
            (vec![next], vec![next])
        });
        drop(tape.backward(scanned.outputs[0].square().sum_all()));
    });
    let beside = peak as f64 / xs as f64 - 1.0;
    assert!(beside < 3.5, "{beside} times the outputs");
}
