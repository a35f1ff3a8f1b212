//! Sinking of reductions: sums over all steps leave the loop. The gradient of a weight, `Σ_t x_tᵀ g_t`, is one product
//! over the rows of all steps. The gradient of a bias is one sum of rows.

use std::collections::HashMap;

use bptt_tensor::{Binary, Scalar, Shape, Transpose};

use crate::scan::ir::program::Program;
use crate::scan::ir::program::op_node;
use crate::scan::lower::lowered::LoweringError;
use crate::scan::lower::shapes::width;
use crate::tape::primitive::Sum;
use crate::tape::{Class, Op};

/// A term of a sum over all rows of all steps.
pub(crate) enum SumTerm {
    /// `Σ leftᵀ · right`
    Product { sum: usize, left: u32, right: u32 },
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
    /// Values that are decomposed into terms, and so are not computed themselves.
    pub(crate) inside_sums: Vec<u32>,
    /// Sums that equal other sums, and so are not decomposed again: pairs of the other sum and the
    /// copy.
    pub(crate) copies: Vec<(usize, usize)>,
}

/// Decomposes the sums of a step into terms.
pub(crate) fn sink_reductions<T: Scalar>(
    program: &mut Program<T>,
    rows: usize,
) -> Result<SunkReductions, LoweringError> {
    let mut sunk = SunkReductions::default();
    let only_summed = only_summed(program);
    let mut first = HashMap::new();
    for sum in 0..program.sums.len() {
        match *first.entry(program.sums[sum]).or_insert(sum) {
            equal if equal < sum => sunk.copies.push((equal, sum)),
            _ => take_apart(program, rows, sum, &only_summed, &mut sunk)?,
        }
    }
    Ok(sunk)
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
    only_summed: &[bool],
    sunk: &mut SunkReductions,
) -> Result<(), LoweringError> {
    let mut pending = vec![program.sums[sum]];
    while let Some(id) = pending.pop() {
        let (inputs, shape) = (program.node(id).inputs.clone(), program.shape(id).clone());
        let by_rows = |id: u32| {
            let shape = program.shape(id);
            shape.len() == 2 && shape[0] == rows
        };
        let op = program.op(id).filter(|_| only_summed[id as usize]);
        let inside = match op {
            Some(Op::Binary(Binary::Add))
                if inputs.iter().all(|&input| *program.shape(input) == shape) =>
            {
                pending.extend(inputs);
                true
            }
            Some(op)
                if matches!(op.class(), Class::Product(Transpose::LEFT))
                    && inputs.iter().all(|&input| by_rows(input)) =>
            {
                let [left, right] = [inputs[0], inputs[1]];
                sunk.terms.push(SumTerm::Product { sum, left, right });
                true
            }
            Some(op) if matches!(op.class(), Class::SumTo) && by_rows(inputs[0]) => {
                let id = summed_rows(program, rows, inputs[0], &shape)?;
                sunk.terms.push(SumTerm::Rows { sum, id });
                true
            }
            _ if rows == 1 && by_rows(id) => {
                sunk.terms.push(SumTerm::Rows { sum, id });
                false
            }
            _ => return Err(LoweringError(format!("a sum over steps of {shape}"))),
        };
        if inside {
            sunk.inside_sums.push(id);
        }
    }
    Ok(())
}

/// The value whose rows add up to the sum of `summed`, reduced to this shape.
fn summed_rows<T: Scalar>(
    program: &mut Program<T>,
    rows: usize,
    summed: u32,
    shape: &Shape,
) -> Result<u32, LoweringError> {
    let own = width(program.shape(summed));
    let is_one_row = own == 1 || shape.last() == Some(&own);
    if shape.elements() == own && is_one_row {
        return Ok(summed);
    }
    if shape.elements() != 1 {
        return Err(LoweringError(format!("a sum to {shape}")));
    }
    let row = Op::Sum(Sum { axes: [1].into(), keep: true });
    Ok(program.push(op_node(row, [summed], [rows, 1])))
}
