//! Sums and extrema of a row, and sums over all rows.

use super::address::{Address, Clock, Segment};
use super::blocking::VECTOR;
use super::buffer::View;
use super::program::Sizes;
use crate::cpu::simd::Math;
use crate::gemm::transposed::{self, transposed};
use crate::kernels::arithmetic::larger;
use crate::kernels::norm;
use crate::scalar::Scalar;

/// The left operand of a sum of products, and its total.
pub(super) struct ProductSum<'a, T> {
    pub(super) left: (View, Address<T>),
    /// Whether the total holds nothing yet.
    pub(super) is_new: bool,
    pub(super) total: &'a mut [T],
}

/// Adds the products `leftᵀ · right` of the rows of a segment to the totals of sums that share the
/// right operand. A row of an operand holds this many inner rows.
pub(super) fn products<T: Scalar>(
    sums: &mut [ProductSum<'_, T>],
    right: (View, Address<T>),
    inner_rows: usize,
    sizes: Sizes,
    Segment { start, end }: Segment,
) {
    // a step that reads an edge is a piece of its own
    let mut cuts = vec![start, end];
    for view in sums.iter().map(|sum| sum.left.0).chain([right.0]) {
        if let Some(delay) = view.delay {
            let edge = sizes.mirrored(if delay.ahead { sizes.steps - 1 } else { 0 });
            cuts.extend([edge, edge + 1].into_iter().filter(|cut| (start..end).contains(cut)));
        }
    }
    cuts.sort_unstable();
    cuts.dedup();
    for piece in cuts.windows(2) {
        let rows = (piece[1] - piece[0]) * sizes.rows;
        let clock = Clock::of(piece[0], sizes.mirrored(piece[0]));
        let has_gaps = |(view, address): (View, Address<T>)| address.at(clock, 0).1 != view.width;
        let mut operands = sums.iter().map(|sum| sum.left).chain([right]);
        let is_apart = inner_rows == 1 || operands.any(has_gaps);
        // all inner rows follow each other without gaps, or the inner rows of one number are multiplied at a time
        let (times, rows) = if is_apart { (inner_rows, rows) } else { (1, rows * inner_rows) };
        for inner_row in 0..times {
            let operand = |(view, address): (View, Address<T>)| {
                let columns = view.width / inner_rows;
                let (start, distance) = address.at(clock, 0);
                let start = start.wrapping_add(inner_row * columns).cast_const();
                let distance = if is_apart { distance } else { columns };
                let len = if rows == 0 { 0 } else { (rows - 1) * distance + columns };
                // SAFETY: the steps of a piece follow each other, so these rows lie within the buffer;
                // no running thread writes them.
                (unsafe { std::slice::from_raw_parts(start, len) }, distance)
            };
            let mut factors: Vec<transposed::Left<'_, T>> = sums
                .iter_mut()
                .map(|sum| transposed::Left {
                    a: operand(sum.left),
                    width: sum.left.0.width / inner_rows,
                    adds: !sum.is_new || piece[0] != start || inner_row > 0,
                    c: &mut *sum.total,
                })
                .collect();
            transposed([rows, right.0.width / inner_rows], &mut factors, operand(right));
        }
    }
}

/// Adds the rows of partial sums to a total. `is_new` says that the total holds nothing yet.
pub(super) fn partials<T: Scalar>(partials: &[T], is_new: bool, total: &mut [T]) {
    if is_new {
        total.fill(T::zero());
    }
    for row in partials.chunks_exact(total.len().max(1)) {
        total.iter_mut().zip(row).for_each(|(total, &sum)| *total += sum);
    }
}

/// Partial sums in the lanes of a vector.
type Lanes<T> = [T; VECTOR];

/// The sum of a row, compiled for the caller's instruction set. Four vectors of partial sums are
/// independent, since an addition takes four cycles. The remaining vectors of the row are added to
/// a fifth: lanes with a variable index would not stay in registers.
#[inline(always)]
pub(super) fn of_row<T: Scalar>(row: &[T]) -> T {
    let (vectors, rest) = row.as_chunks::<VECTOR>();
    let (groups, single) = vectors.as_chunks::<4>();
    let (mut lanes, mut last) = ([[T::zero(); VECTOR]; 4], [T::zero(); VECTOR]);
    for group in groups {
        for (lanes, vector) in lanes.iter_mut().zip(group) {
            add(lanes, vector);
        }
    }
    for vector in single {
        add(&mut last, vector);
    }
    of_lanes(lanes, last) + rest.iter().copied().sum::<T>()
}

#[inline(always)]
fn add<T: Scalar>(lanes: &mut Lanes<T>, vector: &[T; VECTOR]) {
    for (lane, &x) in lanes.iter_mut().zip(vector) {
        *lane += x;
    }
}

/// The sum of the products of two rows, in the order of [`of_row`]. `add_product(a, b, sum)` adds
/// one product.
#[inline(always)]
pub(super) fn of_products<T: Scalar>(
    [a, b]: [&[T]; 2],
    add_product: impl Fn(T, T, T) -> T + Copy,
) -> T {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<VECTOR>(), b.as_chunks::<VECTOR>());
    let ((a, a_single), (b, b_single)) = (a.as_chunks::<4>(), b.as_chunks::<4>());
    let (mut lanes, mut last) = ([[T::zero(); VECTOR]; 4], [T::zero(); VECTOR]);
    for (a, b) in a.iter().zip(b) {
        // written out: a loop over three arrays would keep the lanes in memory
        add_products(add_product, &mut lanes[0], &a[0], &b[0]);
        add_products(add_product, &mut lanes[1], &a[1], &b[1]);
        add_products(add_product, &mut lanes[2], &a[2], &b[2]);
        add_products(add_product, &mut lanes[3], &a[3], &b[3]);
    }
    for (a, b) in a_single.iter().zip(b_single) {
        add_products(add_product, &mut last, a, b);
    }
    let rest = a_rest.iter().zip(b_rest).map(|(&a, &b)| add_product(a, b, T::zero()));
    of_lanes(lanes, last) + rest.sum::<T>()
}

