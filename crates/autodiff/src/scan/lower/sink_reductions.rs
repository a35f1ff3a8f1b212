//! Sinking of reductions: sums over all steps leave the loop. The gradient of a weight, `Σ_t x_tᵀ g_t`, is one product
//! over the rows of all steps. The gradient of a bias is one sum of rows.

use std::collections::HashMap;

use bptt_tensor::{Binary, Scalar, Shape, Transpose};

use crate::scan::ir::binding::{Binding, bindings};
use crate::scan::ir::program::{Input, Kind, Program, leaf_node, op_node};
use crate::scan::lower::lowered::Accumulator;
use crate::scan::lower::spaces::is_matrix;
use crate::tape::primitive::{Axes, Sum};
use crate::tape::{Class, Op};

/// A term of a sum over all rows of all steps.
pub(crate) enum SumTerm {
    /// `Σ leftᵀ · right`. A row of both is a vector, or holds a matrix of this many rows.
    Product { sum: usize, left: u32, right: u32, inner_rows: usize },
    /// The sum of a value's rows.
    Rows { sum: usize, id: u32 },
}

impl SumTerm {
    /// The values from which the term is computed.
    pub(crate) fn values(&self) -> impl Iterator<Item = u32> {
        let (first, second) = match *self {
            Self::Product { left, right, .. } => (left, Some(right)),
            Self::Rows { id, .. } => (id, None),
        };
        std::iter::once(first).chain(second)
    }
}

/// The sums of a step as terms.
#[derive(Default)]
pub(crate) struct SunkReductions {
    pub(crate) terms: Vec<SumTerm>,
    /// Sums that become states of the step.
    pub(crate) accumulators: Vec<Accumulator>,
    /// Values that are decomposed into terms, and so are not computed themselves.
    pub(crate) inside_sums: Vec<u32>,
    /// Sums that equal other sums, and so are not decomposed again: pairs of the other sum and the
    /// copy.
    pub(crate) copies: Vec<(usize, usize)>,
    /// Values whose sums over all steps are no terms.
    pub(crate) refused: Vec<u32>,
}

/// Decomposes the sums of a step into terms.
pub(crate) fn sink_reductions<T: Scalar>(program: &mut Program<T>, rows: usize) -> SunkReductions {
    let mut sunk = SunkReductions::default();
    let known = Known {
        only_summed: only_summed(program),
        is_state: program.states(),
        bindings: bindings(program),
    };
    let mut first = HashMap::new();
    for sum in 0..program.sums.len() {
        match *first.entry(program.sums[sum]).or_insert(sum) {
            equal if equal < sum => sunk.copies.push((equal, sum)),
            _ => take_apart(program, rows, sum, &known, &mut sunk),
        }
    }
    sunk
}

/// What is known of each value of the step, before values are added.
struct Known {
    /// Whether it is used in sums over all steps only.
    only_summed: Vec<bool>,
    /// Whether it is a variable of the state or a view of one.
    is_state: Vec<bool>,
    bindings: Vec<Binding>,
}

impl Known {
    /// The binding time of a value. A value that is added has one input, whose time it shares.
    fn binding<T>(&self, program: &Program<T>, id: u32) -> Binding {
        let id = if id as usize >= self.bindings.len() { program.node(id).inputs[0] } else { id };
        self.bindings[id as usize]
    }
}

/// For each value, whether it is used in sums over all steps only.
fn only_summed<T>(program: &Program<T>) -> Vec<bool> {
    let mut only = vec![false; program.nodes.len()];
    for &id in &program.sums {
        only[id as usize] = true;
    }
    let needed = program.ancestors(program.outputs());
    let kept = program.among(program.stacked.iter().chain(&program.next).copied());
    let mut read = vec![false; program.nodes.len()];
    for id in (0..program.nodes.len()).rev() {
        only[id] &= !kept[id];
        let passes_on = only[id] && matches!(program.op(id as u32), Some(Op::Binary(Binary::Add)));
        for &input in program.nodes[id].inputs.iter().filter(|_| needed[id]) {
            let input = input as usize;
            // all readers of the value must be such sums
            only[input] = passes_on && (only[input] || !read[input]);
            read[input] = true;
        }
    }
    only
}

