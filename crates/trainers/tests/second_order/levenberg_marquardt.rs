//! Steps of Levenberg and Marquardt.

use bptt_autodiff::{Param, Tape, Var};
use bptt_layers::{Linear, Module};
use bptt_tensor::Tensor;
use bptt_trainers::{
    Decoupling, LevenbergMarquardt, Objective, TrainError, Trainer, vector_to_parameters,
};
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

/// The errors after 0 to 30 iterations are those of pyrenn 0.1, from the same weights and damping.
///
/// `pyrenn.txt` holds 100 inputs, the weights, and the squared errors of pyrenn. The net is that of its dynamic example:
/// layers of 3, 3 and 1 units, the first of which reads the last two inputs and the last three outputs. The plant is
/// example 4 of Narendra and Parthasarathy (1990).
#[test]
fn iterations_are_those_of_pyrenn() {
    let numbers = |line: &str| line.split(' ').map(|it| it.parse().unwrap()).collect();
    let lines: Vec<Vec<f64>> = include_str!("pyrenn.txt").lines().map(numbers).collect();
    let [inputs, weights, errors] = &lines[..] else { panic!("three lines") };
    let mut outputs = vec![0.0; 100];
    for t in 1..100 {
        let before = |values: &[f64], lag: usize| if lag <= t { values[t - lag] } else { 0.0 };
        let [y1, y2, y3] = [1, 2, 3].map(|lag| before(&outputs, lag));
        let [u1, u2] = [1, 2].map(|lag| before(inputs, lag));
        outputs[t] = (y1 * y2 * y3 * u2 * (y3 - 1.0) + u1) / (1.0 + y2 * y2 + y3 * y3);
    }
    let [inputs, targets] = [inputs, &outputs].map(|it| Tensor::from_slice([100, 1, 1], it));

    let linear = |inputs, outputs| Linear::new(&mut bptt_layers::rng(0), inputs, outputs);
    let mut net = (linear(5, 3), linear(3, 3), linear(3, 1));
    vector_to_parameters(&Tensor::from_slice([weights.len()], weights), &mut net);
    let mut trainer = LevenbergMarquardt::new().damping(3.0);
    for (iteration, &error) in errors.iter().enumerate() {
        let progress = trainer.step(&mut net, &|net: &(Linear<_>, Linear<_>, Linear<_>), tape| {
            let start = [tape.constant(Tensor::zeros([1, 1])); 5];
            let scan = tape.scan(tape.constant(inputs.clone()), start);
            let scanned = scan.run(|u, [u1, u2, y1, y2, y3]| {
                let h = net.0.forward(Var::concat(&[u1, u2, y1, y2, y3], 1)).tanh();
                let y = net.2.forward(net.1.forward(h).tanh());
                (y, [u, u1, y, y1, y2])
            });
            Objective::squares(scanned.outputs - &targets)
        });
        let ours = 2.0 * progress.unwrap().loss;
        assert!((ours - error).abs() < 1e-6 * error, "iteration {iteration}: {ours}, not {error}");
    }
}
