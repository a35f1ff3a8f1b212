//! Dying ReLU: one large gradient silences units for good.
//!
//! ```text
//! y = max(z, 0)      ∂y/∂z = 1 where z > 0, else 0
//! ```
//!
//! Nets name pictures of letters and digits. Halfway, one gradient is 100 times as large. It drives units of the first
//! layer below 0 for every picture. There a ReLU has no gradient, so its weights stay as they are. A leaky ReLU,
//! `max(z, z/10)`, passes some gradient on, and its unit returns.
//!
//! The figure shows the silent units over training, the mean of 20 seeds with its interval of 95 %.

use programs::statistics::Paired;

use crate::common::curves::{at, ends, with_curves};
use crate::common::perceptron::{PART, Perceptron, share_of_zeros};
use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "dying-relu",
    shows: "one large gradient silences units with ReLU for good, and leaky ones hardly",
    sources: &[(Text::Tan, "1.2 Activation Function")],
    run,
};

const RATE: f64 = 0.1;
const FUNCTIONS: [(&str, Activation<f32>); 2] =
    [("ReLU", Activation::Relu), ("leaky ReLU", Activation::Custom(|z| z.maximum(z * 0.1)))];

fn run(session: &mut Session) -> Result<()> {
    let (updates, seeds) = (session.budget(1200, 2 * PART), session.budget(20, 2));
    let mut lines = Lines::new("first layer", &format!("{PART} updates"), "share of silent units");
    let half = updates / PART / 2;
    let [mut before, mut back, mut end] = [const { Vec::new() }; 3];
    for (name, function) in FUNCTIONS {
        let curves = session.seeds(seeds, |seed| train(seed, function.clone(), updates));
        before.push(session.sample(&format!("{name}: silent before"), &at(&curves, half))?);
        session.sample(&format!("{name}: silent after"), &at(&curves, half + 1))?;
        end.push(session.sample(&format!("{name}: silent at the end"), &at(&curves, 2 * half))?);
        back.push(Paired::new(&at(&curves, half + 1), &at(&curves, 2 * half))?.summary());
        lines = with_curves(lines, name, &curves)?;
    }
    session.figure("silent", &lines.picture())?;
    session.check("the share of silent ReLUs does not fall again", back[0].mean() <= 0.0);
    session.check("fewer leaky units are silent at the end", ends(&end[1]).1 < ends(&end[0]).0);
    let claim = "ReLU is not resistant against a large gradient flow; a neuron may remain inactive";
    session.claim(Text::Tan, claim).confirmed(
        ends(&end[0]).0 > ends(&before[0]).1 + 0.1,
        &format!(
            "{:.0} % of the units are silent at the end, {:.0} % were before; of leaky units {:.0} %",
            100.0 * end[0].mean(),
            100.0 * before[0].mean(),
            100.0 * end[1].mean()
        ),
    );
    Ok(())
}

/// Returns the share of units of the first layer that are above 0 for no picture, over training.
fn train(seed: u64, function: Activation<f32>, updates: usize) -> Vec<f64> {
    let mut net = Perceptron::new(seed, function);
    let silent = |net: &Perceptron| share_of_zeros(&net.first_layer().max(&[0]));
    let mut shares = vec![silent(&net)];
    for part in 0..updates / PART {
        if part == updates / PART / 2 {
            net.train(100.0 * RATE, 1);
        }
        net.train(RATE, PART);
        shares.push(silent(&net));
    }
    shares
}
