//! The loops of fused sequences, over the rows and columns of one chunk.

use smallvec::SmallVec;

use super::address::Located;
use super::fused::{MulKind, Reduction, RowOp};
use super::kernel::Kernel;
use super::sums;
use crate::Scalar;
use crate::function::{BinaryLoop, UnaryLoop, chain_mul, larger, smaller};
use crate::simd::Math;

/// Where an array lies in a chunk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operand<T> {
    /// The first element.
    start: *mut T,
    /// The distance of rows.
    distance: usize,
    /// Whether it has one column, which is read for all.
    is_column: bool,
    /// Whether all its rows together are like a single one: no gaps lie between them, or they are one
    /// number.
    is_gapless: bool,
    /// The first element of the block's first chunk.
    first: *mut T,
    /// How far the block's next row and next column are from one: not at all, if there is but one.
    to_row: usize,
    to_column: usize,
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
    pub(super) unsafe fn run(&self, op: &RowOp<T>) {
        match *op {
            // SAFETY: the caller's contract.
            RowOp::Unary(f, x, y) => f.run(self.math, unsafe { self.over([x], y) }),
            // SAFETY: as above.
            RowOp::Binary(f, sources, y) => f.run(unsafe { self.over(sources, y) }),
            // SAFETY: as above.
            RowOp::MulAdd(MulKind::Plain, sources, y) => unsafe { self.over(sources, y) }.mul_add(
                #[inline(always)]
                |a, b| a * b,
            ),
            // SAFETY: as above.
            RowOp::MulAdd(MulKind::Chain, sources, y) => unsafe {
                self.over(sources, y).mul_add(chain_mul);
            },
            // SAFETY: as above.
            RowOp::Select(sources, y) => unsafe { self.over(sources, y) }.select(),
            // SAFETY: as above.
            RowOp::Call(ref kernel, ref sources, y) => unsafe { self.call(kernel, sources, y) },
            // SAFETY: the caller's contract.
            RowOp::Reduce(reduction, x, y) => unsafe {
                match reduction {
                    Reduction::Sum => self.reduce_rows(
                        [x],
                        y,
                        #[inline(always)]
                        |[x]| sums::of_row(x),
                        #[inline(always)]
                        |a, b| a + b,
                    ),
                    Reduction::Norm => self.reduce_rows(
                        [x],
                        y,
                        #[inline(always)]
                        |[x]| sums::norm(self.math, x),
                        #[inline(always)]
                        |a, b| sums::norm(self.math, &[a, b]),
                    ),
                    Reduction::Max => self.reduce_rows(
                        [x],
                        y,
                        #[inline(always)]
                        |[x]| sums::extremum(x, T::neg_infinity(), larger),
                        larger,
                    ),
                    Reduction::Min => self.reduce_rows(
                        [x],
                        y,
                        #[inline(always)]
                        |[x]| sums::extremum(x, T::infinity(), smaller),
                        smaller,
                    ),
                }
            },
            // SAFETY: as above.
            RowOp::Dot(MulKind::Plain, x, y) => unsafe {
                self.sum_products(
                    x,
                    y,
                    #[inline(always)]
                    |a, b, sum| self.math.mul_add(a, b, sum),
                );
            },
            // SAFETY: as above.
            RowOp::Dot(MulKind::Chain, x, y) => unsafe {
                self.sum_products(
                    x,
                    y,
                    #[inline(always)]
                    |a, b, sum| self.math.chain_mul_add(a, b, sum),
                );
            },
            // SAFETY: as above.
            RowOp::AddRows(x, y) => unsafe {
                self.add_rows(
                    [x],
                    y,
                    #[inline(always)]
                    |y, [x]| y.iter_mut().zip(x).for_each(|(y, &x)| *y += x),
                );
            },
            // SAFETY: as above.
            RowOp::AddProducts(MulKind::Plain, x, y) => unsafe {
                self.add_products(
                    x,
                    y,
                    #[inline(always)]
                    |a, b, sum| self.math.mul_add(a, b, sum),
                );
            },
            // SAFETY: as above.
            RowOp::AddProducts(MulKind::Chain, x, y) => unsafe {
                self.add_products(
                    x,
                    y,
                    #[inline(always)]
                    |a, b, sum| self.math.chain_mul_add(a, b, sum),
                );
            },
        }
    }

    /// Runs a kernel, row by row, or once if the rows of all arrays lie one behind the other.
    ///
    /// # Safety
    ///
    /// As for [`run`](super::fused::run).
    unsafe fn call(&self, kernel: &Kernel<T>, sources: &[usize], target: usize) {
        let is_whole = |&array: &usize| {
            let operand = &self.operands[array];
            operand.is_gapless && !operand.is_column
        };
        let is_gapless = sources.iter().chain([&target]).all(is_whole);
        let (rows, columns) =
            if is_gapless { (1, self.rows * self.columns) } else { (self.rows, self.columns) };
        for row in 0..rows {
            // SAFETY: the caller's contract; the target is no source.
            unsafe {
                let row_of = |&array: &usize| self.operands[array].row(row, columns);
                let inputs: SmallVec<[&[T]; 4]> = sources.iter().map(row_of).collect();
                kernel.run(&inputs, self.operands[target].row_mut(row, columns));
            }
        }
    }

    /// Sums the products of two rows; `add` adds one product.
    ///
    /// # Safety
    ///
    /// As for [`run`](super::fused::run).
    #[inline(always)]
    unsafe fn sum_products(&self, x: [usize; 2], y: usize, add: impl Fn(T, T, T) -> T + Copy) {
        // SAFETY: the caller's contract.
        unsafe {
            self.reduce_rows(
                x,
                y,
                #[inline(always)]
                |x| sums::of_products(x, add),
                #[inline(always)]
                |a, b| a + b,
            );
        }
    }

    /// Adds the products of two rows to partial sums; `add` adds one product.
    ///
    /// # Safety
    ///
    /// As for [`run`](super::fused::run).
    #[inline(always)]
    unsafe fn add_products(&self, x: [usize; 2], y: usize, add: impl Fn(T, T, T) -> T) {
        // SAFETY: the caller's contract.
        unsafe {
            self.add_rows(
                x,
                y,
                #[inline(always)]
                |y, [a, b]| {
                    for ((y, &a), &b) in y.iter_mut().zip(a).zip(b) {
                        *y = add(a, b, *y);
                    }
                },
            );
        }
    }

    /// Makes one number of each row, or of what this chunk has of it, joined to what those before had.
    ///
    /// # Safety
    ///
    /// As for [`run`](super::fused::run).
    #[inline(always)]
    unsafe fn reduce_rows<const N: usize>(
        &self,
        x: [usize; N],
        y: usize,
        of_row: impl Fn([&[T]; N]) -> T,
        join: impl Fn(T, T) -> T,
    ) {
        let y = &self.operands[y];
        for row in 0..self.rows {
            // SAFETY: the caller's contract; a number is none of what it is made of.
            let (x, y) = unsafe { (self.rows_of(x, row), y.row_mut(row, 1)) };
            let part = of_row(x);
            y[0] = if self.is_first { part } else { join(y[0], part) };
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
        let y = &self.operands[y];
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

    /// A loop over the rows: one, if those of all arrays have no gaps.
    ///
    /// # Safety
    ///
    /// As for [`run`](super::fused::run), for as long as the loop is there; the target is no source.
    #[inline(always)]
    unsafe fn over<const N: usize>(&self, sources: [usize; N], target: usize) -> Over<'_, T, N> {
        let target = &self.operands[target];
        let mut gapless = target.is_gapless;
        // no closures of the standard library's, which would be compiled for the least processor
        let mut operands = [target; N];
        for (operand, source) in operands.iter_mut().zip(sources) {
            *operand = &self.operands[source];
            gapless &= operand.is_gapless;
        }
        let (rows, columns) =
            if gapless { (1, self.rows * self.columns) } else { (self.rows, self.columns) };
        Over { sources: operands, target, rows, columns }
    }
}

