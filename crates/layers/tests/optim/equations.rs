//! The equations, written independently for one number. They cover more steps, and options that PyTorch's trajectories
//! leave at their defaults. The effect of precision is tested as well.

use bptt_autodiff::{Param, Tape};
use bptt_layers::{Adadelta, Adagrad, Adam, Adamax, NAdam, Optimizer, RAdam, RmsProp, Sgd};
use bptt_tensor::{Scalar, Tensor};

use crate::support::{Pair, optimizers};

/// One step of a parameter that is one number.
fn step(optimizer: &mut dyn Optimizer<f64>, p: &mut Param<f64>, gradient: f64) {
    let tape = Tape::new();
    let gradients = tape.backward((tape.param(p) * gradient).sum_all());
    optimizer.step(p, &gradients);
}

/// A gradient that changes its sign and its size.
fn gradient(t: i32) -> f64 {
    let t = f64::from(t);
    (1.3 * t).sin() * 2.0 / (1.0 + (t % 7.0)) + 0.05
}

/// Panics unless each step is `expected(t, θ, g)` of the parameter before it.
#[track_caller]
fn assert_steps(
    mut optimizer: impl Optimizer<f64>,
    steps: i32,
    mut expected: impl FnMut(i32, f64, f64) -> f64,
) {
    let mut p = Param::new(Tensor::scalar(0.7));
    for t in 1..=steps {
        let expected = expected(t, p.value().item(), gradient(t));
        step(&mut optimizer, &mut p, gradient(t));
        let actual = p.value().item();
        assert!((actual - expected).abs() <= 1e-12, "step {t}: {actual}, not {expected}");
    }
}

#[test]
fn adadelta_is_its_equation() {
    let (mut squares, mut changes) = (0.0, 0.0);
    assert_steps(Adadelta::new(0.8).rho(0.7).epsilon(1e-3), 30, |_, x, g| {
        squares = 0.7 * squares + 0.3 * g * g;
        let change = g * ((changes + 1e-3) / (squares + 1e-3)).sqrt();
        changes = 0.7 * changes + 0.3 * change * change;
        x - 0.8 * change
    });
}

#[test]
fn adamax_is_its_equation() {
    let (mut m, mut u) = (0.0, 0.0_f64);
    let mut decayed = 0;
    assert_steps(Adamax::new(0.05).betas(0.6, 0.7).epsilon(1e-3), 30, |t, x, g| {
        m = 0.6 * m + 0.4 * g;
        let (old, new) = (0.7 * u, g.abs() + 1e-3);
        decayed += i32::from(old > new);
        u = if old > new { old } else { new };
        x - 0.05 * m / (1.0 - 0.6_f64.powi(t)) / u
    });
    assert!((5..25).contains(&decayed), "{decayed}");
}

#[test]
fn amsgrad_is_its_equation() {
    let (mut m, mut v, mut largest) = (0.0, 0.0, 0.0);
    let mut kept = 0;
    assert_steps(Adam::new(0.05).betas(0.6, 0.7).epsilon(1e-3).amsgrad(true), 30, |t, x, g| {
        m = 0.6 * m + 0.4 * g;
        v = 0.7 * v + 0.3 * g * g;
        kept += i32::from(largest > v);
        largest = if largest > v { largest } else { v };
        let (m, v) = (m / (1.0 - 0.6_f64.powi(t)), largest / (1.0 - 0.7_f64.powi(t)));
        x - 0.05 * m / (v.sqrt() + 1e-3)
    });
    assert!((5..30).contains(&kept), "{kept}");
}

/// The product of momenta falls at once or slowly, and the momenta grow at once, slowly or not at all.
#[test]
fn nadam_is_its_equation() {
    for (beta, decay) in [(0.8, 0.3), (0.9, 0.004), (0.9, 0.0), (0.999, 100.0), (0.0, 0.1)] {
        let optimizer = NAdam::new(0.05).betas(beta, 0.7).momentum_decay(decay).epsilon(1e-3);
        let momentum = |t: i32| beta * (1.0 - 0.5 * 0.96_f64.powf(f64::from(t) * decay));
        let (mut m, mut v, mut product) = (0.0, 0.0, 1.0);
        assert_steps(optimizer, 300, |t, x, g| {
            m = beta * m + (1.0 - beta) * g;
            v = 0.7 * v + (1.0 - 0.7) * g * g;
            product *= momentum(t);
            let ahead = momentum(t + 1) * m / (1.0 - product * momentum(t + 1))
                + (1.0 - momentum(t)) * g / (1.0 - product);
            x - 0.05 * ahead / ((v / (1.0 - 0.7_f64.powi(t))).sqrt() + 1e-3)
        });
    }
}

