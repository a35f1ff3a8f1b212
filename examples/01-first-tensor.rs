//! Tensors: shapes, broadcasting, products, reductions.

use bptt::prelude::*;

fn main() {
    // A tensor is dense and row-major, of `f32` or `f64`.
    let x = Tensor::from([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    println!("x has shape {}:\n{x}", x.shape());
    assert_eq!(x[[1, 2]], 6.0);

    // Operators work element by element. Shapes broadcast as in NumPy: `[2, 3]` with `[3]`, and with a number.
    let row = Tensor::from([10.0, 20.0, 30.0]);
    let y = &x + &row * 2.0;
    println!("x + 2 row:\n{y}");
    assert_eq!(y.to_vec2(), [[21.0, 42.0, 63.0], [24.0, 45.0, 66.0]]);

    // A product of matrices, `[2, 3] · [3, 1]`, and an activation.
    let w = Tensor::from([[0.5], [-1.0], [0.5]]);
    assert_eq!(x.matmul(&w).tanh().to_vec(), [0.0, 0.0]);

    // Reductions name their axes, which may be counted from the end.
    assert_eq!(x.sum(&[-1]).to_vec(), [6.0, 15.0]);
    assert_eq!(x.mean(&[0]).to_vec(), [2.5, 3.5, 4.5]);

    // A sequence is time-major, `[T, B, F]`: steps, batch, features. One of its steps is a view, not a copy.
    let mut rng = bptt::rng(0); // the same numbers in every run
    let sequence = Tensor::<f32>::normal([100, 32, 16], 0.0, 1.0, &mut rng);
    assert_eq!(sequence.index_first(7).shape(), &[32, 16]);

    // Symbols become rows with a single 1.
    let symbols = Tensor::<f32>::one_hot(&[2, 0], 3);
    assert_eq!(symbols.to_vec2(), [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]);

    let mean = sequence.mean(&[0, 1, 2]).item();
    assert!(mean.abs() < 0.02, "the mean of 51 200 standard normal numbers: {mean}");
    println!("mean of {} normal numbers: {mean:.4}", sequence.len());
}
