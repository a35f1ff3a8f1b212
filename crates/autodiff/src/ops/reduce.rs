//! Reductions over axes.

use bptt_tensor::rows::Reduction;
use bptt_tensor::{Scalar, Shape, ShapeError, Tensor, shape};
use smallvec::SmallVec;

use crate::tape::primitive::{Axes, Extremum, Norm, Sum};
use crate::tape::{Class, OpClass, Operation, Pullback, Var};

impl<T: Scalar> Operation<T> for Sum {
    fn name(&self) -> &'static str {
        "sum"
    }

    fn class(&self) -> OpClass<T> {
        Class::Reduction(Reduction::Sum, self.axes.clone()).into()
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        Ok(shape::reduce(inputs[0], &self.axes, self.keep))
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        let axes = signed(&self.axes);
        if self.keep { inputs[0].sum_keep(&axes) } else { inputs[0].sum(&axes) }
    }

    fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
        let (x, g) = (at.input(0), at.cotangent());
        at.add_stretched(0, || kept(g, x, &self.axes));
    }
}

impl<T: Scalar> Operation<T> for Norm {
    fn name(&self) -> &'static str {
        "norm"
    }

    fn class(&self) -> OpClass<T> {
        Class::Reduction(Reduction::Norm, self.axes.clone()).into()
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        Ok(shape::reduce(inputs[0], &self.axes, self.keep))
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        let axes = signed(&self.axes);
        if self.keep { inputs[0].norm_keep(&axes) } else { inputs[0].norm(&axes) }
    }

    /// `∂x = g x / ‖x‖`; where the norm is 0, derivatives of all orders are defined as 0
    fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
        let (x, y, g) = (at.input(0), at.output(), at.cotangent());
        at.add(0, || {
            let length = kept(y, x, &self.axes);
            let g = length.equal(0.0).select(0.0, kept(g, x, &self.axes));
            g.chain_mul(x.chain_div(length))
        });
    }
}

impl Extremum {
    fn axes(&self) -> &Axes {
        match self {
            Self::Max(axes) | Self::Min(axes) => axes,
        }
    }
}

impl<T: Scalar> Operation<T> for Extremum {
    fn name(&self) -> &'static str {
        match self {
            Self::Max(_) => "max",
            Self::Min(_) => "min",
        }
    }

    fn class(&self) -> OpClass<T> {
        let class = match self {
            Self::Max(axes) => Class::Reduction(Reduction::Max, axes.clone()),
            Self::Min(axes) => Class::Reduction(Reduction::Min, axes.clone()),
        };
        class.into()
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        let name = Operation::<T>::name(self);
        shape::choosable(name, inputs[0], self.axes())?;
        Ok(shape::reduce(inputs[0], self.axes(), false))
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        match self {
            Self::Max(axes) => inputs[0].max(&signed(axes)),
            Self::Min(axes) => inputs[0].min(&signed(axes)),
        }
    }

    fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
        let (x, y, g) = (at.input(0), at.output(), at.cotangent());
        at.add(0, || {
            let chosen = x.equal(kept(y, x, self.axes()));
            let ties = chosen.sum_keep(&signed(self.axes()));
            kept(g, x, self.axes()).chain_div(ties).chain_mul(chosen)
        });
    }
}

/// Reshapes a reduction's output so that the reduced axes of `x` have extent 1.
fn kept<'t, T: Scalar>(reduced: Var<'t, T>, x: Var<'t, T>, axes: &[usize]) -> Var<'t, T> {
    let shape = shape::reduce(&x.shape(), axes, true);
    if reduced.shape() == shape { reduced } else { reduced.reshape(shape) }
}

fn signed(axes: &[usize]) -> SmallVec<[isize; 4]> {
    axes.iter().map(|&axis| axis as isize).collect()
}
