//! Classification: the way in which each value of a step is computed row by row.

use bptt_tensor::rows::{MulKind, Reduction};
use bptt_tensor::{Binary, Scalar, Shape, Transpose, Unary};

use crate::scan::ir::binding::{Binding, bindings};
use crate::scan::ir::program::{Input, Kind, Program};
use crate::scan::lower::legalize::Legal;
use crate::scan::lower::lowered::LoweringError;
use crate::scan::lower::shapes::{invariant_width, is_per_row, width};
use crate::scan::lower::sink_reductions::SumTerm;
use crate::tape::{Class, Op, ViewOf};

/// The way in which a value is computed row by row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum RowClass {
    Input,
    Literal,
    /// An elementwise function.
    Pointwise,
    /// A view: columns of another value, from `column` on. The source is not a view itself.
    View {
        source: u32,
        column: usize,
    },
    /// Other values concatenated along columns, with the first column of each.
    Join {
        columns: Vec<usize>,
    },
    /// A matrix product with an invariant matrix, which may be read transposed.
    Product {
        transposed: bool,
    },
    /// A reduction of each row to one number.
    Reduce(Reduction),
    /// A part of a sum over all steps, which is computed with the sum.
    Summand,
}

/// A legalized step with the class of each value.
pub(crate) struct Classified<T> {
    pub(crate) program: Program<T>,
    pub(crate) rows: usize,
    /// The terms of the sums over all steps.
    pub(crate) terms: Vec<SumTerm>,
    /// Sums that equal other sums: pairs of the other sum and the copy.
    pub(crate) copies: Vec<(usize, usize)>,
    pub(crate) classes: Vec<RowClass>,
    /// For each value, whether an output or a term needs it.
    pub(crate) needed: Vec<bool>,
    /// The number of uses of each value, by other values or as an output.
    pub(crate) uses: Vec<usize>,
    /// The values that read each value.
    pub(crate) readers: Vec<Vec<u32>>,
    /// For each value, whether it is a factor of a product that is summed over all steps, directly
    /// or through views and joins that are not copies.
    pub(crate) multiplied: Vec<bool>,
}

/// Classifies the values of a step.
///
/// # Errors
///
/// If a value that is needed cannot be computed row by row.
pub(crate) fn classify<T: Scalar>(
    step: Legal<T>,
    rows: usize,
) -> Result<Classified<T>, LoweringError> {
    let Legal { program, terms, inside_sums, copies } = step;
    let summed = terms.iter().flat_map(SumTerm::values);
    let needed = program.ancestors(program.outputs().chain(summed));
    let bindings = bindings(&program);
    let is_summand = program.among(inside_sums);
    let mut classes: Vec<RowClass> = Vec::with_capacity(program.nodes.len());
    for id in 0..program.nodes.len() as u32 {
        let class = if is_summand[id as usize] {
            RowClass::Summand
        } else if needed[id as usize] {
            class_of(&program, &bindings, rows, id)?
        } else {
            RowClass::Literal
        };
        classes.push(match class {
            RowClass::View { source, column } => of_whole(&classes, source, column),
            class => class,
        });
    }
    let (uses, readers) = (program.uses(), readers(&program, &needed));
    let multiplied = multiplied(&program, &classes, &terms);
    Ok(Classified { program, rows, terms, copies, classes, needed, uses, readers, multiplied })
}

impl<T: Scalar> Classified<T> {
    pub(crate) fn class(&self, id: u32) -> &RowClass {
        &self.classes[id as usize]
    }

    /// The number of elements of a row of a value.
    pub(crate) fn width(&self, id: u32) -> usize {
        width(self.program.shape(id))
    }

    /// The source of a view, or the value itself.
    pub(crate) fn source(&self, id: u32) -> u32 {
        match self.classes[id as usize] {
            RowClass::View { source, .. } => source,
            _ => id,
        }
    }

    /// Whether a value is one row that is added to all rows of this shape.
    pub(crate) fn is_bias(&self, id: u32, shape: &Shape) -> bool {
        let own = self.program.shape(id);
        matches!(self.program.node(id).kind, Kind::Input(Input::Invariant(_)))
            && !is_per_row(own, shape.len(), self.rows)
            && own.elements() == width(shape)
    }

    /// The factors of an elementwise product of two values, or of a square.
    pub(crate) fn factors(&self, id: u32) -> Option<(MulKind, [u32; 2])> {
        match (self.program.op(id), &self.program.node(id).inputs[..]) {
            (Some(Op::Binary(Binary::Mul)), &[a, b]) => Some((MulKind::Plain, [a, b])),
            (Some(Op::Binary(Binary::ChainMul)), &[a, b]) => Some((MulKind::Chain, [a, b])),
            (Some(Op::Unary(Unary::Square)), &[x]) => Some((MulKind::Plain, [x, x])),
            _ => None,
        }
    }
}

