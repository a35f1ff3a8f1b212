//! The loop nest of a phase: the axes of a row, divided into rows and columns of chunks and loops
//! around them.

use smallvec::SmallVec;

use super::blocking::{SHORT, are_short_vectors};
use super::op::{Array, Axes, Phase, RowOp};
use crate::scalar::Scalar;

/// The loops of a phase. Its last axis has the columns of chunks. The rows of chunks are those of
/// the axis before, or of the batch if there is none. The other axes and the batch are loops around
/// them.
#[derive(Debug)]
pub(super) struct Nest {
    /// The extents of the axes around the rows, without the batch.
    pub(super) outer: Axes,
    /// The extent of the axis of rows; `None` if the rows are those of the batch.
    pub(super) rows: Option<usize>,
    pub(super) columns: usize,
    /// The strides of each array.
    pub(super) strides: Vec<Strides>,
    /// The arrays that are reduced to, and the arrays of which each chunk is copied.
    pub(super) reduced: SmallVec<[usize; 4]>,
    pub(super) copied: SmallVec<[usize; 4]>,
}

/// The strides of an array in a [`Nest`].
#[derive(Debug)]
pub(super) struct Strides {
    pub(super) outer: Axes,
    /// The distance between rows of a chunk, if they are not those of the batch.
    pub(super) row: usize,
    pub(super) column: usize,
}

impl Nest {
    pub(super) fn of<T: Scalar>(phase: &Phase<T>) -> Self {
        let (columns, around) = phase.axes.split_last().expect("a phase has axes");
        let (rows, outer) =
            around.split_last().map_or((None, around), |(rows, outer)| (Some(*rows), outer));
        let strides: Vec<Strides> = phase.arrays.iter().map(Strides::of).collect();
        let mut is_written = vec![false; strides.len()];
        let mut is_reduced = vec![false; strides.len()];
        // whether elementwise functions read the array that have no loops for such short rows, and
        // whether other operations do, which need columns
        let mut is_mapped = vec![false; strides.len()];
        let mut needs_columns = vec![false; strides.len()];
        for op in &phase.ops {
            is_written[op.target()] = true;
            is_reduced[op.target()] |= op.reduces();
            let is_of_columns = op.reduces() || op.adds_rows() || matches!(op, RowOp::Call(..));
            let sources = op.sources().iter();
            if is_of_columns {
                let is_in_place = |array| rows.is_some() && sums_with_column(op, &strides, array);
                sources.for_each(|&source| needs_columns[source] |= !is_in_place(source));
            } else if !(op.has_short_loop() && are_short_vectors(*columns)) {
                sources.for_each(|&source| is_mapped[source] = true);
            }
        }
        let all = 0..strides.len();
        let is_copied = |&array: &usize| {
            let Strides { row, column, .. } = strides[array];
            let is_adjacent = column == 1 && row == *columns;
            let is_number = column == 0 && row == 0;
            let is_short = rows.is_some() && *columns <= SHORT && !is_adjacent && !is_number;
            let has_no_columns = column == 0 && *columns > 1 && needs_columns[array];
            !is_written[array] && (is_mapped[array] && is_short || column > 1 || has_no_columns)
        };
        Self {
            outer: outer.into(),
            rows,
            columns: *columns,
            copied: all.clone().filter(is_copied).collect(),
            reduced: all.filter(|&array| is_reduced[array]).collect(),
            strides,
        }
    }
}

/// Whether an operation sums products with an array of one column to a row, so that it reads the
/// column in place.
fn sums_with_column<T>(op: &RowOp<T>, strides: &[Strides], array: usize) -> bool {
    let RowOp::Dot(_, sources, target) = *op else { return false };
    let is_column = |array: usize| strides[array].column == 0;
    let is_one_row = strides[target].column == 1 && strides[target].row == 0;
    is_one_row && is_column(array) && sources.iter().filter(|&&array| is_column(array)).count() == 1
}

impl Strides {
    fn of(array: &Array) -> Self {
        let (column, around) = array.strides.split_last().expect("a phase has axes");
        let (row, outer) = around.split_last().map_or((0, around), |(row, outer)| (*row, outer));
        Self { outer: outer.into(), row, column: *column }
    }
}
