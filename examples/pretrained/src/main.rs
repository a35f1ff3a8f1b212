//! Published recurrent models, run by the library: see `pretrained --help`.
//!
//! Read [`models`] first. [`mod@reference`] is what a converter wrote of the original, and [`comparison`] what is made of it.

#![warn(clippy::print_stderr, clippy::print_stdout)] // they panic if the output is closed

mod comparison;
mod error;
mod models;
mod reference;
mod report;
#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use programs::terminal::tell;

use crate::comparison::compare;
use crate::error::Error;
use crate::models::chars2vec::Chars2Vec;
use crate::models::g2p_en::G2pEn;
use crate::models::nokcut::Nokcut;
use crate::models::silero_vad::SileroVad;
use crate::models::textgenrnn::TextGenRnn;

/// Runs a published model and compares it with the package that it comes from: decisions, numbers and time.
#[derive(Debug, Parser)]
#[command(name = "pretrained", version)]
struct Cli {
    /// The model
    model: Model,
    /// The folder that the converter of this model wrote: model.safetensors and reference.json
    folder: PathBuf,
    /// Seconds for which the model is timed
    #[arg(long, default_value = "5")]
    seconds: u64,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Model {
    /// Vectors of words as they are spelt: two LSTMs
    Chars2vec,
    /// Phonemes of English words: an encoder and a decoder of GRUs
    #[value(name = "g2p_en")]
    G2pEn,
    /// Words of Thai sentences: two layers of GRUs in both directions
    Nokcut,
    /// Speech in chunks of sound: convolutions over a spectrum, and an LSTM
    #[value(name = "silero-vad")]
    SileroVad,
    /// The next characters of a text: two LSTMs, and attention over their steps
    Textgenrnn,
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        // The reader closed the pipe, as `pretrained … | head` does.
        Err(Error::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            tell(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run(Cli { model, folder, seconds }: &Cli) -> Result<(), Error> {
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global()?; // as the originals, for their times
    let (budget, out) = (Duration::from_secs(*seconds), &mut io::stdout());
    match model {
        Model::Chars2vec => compare::<Chars2Vec>(folder, budget, out),
        Model::G2pEn => compare::<G2pEn>(folder, budget, out),
        Model::Nokcut => compare::<Nokcut>(folder, budget, out),
        Model::SileroVad => compare::<SileroVad>(folder, budget, out),
        Model::Textgenrnn => compare::<TextGenRnn>(folder, budget, out),
    }
}
