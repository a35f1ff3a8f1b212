//! Operations: a name, a shape rule, a forward kernel and a gradient rule.

use std::any::Any;
use std::fmt;
use std::rc::Rc;

use bptt_tensor::{Shape, ShapeError, Tensor, Transpose};
use smallvec::SmallVec;

use super::graph::{Tape, Var};
use super::op_class::OpClass;

/// A differentiable operation on tensors.
///
/// One implementation of this trait defines an operation completely. The gradient rule is written with the variables
/// and operations of ordinary equations, so derivatives of any order follow from it. The library's own operations are
/// defined in the same way. [`Tape::apply`](crate::Tape::apply) records one of yours.
///
/// ```
/// use bptt_autodiff::{Operation, Pullback, Tape};
/// use bptt_tensor::{Scalar, Shape, ShapeError, Tensor};
///
/// /// `y = x³`
/// #[derive(Debug)]
/// struct Cube;
///
/// impl<T: Scalar> Operation<T> for Cube {
///     fn name(&self) -> &'static str {
///         "cube"
///     }
///     fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
///         Ok(inputs[0].into())
///     }
///     fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
///         inputs[0].map(|x| x * x * x)
///     }
///     fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
///         let (x, g) = (at.input(0), at.cotangent());
///         at.add(0, || g.chain_mul(x * x * 3.0)); // a product in which 0 · ∞ is 0
///     }
/// }
///
/// let tape = Tape::new();
/// let x = tape.variable(Tensor::scalar(2.0));
/// let y = tape.apply(Cube, &[x]);
/// let [dy] = tape.grad(y, [x]); // 3 x²
/// let [ddy] = tape.grad(dy, [x]); // 6 x
/// assert_eq!((y.item(), dy.item(), ddy.item()), (8.0, 12.0, 12.0));
/// ```
pub trait Operation<T>: fmt::Debug + Any {
    /// The operation's name, for messages and drawings.
    fn name(&self) -> &'static str;

    /// The output's shape for inputs of these shapes.
    ///
    /// # Errors
    ///
    /// If the operation cannot combine the shapes. The error becomes a panic at the line of the
    /// equation.
    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError>;

    /// Computes the output. The inputs' shapes have passed [`shape`](Self::shape).
    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T>;

    /// The gradient rule: adds the contribution of the output's cotangent to the cotangents of the
    /// inputs.
    ///
    /// A [scan](crate::Tape::scan) runs the rule on shapes without values, to derive its reverse step. The rule
    /// therefore computes with variables and does not read their values.
    fn gradient(&self, at: &mut Pullback<'_, '_, T>);

    /// The operation's class, by which a [scan](crate::Tape::scan) compiles a step.
    ///
    /// By default it is [opaque](OpClass::opaque), and a step with it runs operation by operation.
    fn class(&self) -> OpClass<T> {
        OpClass::opaque()
    }

    /// Whether another operation computes the same values from the same inputs and has the same
    /// gradient rule.
    ///
    /// A [scan](crate::Tape::scan) compares each step with those that it has compiled, and compiles
    /// equal steps once. By default, an operation equals no other, and a step that contains it is
    /// compiled at every call. An operation that derives [`PartialEq`] implements this method as
    /// follows:
    ///
    /// ```
    /// # use bptt_autodiff::{Operation, Pullback};
    /// # use bptt_tensor::{Scalar, Shape, ShapeError, Tensor};
    /// #[derive(Debug, PartialEq)]
    /// struct Scale(f64);
    ///
    /// impl<T: Scalar> Operation<T> for Scale {
    ///     fn equals(&self, other: &dyn Operation<T>) -> bool {
    ///         other.downcast_ref() == Some(self)
    ///     }
    /// #   fn name(&self) -> &'static str {
    /// #       "scale"
    /// #   }
    /// #   fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
    /// #       Ok(inputs[0].into())
    /// #   }
    /// #   fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
    /// #       let factor = T::of(self.0);
    /// #       inputs[0].map(move |x| x * factor)
    /// #   }
    /// #   fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
    /// #       let g = at.cotangent();
    /// #       at.add(0, || g * self.0);
    /// #   }
    ///     // name, shape, forward, gradient
    /// }
    /// ```
    fn equals(&self, other: &dyn Operation<T>) -> bool {
        let _ = other;
        false
    }
}

impl<T: 'static> dyn Operation<T> {
    /// The operation as a `&O`, if it is of this type.
    #[must_use]
    pub fn downcast_ref<O: Operation<T>>(&self) -> Option<&O> {
        (self as &dyn Any).downcast_ref()
    }
}

/// The arguments of a gradient rule: a node's inputs and output, the output's cotangent, and the inputs' cotangents, to
/// which the rule adds.
///
/// Contributions are closures, which run only for inputs whose gradients are needed.
pub struct Pullback<'a, 't, T> {
    pub(crate) tape: &'t Tape<T>,
    pub(crate) inputs: SmallVec<[u32; 3]>,
    pub(crate) output: u32,
    pub(crate) cotangent: Cotangent<'t, T>,
    /// For each value of the tape, whether it needs a gradient.
    pub(crate) mask: &'a [bool],
    pub(crate) slots: &'a mut dyn Slots<'t, T>,
}

/// A contribution to the cotangent of a value, in a form that can be added in place.
pub(crate) enum Contribution<'t, T> {
    /// The whole contribution. Along an axis on which it is constant, it may have extent 1 or no
    /// axis.
    Dense(Var<'t, T>),
    /// A product, which is accumulated by `gemm` with β = 1.
    Product(Var<'t, T>, Var<'t, T>, Transpose),
    /// A part of one axis.
    Slice { axis: usize, start: usize, part: Var<'t, T> },
    /// Rows by index.
    Rows { indices: Rc<[usize]>, rows: Var<'t, T> },
}

/// The cotangent of an output.
#[derive(Debug)]
pub(crate) enum Cotangent<'t, T> {
    /// The whole cotangent. Along an axis on which it is constant, it may have extent 1 or no axis.
    Dense(Var<'t, T>),
    /// Slices along the first axis, each with its start, for an output that is read in slices.
    Slices(Vec<(usize, Var<'t, T>)>),
}

/// Accumulates cotangents until the reverse pass reaches their node.
pub(crate) trait Slots<'t, T> {
    /// Adds to the cotangent of a value.
    fn add(&mut self, to: Var<'t, T>, contribution: Contribution<'t, T>);
}

impl<T: fmt::Debug> fmt::Debug for Pullback<'_, '_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pullback")
            .field("inputs", &self.inputs)
            .field("output", &self.output)
            .field("cotangent", &self.cotangent)
            .finish_non_exhaustive()
    }
}
