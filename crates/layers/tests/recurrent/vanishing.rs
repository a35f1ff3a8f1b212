//! Vanishing and exploding gradients: `‖∂h_t/∂h_k‖ ≤ (‖W‖₂ γ)^{t−k}` with `γ = sup |f_h′|` (Pascanu,
//! Mikolov and Bengio 2013).

use bptt_autodiff::Tape;
use bptt_layers::{Activation, Elman, Module, unroll};
use bptt_tensor::Tensor;
use proptest::prelude::*;

use crate::support::{for_all, parameter, random, randomized, uniform};

/// `∂h_T/∂h_0` of one sequence: row `i` is the gradient of unit `i`.
fn jacobian(cell: &Elman<f64>, xs: &Tensor<f64>, h0: &Tensor<f64>) -> Tensor<f64> {
    let tape = Tape::new();
    let h0 = tape.variable(h0.clone());
    let (_, last) = unroll(cell, tape.constant(xs.clone()), h0);
    let hidden = last.shape()[1];
    let rows: Vec<_> = (0..hidden)
        .map(|i| tape.grad(last.slice(1, i..i + 1).sum_all(), [h0])[0].value())
        .collect();
    Tensor::concat(&rows.iter().collect::<Vec<_>>(), 0)
}

/// The largest singular value, as the limit of `tr((AᵀA)ⁿ)^{1/2n}` for `n = 2, 4, 8, …`
fn norm(a: &Tensor<f64>) -> f64 {
    let hidden = a.shape()[0];
    let mut power = a.transpose(0, 1).matmul(a);
    let mut log_norm = 0.0;
    let mut share = 0.5;
    for _ in 0..50 {
        let trace: f64 = (0..hidden).map(|i| power[[i, i]]).sum();
        if trace == 0.0 {
            return 0.0;
        }
        log_norm += share * trace.ln();
        share /= 2.0;
        power *= 1.0 / trace;
        power = power.matmul(&power);
    }
    log_norm.exp()
}

/// Activations with their greatest slopes.
const ACTIVATIONS: [(Activation<f64>, f64); 5] = [
    (Activation::Identity, 1.0),
    (Activation::Tanh, 1.0),
    (Activation::Relu, 1.0),
    (Activation::Softplus, 1.0),
    (Activation::Sigmoid, 0.25),
];

#[test]
fn the_norm_is_that_of_known_matrices() {
    let diagonal = Tensor::from_vec([2, 2], vec![3.0, 0.0, 0.0, -4.0]);
    assert!((norm(&diagonal) - 4.0).abs() < 1e-12);
    let shear = Tensor::from_vec([2, 2], vec![1.0, 1.0, 0.0, 1.0]);
    let golden_ratio = f64::midpoint(1.0, 5.0_f64.sqrt());
    assert!((norm(&shear) - golden_ratio).abs() < 1e-12);
    assert_eq!(norm(&Tensor::zeros([3, 3])), 0.0);
}

#[test]
fn a_path_is_bounded_by_the_largest_singular_value() {
    let extents = (0..=8_usize, 1..=4_usize, 1..=5_usize);
    for_all(64, (extents, any::<u64>()), |((steps, input, hidden), seed)| {
        let rng = &mut random(seed);
        let xs = uniform([steps, 1, input], rng);
        let h0 = uniform([1, hidden], rng);
        for (activation, slope) in ACTIVATIONS {
            let cell =
                randomized(Elman::new(rng, input, hidden).activation(activation.clone()), rng);
            let bound = (norm(&parameter(&cell, "w_hh")) * slope).powi(steps as i32);
            let path = norm(&jacobian(&cell, &xs, &h0));
            assert!(path <= bound * (1.0 + 1e-9), "{activation:?}: {path} is above {bound}");
        }
    });
}

/// At a net input of 0, tanh and σ are at their steepest.
#[test]
fn one_step_reaches_the_bound() {
    let rng = &mut random(1);
    let (xs, h0) = (Tensor::zeros([1, 1, 3]), Tensor::zeros([1, 4]));
    for (activation, slope) in [(Activation::Tanh, 1.0), (Activation::Sigmoid, 0.25)] {
        let mut cell = randomized(Elman::new(rng, 3, 4).activation(activation.clone()), rng);
        cell.for_each_parameter_mut(|name, param| {
            if name == "b" {
                param.value_mut().as_mut_slice().fill(0.0);
            }
        });
        let (path, bound) =
            (norm(&jacobian(&cell, &xs, &h0)), norm(&parameter(&cell, "w_hh")) * slope);
        assert!((path - bound).abs() < 1e-12, "{activation:?}: {path} is not {bound}");
    }
}

/// The largest eigenvalue is no bound: here it is ½, and yet the gradient grows before it vanishes.
#[test]
fn eigenvalues_bound_nothing() {
    let w = Tensor::from_vec([2, 2], vec![0.5, 4.0, 0.0, 0.5]);
    let mut cell = Elman::new(&mut random(0), 1, 2).activation(Activation::Identity);
    cell.for_each_parameter_mut(|name, param| {
        if name == "w_hh" {
            param.set(w.clone());
        }
    });
    let h0 = Tensor::zeros([1, 2]);
    let path = |steps: usize| norm(&jacobian(&cell, &Tensor::zeros([steps, 1, 1]), &h0));
    assert!(path(1) > 4.0 && path(2) > 4.0);
    assert!(path(30) < 1e-5);
}
