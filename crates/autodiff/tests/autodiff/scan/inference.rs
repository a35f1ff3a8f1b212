//! A tape for inference: the same values from less memory, and no gradients.

use bptt_autodiff::{Tape, Var};
use bptt_tensor::{Tensor, release_pooled_memory};

use super::support::{param, uniform};
use crate::faults::caught::refuses;
use crate::sequences::peak_of;

const STEPS: usize = 400;

/// The last state of a gated recurrence, and the peak of memory in use.
fn last_state(tape: &Tape<f64>) -> (Tensor<f64>, usize) {
    let (w_ih, w_hh) = (param([4, 64], 1), param([64, 64], 2));
    let (inputs, state) = (uniform([STEPS, 4, 4], 3), uniform([4, 64], 4));
    release_pooled_memory();
    let mut last = None;
    let peak = peak_of(|| {
        let (xs, h) = (tape.constant(inputs.clone()), tape.constant(state.clone()));
        let scanned = tape.scan(xs, h).run(|x, h| {
            let z = x.matmul(&w_ih) + h.matmul(&w_hh);
            ((), z.sigmoid() * h + z.cos() * (z * 0.5).sin().exp())
        });
        last = Some(scanned.state.value());
    });
    (last.expect("it has run"), peak)
}

#[test]
fn values_are_the_same_and_memory_is_less() {
    let (expected, plain) = last_state(&Tape::new());
    let (found, few) = last_state(&Tape::inference());
    let bits =
        |value: &Tensor<f64>| value.to_vec().into_iter().map(f64::to_bits).collect::<Vec<_>>();
    assert_eq!(bits(&found), bits(&expected));
    assert!(few * 2 < plain, "{few} bytes for inference, {plain} for training");
}

#[test]
fn gradients_are_refused() {
    let tape = Tape::<f64>::inference();
    let x = tape.variable(Tensor::scalar(2.0));
    let y = x.square();
    let direction: Var<'_, f64> = tape.constant(Tensor::scalar(1.0));
    let message =
        "a tape made by Tape::inference saves nothing for gradients; make it by Tape::new";
    refuses!(tape.backward(y); &format!("backward: {message}"));
    refuses!(tape.grad(y, [x]); &format!("grad: {message}"));
    refuses!(tape.vjp(&[(y, direction)], &[x]); &format!("vjp: {message}"));
    refuses!(tape.jvp(y, &[(x, direction)]); message);
    refuses!(tape.hvp(y, &[(x, direction)]); message);
}
