//! Products with packed matrices, by every instruction set that this machine supports.

use super::streamed::Streamed;
use super::tile::{IN_PLACE_ROWS, Kernel};
use super::*;
use crate::cpu::simd::InstructionSet;
use crate::half::HalfPrecision::F16;
use crate::scalar::Scalar;
use crate::tensor::Tensor;

/// Numbers between −1 and 1, without a period that divides the extents.
fn values<T: Scalar>(shape: [usize; 2], seed: usize) -> Tensor<T> {
    Tensor::from_fn(shape, |i| T::of(((i + seed) * 7919 % 2003) as f64 / 1001.0 - 1.0))
}

#[derive(Clone, Copy, Debug)]
enum From {
    Zero,
    Row,
    C,
}

/// Checks every element against the sum in double precision, within `K + 2` roundings of the sum of
/// the terms' magnitudes. Memory between the rows of C must stay unchanged. A B that is read in place must give the same
/// bits.
fn check<T: Scalar>(set: InstructionSet, [m, k, n]: [usize; 3], transposed: [bool; 2], from: From) {
    let (a, b) = (values::<T>([m, k], 1), values::<T>([k, n], 2));
    let (row, c_stride) = (values::<T>([1, n], 3), n + 3);
    let mut c = values::<T>([m, c_stride], 4);
    let before = c.clone();
    let stored = |x: &Tensor<T>, transposed| if transposed { x.transpose(0, 1) } else { x.clone() };
    let packed = PackedRhs::with(set, &stored(&b, transposed[1]), transposed[1]);
    assert_eq!(packed.extents(), [k, n]);
    let (a_stored, a_strides) =
        (stored(&a, transposed[0]), if transposed[0] { [1, m] } else { [k, 1] });
    let accumulate = match from {
        From::Zero => Accumulate::Zero,
        From::Row => Accumulate::Rows(row.as_slice().as_ptr(), 0),
        From::C => Accumulate::C,
    };
    let multiply = |rhs: &PackedRhs<T>, c: &mut Tensor<T>| {
        let a = Strided { first: a_stored.as_slice().as_ptr(), strides: a_strides };
        let c = (c.as_mut_slice().as_mut_ptr(), c_stride);
        // SAFETY: the operands have these extents and strides, and are four tensors.
        unsafe { rhs.multiply(Factor { rows: m, a, accumulate, c }) };
    };
    let mut c_in_place = c.clone();
    multiply(&packed, &mut c);
    multiply(&PackedRhs::in_place(set, &b, [k, n]), &mut c_in_place);
    assert!(c == c_in_place, "{set:?} {m}×{k}×{n} {from:?}");
    for i in 0..m {
        for j in 0..c_stride {
            let (actual, old) = (c[[i, j]].as_f64(), before[[i, j]].as_f64());
            if j >= n {
                assert_eq!(actual, old);
                continue;
            }
            let first = match from {
                From::Zero => 0.0,
                From::Row => row[[0, j]].as_f64(),
                From::C => old,
            };
            let terms = (0..k).map(|p| a[[i, p]].as_f64() * b[[p, j]].as_f64());
            let (sum, size) = terms.fold((first, first.abs()), |(s, z), t| (s + t, z + t.abs()));
            let bound = (k + 2) as f64 * T::epsilon().as_f64() * size;
            assert!(
                (actual - sum).abs() <= bound,
                "{set:?} {m}×{k}×{n} {transposed:?} {from:?} [{i}, {j}]: {actual} is not {sum}"
            );
        }
    }
}

const EXTENTS: [[usize; 3]; 16] = [
    [0, 3, 5],
    [3, 0, 5],
    [3, 5, 0],
    [1, 1, 1],
    [1, 7, 65],
    [1, 258, 130],
    [2, 9, 70],
    [3, 17, 33],
    [4, 16, 32],
    [5, 3, 31],
    [7, 20, 200],
    [12, 8, 64],
    [13, 33, 40],
    [25, 5, 300],
    [40, 300, 37],
    [230, 17, 20],
];

fn check_all<T: Scalar>() {
    for set in InstructionSet::available() {
        for extents in EXTENTS.into_iter().filter(|[m, k, n]| !cfg!(miri) || m * k * n < 200) {
            for transposed in [[false, false], [true, false], [false, true], [true, true]] {
                for from in [From::Zero, From::Row, From::C] {
                    check::<T>(set, extents, transposed, from);
                }
            }
        }
    }
}

