//! Classes of operations, by which the passes of the scan compiler treat them.

use bptt_tensor::rows::{Kernel, Reduction};
use bptt_tensor::{Binary, Transpose, Unary};

use super::primitive::Axes;

/// The class of an operation, such as elementwise. It decides how a [scan](crate::Tape::scan)
/// compiles the operation.
///
/// ```
/// use bptt_autodiff::{OpClass, Operation, Pullback, Tape};
/// use bptt_tensor::{Scalar, Shape, ShapeError, Tensor};
///
/// /// `y = x / (1 + |x|)`
/// #[derive(Clone, Debug)]
/// struct Softsign;
///
/// fn softsign<T: Scalar>(x: T) -> T {
///     x / (T::one() + x.abs())
/// }
///
/// impl<T: Scalar> Operation<T> for Softsign {
///     fn class(&self) -> OpClass<T> {
///         OpClass::elementwise(|inputs: &[&[T]], output: &mut [T]| {
///             for (y, &x) in output.iter_mut().zip(inputs[0]) {
///                 *y = softsign(x);
///             }
///         })
///     }
///     fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
///         inputs[0].map(softsign)
///     }
///     // name, shape, gradient
/// #   fn name(&self) -> &'static str {
/// #       "softsign"
/// #   }
/// #   fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
/// #       Ok(inputs[0].into())
/// #   }
/// #   fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
/// #       let (x, g) = (at.input(0), at.cotangent());
/// #       at.add(0, || g.chain_div((1.0 + x.abs()).square()));
/// #   }
/// }
///
/// let tape = Tape::<f64>::new();
/// let xs = tape.constant(Tensor::ones([7, 3, 2])); // [T, B, F]
/// let h0 = tape.constant(Tensor::zeros([3, 2]));
/// let plan = tape.scan(xs, h0).plan(|x, h| {
///     let h = tape.apply(Softsign, &[x + h]);
///     (h, h)
/// });
/// assert!(plan.contains("= softsign ")); // an instruction of a fused sequence
/// ```
#[derive(Clone, Debug)]
pub struct OpClass<T>(pub(crate) Class<T>);

impl<T> OpClass<T> {
    /// An opaque operation, about which the compiler knows nothing. Unless the operation is one of whole
    /// [rows](crate::Operation::by_rows), a step is compiled only up to it and after it.
    #[must_use]
    pub fn opaque() -> Self {
        Self(Class::Opaque(None))
    }

    /// An [opaque](Self::opaque) operation. The [plan](crate::Scan::plan) of a step that contains it gives this advice:
    /// what to write instead.
    #[must_use]
    pub fn opaque_with(advice: &'static str) -> Self {
        Self(Class::Opaque(Some(advice)))
    }

    /// An elementwise function. An element of the output depends on the elements at the same
    /// position of the inputs, which are broadcast to the shape of the output.
    ///
    /// The kernel sets every element of the output. All slices have the same length, which is arbitrary: a tensor is
    /// computed in parts of any size, by any thread. [`Operation::forward`](crate::Operation::forward) computes the same
    /// elements.
    #[must_use]
    pub fn elementwise(kernel: impl Fn(&[&[T]], &mut [T]) + Send + Sync + 'static) -> Self {
        Self(Class::Elementwise(Function::Kernel(Kernel::new(kernel))))
    }
}

/// A function that computes a row of the output of an [operation](crate::Operation::by_rows) from a row of each input.
#[derive(Clone, Debug)]
pub struct RowFunction<T>(pub(crate) Kernel<T>);

impl<T> RowFunction<T> {
    /// A row function from its loop, which sets every element of the output. The slices are the elements of a row, in
    /// row-major order.
    ///
    /// The function runs on any thread, for one row at a time. It must not wait for work that it hands to rayon's pool,
    /// whose threads run the step; a step may then panic.
    #[must_use]
    pub fn new(function: impl Fn(&[&[T]], &mut [T]) + Send + Sync + 'static) -> Self {
        Self(Kernel::new(function))
    }
}

/// The classes of operations.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Class<T> {
    /// An elementwise function of the inputs, which are broadcast to the shape of the output.
    Elementwise(Function<T>),
    /// Repeats the input to a larger shape.
    Broadcast,
    /// Sums over the axes that a broadcast stretches.
    SumTo,
    /// The elements of the input or of a part of it, in the same order.
    View(ViewOf),
    /// The inputs concatenated along an axis.
    Join { axis: usize },
    /// The matrix product.
    Product(Transpose),
    /// Reduces all elements along some axes to one.
    Reduction(Reduction, Axes),
    /// Moves elements of the inputs, or fills with zeros.
    Movement,
    /// Positions of elements, as whole numbers.
    Positions,
    /// Several outputs in one row. Only slices read it, and their cotangents are not combined into
    /// one.
    Tuple,
    /// Anything else, with what to write instead.
    Opaque(Option<&'static str>),
}

/// An elementwise function.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Function<T> {
    Unary(Unary),
    Binary(Binary),
    /// `condition ≠ 0 ? a : b`
    Select,
    /// The caller's function, whose operands have the shape of its output.
    Kernel(Kernel<T>),
}

impl<T> Function<T> {
    /// Whether it reads operands of any shape that broadcasts to the shape of its output.
    pub(crate) fn broadcasts(&self) -> bool {
        !matches!(self, Self::Kernel(_))
    }
}

/// The part of the input that a view takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ViewOf {
    /// All elements of the input.
    Whole,
    /// A part of one axis.
    Part { axis: usize, start: usize },
}

impl<T> Class<T> {
    /// Whether each element can be computed on its own, from elements of the inputs at the same
    /// position.
    pub(crate) fn is_pointwise(&self) -> bool {
        matches!(self, Self::Elementwise(_) | Self::Broadcast)
    }

    /// Whether recomputing a value takes less time than keeping it in memory.
    pub(crate) fn is_cheap(&self) -> bool {
        self.is_pointwise() || matches!(self, Self::View(_))
    }

    /// Whether the gradient rule compares the value with the elements of the input.
    pub(crate) fn compares(&self) -> bool {
        matches!(self, Self::Reduction(Reduction::Max | Reduction::Min, _))
    }

    /// Whether the computed value may be rounded.
    pub(crate) fn rounds(&self) -> bool {
        match self {
            Self::Elementwise(Function::Unary(function)) => !function.is_exact(),
            Self::Elementwise(Function::Binary(function)) => !function.is_exact(),
            Self::Elementwise(Function::Kernel(_))
            | Self::SumTo
            | Self::Product(_)
            | Self::Reduction(Reduction::Sum | Reduction::Norm, _)
            | Self::Opaque(_) => true,
            Self::Elementwise(Function::Select)
            | Self::Broadcast
            | Self::View(_)
            | Self::Join { .. }
            | Self::Reduction(Reduction::Max | Reduction::Min, _)
            | Self::Movement
            | Self::Positions
            | Self::Tuple => false,
        }
    }
}

impl<T> From<Class<T>> for OpClass<T> {
    fn from(class: Class<T>) -> Self {
        Self(class)
    }
}
