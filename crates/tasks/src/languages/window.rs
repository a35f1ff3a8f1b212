//! The entropy given the last symbols: the least loss of a model with a fixed window, as an n-gram.

use std::collections::BTreeMap;

use super::grammar::Grammar;
use super::reader::Reader;

/// The probabilities of places in the stream: the last symbols, and the reader's stack.
type Places = BTreeMap<(String, Vec<usize>), f64>;

/// The largest number of places that is enumerated.
const MOST_PLACES: usize = 10_000;

/// Returns `H(next symbol | the last so many)` in the endless stream, or `None` if there are too many places.
///
/// A place has the probability of its expected visits in a sentence, divided by the expected length. From there a
/// window's symbols are read, and then the next one.
pub(super) fn entropy_given(grammar: &Grammar, symbols: usize) -> Option<f64> {
    let mut places = stationary(grammar)?;
    for _ in 0..symbols {
        places = advance(grammar, &places, |window, symbol| format!("{window}{symbol}"));
        if places.len() > MOST_PLACES {
            return None;
        }
    }
    let mut windows = BTreeMap::<&str, BTreeMap<char, f64>>::new();
    for ((window, stack), place) in &places {
        let next = windows.entry(window).or_default();
        for (symbol, probability) in Reader::at(grammar, stack.clone()).choices() {
            *next.entry(symbol).or_default() += place * probability;
        }
    }
    let entropy = windows.values().map(|next| {
        let total: f64 = next.values().sum();
        next.values().map(|p| -p * (p / total).ln()).sum::<f64>()
    });
    Some(entropy.sum())
}

/// Returns the stationary distribution of places, with empty windows.
fn stationary(grammar: &Grammar) -> Option<Places> {
    let start = (String::new(), Vec::new());
    let mut visits = Places::new();
    let mut now = Places::from([(start.clone(), 1.0)]);
    while now.values().sum::<f64>() > 1e-17 {
        for (place, probability) in &now {
            *visits.entry(place.clone()).or_default() += probability;
        }
        if visits.len() > MOST_PLACES {
            return None;
        }
        now = advance(grammar, &now, |_, _| String::new());
        now.remove(&start);
    }
    let length: f64 = visits.values().sum();
    visits.values_mut().for_each(|visits| *visits /= length);
    Some(visits)
}

/// Returns the places one symbol later, with the windows that `extend` makes of a window and the symbol.
fn advance(grammar: &Grammar, places: &Places, extend: impl Fn(&str, char) -> String) -> Places {
    let mut next = Places::new();
    for ((window, stack), place) in places {
        let before = Reader::at(grammar, stack.clone());
        for (symbol, probability) in before.choices() {
            let mut after = before.clone();
            after.read(symbol);
            *next.entry((extend(window, symbol), after.into_stack())).or_default() +=
                place * probability;
        }
    }
    next
}
