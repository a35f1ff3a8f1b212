//! The formal languages: what they generate, and that their probabilities and entropies are exact.

mod entropy;
mod recognisers;
mod sentences;
mod text;

use bptt_tasks::languages::Language;

/// Every language, with parameters that are not the defaults where it takes any.
const ALL: [&str; 9] = [
    "reber",
    "embedded-reber",
    "anbn:max=7,ratio=0.8",
    "anbncn:max=12,ratio=1",
    "dyck:kinds=3,depth=5,open=0.6",
    "dyck:kinds=1,depth=1,open=0.2",
    "markov:order=2,symbols=4,seed=7",
    "markov:order=0,symbols=5,seed=3",
    "pcfg",
];

fn language(text: &str) -> Language {
    text.parse().expect("a language")
}
