//! Cotangents as variables, for gradients that can be differentiated again.

use bptt_tensor::Scalar;

use super::pass::Pass;
use crate::tape::primitive::Pad;
use crate::tape::{Contribution, Cotangent, Origin, Slots, Var};

/// Cotangents as variables. Contributions are kept until the reverse pass reaches their value, and are then summed by
/// recorded operations.
pub(crate) struct Recorded<'t, T> {
    pending: Vec<Vec<Pending<'t, T>>>,
    complete: Vec<Option<Var<'t, T>>>,
}

/// A contribution to a cotangent, and the equation whose gradient rule made it.
struct Pending<'t, T> {
    contribution: Contribution<'t, T>,
    of: Option<Origin>,
}

impl<'t, T: Scalar> Recorded<'t, T> {
    /// Creates empty cotangents for the values up to `last`.
    pub(crate) fn new(last: u32) -> Self {
        let count = last as usize + 1;
        Self {
            pending: std::iter::repeat_with(Vec::new).take(count).collect(),
            complete: vec![None; count],
        }
    }

    /// The cotangent of `x`, after the pass has reached it; `None` if nothing was added to it.
    pub(crate) fn cotangent(&self, x: Var<'t, T>) -> Option<Var<'t, T>> {
        self.complete.get(x.id as usize).copied().flatten()
    }
}

impl<'t, T: Scalar> Slots<'t, T> for Recorded<'t, T> {
    fn add(&mut self, to: Var<'t, T>, contribution: Contribution<'t, T>) {
        let of = to.tape.attributed();
        self.pending[to.id as usize].push(Pending { contribution, of });
    }
}

impl<'t, T: Scalar> Pass<'t, T> for Recorded<'t, T> {
    fn visit(&mut self, y: Var<'t, T>, rule: impl FnOnce(&mut Self, Cotangent<'t, T>)) {
        let pending = std::mem::take(&mut self.pending[y.id as usize]);
        let slice = |pending: &Pending<'t, T>| match pending.contribution {
            Contribution::Slice { axis: 0, start, part } => Some((start, part)),
            _ => None,
        };
        let slices = || pending.iter().map(slice).collect();
        if y.tape.nodes()[y.id as usize].op.is_read_in_slices()
            && !pending.is_empty()
            && let Some(slices) = slices()
        {
            rule(self, Cotangent::Slices(slices));
        } else if let Some(cotangent) = sum_of(y, pending) {
            self.complete[y.id as usize] = Some(cotangent);
            rule(self, Cotangent::Dense(cotangent));
        }
    }
}

/// The recorded sum of the contributions to the cotangent of `y`. What a contribution records is attributed to its own
/// equation.
fn sum_of<'t, T: Scalar>(y: Var<'t, T>, contributions: Vec<Pending<'t, T>>) -> Option<Var<'t, T>> {
    let mut parts = Vec::new();
    let mut terms = Vec::with_capacity(contributions.len());
    for Pending { contribution, of } in contributions {
        let record = || match contribution {
            Contribution::Dense(value) => Some(value),
            Contribution::Product(left, right, transpose) => {
                Some(left.matmul_with(right, transpose))
            }
            Contribution::Slice { axis, start, part } => {
                parts.push((axis, start, part));
                None
            }
            Contribution::Rows { indices, rows } => Some(rows.scatter_rows(&indices, y.shape()[0])),
        };
        terms.extend(match of {
            Some(of) => y.tape.attributing(of, record),
            None => record(),
        });
    }
    if !parts.is_empty() {
        terms.push(Pad::record(y, parts.into_iter()));
    }
    let sum = terms.into_iter().reduce(|sum, term| sum + term)?;
    let is_whole = sum.shape() == y.shape();
    Some(if is_whole { sum } else { sum.broadcast_to(y.shape()) })
}
