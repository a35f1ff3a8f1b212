//! The operation of a node, as data.

use std::hash::{Hash, Hasher};
use std::mem::discriminant;
use std::rc::Rc;

use bptt_tensor::{Binary, Scalar, Tensor, Transpose, Unary};

use super::op_class::Class;
use super::operation::Operation;
use super::param::ParamId;
use super::primitive::{
    BroadcastTo, Concat, Extremum, GatherRows, LogSoftmax, LogSumExp, MatMul, Norm, Pad, Permute,
    Reshape, ScatterRows, Select, Slice, Softmax, StopGradient, Sum, SumTo,
};

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
            /// This step's entry of a sequence of data, in a step that is being recorded.
            Entry(Tensor<T>),
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
                    // the name is hashed; few of these operations have the same operands
                    Self::Entry(_) | Self::Custom(_) => {}
                }
            }
        }

        impl<T: Scalar> Op<T> {
            /// The operation; `None` for a leaf or an entry of a sequence.
            #[inline(never)] // a crate that inlined it would compile every operation
            pub(crate) fn operation(&self) -> Option<&dyn Operation<T>> {
                match self {
                    Self::Leaf(_) | Self::Entry(_) => None,
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
}

impl<T: Scalar> Op<T> {
    /// The class of the operation; opaque for a leaf or an entry of a sequence.
    pub(crate) fn class(&self) -> Class<T> {
        self.operation().map_or(Class::Opaque, |operation| operation.class().0)
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
