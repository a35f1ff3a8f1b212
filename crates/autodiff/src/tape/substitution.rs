//! Variables that replace parameters temporarily.

use std::cell::RefCell;

use super::param::ParamId;

/// The substitutes on a tape. Of several variables for one parameter, the last counts.
#[derive(Debug, Default)]
pub(crate) struct Substitutions {
    /// Each parameter with the variable's position on the tape. `None` stands for a substitution
    /// that has ended before a later one.
    all: RefCell<Vec<Option<(ParamId, u32)>>>,
}

impl Substitutions {
    pub(crate) fn begin(&self, param: ParamId, variable: u32) -> Substitution<'_> {
        let mut all = self.all.borrow_mut();
        all.push(Some((param, variable)));
        Substitution { among: self, place: all.len() - 1 }
    }

    /// The substitute of a parameter, if it has one.
    pub(crate) fn of(&self, param: ParamId) -> Option<u32> {
        let all = self.all.borrow();
        let mut last_first = all.iter().rev().flatten();
        last_first.find(|(substituted, _)| *substituted == param).map(|&(_, variable)| variable)
    }
}

/// A guard: while it exists, a variable replaces a parameter. See [`Tape::substitute`](crate::Tape::substitute).
#[derive(Debug)]
#[must_use = "the substitution ends when this is dropped"]
pub struct Substitution<'t> {
    among: &'t Substitutions,
    place: usize,
}

impl Drop for Substitution<'_> {
    fn drop(&mut self) {
        let mut all = self.among.all.borrow_mut();
        all[self.place] = None;
        while let Some(None) = all.last() {
            all.pop();
        }
    }
}
