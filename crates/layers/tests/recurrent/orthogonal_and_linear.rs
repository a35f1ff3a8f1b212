//! Cells whose recurrence is a rotation or linear, compared with closed forms.

use bptt_layers::{ExpRnn, LegendreMemory, Lru};
use bptt_tensor::Tensor;
use proptest::prelude::*;

use crate::options::{HIDDEN, INPUT, check, plus, times, units};
use crate::support::{
    Sizes, assert_near, for_all, parameter, random, random_cell, run, sizes, uniform, unrolled,
};

/// A cell of two units that rotates them by this angle.
fn rotation(angle: f64) -> ExpRnn<f64> {
    let mut cell = ExpRnn::new(&mut random(0), 1, 2);
    // what is on or below the diagonal has no effect
    cell.w_hh.set(Tensor::from_vec([2, 2], vec![7.0, angle, -3.0, 5.0]));
    cell.b.set(Tensor::zeros([2]));
    cell
}

#[test]
fn the_exponential_of_two_units_is_a_rotation() {
    for angle in [0.0, 1e-9, 0.3, -2.0, 3.0, 50.0] {
        let start = Tensor::from_vec([1, 2], vec![0.6, -1.1]);
        let inputs = [Tensor::zeros([1, 1, 1]), start];
        let (sin, cos) = f64::sin_cos(angle);
        let expected = Tensor::from_vec([1, 2], vec![0.6 * cos + 1.1 * sin, 0.6 * sin - 1.1 * cos]);
        assert_near(&run(&rotation(angle), &inputs, unrolled).values[1..], &[expected], 1e-13);
    }
}

/// Without biases and input, the norm of the state and that of its cotangent stay the same for any number of steps.
#[test]
fn rotations_keep_norms() {
    for_all(16, (1..9_usize, any::<u64>()), |(hidden, seed)| {
        let rng = &mut random(seed);
        let mut cell = ExpRnn::<f64>::new(rng, 1, hidden);
        cell.w_hh.set(uniform([hidden, hidden], rng) * 4.0);
        cell.b.set(Tensor::zeros([hidden]));
        let start = uniform([1, hidden], rng);
        let inputs = [Tensor::zeros([100, 1, 1]), start.clone()];
        let run = run(&cell, &inputs, |cell, x| vec![unrolled(cell, x)[1]]);
        let norm = |x: &Tensor<f64>| x.as_slice().iter().map(|x| x * x).sum::<f64>().sqrt();
        let end = &run.values[0];
        assert!((norm(end) - norm(&start)).abs() < 1e-10);
        let cotangent = end.map(|y| 1.0 + y); // of the loss
        assert!((norm(&run.gradients.inputs[1]) - norm(&cotangent)).abs() < 1e-10);
    });
}

/// The units are `sign(z) relu(|z| + b)`.
#[test]
fn units_of_the_orthogonal_network() {
    let mut cell = rotation(0.0);
    cell.w_ih.set(Tensor::ones([1, 2]));
    cell.b.set(Tensor::from_slice([2], &[-0.5, 0.25]));
    for (x, expected) in [(2.0, [1.5, 2.25]), (0.25, [0.0, 0.5]), (-2.0, [-1.5, -2.25])] {
        let inputs = [Tensor::full([1, 1, 1], x), Tensor::zeros([1, 2])];
        let h = run(&cell, &inputs, unrolled).values.remove(1);
        assert_eq!(h.to_vec(), expected);
    }
}

#[test]
fn legendre_memory_equations() {
    let memory = LegendreMemory::<f64>::new(&mut random(0), INPUT, HIDDEN, 3, 5.0);
    check(
        |rng| LegendreMemory::new(rng, INPUT, HIDDEN, 3, 5.0),
        |p, x, state| {
            let (h, m) = (&state[0], &state[1]);
            let u = times(x, &p("w_iu"))[0] + times(h, &p("w_hu"))[0] + times(m, &p("w_mu"))[0];
            let m = plus(&times(m, &memory.transition), &times(&[u], &memory.drive));
            let net = plus(&times(x, &p("w_ih")), &times(h, &p("w_hh")));
            let net = plus(&net, &times(&m, &p("w_mh")));
            let h = units(|k| net[k].tanh());
            (h.clone(), vec![h, m])
        },
    );
}

/// Of order 1, `θ m' = −m + u`. Of order 2, the matrix has the eigenvalues `−2 ± i √2`, so that
/// `exp(t A) = e^{−2t} (cos(√2 t) + sin(√2 t)/√2 · (A + 2))`.
#[test]
fn the_zero_order_hold_of_small_orders() {
    let rng = &mut random(0);
    for window in [0.5, 1.0, 7.0, 300.0] {
        let of_order = |order, rng: &mut _| {
            let cell = LegendreMemory::<f64>::new(rng, 1, 1, order, window);
            [cell.transition, cell.drive]
        };
        let decay = f64::exp(-1.0 / window);
        let expected = [decay, 1.0 - decay].map(|x| Tensor::full([1, 1], x));
        assert_near(&of_order(1, rng), &expected, 1e-14);

        let t = 1.0 / window;
        // of rows: the transpose of [[−1, −1], [3, −3]]
        let a = Tensor::from_vec([2, 2], vec![-1.0, 3.0, -1.0, -3.0]);
        let (sin, cos) = f64::sin_cos(2.0_f64.sqrt() * t);
        let shifted = &a + Tensor::eye(2) * 2.0;
        let exponential =
            (Tensor::eye(2) * cos + shifted * (sin / 2.0_f64.sqrt())) * (-2.0 * t).exp();
        // B (exp(A t) − 1) A⁻¹
        let inverse = Tensor::from_vec([2, 2], vec![-3.0, -3.0, 1.0, -1.0]) * (1.0 / 6.0);
        let drive = Tensor::from_vec([1, 2], vec![1.0, -3.0]);
        let drive = drive.matmul(&(&exponential - Tensor::eye(2))).matmul(&inverse);
        assert_near(&of_order(2, rng), &[exponential, drive], 1e-13);
    }
}

