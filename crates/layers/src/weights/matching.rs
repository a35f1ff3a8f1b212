//! Matching the tensors of archives with the parameters of models.

use std::collections::BTreeMap;

use bptt_tensor::{Scalar, Tensor};

use super::archive::Archive;
use super::error::{WeightsError, WeightsProblem};
use super::spelling::Spelling;
use crate::core::module::{Module, ParameterPath};

/// The names that did not match when a model was partly loaded from an archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "tensors that did not match were not loaded"]
#[non_exhaustive]
pub struct Unmatched {
    /// The names of tensors that the model needs and the archive does not have, in the archive's naming. A parameter
    /// with a missing tensor stays as it was.
    pub missing: Vec<String>,
    /// The names of tensors that the archive has and the model does not need.
    pub left_over: Vec<String>,
}

impl<T: Scalar> Archive<T> {
    /// Assigns tensors to the model's parameters of the same names.
    ///
    /// # Errors
    ///
    /// If the archive's tensors are not exactly the model's parameters, in name and shape. The
    /// model then stays as it was.
    pub fn assign_to(&self, model: &mut dyn Module<T>) -> Result<(), WeightsError> {
        let (values, unmatched) = self.matching(model)?;
        self.expect_matched(&unmatched)?;
        values.set(model);
        Ok(())
    }

    /// Assigns tensors to the parameters that the archive has, and returns the names that did not match. PyTorch's
    /// `load_state_dict(…, strict=False)` does the same.
    ///
    /// ```
    /// use bptt_autodiff::Param;
    /// use bptt_layers::weights::Archive;
    /// use bptt_tensor::Tensor;
    ///
    /// let mut model = [Param::new(Tensor::<f32>::zeros([3])), Param::new(Tensor::zeros([2]))];
    /// let mut archive = Archive::new();
    /// archive.insert("0", Tensor::ones([3]));
    /// archive.insert("head", Tensor::ones([5]));
    /// let unmatched = archive.assign_matching_to(&mut model)?;
    /// assert_eq!(unmatched.missing, ["1"]);
    /// assert_eq!(unmatched.left_over, ["head"]);
    /// assert_eq!(model[0].value(), &Tensor::ones([3]));
    /// # Ok::<(), bptt_layers::weights::WeightsError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If a tensor with the name of a parameter has another shape, or a type that a `T` does not hold exactly. The
    /// model then stays as it was.
    pub fn assign_matching_to(&self, model: &mut dyn Module<T>) -> Result<Unmatched, WeightsError> {
        let (values, unmatched) = self.matching(model)?;
        values.set(model);
        Ok(unmatched)
    }

    /// The values of a model's parameters, and the names that did not match.
    fn matching(&self, model: &dyn Module<T>) -> Result<(Values<T>, Unmatched), WeightsError> {
        let mut values = BTreeMap::new();
        let mut missing = Vec::new();
        for (name, parameter) in model.parameters() {
            if self.has_tensor(&name) {
                let value = self.shaped(&name, parameter.shape())?.clone();
                values.insert(name, value);
            } else {
                missing.push(name);
            }
        }
        let unmatched = self.unmatched(missing, |name| values.contains_key(name));
        Ok((Values(values), unmatched))
    }

    /// The missing names, and the present names that are not `known`.
    pub(super) fn unmatched(
        &self,
        missing: Vec<String>,
        known: impl Fn(&str) -> bool,
    ) -> Unmatched {
        let left_over = self.names().filter(|name| !known(name)).map(ToOwned::to_owned).collect();
        Unmatched { missing, left_over }
    }

    /// Refuses names that do not match.
    pub(super) fn expect_matched(&self, unmatched: &Unmatched) -> Result<(), WeightsError> {
        if let Some(name) = unmatched.missing.first() {
            self.stored(name)?;
        }
        match unmatched.left_over.first() {
            None => Ok(()),
            Some(name) => {
                Err(self.error(WeightsProblem::UnexpectedTensor { tensor: name.clone() }))
            }
        }
    }

    /// Refuses a text with this name, in the given `spelling`, if its value differs.
    pub(super) fn expect_setting(
        &self,
        name: &str,
        expected: &str,
        spelling: &Spelling,
    ) -> Result<(), WeightsError> {
        let name = (spelling.essence)(name);
        let text = self.texts.iter().find(|(text, _)| (spelling.essence)(text) == name);
        let Some((text, found)) = text else { return Ok(()) };
        let number = |text: &str| text.parse::<f64>().ok();
        if found == expected || number(found).is_some_and(|it| Some(it) == number(expected)) {
            return Ok(());
        }
        Err(self.error(WeightsProblem::OtherSetting {
            text: text.clone(),
            found: found.clone(),
            expected: expected.to_owned(),
        }))
    }
}

/// Values for a model's parameters, by name, with the parameters' shapes.
struct Values<T: Scalar>(BTreeMap<String, Tensor<T>>);

impl<T: Scalar> Values<T> {
    fn set(&self, model: &mut dyn Module<T>) {
        model.visit_mut(&mut ParameterPath::default(), &mut |name, parameter| {
            if let Some(value) = self.0.get(name) {
                parameter.set(value.clone());
            }
        });
    }
}
