//! Evidence: the comparisons of a law, and their errors.

use std::collections::BTreeMap;

use crate::violation::{Named, Nearness, Violation, compare};

/// A parameter or input, and the lag: the number of steps from its use to the output.
pub(crate) type Use = (String, Option<isize>);

/// The number of comparisons of a law, and their errors.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    pub(crate) compared: u64,
    pub(crate) excluded: u64,
    pub(crate) worst: f64,
    pub(crate) errors: BTreeMap<Use, Histogram>,
    /// Whether a law that compares all derivatives together should search for the one that is wrong.
    pub(crate) in_detail: bool,
    /// An allowance for rounding errors, in addition to the tolerance.
    pub(crate) slack: f64,
}

impl Evidence {
    /// The number of comparisons.
    #[must_use]
    pub fn compared(&self) -> u64 {
        self.compared
    }

    /// The number of excluded derivatives. The function has a kink or jump there, or its values are so large that their
    /// rounding hides the slope.
    #[must_use]
    pub fn excluded(&self) -> u64 {
        self.excluded
    }

    /// The largest relative error within the tolerance.
    #[must_use]
    pub fn worst(&self) -> f64 {
        self.worst
    }

    /// Records a comparison.
    pub(crate) fn note(&mut self, error: f64) {
        self.compared += 1;
        self.worst = self.worst.max(error);
    }

    /// Records a comparison of the derivative in a parameter or input.
    pub(crate) fn note_of(&mut self, name: &str, lag: Option<isize>, error: f64) {
        self.note(error);
        self.errors.entry((name.to_owned(), lag)).or_default().add(error);
    }

    /// Compares, and records the largest error. Relative tolerances grow by the slack.
    pub(crate) fn compare(
        &mut self,
        found: (&'static str, &[Named]),
        expected: (&'static str, &[Named]),
        nearness: Nearness,
    ) -> Result<(), Violation> {
        let nearness = match nearness {
            Nearness::Bits => Nearness::Bits,
            Nearness::Relative(tolerance) => Nearness::Relative(tolerance + self.slack),
        };
        let error = compare(found, expected, nearness)?;
        self.note(error);
        Ok(())
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.compared += other.compared;
        self.excluded += other.excluded;
        self.worst = self.worst.max(other.worst);
        for (key, histogram) in other.errors {
            self.errors.entry(key).or_default().merge(&histogram);
        }
    }
}

/// The numbers of errors of each order of magnitude.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Histogram {
    counts: [u64; Self::BINS],
}

impl Histogram {
    pub(crate) const BINS: usize = 12;

    /// The exponent of ten at which the first bin ends. This bin holds all smaller errors, including 0.
    pub(crate) const FIRST: i32 = -16;

    fn add(&mut self, error: f64) {
        let exponent = error.log10().ceil();
        let bin = (exponent - f64::from(Self::FIRST)).clamp(0.0, (Self::BINS - 1) as f64);
        self.counts[bin as usize] += 1;
    }

    fn merge(&mut self, other: &Self) {
        self.counts.iter_mut().zip(other.counts).for_each(|(count, more)| *count += more);
    }

    pub(crate) fn counts(&self) -> &[u64; Self::BINS] {
        &self.counts
    }

    pub(crate) fn total(&self) -> u64 {
        self.counts.iter().sum()
    }
}
