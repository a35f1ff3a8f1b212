//! A memoryless net against a recurrent one, on a language whose entropy is known.
//!
//! Bengio's neural language model (Bengio, Ducharme, Vincent and Jauvin 2003) predicts a symbol from the vectors of the
//! `k` symbols before it, through a hidden layer. It can at best reach the entropy given `k` symbols, which is computed
//! exactly. In the embedded Reber grammar the second symbol of a sentence comes back as the last but one, after a Reber
//! sentence of any length: a window that is too short for it has no choice but to guess.
//!
//! Losses are measured above the mean surprisal of the test text, so that its chance cancels. The figure shows them by `k`.

use bptt::tasks::languages::Language;

use crate::common::curves::{ends, with_means};
use crate::common::training::train;
use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "neural-window",
    shows: "a memoryless net stays above the floor of its window, and an LSTM goes below it",
    sources: &[(Text::Asperti, "Memoryless approach")],
    run,
};

const WINDOWS: [usize; 5] = [1, 2, 4, 8, 12];
const STEPS: usize = 50;
/// The seed of the text of the test.
const TEST: u64 = 0;
const CONTEXT: usize = 15; // steps that are not judged, since a window is not yet full

type Net = (Embedding<f32>, BoxedLayer<f32>, Linear<f32>);

fn run(session: &mut Session) -> Result<()> {
    let seeds = session.budget(20, 1);
    let language: Language = "embedded-reber".parse().expect("it is known");
    let entropy = language.entropy_rate();
    session.number("entropy, nats per symbol", entropy);
    let (mut floors, mut windows) = (Vec::new(), Vec::new());
    for steps in WINDOWS {
        let floor = language.entropy_given(steps).expect("the windows are few") - entropy;
        session.number(&format!("window of {steps}: floor above the entropy"), floor);
        let losses = session.seeds(seeds, |seed| excess(&language, Some(steps), seed));
        let losses = losses.into_iter().collect::<Result<Vec<_>>>()?;
        let loss =
            session.sample(&format!("window of {steps}: loss above the entropy"), &losses)?;
        floors.push((steps as f64, floor));
        windows.push((steps as f64, loss));
    }
    let losses = session.seeds(seeds, |seed| excess(&language, None, seed));
    let losses = losses.into_iter().collect::<Result<Vec<_>>>()?;
    let lstm = session.sample("LSTM: loss above the entropy", &losses)?;
    let pairs = || {
        windows.iter().zip(&floors).map(|((steps, loss), (_, floor))| (*steps, ends(loss), *floor))
    };
    let is_above = pairs().all(|(_, (low, _), floor)| low > 0.95 * floor);
    let is_near = pairs().all(|(steps, (_, high), floor)| steps > 8.0 || high < floor + 0.01);
    session.check("no window is more than 5 % below its floor", is_above);
    session.check("windows up to 8 come within 0.01 nats of their floors", is_near);
    let (longest, floor) = floors[floors.len() - 1];
    session.claim(Text::Asperti, "memoryless: difficult to deal with very long-term dependencies").confirmed(
        is_above && ends(&lstm).1 < floor,
        &format!(
            "a window of {longest} symbols stays {floor:.4} nats above the entropy at best, an LSTM {:.4}",
            lstm.mean()
        ),
    );
    let lines =
        Lines::new("embedded Reber grammar", "window k (symbols)", "loss above the entropy (nats)")
            .log();
    let lines = with_means(lines, "memoryless net", windows);
    let lines = with_means(lines, "LSTM", [(1.0, lstm), (longest, lstm)]);
    session.figure("loss", &lines.dashed("floor of a window", floors).picture())
}

/// Trains a net. Returns its loss on a text above the mean surprisal of that text.
fn excess(language: &Language, window: Option<usize>, seed: u64) -> Result<f64> {
    let rng = &mut bptt::rng(seed);
    let symbols = language.alphabet().len();
    let (layer, size) = match window {
        Some(steps) => (BoxedLayer::new(Window::new(rng, 8, 64, steps)), 64),
        None => (BoxedLayer::new(Lstm::new(rng, 8, 32)), 32),
    };
    let mut net: Net = (Embedding::new(rng, symbols, 8), layer, Linear::new(rng, size, symbols));
    let schedule = Schedule::linear(0.01, 400, 0.0005);
    train(0..400, &mut net, schedule, |net, tape| {
        let seed = rng.random_range(TEST + 1..u64::MAX);
        let (text, next, _) = pieces(language, seed, 32);
        loss::cross_entropy(logits(net, tape, &text), &next).mean()
    })?;
    let (text, next, entropy) = pieces(language, TEST, 500);
    let tape = Tape::inference();
    let judged = logits(&net, &tape, &text).slice(0, CONTEXT..STEPS);
    let loss = loss::cross_entropy(judged, &next[CONTEXT * 500..]).mean().item();
    Ok(f64::from(loss) - entropy)
}

fn logits<'t>(net: &Net, tape: &'t Tape<f32>, symbols: &[usize]) -> Var<'t, f32> {
    let (embedding, layer, output) = net;
    let xs = embedding.forward(tape, symbols, [STEPS, symbols.len() / STEPS]);
    output.forward(layer.forward(xs).0)
}

/// Cuts a text into pieces. Returns symbols and those that follow, `[T, B]` each, and the mean surprisal of those judged.
fn pieces(language: &Language, seed: u64, count: usize) -> (Vec<usize>, Vec<usize>, f64) {
    let text = language.generate(seed, (STEPS + 1) * count);
    let index =
        |symbol| language.alphabet().iter().position(|own| *own == symbol).expect("its own");
    let symbols: Vec<usize> = text.chars().map(index).collect();
    let at = |i: usize| i % count * (STEPS + 1) + i / count;
    let surprisals = language.surprisals(&text);
    let judged = (CONTEXT * count..STEPS * count).map(|i| surprisals[at(i) + 1]);
    let mean = judged.sum::<f64>() / ((STEPS - CONTEXT) * count) as f64;
    let all = || 0..STEPS * count;
    (all().map(|i| symbols[at(i)]).collect(), all().map(|i| symbols[at(i) + 1]).collect(), mean)
}
