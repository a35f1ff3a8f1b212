//! Copy memory: an LSTM repeats symbols after a wait, and a simple recurrent net does not learn to.
//!
//! Five symbols of eight kinds are shown. After 20 steps without information, a cue asks for them in the same order.
//! A model that only knows when to answer has a loss of `5 ln 8 / 30` per step. The figure shows the losses of both
//! nets during training, with this floor of a memoryless model.

use bptt::tasks::CopyMemory;

use crate::common::symbol_model::SymbolModel;
use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "copy-memory",
    shows: "an LSTM repeats symbols after a wait, with a loss below a tenth of a memoryless model's",
    sources: &[(Text::Int301, "Advantages of LSTM"), (Text::Asperti, "Memoryless approach")],
    run,
};

fn run(session: &mut Session) -> Result<()> {
    let task = CopyMemory::new(20).length(5);
    let updates = session.budget(3000, 20);
    let rng = &mut bptt::rng(0);
    let lstm = train(session, rng, task, updates, Lstm::new)?;
    let elman = train(session, rng, task, updates, Elman::new)?;
    let floor = task.memoryless_loss();
    let [last, simple] =
        [&lstm, &elman].map(|curve| curve.last().map_or(f64::NAN, |&(_, loss)| loss));
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

/// Trains a cell with a readout. Returns its losses on sequences that it was not trained on.
fn train<C: Layer<f32> + Module<f32>>(
    session: &Session,
    rng: &mut Xoshiro256PlusPlus,
    task: CopyMemory,
    updates: usize,
    cell: impl Fn(&mut Xoshiro256PlusPlus, usize, usize) -> C,
) -> Result<Vec<(f64, f64)>> {
    let mut model = SymbolModel {
        embedding: Embedding::new(rng, task.alphabet(), 16),
        layer: cell(rng, 16, 64),
        output: Linear::new(rng, 64, task.alphabet() - 1),
    };
    let mut optimizer = Adam::new(5e-3);
    let unseen = task.batch(&mut bptt::rng(1), 200);
    let mut curve = Vec::new();
    for update in session.steps(updates) {
        let batch = task.batch(rng, 32);
        let tape = Tape::new();
        let loss = loss::cross_entropy(model.logits(&tape, &batch.inputs), &batch.targets).mean();
        let mut gradients = tape.backward(loss);
        clip_norm(&model, &mut gradients, 1.0)?;
        optimizer.step(&mut model, &gradients);
        if (update + 1) % 50 == 0 {
            let tape = Tape::inference();
            let logits = model.logits(&tape, &unseen.inputs);
            let loss = loss::cross_entropy(logits, &unseen.targets).mean();
            curve.push((update as f64, f64::from(loss.item())));
        }
    }
    Ok(curve)
}