#[test]
fn products_in_f32() {
    check_all::<f32>();
}

#[test]
fn products_in_f64() {
    check_all::<f64>();
}

/// Products of several blocks of K, with a B larger than the second-level cache.
#[test]
#[cfg_attr(miri, ignore = "takes too long")]
fn large_products() {
    for set in InstructionSet::available() {
        check::<f32>(set, [13, 1100, 260], [false, true], From::C);
    }
}

/// Checks that two products with one right operand have the same bits, whether it is packed on the
/// way or in advance.
fn check_on_the_way(rows: [usize; 2], extents: [usize; 2]) {
    for transposed in [false, true] {
        check_on_the_way_from(rows, extents, transposed);
    }
}

fn check_on_the_way_from(
    [first_rows, second_rows]: [usize; 2],
    [k, n]: [usize; 2],
    transposed: bool,
) {
    let b = values::<f32>(if transposed { [n, k] } else { [k, n] }, 2);
    let strided = |x: &Tensor<f32>, strides| Strided { first: x.as_slice().as_ptr(), strides };
    let rows = [first_rows, second_rows];
    let lefts = rows.map(|rows| values::<f32>([k, rows], rows));
    let results = || rows.map(|rows| values::<f32>([rows, n], 3));
    let (mut together, mut apart, mut beforehand) = (results(), results(), results());
    let factors = |c: &mut [Tensor<f32>; 2]| {
        [0, 1].map(|i| Factor {
            rows: rows[i],
            a: strided(&lefts[i], [1, rows[i]]),
            accumulate: Accumulate::C,
            c: (c[i].as_mut_slice().as_mut_ptr(), n),
        })
    };
    let b_strided = strided(&b, if transposed { [1, k] } else { [n, 1] });
    // SAFETY: the operands have these extents and strides.
    unsafe {
        multiply_all([k, n], &factors(&mut together), b_strided);
        for left in factors(&mut apart) {
            multiply([k, n], left, b_strided);
        }
        let packed = PackedRhs::new(&b, transposed);
        for left in factors(&mut beforehand) {
            packed.multiply(left);
        }
    }
    assert!(together == beforehand, "{rows:?} {k} {n}");
    assert!(apart == beforehand, "{rows:?} {k} {n}");
}

/// Blocks of every depth, by every instruction set.
#[test]
fn blocks_and_tiles_that_copy_change_no_bit() {
    let depths = if cfg!(miri) { 2..=2 } else { 1..=5 };
    for set in InstructionSet::available() {
        let width = Kernel::<f32>::of(set).width;
        for (depth, rows) in depths.clone().flat_map(|depth| [1, 2, 8].map(|rows| (depth, rows))) {
            let [k, n] = [5, 2 * width + 3];
            let (a, b) = (values::<f32>([k, rows], 1), values::<f32>([k, n], 2));
            let mut c = [values::<f32>([rows, n], 3), values::<f32>([rows, n], 3)];
            let packed = PackedRhs::with(set, &b, false);
            let a = Strided { first: a.as_slice().as_ptr(), strides: [1, rows] };
            let lefts = c.each_mut().map(|c| {
                let c = (c.as_mut_slice().as_mut_ptr(), n);
                Factor { rows, a, accumulate: Accumulate::C, c }
            });
            let b = Strided { first: b.as_slice().as_ptr(), strides: [n, 1] };
            // SAFETY: the operands have these extents and strides.
            unsafe {
                packed.multiply(lefts[0]);
                Streamed { set, extents: [k, n], depth, lefts: &lefts[1..], b }.multiply();
            }
            // with one row, each block has two partial sums
            let is_whole = rows > 1 || depth >= k;
            assert!(!is_whole || c[0] == c[1], "{set:?} {depth} {rows}");
            // the value of C and five terms, none above 1
            let bound = 6.0 * 7.0 * f32::EPSILON;
            let differ = |(&x, &y): (&f32, &f32)| (x - y).abs() > bound;
            let mut pairs = c[0].as_slice().iter().zip(c[1].as_slice());
            assert!(!pairs.any(differ), "{set:?} {depth} {rows}");
        }
    }
}

#[test]
fn packing_on_the_way_changes_no_bit() {
    check_on_the_way([1, 13], [3, 130]);
    check_on_the_way([2, 2], [0, 40]);
    check_on_the_way([0, 7], [4, 70]);
}

