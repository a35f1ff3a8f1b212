//! The time-weighted pseudo-Newton method.

use bptt_autodiff::{Param, Tape, Var};
use bptt_layers::{Activation, Elman, Layer};
use bptt_tensor::Tensor;
use bptt_trainers::{Objective, TimeWeightedPseudoNewton, Trainer};

/// A linear net of one unit, `h_t = x_t + w h_{t−1}`, whose derivatives by step are known: with respect to the use of `w` at
/// step `t`, that of `h_T` is `w^{T−t} h_{t−1}`.
#[test]
fn a_step_follows_the_equations() {
    let (rate, damping, w, target) = (0.3, 0.05, 0.8_f64, 2.0);
    let xs = [0.5, -1.0, 0.7, 0.2];
    let mut states = vec![0.0];
    for x in xs {
        states.push(x + w * states[states.len() - 1]);
    }
    let residual = states[4] - target;
    let slopes = (0..4).map(|t| w.powi(3 - t as i32) * states[t]);
    let change: f64 = slopes.map(|slope| residual * slope / (slope * slope + damping)).sum();

    let mut model = Param::new(Tensor::from([[w]]));
    let xs = Tensor::from_slice([4, 1, 1], &xs);
    let mut trainer = TimeWeightedPseudoNewton::new(rate).damping(damping);
    let progress = trainer
        .step(&mut model, &|model, tape: &Tape<f64>| {
            let start = tape.constant(Tensor::zeros([1, 1]));
            let scan = tape.scan(tape.constant(xs.clone()), start);
            let last = scan.run(|x: Var<'_, f64>, h| ((), x + h.matmul(model))).state;
            Objective::squares(last - target)
        })
        .unwrap();
    assert!((progress.loss - 0.5 * residual * residual).abs() < 1e-15);
    assert!((model.value().item() - (w - rate * change)).abs() < 1e-14);
}

/// With a damping far above all curvatures, the steps are those of gradient descent at the rate `η / μ`.
#[test]
fn with_much_damping_it_is_gradient_descent() {
    let mut rng = bptt_layers::rng(0);
    let mut model = Elman::<f64>::new(&mut rng, 2, 3).activation(Activation::Identity);
    let xs = Tensor::normal([5, 4, 2], 0.0, 1.0, &mut rng);
    let gradients = {
        let tape = Tape::new();
        let ys = model.forward(tape.constant(xs.clone())).0;
        tape.backward((ys - 1.0).square().sum_all() * 0.5)
    };
    let expected = model.w_hh.value() - &gradients[&model.w_hh] * 1e-3;
    let mut trainer = TimeWeightedPseudoNewton::new(1e9).damping(1e12);
    trainer
        .step(&mut model, &|model, tape| {
            Objective::squares(model.forward(tape.constant(xs.clone())).0 - 1.0)
        })
        .unwrap();
    let distance = (model.w_hh.value() - &expected).iter().fold(0.0_f64, |max, x| max.max(x.abs()));
    assert!(distance < 1e-10, "{distance:e}");
}
