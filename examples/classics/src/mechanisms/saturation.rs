//! Saturation: a sigmoid that is driven to either end passes no gradient to the steps before.
//!
//! ```text
//! h_t = σ(x_t W_ih + h_{t−1} W_hh + b)     ∂h_t/∂h_{t−1} = W_hh diag(σ′)     σ′ = h (1 − h)
//! ```
//!
//! A net with an orthogonal `W_hh` (`‖W_hh‖₂ = 1`) is driven by a growing bias `b`. The gradient of the last state with
//! respect to the state `k` steps before is at most `Π max σ′` over these steps.
//!
//! The figure shows the gradient by lag as the bias grows, with the share of units above 0.9.

use bptt::analysis::dynamics::{Saturation, Thresholds};

use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "saturation",
    shows: "saturated units drive the gradients of earlier steps toward 0",
    sources: &[(Text::Int301, "Vanishing Gradients")],
    run,
};

const STEPS: usize = 6;
const LAGS: [usize; 3] = [1, 2, 5];

fn run(session: &mut Session) -> Result<()> {
    let biases: Vec<f64> = (0..=80).map(|i| f64::from(i) / 4.0).collect();
    let driven: Vec<Driven> = biases.iter().map(|&bias| drive(bias)).collect();
    let over = |value: &dyn Fn(&Driven) -> f64| {
        biases.iter().zip(&driven).map(|(&bias, driven)| (bias, value(driven))).collect::<Vec<_>>()
    };
    let shares = Lines::new("saturated units", "bias", "share above 0.9")
        .line("", over(&|driven| driven.share))
        .picture()
        .sized(600, 220);
    let mut lines =
        Lines::new("gradient of the last state with respect to an earlier one", "bias", "norm")
            .log();
    for lag in LAGS {
        lines = lines.line(&format!("lag {lag}"), over(&|driven| driven.norms[lag]));
    }
    session.figure("gradient", &Picture::stacked([shares, lines.picture()]))?;

    let at = |bias: f64| &driven[(bias * 4.0) as usize];
    for (bias, lag) in [(0.0, 5), (5.0, 1), (5.0, 5), (10.0, 1)] {
        session.number(&format!("gradient at lag {lag}, bias {bias}"), at(bias).norms[lag]);
    }
    let is_bounded =
        |it: &Driven| LAGS.iter().all(|&lag| it.norms[lag] <= it.bounds[lag] * 1.000_001);
    session.check(
        "each gradient is within the product of the largest slopes",
        driven.iter().all(is_bounded),
    );
    let falls = driven.windows(2).all(|pair| pair[1].norms[5] <= pair[0].norms[5]);
    session.check("the more a unit is driven, the less gradient it passes", falls);

    let slope = |z: f32| {
        let tape = Tape::new();
        let z = tape.variable(Tensor::scalar(z));
        let [slope] = tape.grad(z.sigmoid(), [z]);
        slope.item()
    };
    let zero =
        |sign: f32| (0..200).find(|&z| slope(sign * z as f32) == 0.0).map_or(f64::NAN, f64::from);
    session.number("net input at which the slope rounds to 0 in f32", zero(1.0));
    session.claim(Text::Int301, "sigmoid functions have derivatives of 0 at both ends").qualified(
        slope(10.0) > 4e-5 && slope(-10.0) > 4e-5 && zero(1.0) > 100.0 && zero(-1.0) > 100.0,
        &format!("they approach 0: 4.5e-5 at ±10, and 0 in f32 at ±{}", zero(1.0)),
    );
    let [near, far] = [1, 5].map(|lag| at(10.0).norms[lag]);
    session
        .claim(Text::Int301, "saturated neurons drive other gradients in previous layers towards 0")
        .confirmed(
            falls && far < near.powi(4),
            &format!("with a bias of 10 the gradient is {near:.0e} one step before, and {far:.0e} five steps before"),
        );
    Ok(())
}

struct Driven {
    /// The share of units above 0.9.
    share: f64,
    /// The norm of the gradient with respect to the state so many steps before the last, by lag.
    norms: Vec<f64>,
    /// Its bound, by lag.
    bounds: Vec<f64>,
}

fn drive(bias: f64) -> Driven {
    let rng = &mut bptt::rng(0);
    let net = Elman::<f64>::new(rng, 4, 32)
        .activation(Activation::Sigmoid)
        .bias_init(rng, Init::Constant(bias));
    let direction = Tensor::<f64>::normal([1, 32], 0.0, 1.0, rng);
    let unit = &direction / direction.norm(&[0, 1]).item();
    let tape = Tape::new();
    let probes = tape.probes();
    let costates = Costates::new();
    let xs = tape.constant(Tensor::normal([STEPS, 1, 4], 0.0, 1.0, rng));
    let (hs, _) = Recurrence::new(&net).costates(&costates).run(xs, net.zero_state(&tape, 1));
    let loss = (hs.index_first(STEPS - 1) * &unit).sum_all();
    let of_h = costates.of(&tape.backward(loss)).remove(0); // [T, 1, H]
    let h = probes.get("h").value();
    let slope = |t: usize| h.index_first(t).iter().map(|h| h * (1.0 - h)).fold(0.0, f64::max);
    let norm = |lag: usize| of_h.index_first(STEPS - 1 - lag).norm(&[0, 1]).item();
    Driven {
        share: Saturation::of(&h, Thresholds { left: 0.0, right: 0.9 }).share(),
        norms: (0..STEPS).map(norm).collect(),
        bounds: (0..STEPS).map(|lag| (STEPS - lag..STEPS).map(slope).product()).collect(),
    }
}
