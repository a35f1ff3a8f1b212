//! Noise: it raises the error that can be reached, and too much of it is learned by heart.
//!
//! An LSTM learns by Adam to continue a sine from 256 windows with Gaussian noise of a deviation `σ`. Its error is the
//! distance of a prediction from the sine without noise, so that of a perfect prediction is 0. The best linear filter of a
//! window has the error `√(½ n / (½ + n))` with `n = 2σ²/T`. A net that always predicts 0 has `√½`.
//!
//! The figures show the error after each epoch, and the errors after 20 epochs by noise, against the best filter.

use programs::statistics::Paired;

use crate::common::continuation::Continuation;
use crate::common::curves::{at, ends, epochs_below, with_curves, with_means};
use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "noise",
    shows: "noise raises the floor of the error, and with much noise a net learns its few windows by heart",
    sources: &[(Text::ExploRnn, "Noise")],
    run,
};

const NOISES: [f64; 6] = [0.0, 0.1, 0.2, 0.5, 1.0, 2.0];
const SOME: usize = 2;
const HIGH: usize = 5;

fn run(session: &mut Session) -> Result<()> {
    let seeds = session.budget(20, 1);
    let (zero, filter) = (Continuation::of_zero(), Continuation::of_the_best_filter);
    let goal = 2.0 * filter(NOISES[SOME]);
    session.number("error of no prediction", zero);
    let mut epochs =
        Lines::new("learning to continue a sine with noise", "epoch", "error of a prediction")
            .log();
    let [mut after_20, mut fresh] = [const { Vec::new() }; 2];
    let mut needed = Vec::new();
    for (index, noise) in NOISES.into_iter().enumerate() {
        let training = Continuation { noise, ..Continuation::default() };
        let curves = session.seeds(seeds, |seed| training.run(seed));
        let anew = Continuation { is_fresh: true, epochs: 40, ..training };
        let anew = session.seeds(seeds, |seed| anew.run(seed));
        let name = format!("σ = {noise}");
        session.number(&format!("{name}: error of the best filter"), filter(noise));
        after_20.push(session.sample(&format!("{name}: error after 20 epochs"), &at(&curves, 20))?);
        fresh.push(
            session
                .sample(&format!("{name}: error after 40 epochs of new windows"), &at(&anew, 40))?,
        );
        needed.push(epochs_below(&curves, goal));
        if [0, SOME, HIGH].contains(&index) {
            epochs = with_curves(epochs, &name, &curves)?;
        }
    }

    let none = "without noise in the training data, it is easy for the model to learn";
    session.claim(Text::ExploRnn, none).confirmed(
        ends(&after_20[0]).1 < Continuation::of_a_line() / 5.0,
        &format!("the error falls to {:.4}, a fraction of a straight line's", after_20[0].mean()),
    );
    let longer = Paired::new(&needed[SOME], &needed[0])?.summary();
    let some = "some noise: as this is harder to learn, it takes longer for the model to converge";
    session.claim(Text::ExploRnn, some).qualified(
        ends(&longer).0 > 0.0 && ends(&after_20[SOME]).0 > filter(NOISES[SOME]),
        &format!(
            "an error of {goal:.3} takes {:.2} epochs more; above all the error ends higher, {:.3} in place of {:.3}",
            longer.mean(),
            after_20[SOME].mean(),
            after_20[0].mean()
        ),
    );
    let high = "when the noise is too much, the model might not converge at all";
    session.claim(Text::ExploRnn, high).qualified(
        ends(&after_20[HIGH]).0 > zero && ends(&fresh[HIGH]).1 < 0.8 * zero,
        &format!(
            "it learns the noise of 256 windows by heart: {:.2}, worse than to predict 0; with new windows in each epoch \
             it converges to {:.2}, near the best filter, {:.2}",
            after_20[HIGH].mean(),
            fresh[HIGH].mean(),
            filter(NOISES[HIGH])
        ),
    );

    session.figure("epochs", &epochs.picture())?;
    let noises = Lines::new("error by noise", "deviation σ of the noise", "error of a prediction");
    let noises = with_means(noises, "256 windows, 20 epochs", NOISES.into_iter().zip(after_20));
    let noises = with_means(noises, "new windows, 40 epochs", NOISES.into_iter().zip(fresh));
    let curve = (0..=50).map(|i| f64::from(i) * 0.04).map(|noise| (noise, filter(noise)));
    let noises = noises.dashed("best linear filter", curve);
    session.figure("noises", &noises.dashed("no prediction", [(0.0, zero), (2.0, zero)]).picture())
}
