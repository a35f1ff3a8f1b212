//! What a gradient rule sees of its node, and where it adds what it computes.

use std::rc::Rc;

use bptt_tensor::{Scalar, Transpose};
use smallvec::SmallVec;

use crate::finite::NonFinite;
use crate::{Tape, Var};

/// A node of the graph seen from its gradient rule: inputs, output, the output's cotangent, and the
/// cotangents of the inputs to add to.
///
/// The contributions come as closures because a rule's work is only done for inputs that somebody
/// wants a gradient of.
pub struct Pullback<'a, 't, T> {
    pub(crate) tape: &'t Tape<T>,
    pub(crate) inputs: SmallVec<[u32; 3]>,
    pub(crate) output: u32,
    pub(crate) cotangent: Var<'t, T>,
    /// Which values of the tape a gradient is wanted for.
    pub(crate) wanted: &'a [bool],
    pub(crate) slots: &'a mut dyn Slots<'t, T>,
}

/// Something added to the cotangent of a value, in the form that lets it be added in place.
pub(crate) enum Contribution<'t, T> {
    Whole(Var<'t, T>),
    /// A product, to be accumulated with β = 1.
    Product(Var<'t, T>, Var<'t, T>, Transpose),
    /// A part of one axis.
    Slice {
        axis: usize,
        start: usize,
        part: Var<'t, T>,
    },
    /// Rows by index.
    Rows {
        indices: Rc<[usize]>,
        rows: Var<'t, T>,
    },
}

/// Where cotangents gather until their node's turn comes.
pub(crate) trait Slots<'t, T> {
    /// Adds to the cotangent of a value.
    fn add(&mut self, to: Var<'t, T>, contribution: Contribution<'t, T>);
}

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

    /// Whether a gradient of input `i` is wanted.
    pub(crate) fn wants(&self, i: usize) -> bool {
        self.wanted[self.inputs[i] as usize]
    }

    /// The output.
    #[must_use]
    pub fn output(&self) -> Var<'t, T> {
        Var { tape: self.tape, id: self.output }
    }

    /// The cotangent of the output: the gradient of whatever is differentiated with respect to it,
    /// in the output's shape.
    #[must_use]
    pub fn cotangent(&self) -> Var<'t, T> {
        self.cotangent
    }

    /// Adds to input `i`'s cotangent. Where the forward operation broadcast the input, the
    /// contribution is summed over what was stretched: no rule has to know.
    pub fn add(&mut self, i: usize, contribution: impl FnOnce() -> Var<'t, T>) {
        self.contribute(i, |input| {
            let whole = contribution();
            let stretched = {
                let nodes = whole.tape.nodes();
                let shape = |v: Var<'t, T>| nodes[v.id as usize].value.shape();
                shape(whole) != shape(input)
            };
            Contribution::Whole(if stretched { whole.sum_to(input.shape()) } else { whole })
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

    /// Adds to a part of input `i`'s cotangent: from `start` on along `axis`.
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
        if !self.wanted[input.id as usize] {
            return;
        }
        let contribution = contribution(input);
        if self.tape.is_checking() {
            self.check(i, &contribution);
        }
        self.slots.add(input, contribution);
    }

    /// Panics if a contribution to input `i` is not finite.
    fn check(&self, i: usize, contribution: &Contribution<'t, T>) {
        let value = match *contribution {
            Contribution::Whole(value)
            | Contribution::Slice { part: value, .. }
            | Contribution::Rows { rows: value, .. } => value.value(),
            Contribution::Product(left, right, transpose) => {
                left.value().matmul_with(&right.value(), transpose)
            }
        };
        let fault = {
            let nodes = self.tape.nodes();
            NonFinite::of_cotangent(&nodes[self.output as usize], i, &value)
        };
        if let Some(fault) = fault {
            panic!("{fault}");
        }
    }
}

impl<T: std::fmt::Debug> std::fmt::Debug for Pullback<'_, '_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pullback")
            .field("inputs", &self.inputs)
            .field("output", &self.output)
            .field("cotangent", &self.cotangent)
            .finish_non_exhaustive()
    }
}
