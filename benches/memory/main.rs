//! The memory that back-propagation through time takes: the LSTM of 1997, 256 → 256, batch 32, over
//! more and more steps, plain and with checkpoints.
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

#[path = "../compare/cells.rs"]
#[allow(dead_code, reason = "one of its cells is enough")]
mod cells;

const BATCH: usize = 32;
const SIZE: usize = 256;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().collect();
    if let [_, steps, checkpoint] = &arguments[..] {
        return run(steps.parse()?, checkpoint.parse()?);
    }
    println!(
        "{:>6}  {:>12}  {:>10}  {:>10}  {:>9}",
        "steps", "checkpoints", "peak", "residuals", "time"
    );
    for steps in [100, 1000, 4000] {
        for checkpoint in [false, true] {
            let child = Command::new(&arguments[0])
                .args([steps.to_string(), checkpoint.to_string()])
                .output()?;
            if !child.status.success() {
                return Err(String::from_utf8(child.stderr)?.into());
            }
            print!("{}", String::from_utf8(child.stdout)?);
        }
    }
    Ok(())
}

/// Runs one case and prints its line.
fn run(steps: usize, checkpoint: bool) -> Result<(), Box<dyn Error>> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(0);
    let mut weight = |shape| Param::new(Init::Xavier.tensor(&mut rng, shape));
    let cell = cells::Lstm1997 {
        w: weight([SIZE, 3 * SIZE]),
        r: weight([SIZE, 3 * SIZE]),
        b: Param::new(Tensor::zeros([3 * SIZE])),
    };
    let inputs = Tensor::<f32>::normal([steps, BATCH, SIZE], 0.0, 1.0, &mut rng);
    let gradient = || {
        let tape = Tape::new();
        let xs = tape.variable(inputs.clone());
        let mut recurrence = Recurrence::new(&cell);
        if checkpoint {
            recurrence = recurrence.checkpoint(Checkpoint::Auto);
        }
        let (ys, _) = recurrence.run(xs, cell.zero_state(&tape, BATCH));
        tape.backward(ys.square().sum_all())
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
        "{steps:>6}  {checkpoint:>12}  {peak:>6} MiB  {residuals:>6} MiB  {:>6} ms",
        time.as_millis()
    );
    Ok(())
}

/// A figure of this process, in mebibytes.
fn resident(name: &str) -> Result<usize, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with(name));
    let figure = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(figure.ok_or("not reported by this system")?.parse::<usize>()? >> 10)
}