/// The memory has the signal of the whole window, as a sum of Legendre polynomials.
#[test]
fn the_memory_reconstructs_the_past() {
    const WINDOW: usize = 200;
    let order = 10;
    let mut cell = LegendreMemory::<f64>::new(&mut random(0), 1, 1, order, WINDOW as f64);
    cell.w_iu.set(Tensor::ones([1, 1]));
    cell.w_hu.set(Tensor::zeros([1, 1]));
    let signal = |t: f64| (0.02 * t).sin() + 0.5 * (0.035 * t + 1.0).cos();
    let steps = 1000;
    let xs = Tensor::from_fn([steps, 1, 1], |t| signal(t as f64));
    let start = [Tensor::zeros([1, 1]), Tensor::zeros([1, order])];
    let [h, m] = start;
    let memory = run(&cell, &[xs, h, m], unrolled).values.remove(2);
    for delay in 0..WINDOW {
        let z = 2.0 * delay as f64 / WINDOW as f64 - 1.0;
        let (mut before, mut legendre, mut sum) = (0.0, 1.0, 0.0);
        for i in 0..order {
            sum += memory[[0, i]] * legendre;
            let n = i as f64;
            let next = ((2.0 * n + 1.0) * z * legendre - n * before) / (n + 1.0);
            (before, legendre) = (legendre, next);
        }
        // a held value stands for the middle of its step
        let past = signal(steps as f64 - 1.0 - delay as f64 + 0.5);
        assert!((sum - past).abs() < 0.01, "{delay} steps ago: {sum}, not {past}");
    }
}

/// The state is `Σ_k λᵏ exp(γ) x_{t−k} W_ih`, with the powers as `|λ|ᵏ exp(i k arg λ)`.
#[test]
fn powers_of_the_linear_recurrent_unit() {
    for_all(16, (sizes(), any::<u64>()), |(sizes, seed)| {
        let rng = &mut random(seed);
        let Sizes { steps, batch, input, hidden, .. } = sizes;
        let cell = random_cell::lru(rng, sizes);
        let inputs = sizes.inputs(&cell, rng);
        let p = |name: &str| parameter(&cell, name);
        let (nu, theta, gamma) = (p("nu"), p("theta"), p("gamma"));
        // the power of this exponent, of a unit
        let power = |unit: usize, k: usize| {
            let magnitude = (-(k as f64) * nu[[unit]].exp()).exp();
            let (sin, cos) = (k as f64 * theta[[unit]].exp()).sin_cos();
            (magnitude * cos, magnitude * sin)
        };
        let driven = inputs[0].matmul(&p("w_ih"));
        let state = |t: usize, b: usize, unit: usize| {
            let (re, im) = power(unit, t + 1);
            let (start_re, start_im) = (inputs[1][[b, unit]], inputs[2][[b, unit]]);
            let start = (re * start_re - im * start_im, re * start_im + im * start_re);
            (0..=t).fold(start, |(sum_re, sum_im), from| {
                let (re, im) = power(unit, t - from);
                let scale = gamma[[unit]].exp();
                let x_re = scale * driven[[from, b, unit]];
                let x_im = scale * driven[[from, b, hidden + unit]];
                (sum_re + re * x_re - im * x_im, sum_im + re * x_im + im * x_re)
            })
        };
        let expected = Tensor::from_fn([steps, batch, input], |at| {
            let (t, b, o) = (at / input / batch, at / input % batch, at % input);
            let read = (0..hidden).map(|unit| {
                let (re, im) = state(t, b, unit);
                re * p("w_ho")[[unit, o]] - im * p("w_ho")[[hidden + unit, o]]
            });
            read.sum::<f64>() + p("d")[[o]] * inputs[0][[t, b, o]]
        });
        assert_near(&run(&cell, &inputs, unrolled).values[..1], &[expected], 1e-12);
    });
}

/// The initial eigenvalues lie in the ring, and `γ` normalizes the states that they give.
#[test]
fn a_ring_of_eigenvalues() {
    let rng = &mut random(3);
    let cell = Lru::<f64>::new(rng, 2, 500).ring(rng, 0.7, 0.95, 0.3);
    let magnitudes = parameter(&cell, "nu").map(|nu| (-nu.exp()).exp());
    assert!(magnitudes.as_slice().iter().all(|m| (0.7 - 1e-12..0.95).contains(m)));
    assert!(parameter(&cell, "theta").as_slice().iter().all(|theta| theta.exp() < 0.3));
    let gammas = magnitudes.map(|m| (1.0 - m * m).sqrt().ln());
    assert_near(&[parameter(&cell, "gamma")], &[gammas], 1e-12);
    // uniform in area: half of the squares are below the middle
    let middle = (0.7 * 0.7 + 0.95 * 0.95) / 2.0;
    let below = magnitudes.as_slice().iter().filter(|&m| m * m < middle).count();
    assert!((200..300).contains(&below), "{below} of 500");
}
