//! What a value of a step is to a program over rows.

use bptt_tensor::rows::Reduction;
use bptt_tensor::{Scalar, Shape, Transpose};

use crate::scan::ir::binding::{Binding, bindings};
use crate::scan::ir::program::{Input, Kind, Program};
use crate::tape::{Class, ViewOf};

/// How a value is computed row by row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum RowClass {
    Input,
    Literal,
    /// A function of single elements.
    Pointwise,
    /// Columns of another value that is not a view itself, from this column on.
    View {
        source: u32,
        column: usize,
    },
    /// Other values side by side, which start at these columns.
    Join {
        columns: Vec<usize>,
    },
    /// A product with an invariant matrix, read transposed or not.
    Product {
        transposed: bool,
    },
    /// One number of each row.
    Reduce(Reduction),
    /// Part of a sum over all steps, and computed as such.
    Summand,
}

/// Why a step is not a program over rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LoweringError(pub(crate) String);

/// The number of rows: the leading extent that all inputs of a step share.
pub(crate) fn rows_of<T>(program: &Program<T>) -> Result<usize, LoweringError> {
    let mut rows = None;
    for node in &program.nodes {
        if !matches!(node.kind, Kind::Input(input) if !matches!(input, Input::Invariant(_))) {
            continue;
        }
        let leading = node.shape.first().copied();
        match (rows, leading) {
            (_, None) => return Err(LoweringError("an input has no axes".into())),
            (None, _) => rows = leading,
            (Some(_), _) if rows == leading => {}
            _ => return Err(LoweringError("inputs have different numbers of rows".into())),
        }
    }
    rows.filter(|&rows| rows > 0).ok_or_else(|| LoweringError("there are no rows".into()))
}

/// The form of each value that is needed, and of a [`RowClass::Literal`] for the others.
pub(crate) fn classes<T: Scalar>(
    program: &Program<T>,
    rows: usize,
    needed: &[bool],
    terms: &[u32],
) -> Result<Vec<RowClass>, LoweringError> {
    let bindings = bindings(program);
    let is_term = program.among(terms.iter().copied());
    let mut classes = Vec::with_capacity(program.nodes.len());
    for id in 0..program.nodes.len() as u32 {
        let form = if is_term[id as usize] {
            RowClass::Summand
        } else if needed[id as usize] {
            form(program, &bindings, rows, id)?
        } else {
            RowClass::Literal
        };
        classes.push(match form {
            RowClass::View { source, column } => of_whole(&classes, source, column),
            form => form,
        });
    }
    Ok(classes)
}

/// The view of `input` from a column on. If `input` is a view, the result is a view of the same value.
fn of_whole(classes: &[RowClass], input: u32, column: usize) -> RowClass {
    match classes[input as usize] {
        RowClass::View { source, column: first } => {
            RowClass::View { source, column: first + column }
        }
        _ => RowClass::View { source: input, column },
    }
}

/// The value that a view is part of, or the value itself.
pub(crate) fn source(classes: &[RowClass], id: u32) -> u32 {
    match classes[id as usize] {
        RowClass::View { source, .. } => source,
        _ => id,
    }
}

fn form<T: Scalar>(
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
    let by_rows = |shape: &Shape| shape.first() == Some(&rows);
    if !by_rows(&node.shape) {
        return refuse();
    }
    let is_row = |axes: &[usize]| input(0).len() == 2 && *axes == [1];
    let width = width(&node.shape);
    let form = match op.class() {
        Class::Elementwise(_) | Class::Broadcast => {
            let fits = |&operand: &u32| {
                let shape = program.shape(operand);
                if bindings[operand as usize] == Binding::Invariant {
                    return invariant_width(shape, node.shape.len(), rows)
                        .is_some_and(|own| own == 1 || own == width);
                }
                shape.len() == node.shape.len()
                    && by_rows(shape)
                    && (shape == &node.shape || self::width(shape) == 1)
            };
            if node.inputs.iter().all(fits) { RowClass::Pointwise } else { return refuse() }
        }
        Class::View(ViewOf::Whole) if by_rows(input(0)) => {
            RowClass::View { source: node.inputs[0], column: 0 }
        }
        Class::View(ViewOf::Part { axis: 1, start }) if by_rows(input(0)) => {
            let inner: usize = input(0)[2..].iter().product();
            RowClass::View { source: node.inputs[0], column: start * inner }
        }
        Class::Join { axis: 1 } => {
            let mut column = 0;
            let mut columns = Vec::with_capacity(node.inputs.len());
            for &part in &node.inputs {
                columns.push(column);
                column += self::width(program.shape(part));
            }
            RowClass::Join { columns }
        }
        Class::Product(Transpose { left: false, right: transposed })
            if bindings[node.inputs[1] as usize] == Binding::Invariant
                && bindings[node.inputs[0] as usize] != Binding::Invariant
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
    Ok(form)
}

/// The number of elements of a row.
pub(crate) fn width(shape: &Shape) -> usize {
    shape[1..].iter().product()
}

/// The width of an invariant beside values of so many axes; `None` if its elements do not repeat from
/// row to row, nor belong one to each.
pub(crate) fn invariant_width(shape: &Shape, axes: usize, rows: usize) -> Option<usize> {
    if is_per_row(shape, axes, rows) {
        return Some(width(shape));
    }
    let leading = shape.len() == axes && shape.first().is_some_and(|&first| first != 1);
    (!leading).then(|| shape.elements())
}

/// Whether an invariant has different elements for each row.
pub(crate) fn is_per_row(shape: &Shape, axes: usize, rows: usize) -> bool {
    rows > 1 && shape.len() == axes && shape.first() == Some(&rows)
}
