//! Steps of Hessian-free optimization.

use bptt_autodiff::{Param, Tape};
use bptt_layers::{Layer, loss};
use bptt_tensor::Tensor;
use bptt_trainers::{GaussNewton, HessianFree, Objective, TrainError, Trainer};
use nalgebra::DMatrix;

use crate::support::{Data, assert_close, elman, gradient_of, jacobian, lstm, parameters, vector};

/// A trainer that solves for the direction to the last digit.
fn exact() -> HessianFree<f64> {
    HessianFree::new().iterations(2000).tolerance(0.0)
}

/// The step is `−(G + λ I + μ λ S)⁻¹ g`, by a dense factorization.
#[test]
fn a_step_is_that_of_dense_matrices() {
    for structural in [0.0, 0.3] {
        let (mut model, data) = (elman::<f64>(3), Data::new(4, 6, 5));
        let damping = 2.0; // with less, the loss falls before the minimum of its model is reached
        let before = parameters(&model);
        let size = before.len();
        let tape = Tape::new();
        let objective = data.classes(&model, &tape);
        let products = GaussNewton::new(&model, &tape, &objective).unwrap();
        let column = |i| {
            vector(&products.product(&Tensor::from_fn([size], |j| f64::from(u8::from(i == j)))))
        };
        let mut matrix = DMatrix::from_columns(&(0..size).map(column).collect::<Vec<_>>());
        let hidden =
            jacobian(&model, |model, tape| model.0.forward(tape.constant(data.xs.clone())).0);
        matrix += hidden.tr_mul(&hidden) * (structural * damping);
        matrix += DMatrix::identity(size, size) * damping;
        let loss = {
            let (ys, _) = model.forward(tape.constant(data.xs.clone()));
            loss::cross_entropy(ys, &data.classes).mean()
        };
        let gradient = gradient_of(&model, &tape.backward(loss));
        let expected = before.clone() - matrix.cholesky().unwrap().solve(&gradient);
        let mut trainer = exact().damping(damping).structural_damping(structural);
        let progress = trainer.step(&mut model, &|model, tape| data.classes(model, tape)).unwrap();
        assert_close(&parameters(&model), &expected, 1e-6);
        let after = data.classes(&model, &Tape::new()).value();
        assert_eq!(progress.loss_after, Some(after));
        assert!(after < progress.loss);
    }
}

/// A linear least-squares problem is its own quadratic model: the ratio is 1, so the damping falls by 2/3, and the
/// minimum is reached as the damping vanishes.
#[test]
fn a_quadratic_is_minimized() {
    let mut rng = bptt_layers::rng(0);
    let (a, b) =
        (Tensor::normal([6, 4], 0.0, 1.0, &mut rng), Tensor::normal([6, 1], 0.0, 1.0, &mut rng));
    let mut model = Param::new(Tensor::zeros([4, 1]));
    let mut trainer = exact().damping(1e-9);
    let objective = |model: &Param<f64>, tape: &Tape<f64>| {
        Objective::squares(tape.constant(a.clone()).matmul(model) - &b).value()
    };
    let before = objective(&model, &Tape::new());
    let progress = trainer
        .step(&mut model, &|model, tape| {
            Objective::squares(tape.constant(a.clone()).matmul(model) - &b)
        })
        .unwrap();
    assert_eq!(progress.loss, before);
    assert_eq!(trainer.present_damping(), 1e-9 * (2.0 / 3.0));
    let residual = a.matmul(model.value()) - &b;
    assert!(a.t_matmul(&residual).iter().all(|x| x.abs() < 1e-7), "the normal equations hold");
}

/// At a minimum there is no direction down. The parameters stay, to the bit.
#[test]
fn no_progress_is_an_error_and_leaves_the_parameters() {
    let mut model = Param::new(Tensor::from([0.0]));
    let mut trainer = HessianFree::new();
    let error =
        trainer.step(&mut model, &|model, tape| Objective::squares(tape.param(model))).unwrap_err();
    assert!(matches!(error, TrainError::NoProgress { loss: 0.0, .. }), "{error:?}");
    assert_eq!(model.value().to_vec(), [0.0]);
}

/// The full step from 3 leads far beyond the minimum of `½ x² / (1 + x²)`, to a larger loss. The line search still finds a
/// smaller one, and the damping grows.
#[test]
fn the_damping_grows_where_the_model_is_wrong() {
    let mut model = Param::new(Tensor::from([3.0]));
    let mut trainer = HessianFree::new().damping(1e-6);
    let mut damping = trainer.present_damping();
    let mut losses = Vec::new();
    for step in 0..40 {
        let result = trainer.step(&mut model, &|x, tape| {
            let x = tape.param(x);
            Objective::squares(x / (x.square() + 1.0).sqrt())
        });
        match result {
            Ok(progress) => losses.push(progress.loss_after.unwrap()),
            Err(TrainError::NoProgress { loss, .. }) => assert!(loss < 1e-20, "{loss}"),
            Err(error) => panic!("{error}"),
        }
        if step == 0 {
            assert!(losses[0] < 0.42 && trainer.present_damping() == 1.5 * damping);
            damping = trainer.present_damping();
        }
    }
    assert!(losses.windows(2).all(|pair| pair[1] <= pair[0]), "{losses:?}");
    assert!(losses[losses.len() - 1] < 1e-20, "{losses:?}");
}

#[test]
fn a_loss_that_is_not_convex_in_its_outputs_is_refused() {
    let mut model = Param::new(Tensor::from([0.3, 0.4]));
    let mut trainer = HessianFree::new().damping(1e-3);
    let before = model.value().clone();
    let error = trainer
        .step(&mut model, &|model, tape| {
            let outputs = tape.param(model);
            Objective::of_outputs(outputs, -outputs.square().sum_all())
        })
        .unwrap_err();
    assert!(matches!(error, TrainError::NotPositiveDefinite { .. }), "{error:?}");
    assert_eq!(model.value(), &before);
}

/// The curvature of a part of the batch, as of all of it, lowers the loss of the whole.
#[test]
fn curvature_of_a_part_of_the_batch() {
    let (mut model, data, part) = (lstm::<f64>(3), Data::new(4, 6, 20), Data::new(4, 6, 4));
    let mut trainer = HessianFree::new();
    let mut losses = Vec::new();
    for _ in 0..8 {
        let progress = trainer
            .step_with_curvature_of(
                &mut model,
                &|model, tape| data.classes(model, tape),
                &|model, tape| part.classes(model, tape),
            )
            .unwrap();
        losses.push(progress.loss_after.unwrap());
    }
    assert!(losses.windows(2).all(|pair| pair[1] < pair[0]), "{losses:?}");
    assert!(losses[7] < 0.8 * losses[0], "{losses:?}");
}
