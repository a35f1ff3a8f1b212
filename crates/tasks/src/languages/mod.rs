//! Formal languages whose entropy is known exactly, so that a model's distance to the optimum can be measured.
//!
//! | text | language | source |
//! |---|---|---|
//! | `reber` | sentences of a graph with loops, as `BTXSE` | Reber 1967; Cleeremans, Servan-Schreiber and McClelland 1989 |
//! | `embedded-reber` | `B x r x E` with a Reber sentence `r` and `x` either `T` or `P` | Hochreiter and Schmidhuber 1997 |
//! | `anbn:max=10,ratio=1` | `aⁿbⁿ`, `P(n) ∝ ratioⁿ` for `1 ≤ n ≤ max`; at a ratio of 1 every `n` is equally probable | Gers and Schmidhuber 2001 |
//! | `anbncn:max=10,ratio=1` | `aⁿbⁿcⁿ`, likewise | Gers and Schmidhuber 2001 |
//! | `dyck:kinds=2,depth=4,open=0.5` | balanced brackets of some kinds, nested to a depth at most, and `.` at the end | Hewitt, Hahn, Ganguli, Liang and Manning 2020 |
//! | `markov:order=2,symbols=8,seed=1` | a Markov chain with random transition probabilities | Shannon 1948 |
//! | `pcfg` | agreement of nouns and verbs across nested relative clauses | after Elman 1991 |
//! | `pcfg:PATH` | a grammar of your own | |
//!
//! A stream is sentence after sentence, with no mark between them. It is uniquely decodable, since no sentence is the
//! beginning of another one. Gers, Schmidhuber and Cummins 2000 call this form of the embedded Reber grammar continual,
//! so `continual-embedded-reber` is another name of `embedded-reber`. A Markov chain starts in the context `aa…a`.
//! Its sentences are the pieces between two visits to that context.
//!
//! Dyck words open a bracket with probability `open` wherever they may. Otherwise they close the last one, or end at
//! depth zero. All kinds are equally probable.
//!
//! # One form for all
//!
//! Every language is a probabilistic context-free grammar whose rules have the form `A -> a B C …`: one symbol, and the
//! rules that follow it. The alternatives of a rule begin with different symbols (a simple grammar: Korenjak and
//! Hopcroft 1966). Such a grammar is unambiguous, and the symbols read so far determine which may follow. The true
//! process needs a stack alone, and a symbol's probability is that of its alternative.
//!
//! Let `M_AB` be the expected number of `B` in an alternative of `A`. The expected length `ℓ` and the entropy `h` of
//! what a rule generates follow from linear equations (Grenander 1967; Booth and Thompson 1973):
//!
//! ```text
//! ℓ = 1 + M ℓ        h_A = -Σ p ln p + (M h)_A
//! ```
//!
//! The entropy rate of the endless stream is `h / ℓ` of a sentence, as in every renewal process. Both are finite if the
//! spectral radius of `M` is less than one.
//!
//! # A grammar of your own
//!
//! The notation is that of NLTK's `PCFG.fromstring`. The first rule generates sentences.
//!
//! ```text
//! # Sums in brackets.
//! sum     -> '(' operand '+' operand ')'
//! operand -> 'x' [0.4] | 'y' [0.3] | '(' operand '+' operand ')' [0.3]
//! ```
//!
//! A rule stands on one line. A terminal is one character in quotes. Probabilities of a rule sum to one; a rule without
//! any is even. Each alternative begins with a terminal, and no two alternatives of a rule with the same one. Any other
//! grammar is refused, since in general it is undecidable whether a grammar is ambiguous.

mod entropy;
mod error;
mod family;
mod grammar;
mod limits;
mod notation;
mod reader;
mod window;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use self::error::{GrammarFault, LanguageError};
pub use self::reader::Reader;

use self::family::Family;
use self::grammar::Grammar;