impl<T: Scalar> Operand<T> {
    /// An array in the first chunk of a block. `columns` are those of a chunk; the array `is_narrow` if
    /// it has one while the phase has more.
    #[inline(always)]
    pub(super) fn new(located: Located<T>, is_narrow: bool, columns: usize) -> Self {
        let Located { start, distance, is_chunk } = located;
        let is_number = distance == 0 && columns == 1;
        let is_column = is_narrow || is_number;
        Self {
            start,
            distance,
            is_column,
            is_gapless: distance == if is_column { 0 } else { columns },
            first: start,
            to_row: if is_chunk { 0 } else { distance },
            to_column: usize::from(!is_chunk && !is_column),
        }
    }

    /// Goes on to the chunk that begins at this row and column of the block.
    #[inline(always)]
    pub(super) fn move_to(&mut self, row: usize, column: usize) {
        self.start = self.first.wrapping_add(row * self.to_row + column * self.to_column);
    }

    /// # Safety
    ///
    /// The row's elements may be read, and nobody writes them meanwhile.
    #[inline(always)]
    unsafe fn row<'a>(&self, row: usize, columns: usize) -> &'a [T] {
        // SAFETY: the caller's contract.
        unsafe { std::slice::from_raw_parts(self.start.wrapping_add(row * self.distance), columns) }
    }

