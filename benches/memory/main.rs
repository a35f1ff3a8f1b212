//! The memory that back-propagation through time takes: the LSTM of 1997, 256 → 256, batch 32, over a growing number of
//! steps, with and without recomputation. The loss `Σ y²` is taken of the outputs of all steps, which are then kept, or
//! within the step.
//!
//! ```sh
//! cargo run --release -p bptt-benches --bin memory
//! ```
//!
//! Every case runs in a process of its own, which reports by how much its resident set grew at most
//! (Linux only), next to the bytes of the residuals that the gradient needs, and the time of its second
//! run.

use std::env;
use std::error::Error;
use std::fs;
use std::process::Command;
use std::time::Instant;

use bptt::prelude::*;

const BATCH: usize = 32;
const SIZE: usize = 256;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().collect();
    if let [_, steps, recompute, within] = &arguments[..] {
        return run(steps.parse()?, recompute.parse()?, within.parse()?);
    }
    println!(
        "{:>6}  {:>11}  {:>11}  {:>10}  {:>10}  {:>9}",
        "steps", "loss", "recomputation", "peak", "residuals", "time"
    );
    for steps in [100, 1000, 4000] {
        for (within, recompute) in [(false, false), (false, true), (true, false), (true, true)] {
            let child = Command::new(&arguments[0])
                .args([steps.to_string(), recompute.to_string(), within.to_string()])
                .output()?;
            if !child.status.success() {
                return Err(String::from_utf8(child.stderr)?.into());
            }
            print!("{}", String::from_utf8(child.stdout)?);
        }
    }
    Ok(())
}

/// A wrapper of a cell, whose output is the loss of the cell's output: `Σ y²` for each sequence, `[B, 1]`.
struct LossOf<C>(C);

impl<T: Scalar, C: Cell<T>> Cell<T> for LossOf<C> {
    type State<'t> = C::State<'t>;

    fn step<'t>(&self, x: Var<'t, T>, state: Self::State<'t>) -> (Var<'t, T>, Self::State<'t>) {
        let (y, state) = self.0.step(x, state);
        (y.square().sum_keep(&[-1]), state)
    }
}

impl<C: StateSizes> StateSizes for LossOf<C> {
    fn state_sizes(&self) -> Vec<usize> {
        self.0.state_sizes()
    }
}

/// Runs one case and prints its line.
fn run(steps: usize, recompute: bool, within: bool) -> Result<(), Box<dyn Error>> {
    let mut rng = bptt::rng(0);
    let cell = LossOf(Lstm1997::new(&mut rng, SIZE, SIZE));
    let inputs = Tensor::<f32>::normal([steps, BATCH, SIZE], 0.0, 1.0, &mut rng);
    let gradient = || {
        let tape = Tape::new();
        let xs = tape.variable(inputs.clone());
        let state = cell.0.zero_state(&tape, BATCH);
        let loss = if within {
            outputs(&cell, xs, state, recompute)
        } else {
            outputs(&cell.0, xs, state, recompute).square()
        };
        tape.backward(loss.sum_all())
    };
    let before = resident("VmRSS")?;
    drop(gradient());
    let peak = resident("VmHWM")? - before;
    let start = Instant::now();
    drop(gradient());
    let time = start.elapsed();
    // two gates, the squashed input, the state, and the output
    let residuals = (5 * steps * BATCH * SIZE * size_of::<f32>()) >> 20;
    println!(
        "{steps:>6}  {:>11}  {recompute:>11}  {peak:>6} MiB  {residuals:>6} MiB  {:>6} ms",
        if within { "in the step" } else { "of outputs" },
        time.as_millis()
    );
    Ok(())
}

/// Returns the outputs of a layer over all steps.
fn outputs<'t, L: Layer<f32>>(
    layer: &L,
    xs: Var<'t, f32>,
    state: L::State<'t>,
    recompute: bool,
) -> Var<'t, f32> {
    let mut recurrence = Recurrence::new(layer);
    if recompute {
        recurrence = recurrence.recompute(Recompute::Auto);
    }
    recurrence.run(xs, state).0
}

/// Returns a memory figure of this process, in mebibytes.
fn resident(name: &str) -> Result<usize, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with(name));
    let figure = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(figure.ok_or("not reported by this system")?.parse::<usize>()? >> 10)
}
