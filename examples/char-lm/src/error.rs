//! The errors of the program. Each message says what to do.

use std::io;
use std::path::PathBuf;

use lm::training::Divergence;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Text(#[from] lm::text::TextError),
    #[error(transparent)]
    Baseline(#[from] lm::baselines::BaselineError),
    #[error(transparent)]
    Weights(#[from] bptt::weights::WeightsError),
    #[error(transparent)]
    Run(#[from] bptt::run::RunError),
    #[error("--report: {0}")]
    Record(#[from] bptt::analysis::record::RecordError),
    #[error("--prime: {0}")]
    Prime(#[from] lm::text::UnknownCharacter),
    #[error(
        "{0}: lower --hidden, --layers, --embedding, --batch or --window, or give a text with fewer \
         different characters"
    )]
    Memory(#[from] programs::terminal::memory::MemoryError),
    #[error("{path} is not a file: train a model first, or check the path", path = .0.display())]
    NoFile(PathBuf),
    #[error(transparent)]
    NotFinite(#[from] lm::model::NotFinite),
    #[error("this is not the text of the run: give the same to --text, or leave out --resume")]
    ChangedText,
    #[error("the parts of the checkpoint do not belong to one run: train anew without --resume")]
    Inconsistent,
    #[error(
        "{fault}: training has diverged; lower --learning-rate or --clip. The best weights so far, \
         of step {best_step}, are in {best}",
        best = .best.display()
    )]
    Diverged { fault: Divergence, best_step: usize, best: PathBuf },
    #[error("cannot start the threads: {0}; lower --threads")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    #[error("cannot catch signals: {0}")]
    Signals(#[source] io::Error),
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
}
