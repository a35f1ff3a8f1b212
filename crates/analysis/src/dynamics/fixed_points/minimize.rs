//! The minimization of `q(s) = ½ ‖F(x, s) − s‖²` from many starts at once.

use bptt_autodiff::{Param, Tape};
use bptt_layers::{Adam, Optimizer, Schedule, Stepwise};
use bptt_tensor::{Scalar, Tensor};

use crate::dynamics::Dynamics;
use crate::linear_algebra::solve_positive_definite;

/// Moves states `[N, S]` down `q` by Adam, whose learning rate decays exponentially to a thousandth.
#[track_caller]
pub(super) fn descend<T: Scalar, L: Stepwise<T>>(
    dynamics: &Dynamics<'_, T, L>,
    inputs: &Tensor<T>,
    starts: &Tensor<T>,
    steps: usize,
    learning_rate: f64,
) -> Tensor<T> {
    let mut states = Param::new(starts.clone());
    let mut optimizer = Adam::new(learning_rate);
    let schedule = Schedule::exponential(learning_rate, 1e-3_f64.powf((steps as f64).recip()));
    for step in 0..steps {
        optimizer.set_learning_rate(schedule.at(step));
        let tape = Tape::new();
        let s = tape.param(&states);
        let q = (dynamics.advance(tape.constant(inputs.clone()), s) - s).square().sum_all() * 0.5;
        let gradients = tape.backward(q);
        optimizer.step(&mut states, &gradients);
    }
    states.value().clone()
}

/// Moves states `[N, S]` to the minima of `q` near them, and returns these with their `q`. A state that diverges keeps a
/// `q` that is not finite.
///
/// Each step is that of Gauss–Newton with damping `μ` (Levenberg 1944, Marquardt 1963), which also converges where points
/// are not isolated and `A` is singular, as on a line attractor:
///
/// ```text
/// r = F(x, s) − s,  A = ∂F/∂s − 1       s ← s − (Aᵀ A + μ 1)⁻¹ Aᵀ r
/// ```
#[track_caller]
pub(super) fn polish<T: Scalar, L: Stepwise<T>>(
    dynamics: &Dynamics<'_, T, L>,
    inputs: &Tensor<T>,
    starts: &Tensor<T>,
    steps: usize,
) -> (Tensor<T>, Vec<f64>) {
    let count = starts.shape()[0];
    let mut states = starts.clone();
    let mut residuals = &dynamics.step(inputs, &states) - &states;
    let mut damping = vec![1e-3; count];
    for _ in 0..steps {
        let moved = gauss_newton(dynamics, inputs, &states, &residuals, &damping);
        let moved_residuals = &dynamics.step(inputs, &moved) - &moved;
        let (before, after) = (q_of(&residuals), q_of(&moved_residuals));
        let better: Vec<bool> =
            after.iter().zip(&before).map(|(after, before)| after < before).collect();
        if !better.contains(&true) && damping.iter().all(|&damping| damping > 1e6) {
            break;
        }
        for (damping, &better) in damping.iter_mut().zip(&better) {
            *damping *= if better { 0.1 } else { 10.0 };
        }
        let rows: Vec<usize> = (0..count).map(|i| if better[i] { count + i } else { i }).collect();
        let choose = |old: &Tensor<T>, new| Tensor::concat(&[old, new], 0).gather_rows(&rows);
        residuals = choose(&residuals, &moved_residuals);
        states = choose(&states, &moved);
    }
    let q = q_of(&residuals);
    (states, q)
}

/// Returns the states after a damped Gauss–Newton step.
#[track_caller]
fn gauss_newton<T: Scalar, L: Stepwise<T>>(
    dynamics: &Dynamics<'_, T, L>,
    inputs: &Tensor<T>,
    states: &Tensor<T>,
    residuals: &Tensor<T>,
    damping: &[f64],
) -> Tensor<T> {
    let size = states.shape()[1];
    let jacobians = dynamics.jacobian_entries(inputs, states);
    let identity = Tensor::eye(size);
    let moves = damping.iter().enumerate().flat_map(|(n, &damping)| {
        let a = jacobians.index_first(n) - &identity;
        let r = residuals.index_first(n).cast::<f64>().reshape([size, 1]);
        let normal = a.t_matmul(&a) + &identity * damping;
        match solve_positive_definite(&normal, &a.t_matmul(&r)) {
            Some(solution) => solution.to_vec(),
            None => vec![0.0; size], // not finite: the state diverges
        }
    });
    let moves = Tensor::from_vec(states.shape().clone(), moves.map(T::of).collect());
    states - moves
}

/// Returns `q` of residuals `[N, S]`, each.
fn q_of<T: Scalar>(residuals: &Tensor<T>) -> Vec<f64> {
    let q = residuals.cast::<f64>().square().sum(&[1]) * 0.5;
    q.to_vec()
}
