//! The constant error carousel: its error stays, its content grows, and a forget gate bounds both.
//!
//! ```text
//! 1997:              c_t = c_{t−1} + i_t ⊙ g_t               |c_t| ≤ t                         ∂c_t/∂c_k = 1
//! with forget gate:  c_t = f_t ⊙ c_{t−1} + i_t ⊙ g_t         |c_t| ≤ 1 / (1 − max f)           ∂c_t/∂c_k = Π f
//! ```
//!
//! Since `|i ⊙ g| < 1`, the content of the LSTM of 1997 grows at most linearly. A steady stream makes it grow so. Then
//! `h(c) = tanh c` saturates: its slope `1 − tanh² c` vanishes, and nothing is learned through the output. The derivatives
//! on the right are those along the carousel, without the paths through the gates: here `W_hh = 0`.
//!
//! The figures show the content, and the slope of `h(c)`.

use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "carousel",
    shows: "the cell state of 1997 keeps its error, grows linearly and saturates; a forget gate bounds it",
    sources: &[
        (Text::Int301, "LSTM Architecture – CEC"),
        (Text::Int301, "LSTM Backward Pass"),
        (Text::Int301, "Limitations of LSTM"),
    ],
    run,
};

const STEPS: usize = 3000;
const HIDDEN: usize = 8;

fn run(session: &mut Session) -> Result<()> {
    let rng = &mut bptt::rng(0);
    let endless = Lstm1997::<f64>::new(rng, 1, HIDDEN);
    let forgetful = Lstm::<f64>::new(rng, 1, HIDDEN).forget_bias(0.0);
    let (grown, _) = contents(&endless);
    let (bounded, forget) = contents(&forgetful);
    for t in [10, 100, 1000, 3000] {
        session.number(&format!("1997: largest |c| after {t} steps"), grown[t - 1]);
    }
    session.number("with forget gate: largest |c|", bounded[STEPS - 1]);
    let bound = 1.0 / (1.0 - forget.expect("it has a forget gate"));
    session.number("with forget gate: bound 1 / (1 − max f)", bound);
    session.check("1997: |c| is below t", (0..STEPS).all(|t| grown[t] < (t + 1) as f64));
    session.check("with forget gate: |c| is below the bound", bounded.iter().all(|&c| c < bound));
    let growth = (grown[2999] - grown[1999]) / (grown[1999] - grown[999]);
    session
        .check("1997: |c| grows equally in equal times, within 1 %", (growth - 1.0).abs() < 0.01);
    let slope = |c: f64| 1.0 - c.tanh().powi(2);
    let saturated = grown.iter().position(|&c| slope(c) == 0.0).unwrap_or(STEPS);
    session.number("1997: steps until the slope of h(c) is 0 in f64", saturated as f64);

    let over = |value: &dyn Fn(usize) -> f64| {
        (0..STEPS).step_by(15).map(|t| (t as f64, value(t))).collect::<Vec<_>>()
    };
    let content = Lines::new("content of the cell", "step", "largest |c|")
        .line("LSTM of 1997", over(&|t| grown[t]))
        .line("with forget gate", over(&|t| bounded[t]));
    session.figure("content", &content.picture())?;
    let early = |cs: &[f64]| {
        let slopes = cs.iter().map(|&c| slope(c)).take(200).enumerate();
        slopes.filter(|&(_, s)| s > 0.0).map(|(t, s)| (t as f64, s)).collect::<Vec<_>>()
    };
    let slopes =
        Lines::new("slope of h(c) = tanh c in the fullest cell", "step", "1 − tanh² c").log();
    let slopes =
        slopes.line("LSTM of 1997", early(&grown)).line("with forget gate", early(&bounded));
    session.figure("slope", &slopes.picture())?;

    let evidence = format!(
        "|c| = {:.0}, {:.0}, {:.0} after 1000, 2000, 3000 steps",
        grown[999], grown[1999], grown[2999]
    );
    session
        .claim(Text::Int301, "the cell states often tend to grow linearly")
        .confirmed((growth - 1.0).abs() < 0.01, &evidence);
    session
        .claim(Text::Int301, "it may grow in unbounded fashion, causing saturation of h(c)")
        .confirmed(
            saturated < STEPS,
            &format!("after {saturated} steps the slope of tanh c is 0 in f64"),
        );

    let rng = &mut bptt::rng(1);
    let kept = error_flow(&Lstm1997::new(rng, 1, HIDDEN).recurrent_init(rng, Init::Zeros));
    let faded =
        error_flow(&Lstm::new(rng, 1, HIDDEN).forget_bias(0.0).recurrent_init(rng, Init::Zeros));
    session.number("1997: share of the error 98 steps back", kept[0] / kept[98]);
    session.number("forget gate about ½: share of the error 98 steps back", faded[0] / faded[98]);
    session
        .claim(
            Text::Int301,
            "the CEC local error back flow remains constant, neither growing or decaying",
        )
        .confirmed(
            kept[..99].iter().all(|&norm| norm == kept[0]),
            "equal to the last bit over 99 steps",
        );
    session.check("a forget gate of about ½ loses the error", faded[0] / faded[98] < 1e-20);
    Ok(())
}

/// The largest content of the cells by step on a stream of ones, and the largest value of the forget gate, if there is one.
fn contents(lstm: &impl Layer<f64>) -> (Vec<f64>, Option<f64>) {
    let tape = Tape::inference();
    let probes = tape.probes();
    let _ = lstm.forward(tape.constant(Tensor::ones([STEPS, 1, 1])));
    let largest = |name: &str| probes.get(name).abs().max(&[1, 2]).value().to_vec();
    let forget = probes.names().contains(&"f".to_owned()).then(|| largest("f"));
    (largest("c"), forget.map(|f| f.into_iter().fold(0.0, f64::max)))
}

/// The norm of the gradient of the last output with respect to the cell state `c` after each of 100 steps.
fn error_flow(lstm: &impl Layer<f64>) -> Vec<f64> {
    let tape = Tape::new();
    let costates = Costates::new();
    let xs = tape.constant(Tensor::zeros([100, 1, 1]));
    let (hs, _) = Recurrence::new(lstm).costates(&costates).run(xs, lstm.start(&tape, 1));
    let of_c = costates.of(&tape.backward(hs.index_first(99).sum_all())).remove(1);
    of_c.norm(&[1, 2]).to_vec()
}
