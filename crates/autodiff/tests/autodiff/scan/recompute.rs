//! Saving states rather than residuals: the same gradients from less memory.

use bptt_autodiff::{Gradients, Recompute, Tape};
use bptt_tensor::release_pooled_memory;

use super::support::{param, uniform};
use crate::sequences::peak_of;

const STEPS: usize = 400;

/// The gradient of a gated recurrence, and the peak of memory in use.
fn gradients(recompute: Option<Recompute>) -> (Gradients<f64>, Vec<u64>, usize) {
    let (w, u) = (param([4, 64], 1), param([64, 64], 2));
    let params = [&w, &u];
    let inputs = uniform::<f64>([STEPS, 4, 4], 3);
    let state = uniform::<f64>([4, 64], 4);
    release_pooled_memory();
    let run = || {
        let tape = Tape::new();
        let [w, u] = params.map(|param| tape.param(param));
        let (xs, h) = (tape.constant(inputs.clone()), tape.constant(state.clone()));
        let scan = tape.scan(xs, h);
        let scan = match recompute {
            Some(recompute) => scan.recompute(recompute),
            None => scan,
        };
        let scanned = scan.run(|x, h| {
            let z = x.matmul(w) + h.matmul(u);
            let next = z.sigmoid() * h + z.cos() * (z * 0.5).sin().exp();
            ((), next)
        });
        tape.backward(scanned.state.square().sum_all())
    };
    let mut found = None;
    let peak = peak_of(|| found = Some(run()));
    let found = found.expect("it has run");
    let bits = params.iter().flat_map(|param| found[*param].to_vec()).map(f64::to_bits).collect();
    (found, bits, peak)
}

#[test]
fn gradients_are_the_same_and_memory_is_less() {
    let (_, exact, plain) = gradients(None);
    let (_, every, few) = gradients(Some(Recompute::Every(20)));
    let (_, auto, _) = gradients(Some(Recompute::Auto));
    assert_eq!(every, auto); // √400
    for (found, exact) in every.iter().zip(&exact) {
        let (found, exact) = (f64::from_bits(*found), f64::from_bits(*exact));
        assert!((found - exact).abs() <= 1e-9 * exact.abs().max(1.0), "{found}, not {exact}");
    }
    assert!(few * 4 < plain, "{few} bytes with recomputation, {plain} without");
}

#[test]
#[should_panic(
    expected = "recompute: Every(0) saves no state; give at least 1, or Recompute::Auto"
)]
fn every_zero_steps_is_refused() {
    let tape = Tape::new();
    let xs = tape.constant(uniform::<f64>([2, 1, 1], 1));
    let _ = tape.scan(xs, ()).recompute(Recompute::Every(0));
}
