//! What a work would take on machines with more cores, from counts of its forks.

use std::num::NonZero;
use std::thread;
use std::time::{Duration, Instant};

use bptt::Tensor;
use bptt::tensor::{Forks, count_forks};

use crate::warm_up;
use crate::works::{Results, Work};

/// The steps of which the fastest is reported.
const STEPS: usize = 7;

/// Prints a table: a row for each work, and for each number of cores the pieces and the time of a step.
pub(crate) fn print_table<'w>(works: impl Iterator<Item = &'w Work>, cores: &[usize]) {
    let here = thread::available_parallelism().map_or(1, NonZero::get);
    let columns: Vec<usize> = std::iter::once(here).chain(cores.iter().copied()).collect();
    let titles =
        columns.iter().map(|cores| format!(" {cores} cores: forks / pieces / weights read | ms |"));
    println!("| work |{}", titles.collect::<String>());
    println!("|---|{}", "---|---|".repeat(columns.len()));
    for work in works {
        print!("| `{}` |", work.name);
        let mut first: Option<Results> = None;
        for &cores in &columns {
            let (step, results) = fastest_step(work, cores);
            let results_here = first.get_or_insert_with(|| results.clone());
            assert!(bits(results_here).eq(bits(&results)), "{cores} threads compute other bits");
            print!("{step}");
        }
        println!();
    }
}

/// The fastest of several steps in a pool of so many threads.
struct Step {
    time: Duration,
    forks: Forks,
}

/// Also returns the results after the first steps.
fn fastest_step(work: &Work, threads: usize) -> (Step, Results) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
    pool.install(|| {
        let mut step = (work.prepare)(work.sizes);
        let results = warm_up(&mut step);
        let steps = (0..STEPS).map(|_| {
            let begin = Instant::now();
            let (_, forks) = count_forks(&mut step);
            Step { time: begin.elapsed(), forks }
        });
        (steps.min_by_key(|step| step.time).expect("at least one step"), results)
    })
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Forks { count, pieces, weight_bytes, elapsed, on_own_cores, .. } = self.forks;
        let milliseconds = 1e3 * (self.time.saturating_sub(elapsed) + on_own_cores).as_secs_f64();
        let megabytes = weight_bytes as f64 / 1e6;
        write!(f, " {count} / {pieces} / {megabytes:.0} MB | {milliseconds:.1} |")
    }
}

fn bits(results: &Results) -> impl Iterator<Item = u32> {
    results.iter().flat_map(Tensor::as_slice).map(|x| x.to_bits())
}
