//! The loops of fused sequences, over the rows and columns of one chunk.

use super::fused::{Code, Source};
use super::sums;
use crate::Scalar;
use crate::function::{BinaryLoop, UnaryLoop};
use crate::simd::Math;

/// Where an array lies: the first row of the chunk, or the one column that it has, and the distance of
/// rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operand<T> {
    pub(super) start: *mut T,
    pub(super) distance: usize,
    pub(super) is_column: bool,
}

/// Some rows of a block, and some columns of a phase, in the making.
pub(super) struct Chunk<'a, T> {
    pub(super) math: Math,
    pub(super) operands: &'a [Operand<T>],
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// Whether these are the first columns.
    pub(super) is_first: bool,
}

impl<T: Scalar> Chunk<'_, T> {
    /// # Safety
    ///
    /// As for [`run`](super::fused::run).
    #[inline(always)]
    pub(super) unsafe fn run(&self, code: &Code) {
        match *code {
            Code::Unary(f, x, y) => f.run(self.math, self.spread([x], y)),
            Code::Binary(f, sources, y) => f.run(self.spread(sources, y)),
            Code::Select(sources, y) => {
                let spread = self.spread(sources, y);
                for row in 0..spread.rows {
                    // SAFETY: the caller's contract; a target is none of its sources.
                    let ([c, a, b], y) = unsafe { spread.row(row) };
                    select(c, a, b, y);
                }
            }
            // SAFETY: the caller's contract.
            Code::SumRow(x, y) => unsafe {
                self.sum_rows(
                    [x],
                    y,
                    #[inline(always)]
                    |[x]| sums::of_row(x),
                );
            },
            // SAFETY: as above.
            Code::SumProducts(x, y) => unsafe {
                self.sum_rows(
                    x,
                    y,
                    #[inline(always)]
                    |x| sums::of_products(self.math, x),
                );
            },
            // SAFETY: as above.
            Code::AddRows(x, y) => unsafe {
                self.add_rows(
                    [x],
                    y,
                    #[inline(always)]
                    |y, [x]| y.iter_mut().zip(x).for_each(|(y, &x)| *y += x),
                );
            },
            // SAFETY: as above.
            Code::AddProducts(x, y) => unsafe {
                self.add_rows(
                    x,
                    y,
                    #[inline(always)]
                    |y, [a, b]| {
                        for ((y, &a), &b) in y.iter_mut().zip(a).zip(b) {
                            *y = self.math.mul_add(a, b, *y);
                        }
                    },
                );
            },
        }
    }

    /// Sums each row, or what this chunk has of it.
    ///
    /// # Safety
    ///
    /// As for [`run`](super::fused::run).
    #[inline(always)]
    unsafe fn sum_rows<const N: usize>(
        &self,
        x: [usize; N],
        y: usize,
        of_row: impl Fn([&[T]; N]) -> T,
    ) {
        let y = self.operands[y];
        for row in 0..self.rows {
            // SAFETY: the caller's contract; a sum is none of its terms.
            let (x, y) = unsafe { (self.rows_of(x, row), y.row_mut(row, 1)) };
            let sum = of_row(x);
            y[0] = if self.is_first { sum } else { y[0] + sum };
        }
    }

    /// Adds every row to one row of partial sums.
    ///
    /// # Safety
    ///
    /// As for [`run`](super::fused::run).
    #[inline(always)]
    unsafe fn add_rows<const N: usize>(
        &self,
        x: [usize; N],
        y: usize,
        add: impl Fn(&mut [T], [&[T]; N]),
    ) {
        let y = self.operands[y];
        for row in 0..self.rows {
            // SAFETY: the caller's contract; partial sums are none of their terms.
            unsafe { add(y.row_mut(0, self.columns), self.rows_of(x, row)) };
        }
    }

    /// A row of some arrays of the phase's width.
    ///
    /// # Safety
    ///
    /// The row's elements may be read, and nobody writes them meanwhile.
    #[inline(always)]
    unsafe fn rows_of<'a, const N: usize>(&self, arrays: [usize; N], row: usize) -> [&'a [T]; N] {
        let mut rows = [&[][..]; N];
        for (row_of_array, array) in rows.iter_mut().zip(arrays) {
            // SAFETY: the caller's contract.
            *row_of_array = unsafe { self.operands[array].row(row, self.columns) };
        }
        rows
    }

    #[inline(always)]
    fn source(&self, source: Source) -> Rows<T> {
        match source {
            Source::Array(array) => match self.operands[array] {
                operand if operand.is_column => Rows::Column(operand),
                operand => Rows::Runs(operand),
            },
            Source::Literal(value) => Rows::Literal(T::of(value)),
        }
    }

    /// The rows to loop over: those without gaps are one long row.
    #[inline(always)]
    fn spread<const N: usize>(&self, sources: [Source; N], target: usize) -> Spread<T, N> {
        let (columns, target) = (self.columns, self.operands[target]);
        // no closures of the standard library's, which would be compiled for the least processor
        let mut rows = [Rows::Literal(T::zero()); N];
        for (rows, source) in rows.iter_mut().zip(sources) {
            *rows = self.source(source);
        }
        let sources = rows;
        let mut gapless = self.rows > 1 && target.distance == columns;
        for source in sources {
            gapless &= match source {
                Rows::Runs(operand) => operand.distance == columns,
                Rows::Column(_) => false,
                Rows::Literal(_) => true,
            };
        }
        let (rows, columns) = if gapless { (1, self.rows * columns) } else { (self.rows, columns) };
        Spread { sources, target, rows, columns }
    }
}

