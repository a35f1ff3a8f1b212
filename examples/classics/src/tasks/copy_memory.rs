//! Copy memory: an LSTM repeats symbols after a wait, and a simple recurrent net does not learn to.
//!
//! Five symbols of eight kinds are shown. After 20 steps without information, a cue asks for them in the same order.
//! A model that only knows when to answer has a loss of `5 ln 8 / 30` per step. The figure shows the losses of both
//! nets during training, with this floor of a memoryless model.

use bptt::tasks::CopyMemory;

use crate::common::symbol_model::SymbolModel;
use crate::common::training::train;
use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "copy-memory",
    shows: "an LSTM repeats symbols after a wait, with a loss below a tenth of a memoryless model's",
    sources: &[(Text::Int301, "Advantages of LSTM"), (Text::Asperti, "Memoryless approach")],
    run,
};

fn run(session: &mut Session) -> Result<()> {
    let task = CopyMemory::new(20).length(5);
    let updates = session.budget(5000, 20);
    let lstm = losses(session, task, updates, Lstm::new)?;
    let elman = losses(session, task, updates, Elman::new)?;
    let floor = task.memoryless_loss();
    let [last, simple] =
        [&lstm, &elman].map(|losses| losses.last().map_or(f64::NAN, |last| last.1));
    session.number("loss without a memory", floor);
    session.number("loss of the LSTM", last);
    session.number("loss of the simple recurrent net", simple);
    session.check("the LSTM is below a tenth of the memoryless floor", last < 0.1 * floor);
    session.check("the simple recurrent net is not", simple > 0.1 * floor);
    let picture = Lines::new("copy memory, 20 steps of wait", "update", "loss (nats per step)")
        .log()
        .line("LSTM", lstm)
        .line("simple recurrent net", elman)
        .dashed("without a memory", [(0.0, floor), (updates as f64, floor)])
        .picture();
    session.figure("loss", &picture)
}

/// Trains a cell with a readout. Returns its losses, means of 50 updates. Each batch is drawn anew, and its loss is taken
/// before the update.
fn losses<C: Layer<f32> + Module<f32>>(
    session: &Session,
    task: CopyMemory,
    updates: usize,
    cell: impl Fn(&mut Xoshiro256PlusPlus, usize, usize) -> C,
) -> Result<Vec<(f64, f64)>> {
    let rng = &mut bptt::rng(0);
    let mut model = SymbolModel {
        embedding: Embedding::new(rng, task.alphabet(), 16),
        layer: cell(rng, 16, 64),
        output: Linear::new(rng, 64, task.alphabet() - 1),
    };
    let schedule = Schedule::constant(5e-3);
    let losses = train(session.steps(updates), &mut model, schedule, |model, tape| {
        let batch = task.batch(rng, 32);
        loss::cross_entropy(model.logits(tape, &batch.inputs), &batch.targets).mean()
    })?;
    let means = losses.chunks(50).map(|losses| losses.iter().sum::<f64>() / losses.len() as f64);
    Ok(means.enumerate().map(|(i, mean)| (50.0 * i as f64, mean)).collect())
}
