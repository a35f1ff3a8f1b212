use bptt_tensor::{HalfPrecision, PackedRhs, Scalar, Tensor, Transpose, low_latency};
use proptest::prelude::*;

use crate::common::*;
use crate::threads::assert_independent;

/// Checks every element of `A · B` against the sum in double precision, within `K` roundings of the
/// sum of the terms' magnitudes.
fn check_values<T: Scalar>(a: &Tensor<T>, b: &Tensor<T>, actual: &Tensor<T>) {
    let [m, k, n] = [a.shape()[0], a.shape()[1], b.shape()[1]];
    assert_eq!(actual.shape()[..], [m, n]);
    let columns = b.transpose(0, 1);
    let line = |x: &Tensor<T>, i| x.slice(0, i..i + 1);
    for i in 0..m {
        let row = line(a, i);
        for j in 0..n {
            let column = line(&columns, j);
            let terms = row.as_slice().iter().zip(column.as_slice());
            let terms = terms.map(|(a, b)| a.as_f64() * b.as_f64());
            let (sum, size) = terms.fold((0.0, 0.0), |(s, z), t| (s + t, z + t.abs()));
            let (actual, bound) = (actual[[i, j]].as_f64(), k as f64 * T::epsilon().as_f64());
            assert!((actual - sum).abs() <= bound * size, "[{i}, {j}]: {actual} is not {sum}");
        }
    }
}

fn check<T: Scalar>([m, k, n]: [usize; 3], seed: u64, tolerance: f64) {
    let (a, b) = (values::<T>(&[m, k], seed), values::<T>(&[k, n], seed ^ 1));
    let packed = PackedRhs::new(&b, false);
    let product = a.matmul_packed(&packed);
    assert_eq!(packed.extents(), [k, n]);
    check_values(&a, &b, &product);
    let transposed = b.transpose(0, 1);
    assert_close(&product, &a.matmul_with(&transposed, Transpose::RIGHT), tolerance);
    assert_same(&a.matmul_packed(&PackedRhs::new(&transposed, true)), &product);
}

proptest! {
    #[test]
    fn products_have_their_values(
        m in 0usize..30,
        k in prop_oneof![0usize..20, 20usize..600],
        n in prop_oneof![0usize..20, 20usize..150],
        seed: u64,
    ) {
        check::<f32>([m, k, n], seed, 1e-3);
        check::<f64>([m, k, n], seed, 1e-12);
    }

    /// For many rows, `matmul_with` packs its right operand too.
    #[test]
    fn products_of_many_rows_have_their_values(
        m in 90usize..300,
        k in 0usize..40,
        n in 20usize..50,
        left: bool,
        right: bool,
        seed: u64,
    ) {
        let (a, b) = (values::<f32>(&[m, k], seed), values::<f32>(&[k, n], seed ^ 1));
        let stored = |x: &Tensor<f32>, swap| if swap { x.transpose(0, 1) } else { x.clone() };
        let transpose = Transpose { left, right };
        let product = stored(&a, left).matmul_with(&stored(&b, right), transpose);
        check_values(&a, &b, &product);
        let mut twice = product.clone();
        Tensor::gemm(1.0, &stored(&a, left), &stored(&b, right), transpose, 1.0, &mut twice);
        assert_close(&twice, &(&product + &product), 1e-4);
    }
}

#[test]
fn every_leading_row_is_multiplied() {
    let (a, b) = (values::<f64>(&[3, 5, 7], 1), values::<f64>(&[7, 40], 2));
    let packed = PackedRhs::new(&b, false);
    let expected = a.reshape([15, 7]).matmul_packed(&packed).reshape([3, 5, 40]);
    assert_same(&a.matmul_packed(&packed), &expected);
    assert_eq!(a.index_first(0).index_first(0).matmul_packed(&packed).shape()[..], [40]);
}

