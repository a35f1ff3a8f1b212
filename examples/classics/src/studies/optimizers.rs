//! Optimizers: plain gradient descent learns, but not as well, and at fewer learning rates.
//!
//! An LSTM learns to continue a sine by each optimizer, at learning rates from 0.001 to 1, from 20 seeds. The study
//! compares the errors after 20 epochs, each optimizer at its best rate. It counts as good the rates at which a prediction
//! is better than the straight line through the last two values. A run that diverges has an infinite error.
//!
//! The figure shows the median of the error by learning rate. A line ends where half of the runs diverge.

use crate::common::continuation::Continuation;
use crate::common::curves::median;
use crate::common::curves::{at, ends};
use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "optimizers",
    shows: "gradient descent learns to continue a sine, and adaptive methods do better and at more learning rates",
    sources: &[(Text::Tan, "2.2 Gradient-based Learning Methods")],
    run,
};

/// Makes an optimizer for a learning rate.
type Make = fn(f64) -> Box<dyn Optimizer<f32>>;

const OPTIMIZERS: [(&str, Make); 9] = [
    ("gradient descent", |rate| Box::new(Sgd::new(rate))),
    ("momentum", |rate| Box::new(Sgd::new(rate).momentum(0.9))),
    ("Adagrad", |rate| Box::new(Adagrad::new(rate))),
    ("RMSprop", |rate| Box::new(RmsProp::new(rate))),
    ("Adam", |rate| Box::new(Adam::new(rate))),
    ("RAdam", |rate| Box::new(RAdam::new(rate))),
    ("Nesterov", |rate| Box::new(Sgd::new(rate).nesterov(0.9))),
    ("Adamax", |rate| Box::new(Adamax::new(rate))),
    ("NAdam", |rate| Box::new(NAdam::new(rate))),
];
const DRAWN: usize = 6;
const RATES: [f64; 7] = [1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0];

fn run(session: &mut Session) -> Result<()> {
    let (seeds, epochs) = (session.budget(20, 1), session.budget(20, 4));
    let line = Continuation::of_a_line();
    session.number("error of a straight line", line);
    let mut lines = Lines::new("error by optimizer", "learning rate", "error after 20 epochs");
    lines = lines.log().log_x();
    let (mut bests, mut good) = (Vec::new(), Vec::new());
    for (index, (name, optimizer)) in OPTIMIZERS.into_iter().enumerate() {
        let mut medians = Vec::new();
        let mut errors = Vec::new();
        for learning_rate in RATES {
            let training =
                Continuation { optimizer, learning_rate, epochs, ..Continuation::default() };
            let of_seeds = at(&session.seeds(seeds, |seed| training.run(seed)), epochs);
            medians.push(median(&of_seeds));
            errors.push(of_seeds);
        }
        let order = |a: &usize, b: &usize| medians[*a].total_cmp(&medians[*b]);
        let best = (0..RATES.len()).min_by(order).expect("there are rates");
        let name_of = format!("{name}, at its best rate {}: error", RATES[best]);
        bests.push(session.sample(&name_of, &errors[best])?);
        good.push(medians.iter().filter(|median| **median < line).count());
        session
            .number(&format!("{name}: rates of {} that are good", RATES.len()), good[index] as f64);
        if index < DRAWN {
            let finite = RATES.into_iter().zip(medians).filter(|(_, median)| median.is_finite());
            lines = lines.line(name, finite);
        }
    }
    let (descent, adam) = (&bests[0], &bests[4]);
    let claim = "the dynamics of the RNN is highly unstable and makes gradient descent ineffective";
    session.claim(Text::Tan, claim).qualified(
        ends(descent).1 < line && ends(adam).1 < ends(descent).0 && good[0] < good[4],
        &format!(
            "it learns, to {:.4}, but at {} of 7 rates; Adam learns at {}, to {:.4}",
            descent.mean(),
            good[0],
            good[4],
            adam.mean()
        ),
    );
    session
        .figure("rates", &lines.dashed("straight line", [(RATES[0], line), (1.0, line)]).picture())
}
