//! A softmax over an axis of each row, or its logarithm, is written out as exponentials and their
//! sum. The largest element is subtracted from the exponents. Neither value nor gradient depends on
//! the subtracted number, so no gradient flows through it. A row of −∞ has the probabilities 0, as
//! outside a scan.

use bptt_tensor::{Binary, Scalar, Unary};

use crate::scan::ir::program::Program;
use crate::scan::ir::program::op_node;
use crate::tape::Op;
use crate::tape::primitive::{
    Extremum, LogSoftmax, LogSumExp, Reshape, Select, Softmax, StopGradient, Sum,
};

pub(crate) fn rewrite<T: Scalar>(program: &Program<T>) -> Program<T> {
    program.rebuild(|new, id, inputs| {
        let is_by_rows = |axis: usize| axis > 0;
        match program.op(id) {
            Some(Op::Softmax(Softmax { axis })) if is_by_rows(*axis) => {
                let Parts { powers, divisor, .. } = Parts::of(new, inputs[0], *axis);
                binary(new, Binary::Div, powers, divisor)
            }
            Some(Op::LogSoftmax(LogSoftmax { axis })) if is_by_rows(*axis) => {
                let Parts { exponents, divisor, .. } = Parts::of(new, inputs[0], *axis);
                let logarithm = unary(new, Unary::Ln, divisor);
                binary(new, Binary::Sub, exponents, logarithm)
            }
            Some(Op::LogSumExp(LogSumExp { axis })) if is_by_rows(*axis) => {
                let Parts { shift, sum, divisor, .. } = Parts::of(new, inputs[0], *axis);
                let logarithm = unary(new, Unary::Ln, divisor);
                let nothing = new.number(f64::NEG_INFINITY);
                let logarithm = select(new, sum, logarithm, nothing);
                let column = binary(new, Binary::Add, logarithm, shift);
                let shape = program.shape(id).clone();
                new.push(op_node(Op::Reshape(Reshape(shape[..].into())), [column], shape))
            }
            _ => new.copy(program, id, inputs),
        }
    })
}

/// The common parts of the softmax and log-softmax of `x`. A column has one element along the axis.
struct Parts {
    /// The column `m`: the largest element, or 0 if it is infinite, since ∞ − ∞ is NaN.
    shift: u32,
    /// `x − m`
    exponents: u32,
    /// `e^(x − m)`
    powers: u32,
    /// The column `Σ e^(x − m)`.
    sum: u32,
    /// `sum`, or 1 where it is 0, since all powers are then 0.
    divisor: u32,
}

impl Parts {
    fn of<T: Scalar>(new: &mut Program<T>, x: u32, axis: usize) -> Self {
        let (shape, column) = (new.shape(x).clone(), new.shape(x).with(axis, 1));
        let (zero, one) = (new.number(0.0), new.number(1.0));
        let infinity = new.number(f64::INFINITY);
        let largest = Op::Extremum(Extremum::Max([axis].into()));
        let largest = new.push(op_node(largest, [x], shape.without(axis)));
        let largest =
            new.push(op_node(Op::StopGradient(StopGradient), [largest], shape.without(axis)));
        let keep = Op::Reshape(Reshape(column[..].into()));
        let largest = new.push(op_node(keep, [largest], column.clone()));
        let size = unary(new, Unary::Abs, largest);
        let is_finite = binary(new, Binary::Less, size, infinity);
        let shift = select(new, is_finite, largest, zero);
        let exponents = binary(new, Binary::Sub, x, shift);
        let powers = unary(new, Unary::Exp, exponents);
        let sum = Op::Sum(Sum { axes: [axis].into(), keep: true });
        let sum = new.push(op_node(sum, [powers], column));
        let divisor = select(new, sum, sum, one);
        Self { shift, exponents, powers, sum, divisor }
    }
}

fn unary<T>(new: &mut Program<T>, function: Unary, x: u32) -> u32 {
    let shape = new.shape(x).clone();
    new.push(op_node(Op::Unary(function), [x], shape))
}

/// `condition ≠ 0 ? a : b`, in the shape of the condition.
fn select<T>(new: &mut Program<T>, condition: u32, a: u32, b: u32) -> u32 {
    let shape = new.shape(condition).clone();
    new.push(op_node(Op::Select(Select), [condition, a, b], shape))
}

/// A function of `x` and an operand `y` of its shape or of one column.
fn binary<T>(new: &mut Program<T>, function: Binary, x: u32, y: u32) -> u32 {
    let shape = new.shape(x).clone();
    new.push(op_node(Op::Binary(function), [x, y], shape))
}
