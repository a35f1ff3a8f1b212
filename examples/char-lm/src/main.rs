//! `char-lm`: see `char-lm --help`.

use std::io::{self, Write};
use std::process::ExitCode;

use char_lm::args::{Cli, Command, TrainArgs};
use char_lm::batches::Batches;
use char_lm::corpus::{Corpus, read_documents};
use char_lm::error::Error;
use char_lm::ngram::{BASELINE_ORDER, NGram};
use clap::Parser;

fn main() -> ExitCode {
    match run(Cli::parse().into_command(), &mut io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        // `char-lm … | head` has had all it wants.
        Err(Error::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command, out: &mut impl Write) -> Result<(), Error> {
    match command {
        Command::Train(args) => train(&args, out),
        Command::Eval(_) => Err(Error::WithoutModel { subcommand: "eval" }),
        Command::Generate(_) => Err(Error::WithoutModel { subcommand: "generate" }),
    }
}

/// Reads the text and tells what there is to beat.
fn train(args: &TrainArgs, out: &mut impl Write) -> Result<(), Error> {
    let (batch, window) = (args.settings.batch, args.settings.window);
    let documents = read_documents(&args.text.files)?;
    let corpus = Corpus::new(&documents);
    Batches::new(&corpus.train, batch, window)?;
    let validation = Batches::at_most(&corpus.validation, batch, window)?;
    let baseline = NGram::count(BASELINE_ORDER, corpus.vocabulary.len(), &corpus.train);

    writeln!(out, "text    {} files: {corpus}", documents.len())?;
    writeln!(out, "{BASELINE_ORDER}-gram  {}", baseline.score(validation.tokens()))?;
    Ok(())
}
