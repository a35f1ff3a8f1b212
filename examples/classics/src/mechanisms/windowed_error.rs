//! The error from step `t₀` to step `t₁`: what is counted, and which steps learn from it.
//!
//! ```text
//! e(t) = d(t) − o(t)     E(t) = ½ e(t)ᵀ e(t)     E = Σ_{t = t₀}^{t₁} E(t)
//! ```
//!
//! `loss::squared_error` with a mask of the steps from `t₀` to `t₁` is this sum. With respect to an output, the gradient
//! is `−e(t)` within the window and exactly 0 outside. With respect to a *state*, it is 0 only after `t₁`. Steps before
//! `t₀` have no error of their own, but the errors of later steps flow back through them.
//!
//! The figure shows both gradients by step.

use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "windowed-error",
    shows: "an error summed from t0 to t1 reaches all states up to t1, and none after",
    sources: &[(Text::Int301, "RNN Architecture")],
    run,
};

const STEPS: usize = 40;
const FROM: usize = 15;
const TO: usize = 28; // inclusive

fn run(session: &mut Session) -> Result<()> {
    let rng = &mut bptt::rng(0);
    let net = (Elman::<f64>::new(rng, 2, 8), Linear::new(rng, 8, 3));
    let inputs = Tensor::normal([STEPS, 1, 2], 0.0, 1.0, rng);
    let targets = Tensor::normal([STEPS, 1, 3], 0.0, 1.0, rng);
    let window = Tensor::from_fn([STEPS, 1], |t| f64::from(u8::from((FROM..=TO).contains(&t))));

    let tape = Tape::new();
    let costates = Costates::new();
    let start = net.start(&tape, 1);
    let (outputs, _) = Recurrence::new(&net).costates(&costates).run(tape.constant(inputs), start);
    let error = loss::squared_error(outputs, &targets).masked(&window).sum();
    let gradients = tape.backward(error);
    let of_outputs = tape.grad(error, [outputs])[0].value();
    let of_states = costates.of(&gradients).remove(0);

    let e = &targets - &outputs.value();
    let by_hand: f64 =
        (FROM..=TO).flat_map(|t| e.index_first(t).to_vec()).map(|e| 0.5 * e * e).sum();
    session.number("E", error.item());
    session.check("E is the sum of ½ eᵀe from t0 to t1", (error.item() - by_hand).abs() < 1e-13);
    let is_right = |t: usize| match (FROM..=TO).contains(&t) {
        true => of_outputs.index_first(t) == -&e.index_first(t),
        false => of_outputs.index_first(t).iter().all(|&g| g == 0.0),
    };
    session.check(
        "∂E/∂o(t) is −e(t) within the window, and exactly 0 outside",
        (0..STEPS).all(is_right),
    );
    let states = of_states.norm(&[1, 2]).to_vec();
    let up_to = states[..=TO].iter().all(|&norm| norm > 0.0);
    session.check("each state up to t1 has a gradient, also before t0", up_to);
    let after = states[TO + 1..].iter().all(|&norm| norm == 0.0);
    session.check("no state after t1 has a gradient", after);
    session.number("gradient with respect to the first state", states[0]);

    let points =
        |norms: &[f64]| norms.iter().enumerate().map(|(t, &n)| (t as f64, n)).collect::<Vec<_>>();
    let picture =
        Lines::new(&format!("gradient of the error from step {FROM} to {TO}"), "step", "norm")
            .line("with respect to the output", points(&of_outputs.norm(&[1, 2]).to_vec()))
            .line("with respect to the state", points(&states));
    session.figure("gradients", &picture.picture())
}
