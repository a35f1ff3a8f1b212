//! The continual embedded Reber grammar, of "Learning to forget": strings follow one another without a sign, and the state is
//! never reset.
//!
//! A net learns to predict the next symbol of 16 endless streams, and then reads 16 others. A prediction is right if each
//! symbol that may follow has a larger logit than each that may not. The LSTM of 1997 adds to its cells forever. A forget gate
//! can empty them.
//!
//! Unlike in the paper, nets have 16 units, and are trained by Adam with windows of 50 steps. A stream is judged by its wrong
//! predictions, and by the number of right ones before the first of them, once 50 symbols are read.
//!
//! The figure shows the mean of `|c|` over time on the streams of the test.

use bptt::tasks::languages::Language;

use crate::common::curves::{ends, median, with_means};
use crate::common::symbol_streams::Streams;
use crate::common::training::train;
use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "continual-reber",
    shows: "on an endless stream, the state of the LSTM of 1997 grows and its predictions fail, unless a gate forgets",
    sources: &[(Text::Forgetting, "4 Experiments")],
    run,
};

const STREAMS: usize = 16;
const WINDOW: usize = 50;
/// The steps of the test at which `|c|` is noted.
const TIMES: [usize; 7] = [50, 100, 250, 500, 1000, 2500, 5000];

type Make = fn(&mut bptt::Xoshiro256PlusPlus) -> BoxedLayer<f32>;
const CELLS: [(&str, Make); 2] = [
    ("LSTM of 1997", |rng| BoxedLayer::new(Lstm1997::new(rng, 7, 16))),
    ("with a forget gate", |rng| BoxedLayer::new(Lstm::new(rng, 7, 16))),
];

/// What a net does on the streams of the test.
struct Judged {
    /// The mean of `|c|` at [`TIMES`].
    contents: Vec<f64>,
    /// The share of wrong predictions.
    wrong: f64,
    /// The median of the number of right predictions before the first wrong one, after the first 50 symbols.
    flawless: f64,
}

fn run(session: &mut Session) -> Result<()> {
    let language = "embedded-reber".parse().expect("it is known");
    let (seeds, updates) = (session.budget(10, 1), session.budget(2000, 5));
    let mut lines = Lines::new("content of the cells", "symbols read", "mean |c|").log_x().log();
    let (mut grown, mut wrong) = (Vec::new(), Vec::new());
    for (name, make) in CELLS {
        let judged = session.seeds(seeds, |seed| learn(make, &language, updates, seed));
        let judged = judged.into_iter().collect::<Result<Vec<_>>>()?;
        let of = |value: &dyn Fn(&Judged) -> f64| judged.iter().map(value).collect::<Vec<_>>();
        let mut points = Vec::new();
        for (index, time) in TIMES.into_iter().enumerate() {
            let contents = of(&|judged| judged.contents[index]);
            let contents = session.sample(&format!("{name}: mean |c| at {time}"), &contents)?;
            points.push((time as f64, contents));
        }
        grown.push(points[6].1.mean() / points[0].1.mean());
        lines = with_means(lines, name, points);
        let share = of(&|judged| judged.wrong);
        wrong.push(session.sample(&format!("{name}: wrong predictions"), &share)?);
        let flawless = median(&of(&|judged| judged.flawless));
        session.number(&format!("{name}: symbols before a wrong prediction, median"), flawless);
    }
    session.figure("contents", &lines.picture())?;
    let claim = "without resets, the state may grow indefinitely";
    session.claim(Text::Forgetting, claim).confirmed(
        grown[0] > 3.0 && grown[1] < 1.5,
        &format!(
            "from step 50 to step 5000 mean |c| grows {:.1} times without a forget gate, {:.2} times with one",
            grown[0], grown[1]
        ),
    );
    let claim = "LSTM with forget gates easily solves continual versions of these problems";
    session.claim(Text::Forgetting, claim).qualified(
        ends(&wrong[1]).1 < ends(&wrong[0]).0 && wrong[1].mean() < 1e-3,
        &format!(
            "{:.2} % of predictions are wrong with a forget gate, {:.1} % without; not all are right",
            100.0 * wrong[1].mean(),
            100.0 * wrong[0].mean()
        ),
    );
    Ok(())
}

fn learn(make: Make, language: &Language, updates: usize, seed: u64) -> Result<Judged> {
    let rng = &mut bptt::rng(seed);
    let mut net = (make(rng), Linear::new(rng, 16, 7));
    let streams = Streams::draw(language, 2 * seed, [updates * WINDOW, STREAMS]);
    let (mut windows, mut carried) = (0..updates, CarriedState::new());
    train(0..updates, &mut net, Schedule::cosine(0.01, updates, 0.0), |net, tape| {
        let begin = windows.next().expect("one for each update") * WINDOW;
        let (inputs, next) = streams.window(begin, WINDOW);
        loss::cross_entropy(carried.run(net, tape.constant(inputs)), next).mean()
    })?;
    let steps = TIMES[6];
    let streams = Streams::draw(language, 2 * seed + 1, [steps, STREAMS]);
    let tape = Tape::inference();
    let probes = tape.probes();
    let logits = net.forward(tape.constant(streams.window(0, steps).0)).0.value();
    let contents = probes.get("0.c").abs().mean(&[1, 2]).value();
    let is_right = |place: usize| streams.is_right(place, logits.as_slice());
    let wrong = (0..steps * STREAMS).filter(|&place| !is_right(place)).count();
    let first = |stream: usize| {
        let right = (WINDOW..steps).take_while(|step| is_right(step * STREAMS + stream));
        right.count() as f64
    };
    Ok(Judged {
        contents: TIMES.map(|time| f64::from(contents.as_slice()[time - 1])).to_vec(),
        wrong: wrong as f64 / (steps * STREAMS) as f64,
        flawless: median(&(0..STREAMS).map(first).collect::<Vec<_>>()),
    })
}
