//! The batch size: by epochs, the smallest batch learns fastest, and a large one fails for want of updates.
//!
//! An LSTM learns by Adam to continue a sine from 256 windows, which are an epoch. With batches of `B` windows, an epoch
//! has `256 / B` updates. A net has converged if it is better than the straight line through the last two values.
//!
//! One learning rate for all batches, that of a medium batch, is too high for the noisy gradient of a small one: its error
//! falls at once, and then stays uneven. A lower rate mends it. After as many updates a large batch is about as good.
//!
//! The figures show the error after each epoch, and the number of epochs until convergence by batch size.

use crate::common::continuation::Continuation;
use crate::common::curves::{at, ends, epochs_below, with_curves, with_means};
use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "batch-size",
    shows: "a batch of 1 learns fastest by epochs, and a large one needs more of them, since it makes fewer updates",
    sources: &[(Text::ExploRnn, "Batch Size")],
    run,
};

const BATCHES: [usize; 9] = [1, 2, 4, 8, 16, 32, 64, 128, 256];
const MEDIUM: usize = 5;
const LARGE: usize = 8;

fn run(session: &mut Session) -> Result<()> {
    let seeds = session.budget(20, 1);
    let line = Continuation::of_a_line();
    session.number("error of a straight line", line);
    let trained =
        |session: &Session, training: Continuation| session.seeds(seeds, |seed| training.run(seed));
    let mut epochs =
        Lines::new("learning to continue a sine", "epoch", "error of a prediction").log();
    let [mut after_20, mut needed] = [const { Vec::new() }; 2];
    for (index, batch) in BATCHES.into_iter().enumerate() {
        let curves = trained(session, Continuation { batch, ..Continuation::default() });
        let name = format!("batch {batch}");
        after_20.push(session.sample(&format!("{name}: error after 20 epochs"), &at(&curves, 20))?);
        let below = epochs_below(&curves, line);
        needed.push(session.sample(&format!("{name}: epochs until converged"), &below)?);
        if [0, MEDIUM, LARGE].contains(&index) {
            epochs = with_curves(epochs, &name, &curves)?;
        }
    }
    let slower = Continuation { batch: 1, learning_rate: 3e-4, ..Continuation::default() };
    let slower = trained(session, slower);
    let at_low_rate =
        session.sample("batch 1 at rate 0.0003: error after 20 epochs", &at(&slower, 20))?;
    epochs = with_curves(epochs, "batch 1 at a rate of 0.0003", &slower)?;
    let updates = 20 * 256 / BATCHES[MEDIUM]; // of the medium batch in 20 epochs
    let long = Continuation { batch: 256, epochs: updates, ..Continuation::default() };
    let long = at(&trained(session, long), updates);
    let long = session.sample(&format!("batch 256: error after {updates} updates"), &long)?;

    let low = "when the batch size is low, the model is learning slowly, not being converged even after 20 epochs";
    session.claim(Text::ExploRnn, low).refuted(
        ends(&needed[0]).1 < ends(&needed[MEDIUM]).0 && ends(&after_20[0]).1 < line && ends(&at_low_rate).1 < line,
        &format!(
            "batch 1 converges in {:.1} epochs, batch 32 in {:.1}; batch 1 then stays uneven at the rate of batch 32",
            needed[0].mean(),
            needed[MEDIUM].mean()
        ),
    );
    let high =
        "when it is too high, the loss is averaged over too many samples, thus also not converging";
    session.claim(Text::ExploRnn, high).qualified(
        ends(&after_20[LARGE]).0 > line && ends(&long).1 < 2.0 * after_20[MEDIUM].mean(),
        &format!(
            "for want of updates batch 256 ends at {:.3}; after as many updates as batch 32 makes, it is about as good, {:.4}",
            after_20[LARGE].mean(),
            long.mean()
        ),
    );
    let medium = "when it is selected appropriately, the model finds an optimal solution fast, even after 10 epochs";
    session.claim(Text::ExploRnn, medium).qualified(
        ends(&needed[MEDIUM]).1 < 10.0 && ends(&after_20[MEDIUM]).1 < ends(&after_20[0]).0,
        &format!(
            "batch 32 converges in {:.1} epochs, smaller ones earlier; but at one rate for all it ends at {:.4}, below batch \
             1, {:.4}",
            needed[MEDIUM].mean(),
            after_20[MEDIUM].mean(),
            after_20[0].mean()
        ),
    );

    let epochs = epochs.dashed("straight line", [(0.0, line), (20.0, line)]);
    session.figure("epochs", &epochs.picture())?;
    let sizes = Lines::new("epochs until converged", "batch size", "epochs").log_x();
    let points = BATCHES.into_iter().map(|batch| batch as f64).zip(needed);
    session.figure("sizes", &with_means(sizes, "", points).picture())
}
