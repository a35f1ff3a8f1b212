//! Classification: the way in which each value of a step is computed row by row.

use bptt_tensor::rows::{Axes, MulKind, Reduction};
use bptt_tensor::{Binary, Scalar, Shape, Transpose, Unary};

use crate::scan::ir::binding::{Binding, bindings};
use crate::scan::ir::program::{Input, Kind, Program};
use crate::scan::lower::layout::{Place, Places};
use crate::scan::lower::legalize::Legal;
use crate::scan::lower::lowered::{Accumulator, LoweringError};
use crate::scan::lower::obstacles::obstacles;
use crate::scan::lower::shapes::{is_per_row, width};
use crate::scan::lower::sink_reductions::SumTerm;
use crate::scan::lower::spaces::Spaces;
use crate::tape::{Class, Op};

/// The way in which a value is computed row by row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum RowClass {
    Input,
    Literal,
    /// An elementwise function.
    Pointwise,
    /// A view of another value, which is not a view itself.
    View(Place),
    /// Other values concatenated along columns, with the first column of each.
    Join {
        columns: Vec<usize>,
    },
    /// Other values concatenated along an axis of the row, each copied to its place.
    Assemble {
        axis: usize,
    },
    /// A matrix product with an invariant matrix, which may be read transposed. A row of the left operand is a vector, or
    /// holds a matrix of this many rows.
    Product {
        transposed: bool,
        inner_rows: usize,
    },
    /// A function of whole rows of the operands.
    Apply,
    /// A reduction of each row along some axes.
    Reduce {
        reduction: Reduction,
        axes: Axes,
    },
    /// A part of a sum over all steps, which is computed with the sum.
    Summand,
}

/// A legalized step with the class of each value.
pub(crate) struct Classified<T> {
    pub(crate) program: Program<T>,
    pub(crate) rows: usize,
    /// The terms of the sums over all steps.
    pub(crate) terms: Vec<SumTerm>,
    pub(crate) accumulators: Vec<Accumulator>,
    /// Sums that equal other sums: pairs of the other sum and the copy.
    pub(crate) copies: Vec<(usize, usize)>,
    pub(crate) classes: Vec<RowClass>,
    pub(crate) spaces: Spaces,
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
/// If values that are needed cannot be computed row by row.
pub(crate) fn classify<T: Scalar>(
    step: Legal<T>,
    rows: usize,
) -> Result<Classified<T>, LoweringError> {
    let Legal { program, terms, accumulators, inside_sums, copies, mut refused } = step;
    let summed = terms.iter().flat_map(SumTerm::values);
    let needed = program.ancestors(program.outputs().chain(summed));
    let bindings = bindings(&program);
    let is_summand = program.among(inside_sums);
    let places = Places::of(&program);
    let mut classes: Vec<RowClass> = Vec::with_capacity(program.nodes.len());
    for id in 0..program.nodes.len() as u32 {
        let class = if is_summand[id as usize] {
            RowClass::Summand
        } else if needed[id as usize] {
            class_of(&program, &bindings, &places, rows, id).unwrap_or_else(|| {
                refused.push(id);
                RowClass::Literal
            })
        } else {
            RowClass::Literal
        };
        classes.push(class);
    }
    if !refused.is_empty() {
        return Err(LoweringError(obstacles(&program, &bindings, rows, refused)));
    }
    let (uses, readers) = (program.uses(), readers(&program, &needed));
    let multiplied = multiplied(&program, &classes, &terms);
    let spaces = Spaces::of(&program);
    Ok(Classified {
        program,
        rows,
        terms,
        accumulators,
        copies,
        classes,
        spaces,
        needed,
        uses,
        readers,
        multiplied,
    })
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
        match &self.classes[id as usize] {
            RowClass::View(place) => place.source,
            _ => id,
        }
    }

    /// The value over whose rows the function runs that computes a value.
    pub(crate) fn run_over(&self, id: u32) -> u32 {
        match self.class(id) {
            RowClass::Reduce { .. } => self.program.node(id).inputs[0],
            _ => id,
        }
    }

    /// Whether a function that reads a value with all its axes reads the elements of its source in
    /// their order.
    pub(crate) fn is_straight(&self, id: u32) -> bool {
        match self.class(id) {
            RowClass::View(Place { source, layout }) => {
                let shape = self.program.shape(id);
                layout.is_dense(shape) && self.width(id) == self.width(*source)
            }
            _ => true,
        }
    }