impl<T> Operand<T> {
    /// # Safety
    ///
    /// The row's elements may be read, and nobody writes them meanwhile.
    #[inline(always)]
    unsafe fn row<'a>(self, row: usize, columns: usize) -> &'a [T] {
        // SAFETY: the caller's contract.
        unsafe { std::slice::from_raw_parts(self.start.wrapping_add(row * self.distance), columns) }
    }

    /// # Safety
    ///
    /// The row's elements may be written, and nobody else uses them meanwhile.
    #[inline(always)]
    unsafe fn row_mut<'a>(self, row: usize, columns: usize) -> &'a mut [T] {
        let start = self.start.wrapping_add(row * self.distance);
        // SAFETY: the caller's contract.
        unsafe { std::slice::from_raw_parts_mut(start, columns) }
    }
}

/// The rows of a source.
#[derive(Clone, Copy)]
enum Rows<T> {
    Runs(Operand<T>),
    /// One element for each row.
    Column(Operand<T>),
    Literal(T),
}

impl<T: Scalar> Rows<T> {
    /// # Safety
    ///
    /// The row's elements may be read, and nobody writes them meanwhile.
    #[inline(always)]
    unsafe fn row<'a>(self, row: usize, columns: usize) -> Row<'a, T> {
        match self {
            // SAFETY: the caller's contract.
            Self::Runs(operand) => Row::Slice(unsafe { operand.row(row, columns) }),
            // SAFETY: as above.
            Self::Column(operand) => Row::Repeat(unsafe { operand.row(row, 1) }[0]),
            Self::Literal(value) => Row::Repeat(value),
        }
    }
}

/// A row of a source.
#[derive(Clone, Copy)]
enum Row<'a, T> {
    Slice(&'a [T]),
    Repeat(T),
}

/// The rows of a function's sources and target, made by [`Chunk::spread`] alone.
struct Spread<T, const N: usize> {
    sources: [Rows<T>; N],
    target: Operand<T>,
    rows: usize,
    columns: usize,
}

impl<T: Scalar, const N: usize> Spread<T, N> {
    /// # Safety
    ///
    /// The rows may be read and written, nobody else uses them meanwhile, and the target is no source.
    #[inline(always)]
    unsafe fn row<'a>(&self, row: usize) -> ([Row<'a, T>; N], &'a mut [T]) {
        // SAFETY: the caller's contract.
        unsafe {
            let mut sources = [Row::Repeat(T::zero()); N];
            for (row_of_source, source) in sources.iter_mut().zip(self.sources) {
                *row_of_source = source.row(row, self.columns);
            }
            (sources, self.target.row_mut(row, self.columns))
        }
    }
}

impl<T: Scalar> UnaryLoop<T> for Spread<T, 1> {
    #[inline(always)]
    fn run(self, f: impl Fn(T) -> T) {
        for row in 0..self.rows {
            // SAFETY: `Chunk::run` made it from operands under its contract.
            match unsafe { self.row(row) } {
                ([Row::Slice(x)], y) => {
                    for (y, &x) in y.iter_mut().zip(x) {
                        *y = f(x);
                    }
                }
                ([Row::Repeat(x)], y) => y.fill(f(x)),
            }
        }
    }
}

impl<T: Scalar> BinaryLoop<T> for Spread<T, 2> {
    type Output = ();

    #[inline(always)]
    fn run(self, f: impl Fn(T, T) -> T + Copy + Sync) {
        for row in 0..self.rows {
            // SAFETY: `Chunk::run` made it from operands under its contract.
            match unsafe { self.row(row) } {
                ([Row::Slice(a), Row::Slice(b)], y) => {
                    for ((y, &a), &b) in y.iter_mut().zip(a).zip(b) {
                        *y = f(a, b);
                    }
                }
                ([Row::Slice(a), Row::Repeat(b)], y) => {
                    for (y, &a) in y.iter_mut().zip(a) {
                        *y = f(a, b);
                    }
                }
                ([Row::Repeat(a), Row::Slice(b)], y) => {
                    for (y, &b) in y.iter_mut().zip(b) {
                        *y = f(a, b);
                    }
                }
                ([Row::Repeat(a), Row::Repeat(b)], y) => y.fill(f(a, b)),
            }
        }
    }
}

#[inline(always)]
fn select<T: Scalar>(c: Row<'_, T>, a: Row<'_, T>, b: Row<'_, T>, y: &mut [T]) {
    let at = |run: Row<'_, T>, i: usize| match run {
        Row::Slice(x) => x[i],
        Row::Repeat(x) => x,
    };
    for (i, y) in y.iter_mut().enumerate() {
        *y = if at(c, i) == T::zero() { at(b, i) } else { at(a, i) };
    }
}
