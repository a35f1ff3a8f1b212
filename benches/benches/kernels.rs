//! The kernels of `bptt-tensor`: matrix products and pointwise functions.

use bptt::prelude::*;
use bptt::tensor::{PackedRhs, Transpose};
use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};

fn main() {
    divan::main();
}

fn random<T: Scalar>(shape: impl Into<Shape>) -> Tensor<T> {
    Tensor::normal(shape, 0.0, 1.0, &mut bptt::rng(0))
}

/// `[M, K, N]`: a recurrent step, all steps of a sequence at once, a large product, one row.
const PRODUCTS: [[usize; 3]; 4] =
    [[32, 256, 1024], [3200, 256, 1024], [2048, 2048, 2048], [1, 256, 1024]];

/// Items are floating-point operations, 2·M·K·N.
#[divan::bench(types = [f32, f64], args = PRODUCTS)]
fn product<T: Scalar>(bencher: Bencher<'_, '_>, [m, k, n]: [usize; 3]) {
    let (a, b) = (random::<T>([m, k]), random::<T>([k, n]));
    bencher.counter(ItemsCount::new(2 * m * k * n)).bench_local(|| black_box(a.matmul(&b)));
}

/// `A · Bᵀ`, as in the reverse of a recurrent step.
#[divan::bench(types = [f32, f64], args = [[32, 1024, 256], [3200, 1024, 256]])]
fn product_with_transpose<T: Scalar>(bencher: Bencher<'_, '_>, [m, k, n]: [usize; 3]) {
    let (a, b) = (random::<T>([m, k]), random::<T>([n, k]));
    bencher
        .counter(ItemsCount::new(2 * m * k * n))
        .bench_local(|| black_box(a.matmul_with(&b, Transpose::RIGHT)));
}

/// `[M, K, N]` of steps that multiply by one matrix again and again.
const STEPS: [[usize; 3]; 7] = [
    [1, 64, 64],
    [1, 256, 1024],
    [8, 256, 1024],
    [16, 256, 1024],
    [32, 256, 1024],
    [32, 1024, 4096],
    [20, 650, 2600],
];

/// A product with a matrix that is packed already.
#[divan::bench(types = [f32, f64], args = STEPS)]
fn packed_product<T: Scalar>(bencher: Bencher<'_, '_>, [m, k, n]: [usize; 3]) {
    let (a, b) = (random::<T>([m, k]), PackedRhs::new(&random::<T>([k, n]), false));
    bencher.counter(ItemsCount::new(2 * m * k * n)).bench_local(|| black_box(a.matmul_packed(&b)));
}

/// The cost of packing a matrix, as stored and transposed. The products that follow must save it.
#[divan::bench(types = [f32, f64], args = [false, true])]
fn pack<T: Scalar>(bencher: Bencher<'_, '_>, transposed: bool) {
    let b = random::<T>([256, 1024]);
    bencher
        .counter(BytesCount::of_many::<T>(256 * 1024))
        .bench_local(|| black_box(PackedRhs::new(&b, transposed)));
}

const ELEMENTS: usize = 32 * 1024;

macro_rules! pointwise {
    ($($name:ident)*) => {
        $(
            #[divan::bench(types = [f32, f64])]
            fn $name<T: Scalar>(bencher: Bencher<'_, '_>) {
                let x = random::<T>([32, ELEMENTS / 32]).abs();
                bencher
                    .counter(BytesCount::of_many::<T>(ELEMENTS))
                    .bench_local(|| black_box(x.$name()));
            }
        )*
    };
}

pointwise! { exp ln tanh sigmoid square }

/// The cost of `tanh` with the standard library's function, for comparison.
#[divan::bench(types = [f32, f64])]
fn tanh_of_std<T: Scalar>(bencher: Bencher<'_, '_>) {
    let x = random::<T>([32, ELEMENTS / 32]);
    bencher
        .counter(BytesCount::of_many::<T>(ELEMENTS))
        .bench_local(|| black_box(x.map(|x| x.tanh())));
}

#[divan::bench(types = [f32, f64])]
fn add_bias<T: Scalar>(bencher: Bencher<'_, '_>) {
    let (x, b) = (random::<T>([32, ELEMENTS / 32]), random::<T>([ELEMENTS / 32]));
    bencher.counter(BytesCount::of_many::<T>(ELEMENTS)).bench_local(|| black_box(&x + &b));
}

#[divan::bench(types = [f32, f64])]
fn softmax<T: Scalar>(bencher: Bencher<'_, '_>) {
    let x = random::<T>([ELEMENTS / 64, 64]);
    bencher.counter(BytesCount::of_many::<T>(ELEMENTS)).bench_local(|| black_box(x.softmax(-1)));
}

/// A mask of noise for 100 steps of 32 sequences of 256 units.
#[divan::bench(types = [f32, f64])]
fn mask<T: Scalar>(bencher: Bencher<'_, '_>) {
    let mut rng = bptt::rng(0);
    let shape = [100, 32, 256];
    bencher
        .counter(ItemsCount::new(shape.iter().product::<usize>()))
        .bench_local(|| black_box(Tensor::<T>::bernoulli(shape, 0.1, &mut rng)));
}
