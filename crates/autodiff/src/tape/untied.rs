//! Parameters of which each time step has its own.

use std::cell::RefCell;
use std::collections::BTreeMap;

use bptt_tensor::Scalar;

use super::context::Mode;
use super::graph::{Tape, Var};
use super::operation::Leaf;
use super::param::{Param, ParamId};

/// The variables that stand for a parameter, by the step that uses them; `None` before and after all steps.
type Uses = BTreeMap<(ParamId, Option<u32>), u32>;

/// What is known of parameters by step, on a tape made by [`Tape::untied`].
#[derive(Debug, Default)]
pub(crate) struct Untied(Option<RefCell<Uses>>);

impl Untied {
    pub(super) fn by_step() -> Self {
        Self(Some(RefCell::default()))
    }

    pub(super) fn is_by_step(&self) -> bool {
        self.0.is_some()
    }
}

impl<T: Scalar> Tape<T> {
    /// Returns the variables that stand for a parameter on a tape made by [`untied`](Self::untied): one for each time
    /// step at which an equation names it, in the order of the steps. A use outside of steps comes first. Of several loops over
    /// time, the steps with the same number share a variable. On any other tape there are none.
    #[must_use]
    pub fn uses(&self, param: &Param<T>) -> Vec<Var<'_, T>> {
        let Some(uses) = &self.untied.0 else { return Vec::new() };
        let uses = uses.borrow();
        let of_param = uses.range((param.id(), None)..=(param.id(), Some(u32::MAX)));
        of_param.map(|(_, &id)| Var { tape: self, id }).collect()
    }

    /// The variable of the present step for a parameter; `None` if steps share parameters.
    #[track_caller]
    pub(super) fn own_of_step(&self, param: &Param<T>) -> Option<Var<'_, T>> {
        let uses = self.untied.0.as_ref()?;
        let key = (param.id(), self.step.get().map(|step| step.time));
        if let Some(&id) = uses.borrow().get(&key) {
            return Some(Var { tape: self, id });
        }
        let own = self.leaf(Leaf::Variable(ParamId::fresh()), param.value().clone());
        if self.mode.get() == Mode::Recording {
            uses.borrow_mut().insert(key, own.id);
        }
        Some(own)
    }
}
