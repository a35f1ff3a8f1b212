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

/// The damping of the first step, and that at which a state is left where it is: no step makes `q` smaller.
const DAMPING: f64 = 1e-3;
const LARGEST_DAMPING: f64 = 1e6;
const SMALLEST_DAMPING: f64 = 1e-12;

/// Moves states `[N, S]` to the minima of `q` near them. Returns them with their `q`, which is not finite where a state
/// diverges.
///
/// Each step is that of Gauss–Newton with damping `μ` (Levenberg 1944, Marquardt 1963). It also converges where points are
/// not isolated, so that `A` is singular, as on a line attractor:
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
    let (count, size) = (starts.shape()[0], starts.shape()[1]);
    let mut states = starts.clone();
    let mut q = q_of(&residuals(dynamics, inputs, &states));
    let mut damping = vec![DAMPING; count];
    for _ in 0..steps {
        let moves = |&n: &usize| q[n] > 0.0 && damping[n] <= LARGEST_DAMPING;
        let moving: Vec<usize> = (0..count).filter(moves).collect();
        if moving.is_empty() {
            break;
        }
        let (x, s) = (inputs.gather_rows(&moving), states.gather_rows(&moving));
        let damping_of: Vec<f64> = moving.iter().map(|&n| damping[n]).collect();
        let moved = gauss_newton(dynamics, &x, &s, &damping_of);
        let moved_q = q_of(&residuals(dynamics, &x, &moved));
        for (i, &n) in moving.iter().enumerate() {
            if moved_q[i] < q[n] {
                q[n] = moved_q[i];
                let row = &moved.as_slice()[i * size..(i + 1) * size];
                states.as_mut_slice()[n * size..(n + 1) * size].copy_from_slice(row);
                damping[n] = (damping[n] / 10.0).max(SMALLEST_DAMPING);
            } else {
                damping[n] *= 10.0;
            }
        }
    }
    (states, q)
}

/// Returns the states after a damped Gauss–Newton step.
#[track_caller]
fn gauss_newton<T: Scalar, L: Stepwise<T>>(
    dynamics: &Dynamics<'_, T, L>,
    inputs: &Tensor<T>,
    states: &Tensor<T>,
    damping: &[f64],
) -> Tensor<T> {
    let size = states.shape()[1];
    let residuals = residuals(dynamics, inputs, states).cast::<f64>();
    let jacobians = dynamics.jacobian_entries(inputs, states);
    let identity = Tensor::eye(size);
    let moves = damping.iter().enumerate().flat_map(|(n, &damping)| {
        let a = jacobians.index_first(n) - &identity;
        let r = residuals.index_first(n).reshape([size, 1]);
        let normal = a.t_matmul(&a) + &identity * damping;
        match solve_positive_definite(&normal, &a.t_matmul(&r)) {
            Some(solution) => solution.to_vec(),
            None => vec![0.0; size], // not finite: the state diverges
        }
    });
    let moves = Tensor::from_vec(states.shape().clone(), moves.map(T::of).collect());
    states - moves
}

/// Returns `r = F(x, s) − s` of states `[N, S]`.
#[track_caller]
fn residuals<T: Scalar, L: Stepwise<T>>(
    dynamics: &Dynamics<'_, T, L>,
    inputs: &Tensor<T>,
    states: &Tensor<T>,
) -> Tensor<T> {
    dynamics.step(inputs, states) - states
}

/// Returns `q` of each of the residuals `[N, S]`.
fn q_of<T: Scalar>(residuals: &Tensor<T>) -> Vec<f64> {
    let q = residuals.cast::<f64>().square().sum(&[1]) * 0.5;
    q.to_vec()
}
