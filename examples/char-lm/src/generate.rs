//! Text that a model writes.

use std::io::Write;

use crate::args::GenerateArgs;
use crate::error::Error;
use crate::snapshot::Snapshot;

/// Lets a saved model write: the prime and its continuation, each character as soon as it is drawn.
pub(crate) fn generate(args: &GenerateArgs, out: &mut impl Write) -> Result<(), Error> {
    let saved = Snapshot::load(&args.weights)?;
    let vocabulary = &saved.vocabulary;
    let prime = match &args.prime {
        Some(prime) => vocabulary.encode(prime)?,
        None => vocabulary.encode("\n").unwrap_or_else(|_| vec![0]),
    };
    let (model, sampling) = (saved.model()?, args.sampling.sampling());
    let mut rng = bptt::rng(args.sampling.seed);
    write!(out, "{}", args.prime.as_deref().unwrap_or_default())?;

    // The model with its carried state. Its output is the logits of the next token.
    let mut reader = model.stepper();
    for token in prime {
        reader.step(&[model.embedding_of(token as usize)]);
    }
    for _ in 0..args.length {
        let token = sampling.draw(reader.output(0), &mut rng);
        write!(out, "{}", vocabulary.token_text(token as u32))?;
        out.flush()?;
        reader.step(&[model.embedding_of(token)]); // what the model has written is its next input
    }
    Ok(writeln!(out)?)
}
