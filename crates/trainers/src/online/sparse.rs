//! Matrices of which few entries are kept.

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

    /// Returns the number of entries of each row.
    pub(super) fn counts(&self) -> Vec<usize> {
        self.rows.iter().map(|row| row.columns.len()).collect()
    }

    /// Returns the columns of all entries, row by row.
    pub(super) fn columns(&self) -> Vec<usize> {
        self.rows.iter().flat_map(|row| &row.columns).copied().collect()
    }

    /// Creates a matrix from the number of entries of each row, and the columns and values of all entries, row by row.
    /// Returns `None` if the columns of a row do not increase.
    pub(super) fn from_parts(
        width: usize,
        counts: &[usize],
        mut columns: &[usize],
        mut values: &[T],
    ) -> Option<Self> {
        let mut rows = Vec::with_capacity(counts.len());
        for &count in counts {
            let (own, after) = columns.split_at_checked(count)?;
            let (entries, others) = values.split_at_checked(count)?;
            if !own.is_sorted_by(|a, b| a < b) {
                return None;
            }
            rows.push(SparseRow { columns: own.to_vec(), values: entries.to_vec() });
            (columns, values) = (after, others);
        }
        Some(Self { width, rows })
    }
}
