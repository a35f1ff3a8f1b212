//! The arguments of a gradient rule: the values that it reads, and the cotangents to which it adds.

use std::ops::Range;
use std::rc::Rc;

use bptt_tensor::{Scalar, Transpose, shape};

use crate::tape::primitive::Pad;
use crate::tape::{Contribution, Cotangent, NonFinite, Pullback, Var};

impl<'t, T: Scalar> Pullback<'_, 't, T> {
    /// Input `i`.
    #[must_use]
    pub fn input(&self, i: usize) -> Var<'t, T> {
        Var { tape: self.tape, id: self.inputs[i] }
    }

    /// The number of inputs.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.inputs.len()
    }

    /// Whether a gradient of input `i` is needed.
    pub(crate) fn needs(&self, i: usize) -> bool {
        self.mask[self.inputs[i] as usize]
    }

    /// The output.
    #[must_use]
    pub fn output(&self) -> Var<'t, T> {
        Var { tape: self.tape, id: self.output }
    }

    /// The cotangent of the output, in the output's shape: the gradient of the differentiated
    /// quantity with respect to the output.
    #[must_use]
    #[inline(never)]
    pub fn cotangent(&self) -> Var<'t, T> {
        match &self.cotangent {
            Cotangent::Dense(cotangent) if has_shape_of(*cotangent, self.output()) => *cotangent,
            Cotangent::Dense(cotangent) => cotangent.broadcast_to(self.output().shape()),
            Cotangent::Slices(slices) => {
                Pad::record(self.output(), slices.iter().map(|&(start, part)| (0, start, part)))
            }
        }
    }

    /// The cotangent before broadcasting: along an axis on which it is constant, it may have extent
    /// 1 or no axis. This suffices for an elementwise function, whose contribution is then
    /// [constant](Self::add_stretched) there as well.
    pub(crate) fn stretched_cotangent(&self) -> Var<'t, T> {
        match self.cotangent {
            Cotangent::Dense(cotangent) => cotangent,
            Cotangent::Slices(_) => self.cotangent(),
        }
    }

    /// A slice of the [cotangent](Self::cotangent) along the first axis; `None` if nothing was added to it.
    pub(crate) fn cotangent_slice(&self, range: Range<usize>) -> Option<Var<'t, T>> {
        let Cotangent::Slices(slices) = &self.cotangent else {
            return Some(self.cotangent().slice(0, range));
        };
        let mut sum = None;
        for &(start, part) in slices {
            let end = start + part.shape()[0];
            if (start..end) == range {
                sum = Some(sum.map_or(part, |sum| sum + part));
            } else if start < range.end && range.start < end {
                return Some(self.cotangent().slice(0, range));
            }
        }
        sum
    }

    /// Adds a contribution to input `i`'s cotangent. If the operation broadcast the input, the
    /// contribution is summed over the broadcast axes, so that no rule has to do it.
    pub fn add(&mut self, i: usize, contribution: impl FnOnce() -> Var<'t, T>) {
        self.contribute(i, |input| {
            let whole = contribution();
            let is_input_like = has_shape_of(whole, input);
            Contribution::Dense(if is_input_like { whole } else { whole.sum_to(input.shape()) })
        });
    }

    /// Adds a contribution that is constant along some axes of input `i`, and has extent 1 or no
    /// axis there. The cotangent is broadcast only where a rule needs every element.
    pub(crate) fn add_stretched(&mut self, i: usize, contribution: impl FnOnce() -> Var<'t, T>) {
        self.contribute(i, |input| {
            let contribution = contribution();
            debug_assert!(
                shape::broadcast_to("", &contribution.shape(), &input.shape()).is_ok(),
                "a contribution of {} to {}",
                contribution.shape(),
                input.shape()
            );
            Contribution::Dense(contribution)
        });
    }

    /// Adds a matrix product to input `i`'s cotangent, accumulated in place.
    pub fn add_product(
        &mut self,
        i: usize,
        operands: impl FnOnce() -> (Var<'t, T>, Var<'t, T>),
        transpose: Transpose,
    ) {
        self.contribute(i, |_| {
            let (left, right) = operands();
            Contribution::Product(left, right, transpose)
        });
    }

    /// Adds a contribution to a slice of input `i`'s cotangent, from `start` on along `axis`.
    pub fn add_slice(
        &mut self,
        i: usize,
        axis: usize,
        start: usize,
        part: impl FnOnce() -> Var<'t, T>,
    ) {
        self.contribute(i, |_| Contribution::Slice { axis, start, part: part() });
    }

    /// Adds row `k` of the contribution to row `indices[k]` of input `i`'s cotangent.
    pub fn add_rows(&mut self, i: usize, indices: &Rc<[usize]>, rows: impl FnOnce() -> Var<'t, T>) {
        self.contribute(i, |_| Contribution::Rows { indices: indices.clone(), rows: rows() });
    }

    fn contribute(
        &mut self,
        i: usize,
        contribution: impl FnOnce(Var<'t, T>) -> Contribution<'t, T>,
    ) {
        let input = self.input(i);
        if !self.needs(i) {
            return;
        }
        let contribution = contribution(input);
        if self.tape.is_checking() {
            self.check(i, &contribution);
        }
        self.slots.add(input, contribution);
    }

    /// Panics if a contribution to input `i` is not finite.
    #[inline(never)]
    fn check(&self, i: usize, contribution: &Contribution<'t, T>) {
        let value = match *contribution {
            Contribution::Dense(value)
            | Contribution::Slice { part: value, .. }
            | Contribution::Rows { rows: value, .. } => value.value(),
            Contribution::Product(left, right, transpose) => {
                left.value().matmul_with(&right.value(), transpose)
            }
        };
        let fault = {
            let nodes = self.tape.nodes();
            let node = &nodes[self.output as usize];
            NonFinite::find(node.op.name(), node.origin, Some(i), &value)
        };
        if let Some(fault) = fault {
            panic!("{fault}");
        }
    }
}

#[inline(never)]
fn has_shape_of<T: Scalar>(a: Var<'_, T>, b: Var<'_, T>) -> bool {
    let nodes = a.tape.nodes();
    nodes[a.id as usize].value.shape() == nodes[b.id as usize].value.shape()
}