/// A formal language with probabilities, as text such as `embedded-reber` or `dyck:kinds=2,depth=8` names it.
///
/// Parameters that the text leaves out have the values in the [module's table](self). `Display` writes all of them.
///
/// ```
/// use bptt_tasks::languages::Language;
///
/// let language: Language = "embedded-reber".parse()?;
/// // Seven even choices in twelve symbols.
/// assert!((language.entropy_rate() - 7.0 / 12.0 * 2f64.ln()).abs() < 1e-15);
///
/// let text = language.generate(1, 100_000);
/// let surprisals = language.surprisals(&text);
/// let floor = surprisals.iter().sum::<f64>() / surprisals.len() as f64;
/// assert!((floor - language.entropy_rate()).abs() < 2e-3);
/// # Ok::<(), bptt_tasks::languages::LanguageError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Language {
    family: Family,
    grammar: Arc<Grammar>,
}

impl Language {
    /// Returns a stream of whole sentences, of at least so many `symbols`, one character each.
    #[must_use]
    pub fn generate(&self, seed: u64, symbols: usize) -> String {
        let mut rng = bptt_layers::rng(seed);
        let mut reader = self.reader();
        let mut text = String::with_capacity(symbols);
        let mut length = 0;
        while length < symbols || !reader.is_between_sentences() {
            text.push(reader.draw(&mut rng));
            length += 1;
        }
        text
    }

    /// Returns the entropy of the endless stream in nats per symbol: the least loss that any model can reach.
    #[must_use]
    pub fn entropy_rate(&self) -> f64 {
        self.grammar.sentence().entropy / self.sentence_length()
    }

    /// Returns the entropy of a symbol given so many symbols before it, in nats: the least loss that a model with such
    /// a window can reach, as an n-gram of `symbols + 1`.
    ///
    /// Returns `None` if more than 10 000 windows and stacks are possible: for unbounded nesting, as in `pcfg`, and for
    /// long windows.
    ///
    /// ```
    /// let language: bptt_tasks::languages::Language = "reber".parse()?;
    /// // Two symbols tell the node of the Reber graph. One does not.
    /// assert!(language.entropy_given(1) > Some(language.entropy_rate() + 0.1));
    /// assert!(language.entropy_given(2) < Some(language.entropy_rate() + 1e-12));
    /// # Ok::<(), bptt_tasks::languages::LanguageError>(())
    /// ```
    #[must_use]
    pub fn entropy_given(&self, symbols: usize) -> Option<f64> {
        window::entropy_given(&self.grammar, symbols)
    }

    /// Returns the expected number of symbols of a sentence.
    #[must_use]
    pub fn sentence_length(&self) -> f64 {
        self.grammar.sentence().length
    }

    /// Returns `-ln P` of each symbol of a stream, given all symbols before it. Their mean is the least expected loss
    /// on this very text.
    ///
    /// From the first impossible symbol on, all are infinite.
    #[must_use]
    pub fn surprisals(&self, text: &str) -> Vec<f64> {
        let mut reader = self.reader();
        let probabilities = text.chars().map_while(|symbol| reader.read(symbol));
        let mut surprisals: Vec<f64> = probabilities.map(|p| p.ln().abs()).collect();
        surprisals.resize(text.chars().count(), f64::INFINITY);
        surprisals
    }

    /// Returns the true process at the beginning of the stream.
    #[must_use]
    pub fn reader(&self) -> Reader<'_> {
        Reader::new(&self.grammar)
    }

    /// Returns all symbols, sorted.
    #[must_use]
    pub fn alphabet(&self) -> &[char] {
        self.grammar.alphabet()
    }
}

impl FromStr for Language {
    type Err = LanguageError;

    fn from_str(text: &str) -> Result<Self, LanguageError> {
        let family: Family = text.parse()?;
        let grammar = Arc::new(family.grammar()?);
        Ok(Self { family, grammar })
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.family.fmt(f)
    }
}

impl TryFrom<String> for Language {
    type Error = LanguageError;

    fn try_from(text: String) -> Result<Self, LanguageError> {
        text.parse()
    }
}

impl From<Language> for String {
    fn from(language: Language) -> Self {
        language.to_string()
    }
}
