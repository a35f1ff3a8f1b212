//! Parameters of which each time step has its own.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::param::ParamId;

/// The positions of the variables that stand for a parameter, by the step that uses them; `None` before and after all steps.
type Uses = BTreeMap<(ParamId, Option<u32>), u32>;

/// What is known of parameters by step, on a tape made by [`Tape::untied`](crate::Tape::untied).
#[derive(Debug, Default)]
pub(crate) struct Untied(Option<RefCell<Uses>>);

impl Untied {
    pub(super) fn by_step() -> Self {
        Self(Some(RefCell::default()))
    }

    pub(super) fn is_by_step(&self) -> bool {
        self.0.is_some()
    }

    /// The position of the variable of a parameter at a step.
    pub(super) fn at(&self, param: ParamId, step: Option<u32>) -> Option<u32> {
        self.0.as_ref()?.borrow().get(&(param, step)).copied()
    }

    pub(super) fn insert(&self, param: ParamId, step: Option<u32>, variable: u32) {
        if let Some(uses) = &self.0 {
            uses.borrow_mut().insert((param, step), variable);
        }
    }

    /// All parameters with the positions of their variables, in the order of the steps.
    pub(crate) fn all(&self) -> Vec<(ParamId, u32)> {
        let Some(uses) = &self.0 else { return Vec::new() };
        uses.borrow().iter().map(|(&(param, _), &id)| (param, id)).collect()
    }
}
