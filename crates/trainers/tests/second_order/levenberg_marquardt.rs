//! Steps of Levenberg and Marquardt.

use bptt_autodiff::{Param, Tape, Var};
use bptt_layers::Module;
use bptt_tensor::Tensor;
use bptt_trainers::{Decoupling, LevenbergMarquardt, Objective, TrainError, Trainer};
use nalgebra::DMatrix;

use crate::support::{Data, assert_close, elman, jacobian, parameters, vector};

/// `−(JᵀJ + λ I)⁻¹ Jᵀ r` with dense matrices, of few residuals (row by row) and of many (column by column).
#[test]
fn a_step_is_that_of_dense_matrices() {
    for [steps, batch] in [[2, 1], [30, 4]] {
        let (mut model, data) = (elman::<f64>(3), Data::new(4, steps, batch));
        let j = jacobian(&model, |model, tape| data.residuals(model, tape));
        assert_eq!(j.nrows() > 2 * j.ncols(), batch == 4, "both ways are taken");
        let r = vector(&data.residuals(&model, &Tape::new()).value());
        let damping = 2.0;
        let matrix = j.tr_mul(&j) + DMatrix::identity(j.ncols(), j.ncols()) * damping;
        let expected = parameters(&model) - matrix.cholesky().unwrap().solve(&j.tr_mul(&r));
        let mut trainer = LevenbergMarquardt::new().damping(damping);
        let progress = trainer.step(&mut model, &|model, tape| data.squares(model, tape)).unwrap();
        assert_close(&parameters(&model), &expected, 1e-12);
        assert!((progress.loss - 0.5 * r.dot(&r)).abs() < 1e-12 * progress.loss);
        assert_eq!(trainer.present_damping(), damping / 10.0);
    }
}

/// With groups, the matrix keeps the blocks of each parameter alone.
#[test]
fn a_decoupled_step_is_that_of_the_blocks() {
    let (mut model, data) = (elman::<f64>(3), Data::new(4, 6, 2));
    let j = jacobian(&model, |model, tape| data.residuals(model, tape));
    let r = vector(&data.residuals(&model, &Tape::new()).value());
    let mut matrix = j.tr_mul(&j);
    let mut neglected = 0;
    let sizes: Vec<usize> = model.parameters().iter().map(|(_, p)| p.value().len()).collect();
    let group_of: Vec<usize> =
        sizes.iter().enumerate().flat_map(|(group, &size)| vec![group; size]).collect();
    for row in 0..matrix.nrows() {
        for column in 0..matrix.ncols() {
            let is_damped = row == column;
            let is_within = group_of[row] == group_of[column];
            let entry = &mut matrix[(row, column)];
            *entry = if is_within { *entry } else { 0.0 } + f64::from(u8::from(is_damped));
            neglected += usize::from(!is_within);
        }
    }
    assert!(neglected > 0);
    let expected = parameters(&model) - matrix.cholesky().unwrap().solve(&j.tr_mul(&r));
    let mut trainer = LevenbergMarquardt::new().decoupling(Decoupling::Parameters);
    trainer.step(&mut model, &|model, tape| data.squares(model, tape)).unwrap();
    assert_close(&parameters(&model), &expected, 1e-12);
}

/// Of Rosenbrock's function as squares, `10 (y − x²)` and `1 − x`, from the usual start.
#[test]
fn the_valley_of_rosenbrock_is_followed() {
    let mut model = Param::new(Tensor::from([-1.2, 1.0]));
    let mut trainer = LevenbergMarquardt::new();
    let step = |_| {
        trainer.step(&mut model, &|model, tape| {
            let [x, y] = tape.param(model).split(0);
            Objective::squares(Var::concat(&[(y - x.square()) * 10.0, 1.0 - x], 0))
        })
    };
    let end = (0..40).map(step).find_map(Result::err);
    assert!(matches!(end, Some(TrainError::NoProgress { loss, .. }) if loss < 1e-25), "{end:?}");
    assert!(model.value().iter().all(|x: &f64| (x - 1.0).abs() < 1e-12));
}

/// A step that would raise the loss is made shorter until it lowers it.
#[test]
fn the_loss_never_rises() {
    let (mut model, data) = (elman::<f64>(5), Data::new(6, 8, 3));
    let mut trainer = LevenbergMarquardt::new().damping(1e-12);
    let mut before = f64::INFINITY;
    for _ in 0..20 {
        let progress = trainer.step(&mut model, &|model, tape| data.squares(model, tape)).unwrap();
        assert!(progress.loss <= before && progress.loss_after.unwrap() < progress.loss);
        before = progress.loss_after.unwrap();
    }
}
