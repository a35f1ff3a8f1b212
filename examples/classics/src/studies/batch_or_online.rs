//! Batch or online: gradient descent on a whole set costs more the larger it is, and hardly learns from a stream.
//!
//! Batch gradient descent sums the gradient of all `U` windows for one update. Online, each window makes an update, and is
//! never seen again. An LSTM learns to continue a sine by plain gradient descent at one rate, 0.1, from 20 seeds. It is
//! good once it is better than the straight line through the last two values.
//!
//! The figure shows how many windows it takes until then, by the size of the set.

use crate::common::continuation::Continuation;
use crate::common::curves::{at, ends, epochs_below, with_means};
use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "batch-or-online",
    shows: "the cost of batch gradient descent grows with the set, and online learning uses each window once",
    sources: &[(Text::Tan, "2.2 Gradient-based Learning Methods")],
    run,
};

const SETS: [usize; 5] = [64, 128, 256, 512, 1024];
/// The epochs within which a batch has to converge.
const EPOCHS: usize = 60;
/// The windows of a stream between two measurements of the error.
const LOOK: usize = 16;

fn run(session: &mut Session) -> Result<()> {
    let seeds = session.budget(20, 1);
    let line = Continuation::of_a_line();
    let descent = Continuation {
        learning_rate: 0.1,
        optimizer: |learning_rate| Box::new(Sgd::new(learning_rate)),
        ..Continuation::default()
    };
    let mut costs = Vec::new();
    let mut one_pass = Vec::new();
    for windows in SETS {
        let batch = Continuation { windows, batch: windows, epochs: EPOCHS, ..descent };
        let curves = session.seeds(seeds, |seed| batch.run(seed));
        let epochs = epochs_below(&curves, line);
        let seen: Vec<f64> = epochs.iter().map(|epochs| epochs * windows as f64).collect();
        costs.push(session.sample(&format!("batch of {windows}: windows until good"), &seen)?);
        one_pass = at(&curves, 1);
    }
    let (windows, epochs) = (LOOK, SETS[SETS.len() - 1] / LOOK);
    let online = Continuation { windows, batch: 1, epochs, is_fresh: true, ..descent };
    let curves = session.seeds(seeds, |seed| online.run(seed));
    let seen: Vec<f64> =
        epochs_below(&curves, line).iter().map(|looks| looks * LOOK as f64).collect();
    let stream = session.sample("online: windows until good", &seen)?;
    let online_pass = session.sample("online: error after 1024 windows", &at(&curves, epochs))?;
    let batch_pass = session.sample("batch of 1024: error after 1024 windows", &one_pass)?;

    let (first, last) = (costs[0].mean(), costs[SETS.len() - 1].mean());
    let converges =
        SETS.iter().zip(&costs).all(|(&set, cost)| ends(cost).1 < (EPOCHS * set) as f64);
    let exponent = (last / first).ln() / (SETS[SETS.len() - 1] as f64 / SETS[0] as f64).ln();
    session.number("batch: exponent of the cost by the size of the set", exponent);
    session.claim(Text::Tan, "batch GD is computationally expensive for very large datasets").confirmed(
        converges && (0.8..1.1).contains(&exponent) && ends(&stream).1 < ends(&costs[0]).0,
        &format!(
            "the cost grows as the size of the set to the power {exponent:.2}: a set of 1024 takes {last:.0} windows, a \
             stream {:.0}",
            stream.mean()
        ),
    );
    session.claim(Text::Tan, "batch GD is not suitable for online training").confirmed(
        ends(&batch_pass).0 > 0.5 && ends(&online_pass).1 < line,
        &format!(
            "after 1024 windows, each seen once, it has made one update, to an error of {:.2}; online it is {:.3}",
            batch_pass.mean(),
            online_pass.mean()
        ),
    );

    let sizes = || SETS.into_iter().map(|set| set as f64);
    let lines =
        Lines::new("windows until good", "size of the set (windows)", "windows").log().log_x();
    let lines = with_means(lines, "batch", sizes().zip(costs));
    session.figure("cost", &with_means(lines, "online", sizes().map(|set| (set, stream))).picture())
}
