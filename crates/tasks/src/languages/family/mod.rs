//! The languages by name and parameters, and the rules of each.

mod parameters;
mod rules;

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::str::FromStr;

use self::parameters::Parameters;
use crate::languages::grammar::Grammar;
use crate::languages::{LanguageError, notation};

const REBER: &str = include_str!("../grammars/reber.txt");
const EMBEDDED: &str = include_str!("../grammars/embedded-reber.txt");
const AGREEMENT: &str = include_str!("../grammars/agreement.txt");

/// A language by its name and parameters.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Family {
    Reber,
    EmbeddedReber,
    /// `aⁿbⁿ` or `aⁿbⁿcⁿ`.
    Counting {
        letters: Letters,
        max: usize,
        ratio: f64,
    },
    Dyck {
        kinds: usize,
        depth: usize,
        open: f64,
    },
    Markov {
        order: u32,
        symbols: usize,
        seed: u64,
    },
    /// The grammar of a file, or that of agreement.
    Pcfg {
        path: Option<String>,
    },
}

/// The letters of a language of the form `aⁿbⁿ`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Letters {
    Ab,
    Abc,
}

impl Letters {
    fn name(self) -> &'static str {
        match self {
            Self::Ab => "anbn",
            Self::Abc => "anbncn",
        }
    }
}

impl Family {
    /// Builds the grammar of the language. That of a file is read.
    pub(super) fn grammar(&self) -> Result<Grammar, LanguageError> {
        let rules = match self {
            Self::Reber => notation::parse(REBER)?,
            Self::EmbeddedReber => notation::parse(&format!("{EMBEDDED}{REBER}"))?,
            &Self::Counting { letters: Letters::Ab, max, ratio } => {
                rules::counting(&['b'], max, ratio)
            }
            &Self::Counting { letters: Letters::Abc, max, ratio } => {
                rules::counting(&['b', 'c'], max, ratio)
            }
            &Self::Dyck { kinds, depth, open } => rules::dyck(kinds, depth, open)?,
            &Self::Markov { order, symbols, seed } => rules::markov(order, symbols, seed)?,
            Self::Pcfg { path: None } => notation::parse(AGREEMENT)?,
            Self::Pcfg { path: Some(path) } => {
                let text = read(path);
                let text =
                    text.map_err(|source| LanguageError::Read { path: path.clone(), source })?;
                notation::parse(&text)?
            }
        };
        Grammar::new(rules)
    }
}

/// Reads the file of a grammar.
fn read(path: &str) -> io::Result<String> {
    /// The largest size of a file. No grammar with the largest number of rules is longer.
    const MOST_BYTES: u64 = 1 << 20;

    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut text = String::new();
    file.take(MOST_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MOST_BYTES {
        return Err(io::Error::other("it is longer than 1 MiB, so it is no grammar"));
    }
    Ok(text)
}

impl FromStr for Family {
    type Err = LanguageError;

    fn from_str(text: &str) -> Result<Self, LanguageError> {
        let (name, rest) = match text.split_once(':') {
            Some((name, rest)) => (name, Some(rest)),
            None => (text, None),
        };
        match name {
            "reber" => Parameters::none("reber", rest).map(|()| Self::Reber),
            "embedded-reber" | "continual-embedded-reber" => {
                Parameters::none("embedded-reber", rest).map(|()| Self::EmbeddedReber)
            }
            "anbn" => Self::counting(Letters::Ab, rest),
            "anbncn" => Self::counting(Letters::Abc, rest),
            "dyck" => Self::dyck(rest),
            "markov" => Self::markov(rest),
            "pcfg" => Ok(Self::Pcfg { path: rest.map(str::to_owned) }),
            _ => Err(LanguageError::Unknown { name: name.to_owned() }),
        }
    }
}

impl Family {
    fn counting(letters: Letters, rest: Option<&str>) -> Result<Self, LanguageError> {
        let mut given = Parameters::new(letters.name(), rest)?;
        let max = given.take("max", 10, "from 1 to 1000", |max| (1..=1000).contains(max))?;
        let ratio =
            given.take("ratio", 1.0, "from 0.001 to 1", |ratio| (0.001..=1.0).contains(ratio))?;
        given.finish()?;
        Ok(Self::Counting { letters, max, ratio })
    }

    fn dyck(rest: Option<&str>) -> Result<Self, LanguageError> {
        let mut given = Parameters::new("dyck", rest)?;
        let kinds = given
            .take("kinds", 2, "from 1 to 30", |kinds| (1..=rules::MOST_KINDS).contains(kinds))?;
        let depth = given.take("depth", 4, "of at least 1", |&depth| depth >= 1)?;
        let open = given
            .take("open", 0.5, "from 0.001 to 0.999", |open| (0.001..=0.999).contains(open))?;
        given.finish()?;
        Ok(Self::Dyck { kinds, depth, open })
    }

    fn markov(rest: Option<&str>) -> Result<Self, LanguageError> {
        let mut given = Parameters::new("markov", rest)?;
        let order = given.take("order", 2, "of at least 0", |_| true)?;
        let symbols =
            given.take("symbols", 8, "from 2 to 26", |symbols| (2..=26).contains(symbols))?;
        let seed = given.take("seed", 1, "from 0 to 18446744073709551615", |_| true)?;
        given.finish()?;
        Ok(Self::Markov { order, symbols, seed })
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reber => f.write_str("reber"),
            Self::EmbeddedReber => f.write_str("embedded-reber"),
            Self::Counting { letters, max, ratio } => {
                write!(f, "{}:max={max},ratio={ratio}", letters.name())
            }
            Self::Dyck { kinds, depth, open } => {
                write!(f, "dyck:kinds={kinds},depth={depth},open={open}")
            }
            Self::Markov { order, symbols, seed } => {
                write!(f, "markov:order={order},symbols={symbols},seed={seed}")
            }
            Self::Pcfg { path: None } => f.write_str("pcfg"),
            Self::Pcfg { path: Some(path) } => write!(f, "pcfg:{path}"),
        }
    }
}
