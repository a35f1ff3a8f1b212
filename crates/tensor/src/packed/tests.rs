//! Products with packed matrices, by every instruction set that this machine has.

use super::*;

/// Numbers between −1 and 1 without a pattern in the extents.
fn values<T: Scalar>(shape: [usize; 2], seed: usize) -> Tensor<T> {
    Tensor::from_fn(shape, |i| T::of(((i + seed) * 7919 % 2003) as f64 / 1001.0 - 1.0))
}

#[derive(Clone, Copy, Debug)]
enum From {
    Zero,
    Row,
    C,
}

/// Every element against the sum in double precision, within `K + 2` roundings of the sum of the
/// terms' sizes; what lies between the rows of C is left alone.
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
    let start = match from {
        From::Zero => Start::Zero,
        From::Row => Start::Rows(row.as_slice().as_ptr(), 0),
        From::C => Start::Accumulate,
    };
    let a_pointer = a_stored.as_slice().as_ptr();
    // SAFETY: the operands have these extents and strides, and are four tensors.
    unsafe {
        packed.multiply(
            m,
            (a_pointer, a_strides),
            start,
            (c.as_mut_slice().as_mut_ptr(), c_stride),
        );
    }
    for i in 0..m {
        for j in 0..c_stride {
            let (actual, old) = (c.at(&[i, j]).as_f64(), before.at(&[i, j]).as_f64());
            if j >= n {
                assert_eq!(actual, old);
                continue;
            }
            let first = match from {
                From::Zero => 0.0,
                From::Row => row.at(&[0, j]).as_f64(),
                From::C => old,
            };
            let terms = (0..k).map(|p| a.at(&[i, p]).as_f64() * b.at(&[p, j]).as_f64());
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

/// Several blocks of K, of a B that the second-level cache does not hold.
#[test]
#[cfg_attr(miri, ignore = "takes too long")]
fn large_products() {
    for set in InstructionSet::available() {
        check::<f32>(set, [13, 1100, 260], [false, true], From::C);
    }
}

/// Both operands packed on the way to one product, against B packed before.
#[test]
#[cfg_attr(miri, ignore = "takes too long")]
fn packing_on_the_way_changes_no_bit() {
    let [m, k, n] = [26, 1100, 290];
    let (a, b) = (values::<f32>([k, m], 1), values::<f32>([n, k], 2));
    let address = |x: &Tensor<f32>, strides| (x.as_slice().as_ptr(), strides);
    let mut on_the_way = values::<f32>([m, n], 3);
    let mut packed = on_the_way.clone();
    let [first, second] = [&mut on_the_way, &mut packed].map(|c| c.as_mut_slice().as_mut_ptr());
    // SAFETY: the operands have these extents and strides.
    unsafe {
        let (a, b) = (address(&a, [1, m]), address(&b, [1, k]));
        multiply([m, k, n], a, b, Start::Accumulate, (first, n));
    }
    let rhs = PackedRhs::new(&b, true);
    // SAFETY: as above.
    unsafe { rhs.multiply(m, (a.as_slice().as_ptr(), [1, m]), Start::Accumulate, (second, n)) };
    assert_eq!(on_the_way.as_slice(), packed.as_slice());
}
