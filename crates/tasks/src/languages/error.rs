//! The errors in the name of a language or in its grammar.

use std::io;

use super::limits::{LONGEST_SENTENCE, MOST_RULES};

/// A text that does not name a language.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LanguageError {
    /// No language has this name.
    #[error(
        "there is no language `{name}`: use reber, embedded-reber, anbn, anbncn, dyck, markov, pcfg, or pcfg:PATH with \
         a grammar of your own"
    )]
    Unknown {
        /// The text before the first colon.
        name: String,
    },

    /// A part between commas that is not `key=value`, or whose key the language does not have.
    #[error("{language} does not take `{parameter}`: {known}")]
    UnknownParameter {
        /// The language's name.
        language: &'static str,
        /// As the user gave it.
        parameter: String,
        /// What the language takes.
        known: String,
    },

    /// A parameter that was given twice.
    #[error("`{parameter}` stands twice: give it once")]
    RepeatedParameter {
        /// The key.
        parameter: String,
    },

    /// A value outside its range.
    #[error("{parameter}={value} is not possible: give {parameter} {range}")]
    Value {
        /// The key.
        parameter: &'static str,
        /// As the user gave it.
        value: String,
        /// The values that are possible.
        range: &'static str,
    },

    /// The file of a grammar that cannot be read.
    #[error("cannot read the grammar {path}: {source}")]
    Read {
        /// As the user gave it.
        path: String,
        /// The error of the operating system.
        source: io::Error,
    },

    /// A line of a grammar.
    #[error("line {line} of the grammar: {fault}")]
    Grammar {
        /// Counted from one.
        line: usize,
        /// What is wrong with it.
        fault: GrammarFault,
    },

    /// A grammar without a single rule.
    #[error(
        "the grammar has no rule: write one a line, as sentence -> 'a' sentence 'b' [0.4] | 'c' [0.6]"
    )]
    NoRule,

    /// A grammar or a family of languages with too many rules.
    #[error(
        "the grammar has {rules} rules, and {MOST_RULES} at most are possible: lower kinds, depth, order, symbols or max"
    )]
    TooManyRules {
        /// With one for each terminal.
        rules: usize,
    },

    /// A grammar whose sentences do not end with probability one, or have no finite expected length.
    #[error(
        "the sentences of the grammar have no finite expected length: raise the probabilities of alternatives that end"
    )]
    Endless,

    /// A grammar whose sentences are too long to generate whole ones.
    #[error(
        "sentences would have {length:.0} symbols on average, and {LONGEST_SENTENCE} at most are possible: raise the \
         probabilities of alternatives that end, or lower open or depth"
    )]
    LongSentences {
        /// The expected number of symbols.
        length: f64,
    },
}

/// An error in a line of a grammar.
#[derive(Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GrammarFault {
    /// No `->`.
    #[error("a rule is written name -> alternatives")]
    NoArrow,

    /// A name that is empty or has white space, quotes, brackets or bars in it.
    #[error("`{name}` is not a name: use letters, digits, `-` and `_`")]
    Name {
        /// The text before the arrow.
        name: String,
    },

    /// A rule that stands twice.
    #[error("`{name}` has a rule already: join both by `|`")]
    Twice {
        /// The name of the rule.
        name: String,
    },

    /// A name without a rule.
    #[error("`{name}` has no rule: add one, or put a terminal in quotes")]
    Undefined {
        /// As it stands in the alternative.
        name: String,
    },

    /// Quotes around anything but one character.
    #[error("{word} is not a terminal: put one character that is no white space in quotes")]
    Terminal {
        /// As it stands in the alternative.
        word: String,
    },

    /// An alternative without symbols.
    #[error("an alternative is empty: let it begin with a terminal")]
    Empty,

    /// An alternative that begins with a name.
    #[error(
        "an alternative begins with `{word}`: put the alternatives of that rule here, so that a terminal is first"
    )]
    First {
        /// The first word.
        word: String,
    },

    /// Two alternatives that begin with the same terminal.
    #[error(
        "two alternatives begin with '{symbol}': join them, and leave the choice to a rule that follows"
    )]
    SameFirst {
        /// The terminal.
        symbol: char,
    },

    /// Not a number in brackets.
    #[error(
        "{word} is not a probability: write a number above 0 and up to 1 in brackets, as [0.5]"
    )]
    Probability {
        /// As it stands in the alternative.
        word: String,
    },

    /// Probabilities of some alternatives only.
    #[error("some alternatives have no probability: give one to each or to none")]
    SomeProbabilities,

    /// Probabilities that do not sum to one.
    #[error("the probabilities sum to {sum}: let them sum to 1")]
    Sum {
        /// Their sum.
        sum: f64,
    },
}
