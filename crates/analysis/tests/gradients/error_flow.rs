//! The norms `‖∂L_t/∂s_k‖`.

use bptt_analysis::gradients::GradientsOverTime;
use bptt_layers::{Cell, Elman, Gru, Lstm, Module, StateSizes, rng};
use bptt_tensor::Tensor;

use crate::models::{AttentionOverMemory, Counting, HIDDEN, INPUT, TwoLeaves, randomized, uniform};
use crate::oracle::{loss, of_state};

#[track_caller]
fn check<C: Cell<f64> + StateSizes + Module<f64>>(cell: &C) {
    const STEPS: usize = 5;
    let xs = uniform([STEPS, 2, INPUT], &mut rng(3));
    let flow = GradientsOverTime::new(cell, &xs, loss).error_flow();
    for t in 0..STEPS {
        for k in 0..STEPS {
            let expected = if k <= t { of_state(cell, &xs, [t, k]) } else { vec![] };
            let norm = |i: usize| match expected.get(i) {
                Some(gradient) => gradient.iter().map(|g| g * g).sum::<f64>().sqrt(),
                None => 0.0,
            };
            let mut squares = 0.0;
            for (i, norms) in flow.norms.iter().enumerate() {
                let (found, expected) = (norms[[t, k]], norm(i));
                assert!(
                    (found - expected).abs() <= 1e-13 * expected,
                    "{t}, {k}: {found}, not {expected}"
                );
                squares += expected * expected;
            }
            assert!((flow.overall()[[t, k]] - squares.sqrt()).abs() <= 1e-13 * squares.sqrt());
        }
    }
}

#[test]
fn of_cells() {
    check(&randomized(Lstm::new(&mut rng(1), INPUT, HIDDEN), &mut rng(2)));
    check(&randomized(Gru::new(&mut rng(1), INPUT, HIDDEN), &mut rng(2)));
    check(&TwoLeaves::new(&mut rng(1)));
    check(&AttentionOverMemory::new(&mut rng(1)));
    check(&Counting::new(&mut rng(1)));
}

/// `h_t = w h_{t−1} + x_t` with the losses `h_t`: the norm is `w^{t−k}`, even where its square underflows.
#[test]
fn it_vanishes_as_the_powers_of_the_weight() {
    let mut cell = Elman::<f64>::new(&mut rng(0), 1, 1).bias(false);
    cell.activation = bptt_layers::Activation::Identity;
    cell.w_hh.set(Tensor::full([1, 1], 1e-30));
    let xs = Tensor::ones([10, 1, 1]);
    let flow = GradientsOverTime::new(&cell, &xs, |ys| ys.sum_all()).error_flow();
    assert_eq!((flow.steps(), &flow.names[..]), (10, &["state".to_owned()][..]));
    for (lag, mean) in flow.norms_by_lag().into_iter().enumerate() {
        let expected = 1e-30_f64.powi(lag as i32);
        for k in 0..10 - lag {
            assert!((flow.norms[0][[k + lag, k]] / expected - 1.0).abs() < 1e-14);
        }
        assert!((mean / expected - 1.0).abs() < 1e-14);
    }
    let first = GradientsOverTime::new(&cell, &xs, |ys| ys.sum_all()).lags(2).error_flow();
    assert_eq!((first.norms[0][[5, 4]], first.norms[0][[5, 3]]), (1e-30, 0.0));
}
