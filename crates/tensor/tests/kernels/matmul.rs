use bptt_tensor::{Scalar, Tensor, Transpose};
use proptest::prelude::*;

use crate::common::*;

/// `A · B` of `[m, k]` and `[k, n]` by the definition.
fn naive<T: Scalar>(a: &Tensor<T>, b: &Tensor<T>) -> Tensor<T> {
    let [m, k, n] = [a.shape()[0], a.shape()[1], b.shape()[1]];
    from_indices([m, n], |i| {
        let terms = (0..k).map(|j| a[[i[0], j]].as_f64() * b[[j, i[1]]].as_f64());
        T::of(terms.sum())
    })
}

/// Stores a matrix so that reading it transposed gives it back.
fn stored<T: Scalar>(matrix: &Tensor<T>, transposed: bool) -> Tensor<T> {
    if transposed { matrix.transpose(0, 1) } else { matrix.clone() }
}

fn extents() -> impl Strategy<Value = [usize; 3]> {
    let extent = || prop_oneof![1 => Just(0usize), 3 => Just(1), 6 => 2usize..20, 2 => 20usize..70];
    [extent(), extent(), extent()]
}

fn transposes() -> impl Strategy<Value = Transpose> {
    (any::<bool>(), any::<bool>()).prop_map(|(left, right)| Transpose { left, right })
}

fn check_gemm<T: Scalar>(
    [m, k, n]: [usize; 3],
    transpose: Transpose,
    [alpha, beta]: [f64; 2],
    seed: u64,
    tolerance: f64,
) {
    let (a, b) = (values::<T>(&[m, k], seed), values(&[k, n], seed ^ 1));
    let c = if beta == 0.0 { Tensor::full([m, n], T::nan()) } else { values(&[m, n], seed ^ 2) };
    let product = naive(&a, &b).map(|x| T::of(alpha) * x);
    let expected = if beta == 0.0 { product } else { &product + c.map(|c| T::of(beta) * c) };
    let (a, b) = (stored(&a, transpose.left), stored(&b, transpose.right));
    let mut actual = c.clone();
    Tensor::gemm(T::of(alpha), &a, &b, transpose, T::of(beta), &mut actual);
    assert_close(&actual, &expected, tolerance);
    if [alpha, beta] == [1.0, 0.0] {
        assert_same(&a.matmul_with(&b, transpose), &actual);
    }
}

proptest! {
    #[test]
    fn products_have_their_values(
        extents in extents(),
        transpose in transposes(),
        alpha in prop_oneof![Just(1.0), -2.0..2.0],
        beta in prop_oneof![Just(0.0), Just(1.0), -2.0..2.0],
        seed: u64,
    ) {
        check_gemm::<f32>(extents, transpose, [alpha, beta], seed, 5e-5);
        check_gemm::<f64>(extents, transpose, [alpha, beta], seed, 1e-13);
    }

    #[test]
    fn batches_multiply_one_by_one(
        batch in 0usize..4,
        [m, k, n] in extents(),
        transpose in transposes(),
        seed: u64,
    ) {
        let (a, b) = (values::<f64>(&[batch, m, k], seed), values::<f64>(&[batch, k, n], seed ^ 1));
        let swap = |x: &Tensor<f64>, swap: bool| if swap { x.transpose(1, 2) } else { x.clone() };
        let actual = swap(&a, transpose.left).matmul_with(&swap(&b, transpose.right), transpose);
        prop_assert_eq!(actual.shape(), &bptt_tensor::Shape::from([batch, m, n]));
        for i in 0..batch {
            let expected = naive(&a.index_first(i), &b.index_first(i));
            assert_close(&actual.index_first(i), &expected, 1e-13);
        }
    }

    #[test]
    fn one_matrix_multiplies_every_row(
        [t, rows] in [0usize..4, 0usize..6],
        [k, n] in [1usize..8, 0usize..40],
        right: bool,
        seed: u64,
    ) {
        let (a, b) = (values::<f64>(&[t, rows, k], seed), values::<f64>(&[k, n], seed ^ 1));
        let transpose = Transpose { left: false, right };
        let expected = naive(&a.reshape([t * rows, k]), &b).reshape([t, rows, n]);
        assert_close(&a.matmul_with(&stored(&b, right), transpose), &expected, 1e-13);
    }
}

#[test]
fn a_vector_multiplies_a_matrix() {
    let v = Tensor::from_vec([2], vec![1.0, 2.0]);
    let m = Tensor::from_vec([2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!(v.matmul(&m), Tensor::from_vec([3], vec![9.0, 12.0, 15.0]));
    assert_eq!(
        v.matmul_with(&m.transpose(0, 1), Transpose::RIGHT),
        Tensor::from_vec([3], vec![9.0, 12.0, 15.0])
    );
}

#[test]
fn a_product_over_no_elements_is_beta_c() {
    let (a, b) = (Tensor::<f32>::zeros([2, 0]), Tensor::zeros([0, 2]));
    assert_eq!(a.matmul(&b), Tensor::zeros([2, 2]));
    let mut c = Tensor::full([2, 2], 3.0);
    Tensor::gemm(1.0, &a, &b, Transpose::NONE, 0.5, &mut c);
    assert_eq!(c, Tensor::full([2, 2], 1.5));
    let mut c = Tensor::full([2, 2], f32::NAN);
    Tensor::gemm(1.0, &a, &b, Transpose::NONE, 0.0, &mut c);
    assert_eq!(c, Tensor::zeros([2, 2]));
}

/// Covers every route, with sizes at which the work is divided.
#[test]
fn large_products_have_their_values() {
    let extents = [[1, 1, 300, 1100], [1, 2, 130, 1100], [1, 900, 200, 1], [20, 40, 70, 80]];
    for [batch, m, k, n] in extents {
        let (a, b) = (values::<f64>(&[batch, m, k], 1), values::<f64>(&[batch, k, n], 2));
        let transposed = b.transpose(1, 2);
        for actual in [a.matmul(&b), a.matmul_with(&transposed, Transpose::RIGHT)] {
            for i in 0..batch {
                let expected = naive(&a.index_first(i), &b.index_first(i));
                assert_close(&actual.index_first(i), &expected, 1e-13);
            }
        }
    }
}

/// A product large enough to be divided has the same bits as its parts computed alone. With α and
/// β, since these are rounded differently at the edges of tiles.
#[test]
fn blocks_change_nothing() {
    fn check<T: Scalar>([m, k, n]: [usize; 3]) {
        let (a, b) = (values::<T>(&[m, k], 1), values::<T>(&[k, n], 2));
        let c = values::<T>(&[m, n], 3);
        let gemm = |a: &Tensor<T>, b: &Tensor<T>, mut c: Tensor<T>| {
            Tensor::gemm(T::of(0.7), a, b, Transpose::NONE, T::of(0.3), &mut c);
            c
        };
        let whole = gemm(&a, &b, c.clone());
        for rows in (0..m).step_by(64) {
            let rows = rows..m.min(rows + 64);
            for columns in (0..n).step_by(64) {
                let columns = columns..n.min(columns + 64);
                let part = |c: &Tensor<T>| c.slice(0, rows.clone()).slice(1, columns.clone());
                let alone = gemm(&a.slice(0, rows.clone()), &b.slice(1, columns.clone()), part(&c));
                assert_same(&part(&whole), &alone);
            }
        }
    }
    check::<f32>([1030, 260, 520]);
    check::<f64>([1030, 260, 520]);
    check::<f32>([70, 300, 520]);
    check::<f64>([70, 300, 520]);
}
