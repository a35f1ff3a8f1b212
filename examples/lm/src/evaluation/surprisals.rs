//! The surprisal of each token and of each word.

use bptt::Tape;

use crate::baselines::ContinuousCache;
use crate::model::LanguageModel;
use crate::text::Streams;

/// Returns `-ln P` of each token but the first, in nats, in the order of the text.
///
/// A `cache` is interpolated with the model. It keeps the pairs that it already holds.
///
/// # Panics
///
/// If there is a cache and more than one stream, since a cache reads the text in its order.
#[must_use]
pub fn surprisals(
    model: &LanguageModel,
    streams: &Streams,
    window: usize,
    mut cache: Option<&mut ContinuousCache>,
) -> Vec<f64> {
    let (batch, steps) = (streams.batch(), streams.steps());
    assert!(cache.is_none() || batch == 1, "a cache reads one stream, not {batch}");
    let mut surprisals = vec![0.0; batch * steps];
    let mut carried = model.start();
    let mut start = 0;
    for window in streams.windows(window) {
        let tape = Tape::inference();
        let hs = model.evaluate(&tape, &window.inputs, batch, &mut carried);
        let losses = model.loss(hs, &window.targets).per_position().value();
        let hs = hs.value(); // [T, B, H]
        let vectors = hs.as_slice().chunks(hs.len() / losses.len());
        let places = losses.as_slice().iter().zip(vectors).zip(&window.targets);
        for (place, ((&loss, h), &target)) in places.enumerate() {
            let mut nats = f64::from(loss);
            if let Some(cache) = &mut cache {
                nats = -cache.probability((-nats).exp(), h, target as u32).ln();
                cache.observe(h, target as u32);
            }
            surprisals[place % batch * steps + start + place / batch] = nats;
        }
        start += window.steps;
    }
    surprisals
}

/// Returns the surprisals of words, given those of tokens in the order of the text. The sum stays the same.
///
/// A word includes the white space after it. A new word begins at a token that has other characters after white space.
/// White space at the beginning of this token is part of the new word, as in the byte pair ` word`.
#[must_use]
pub fn words(tokens: impl IntoIterator<Item = (String, f64)>) -> Vec<(String, f64)> {
    let mut words: Vec<(String, f64)> = Vec::new();
    let mut is_after_space = true;
    for (text, nats) in tokens {
        let is_blank = text.trim().is_empty();
        let begins = !is_blank && (is_after_space || text.starts_with(char::is_whitespace));
        if let Some(last) = text.chars().last() {
            is_after_space = last.is_whitespace();
        }
        match words.last_mut() {
            Some((word, sum)) if !begins => {
                word.push_str(&text);
                *sum += nats;
            }
            _ => words.push((text, nats)),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words_of(tokens: &[&str]) -> Vec<(String, f64)> {
        words(tokens.iter().map(|&it| it.to_owned()).zip((0..).map(|i| f64::from(1 << i))))
    }

    #[test]
    fn a_word_takes_the_white_space_behind_it() {
        let expected = |words: &[(&str, f64)]| {
            words.iter().map(|&(word, nats)| (word.to_owned(), nats)).collect::<Vec<_>>()
        };
        let characters = words_of(&["\n", "a", "b", " ", " ", "c", "\n"]);
        assert_eq!(characters, expected(&[("\n", 1.0), ("ab  ", 30.0), ("c\n", 96.0)]));
        let pairs = words_of(&["th", "e", " qu", "ick", "\n", " ", " fox"]);
        assert_eq!(pairs, expected(&[("the", 3.0), (" quick\n ", 60.0), (" fox", 64.0)]));
        let incomplete = words_of(&["a ", "", "é", "n"]);
        assert_eq!(incomplete, expected(&[("a ", 3.0), ("én", 12.0)]));
    }
}
