//! Operations: a name, a shape rule, a forward kernel and a gradient rule.

use std::any::Any;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::mem::discriminant;
use std::rc::Rc;

use bptt_tensor::{Binary, Scalar, Shape, ShapeError, Tensor, Transpose, Unary};
use smallvec::SmallVec;

use super::graph::{Tape, Var};
use super::op_class::{Class, OpClass, RowFunction};
use super::param::ParamId;
use super::primitive::{
    ArgSort, BroadcastTo, Concat, CumSum, Extremum, GatherAlong, GatherRows, LogSoftmax, LogSumExp,
    MatMul, Norm, Pad, Permute, Reshape, ScatterAlong, ScatterRows, Select, Slice, Softmax,
    StopGradient, Sum, SumTo,
};

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
    /// By default it is [opaque](OpClass::opaque). Unless the operation is one of whole [rows](Self::by_rows), a step is then
    /// compiled only up to it and after it.
    fn class(&self) -> OpClass<T> {
        OpClass::opaque()
    }

    /// The function that computes one row of the output from the same row of each input, for inputs of these shapes. A
    /// row is an entry along the first axis. `None` if the rows depend on each other, which is the default.
    ///
    /// A [scan](crate::Tape::scan) compiles the operation by this function unless its [`class`](Self::class) is elementwise. If an
    /// input does not have the rows of the output, such as a parameter, the operation is opaque. The
    /// gradient is compiled if the operations of its rule are.
    ///
    /// ```
    /// use bptt_autodiff::{Operation, Pullback, RowFunction, Tape};
    /// use bptt_tensor::{Scalar, Shape, ShapeError, Tensor};
    ///
    /// /// The elements of each row in reverse order, of `[B, F]`.
    /// #[derive(Debug)]
    /// struct Reverse;
    ///
    /// impl<T: Scalar> Operation<T> for Reverse {
    ///     fn name(&self) -> &'static str {
    ///         "reverse"
    ///     }
    ///     fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
    ///         Ok(inputs[0].into())
    ///     }
    ///     fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
    ///         let (x, columns) = (inputs[0].as_slice(), inputs[0].shape()[1]);
    ///         Tensor::from_fn(inputs[0].shape(), |i| x[i + columns - 1 - 2 * (i % columns)])
    ///     }
    ///     fn by_rows(&self, _: &[&[usize]]) -> Option<RowFunction<T>> {
    ///         Some(RowFunction::new(|inputs: &[&[T]], output: &mut [T]| {
    ///             output.iter_mut().zip(inputs[0].iter().rev()).for_each(|(y, &x)| *y = x);
    ///         }))
    ///     }
    ///     fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
    ///         let g = at.cotangent();
    ///         at.add(0, || g.tape().apply(Reverse, &[g]));
    ///     }
    /// }
    ///
    /// let tape = Tape::<f64>::new();
    /// let xs = tape.constant(Tensor::ones([7, 3, 2])); // [T, B, F]
    /// let h0 = tape.constant(Tensor::zeros([3, 2]));
    /// let plan = tape.scan(xs, h0).plan(|x, h| {
    ///     let h = tape.apply(Reverse, &[h]) + x;
    ///     (h, h)
    /// });
    /// assert!(plan.contains("= reverse "), "{plan}"); // an instruction of the step
    /// ```
    fn by_rows(&self, inputs: &[&[usize]]) -> Option<RowFunction<T>> {
        let _ = inputs;
        None
    }

    /// The operation's value by the library's own operations, if they can compute it.
    ///
    /// [`Graph::trace`](crate::Graph::trace) records them in place of the operation, so that an exporter need not know it. The values
    /// are the same. Gradients are not asked for.
    fn decompose<'t>(&self, inputs: &[Var<'t, T>]) -> Option<Var<'t, T>> {
        let _ = inputs;
        None
    }

    /// Whether another operation computes the same values from the same inputs and has the same
    /// gradient rule.
    ///
    /// A [scan](crate::Tape::scan) compares each step with those that it has compiled, and compiles
    /// equal steps once. By default, an operation without fields equals all others of its type. One
    /// with fields equals no other, and a step that contains it is compiled at every call. If it
    /// derives [`PartialEq`], it implements this method as follows:
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
        size_of_val(self) == 0 && self.type_id() == (other as &dyn Any).type_id()
    }
}

impl<T: 'static> dyn Operation<T> {
    /// The operation as a `&O`, if it is of this type.
    #[must_use]
    pub fn downcast_ref<O: Operation<T>>(&self) -> Option<&O> {
        (self as &dyn Any).downcast_ref()
    }
}

/// The origin of a value that no operation computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Leaf {
    /// Data, for which no gradient is computed.
    Constant,
    /// A literal of an equation.
    Scalar,
    /// A differentiable input.
    Variable(ParamId),
    Param(ParamId),
}

