//! `lm generate`

use std::io::Write;
use std::path::PathBuf;

use bptt::low_latency;
use clap::Args;

use super::shared::{SamplingArgs, last_run};
use crate::config::rules::at_least_one;
use crate::error::Error;
use crate::generation::{Continuation, beam};
use crate::training::Saved;

/// Flags of `generate`.
#[derive(Args, Clone, Debug)]
pub struct GenerateArgs {
    /// Folder of a run, or a file of weights [default: the last of target/lm/run-N]
    #[arg(long, value_name = "PATH")]
    pub run: Option<PathBuf>,

    /// Text to continue [default: the beginning of a line]
    #[arg(long, value_name = "TEXT")]
    pub prime: Option<String>,

    /// Tokens to write
    #[arg(long, value_name = "N", default_value = "500", value_parser = at_least_one)]
    pub length: usize,

    /// Width of a beam search for the most probable text, instead of draws
    #[arg(long, value_name = "N", value_parser = at_least_one, conflicts_with_all = ["temperature", "top_k", "top_p", "seed"])]
    pub beam: Option<usize>,

    /// Round the weights of matrix products to half precision, for speed: a large model writes twice as fast
    #[arg(long)]
    pub half: bool,

    /// How tokens are drawn.
    #[command(flatten)]
    pub sampling: SamplingArgs,
}

/// Writes the prime and the model's continuation of it, each token as soon as it is drawn.
///
/// # Errors
///
/// If the model cannot be used, or the prime has tokens that it does not know.
pub fn generate(args: &GenerateArgs, out: &mut impl Write) -> Result<(), Error> {
    let saved = Saved::load(&args.run.clone().unwrap_or_else(last_run))?;
    saved.expect_memory(args.beam.unwrap_or(1))?;
    let model = saved.model()?;
    let mut decoder = saved.vocabulary.decoder();
    let prime = match &args.prime {
        Some(prime) => saved.vocabulary.encode(prime)?,
        None => saved.opening(),
    };
    if prime.is_empty() {
        return Err(Error::EmptyPrime);
    }
    let read: String = prime.iter().map(|&token| decoder.push(token)).collect();
    if args.prime.is_some() {
        write!(out, "{read}")?;
    }
    let mut write = |token| -> Result<(), Error> {
        write!(out, "{}", decoder.push(token))?;
        Ok(out.flush()?)
    };
    let stepper = |batch| match args.half {
        true => model.stepper(batch).half_precision(),
        false => model.stepper(batch),
    };
    low_latency(|| match args.beam {
        Some(width) => {
            let found = beam(&model, stepper(width), &prime, width, args.length);
            let best = found.first().into_iter().flat_map(|found| &found.symbols);
            best.into_iter().try_for_each(|&token| write(token as u32))
        }
        None => {
            let SamplingArgs { seed, .. } = args.sampling;
            let sampling = args.sampling.sampling();
            let continuation = Continuation::new(&model, stepper(1), &prime, sampling, seed);
            continuation.take(args.length).try_for_each(&mut write)
        }
    })?;
    Ok(writeln!(out, "{}", decoder.finish())?)
}
