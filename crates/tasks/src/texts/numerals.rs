//! Numbers in words.

/// The numbers from 0 to 99 in words.
///
/// English says tens before units, German units before tens. To translate takes a memory.
///
/// ```
/// use bptt_tasks::Numerals::{English, German};
///
/// assert_eq!(English.text(&English.words(47)), "forty seven");
/// assert_eq!(German.text(&German.words(47)), "sieben und vierzig");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Numerals {
    /// `forty seven`
    English,
    /// `sieben und vierzig`
    German,
}

#[rustfmt::skip]
const ENGLISH: [&str; 28] = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
    "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
    "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
];

#[rustfmt::skip]
const GERMAN: [&str; 30] = [
    "null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun",
    "zehn", "elf", "zwölf", "dreizehn", "vierzehn", "fünfzehn", "sechzehn", "siebzehn", "achtzehn", "neunzehn",
    "zwanzig", "dreißig", "vierzig", "fünfzig", "sechzig", "siebzig", "achtzig", "neunzig",
    "und", "ein",
];

const UND: usize = 28;
const EIN: usize = 29;

impl Numerals {
    /// The symbol behind the words of a name, in both languages.
    pub const END: usize = 30;

    /// Returns the words by their symbols.
    #[must_use]
    pub fn vocabulary(self) -> &'static [&'static str] {
        match self {
            Self::English => &ENGLISH,
            Self::German => &GERMAN,
        }
    }

    /// Returns the symbols of the words for a number.
    ///
    /// # Panics
    ///
    /// If the number is greater than 99.
    #[track_caller]
    #[must_use]
    pub fn words(self, number: usize) -> Vec<usize> {
        assert!(number < 100, "numerals go from 0 to 99, not to {number}");
        let (tens, unit) = (18 + number / 10, number % 10);
        match (self, number, unit) {
            (_, ..20, _) => vec![number],
            (_, _, 0) => vec![tens],
            (Self::English, ..) => vec![tens, unit],
            (Self::German, _, 1) => vec![EIN, UND, tens],
            (Self::German, ..) => vec![unit, UND, tens],
        }
    }

    /// Returns the symbols of names `[4, B]` in row-major order. Behind the words stands [`END`](Self::END).
    ///
    /// # Panics
    ///
    /// If a number is greater than 99.
    #[track_caller]
    #[must_use]
    pub fn names(self, numbers: &[usize]) -> Vec<usize> {
        let names: Vec<Vec<usize>> = numbers.iter().map(|&number| self.words(number)).collect();
        let word = |t: usize| names.iter().map(move |name| *name.get(t).unwrap_or(&Self::END));
        (0..4).flat_map(word).collect()
    }

    /// Writes words.
    ///
    /// # Panics
    ///
    /// If a symbol is not that of a word.
    #[track_caller]
    #[must_use]
    pub fn text(self, words: &[usize]) -> String {
        super::text(self.vocabulary(), words)
    }
}
