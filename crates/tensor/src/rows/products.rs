//! Sums of one or two products, element by element.

use super::chunk::Chunk;
use super::op::MulKind;
use super::operand::Over;
use crate::cpu::simd::vectorize;
use crate::kernels::arithmetic::chain_mul;
use crate::scalar::Scalar;

impl<T: Scalar> Over<'_, T, 3> {
    /// `y ← a b + c`, with the product `mul`.
    #[inline(always)]
    pub(super) fn mul_add(mut self, mul: impl Fn(T, T) -> T) {
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

    /// [`mul_add`](Self::mul_add) for an `a` of full width. `b` and `c` are of one column if the
    /// constants say so.
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
}

impl<T: Scalar> Chunk<'_, T> {
    /// `y ← a b + c d`. It is a function of its own, since the compiler vectorises small functions
    /// better.
    ///
    /// # Safety
    ///
    /// As for [`run`](Self::run).
    #[inline(never)]
    pub(super) unsafe fn mul_mul_add(&self, kind: MulKind, mut sources: [usize; 4], y: usize) {
        for first in [0, 2] {
            if self.operands[sources[first]].is_column {
                sources.swap(first, first + 1); // a single column comes last
            }
        }
        vectorize(
            #[inline(always)]
            move || {
                // SAFETY: the caller's contract.
                let over = unsafe { self.over(sources, y) };
                match kind {
                    MulKind::Plain => over.mul_mul_add(
                        #[inline(always)]
                        |a, b| a * b,
                    ),
                    MulKind::Chain => over.mul_mul_add(chain_mul),
                }
            },
        );
    }
}

impl<T: Scalar> Over<'_, T, 4> {
    /// `y ← a b + c d`, with the product `mul`.
    #[inline(always)]
    fn mul_mul_add(self, mul: impl Fn(T, T) -> T) {
        let [a, b, c, d] = self.sources;
        match (a.is_column || c.is_column, b.is_column, d.is_column) {
            (false, false, false) => self.mul_mul_add_of::<0b0000>(mul),
            (false, true, false) => self.mul_mul_add_of::<0b0010>(mul),
            (false, false, true) => self.mul_mul_add_of::<0b1000>(mul),
            (false, true, true) => self.mul_mul_add_of::<0b1010>(mul),
            (true, ..) => self.mul_mul_add_of_columns(mul),
        }
    }

    /// [`mul_mul_add`](Self::mul_mul_add), with a bit of `COLUMNS` for each source of one column.
    #[inline(always)]
    fn mul_mul_add_of<const COLUMNS: usize>(&self, mul: impl Fn(T, T) -> T) {
        if self.has_short_rows() {
            return self.short_rows_of::<COLUMNS>(
                #[inline(always)]
                |[a, b, c, d]| mul(a, b) + mul(c, d),
            );
        }
        let &Self { sources: [a, b, c, d], target, rows, columns } = self;
        let [b_is_column, d_is_column] = [COLUMNS >> 1 & 1 == 1, COLUMNS >> 3 & 1 == 1];
        for row in 0..rows {
            // SAFETY: the contract of `Over`.
            let (a, b, c, d, y) = unsafe {
                (
                    a.row(row, columns),
                    b.row(row, if b_is_column { 1 } else { columns }),
                    c.row(row, columns),
                    d.row(row, if d_is_column { 1 } else { columns }),
                    target.row_mut(row, columns),
                )
            };
            for i in 0..y.len() {
                let b = if b_is_column { b[0] } else { b[i] };
                let d = if d_is_column { d[0] } else { d[i] };
                y[i] = mul(a[i], b) + mul(c[i], d);
            }
        }
    }

    /// [`mul_mul_add`](Self::mul_mul_add), if both factors of a product are of one column. This is
    /// rare, since such a product is usually computed on its own, in fewer columns.
    #[inline(always)]
    fn mul_mul_add_of_columns(&self, mul: impl Fn(T, T) -> T) {
        let &Self { sources, target, rows, columns } = self;
        for row in 0..rows {
            // SAFETY: the contract of `Over`.
            let ([a, b, c, d], y) = unsafe {
                let mut read = [&[][..]; 4];
                for (read, source) in read.iter_mut().zip(sources) {
                    *read = source.row(row, if source.is_column { 1 } else { columns });
                }
                (read, target.row_mut(row, columns))
            };
            let at = |x: &[T], i: usize| if x.len() == 1 { x[0] } else { x[i] };
            for (i, y) in y.iter_mut().enumerate() {
                *y = mul(at(a, i), at(b, i)) + mul(at(c, i), at(d, i));
            }
        }
    }
}
