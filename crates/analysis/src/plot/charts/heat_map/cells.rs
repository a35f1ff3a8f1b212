//! The cells of a heat map: its values, or means of blocks of them.

use std::ops::Range;

use crate::plot::thin::Point;

/// The most cells in a row and in a column, which are wide enough to be seen.
const MOST_COLUMNS: usize = 240;
const MOST_ROWS: usize = 96;

/// Cells in rows. Places are counted in columns and rows of the table, whose centres are whole numbers.
pub(super) struct Cells {
    rows: Vec<Vec<f64>>,
    /// The columns that the cells stand for.
    columns: Range<usize>,
    /// The number of rows that the cells stand for.
    row_count: usize,
    /// The columns and the rows of a cell.
    pub(super) width: usize,
    pub(super) height: usize,
}

impl Cells {
    /// Creates the cells of some columns of a table. Those beyond its end are left out.
    pub(super) fn new(values: &[Vec<f64>], columns: Range<usize>) -> Self {
        let end = columns.end.min(values.first().map_or(0, Vec::len));
        let width = columns.len().div_ceil(MOST_COLUMNS).max(1);
        let height = values.len().div_ceil(MOST_ROWS).max(1);
        let rows = values.chunks(height).map(|rows| {
            let starts = (columns.start..end).step_by(width);
            let block = |from: usize| {
                mean(rows.iter().flat_map(move |row| &row[from..end.min(from + width)]))
            };
            starts.map(block).collect()
        });
        let rows = rows.collect();
        Self { rows, columns: columns.start..end, row_count: values.len(), width, height }
    }

    /// Returns the places and the values of each row.
    pub(super) fn rows(&self) -> impl Iterator<Item = (Range<f64>, &[f64])> {
        self.rows.iter().enumerate().map(|(row, values)| {
            let from = row * self.height;
            (edges(from, self.row_count.min(from + self.height)), values.as_slice())
        })
    }

    /// Moves a lower right corner half a column and half a row on, within the table.
    pub(super) fn below(&self, (right, bottom): Point) -> Point {
        let limit = |edge: f64, end: usize| (edge + 0.5).min(end as f64 - 0.5);
        (limit(right, self.columns.end), limit(bottom, self.row_count))
    }

    /// Returns the place of a column of cells.
    pub(super) fn column(&self, column: usize) -> Range<f64> {
        let from = self.columns.start + column * self.width;
        edges(from, self.columns.end.min(from + self.width))
    }
}

fn edges(from: usize, to: usize) -> Range<f64> {
    from as f64 - 0.5..to as f64 - 0.5
}

/// Returns the mean of a block, which is not finite if one of its values is not.
fn mean<'v>(values: impl Iterator<Item = &'v f64> + Clone) -> f64 {
    let count = values.clone().count() as f64;
    values.map(|value| value / count).sum()
}
