//! Reading and writing the state of a learner.

use std::collections::BTreeSet;
use std::str::FromStr;

use bptt_layers::Xoshiro256PlusPlus;
use bptt_layers::weights::{Archive, WeightsError};
use bptt_tensor::{Scalar, Shape, Tensor};

use super::recorded_step::ByParameter;

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

    /// Writes the tensors that exist, by the names of the parameters.
    pub(super) fn by_parameter(&mut self, group: &str, tensors: &ByParameter<T>) {
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

    pub(super) fn has_text(&self, name: &str) -> bool {
        self.archive.has_text(&format!("{}{name}", self.group))
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

    /// Reads the tensors that exist, by the names of the parameters. Each is `[P]`, or `[rows, P]`, for the `P`
    /// elements of the parameter.
    pub(super) fn by_parameter(
        &mut self,
        group: &str,
        rows: Option<usize>,
    ) -> Result<ByParameter<T>, WeightsError> {
        let mut tensors = Vec::with_capacity(self.parameters.len());
        for (name, shape) in self.parameters {
            let shape: Vec<_> = rows.into_iter().chain([shape.elements()]).collect();
            let name = format!("{group}.{name}");
            let exists = self.archive.has_tensor(&format!("{}{name}", self.group));
            tensors.push(match exists {
                true => Some(self.tensor(&name, &Shape::from(shape))?),
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
