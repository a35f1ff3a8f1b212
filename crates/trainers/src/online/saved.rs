//! Reading and writing the state of a learner.

use std::collections::BTreeSet;
use std::num::ParseIntError;
use std::str::FromStr;

use bptt_layers::Xoshiro256PlusPlus;
use bptt_layers::weights::{Archive, WeightsError, WeightsProblem};
use bptt_tensor::{Scalar, Shape, Tensor};

use super::recorded_step::ByParameter;

/// A whole number is saved as two digits to this base, since an element of single precision holds it only below `2²⁴`.
const BASE: usize = 1 << 12;
/// The first high digit that an element does not hold.
const HIGHEST: usize = 1 << 24;

/// Writes parts of the state of a learner, by names that begin with the number of the sequence.
pub(super) struct Saving<'a, T: Scalar> {
    archive: &'a mut Archive<T>,
    /// The name and shape of each parameter.
    pub(super) parameters: &'a [(String, Shape)],
    group: String,
}

impl<'a, T: Scalar> Saving<'a, T> {
    pub(super) fn new(archive: &'a mut Archive<T>, parameters: &'a [(String, Shape)]) -> Self {
        Self { archive, parameters, group: String::new() }
    }

    /// Goes on to a sequence.
    pub(super) fn within(&mut self, sequence: usize) {
        self.group = format!("{sequence}.");
    }

    pub(super) fn text(&mut self, name: &str, text: impl ToString) {
        self.archive.set_text(&format!("{}{name}", self.group), text);
    }

    pub(super) fn tensor(&mut self, name: &str, tensor: Tensor<T>) {
        self.archive.insert(format!("{}{name}", self.group), tensor);
    }

    /// Writes whole numbers as a tensor `[N, 2]`, exactly.
    pub(super) fn numbers(&mut self, name: &str, numbers: &[usize]) {
        let mut digits = Vec::with_capacity(2 * numbers.len());
        for &number in numbers {
            assert!(number / BASE < HIGHEST, "the state of a learner holds numbers below 2³⁶");
            digits.extend([number / BASE, number % BASE].map(|digit| T::of(digit as f64)));
        }
        self.tensor(name, Tensor::from_vec([numbers.len(), 2], digits));
    }

    /// Writes for which parameters something exists, as a text of their positions.
    pub(super) fn existing(&mut self, group: &str, exists: impl Iterator<Item = bool>) {
        let positions = exists.enumerate().filter(|(_, exists)| *exists);
        let positions: Vec<_> = positions.map(|(position, _)| position.to_string()).collect();
        self.text(group, positions.join(" "));
    }

    /// Writes the tensors that exist, by the names of the parameters.
    pub(super) fn by_parameter(&mut self, group: &str, tensors: &ByParameter<T>) {
        self.existing(group, tensors.iter().map(Option::is_some));
        for ((name, _), tensor) in self.parameters.iter().zip(tensors) {
            let Some(tensor) = tensor else { continue };
            self.tensor(&format!("{group}.{name}"), tensor.clone());
        }
    }

    pub(super) fn rng(&mut self, name: &str, rng: &Xoshiro256PlusPlus) {
        self.archive.set_rng(&format!("{}{name}", self.group), rng);
    }
}

/// Reads what a [`Saving`] wrote, and knows what was read.
pub(super) struct Saved<'a, T: Scalar> {
    archive: &'a Archive<T>,
    /// The name and shape of each parameter.
    pub(super) parameters: &'a [(String, Shape)],
    group: String,
    read: BTreeSet<String>,
}

impl<'a, T: Scalar> Saved<'a, T> {
    pub(super) fn new(archive: &'a Archive<T>, parameters: &'a [(String, Shape)]) -> Self {
        Self { archive, parameters, group: String::new(), read: BTreeSet::new() }
    }

    /// Goes on to a sequence.
    pub(super) fn within(&mut self, sequence: usize) {
        self.group = format!("{sequence}.");
    }

    pub(super) fn parse<V: FromStr>(
        &mut self,
        name: &str,
        sensible: impl Fn(&V) -> bool,
    ) -> Result<V, WeightsError> {
        let name = self.reading(name);
        self.archive.parse_if(&name, sensible)
    }

    pub(super) fn tensor(&mut self, name: &str, shape: &Shape) -> Result<Tensor<T>, WeightsError> {
        let name = self.reading(name);
        self.archive.shaped(&name, shape).cloned()
    }

    /// Reads `count` whole numbers, each of which is at most `largest`.
    pub(super) fn numbers(
        &mut self,
        name: &str,
        count: usize,
        largest: usize,
    ) -> Result<Vec<usize>, WeightsError> {
        let digits = self.tensor(name, &Shape::from([count, 2]))?;
        let number = |digits: &[T]| {
            let [high, low] = [digits[0].to_usize()?, digits[1].to_usize()?];
            let number = high.checked_mul(BASE)?.checked_add(low)?;
            let is_whole = digits.iter().all(|digit| digit.fract() == T::zero());
            (is_whole && low < BASE && number <= largest).then_some(number)
        };
        let numbers = digits.as_slice().chunks_exact(2).map(number).collect();
        self.expect(name, numbers)
    }

    /// Returns what a tensor stands for, or refuses it if that is `None`.
    pub(super) fn expect<V>(&self, name: &str, content: Option<V>) -> Result<V, WeightsError> {
        content.ok_or_else(|| {
            let problem =
                WeightsProblem::UnexpectedTensor { tensor: format!("{}{name}", self.group) };
            WeightsError { file: None, group: String::new(), problem: Box::new(problem) }
        })
    }

    /// Returns for each parameter whether something exists for it.
    pub(super) fn existing(&mut self, group: &str) -> Result<Vec<bool>, WeightsError> {
        let count = self.parameters.len();
        let Positions(positions) = self.parse(group, |Positions(positions)| {
            positions.is_sorted_by(|a, b| a < b)
                && positions.last().is_none_or(|&last| last < count)
        })?;
        Ok((0..count).map(|position| positions.contains(&position)).collect())
    }

    /// Reads the tensors that exist, by the names of the parameters. Each is `[P]`, or `[rows, P]`, for the `P`
    /// elements of the parameter.
    pub(super) fn by_parameter(
        &mut self,
        group: &str,
        rows: Option<usize>,
    ) -> Result<ByParameter<T>, WeightsError> {
        let mut tensors = Vec::with_capacity(self.parameters.len());
        let existing = self.existing(group)?;
        for ((name, shape), exists) in self.parameters.iter().zip(existing) {
            let shape: Vec<_> = rows.into_iter().chain([shape.elements()]).collect();
            tensors.push(match exists {
                true => Some(self.tensor(&format!("{group}.{name}"), &Shape::from(shape))?),
                false => None,
            });
        }
        Ok(tensors)
    }

    pub(super) fn rng(&mut self, name: &str) -> Result<Xoshiro256PlusPlus, WeightsError> {
        let name = self.reading(name);
        self.archive.rng(&name)
    }

    /// Refuses an archive with entries that nobody read.
    pub(super) fn expect_no_more(&self) -> Result<(), WeightsError> {
        self.archive.expect_tensors(|name| self.read.contains(name))?;
        self.archive.expect_texts(|name| self.read.contains(name))
    }

    fn reading(&mut self, name: &str) -> String {
        let name = format!("{}{name}", self.group);
        self.read.insert(name.clone());
        name
    }
}

/// The positions of parameters, separated by blanks.
struct Positions(Vec<usize>);

impl FromStr for Positions {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split_whitespace().map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}
