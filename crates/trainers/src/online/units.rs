//! The unit of an element-wise recurrence that each parameter influences.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use bptt_layers::weights::WeightsError;
use bptt_tensor::{Scalar, Tensor};

use super::error::OnlineError;
use super::recorded_step::{ByParameter, RecordedStep};
use super::saved::{Saved, Saving};

/// The units that are known so far. A unit has the same position in all traced variables of the state.
#[derive(Clone, Debug, Default)]
pub(super) struct Units {
    /// The unit of each element of each parameter. Empty before the first search.
    parameters: Vec<UnitsOf>,
    /// Whether a step has been searched for influences between units.
    is_checked: bool,
}

/// The unit of each element of a parameter; `None` while it has had no influence.
#[derive(Clone, Debug)]
struct UnitsOf(Vec<Option<usize>>);

impl Units {
    /// Whether a step, or the initial state, shows an influence of a parameter whose unit is not known, or no step was
    /// searched yet.
    pub(super) fn need_a_search<'a, T: Scalar>(
        &self,
        is_step: bool,
        mut immediate: impl Iterator<Item = &'a ByParameter<T>>,
    ) -> bool {
        let is_new = |influence: &ByParameter<T>| {
            influence.iter().enumerate().any(|(parameter, influence)| {
                let known = self.parameters.get(parameter);
                influence.iter().flat_map(Tensor::iter).enumerate().any(|(element, influence)| {
                    is_influence(*influence) && known.is_none_or(|known| known.0[element].is_none())
                })
            })
        };
        (is_step && !self.is_checked) || immediate.any(is_new)
    }

    /// Finds the units of all parameters that have an influence on the traced variables in this step.
    ///
    /// # Errors
    ///
    /// If a parameter influences several units, or a unit influences another.
    pub(super) fn search<T: Scalar>(
        &mut self,
        step: &RecordedStep<'_, '_, T>,
        traced: &[Range<usize>],
    ) -> Result<(), OnlineError> {
        let mut units = self.parameters.clone();
        if units.is_empty() {
            units = step.widths().into_iter().map(|width| UnitsOf(vec![None; width])).collect();
        }
        for elements in traced {
            for unit in 0..elements.len() {
                let row = step.row(elements.start + unit);
                let refuse = |cause: String| {
                    let variable = step.path_of(elements.start).to_owned();
                    Err(OnlineError::NotElementwise { variable, element: unit, cause })
                };
                for other in traced {
                    // no entries for the initial state
                    let slopes = row.state.get(other.clone()).unwrap_or_default();
                    let mut others = slopes.iter().enumerate().filter(|(from, _)| *from != unit);
                    if let Some((from, _)) = others.find(|(_, slope)| is_influence(**slope)) {
                        let path = step.path_of(other.start);
                        return refuse(format!("element {from} of `{path}` before"));
                    }
                }
                for (parameter, influence) in row.parameters.iter().enumerate() {
                    let own = influence.iter().flat_map(Tensor::iter).zip(&mut units[parameter].0);
                    for (_, known) in own.filter(|(influence, _)| is_influence(**influence)) {
                        if let Some(known) = known.filter(|known| *known != unit) {
                            let name = step.name_of(parameter);
                            return refuse(format!(
                                "an element of the parameter `{name}` that also influences element {known}"
                            ));
                        }
                        *known = Some(unit);
                    }
                }
            }
        }
        self.parameters = units;
        self.is_checked |= step.has_past();
        Ok(())
    }

    /// Returns the entries `[P]` of a parameter, each times the entry of its unit.
    pub(super) fn scaled<T: Scalar>(
        &self,
        parameter: usize,
        entries: &Tensor<T>,
        by_unit: &[T],
    ) -> Tensor<T> {
        let units = self.parameters.get(parameter).map_or(&[][..], |units| &units.0);
        Tensor::from_fn(entries.shape(), |element| {
            // a unit that this variable does not have has no influence on it
            let unit = units.get(element).copied().flatten();
            let factor = unit.and_then(|unit| by_unit.get(unit).copied());
            factor.map_or(T::zero(), |factor| factor * entries.as_slice()[element])
        })
    }

    pub(super) fn save<T: Scalar>(&self, saving: &mut Saving<'_, T>) {
        for ((name, _), units) in saving.parameters.iter().zip(&self.parameters) {
            saving.text(&format!("units.{name}"), units);
        }
    }

    /// Returns the units that were saved. The next step is searched again.
    pub(super) fn restored<T: Scalar>(saved: &mut Saved<'_, T>) -> Result<Self, WeightsError> {
        let mut parameters = Vec::new();
        for (name, shape) in saved.parameters {
            let text = format!("units.{name}");
            if saved.has_text(&text) {
                let fits = |units: &UnitsOf| units.0.len() == shape.elements();
                parameters.push(saved.parse(&text, fits)?);
            } else {
                parameters.push(UnitsOf(vec![None; shape.elements()]));
            }
        }
        Ok(Self { parameters, is_checked: false })
    }
}

/// What is not finite is another error.
fn is_influence<T: Scalar>(derivative: T) -> bool {
    derivative != T::zero() && derivative.is_finite()
}

const UNKNOWN: &str = "-";

/// Numbers, separated by blanks.
impl fmt::Display for UnitsOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, unit) in self.0.iter().enumerate() {
            let blank = if position == 0 { "" } else { " " };
            match unit {
                Some(unit) => write!(f, "{blank}{unit}")?,
                None => write!(f, "{blank}{UNKNOWN}")?,
            }
        }
        Ok(())
    }
}

impl FromStr for UnitsOf {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unit = |unit| if unit == UNKNOWN { Ok(None) } else { str::parse(unit).map(Some) };
        text.split_whitespace().map(unit).collect::<Result<_, _>>().map(Self)
    }
}