/// Deeper than one block of K, wider than one of N, and in pieces for several threads.
#[test]
fn large_products_have_their_values_on_any_number_of_threads() {
    fn check<T: Scalar>() {
        for [m, k, n] in
            [[1, 1301, 1200], [3, 1300, 1200], [33, 700, 400], [300, 600, 70], [97, 6, 8400]]
        {
            let (a, b) = (values::<T>(&[m, k], 1), values::<T>(&[k, n], 2));
            let transposed = a.transpose(0, 1);
            check_values(&a, &b, &a.matmul_packed(&PackedRhs::new(&b, false)));
            let unpacked = transposed.matmul_with(&b, Transpose::LEFT);
            let packed = a.matmul_packed(&PackedRhs::new(&b, false));
            assert_close(&unpacked, &packed, 1e4 * T::epsilon().as_f64());
            assert_independent("packed", || a.matmul_packed(&PackedRhs::new(&b, false)));
            assert_same(&a.matmul_packed(&PackedRhs::for_rows(1, &b, false)), &packed);
            let streamed = || a.matmul_packed(&PackedRhs::for_one_product(m, &b, false));
            assert_same(&streamed(), &packed);
            assert_independent("streamed", streamed);
            assert_independent("in place", || a.matmul_packed(&PackedRhs::for_rows(1, &b, false)));
            assert_independent("with low latency", || {
                low_latency(|| a.matmul_packed(&PackedRhs::for_rows(1, &b, false)))
            });
            assert_independent("packed left", || transposed.matmul_with(&b, Transpose::LEFT));
        }
    }
    check::<f32>();
    check::<f64>();
}

/// A matrix in half precision, whether it was packed or read in place before, equals the rounded matrix.
#[test]
fn products_in_half_precision_have_the_same_bits_on_any_number_of_threads() {
    fn check<T: Scalar>() {
        for [m, k, n] in [[1, 1301, 1200], [40, 700, 300], [300, 6, 8400]] {
            let (a, b) = (values::<T>(&[m, k], 1), values::<T>(&[k, n], 2));
            let rounded = b.map(|x| {
                let pattern = HalfPrecision::F16.encode(x.as_f64()).expect("below 65504");
                T::of(HalfPrecision::F16.decode(pattern))
            });
            let full = PackedRhs::new(&rounded, false);
            let expected = a.matmul_packed(&full);
            for before in [PackedRhs::new(&b, false), PackedRhs::for_rows(1, &b, false)] {
                let half = before.in_half_precision().expect("below 65504");
                let twice = half.in_half_precision().expect("below 65504");
                assert_same(&a.matmul_packed(&half), &expected);
                assert_same(&a.matmul_packed(&twice), &expected);
                assert_independent("half", || a.matmul_packed(&half));
                let with_team = || low_latency(|| a.matmul_packed(&half));
                assert_same(&with_team(), &expected);
                assert_independent("half with low latency", with_team);
            }
        }
    }
    check::<f32>();
    check::<f64>();
}

#[test]
fn a_matrix_that_is_read_in_place_keeps_its_values() {
    let mut b = values::<f32>(&[700, 1000], 1);
    let (a, rhs) = (values(&[1, 700], 2), PackedRhs::for_rows(1, &b, false));
    let product = a.matmul_packed(&rhs);
    b.as_mut_slice().fill(0.0);
    assert_same(&a.matmul_packed(&rhs), &product);
}

#[test]
#[should_panic(expected = "PackedRhs of [2, 3, 4]: needs a matrix; reshape to two axes first")]
fn a_batch_cannot_be_packed() {
    let _ = PackedRhs::new(&values::<f32>(&[2, 3, 4], 1), false);
}

#[test]
#[should_panic(
    expected = "matmul of [2, 3] and [4, 5], axis 1: the left's axis 1 (3) is multiplied with the \
        right's axis 0 (4), so they must be equal; transpose an operand or check the layer's \
        `input_size`"
)]
fn contracted_extents_must_be_equal() {
    let packed = PackedRhs::new(&values::<f32>(&[4, 5], 1), false);
    let _ = values::<f32>(&[2, 3], 2).matmul_packed(&packed);
}