/// Decomposes one sum.
fn take_apart<T: Scalar>(
    program: &mut Program<T>,
    rows: usize,
    sum: usize,
    known: &Known,
    sunk: &mut SunkReductions,
) {
    let mut pending = vec![program.sums[sum]];
    while let Some(id) = pending.pop() {
        let (inputs, shape) = (program.node(id).inputs.clone(), program.shape(id).clone());
        let by_rows = |id: u32| program.shape(id).first() == Some(&rows);
        let op = program.op(id).filter(|_| known.only_summed[id as usize]);
        let inside = match op {
            Some(Op::Binary(Binary::Add))
                if inputs.iter().all(|&input| *program.shape(input) == shape) =>
            {
                pending.extend(inputs);
                true
            }
            Some(op)
                if matches!(op.class(), Class::Product(Transpose::LEFT))
                    && let Some((left, right, inner_rows)) =
                        summed_factors(program, rows, &inputs) =>
            {
                sunk.terms.push(SumTerm::Product { sum, left, right, inner_rows });
                // the reshapes are not computed
                sunk.inside_sums.extend(inputs.iter().filter(|&&input| !by_rows(input)));
                true
            }
            Some(op)
                if matches!(op.class(), Class::SumTo)
                    && by_rows(inputs[0])
                    && (rows == 1
                        || !by_rows(id)
                        || shape.len() < program.shape(inputs[0]).len()) =>
            {
                let id = summed_rows(program, inputs[0], &shape);
                sunk.add_rows(program, known, sum, id);
                true
            }
            _ if rows == 1 && by_rows(id) => {
                sunk.add_rows(program, known, sum, id);
                false
            }
            _ if by_rows(id) => {
                sunk.accumulate(program, sum, id, false);
                false
            }
            _ => {
                sunk.refused.push(id);
                false
            }
        };
        if inside {
            sunk.inside_sums.push(id);
        }
    }
}

/// The factors of a product that is summed over all rows, with the number of rows of the matrix that a row of each
/// holds: vectors `[B, F]`, or values `[B, .., F]` that are reshaped to matrices `[B · .., F]`.
fn summed_factors<T: Scalar>(
    program: &Program<T>,
    rows: usize,
    factors: &[u32],
) -> Option<(u32, u32, usize)> {
    let factor = |id: u32| {
        let shape = program.shape(id);
        match program.op(id) {
            _ if shape.first() == Some(&rows) && shape.len() == 2 => Some((id, 1)),
            Some(Op::Reshape(_)) if shape.len() == 2 => {
                let whole = program.node(id).inputs[0];
                let of = program.shape(whole);
                let is_whole = of.len() > 1 && of[0] == rows && of.last() == shape.last();
                (is_whole && !shape.contains(&0)).then(|| (whole, shape[0] / rows))
            }
            _ => None,
        }
    };
    let [(left, inner_rows), (right, other)] = [factor(factors[0])?, factor(factors[1])?];
    (inner_rows == other).then_some((left, right, inner_rows))
}

/// The value whose rows add up to the sum of `summed`, reduced to this shape.
fn summed_rows<T: Scalar>(program: &mut Program<T>, summed: u32, shape: &Shape) -> u32 {
    let own = program.shape(summed).clone();
    let kept = |axis: usize| {
        let place = (axis + shape.len()).checked_sub(own.len());
        place.is_some_and(|place| shape[place] == own[axis])
    };
    let axes: Axes = (1..own.len()).filter(|&axis| own[axis] > 1 && !kept(axis)).collect();
    if axes.is_empty() {
        return summed;
    }
    let reduced = axes.iter().fold(own, |shape, &axis| shape.with(axis, 1));
    program.push(op_node(Op::Sum(Sum { axes, keep: true }), [summed], reduced))
}

impl SunkReductions {
    /// Adds the sum of a value's rows. If they are matrices of the loop, they are not kept until
    /// all steps are run.
    fn add_rows<T: Scalar>(
        &mut self,
        program: &mut Program<T>,
        known: &Known,
        sum: usize,
        id: u32,
    ) {
        // a state is overwritten by the next step
        let is_state = known.is_state.get(id as usize) == Some(&true);
        let binding = known.binding(program, id);
        let id = if is_state { program.identity(id) } else { id };
        if is_matrix(program.shape(id)) && binding == Binding::Carried {
            self.accumulate(program, sum, id, true);
        } else {
            self.terms.push(SumTerm::Rows { sum, id });
        }
    }

    /// Adds a value to a state that starts from zero.
    fn accumulate<T: Scalar>(
        &mut self,
        program: &mut Program<T>,
        sum: usize,
        id: u32,
        over_rows: bool,
    ) {
        let (state, shape) = (program.next.len(), program.shape(id).clone());
        let kind = Kind::Input(Input::Carry(state));
        let before = program.push(leaf_node(kind, shape.clone()));
        let after = program.push(op_node(Op::Binary(Binary::Add), [before, id], shape));
        program.next.push(after);
        self.accumulators.push(Accumulator { sum, state, over_rows });
    }
}
