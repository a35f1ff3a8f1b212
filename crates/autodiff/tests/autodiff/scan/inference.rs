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

/// Three linear models that each learn from their own row at every step.
fn learned(tape: &Tape<f64>, steps: usize) -> Tensor<f64> {
    let (xs, start) = (uniform([steps, 3, 4], 5), uniform([3, 4], 6));
    let scanned = tape.scan(tape.constant(xs), tape.constant(start)).run(|x, w| {
        let loss = (x * w).sum_keep(&[1]).tanh().square().sum_all();
        let [gradient] = x.tape().grad(loss, [w]);
        (loss, w - gradient * 0.1)
    });
    scanned.state.value()
}

#[test]
fn a_step_may_compute_gradients() {
    for steps in [1, 2, 50] {
        let found = learned(&Tape::inference(), steps);
        let mut w = uniform([3, 4], 6);
        for x in uniform([steps, 3, 4], 5).to_vec().chunks_exact(12) {
            let tape = Tape::new();
            let (x, old) = (tape.constant(Tensor::from_vec([3, 4], x.to_vec())), tape.variable(w));
            let loss = (x * old).sum_keep(&[1]).tanh().square().sum_all();
            w = old.value() - tape.backward(loss).wrt(old) * 0.1;
        }
        let errors = found.to_vec().into_iter().zip(w.to_vec()).map(|(a, b): (f64, f64)| a - b);
        assert!(errors.into_iter().all(|error| error.abs() < 1e-12), "{steps} steps");
        assert_eq!(found.to_vec(), learned(&Tape::new(), steps).to_vec());
    }
}

#[test]
fn a_step_may_differentiate_a_scan_within_it() {
    let gradient = |tape: &Tape<f64>| {
        let (xs, start) = (uniform([3, 2, 4], 7), uniform([2, 4], 8));
        let outer = tape.scan(tape.constant(xs), tape.constant(start)).run(|x, w| {
            let inner = tape.scan(tape.constant(uniform([5, 2, 4], 9)), x);
            let h = inner.run(|x, h| ((), (x + h * w).tanh())).state;
            let [gradient] = tape.grad(h.square().sum_all(), [w]);
            ((), w - gradient * 0.5)
        });
        outer.state.value().to_vec()
    };
    assert_eq!(gradient(&Tape::inference()), gradient(&Tape::new()));
}

#[test]
fn gradients_of_a_step_are_of_any_kind_but_backward() {
    let tape = Tape::<f64>::inference();
    let (xs, start) = (tape.constant(uniform([4, 2, 3], 10)), tape.constant(uniform([2, 3], 11)));
    let scanned = tape.scan(xs, start).run(|x, w| {
        let y = (x * w).sin();
        let along = tape.jvp(y, &[(w, x)]); // cos(x w) x²
        let curved = tape.hvp((x * w * w).sum_all(), &[(w, x)])[0]; // 2 x²
        ((along - (x * w).cos() * x * x).abs(), (curved - x * x * 2.0).abs() + w)
    });
    assert!(scanned.outputs.value().iter().all(|error| *error < 1e-12));
    assert!((scanned.state - start).value().iter().all(|error| error.abs() < 1e-12));
    let message = "a tape made by Tape::inference saves nothing for gradients";
    refuses!(tape.backward(scanned.state.sum_all()); message);
    refuses!(tape.grad(scanned.state.sum_all(), [start]); message); // the step has ended
}
