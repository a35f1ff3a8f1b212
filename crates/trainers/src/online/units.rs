//! The unit of an elementwise recurrence that each parameter influences.
//!
//! A pull with a cotangent of ones gives the sums of the columns of `J` and of `I`. In an elementwise recurrence each
//! column has one entry, so that the sum is this entry. A pull with a weight for each unit then gives the entry times
//! the weight of its unit. Weights are powers of two, which change no rounding, and a reverse pass is linear: so this
//! holds for every bit, whatever cancels within an entry. Each step is checked by such comparisons, without a tolerance
//! for rounding. [`Codes`] shows that no column of two entries passes.

use std::ops::Range;

use bptt_layers::weights::WeightsError;
use bptt_tensor::{Scalar, Tensor};

use super::codes::{Codes, is_nothing};
use super::error::OnlineError;
use super::recorded_step::{Pulled, RecordedStep};
use super::saved::{Saved, Saving};

/// The units that are known so far. A unit has the same position in all traced variables of the state.
#[derive(Clone, Debug, Default)]
pub(super) struct Units {
    /// The unit of each element of each parameter; `None` while it has had no influence. Empty before the first step.
    parameters: Vec<Vec<Option<usize>>>,
}

impl Units {
    /// Returns the entries of `J` and `I` for each traced variable, each at the position of its column. Notes the unit
    /// of a parameter that has an influence for the first time.
    ///
    /// # Errors
    ///
    /// If a parameter influences several units, or a unit influences another.
    pub(super) fn pull<T: Scalar>(
        &mut self,
        step: &RecordedStep<'_, '_, T>,
        traced: &[(&str, Range<usize>)],
    ) -> Result<Vec<Pulled<T>>, OnlineError> {
        if self.parameters.is_empty() {
            self.parameters = step.widths.iter().map(|&width| vec![None; width]).collect();
        }
        let units = count(traced);
        let codes = Codes::new(units);
        let ones = vec![T::one(); units];
        let pull = |elements: &Range<usize>, weights: &Vec<T>| {
            let mut cotangent = vec![T::zero(); step.size()];
            cotangent[elements.clone()].copy_from_slice(&weights[..elements.len()]);
            step.pull_state(&cotangent)
        };
        let mut columns = Vec::with_capacity(traced.len());
        for (variable, elements) in traced {
            let mut sums = pull(elements, &ones);
            let weighted: Vec<_> = codes.weights().iter().map(|own| pull(elements, own)).collect();
            let mixing = mixing_unit(&codes, &sums, &weighted, traced)
                .or_else(|| self.mixing_parameter(&codes, &mut sums, &weighted, step));
            if let Some(cause) = mixing {
                let variable = (*variable).to_owned();
                return Err(OnlineError::NotElementwise { variable, cause });
            }
            columns.push(sums);
        }
        Ok(columns)
    }

    /// Notes the units of parameters, and looks for an element of a parameter that influences several.
    fn mixing_parameter<T: Scalar>(
        &mut self,
        codes: &Codes<T>,
        sums: &mut Pulled<T>,
        weighted: &[Pulled<T>],
        step: &RecordedStep<'_, '_, T>,
    ) -> Option<String> {
        let sums = sums.parameters.iter_mut();
        for (parameter, (units, sums)) in self.parameters.iter_mut().zip(sums).enumerate() {
            let Some(sums) = sums else { continue };
            let weighted: Vec<_> =
                weighted.iter().filter_map(|own| own.parameters[parameter].as_ref()).collect();
            let sums = sums.as_mut_slice().iter_mut();
            for (element, (unit, sum)) in units.iter_mut().zip(sums).enumerate() {
                let weighted = weighted.iter().map(|weighted| weighted.as_slice()[element]);
                if !follow(codes, unit, sum, weighted) {
                    let name = step.name_of(parameter);
                    return Some(format!(
                        "element {element} of the parameter `{name}` influences several of its elements"
                    ));
                }
            }
        }
        None
    }

    /// Returns the entries `[P]` of a parameter, each times the entry of its unit.
    pub(super) fn scaled<T: Scalar>(
        &self,
        parameter: usize,
        entries: &Tensor<T>,
        by_unit: &[T],
    ) -> Tensor<T> {
        let units = self.parameters.get(parameter).map_or(&[][..], Vec::as_slice);
        Tensor::from_fn(entries.shape(), |element| {
            // a unit that this variable does not have has no influence on it
            let unit = units.get(element).copied().flatten();
            let factor = unit.and_then(|unit| by_unit.get(unit).copied());
            factor.map_or(T::zero(), |factor| factor * entries.as_slice()[element])
        })
    }

    /// Writes the number of each unit, counted from 1, and 0 where none is known.
    pub(super) fn save<T: Scalar>(&self, saving: &mut Saving<'_, T>) {
        let is_known = |units: &Vec<Option<usize>>| units.iter().any(Option::is_some);
        saving.existing("units", self.parameters.iter().map(is_known));
        for ((name, _), units) in saving.parameters.iter().zip(&self.parameters) {
            if is_known(units) {
                let numbers: Vec<_> =
                    units.iter().map(|unit| unit.map_or(0, |unit| unit + 1)).collect();
                saving.numbers(&format!("units.{name}"), &numbers);
            }
        }
    }

    pub(super) fn restored<T: Scalar>(
        saved: &mut Saved<'_, T>,
        traced: &[(&str, Range<usize>)],
    ) -> Result<Self, WeightsError> {
        let count = count(traced);
        let mut parameters = Vec::new();
        for ((name, shape), is_known) in saved.parameters.iter().zip(saved.existing("units")?) {
            let elements = shape.elements();
            let numbers = match is_known {
                true => saved.numbers(&format!("units.{name}"), elements, count)?,
                false => vec![0; elements],
            };
            parameters.push(numbers.into_iter().map(|number| number.checked_sub(1)).collect());
        }
        Ok(Self { parameters })
    }
}

/// Looks for an element of a traced variable that influences another unit.
fn mixing_unit<T: Scalar>(
    codes: &Codes<T>,
    sums: &Pulled<T>,
    weighted: &[Pulled<T>],
    traced: &[(&str, Range<usize>)],
) -> Option<String> {
    for (path, elements) in traced {
        // the initial state has none before
        let elements = elements.clone().take_while(|element| *element < sums.state.len());
        for (unit, element) in elements.enumerate() {
            let weighted = weighted.iter().map(|own| own.state[element]);
            if !codes.are_of(unit, sums.state[element], weighted) {
                return Some(format!(
                    "element {unit} of `{path}` before influences another of its elements"
                ));
            }
        }
    }
    None
}

/// Notes the unit of an element of a parameter if this is its first influence. Returns whether it has no other.
fn follow<T: Scalar>(
    codes: &Codes<T>,
    unit: &mut Option<usize>,
    sum: &mut T,
    weighted: impl Iterator<Item = T> + Clone,
) -> bool {
    if let Some(unit) = *unit {
        return codes.are_of(unit, *sum, weighted);
    }
    if weighted.clone().all(|weighted| is_nothing(*sum, weighted)) {
        return true;
    }
    if let Some(overflow) = weighted.clone().find(|weighted| !weighted.is_finite()) {
        *sum = overflow; // an influence that is not finite is another error
        return true;
    }
    *unit = codes.unit_of(*sum, weighted);
    unit.is_some()
}

/// The number of units: the elements of the largest traced variable.
fn count(traced: &[(&str, Range<usize>)]) -> usize {
    traced.iter().map(|(_, elements)| elements.len()).max().unwrap_or(0)
}
