//! The extended Kalman filter.

use bptt_autodiff::{Param, Tape};
use bptt_layers::{Linear, Module};
use bptt_tensor::Tensor;
use bptt_trainers::{Decoupling, ExtendedKalman, Objective, Trainer};
use nalgebra::{DMatrix, DVector};

use crate::support::{Data, assert_close, elman, jacobian, parameters, vector};

/// Of a linear model without process noise, the filter is recursive least squares: after all presentations, the parameters
/// are the minimum of `Σ r² / R + ‖θ − θ₀‖² / P₀`, and the covariance is the inverse of its matrix.
#[test]
fn of_a_linear_model_it_is_ridge_regression() {
    let mut rng = bptt_layers::rng(0);
    let (noise, prior) = (0.3, 2.0);
    let xs: Tensor<f64> = Tensor::normal([12, 4], 0.0, 1.0, &mut rng);
    let ys: Tensor<f64> = Tensor::normal([12, 1], 0.0, 1.0, &mut rng);
    let start: Tensor<f64> = Tensor::normal([4, 1], 0.0, 1.0, &mut rng);
    let mut model = Param::new(start.clone());
    let mut filter =
        ExtendedKalman::new().measurement_noise(noise).initial_variance(prior).process_noise(0.0);
    for first in (0..12).step_by(3) {
        let (x, y) = (xs.slice(0, first..first + 3), ys.slice(0, first..first + 3));
        filter
            .step(&mut model, &|model, tape| {
                Objective::squares(tape.constant(x.clone()).matmul(model) - &y)
            })
            .unwrap();
    }
    let x = DMatrix::from_row_slice(12, 4, xs.as_slice());
    let precision = x.tr_mul(&x) / noise + DMatrix::identity(4, 4) / prior;
    let right = x.tr_mul(&vector(&ys)) / noise + vector(&start) / prior;
    assert_close(
        &vector(model.value()),
        &precision.clone().cholesky().unwrap().solve(&right),
        1e-12,
    );
    let covariance = precision.try_inverse().unwrap();
    let kept = DVector::from_column_slice(filter.covariances()[0].as_slice());
    assert_close(&kept, &DVector::from_column_slice(covariance.as_slice()), 1e-11);
}

/// If each observation depends on one group alone, groups stay uncorrelated, and the decoupled filter is the full one.
#[test]
fn groups_that_share_no_observation_lose_nothing() {
    let run = |decoupling| {
        let mut rng = bptt_layers::rng(1);
        let mut model = [(); 2].map(|()| Param::new(Tensor::normal([3, 1], 0.0, 1.0, &mut rng)));
        let mut filter = ExtendedKalman::new().decoupling(decoupling);
        for time in 0..10 {
            let x: Tensor<f64> = Tensor::normal([1, 3], 0.0, 1.0, &mut rng);
            filter
                .step(&mut model, &|model, tape| {
                    Objective::squares(tape.constant(x.clone()).matmul(&model[time % 2]) - 0.5)
                })
                .unwrap();
        }
        parameters(&model)
    };
    assert_close(&run(Decoupling::None), &run(Decoupling::Parameters), 1e-12);
}

/// A node has the weights that lead to it, and its bias.
#[test]
fn groups_are_counted() {
    let groups = [Decoupling::None, Decoupling::Parameters, Decoupling::Nodes].map(|decoupling| {
        let mut model = Linear::<f64>::new(&mut bptt_layers::rng(1), 3, 2);
        let mut filter = ExtendedKalman::new().decoupling(decoupling);
        filter
            .step(&mut model, &|model, tape| {
                Objective::squares(model.forward(tape.constant(Tensor::ones([1, 3]))))
            })
            .unwrap();
        filter.covariances().iter().map(|covariance| covariance.shape()[0]).collect::<Vec<_>>()
    });
    assert_eq!(groups, [vec![8], vec![6, 2], vec![4, 4]]);
}

/// The gain of a decoupled filter, by the equations with dense matrices.
#[test]
fn a_decoupled_step_follows_the_equations() {
    let (mut model, data) = (elman::<f64>(3), Data::new(4, 3, 1));
    let (prior, noise, process) = (5.0, 0.7, 0.01);
    let mut filter = ExtendedKalman::new()
        .decoupling(Decoupling::Parameters)
        .initial_variance(prior)
        .measurement_noise(noise)
        .process_noise(process);
    let sizes: Vec<usize> = model.parameters().iter().map(|(_, p)| p.value().len()).collect();
    let mut covariances: Vec<_> = sizes.iter().map(|&n| DMatrix::identity(n, n) * prior).collect();
    for _ in 0..3 {
        let j = jacobian(&model, |model, tape| data.residuals(model, tape));
        let r = vector(&data.residuals(&model, &Tape::new()).value());
        let mut expected = parameters(&model);
        let mut innovation = DMatrix::identity(r.len(), r.len()) * noise;
        let mut start = 0;
        let mut parts = Vec::new();
        for (&size, covariance) in sizes.iter().zip(&covariances) {
            let part = j.columns(start, size).into_owned();
            innovation += &part * covariance * part.transpose();
            parts.push((start, part));
            start += size;
        }
        let inverse = innovation.try_inverse().unwrap();
        for ((start, part), covariance) in parts.iter().zip(&mut covariances) {
            let gain = &*covariance * part.transpose() * &inverse;
            let change = &gain * &r;
            let mut rows = expected.rows_mut(*start, change.len());
            rows -= change;
            *covariance = &*covariance - gain * part * &*covariance
                + DMatrix::identity(covariance.nrows(), covariance.nrows()) * process;
        }
        filter.step(&mut model, &|model, tape| data.squares(model, tape)).unwrap();
        assert_close(&parameters(&model), &expected, 1e-10);
    }
}
