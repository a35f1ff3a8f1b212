//! Vanishing and exploding gradients: the bound of singular values, and what eigenvalues do not say.
//!
//! For `h_t = φ(x_t W_ih + h_{t−1} W + b)` the gradient on its way from step `t` to step `k` is bounded (Pascanu, Mikolov
//! and Bengio 2013): `‖∂h_t/∂h_k‖₂ ≤ (‖W‖₂ γ)^{t−k}`. `‖W‖₂` is the largest singular value, and `γ = max |φ′|` the largest
//! slope. `‖W‖₂ γ < 1` suffices to vanish, and `‖W‖₂ γ > 1` is necessary to explode.
//!
//! The spectral radius `ρ`, the largest magnitude of an eigenvalue, decides in a linear net alone, and there in the long
//! run alone: the powers of a `W` with 0.9 on the diagonal and 1 above it grow before they decay. With `tanh`, `ρ < 1/γ`
//! does not suffice: `W = (1.5, 1.5; −2, −1.5)` has eigenvalues of magnitude 0.87, but where its second unit is saturated,
//! a step multiplies the first one by 1.5.
//!
//! The figures show the norms by lag: of `tanh` nets against their bounds, and of the two matrices.

use bptt::analysis::dynamics::{Dynamics, JacobianChain, Lipschitz};

use crate::error::Error;
use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "vanishing-and-exploding",
    shows: "singular values bound how gradients vanish or explode, and eigenvalues do not",
    sources: &[(Text::Tan, "3.1 The mechanics")],
    run,
};

fn run(session: &mut Session) -> Result<()> {
    bounds(session)?;
    let triangle = |diagonal: f64| {
        let above = Tensor::from_fn([4, 4], |i| if i % 4 == i / 4 + 1 { 1.0 } else { 0.0 });
        Tensor::eye(4).map(|one| diagonal * one) + above
    };
    let powers = |diagonal| {
        let net = cell(triangle(diagonal), Activation::Identity);
        Ok::<_, Error>(chain(&Dynamics::new(&net), &Tensor::zeros([301, 1, 1]))?.norms_by_lag())
    };
    let (decays, stays, grows) = (powers(0.9)?, powers(1.0)?, powers(1.1)?);
    let peak = decays.iter().copied().fold(0.0, f64::max);
    let claim = "linear: sufficient to vanish (as t → ∞) is that the largest eigenvalue is below 1";
    session.claim(Text::Tan, claim).confirmed(
        spectral_radius(&triangle(0.9))? < 0.91 && peak > 100.0 && decays[300] < 1e-3,
        &format!("with ρ = 0.9 it vanishes as t → ∞, after it has grown {peak:.0} times"),
    );
    let claim = "linear: it is necessary for it to be larger than 1 for gradients to explode";
    session.claim(Text::Tan, claim).qualified(
        grows[300] > 1e12 && stays[300] > 1e6,
        &format!("only if exponentially: with ρ = 1 it grows as lag³, to {:.0e}", stays[300]),
    );

    let w = Tensor::from_vec([2, 2], vec![1.5, 1.5, -2.0, -1.5]);
    let radius = spectral_radius(&w)?;
    let mut gated = cell(w, Activation::Tanh);
    gated.b = Some(Param::new(Tensor::from_vec([2], vec![2.0, 40.0])));
    let fixed = Tensor::from_vec([1, 2], vec![0.0, 1.0]); // tanh(40) is 1, and the first unit reads −2 + 2
    let gated = Dynamics::new(&gated).start(&fixed);
    let explodes = chain(&gated, &Tensor::zeros([61, 1, 1]))?.norms_by_lag();
    session.number("spectral radius of a tanh net of two units", radius);
    let claim = "|φ′| ≤ γ: it is sufficient to vanish that the largest eigenvalue is below 1/γ";
    session.claim(Text::Tan, claim).refuted(
        radius < 0.9 && explodes[60] > 1.49_f64.powi(60),
        &format!("with ρ = {radius:.2} it grows by 1.5 a step; the text's proof holds for singular values"),
    );
    let lines = Lines::new("eigenvalues below 1", "lag t − k (steps)", "‖∂h_t/∂h_k‖₂").log();
    let lines = lines.line("linear, ρ = 0.9", by_lag(&decays[..151]));
    session.figure("eigenvalues", &lines.line("tanh, ρ = 0.87", by_lag(&explodes)).picture())
}

/// Compares random nets with their bounds.
fn bounds(session: &mut Session) -> Result<()> {
    let mut lines = Lines::new("tanh nets", "lag t − k (steps)", "‖∂h_t/∂h_k‖₂").log();
    let (mut is_bounded, mut vanishes) = (true, true);
    for (activation, slope) in [(Activation::Tanh, 1.0), (Activation::Sigmoid, 0.25)] {
        for (seed, bound) in
            (0..20).flat_map(|seed| [0.8, 1.0, 1.5, 4.0].map(|bound| (seed, bound)))
        {
            let rng = &mut bptt::rng(seed);
            let w = Tensor::normal([8, 8], 0.0, 1.0, rng);
            let own = cell(w.clone(), Activation::Identity).lipschitz().expect("it is finite");
            let net = cell(w.map(|w| bound / slope / own * w), activation.clone());
            let chain = chain(&Dynamics::new(&net), &Tensor::normal([41, 1, 1], 0.0, 0.1, rng))?;
            let chain = chain.bounded_by(net.lipschitz().expect("it is finite"));
            let mut pairs = chain.norms().iter().zip(chain.bounds().iter());
            is_bounded &= pairs.all(|(norm, limit)| *norm <= limit * (1.0 + 1e-9));
            vanishes &= bound >= 1.0 || chain.norms()[[40, 0]] < 1e-3;
            if seed == 0 && slope == 1.0 {
                let name = format!("‖W‖₂γ = {bound}");
                session.number(&format!("tanh, {name}: norm at lag 40"), chain.norms()[[40, 0]]);
                lines = lines.line(&name, by_lag(&chain.norms_by_lag()));
                let bound = if bound == 0.8 { "bounds (‖W‖₂γ)^(t−k)" } else { "" };
                lines = lines.dashed(bound, by_lag(&chain.bounds_by_lag()));
            }
        }
    }
    session.check("norms of 160 nets are within (‖W‖₂γ)^(t−k), at all pairs of steps", is_bounded);
    let claim = "the sufficient condition for vanishing is that the largest singular value of W is below 1/γ";
    session
        .claim(Text::Tan, claim)
        .confirmed(vanishes, "all 40 nets of tanh and σ with ‖W‖₂γ = 0.8 vanish");
    session.figure("bounds", &lines.picture())
}

fn cell(w: Tensor<f64>, activation: Activation<f64>) -> Elman<f64> {
    let mut cell = Elman::new(&mut bptt::rng(0), 1, w.shape()[0]).activation(activation);
    cell.w_hh = Param::new(w);
    cell
}

fn chain(net: &Dynamics<'_, f64, Elman<f64>>, xs: &Tensor<f64>) -> Result<JacobianChain> {
    Ok(net.jacobians(xs, 0)?.chain()?)
}

fn spectral_radius(w: &Tensor<f64>) -> Result<f64> {
    let linear = cell(w.clone(), Activation::Identity);
    let (x, h) = (Tensor::zeros([1, 1]), Tensor::zeros([1, w.shape()[0]]));
    Ok(Dynamics::new(&linear).jacobians_at(&x, &h)?.spectral_radii()?[0])
}

fn by_lag(norms: &[f64]) -> impl Iterator<Item = (f64, f64)> + '_ {
    (0..).map(f64::from).zip(norms.iter().copied())
}
