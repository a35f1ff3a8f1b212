//! The result of a reverse pass.

use std::collections::HashMap;
use std::ops::Index;

use bptt_tensor::{Scalar, Tensor};

use crate::{Param, ParamId, Var};

/// The gradients of a loss with respect to the parameters and variables it depends on.
///
/// Indexed by `&Param`; see [`Tape::backward`](crate::Tape::backward).
#[derive(Clone, Debug)]
pub struct Gradients<T> {
    params: HashMap<ParamId, Tensor<T>>,
    /// By position on the tape.
    variables: HashMap<usize, Tensor<T>>,
}

impl<T: Scalar> Gradients<T> {
    /// The gradient of a parameter; `None` if the loss does not depend on it.
    #[must_use]
    pub fn get(&self, param: &Param<T>) -> Option<&Tensor<T>> {
        self.params.get(&param.id())
    }

    /// The gradient of a parameter, for clipping or scaling in place.
    #[must_use]
    pub fn get_mut(&mut self, param: &Param<T>) -> Option<&mut Tensor<T>> {
        self.params.get_mut(&param.id())
    }

    /// The gradient of a variable, in its shape.
    ///
    /// # Panics
    ///
    /// If the loss does not depend on it, or it is not a leaf made by
    /// [`Tape::variable`](crate::Tape::variable); [`Tape::grad`](crate::Tape::grad) serves any value.
    #[track_caller]
    #[must_use]
    pub fn wrt(&self, variable: Var<'_, T>) -> &Tensor<T> {
        match self.variables.get(&(variable.id as usize)) {
            Some(gradient) => gradient,
            None => panic!(
                "no gradient for {variable:?}: the loss does not depend on it, or it was not made \
                 by Tape::variable"
            ),
        }
    }

    pub(crate) fn new() -> Self {
        Self { params: HashMap::new(), variables: HashMap::new() }
    }

    pub(crate) fn set_param(&mut self, param: ParamId, gradient: Tensor<T>) {
        self.params.insert(param, gradient);
    }

    pub(crate) fn set_variable(&mut self, id: usize, gradient: Tensor<T>) {
        self.variables.insert(id, gradient);
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
