//! The exponential of a matrix.

use bptt_autodiff::Var;
use bptt_tensor::{Scalar, Tensor};

/// The degree of the Taylor polynomial, a multiple of `BLOCK`.
const DEGREE: usize = 16;
const BLOCK: usize = 4;

/// Returns `exp(A)` of a matrix `A: [N, N]` whose 1-norm is about `norm`, by scaling and squaring:
/// `exp(A) = exp(A / 2ˢ)^{2ˢ}`.
///
/// `A / 2ˢ` has a norm of at most ½, so that the remainder of the polynomial is below `1e-19`. A norm that is twice as
/// large as stated leaves it below `1e-14`. The polynomial takes six products (Paterson and Stockmeyer 1973), and the
/// squarings `s`.
pub(super) fn matrix_exponential<T: Scalar>(a: Var<'_, T>, norm: f64) -> Var<'_, T> {
    let squarings = (2.0 * norm).log2().ceil().max(0.0) as i32;
    let x = a * 0.5_f64.powi(squarings);
    let square = x.matmul(x);
    let powers = [x, square, square.matmul(x)];
    let fourth = square.matmul(square);
    let identity = Tensor::eye(a.shape()[0]);
    // the terms of degrees `start` to `start + 3`, without the factor `x^start`
    let block = |start: usize| {
        let [first, second, third] =
            [1, 2, 3].map(|degree| powers[degree - 1] * reciprocal_factorial(start + degree));
        first + second + third + &(&identity * reciprocal_factorial(start))
    };
    let last = fourth * reciprocal_factorial(DEGREE) + block(DEGREE - BLOCK);
    let polynomial = (0..DEGREE - BLOCK)
        .step_by(BLOCK)
        .rev()
        .fold(last, |rest, start| fourth.matmul(rest) + block(start));
    (0..squarings).fold(polynomial, |power, _| power.matmul(power))
}

fn reciprocal_factorial(n: usize) -> f64 {
    (1..=n).fold(1.0, |product, k| product / k as f64)
}

/// Returns the largest sum of magnitudes in a row.
pub(super) fn norm_of_rows<T: Scalar>(a: &Tensor<T>) -> f64 {
    let sums = a.cast::<f64>().abs().sum(&[1]);
    sums.as_slice().iter().copied().fold(0.0, f64::max)
}