/// Defines [`Op`] with the library's operations. Each is a variant that holds the operation as data.
macro_rules! operations {
    ($($name:ident($data:ty)),* $(,)?) => {
        /// The operation of a node, as data: unlike a closure, it can be printed and compared.
        #[derive(Clone, Debug)]
        pub(crate) enum Op<T> {
            Leaf(Leaf),
            /// This step's entry of a sequence, in a step that is being recorded.
            Entry,
            /// The number of this step, in a step that is being recorded.
            StepIndex,
            $($name($data),)*
            Custom(Rc<dyn Operation<T>>),
        }

        impl<T: 'static> PartialEq for Op<T> {
            /// Whether both compute the same values from the same operands.
            fn eq(&self, other: &Self) -> bool {
                match (self, other) {
                    (Self::Leaf(a), Self::Leaf(b)) => a == b,
                    $((Self::$name(a), Self::$name(b)) => a == b,)*
                    (Self::Custom(a), Self::Custom(b)) => Rc::ptr_eq(a, b) || a.equals(&**b),
                    _ => false,
                }
            }
        }

        impl<T> Hash for Op<T> {
            fn hash<H: Hasher>(&self, state: &mut H) {
                discriminant(self).hash(state);
                match self {
                    Self::Leaf(leaf) => leaf.hash(state),
                    $(Self::$name(op) => op.hash(state),)*
                    // the variant alone: few of these operations have the same operands
                    Self::Entry | Self::StepIndex | Self::Custom(_) => {}
                }
            }
        }

        impl<T: Scalar> Op<T> {
            /// The operation; `None` for a leaf, an entry of a sequence or the number of a step.
            #[inline(never)] // a crate that inlined it would compile every operation
            pub(crate) fn operation(&self) -> Option<&dyn Operation<T>> {
                match self {
                    Self::Leaf(_) | Self::Entry | Self::StepIndex => None,
                    $(Self::$name(op) => Some(op),)*
                    Self::Custom(op) => Some(&**op),
                }
            }
        }
    };
}

operations! {
    Unary(Unary),
    Binary(Binary),
    Select(Select),
    StopGradient(StopGradient),
    MatMul(MatMul),
    Sum(Sum),
    Norm(Norm),
    Extremum(Extremum),
    Softmax(Softmax),
    LogSoftmax(LogSoftmax),
    LogSumExp(LogSumExp),
    Reshape(Reshape),
    Permute(Permute),
    BroadcastTo(BroadcastTo),
    SumTo(SumTo),
    Slice(Slice),
    Pad(Rc<Pad>),
    Concat(Concat),
    GatherRows(GatherRows),
    ScatterRows(ScatterRows),
    CumSum(CumSum),
    ArgSort(ArgSort),
    GatherAlong(GatherAlong),
    ScatterAlong(ScatterAlong),
}

impl<T: Scalar> Op<T> {
    /// The class of the operation; opaque for a value that no operation computes.
    pub(crate) fn class(&self) -> Class<T> {
        self.operation().map_or(Class::Opaque(None), |operation| operation.class().0)
    }

    /// Whether the value is a tuple: several outputs in one row, whose cotangents the gradient rule
    /// takes slice by slice. Users get only slices of such a value. So only slices read it on a
    /// tape with values, and its own gradient is never requested.
    pub(crate) fn is_read_in_slices(&self) -> bool {
        matches!(self, Self::Custom(operation) if matches!(operation.class().0, Class::Tuple))
    }

    /// The operation's name with its arguments, for a result of this shape.
    pub(crate) fn described(&self, shape: &[usize]) -> String {
        let name = self.name();
        match self {
            Self::Unary(function) => function.to_string(),
            Self::MatMul(MatMul(Transpose { left, right })) => {
                let mark = |is_transposed: &bool| if *is_transposed { "ᵀ" } else { "" };
                format!("{name}(A{}, B{})", mark(left), mark(right))
            }
            Self::Sum(Sum { axes, .. })
            | Self::Norm(Norm { axes, .. })
            | Self::Extremum(Extremum::Max(axes) | Extremum::Min(axes)) => {
                format!("{name}(axes {axes:?})")
            }
            Self::Softmax(Softmax { axis })
            | Self::LogSoftmax(LogSoftmax { axis })
            | Self::LogSumExp(LogSumExp { axis })
            | Self::CumSum(CumSum { axis, .. })
            | Self::ArgSort(ArgSort::All { axis } | ArgSort::Top { axis, .. })
            | Self::GatherAlong(GatherAlong { axis })
            | Self::ScatterAlong(ScatterAlong { axis, .. })
            | Self::Concat(Concat { axis }) => format!("{name}(axis {axis})"),
            Self::Slice(Slice { axis, range }) => format!("{name}(axis {axis}, {range:?})"),
            Self::Permute(Permute(order)) => format!("{name}({order:?})"),
            Self::Pad(pad) => format!("{name}({:?} at {:?})", pad.shape, pad.places),
            Self::Reshape(_) | Self::BroadcastTo(_) | Self::SumTo(_) => {
                format!("{name}({shape:?})")
            }
            _ => name.into(),
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        match (self, self.operation()) {
            (_, Some(operation)) => operation.name(),
            (Self::Leaf(Leaf::Param(_)), _) => "parameter",
            (Self::Leaf(Leaf::Variable(_)), _) => "variable",
            (Self::Leaf(Leaf::Scalar), _) => "literal",
            _ => "constant",
        }
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
