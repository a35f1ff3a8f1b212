//! The same work here and in other frameworks, in turn on the same machine: see
//! `compare --help` and `benches/compare/README.md`.

mod blocks;
mod numbers;
mod peer;
mod scaling;
mod serve;
mod stream;
mod works;

use std::path::PathBuf;
use std::process::ExitCode;

use bptt::Tensor;
use clap::Parser;
use clap::builder::PossibleValuesParser;

use blocks::{block, warm_up};
use peer::{Framework, Peer, Variant};
use serve::{NamedSize, named_size, serve};
use works::{Results, Work, works};

/// Measures recurrent works here and in other frameworks, in turn on this machine.
#[derive(Debug, Parser)]
#[command(name = "compare")]
struct Args {
    /// Works to measure [default: all]
    #[arg(long, value_name = "NAME", num_args = 1.., value_parser = names_of_works())]
    work: Vec<String>,

    /// Frameworks to compare with
    #[arg(long, value_name = "NAME", num_args = 1.., default_values = ["torch", "jax"])]
    peer: Vec<Framework>,

    /// Threads that each side computes with
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = at_least_one)]
    threads: usize,

    /// The Python that has the frameworks
    #[arg(long, value_name = "PATH", default_value = "python3")]
    python: PathBuf,

    /// Blocks of steps that are timed of each
    #[arg(long, value_name = "N", default_value_t = 9, value_parser = at_least_one)]
    rounds: usize,

    /// Compare with nothing: count how works divide into pieces, and estimate their times on so many cores
    #[arg(long, value_name = "N", num_args = 1.., value_parser = at_least_one,
        conflicts_with_all = ["peer", "threads", "python", "rounds", "serve"])]
    cores: Vec<usize>,

    /// Serve as a peer of another program: take steps of the work at these sizes on request
    #[arg(long, value_name = "NAME=SIZE", num_args = 1.., value_parser = named_size, requires = "work")]
    serve: Vec<NamedSize>,
}

fn names_of_works() -> PossibleValuesParser {
    works().map(|work| work.name).into()
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be at least 1".to_owned()),
        Ok(number) => Ok(number),
        Err(error) => Err(format!("{error}")),
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(args.threads);
    if let Err(error) = pool.build_global() {
        eprintln!("error: cannot start the threads: {error}; lower --threads");
        return ExitCode::FAILURE;
    }
    let chosen = |work: &&Work| args.work.is_empty() || args.work.iter().any(|it| it == work.name);
    if !args.cores.is_empty() {
        scaling::print_table(works().filter(chosen), &args.cores);
        return ExitCode::SUCCESS;
    }
    // on a thread of the pool, so that this thread computes rather than waits
    rayon::scope(|_| {
        for work in works().filter(chosen) {
            if args.serve.is_empty() {
                compare(work, &args);
            } else if let Err(error) = serve(work, &args.serve) {
                eprintln!("error: {error}");
                return ExitCode::FAILURE;
            }
        }
        ExitCode::SUCCESS
    })
}

/// The seconds for which one side takes steps before the next side does.
const BLOCK: f64 = 0.4;

/// The allowed relative difference of figures: many times that of rounding in `f32`.
const TOLERANCE: f64 = 1e-3;

fn compare(work: &Work, args: &Args) {
    let flops = (work.flops)(&work.sizes) as f64;
    println!("{}: {}; {:.1} MFLOP", work.name, work.about, flops / 1e6);
    let mut step = (work.prepare)(work.sizes);
    let figure = figure(&warm_up(&mut step));
    let mut peers = Vec::new();
    for &framework in &args.peer {
        peers.push((framework, Peer::start(framework, &args.python, work, args.threads)));
    }
    let mut times = Vec::new();
    for _ in 0..args.rounds {
        times.extend(block(&mut step, BLOCK));
        for (_, peer) in &mut peers {
            if let Ok(running) = peer
                && let Err(error) = running.run_blocks(BLOCK)
            {
                *peer = Err(error);
            }
        }
    }
    let ours = median(&times);
    let speed = |seconds| format!("{:9.3} ms {:6.1} GFLOP/s", 1e3 * seconds, flops / 1e9 / seconds);
    println!("  bptt   {}", speed(ours));
    for (framework, peer) in peers {
        let name = framework.name();
        match peer {
            Ok(peer) => {
                print_faults(name, &peer, figure);
                let fastest = agreeing(&peer, figure)
                    .map(|variant| (median(&variant.times), &variant.name))
                    .min_by(|(a, _), (b, _)| a.total_cmp(b));
                if let Some((theirs, variant)) = fastest {
                    let (speed, ratio) = (speed(theirs), ours / theirs);
                    println!("  {name:6} {speed}   bptt/{name} {ratio:.2}   {variant}");
                }
            }
            Err(error) => println!("  {name:6} {error}"),
        }
    }
    println!();
}

/// One number that tells whether both sides computed the same: the square root of the sum of the
/// squares of all results.
fn figure(results: &Results) -> f64 {
    let elements = results.iter().flat_map(Tensor::as_slice);
    elements.map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt()
}

fn agrees(variant: &Variant, figure: f64) -> bool {
    (variant.figure - figure).abs() <= TOLERANCE * figure.abs()
}

/// Returns the variants that computed the same figure.
fn agreeing(peer: &Peer, figure: f64) -> impl Iterator<Item = &Variant> {
    peer.variants.iter().filter(move |variant| agrees(variant, figure))
}

/// Prints which variants do not count.
fn print_faults(name: &str, peer: &Peer, figure: f64) {
    for (variant, reason) in &peer.failed {
        println!("  {name:6} {variant} failed: {reason}");
    }
    for variant in peer.variants.iter().filter(|variant| !agrees(variant, figure)) {
        let Variant { name: variant, figure: theirs, .. } = variant;
        println!("  {name:6} {variant} computes something else: {theirs}, not {figure}");
    }
}

fn median(times: &[f64]) -> f64 {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