#[inline(always)]
fn add_products<T: Scalar>(
    add_product: impl Fn(T, T, T) -> T,
    lanes: &mut Lanes<T>,
    a: &[T; VECTOR],
    b: &[T; VECTOR],
) {
    for ((lane, &a), &b) in lanes.iter_mut().zip(a).zip(b) {
        *lane = add_product(a, b, *lane);
    }
}

/// The Euclidean norm of a row.
#[inline(always)]
pub(super) fn norm<T: Scalar>(math: Math, row: &[T]) -> T {
    let squares = of_products(
        [row, row],
        #[inline(always)]
        |a, b, sum| math.mul_add(a, b, sum),
    );
    if norm::is_ordinary(squares) {
        return squares.sqrt();
    }
    let largest = extremum(
        row,
        T::zero(),
        #[inline(always)]
        |x, most| larger(x.abs(), most),
    );
    let scale = norm::scale(largest);
    let scaled = of_products(
        [row, row],
        #[inline(always)]
        |a, b, sum| math.mul_add(a * scale, b * scale, sum),
    );
    scaled.sqrt() / scale
}

/// The element of a row that `choose` prefers, or `start` if there is none.
#[inline(always)]
pub(super) fn extremum<T: Scalar>(row: &[T], start: T, choose: impl Fn(T, T) -> T) -> T {
    let (vectors, rest) = row.as_chunks::<VECTOR>();
    let mut lanes = [start; VECTOR];
    for vector in vectors {
        for (lane, &x) in lanes.iter_mut().zip(vector) {
            *lane = choose(x, *lane);
        }
    }
    let mut extremum = start;
    for &x in lanes.iter().chain(rest) {
        extremum = choose(x, extremum);
    }
    extremum
}

/// The sum of all lanes, by halves. The loops are plain: closures passed to the standard library
/// would be compiled for the baseline processor.
#[inline(always)]
fn of_lanes<T: Scalar>([a, b, c, d]: [Lanes<T>; 4], last: Lanes<T>) -> T {
    let mut all = [T::zero(); VECTOR];
    for i in 0..VECTOR {
        all[i] = (a[i] + b[i]) + (c[i] + d[i]) + last[i];
    }
    let mut eight = [T::zero(); 8];
    for i in 0..8 {
        eight[i] = all[i] + all[i + 8];
    }
    let mut four = [T::zero(); 4];
    for i in 0..4 {
        four[i] = eight[i] + eight[i + 4];
    }
    (four[0] + four[2]) + (four[1] + four[3])
}