    /// # Safety
    ///
    /// The row's elements may be written, and nobody else uses them meanwhile.
    #[inline(always)]
    unsafe fn row_mut<'a>(&self, row: usize, columns: usize) -> &'a mut [T] {
        let start = self.start.wrapping_add(row * self.distance);
        // SAFETY: the caller's contract.
        unsafe { std::slice::from_raw_parts_mut(start, columns) }
    }

    /// The row's first element.
    ///
    /// # Safety
    ///
    /// It may be read, and nobody writes it meanwhile.
    #[inline(always)]
    unsafe fn first(&self, row: usize) -> T {
        // SAFETY: the caller's contract.
        unsafe { *self.start.wrapping_add(row * self.distance) }
    }
}

/// A loop over the rows of a function's sources and target, made by [`Chunk::over`] alone, whose contract
/// holds.
struct Over<'a, T, const N: usize> {
    sources: [&'a Operand<T>; N],
    target: &'a Operand<T>,
    rows: usize,
    columns: usize,
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
    type Output = ();

    #[inline(always)]
    fn run(self, f: impl Fn(T, T) -> T + Copy + Sync) {
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
    /// `y ← a b + c`, with this kind of product
    #[inline(always)]
    fn mul_add(mut self, mul: impl Fn(T, T) -> T) {
        if self.sources[0].is_column {
            self.sources.swap(0, 1); // half as many loops
        }
        let [a, b, c] = self.sources;
        match (a.is_column, b.is_column, c.is_column) {
            (false, false, false) => self.mul_add_of::<false, false>(mul),
            (false, false, true) => self.mul_add_of::<false, true>(mul),
            (false, true, false) => self.mul_add_of::<true, false>(mul),
            (false, true, true) => self.mul_add_of::<true, true>(mul),
            (true, ..) => {
                for row in 0..self.rows {
                    // SAFETY: the contract of `Over`.
                    unsafe {
                        let y = self.target.row_mut(row, self.columns);
                        let product = mul(a.first(row), b.first(row));
                        let c = c.row(row, if c.is_column { 1 } else { self.columns });
                        match c {
                            &[c] => y.fill(product + c),
                            _ => y.iter_mut().zip(c).for_each(|(y, &c)| *y = product + c),
                        }
                    }
                }
            }
        }
    }

    /// The same, where `a` is no column, and the others are or are not.
    #[inline(always)]
    fn mul_add_of<const B_IS_COLUMN: bool, const C_IS_COLUMN: bool>(
        &self,
        mul: impl Fn(T, T) -> T,
    ) {
        let &Self { sources: [a, b, c], target, rows, columns } = self;
        for row in 0..rows {
            // SAFETY: the contract of `Over`.
            let (a, b, c, y) = unsafe {
                (
                    a.row(row, columns),
                    b.row(row, if B_IS_COLUMN { 1 } else { columns }),
                    c.row(row, if C_IS_COLUMN { 1 } else { columns }),
                    target.row_mut(row, columns),
                )
            };
            for i in 0..y.len() {
                let b = if B_IS_COLUMN { b[0] } else { b[i] };
                let c = if C_IS_COLUMN { c[0] } else { c[i] };
                y[i] = mul(a[i], b) + c;
            }
        }
    }

    /// `y ← c ≠ 0 ? a : b`
    #[inline(always)]
    fn select(self) {
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
