//! Time and memory: both grow as the number of steps, and recomputation brings memory down to its root.
//!
//! Back-propagation through time stores what the reverse pass needs of each of the `τ` steps: time and memory cost `O(τ)`.
//! Memory is `O(√τ)` if only each `√τ`-th state is stored. The reverse pass then computes the steps between two states
//! again, at the price of one more forward pass (Chen, Xu, Zhang and Guestrin 2016).
//!
//! The figures show the time and the largest memory of the gradient of an LSTM, both scales by powers of ten.

use std::time::Instant;

use crate::ALLOCATOR;
use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "time-and-memory",
    shows: "time and memory of a gradient grow as the number of steps τ, and memory with recomputation as √τ",
    sources: &[(Text::Crowley, "Training")],
    run,
};

const STEPS: [usize; 7] = [256, 512, 1024, 2048, 4096, 8192, 16384];
const KINDS: [(&str, Option<Recompute>); 2] =
    [("all steps stored", None), ("√τ states stored", Some(Recompute::Auto))];

fn run(session: &mut Session) -> Result<()> {
    let repeats = session.budget(7, 1);
    let sizes = session.budget(STEPS.len(), 3);
    let mut costs = [const { Vec::new() }; 2];
    let constants = KINDS.map(|(_, recompute)| gradient(4, 32, recompute, 1).1); // a net has some memory of its own
    for &steps in &STEPS[..sizes] {
        for (kind, (_, recompute)) in KINDS.into_iter().enumerate() {
            let (seconds, _) = gradient(steps, 1, recompute, repeats);
            let (_, bytes) = gradient(steps, 32, recompute, 1);
            costs[kind].push((steps as f64, seconds, bytes - constants[kind]));
        }
    }
    let chart = |title, label| Lines::new(title, "steps τ", label).log_x().log();
    let mut times = chart("time of a gradient", "seconds");
    let mut memories = chart("memory of a gradient", "bytes");
    let [mut of_time, mut of_memory] = [[0.0; 2]; 2];
    for (kind, (name, _)) in KINDS.into_iter().enumerate() {
        let points = || costs[kind].iter().copied();
        times = times.line(name, points().map(|(steps, seconds, _)| (steps, seconds)));
        memories = memories.line(name, points().map(|(steps, _, bytes)| (steps, bytes)));
        let (small, large) = (costs[kind][0], costs[kind][sizes - 1]);
        of_time[kind] = (large.1 / small.1).ln() / (large.0 / small.0).ln();
        of_memory[kind] = (large.2 / small.2).ln() / (large.0 / small.0).ln();
        session.number(&format!("{name}: exponent of time"), of_time[kind]);
        session.number(&format!("{name}: exponent of memory"), of_memory[kind]);
        session.number(&format!("{name}, {} steps: seconds", large.0), large.1);
        session.number(&format!("{name}, {} steps: MB", large.0), large.2 / 1e6);
    }
    session.figure("time", &times.picture())?;
    session.figure("memory", &memories.picture())?;

    let factor = costs[1][sizes - 1].1 / costs[0][sizes - 1].1;
    session.claim(Text::Crowley, "run-time cost is O(τ)").confirmed(
        of_time.iter().all(|exponent| (0.8..1.2).contains(exponent)),
        &format!("over a factor of 64 in τ, time grows as τ to the power {:.2}", of_time[0]),
    );
    let claim = "states must be stored until they are reused, so the memory cost is also O(τ)";
    session.claim(Text::Crowley, claim).qualified(
        (0.9..1.1).contains(&of_memory[0]) && (0.3..0.65).contains(&of_memory[1]),
        &format!(
            "as τ to the power {:.2} if all are stored; if √τ states are, and the steps between are computed again, as τ \
             to the power {:.2}, in {factor:.1} times the time",
            of_memory[0], of_memory[1]
        ),
    );
    Ok(())
}

/// Returns the time of a gradient in seconds, the least of some measurements, and its largest memory in bytes. Each
/// measurement is of 16 384 steps in all, so that other load of the machine affects all alike.
fn gradient(
    steps: usize,
    batch: usize,
    recompute: Option<Recompute>,
    repeats: usize,
) -> (f64, f64) {
    let rng = &mut bptt::rng(0);
    let lstm = Lstm::<f32>::new(rng, 8, 32);
    let xs = Tensor::normal([steps, batch, 8], 0.0, 1.0, rng);
    bptt::tensor::release_pooled_memory();
    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    let compute = || {
        let tape = Tape::new();
        let run = Recurrence::new(&lstm);
        let run = if let Some(recompute) = recompute { run.recompute(recompute) } else { run };
        let (last, _) = run.last(tape.constant(xs.clone()), lstm.zero_state(&tape, batch));
        drop(tape.backward(last.square().sum_all()));
    };
    let gradients = if repeats > 1 { 16384 / steps } else { 1 };
    let time = |_| {
        let start = Instant::now();
        (0..gradients).for_each(|_| compute());
        start.elapsed().as_secs_f64() / gradients as f64
    };
    let seconds = (0..repeats).map(time).fold(f64::INFINITY, f64::min);
    (seconds, (ALLOCATOR.peak_usage() - before) as f64)
}
