//! ReLU: a part of its units is 0, and it learns by plain gradient descent where a deep net of sigmoids does not.
//!
//! ```text
//! y = max(z, 0)      ∂y/∂z = 1 where z > 0, else 0
//! ```
//!
//! Nets of three hidden layers name pictures of letters and digits. Each function has the best learning rate of a grid:
//! the one with the lowest loss at the end that diverges for no seed.
//!
//! The figure shows the loss over training, the mean of 8 seeds with its interval of 95 %.

use crate::common::curves::{at, ends, with_curves};
use crate::common::perceptron::{PART, Perceptron, share_of_zeros};
use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "relu",
    shows: "ReLU is sparse; by plain gradient descent it learns as fast as tanh, and where sigmoids do not",
    sources: &[(Text::Tan, "1.2 Activation Function")],
    run,
};

const RATES: [f64; 5] = [0.1, 0.3, 1.0, 3.0, 10.0];
const FUNCTIONS: [(&str, Activation<f32>); 3] =
    [("ReLU", Activation::Relu), ("tanh", Activation::Tanh), ("sigmoid", Activation::Sigmoid)];

fn run(session: &mut Session) -> Result<()> {
    let (updates, seeds) = (session.budget(600, PART), session.budget(8, 2));
    let mut lines = Lines::new("naming 36 characters", &format!("{PART} updates"), "loss").log();
    let mut losses = Vec::new();
    for (name, function) in FUNCTIONS {
        let train = |rate| {
            let train = |seed| Perceptron::new(seed, function.clone()).train(rate, updates);
            (rate, session.seeds(seeds, train))
        };
        let last = |curves: &[Vec<f64>]| at(curves, updates / PART - 1);
        let sum = |curves: &[Vec<f64>]| last(curves).iter().sum::<f64>();
        let runs = RATES.map(train).into_iter().filter(|(_, curves)| sum(curves).is_finite());
        let best = runs.min_by(|(_, a), (_, b)| sum(a).total_cmp(&sum(b)));
        let (rate, curves) = best.expect("a rate that does not diverge");
        session.number(&format!("{name}: best learning rate"), rate);
        losses.push(session.sample(&format!("{name}: loss at the end"), &last(&curves))?);
        lines = with_curves(lines, name, &curves)?;
    }
    session.figure("loss", &lines.picture())?;
    let zeros = session.seeds(seeds, |seed| {
        let mut net = Perceptron::new(seed, Activation::Relu);
        net.train(0.3, updates);
        share_of_zeros(&net.first_layer())
    });
    let zeros = session.sample("ReLU: share of zeros", &zeros)?;

    session.claim(Text::Tan, "ReLU leads to sparser gradients").confirmed(
        ends(&zeros).0 > 0.2,
        &format!("{:.0} % of its units are 0, where no gradient passes", 100.0 * zeros.mean()),
    );
    let [relu, tanh, sigmoid] = [0, 1, 2].map(|function| losses[function]);
    let claim = "it greatly accelerates the convergence of SGD compared to the sigmoid or tanh";
    session.claim(Text::Tan, claim).qualified(
        ends(&relu).1 < ends(&sigmoid).0 / 2.0 && ends(&tanh).0 < 2.0 * relu.mean(),
        &format!(
            "each at its best rate, the losses are {:.2} with ReLU, {:.2} with tanh and {:.2} with sigmoids",
            relu.mean(),
            tanh.mean(),
            sigmoid.mean()
        ),
    );
    Ok(())
}
