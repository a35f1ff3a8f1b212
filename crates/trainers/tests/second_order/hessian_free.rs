//! Steps of Hessian-free optimization.

use bptt_autodiff::{Param, Tape};
use bptt_layers::{Layer, loss};
use bptt_tensor::Tensor;
use bptt_trainers::{GaussNewton, HessianFree, Objective, TrainError, Trainer};
use nalgebra::DMatrix;

use crate::support::{Data, assert_close, elman, gradient_of, jacobian, lstm, parameters, vector};

/// A trainer that solves for the direction to the last digit.
fn exact() -> HessianFree {
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
        matrix += hidden.tr_mul(&hidden) * (structural * damping / 5.0); // of five sequences
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
    let (a, b): (Tensor<f64>, Tensor<f64>) =
        (Tensor::normal([6, 4], 0.0, 1.0, &mut rng), Tensor::normal([6, 1], 0.0, 1.0, &mut rng));
    let mut model = Param::new(Tensor::zeros([4, 1]));
    let mut trainer = exact().damping(1e-9);
    let before: f64 = b.square().sum_all().item() * 0.5;
    let progress = trainer
        .step(&mut model, &|model, tape| {
            Objective::squares(tape.constant(a.clone()).matmul(model) - &b)
        })
        .unwrap();
    assert!((progress.loss - before).abs() < 1e-14 * before);
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
    assert!(losses.windows(2).all(|pair| pair[1] < pair[0]), "{losses:?}");
    assert!(losses[losses.len() - 1] < 1e-20, "{losses:?}");
}

/// Where the loss falls by about half of what the model says, the damping stays: of `½ x² / (1 + x²)` at 0.8, the model has its
/// minimum 0 at `−0.8³`.
#[test]
fn the_damping_stays_where_the_model_is_about_right() {
    let mut model = Param::new(Tensor::from([0.8]));
    let mut trainer = HessianFree::new().damping(1e-9);
    let progress = trainer
        .step(&mut model, &|x, tape| {
            let x = tape.param(x);
            Objective::squares(x / (x.square() + 1.0).sqrt())
        })
        .unwrap();
    let ratio = 1.0 - progress.loss_after.unwrap() / progress.loss;
    assert!((0.25..0.75).contains(&ratio), "{ratio}");
    assert_eq!(trainer.present_damping(), 1e-9);
}

/// Of a single-precision loss near 1 with a tiny slope, the expected decrease is lost in rounding. The damping falls until a
/// step is long enough to be seen.
#[test]
fn a_plateau_is_left_in_single_precision() {
    let mut model = Param::new(Tensor::<f32>::from([1.0, -1.0]));
    let mut trainer = HessianFree::new();
    let mut last = f64::INFINITY;
    for _ in 0..60 {
        let result = trainer.step(&mut model, &|model, tape| {
            let outputs = tape.param(model);
            Objective::of_outputs(outputs, outputs.square().sum_all() * 1e-6 + 1.0)
        });
        match result {
            Ok(progress) => last = progress.loss_after.unwrap(),
            Err(TrainError::NoProgress { loss, .. }) => last = loss,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(last, 1.0, "the least loss that can be told from it");
    assert!(trainer.present_damping() < 1e-6);
}

/// A step that leaves the loss as it is, to the last bit, is no progress.
#[test]
fn an_equal_loss_is_no_progress() {
    let mut model = Param::new(Tensor::from([1.0]));
    let step = HessianFree::new().step(&mut model, &|x, tape| {
        let x = tape.param(x);
        Objective::of_outputs(x, x.square().sum_all() * 1e-20 + 1.0)
    });
    assert!(matches!(step, Err(TrainError::NoProgress { loss: 1.0, .. })), "{step:?}");
    assert_eq!(model.value().to_vec(), [1.0]);
}

/// A shell of NaN around the start, within which the step of the model ends: shorter steps are taken.
#[test]
fn losses_that_are_not_finite_are_passed_by() {
    let mut model = Param::new(Tensor::from([3.0]));
    let mut trainer = HessianFree::new().damping(1e-3);
    let mut before = f64::INFINITY;
    for _ in 0..30 {
        let progress = trainer.step(&mut model, &|x, tape| {
            // the step to the minimum of the model, at −2, is beyond the edge of the logarithm at 0
            let x = tape.param(x);
            Objective::squares(x.ln() + 3.0)
        });
        match progress {
            Ok(progress) => {
                assert!(progress.loss_after.unwrap() < progress.loss && progress.loss <= before);
                before = progress.loss_after.unwrap();
            }
            Err(error) => assert!(before < 1e-20, "{error}"),
        }
    }
    assert!(before < 1e-10 && (f64::ln(model.value().item()) + 3.0).abs() < 1e-5, "{before}");
}

#[test]
fn outputs_that_the_loss_does_not_read_are_refused() {
    let (mut model, data) = (elman::<f64>(3), Data::new(4, 6, 5));
    let mut trainer = HessianFree::new();
    let error = trainer
        .step(&mut model, &|model, tape| {
            let outputs = || model.forward(tape.constant(data.xs.clone())).0;
            Objective::of_outputs(outputs(), loss::cross_entropy(outputs(), &data.classes).mean())
        })
        .unwrap_err();
    assert_eq!(error, TrainError::UnusedOutputs);
}

#[test]
fn structural_damping_without_hidden_states_is_refused() {
    let mut model = Param::new(Tensor::from([3.0]));
    let mut trainer = HessianFree::new().structural_damping(0.1);
    let step = trainer.step(&mut model, &|x, tape| Objective::squares(tape.param(x)));
    assert_eq!(step, Err(TrainError::NoHiddenStates));
}

/// Failures without end leave a damping that can be saved and restored.
#[test]
fn the_damping_stays_within_bounds() {
    let mut model = Param::new(Tensor::from([3.0]));
    let mut trainer = HessianFree::new().damping(1e11);
    for _ in 0..60 {
        // the loss is larger everywhere else
        let calls = std::cell::Cell::new(0);
        let step = trainer.step(&mut model, &|x, tape| {
            calls.set(calls.get() + 1);
            let penalty = if calls.get() > 2 { 1e6 } else { 0.0 };
            Objective::of_outputs(tape.param(x), tape.param(x).square().sum_all() + penalty)
        });
        assert!(matches!(step, Err(TrainError::NoProgress { .. })));
    }
    assert!(trainer.present_damping() <= 1e12);
    let mut restored = HessianFree::new();
    restored.restore(&model, &trainer.state(&model)).unwrap();
    assert_eq!(restored.present_damping(), trainer.present_damping());
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
    let (mut model, data) = (lstm::<f64>(3), Data::new(4, 6, 20));
    let part = data.first(4);
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
