//! Dates as people write them.

use rand::{Rng, RngExt};

use crate::batch::{Batch, Symbols};

/// Dates from 1950 to 2049 as people write them, to be written as in ISO 8601: "the 3rd of may '98", "may 3, 1998",
/// "3.5.98" and "03/05/1998" are 1998-05-03.
///
/// A year of two digits is that of the range. In dates of numbers alone, the day comes first.
///
/// ```
/// use bptt_tasks::Dates;
///
/// let batch = Dates.batch(&mut bptt_layers::rng(3), 2);
/// assert_eq!(Dates::text(&batch.inputs.sequences()[1]), "the 6th of february '12");
/// let iso: Vec<usize> = batch.targets.iter().skip(1).step_by(2).copied().collect();
/// assert_eq!(Dates::iso_text(&iso), "2012-02-06");
/// assert_eq!(Dates::symbols("3.5.98").map(|symbols| symbols.len()), Some(6));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dates;

/// The characters of the source symbols.
const CHARACTERS: &str = "0123456789 .,/'abcdefghijklmnopqrstuvwxyz";

/// The characters of the target symbols.
const ISO_CHARACTERS: &str = "0123456789-";

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

impl Dates {
    /// The number of source symbols.
    pub const ALPHABET: usize = CHARACTERS.len();

    /// The number of target symbols: digits, the hyphen, [`END`](Self::END) and [`START`](Self::START).
    pub const ISO_ALPHABET: usize = 13;

    /// The target symbol that ends a date.
    pub const END: usize = 11;

    /// The symbol that a decoder reads first. It is no target.
    pub const START: usize = 12;

    /// The number of target steps: ten characters and the end.
    pub const ISO_STEPS: usize = 11;

    /// Draws dates, and the same dates in ISO 8601, each with the end, `[11, B]`.
    #[must_use]
    pub fn batch(&self, rng: &mut impl Rng, batch: usize) -> Batch<Symbols, Vec<usize>> {
        let drawn: Vec<[String; 2]> = (0..batch).map(|_| date(rng)).collect();
        let sources: Vec<_> = drawn.iter().map(|[text, _]| symbols(CHARACTERS, text)).collect();
        let isos: Vec<_> = drawn.iter().map(|[_, iso]| symbols(ISO_CHARACTERS, iso)).collect();
        let targets = (0..Self::ISO_STEPS)
            .flat_map(|t| isos.iter().map(move |iso| iso.get(t).copied().unwrap_or(Self::END)));
        Batch { inputs: Symbols::new(&sources), targets: targets.collect() }
    }

    /// Returns the source symbols of a text, or `None` if it has other characters.
    #[must_use]
    pub fn symbols(text: &str) -> Option<Vec<usize>> {
        text.chars().map(|character| CHARACTERS.find(character)).collect()
    }

    /// Returns the text of source symbols.
    ///
    /// # Panics
    ///
    /// If a symbol is not less than [`ALPHABET`](Self::ALPHABET).
    #[track_caller]
    #[must_use]
    pub fn text(symbols: &[usize]) -> String {
        symbols.iter().map(|&symbol| char::from(CHARACTERS.as_bytes()[symbol])).collect()
    }

    /// Returns the text of target symbols up to the end.
    #[must_use]
    pub fn iso_text(symbols: &[usize]) -> String {
        let characters = ISO_CHARACTERS.as_bytes();
        symbols.iter().map_while(|&symbol| characters.get(symbol)).map(|&c| char::from(c)).collect()
    }
}

/// Returns a date as people write it, and in ISO 8601.
fn date(rng: &mut impl Rng) -> [String; 2] {
    let (year, month) = (rng.random_range(1950..2050), rng.random_range(1..=12));
    let day = rng.random_range(1..=days(year, month));
    let short = year % 100;
    let name = MONTHS[month - 1];
    let text = match rng.random_range(0..7) {
        0 => format!("{day} {name} {year}"),
        1 => format!("{day} {name}, {year}"),
        2 => format!("{name} {day}, {year}"),
        3 => format!("{day}{} of {name}, {year}", ordinal(day)),
        4 => format!("the {day}{} of {name} '{short:02}", ordinal(day)),
        5 => format!("{day}.{month}.{short:02}"),
        _ => format!("{day:02}/{month:02}/{year}"),
    };
    [text, format!("{year}-{month:02}-{day:02}")]
}

/// Returns the number of days of a month. All years of the range that four divides are leap years.
fn days(year: usize, month: usize) -> usize {
    match month {
        2 => 28 + usize::from(year.is_multiple_of(4)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn ordinal(day: usize) -> &'static str {
    match (day, day % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    }
}

fn symbols(alphabet: &str, text: &str) -> Vec<usize> {
    text.chars().map(|c| alphabet.find(c).expect("a character of the alphabet")).collect()
}
