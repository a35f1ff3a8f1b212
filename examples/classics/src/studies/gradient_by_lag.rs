//! Gradients by lag: how much the state of long ago contributes to a loss, in each of the 18 cells.
//!
//! A loss at the last step has a gradient with respect to the state `ℓ` steps before, `∂L_T/∂s_{T−ℓ}`. The study compares
//! its norm with that of lag 1, in untrained cells of 16 units that read noise, from 20 seeds. Where it is 0, the step
//! contributes nothing to what is learned: in a window after its length, in a rectified unit once it was off. In the LSTM
//! of 1997 the error passes along the carousel unchanged. Norms below 10⁻³⁰ of that of lag 1 count as 10⁻³⁰.
//!
//! The figure shows the geometric mean over seeds, by cell and lag.

use std::collections::HashMap;

use bptt::analysis::gradients::GradientsOverTime;

use crate::common::curves::ends;
use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "gradient-by-lag",
    shows: "with the lag the gradient falls below a thousandth in most of the 18 cells, and stays in some LSTMs",
    sources: &[(Text::Int301, "Vanishing Gradients"), (Text::Int301, "LSTM - introduction")],
    run,
};

const LAGS: usize = 100;
/// Each third lag is drawn.
const EACH: usize = 3;
const INPUTS: usize = 2;
const UNITS: usize = 16;

/// Makes an untrained cell.
type Make = fn(&mut bptt::Xoshiro256PlusPlus) -> BoxedLayer<f64>;

/// One row for each cell.
macro_rules! cells {
    ($($name:literal: |$rng:ident| $make:expr;)*) => {
        const CELLS: [(&str, Make); 18] = [$(($name, |$rng| BoxedLayer::new($make))),*];
    };
}

cells! {
    "window of 10": |rng| Window::new(rng, INPUTS, UNITS, 10);
    "Elman": |rng| Elman::new(rng, INPUTS, UNITS);
    "fully recurrent": |rng| FullyRecurrent::new(rng, INPUTS, UNITS);
    "output to hidden": |rng| OutputToHidden::new(rng, INPUTS, UNITS, UNITS);
    "IndRNN": |rng| IndRnn::new(rng, INPUTS, UNITS);
    "echo state": |rng| EchoState::new(rng, INPUTS, UNITS);
    "GRU": |rng| Gru::new(rng, INPUTS, UNITS);
    "GRU, layer norm": |rng| LayerNormGru::new(rng, INPUTS, UNITS);
    "minimal gated": |rng| MinimalGatedUnit::new(rng, INPUTS, UNITS);
    "minGRU": |rng| MinGru::new(rng, INPUTS, UNITS);
    "minLSTM": |rng| MinLstm::new(rng, INPUTS, UNITS);
    "LSTM": |rng| Lstm::new(rng, INPUTS, UNITS);
    "LSTM, peepholes": |rng| PeepholeLstm::new(rng, INPUTS, UNITS);
    "LSTM, coupled": |rng| CoupledLstm::new(rng, INPUTS, UNITS);
    "LSTM, projected": |rng| ProjectedLstm::new(rng, INPUTS, UNITS, UNITS / 2);
    "LSTM, layer norm": |rng| LayerNormLstm::new(rng, INPUTS, UNITS);
    "LSTM of 1997": |rng| Lstm1997::new(rng, INPUTS, UNITS);
    "memory blocks": |rng| MemoryBlocks::new(rng, INPUTS, UNITS / 2, 2);
}

fn run(session: &mut Session) -> Result<()> {
    let seeds = session.budget(20, 1);
    let (mut means, mut decades) = (Vec::new(), HashMap::new());
    for (name, make) in CELLS {
        let norms = session.seeds(seeds, |seed| norms(make, seed));
        let logarithms =
            |lag: usize| norms.iter().map(move |of| (of[lag] / of[1]).max(1e-30).log10());
        let mean = |lag: usize| 10_f64.powf(logarithms(lag).sum::<f64>() / norms.len() as f64);
        means.extend((1..LAGS).step_by(EACH).map(mean));
        let last: Vec<f64> = logarithms(LAGS - 1).collect();
        let summary =
            session.sample(&format!("{name}: log₁₀ of the norm at lag 99 against lag 1"), &last)?;
        decades.insert(name, summary);
    }
    let vanished = decades.values().filter(|of| ends(of).1 < -3.0).count();
    session.number("cells whose gradient falls below a thousandth", vanished as f64);
    let [elman, window, lstm, carousel] =
        ["Elman", "window of 10", "LSTM", "LSTM of 1997"].map(|name| decades[name]);
    let claim = "gradient contributions from far away steps become zero, and the state there contributes nothing";
    session.claim(Text::Int301, claim).qualified(
        ends(&elman).1 < -9.0 && window.mean() == -30.0 && vanished < CELLS.len(),
        &format!(
            "99 steps back an Elman net has {:.0e} of the gradient of 1 step; zero is reached in a window and by \
             rectified units; {} of 18 cells keep more than a thousandth",
            10_f64.powf(elman.mean()),
            CELLS.len() - vanished
        ),
    );
    let claim = "LSTM maintain a more constant error flow in the back propagation process";
    session.claim(Text::Int301, claim).confirmed(
        ends(&carousel).0 > -1.5 && ends(&carousel).1 < 1.5 && ends(&lstm).0 > ends(&elman).1,
        &format!(
            "over 98 steps the gradient changes by a factor of {:.0} in the LSTM of 1997, of {:.0e} with a forget gate",
            10_f64.powf(carousel.mean()),
            10_f64.powf(lstm.mean())
        ),
    );
    let map = Tensor::from_vec([CELLS.len(), LAGS / EACH], means);
    let picture = HeatMap::matrix("gradient by lag", "", "lag (steps)", &map);
    let picture = picture
        .rows(CELLS.map(|(name, _)| name))
        .columns((1..LAGS).step_by(EACH))
        .log()
        .quantity("against lag 1");
    session.figure("cells", &picture.picture().sized(760, 420))
}

/// Returns the norm of the gradient with respect to the state of each lag, for a loss at the last step.
fn norms(make: Make, seed: u64) -> Vec<f64> {
    let rng = &mut bptt::rng(seed);
    let cell = make(rng);
    let xs = Tensor::normal([LAGS, 4, INPUTS], 0.0, 1.0, rng);
    let loss = GradientsOverTime::new(&cell, &xs, |ys| ys.index_first(LAGS - 1).square().sum_all());
    let squares = |lag: usize, norms: &Vec<f64>| norms[LAGS - 1 - lag].powi(2);
    let variables: Vec<_> = loss.states().variables.iter().map(|of| of.total_norms()).collect();
    (0..LAGS).map(|lag| variables.iter().map(|of| squares(lag, of)).sum::<f64>().sqrt()).collect()
}
