//! The table of a comparison.

use std::fmt;

use crate::comparison::{Agreement, median};
use crate::reference::{Case, Reference};

/// A comparison of a model with its original.
#[derive(Debug)]
pub(crate) struct Report<'r, I> {
    pub(crate) reference: &'r Reference<I>,
    pub(crate) agreement: &'r Agreement,
    /// The time of a unit here.
    pub(crate) seconds: f64,
}

impl<I> Report<'_, I> {
    /// The original's time of a unit.
    fn original_seconds(&self) -> f64 {
        let of_case = |case: &Case<I>| case.seconds / case.units.get() as f64;
        median(self.reference.cases.iter().map(of_case).collect())
    }
}

impl<I> fmt::Display for Report<'_, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Reference { package, runtime, unit, cases } = self.reference;
        let Agreement { inputs, differing, numbers, largest_difference } = self.agreement;
        let (units, agreeing) =
            (cases.iter().map(|case| case.units.get()).sum::<usize>(), inputs - differing.len());
        let original = self.original_seconds();
        writeln!(f, "{package} with {runtime}")?;
        writeln!(f, "inputs                {inputs}, units of time: {units}, each a {unit}")?;
        writeln!(f, "decisions that agree  {agreeing} of {inputs}")?;
        writeln!(f, "largest difference    {largest_difference:.1e}, of {numbers} numbers")?;
        writeln!(f, "time here             {:.4} ms", 1e3 * self.seconds)?;
        writeln!(f, "time of the original  {:.4} ms", 1e3 * original)?;
        writeln!(f, "ratio                 {:.3}", self.seconds / original)
    }
}
