//! What was compared, and how near it was.

use std::collections::BTreeMap;

use crate::violation::{Named, Nearness, Violation, compare};

/// A parameter or input, and by how many steps the output comes after its use.
pub(crate) type Use = (String, Option<isize>);

/// How near the comparisons of a law were.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    pub(crate) compared: u64,
    pub(crate) excluded: u64,
    pub(crate) worst: f64,
    pub(crate) errors: BTreeMap<Use, Histogram>,
    /// Whether laws that cannot tell at once which derivative is wrong shall look for it.
    pub(crate) in_detail: bool,
    /// By how much more than the tolerance two ways may differ, where rounding moves results by as much.
    pub(crate) slack: f64,
}

impl Evidence {
    /// The number of comparisons.
    #[must_use]
    pub fn compared(&self) -> u64 {
        self.compared
    }

    /// The derivatives that were excluded: the function has a kink or jump there, or values so large that their
    /// rounding hides its slope.
    #[must_use]
    pub fn excluded(&self) -> u64 {
        self.excluded
    }

    /// The largest relative error that was let pass.
    #[must_use]
    pub fn worst(&self) -> f64 {
        self.worst
    }

    /// Notes a comparison.
    pub(crate) fn note(&mut self, error: f64) {
        self.compared += 1;
        self.worst = self.worst.max(error);
    }

    /// Notes a comparison of the derivative in a parameter or input.
    pub(crate) fn note_of(&mut self, name: &str, lag: Option<isize>, error: f64) {
        self.note(error);
        self.errors.entry((name.to_owned(), lag)).or_default().add(error);
    }

    /// Compares and notes the largest error. What is computed in two ways may differ by the slack as well.
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

/// Errors by their order of magnitude.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Histogram {
    counts: [u64; Self::BINS],
}

impl Histogram {
    pub(crate) const BINS: usize = 12;

    /// The exponent of ten that the first bin ends at: it holds all that is below, 0 too.
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
