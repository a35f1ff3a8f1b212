//! The floor of a text in a formal language.

use bptt::tasks::languages::Language;

use crate::text::{Part, Vocabulary};

/// Returns the loss of the language itself on the first `covered` tokens of a part, in nats per token: what no model falls
/// below but by chance. All tokens but the first are predicted, as models predict them.
///
/// There is none if the tokens do not give the text of the language back, as with unknown words.
#[must_use]
pub fn floor(
    language: &Language,
    vocabulary: &Vocabulary,
    part: &Part,
    covered: usize,
) -> Option<f64> {
    let tokens: Vec<_> = part.tokens.iter(0..covered).collect();
    let given = vocabulary.decode(tokens.get(..1)?).chars().count();
    let surprisals = language.surprisals(&vocabulary.decode(&tokens));
    let nats = surprisals.get(given..)?.iter().sum::<f64>() / (covered - 1) as f64;
    nats.is_finite().then_some(nats)
}