/// The step has number 10¹⁵, which no loop over the steps would reach.
#[test]
fn a_late_step_of_nadam_costs_no_more() {
    let mut p = Param::new(Tensor::scalar(0.7));
    let mut optimizer = NAdam::new(0.05).betas(0.9, 0.7).epsilon(0.0);
    step(&mut optimizer, &mut p, 1.0);
    let mut state = optimizer.state();
    state.set_text("step", 1_000_000_000_000_000_u64);
    optimizer.restore(&p, &state).unwrap();
    let before = p.value().item();
    step(&mut optimizer, &mut p, 2.0);
    let (m, v) = (0.9 * 0.1 + 0.1 * 2.0, 0.7 * 0.3 + 0.3 * 4.0_f64); // and μ = β₁
    let change: f64 = 0.05 * (0.9 * m + 0.1 * 2.0) / v.sqrt();
    assert!((before - p.value().item() - change).abs() < 1e-12);
}

/// The averages of squares are long enough to divide by after a few steps, or never.
#[test]
fn radam_is_its_equation() {
    for (beta, first) in [(0.7, Some(10)), (0.999, Some(6)), (0.6, None), (0.0, None)] {
        let (mut m, mut v, mut adaptive) = (0.0, 0.0, None);
        assert_steps(RAdam::new(0.05).betas(0.6, beta).epsilon(1e-3), 30, |t, x, g| {
            m = 0.6 * m + 0.4 * g;
            v = beta * v + (1.0 - beta) * g * g;
            let bias = 1.0 - beta.powi(t);
            let m = m / (1.0 - 0.6_f64.powi(t));
            let last = 2.0 / (1.0 - beta) - 1.0;
            let length = last - 2.0 * f64::from(t) * (1.0 - bias) / bias;
            if length <= 5.0 {
                return x - 0.05 * m;
            }
            adaptive = adaptive.or(Some(t));
            let variances = [length, last].map(|length| (length - 4.0) * (length - 2.0) / length);
            let rectification = (variances[0] / variances[1]).sqrt();
            x - 0.05 * m * rectification * bias.sqrt() / (v.sqrt() + 1e-3)
        });
        assert_eq!(adaptive, first, "β₂ = {beta}");
    }
}

#[test]
fn weight_decay_is_a_part_of_the_gradient() {
    let cases: [[Box<dyn Optimizer<f64>>; 2]; 8] = [
        [Box::new(Adadelta::new(0.9).weight_decay(0.3)), Box::new(Adadelta::new(0.9))],
        [Box::new(Adagrad::new(0.1).weight_decay(0.3)), Box::new(Adagrad::new(0.1))],
        [Box::new(Adam::new(0.1).weight_decay(0.3)), Box::new(Adam::new(0.1))],
        [Box::new(Adamax::new(0.1).weight_decay(0.3)), Box::new(Adamax::new(0.1))],
        [Box::new(NAdam::new(0.1).weight_decay(0.3)), Box::new(NAdam::new(0.1))],
        [Box::new(RAdam::new(0.1).weight_decay(0.3)), Box::new(RAdam::new(0.1))],
        [Box::new(RmsProp::new(0.1).weight_decay(0.3)), Box::new(RmsProp::new(0.1))],
        [Box::new(Sgd::new(0.1).weight_decay(0.3)), Box::new(Sgd::new(0.1))],
    ];
    for [mut decaying, mut plain] in cases {
        let (mut p, mut q) = (Param::new(Tensor::scalar(0.7)), Param::new(Tensor::scalar(0.7)));
        for t in 1..20 {
            let decay = 0.3 * q.value().item();
            step(&mut *decaying, &mut p, gradient(t));
            step(&mut *plain, &mut q, gradient(t) + decay);
            assert_eq!(p.value(), q.value(), "{plain:?}, step {t}");
        }
    }
}

#[test]
fn single_precision_follows_double_precision() {
    let g = |step: usize, i: usize| ((step * 7 + i * 3) as f64).sin() + 0.1;
    for ((name, mut double), (_, mut single)) in optimizers::<f64>().into_iter().zip(optimizers()) {
        let p = descend(&mut *double, g);
        let q = descend(&mut *single, |step, i| g(step, i) as f32);
        for (p, q) in p.as_slice().iter().zip(q.as_slice()) {
            assert!((p - f64::from(*q)).abs() < 1e-4, "{name}: {p} and {q}");
        }
    }

    fn descend<T: Scalar>(
        optimizer: &mut dyn Optimizer<T>,
        g: impl Fn(usize, usize) -> T,
    ) -> Tensor<T> {
        let mut model = Pair::zeros();
        for step in 0..50 {
            let a = Tensor::from_fn([2, 2], |i| g(step, i));
            let gradients = model.gradients(&a, &Tensor::zeros([3]));
            optimizer.step(&mut model, &gradients);
        }
        model.a.value().clone()
    }
}

/// With equal gradients, `v − m²` is 0 up to rounding. In single precision, rounding makes it negative.
#[test]
fn a_variance_below_zero_makes_no_nan() {
    let mut p = Param::new(Tensor::<f32>::zeros([64]));
    let gradient = Tensor::from_fn([64], |i| 0.1 + 0.37 * i as f32);
    let mut optimizer = RmsProp::new(1e-3).alpha(0.5).centered(true);
    for _ in 0..200 {
        let tape = Tape::new();
        let gradients = tape.backward((tape.param(&p) * &gradient).sum_all());
        optimizer.step(&mut p, &gradients);
    }
    assert!(p.value().is_finite(), "{p:?}");
}
