//! Matrices of which few entries are kept.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

use bptt_tensor::{Scalar, Tensor};

/// A matrix `[S, P]` with the entries of a pattern, which grows.
#[derive(Clone, Debug)]
pub(super) struct SparseMatrix<T> {
    /// `P`
    width: usize,
    rows: Vec<SparseRow<T>>,
}

#[derive(Clone, Debug)]
struct SparseRow<T> {
    /// The positions of the kept entries, in increasing order.
    columns: Vec<usize>,
    values: Vec<T>,
}

impl<T: Scalar> SparseMatrix<T> {
    /// Creates a matrix without entries.
    pub(super) fn new([size, width]: [usize; 2]) -> Self {
        Self { width, rows: vec![SparseRow { columns: Vec::new(), values: Vec::new() }; size] }
    }

    /// Sets row `i` to that of `M ⊙ (J Π + I)`, from the rows of `J` and `I`. The pattern `M` is that of `Π`, and where
    /// `I` is not zero.
    pub(super) fn set_row(
        &mut self,
        i: usize,
        jacobian: &[T],
        before: Option<&Self>,
        immediate: Option<&Tensor<T>>,
    ) {
        let mut entries = immediate.map_or_else(|| vec![T::zero(); self.width], Tensor::to_vec);
        let mut is_kept: Vec<bool> = entries.iter().map(|entry| *entry != T::zero()).collect();
        if let Some(before) = before {
            before.rows[i].columns.iter().for_each(|&column| is_kept[column] = true);
            before.add_product(jacobian, &mut entries);
        }
        let columns: Vec<_> = (0..self.width).filter(|&column| is_kept[column]).collect();
        let values = columns.iter().map(|&column| entries[column]).collect();
        self.rows[i] = SparseRow { columns, values };
    }

    /// Adds `vᵀ Π` to `sum: [P]`, for `v: [S]`.
    pub(super) fn add_product(&self, v: &[T], sum: &mut [T]) {
        for (&factor, row) in v.iter().zip(&self.rows) {
            if factor != T::zero() {
                for (&column, &value) in row.columns.iter().zip(&row.values) {
                    sum[column] += factor * value;
                }
            }
        }
    }

    /// Returns `P`.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Returns the values of all entries, row by row.
    pub(super) fn values(&self) -> Vec<T> {
        self.rows.iter().flat_map(|row| &row.values).copied().collect()
    }

    pub(super) fn is_finite(&self) -> bool {
        self.rows.iter().flat_map(|row| &row.values).all(|value| value.is_finite())
    }

    /// Returns the pattern.
    pub(super) fn pattern(&self) -> Pattern {
        Pattern(self.rows.iter().map(|row| row.columns.clone()).collect())
    }

    /// Creates a matrix from its pattern and the values of all entries, row by row.
    pub(super) fn from_parts(width: usize, Pattern(pattern): Pattern, values: &[T]) -> Self {
        let mut values = values.iter().copied();
        let row = |columns: Vec<usize>| {
            let values = values.by_ref().take(columns.len()).collect();
            SparseRow { columns, values }
        };
        Self { width, rows: pattern.into_iter().map(row).collect() }
    }
}

/// The positions of entries in each row. As a text, rows are separated by semicolons, and positions by blanks.
pub(super) struct Pattern(Vec<Vec<usize>>);

impl Pattern {
    /// The number of entries.
    pub(super) fn count(&self) -> usize {
        self.0.iter().map(Vec::len).sum()
    }

    /// Whether this is a pattern of a matrix `[S, P]`.
    pub(super) fn is_of(&self, [size, width]: [usize; 2]) -> bool {
        let is_row = |columns: &Vec<usize>| {
            columns.is_sorted_by(|a, b| a < b) && columns.last().is_none_or(|&last| last < width)
        };
        self.0.len() == size && self.0.iter().all(is_row)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for columns in &self.0 {
            for column in columns {
                write!(f, "{column} ")?;
            }
            f.write_str(";")?;
        }
        Ok(())
    }
}

impl FromStr for Pattern {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let row = |columns: &str| columns.split_whitespace().map(str::parse).collect();
        let rows = text.split_terminator(';').map(row);
        Ok(Self(rows.collect::<Result<_, _>>()?))
    }
}
