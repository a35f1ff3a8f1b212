//! Operations made of a kernel and a gradient rule that may have a fault.

use std::fmt;

use bptt_autodiff::{Operation, Pullback, Var};
use bptt_tensor::{Shape, ShapeError, Tensor};

/// A variable in double precision.
pub(crate) type V<'t> = Var<'t, f64>;

/// What an operation computes.
pub(crate) type Forward = fn(&[&Tensor<f64>]) -> Tensor<f64>;

/// An operation; of its gradient rule, a bug chooses the variant.
#[derive(Clone, Copy)]
pub(crate) struct Rule<B> {
    pub(crate) bug: B,
    pub(crate) forward: Forward,
    pub(crate) gradient: fn(B, &mut Pullback<'_, '_, f64>),
}

impl<B: Copy + 'static> Operation<f64> for Rule<B> {
    fn name(&self) -> &'static str {
        "rule"
    }

    /// That of what zeros give: the shape rule is not what is tested here.
    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        let zeros: Vec<_> = inputs.iter().map(|&shape| Tensor::zeros(shape)).collect();
        Ok((self.forward)(&zeros.iter().collect::<Vec<_>>()).shape().clone())
    }

    fn forward(&self, inputs: &[&Tensor<f64>]) -> Tensor<f64> {
        (self.forward)(inputs)
    }

    fn gradient(&self, at: &mut Pullback<'_, '_, f64>) {
        (self.gradient)(self.bug, at);
    }
}

impl<B> fmt::Debug for Rule<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rule")
    }
}