impl RowClass {
    /// Whether the value's elements lie in the memory of other values.
    pub(crate) fn passes_on(&self) -> bool {
        matches!(self, Self::View { .. } | Self::Join { .. })
    }

    /// Whether a fused sequence computes the value.
    pub(crate) fn is_fused(&self) -> bool {
        matches!(self, Self::Pointwise | Self::Reduce(_))
    }

    /// Whether the value needs all rows of its operands first.
    pub(crate) fn is_barrier(&self) -> bool {
        matches!(self, Self::Product { .. } | Self::Summand)
    }
}

/// The values that read each value.
fn readers<T>(program: &Program<T>, needed: &[bool]) -> Vec<Vec<u32>> {
    let mut readers = vec![Vec::new(); program.nodes.len()];
    for (id, node) in (0..).zip(&program.nodes) {
        for &input in &node.inputs {
            if needed[id as usize] {
                readers[input as usize].push(id);
            }
        }
    }
    readers
}

/// For each value, whether it is a factor of a product among the terms, directly or through views
/// and joins.
fn multiplied<T>(program: &Program<T>, classes: &[RowClass], terms: &[SumTerm]) -> Vec<bool> {
    let is_product = |term: &&SumTerm| matches!(term, SumTerm::Product { .. });
    let products = terms.iter().filter(is_product);
    let mut multiplied = program.among(products.flat_map(SumTerm::values));
    for (id, node) in program.nodes.iter().enumerate().rev() {
        if multiplied[id] && classes[id].passes_on() {
            node.inputs.iter().for_each(|&input| multiplied[input as usize] = true);
        }
    }
    multiplied
}

/// The view of `input` from a column on. If `input` is a view, the result is a view of its source.
fn of_whole(classes: &[RowClass], input: u32, column: usize) -> RowClass {
    match classes[input as usize] {
        RowClass::View { source, column: first } => {
            RowClass::View { source, column: first + column }
        }
        _ => RowClass::View { source: input, column },
    }
}

fn class_of<T: Scalar>(
    program: &Program<T>,
    bindings: &[Binding],
    rows: usize,
    id: u32,
) -> Result<RowClass, LoweringError> {
    let node = program.node(id);
    let op = match &node.kind {
        Kind::Input(_) => return Ok(RowClass::Input),
        Kind::Literal(_) => return Ok(RowClass::Literal),
        Kind::Op(op) => op,
    };
    let refuse = || Err(LoweringError(format!("{} to {}", op.name(), node.shape)));
    let input = |i: usize| program.shape(node.inputs[i]);
    let is_invariant = |i: usize| bindings[node.inputs[i] as usize] == Binding::Invariant;
    let by_rows = |shape: &Shape| shape.first() == Some(&rows);
    if !by_rows(&node.shape) {
        return refuse();
    }
    let is_row = |axes: &[usize]| input(0).len() == 2 && *axes == [1];
    let class = match op.class() {
        Class::Elementwise(_) | Class::Broadcast
            if (0..node.inputs.len())
                .all(|i| is_operand(input(i), is_invariant(i), &node.shape)) =>
        {
            RowClass::Pointwise
        }
        Class::View(ViewOf::Whole) if by_rows(input(0)) => {
            RowClass::View { source: node.inputs[0], column: 0 }
        }
        Class::View(ViewOf::Part { axis: 1, start }) if by_rows(input(0)) => {
            let inner: usize = input(0)[2..].iter().product();
            RowClass::View { source: node.inputs[0], column: start * inner }
        }
        Class::Join { axis: 1 } => RowClass::Join { columns: starts(program, &node.inputs) },
        Class::Product(Transpose { left: false, right: transposed })
            if is_invariant(1)
                && !is_invariant(0)
                && input(1).len() == 2
                && input(0).len() == 2 =>
        {
            RowClass::Product { transposed }
        }
        Class::Reduction(reduction, axes) if is_row(&axes) => RowClass::Reduce(reduction),
        Class::SumTo if input(0).len() == 2 && node.shape == [rows, 1] => {
            RowClass::Reduce(Reduction::Sum)
        }
        _ => return refuse(),
    };
    Ok(class)
}

/// Whether an elementwise function can read an operand of this shape row by row. The function's
/// result has shape `result`.
fn is_operand(shape: &Shape, is_invariant: bool, result: &Shape) -> bool {
    let (rows, columns) = (result[0], width(result));
    if is_invariant {
        return invariant_width(shape, result.len(), rows)
            .is_some_and(|own| own == 1 || own == columns);
    }
    shape.len() == result.len() && shape[0] == rows && (shape == result || width(shape) == 1)
}

/// The first column of each part of a join.
fn starts<T>(program: &Program<T>, parts: &[u32]) -> Vec<usize> {
    let mut column = 0;
    let start = |&part: &u32| {
        let start = column;
        column += width(program.shape(part));
        start
    };
    parts.iter().map(start).collect()
}
