//! Impulse responses: a window forgets exactly after `k` steps, a recurrent net never does.
//!
//! An impulse is an input of 1 at the first step, and 0 after it. The response is the difference of the outputs from those
//! of a run on zeros. It is finite in a [`Window`] of `k` inputs, which is a feed-forward net over the last `k` steps. It is
//! infinite in every net with feedback. It decays in the Elman net and in the LSTM with a forget gate. It stays in the
//! LSTM of 1997, whose cell state feeds back with the weight 1.
//!
//! The figure shows the responses. The line of the window ends where it is exactly 0.

use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "impulse-response",
    shows: "the response of a window ends exactly, that of a net with feedback never",
    sources: &[(Text::Crowley, "Finite vs Infinite impulse networks")],
    run,
};

const STEPS: usize = 60;
const WINDOW: usize = 8;
const HIDDEN: usize = 16;

fn run(session: &mut Session) -> Result<()> {
    let rng = &mut bptt::rng(0);
    let elman = Elman::new(rng, 1, HIDDEN).recurrent_init(rng, Init::Orthogonal { gain: 0.8 });
    let window = response(&Window::new(rng, 1, HIDDEN, WINDOW));
    let infinite = [
        ("Elman", response(&elman)),
        ("LSTM", response(&Lstm::new(rng, 1, HIDDEN))),
        ("LSTM of 1997", response(&Lstm1997::new(rng, 1, HIDDEN))),
    ];
    let points = |response: &[f64]| {
        let nonzero = response.iter().enumerate().filter(|&(_, &norm)| norm > 0.0);
        nonzero.map(|(t, &norm)| (t as f64, norm)).collect::<Vec<_>>()
    };
    let mut lines = Lines::new("response to an impulse at step 0", "step", "norm").log();
    lines = lines.line(&format!("window of {WINDOW}"), points(&window));
    for (name, response) in &infinite {
        lines = lines.line(name, points(response));
    }
    session.figure("responses", &lines.picture())?;

    let is_finite = |t: usize| (window[t] > 0.0) == (t < WINDOW);
    session.check(
        &format!("the window is exactly 0 from step {WINDOW} on"),
        (0..STEPS).all(is_finite),
    );
    for (name, response) in &infinite {
        session.number(&format!("{name}, after {} steps", STEPS - 1), response[STEPS - 1]);
        session
            .check(&format!("{name} is above 0 at all steps"), response.iter().all(|&r| r > 0.0));
    }
    session
        .claim(
            Text::Crowley,
            "finite impulse recurrent networks: the state is the activation of hidden units",
        )
        .refuted(
            infinite[0].1[STEPS - 1] > 0.0,
            "the Elman net feeds back, so its response never ends",
        );

    let rng = &mut bptt::rng(1);
    let lstm = Lstm::<f64>::new(rng, 1, HIDDEN);
    let tape = Tape::new();
    let xs = tape.constant(Tensor::normal([STEPS, 3, 1], 0.0, 1.0, rng));
    let (folded, _) = scan(&lstm, xs, lstm.zero_state(&tape, 3));
    let (unfolded, _) = unroll(&lstm, xs, lstm.zero_state(&tape, 3));
    let difference = (folded - unfolded).abs().max(&[0, 1, 2]).item();
    session.number("LSTM, difference of the unrolled graph from the recurrence", difference);
    session
        .claim(Text::Crowley, "an infinite impulse network, such as the LSTM, cannot be unrolled")
        .refuted(
            difference < 1e-15,
            "it unrolls over any finite number of steps, to the same values",
        );
    Ok(())
}

/// The norm of the response of a layer to an impulse, by step.
fn response(layer: &impl Layer<f64>) -> Vec<f64> {
    let outputs = |impulse: f64| {
        let tape = Tape::inference();
        let xs = Tensor::from_fn([STEPS, 1, 1], |t| if t == 0 { impulse } else { 0.0 });
        layer.forward(tape.constant(xs)).0.value()
    };
    (&outputs(1.0) - &outputs(0.0)).norm(&[1, 2]).to_vec()
}