    /// Whether a value is added to all rows of this shape: one row, or one inner row.
    pub(crate) fn is_bias(&self, id: u32, shape: &Shape) -> bool {
        let own = self.program.shape(id);
        let is_inner_row = || own.last() == shape.last() && own.last() == Some(&own.elements());
        matches!(self.program.node(id).kind, Kind::Input(Input::Invariant(_)))
            && !is_per_row(own, shape.len(), self.rows)
            && (own.elements() == width(shape) || is_inner_row())
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
        matches!(self, Self::View(_) | Self::Join { .. })
    }

    /// Whether a fused sequence computes the value.
    pub(crate) fn is_fused(&self) -> bool {
        matches!(self, Self::Pointwise | Self::Reduce { .. } | Self::Assemble { .. })
    }

    /// Whether the elements of the value are known only after the phases that compute it.
    pub(crate) fn is_known_late(&self) -> bool {
        matches!(self, Self::Reduce { .. } | Self::Assemble { .. })
    }

    /// Whether the value needs whole rows of its operands first.
    pub(crate) fn is_barrier(&self) -> bool {
        matches!(self, Self::Product { .. } | Self::Apply | Self::Summand)
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

/// The class of a value; `None` if it cannot be computed row by row.
fn class_of<T: Scalar>(
    program: &Program<T>,
    bindings: &[Binding],
    places: &Places,
    rows: usize,
    id: u32,
) -> Option<RowClass> {
    let node = program.node(id);
    let by_rows = |shape: &Shape| shape.first() == Some(&rows);
    let op = match &node.kind {
        Kind::Input(Input::Invariant(_)) => return Some(RowClass::Input),
        Kind::Input(_) => return by_rows(&node.shape).then_some(RowClass::Input),
        Kind::Literal(_) => return Some(RowClass::Literal),
        Kind::Op(op) => op,
    };
    let input = |i: usize| program.shape(node.inputs[i]);
    let is_invariant = |i: usize| bindings[node.inputs[i] as usize] == Binding::Invariant;
    if !by_rows(&node.shape) {
        return None;
    }
    if let place = places.place(id)
        && place.source != id
    {
        return Some(RowClass::View(place.clone()));
    }
    let has_elements = |shape: &Shape| shape.len() <= 2 || !shape.contains(&0);
    let is_row = |i: usize| {
        let is_number = matches!(program.node(node.inputs[i]).kind, Kind::Literal(_));
        !is_number && by_rows(input(i)) && !input(i).contains(&0)
    };
    let class = match op.class() {
        Class::Elementwise(_) | Class::Broadcast
            if (0..node.inputs.len())
                .all(|i| is_operand(input(i), is_invariant(i), rows, &node.shape))
                && has_elements(&node.shape) =>
        {
            RowClass::Pointwise
        }
        Class::Join { axis: 1 } => RowClass::Join { columns: starts(program, &node.inputs) },
        Class::Join { axis } if axis > 1 && has_elements(&node.shape) => {
            RowClass::Assemble { axis }
        }
        Class::Product(Transpose { left: false, right: transposed })
            if is_invariant(1)
                && !is_invariant(0)
                && input(1).len() == 2
                && input(0).len() >= 2
                && has_elements(input(0)) =>
        {
            let inner_rows = node.shape[1..node.shape.len() - 1].iter().product();
            RowClass::Product { transposed, inner_rows }
        }
        Class::Reduction(reduction, axes)
            if !axes.contains(&0) && by_rows(input(0)) && has_elements(input(0)) =>
        {
            RowClass::Reduce { reduction, axes: axes.iter().copied().collect() }
        }
        Class::SumTo if input(0).len() == node.shape.len() && has_elements(input(0)) => {
            let axes = (1..node.shape.len()).filter(|&axis| node.shape[axis] != input(0)[axis]);
            RowClass::Reduce { reduction: Reduction::Sum, axes: axes.collect() }
        }
        _ if (0..node.inputs.len()).all(is_row)
            && !node.shape.contains(&0)
            && program.row_function(id).is_some() =>
        {
            RowClass::Apply
        }
        _ => return None,
    };
    Some(class)
}

/// Whether an elementwise function can read an operand of this shape row by row. The function's
/// result has shape `result`, to which the operand broadcasts.
fn is_operand(shape: &Shape, is_invariant: bool, rows: usize, result: &Shape) -> bool {
    let has_batch = shape.len() == result.len();
    if is_invariant {
        !has_batch || [1, rows].contains(&shape[0])
    } else {
        has_batch && shape[0] == rows
    }
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
