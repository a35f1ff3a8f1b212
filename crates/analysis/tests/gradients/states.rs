//! Gradients with respect to states.

use bptt_analysis::gradients::GradientsOverTime;
use bptt_autodiff::Tape;
use bptt_layers::{Cell, Costates, Gru, Layer, Lstm, Module, Recurrence, StateSizes, rng};
use bptt_tensor::Tensor;

use crate::models::{
    AttentionOverMemory, Counting, HIDDEN, INPUT, TwoLeaves, deep, randomized, uniform,
};
use crate::oracle::{assert_near, loss, of_state};

#[track_caller]
fn check<C: Cell<f64> + StateSizes + Module<f64>>(cell: &C) {
    const STEPS: usize = 5;
    let xs = uniform([STEPS, 2, INPUT], &mut rng(3));
    let states = GradientsOverTime::new(cell, &xs, loss).states();
    for k in 0..STEPS {
        let later: Vec<_> = (k..STEPS).map(|t| of_state(cell, &xs, [t, k])).collect();
        for (i, variable) in states.variables.iter().enumerate() {
            let total = later.iter().skip(1).fold(later[0][i].clone(), |sum, of| sum + &of[i]);
            assert_near(&variable.total.index_first(k), &total, 1e-13);
            assert_near(&variable.direct.index_first(k), &later[0][i], 1e-14);
            let norm = |of: &Tensor<f64>| of.iter().map(|g| g * g).sum::<f64>().sqrt();
            assert!((variable.total_norms()[k] - norm(&total)).abs() <= 1e-13 * norm(&total));
            assert!((variable.direct_norms()[k] - norm(&later[0][i])).abs() <= 1e-13);
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

/// In a deep model, the direct gradient of a layer includes the paths through the layers above at the same step. The
/// norms of all lags are those of the terms of the costates.
#[test]
fn of_a_deep_model() {
    let model = deep(&mut rng(1));
    let xs = uniform([4, 1, INPUT], &mut rng(3));
    let over_time = GradientsOverTime::new(&model, &xs, |ys| ys.index_first(3).square().sum_all());
    let states = over_time.states();
    let names: Vec<_> = states.variables.iter().map(|variable| &variable.name[..]).collect();
    assert_eq!(names, ["state.0[0].0", "state.0[0].1", "state.0[1].0", "state.0[1].1"]);
    let tape = Tape::new();
    let costates = Costates::new();
    let xs = tape.constant(xs.clone());
    let (ys, _) = Recurrence::new(&model).costates(&costates).run(xs, model.start(&tape, 1));
    let of_run = costates.of(&tape.backward(ys.index_first(3).square().sum_all()));
    let flow = over_time.error_flow();
    for (i, variable) in states.variables.iter().enumerate() {
        assert_eq!(variable.total, of_run[i]);
        for k in 0..4 {
            // the only loss is that of step 3
            let (norm, expected) = (flow.norms[i][[3, k]], variable.total_norms()[k]);
            assert!((norm - expected).abs() <= 1e-13 * expected);
        }
        assert_near(&variable.direct.index_first(3), &variable.total.index_first(3), 1e-14);
        assert_eq!(variable.direct_norms()[..3], [0.0; 3]);
    }
}

#[test]
fn of_a_batch_without_sequences_all_norms_are_zero() {
    let lstm = Lstm::new(&mut rng(1), INPUT, HIDDEN);
    let xs = Tensor::zeros([3, 0, INPUT]);
    let states = GradientsOverTime::new(&lstm, &xs, loss).states();
    let norms = states.variables[0].total_norms();
    assert!(norms.len() == 3 && norms.iter().all(|norm| norm.to_bits() == 0), "{norms:?}");
}

#[test]
#[should_panic(expected = "the state of the layer has the shapes [[2, 4], [2, 4]], not [[2, 4]]")]
fn a_start_of_another_layer_is_refused() {
    let lstm = Lstm::new(&mut rng(1), INPUT, HIDDEN);
    let xs = Tensor::zeros([3, 2, INPUT]);
    let _ = GradientsOverTime::new(&lstm, &xs, loss).start(&[Tensor::zeros([2, HIDDEN])]);
}
