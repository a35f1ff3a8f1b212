//! Results have the same bits for any number of threads.

use bptt_tensor::{Scalar, Tensor, Transpose};
use rayon::ThreadPoolBuilder;

use crate::common::*;

fn on_threads<R: Send>(threads: usize, work: impl FnOnce() -> R + Send) -> R {
    ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool").install(work)
}

/// Runs `work` on one and on more threads, up to 16.
pub(crate) fn assert_independent<T: Scalar>(name: &str, work: impl Fn() -> Tensor<T> + Sync) {
    let alone = on_threads(1, &work);
    assert!(!alone.is_empty() && alone.is_finite(), "{name} computes nothing");
    for threads in [2, 3, 4, 8, 16] {
        assert_same(&on_threads(threads, &work), &alone);
    }
}

fn check<T: Scalar>() {
    let x = values::<T>(&[700, 301], 1);
    let y = values::<T>(&[700, 301], 2);
    let row = values::<T>(&[301], 3);
    let kernels: [(&str, &(dyn Fn() -> Tensor<T> + Sync)); 26] = [
        ("bernoulli", &|| Tensor::bernoulli([700, 301], 0.3, &mut rng(1))),
        ("map", &|| x.exp()),
        ("zip", &|| &x * &y),
        ("broadcast zip", &|| &x - &row),
        ("broadcast_to", &|| row.broadcast_to([700, 301])),
        ("select", &|| x.select(&y, &row)),
        ("axpy", &|| {
            let mut sum = x.clone();
            sum.axpy(T::of(0.3), &y);
            sum
        }),
        ("mul_assign", &|| {
            let mut scaled = x.clone();
            scaled *= 0.3;
            scaled
        }),
        ("sum of all", &|| x.sum_all()),
        ("sum of rows", &|| x.sum(&[1])),
        ("sum of columns", &|| x.sum(&[0])),
        ("sum of a short axis", &|| x.reshape([700 * 43, 7]).sum(&[0])),
        ("max", &|| x.max(&[0])),
        ("softmax", &|| x.softmax(-1)),
        ("log_softmax", &|| x.log_softmax(0)),
        ("logsumexp", &|| x.logsumexp(-1)),
        ("concat", &|| Tensor::concat(&[&x, &y], 1)),
        ("add_slice", &|| {
            let mut sum = Tensor::concat(&[&x, &y], 1);
            sum.add_slice(1, 100, &y);
            sum
        }),
        ("cumsum", &|| x.cumsum(1)),
        ("reverse_cumsum", &|| x.reshape([70, 10, 301]).reverse_cumsum(1)),
        ("sort", &|| x.sort(1)),
        ("topk", &|| x.topk(3, 1).1),
        ("scatter_along", &|| x.scatter_along(&x.argsort(1), 1, 301)),
        ("gather_rows", &|| x.gather_rows(&[5; 600])),
        ("transpose", &|| x.transpose(0, 1)),
        ("permute", &|| x.reshape([70, 10, 301]).permute(&[1, 0, 2])),
    ];
    for (name, kernel) in kernels {
        assert_independent(name, kernel);
    }
}

#[test]
fn kernels_in_f32() {
    check::<f32>();
}

#[test]
fn kernels_in_f64() {
    check::<f64>();
}

/// Covers every route of products: few rows, many rows, few columns, batches.
const PRODUCTS: [[usize; 4]; 8] = [
    [1, 1, 700, 1100],
    [1, 3, 500, 1100],
    [1, 33, 256, 1024],
    [1, 700, 300, 90],
    [1, 1030, 260, 520],
    [1, 2000, 700, 1],
    [12, 70, 80, 90],
    [300, 2, 90, 90],
];

fn check_products<T: Scalar>() {
    for [batch, m, k, n] in PRODUCTS {
        for (left, right) in [(false, false), (true, false), (false, true), (true, true)] {
            let shape = |swap: bool, a, b| if swap { [batch, b, a] } else { [batch, a, b] };
            let (a, b) = (values::<T>(&shape(left, m, k), 1), values(&shape(right, k, n), 2));
            let c = values::<T>(&[batch, m, n], 3);
            assert_independent("gemm", || {
                let mut c = c.clone();
                let transpose = Transpose { left, right };
                Tensor::gemm(T::of(0.7), &a, &b, transpose, T::of(0.3), &mut c);
                c
            });
        }
    }
}

#[test]
fn products_in_f32() {
    check_products::<f32>();
}

#[test]
fn products_in_f64() {
    check_products::<f64>();
}