#[test]
#[cfg_attr(miri, ignore = "large on purpose")]
fn packing_on_the_way_changes_no_bit_of_many_rows() {
    assert!(!are_few::<f32>(620, 1100));
    check_on_the_way([26, 5], [1100, 290]);
    check_on_the_way([620, 40], [1100, 40]);
    check_on_the_way([300, 100], [700, 300]);
    check_on_the_way([100, 33], [2000, 160]); // more than two blocks
}

/// Returns a matrix of numbers that half precision has, with all of its exponents and both signs.
fn halves<T: Scalar>([k, n]: [usize; 2]) -> Tensor<T> {
    Tensor::from_fn([k, n], |i| {
        let pattern = (i * 7919 % 0x7c00) as u16 | ((i % 2) << 15) as u16; // 0x7c00 is infinity
        T::of(F16.decode(pattern))
    })
}

/// Checks that a product with a matrix in half precision has the bits of a product with the same matrix in full
/// precision. Two or three rows have those of products of one row.
fn check_half<T: Scalar>(set: InstructionSet, [m, k, n]: [usize; 3], transposed: bool, from: From) {
    let (a, b, row) = (values::<T>([m, k], 1), halves::<T>([k, n]), values::<T>([1, n], 3));
    let stored = if transposed { b.transpose(0, 1) } else { b };
    let full = PackedRhs::with(set, &stored, transposed);
    let half = full.in_half_precision().expect("all are finite");
    let multiply = |rhs: &PackedRhs<T>, rows: usize, c: &mut Tensor<T>| {
        for first in (0..m).step_by(rows.max(1)) {
            let a = Strided { first: a.as_slice()[first * k..].as_ptr(), strides: [k, 1] };
            let c = (c.as_mut_slice()[first * n..].as_mut_ptr(), n);
            let accumulate = match from {
                From::Zero => Accumulate::Zero,
                From::Row => Accumulate::Rows(row.as_slice().as_ptr(), 0),
                From::C => Accumulate::C,
            };
            // SAFETY: the operands have these extents and strides, and are four tensors.
            unsafe { rhs.multiply(Factor { rows, a, accumulate, c }) };
        }
    };
    let mut expected = values::<T>([m, n], 4);
    let mut actual = expected.clone();
    multiply(&full, if m > IN_PLACE_ROWS { m } else { 1 }, &mut expected);
    multiply(&half, m, &mut actual);
    assert!(actual == expected, "{set:?} {m}×{k}×{n} {transposed} {from:?}");
}

fn check_all_halves<T: Scalar>() {
    let extents = [
        [1, 1, 1],
        [1, 7, 65],
        [2, 9, 70],
        [3, 5, 0],
        [2, 0, 5],
        [4, 0, 5],
        [5, 0, 0],
        [4, 3, 37],
        [5, 33, 131],
        [13, 7, 200],
        [1, 1100, 40],
        [7, 1100, 40],
    ];
    for set in InstructionSet::available() {
        for extents in extents.into_iter().filter(|[m, k, n]| !cfg!(miri) || m * k * n < 500) {
            for from in [From::Zero, From::Row, From::C] {
                check_half::<T>(set, extents, false, from);
                check_half::<T>(set, extents, true, from);
            }
        }
    }
}

#[test]
fn half_precision_has_the_bits_of_the_rounded_matrix_in_f32() {
    check_all_halves::<f32>();
}

#[test]
fn half_precision_has_the_bits_of_the_rounded_matrix_in_f64() {
    check_all_halves::<f64>();
}

#[test]
fn half_precision_rounds_to_nearest_and_refuses_what_it_does_not_hold() {
    let product = |element: f64| {
        let matrix = Tensor::from_vec([1, 1], vec![element]);
        let half = PackedRhs::new(&matrix, false).in_half_precision()?;
        Some(Tensor::from_vec([1, 1], vec![1.0]).matmul_packed(&half).item())
    };
    assert_eq!(product(1.0 + 2f64.powi(-11)), Some(1.0)); // a tie goes to the even number
    assert_eq!(product(1.0 + 3.0 * 2f64.powi(-11)), Some(1.0 + 2f64.powi(-9)));
    assert_eq!(product(-65504.0), Some(-65504.0));
    for element in [65520.0, f64::INFINITY, f64::NAN] {
        assert_eq!(product(element), None);
    }
}
