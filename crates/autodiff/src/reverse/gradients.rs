//! The result of a reverse pass.

use std::collections::HashMap;
use std::ops::Index;

use bptt_tensor::{Scalar, Tensor};

use crate::tape::{Leaf, Op, Param, ParamId, Var};

/// The gradients of a loss with respect to the parameters and variables it depends on.
///
/// Indexed by `&Param`; see [`Tape::backward`](crate::Tape::backward).
#[derive(Clone, Debug)]
pub struct Gradients<T> {
    leaves: HashMap<ParamId, Tensor<T>>,
}

impl<T: Scalar> Gradients<T> {
    /// The gradient of a parameter; `None` if the loss does not depend on it.
    #[must_use]
    pub fn get(&self, param: &Param<T>) -> Option<&Tensor<T>> {
        self.leaves.get(&param.id())
    }

    /// The gradient of a parameter, for clipping or scaling in place.
    #[must_use]
    pub fn get_mut(&mut self, param: &Param<T>) -> Option<&mut Tensor<T>> {
        self.leaves.get_mut(&param.id())
    }

    /// The gradient of a variable that is a leaf of the tape, in its shape.
    ///
    /// # Panics
    ///
    /// If the loss does not depend on it, or it is not a leaf made by
    /// [`Tape::variable`](crate::Tape::variable); [`Tape::grad`](crate::Tape::grad) serves any value.
    #[track_caller]
    #[must_use]
    pub fn wrt(&self, variable: Var<'_, T>) -> &Tensor<T> {
        match self.get_wrt(variable) {
            Some(gradient) => gradient,
            None => panic!(
                "no gradient for {variable:?}: the loss does not depend on it, or it was not made \
                 by Tape::variable"
            ),
        }
    }

    /// Like [`wrt`](Self::wrt); `None` if the loss does not depend on the variable, or it is not a leaf.
    #[must_use]
    pub fn get_wrt(&self, variable: Var<'_, T>) -> Option<&Tensor<T>> {
        let leaf = match variable.tape.nodes()[variable.id as usize].op {
            Op::Leaf(Leaf::Variable(id) | Leaf::Param(id)) => id,
            _ => return None,
        };
        self.leaves.get(&leaf)
    }

    pub(crate) fn new() -> Self {
        Self { leaves: HashMap::new() }
    }

    pub(crate) fn set(&mut self, leaf: ParamId, gradient: Tensor<T>) {
        self.leaves.insert(leaf, gradient);
    }
}

impl<T: Scalar> Index<&Param<T>> for Gradients<T> {
    type Output = Tensor<T>;

    #[track_caller]
    fn index(&self, param: &Param<T>) -> &Tensor<T> {
        match self.get(param) {
            Some(gradient) => gradient,
            None => panic!(
                "no gradient for {param:?}: the loss does not depend on it; `get` returns an option"
            ),
        }
    }
}
