//! The arrays of a chunk, and the loops over them.

use super::address::Located;
use super::blocking::VECTOR;
use super::nest::Strides;
use super::op::Axes;
use crate::cpu::simd::vectorize;
use crate::kernels::binary::BinaryLoop;
use crate::kernels::unary::UnaryLoop;
use crate::scalar::Scalar;

/// The elements of an array in a chunk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operand<T> {
    /// The first element.
    start: *mut T,
    /// The distances between rows and between columns.
    distance: usize,
    column: usize,
    /// Whether it has one column, which is broadcast.
    pub(super) is_column: bool,
    /// Whether its rows form one long row, because there are no gaps between them or all are one
    /// number.
    pub(super) is_gapless: bool,
    /// Whether all rows are one.
    pub(super) is_row: bool,
    /// Whether a reduction to it begins with this group of chunks, rather than adding to what the
    /// groups before left.
    pub(super) begins: bool,
    /// Whether it holds the current chunk only.
    is_chunk: bool,
    /// The distance between rows of the batch.
    batch: usize,
    /// The first element of the group's first chunk.
    first: *mut T,
    /// Distances to the group's next row and next column; 0 if there is only one.
    to_row: usize,
    to_column: usize,
}

impl<T: Scalar> Operand<T> {
    /// An array in the first chunk of a block, for chunks of this many columns. The rows are those
    /// of the batch, or `of_axis` of the phase.
    #[inline(always)]
    pub(super) fn new(
        located: Located<T>,
        strides: &Strides,
        of_axis: bool,
        columns: usize,
    ) -> Self {
        let Located { start, distance: batch, is_chunk, is_partial } = located;
        let distance = if of_axis && !is_chunk { strides.row } else { batch };
        let is_number = distance == 0 && columns == 1;
        let is_column = strides.column == 0 || is_number;
        let is_adjacent = is_column || strides.column == 1;
        Self {
            start,
            distance,
            column: strides.column,
            is_column,
            is_gapless: is_adjacent && distance == if is_column { 0 } else { columns },
            is_row: distance == 0,
            begins: !is_partial,
            is_chunk,
            batch,
            first: start,
            to_row: if is_chunk { 0 } else { distance },
            to_column: if is_chunk || is_column { 0 } else { strides.column },
        }
    }

    /// Moves the group by this many steps along an axis of this stride, or else along the batch.
    #[inline(always)]
    pub(super) fn advance(&mut self, stride: Option<usize>, steps: isize) {
        if !self.is_chunk {
            let stride = stride.unwrap_or(self.batch).cast_signed();
            self.first = self.first.wrapping_offset(steps * stride);
        }
        self.start = self.first;
    }

    /// Moves to the chunk that begins at this row and column of the group.
    #[inline(always)]
    pub(super) fn move_to(&mut self, row: usize, column: usize) {
        self.start = self.first.wrapping_add(row * self.to_row + column * self.to_column);
    }

    /// A copy of an array at `start`, in chunks of this many columns.
    #[inline(always)]
    pub(super) fn of_copy(start: *mut T, columns: usize) -> Self {
        let located = Located { start, distance: columns, is_chunk: true, is_partial: false };
        let strides = Strides { outer: Axes::new(), row: columns, column: 1 };
        Self::new(located, &strides, true, columns)
    }

    /// Copies the elements of the chunk to an array without gaps. It is a function of its own, which
    /// the compiler vectorises better than a part of a larger one.
    ///
    /// # Safety
    ///
    /// The elements may be read, and those of the copy be written. No thread uses them meanwhile.
    #[inline(never)]
    pub(super) unsafe fn copy_to(&self, copy: &Self, rows: usize, columns: usize) {
        vectorize(
            #[inline(always)]
            move || {
                // SAFETY: the caller's contract.
                unsafe {
                    match columns {
                        16 => self.copy_rows::<16>(copy, rows),
                        32 => self.copy_rows::<32>(copy, rows),
                        _ => {
                            for row in 0..rows {
                                self.copy_row(row, copy.row_mut(row, columns));
                            }
                        }
                    }
                }
            },
        );
    }

    /// [`copy_to`](Self::copy_to) for rows of `N` columns.
    ///
    /// # Safety
    ///
    /// As for [`copy_to`](Self::copy_to).
    #[inline(always)]
    unsafe fn copy_rows<const N: usize>(&self, copy: &Self, rows: usize) {
        // SAFETY: the caller's contract.
        let to = unsafe { std::slice::from_raw_parts_mut(copy.start.cast::<[T; N]>(), rows) };
        for (row, to) in to.iter_mut().enumerate() {
            // SAFETY: the caller's contract.
            unsafe { self.copy_row(row, to) };
        }
    }

    /// Copies a row.
    ///
    /// # Safety
    ///
    /// As for [`copy_to`](Self::copy_to).
    #[inline(always)]
    unsafe fn copy_row(&self, row: usize, to: &mut [T]) {
        // SAFETY: the caller's contract.
        unsafe {
            match self.column {
                0 => {
                    // the compiler would otherwise write a column of many rows at once
                    let x = std::hint::black_box(self.first(row));
                    for to in to {
                        *to = x;
                    }
                }
                1 => to.copy_from_slice(self.row(row, to.len())),
                _ => self.gather(row, to),
            }
        }
    }

