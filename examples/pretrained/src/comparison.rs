//! A model beside its original: do they decide the same, how far are their numbers apart, how long do they take?

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use bptt::weights::Archive;

use crate::error::Error;
use crate::models::{Prediction, Published};
use crate::reference::{Case, Reference};
use crate::report::Report;

/// Rounds over all inputs before the measured ones.
const WARM_UP: usize = 3;
/// Fewest measured rounds, however long they take.
const ROUNDS: usize = 11;

/// Runs the model of a folder on the inputs of its reference, and writes a table. Rounds over all inputs are timed for
/// as long as `budget`.
pub(crate) fn compare<P: Published>(
    folder: &Path,
    budget: Duration,
    out: &mut impl Write,
) -> Result<(), Error> {
    let reference = Reference::<P::Input>::load(&folder.join("reference.json"))?;
    let mut model = P::load(&Archive::load(folder.join("model.safetensors"))?)?;
    let found: Vec<Prediction> =
        reference.cases.iter().map(|case| model.predict(&case.input)).collect();
    let agreement = Agreement::of(&reference.cases, &found)?;
    let seconds = seconds_per_unit(&mut model, &reference.cases, budget);
    write!(out, "{}", Report { reference: &reference, agreement: &agreement, seconds })?;
    agreement.verdict()
}

/// How far the predictions are those of the original.
#[derive(Debug, Default)]
pub(crate) struct Agreement {
    pub(crate) inputs: usize,
    /// The inputs for which a decision differs.
    pub(crate) differing: Vec<usize>,
    /// The numbers that were compared, those of inputs with the same decisions.
    pub(crate) numbers: usize,
    pub(crate) largest_difference: f32,
}

impl Agreement {
    pub(crate) fn of<I>(cases: &[Case<I>], found: &[Prediction]) -> Result<Self, Error> {
        let mut agreement = Self { inputs: cases.len(), ..Self::default() };
        for (number, (Case { expected, .. }, found)) in cases.iter().zip(found).enumerate() {
            if expected.decisions != found.decisions {
                agreement.differing.push(number);
                continue; // what was computed after another decision cannot be compared
            }
            let (found, expected) = (&found.numbers, &expected.numbers);
            if found.len() != expected.len() {
                return Err(Error::Count { number, found: found.len(), expected: expected.len() });
            }
            agreement.numbers += found.len();
            let differences = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
            agreement.largest_difference = differences.fold(agreement.largest_difference, larger);
        }
        Ok(agreement)
    }

    fn verdict(&self) -> Result<(), Error> {
        match self.differing[..] {
            [] if self.largest_difference.is_nan() => Err(Error::NotANumber),
            [] => Ok(()),
            [first, ..] => {
                Err(Error::Decisions { differing: self.differing.len(), all: self.inputs, first })
            }
        }
    }
}

/// The larger of two numbers, and NaN if one is NaN.
fn larger(a: f32, b: f32) -> f32 {
    if a.is_nan() || a > b { a } else { b }
}

/// The median over the inputs of the time of a unit, which is the median over rounds.
fn seconds_per_unit<P: Published>(
    model: &mut P,
    cases: &[Case<P::Input>],
    budget: Duration,
) -> f64 {
    for _ in 0..WARM_UP {
        for case in cases {
            model.predict(&case.input);
        }
    }
    let mut times = vec![Vec::new(); cases.len()];
    let start = Instant::now();
    while times[0].len() < ROUNDS || start.elapsed() < budget {
        for (case, times) in cases.iter().zip(&mut times) {
            let start = Instant::now();
            model.predict(&case.input);
            times.push(start.elapsed().as_secs_f64() / case.units.get() as f64);
        }
    }
    median(times.into_iter().map(median).collect())
}

/// The median of numbers, of which there is at least one.
pub(crate) fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let [lower, upper] = [(numbers.len() - 1) / 2, numbers.len() / 2].map(|place| numbers[place]);
    f64::midpoint(lower, upper)
}
