//! The learning rate: too low is slow, too high overshoots, and rates from 0.003 to 0.1 learn fast.
//!
//! An LSTM learns by Adam to continue a sine, 20 epochs of 8 updates, from 20 seeds. A prediction counts as good if it is
//! better than the straight line through the last two values. The line has an error of exactly `(2 sin ω/2)² √½`. An optimum is
//! overshot where the error rises from one epoch to the next.
//!
//! The figures show the error after each epoch, and the errors after 10 and 20 epochs by learning rate.

use crate::common::continuation::Continuation;
use crate::common::curves::{at, ends, with_curves, with_means};
use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "learning-rate",
    shows: "a low learning rate is slow, a high one overshoots, and rates from 0.003 to 0.1 learn within 10 epochs",
    sources: &[(Text::ExploRnn, "Learning Rate")],
    run,
};

const RATES: [f64; 9] = [1e-5, 1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0];
const LOW: usize = 1;
const MEDIUM: usize = 5;
const HIGH: usize = 8;

fn run(session: &mut Session) -> Result<()> {
    let seeds = session.budget(20, 2);
    let line = Continuation::of_a_line();
    session.number("error of a straight line", line);
    let mut epochs =
        Lines::new("learning to continue a sine", "epoch", "error of a prediction").log();
    let [mut after_10, mut after_20, mut rises] = [const { Vec::new() }; 3];
    for (index, learning_rate) in RATES.into_iter().enumerate() {
        let training = Continuation { learning_rate, ..Continuation::default() };
        let curves = session.seeds(seeds, |seed| training.run(seed));
        let name = format!("rate {learning_rate}");
        let risen = |curve: &Vec<f64>| curve.windows(2).filter(|pair| pair[1] > pair[0]).count();
        let risen: Vec<f64> = curves.iter().map(|curve| risen(curve) as f64).collect();
        after_10.push(session.sample(&format!("{name}: error after 10 epochs"), &at(&curves, 10))?);
        after_20.push(session.sample(&format!("{name}: error after 20 epochs"), &at(&curves, 20))?);
        rises.push(session.sample(&format!("{name}: epochs of 20 that raise the error"), &risen)?);
        if [LOW, 2, MEDIUM, HIGH].contains(&index) {
            epochs = with_curves(epochs, &name, &curves)?;
        }
    }

    let low = "when the learning rate is too low, the prediction is not good, even after 20 epochs: too slow";
    session.claim(Text::ExploRnn, low).confirmed(
        ends(&after_20[LOW]).0 > line && rises[LOW].mean() == 0.0,
        &format!(
            "at {} the error falls in every epoch, to {:.2}",
            RATES[LOW],
            after_20[LOW].mean()
        ),
    );
    let high = "when it is too high, the prediction is also not good after 20 epochs: overshooting of optima";
    let (error, risen) = (after_20[HIGH].mean(), rises[HIGH].mean());
    session.claim(Text::ExploRnn, high).confirmed(
        ends(&after_20[HIGH]).0 > line && ends(&rises[HIGH]).0 > 5.0,
        &format!(
            "at {} the error is {error:.2}, and {risen:.0} of 20 epochs raise it",
            RATES[HIGH]
        ),
    );
    let medium = "when it is selected appropriately, the model finds an optimal solution fast, even after 10 epochs";
    let (ten, twenty) = (&after_10[MEDIUM], &after_20[MEDIUM]);
    session.claim(Text::ExploRnn, medium).qualified(
        ends(ten).1 < line && ends(ten).0 > ends(twenty).1,
        &format!(
            "at {} it is good after 10 epochs, {:.4}, but not optimal: after 20 it is {:.4}",
            RATES[MEDIUM],
            ten.mean(),
            twenty.mean()
        ),
    );
    let good = |index: usize| ends(&after_10[index]).1 < line;
    session.check("rates from 0.003 to 0.1 are good after 10 epochs", (3..7).all(good));

    let epochs = epochs.dashed("straight line", [(0.0, line), (20.0, line)]);
    session.figure("epochs", &epochs.picture())?;
    let rates = Lines::new("error by learning rate", "learning rate", "error of a prediction");
    let rates = with_means(rates.log().log_x(), "after 10 epochs", RATES.into_iter().zip(after_10));
    let rates = with_means(rates, "after 20 epochs", RATES.into_iter().zip(after_20));
    session
        .figure("rates", &rates.dashed("straight line", [(RATES[0], line), (1.0, line)]).picture())
}