    /// Copies a row whose columns are not adjacent.
    ///
    /// # Safety
    ///
    /// As for [`copy_to`](Self::copy_to).
    #[inline(always)]
    unsafe fn gather(&self, row: usize, to: &mut [T]) {
        let start = self.start.wrapping_add(row * self.distance);
        for (column, to) in to.iter_mut().enumerate() {
            // SAFETY: the caller's contract.
            *to = unsafe { *start.wrapping_add(column * self.column) };
        }
    }

    /// # Safety
    ///
    /// The row's elements may be read, and no thread writes them meanwhile.
    #[inline(always)]
    pub(super) unsafe fn row<'a>(&self, row: usize, columns: usize) -> &'a [T] {
        // SAFETY: the caller's contract.
        unsafe { std::slice::from_raw_parts(self.start.wrapping_add(row * self.distance), columns) }
    }

    /// # Safety
    ///
    /// The row's elements may be written, and no other reference to them is used meanwhile.
    #[inline(always)]
    pub(super) unsafe fn row_mut<'a>(&self, row: usize, columns: usize) -> &'a mut [T] {
        let start = self.start.wrapping_add(row * self.distance);
        // SAFETY: the caller's contract.
        unsafe { std::slice::from_raw_parts_mut(start, columns) }
    }

    /// A row of `V` vectors.
    ///
    /// # Safety
    ///
    /// As for [`row`](Self::row).
    #[inline(always)]
    pub(super) unsafe fn vectors<'a, const V: usize>(&self, row: usize) -> &'a [[T; VECTOR]; V] {
        // SAFETY: the caller's contract.
        unsafe { &*self.start.wrapping_add(row * self.distance).cast() }
    }

    /// Some columns of a row, from `column` on.
    ///
    /// # Safety
    ///
    /// As for [`row`](Self::row).
    #[inline(always)]
    pub(super) unsafe fn lanes<'a, const L: usize>(&self, row: usize, column: usize) -> &'a [T; L] {
        // SAFETY: the caller's contract.
        unsafe { &*self.start.wrapping_add(row * self.distance + column).cast::<[T; L]>() }
    }

    /// The first element of a row.
    ///
    /// # Safety
    ///
    /// The element may be read, and no thread writes it meanwhile.
    #[inline(always)]
    pub(super) unsafe fn first(&self, row: usize) -> T {
        // SAFETY: the caller's contract.
        unsafe { *self.start.wrapping_add(row * self.distance) }
    }
}

/// A loop over the rows of a function's sources and target. Only
/// [`Chunk::over`](super::chunk::Chunk) makes one, and its contract holds.
pub(super) struct Over<'a, T, const N: usize> {
    pub(super) sources: [&'a Operand<T>; N],
    pub(super) target: &'a Operand<T>,
    pub(super) rows: usize,
    pub(super) columns: usize,
}

impl<T: Scalar> UnaryLoop<T> for Over<'_, T, 1> {
    #[inline(always)]
    fn run(self, f: impl Fn(T) -> T) {
        let Self { sources: [x], target, rows, columns } = self;
        for row in 0..rows {
            // SAFETY: the contract of `Over`.
            unsafe {
                let y = target.row_mut(row, columns);
                if x.is_column {
                    y.fill(f(x.first(row)));
                } else {
                    for (y, &x) in y.iter_mut().zip(x.row(row, columns)) {
                        *y = f(x);
                    }
                }
            }
        }
    }
}

impl<T: Scalar> BinaryLoop<T> for Over<'_, T, 2> {
    #[inline(always)]
    fn run(self, f: impl Fn(T, T) -> T + Copy) {
        let Self { sources: [a, b], target, rows, columns } = self;
        for row in 0..rows {
            // SAFETY: the contract of `Over`.
            unsafe {
                let y = target.row_mut(row, columns);
                match (a.is_column, b.is_column) {
                    (false, false) => {
                        let (a, b) = (a.row(row, columns), b.row(row, columns));
                        for ((y, &a), &b) in y.iter_mut().zip(a).zip(b) {
                            *y = f(a, b);
                        }
                    }
                    (false, true) => {
                        let b = b.first(row);
                        for (y, &a) in y.iter_mut().zip(a.row(row, columns)) {
                            *y = f(a, b);
                        }
                    }
                    (true, false) => {
                        let a = a.first(row);
                        for (y, &b) in y.iter_mut().zip(b.row(row, columns)) {
                            *y = f(a, b);
                        }
                    }
                    (true, true) => y.fill(f(a.first(row), b.first(row))),
                }
            }
        }
    }
}

impl<T: Scalar> Over<'_, T, 3> {
    /// `y ← c ≠ 0 ? a : b`
    #[inline(always)]
    pub(super) fn select(self) {
        let Self { sources, target, rows, columns } = self;
        for row in 0..rows {
            // SAFETY: the contract of `Over`.
            let ([c, a, b], y) = unsafe {
                let mut read = [&[][..]; 3];
                for (read, source) in read.iter_mut().zip(sources) {
                    *read = source.row(row, if source.is_column { 1 } else { columns });
                }
                (read, target.row_mut(row, columns))
            };
            let at = |x: &[T], i: usize| if x.len() == 1 { x[0] } else { x[i] };
            for (i, y) in y.iter_mut().enumerate() {
                *y = if at(c, i) == T::zero() { at(b, i) } else { at(a, i) };
            }
        }
    }
}
