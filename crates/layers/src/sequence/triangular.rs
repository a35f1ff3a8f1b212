//! Triangular systems of equations, as one operation.

use bptt_autodiff::{Operation, Pullback, Var};
use bptt_tensor::{Scalar, Shape, ShapeError, Tensor};

use super::chunkwise::triangle;
use crate::core::pieces::{PIECE, for_each};

/// Returns the solution `u: [.., C, V]` of `(1 + N) u = target`, for an `N: [.., C, C]` of which what is below the
/// diagonal counts.
///
/// Each row is found from those before it, `u_t = target_t − Σ_{j<t} N_tj u_j`. That is stable, unlike the product
/// `(1 − N)(1 + N²)(1 + N⁴)…`, whose powers grow as binomial coefficients.
pub(crate) fn solved<'t, T: Scalar>(n: Var<'t, T>, target: Var<'t, T>) -> Var<'t, T> {
    target.tape().apply(Solve { transposed: false }, &[n, target])
}

/// The solution of `(1 + N) u = target`, or of `(1 + Nᵀ) u = target`, for an `N` below the diagonal.
#[derive(Debug, PartialEq)]
struct Solve {
    transposed: bool,
}

impl<T: Scalar> Operation<T> for Solve {
    fn name(&self) -> &'static str {
        if self.transposed { "solve_transposed" } else { "solve" }
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        Ok(inputs[1].into())
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        let (n, mut solution) = (inputs[0], inputs[1].clone());
        let [.., steps, size] = inputs[1].shape()[..] else { unreachable!("[.., C, V]") };
        if solution.is_empty() {
            return solution;
        }
        // whole systems
        let systems = (PIECE / (steps * (steps + size))).max(1);
        let ns = n.as_slice().chunks(systems * steps * steps);
        let solutions = solution.as_mut_slice().chunks_mut(systems * steps * size);
        for_each(ns.zip(solutions).collect(), |(ns, solutions): (&[T], &mut [T])| {
            let systems = ns.chunks(steps * steps).zip(solutions.chunks_mut(steps * size));
            systems.for_each(|(n, u)| substitute(n, u, steps, self.transposed));
        });
        solution
    }

    /// `∂target = (1 + N)⁻ᵀ g`, `∂N = −∂target uᵀ`
    fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
        let (n, u, g) = (at.input(0), at.output(), at.cotangent());
        let target = g.tape().apply(Self { transposed: !self.transposed }, &[n, g]);
        at.add(1, || target);
        at.add(0, || {
            let n = if self.transposed { u.matmul_t(target) } else { target.matmul_t(u) };
            triangle(n, |t, j| j < t).select(-n, 0.0)
        });
    }

    fn equals(&self, other: &dyn Operation<T>) -> bool {
        other.downcast_ref() == Some(self)
    }
}

/// Replaces the target `u: [C, V]` of one system by its solution.
#[inline(never)]
fn substitute<T: Scalar>(n: &[T], u: &mut [T], steps: usize, transposed: bool) {
    let size = u.len() / steps;
    for solved in 1..steps {
        let t = if transposed { steps - 1 - solved } else { solved };
        let (before, rest) = u.split_at_mut(if transposed { (t + 1) * size } else { t * size });
        let (row, known, first) = match transposed {
            true => (&mut before[t * size..], &*rest, t + 1),
            false => (&mut rest[..size], &*before, 0),
        };
        for (k, known) in known.chunks_exact(size).enumerate() {
            let j = first + k;
            let factor = if transposed { n[j * steps + t] } else { n[t * steps + j] };
            row.iter_mut().zip(known).for_each(|(u, &known)| *u -= factor * known);
        }
    }
}
