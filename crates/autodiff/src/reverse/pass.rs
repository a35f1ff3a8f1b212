//! A kind of reverse pass.

use crate::tape::{Cotangent, Slots, Var};

/// A kind of reverse pass: how cotangents accumulate, and what happens when the pass reaches a value.
pub(crate) trait Pass<'t, T>: Slots<'t, T> + Sized {
    /// Runs `rule` with the complete cotangent of value `y`, if it has one and a rule to run.
    fn visit(&mut self, y: Var<'t, T>, rule: impl FnOnce(&mut Self, Cotangent<'t, T>));
}
