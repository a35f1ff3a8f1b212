//! Gradients of parameters by lag.

use bptt_analysis::gradients::GradientsOverTime;
use bptt_autodiff::Tape;
use bptt_layers::{Cell, Elman, Gru, Linear, Lstm, Module, StateSizes, Stepwise, rng};
use bptt_tensor::Tensor;

use crate::models::{
    AttentionOverMemory, Counting, HIDDEN, INPUT, TwoLeaves, V, deep, randomized, uniform,
};
use crate::oracle::{assert_near, loss, parts_by_lag};

/// The parts of every lag are those of a loop, and they sum to the whole gradient.
#[track_caller]
fn check<M: Stepwise<f64> + Module<f64>>(model: &M) {
    for (steps, batch) in [(1, 2), (2, 1), (7, 2)] {
        let xs = uniform([steps, batch, INPUT], &mut rng(steps as u64));
        let by_lag = GradientsOverTime::new(model, &xs, loss).by_lag();
        let expected = parts_by_lag(model, &xs);
        assert_eq!(by_lag.lags(), steps);
        for (i, own) in by_lag.parameters.iter().enumerate() {
            assert_eq!(own.name, model.parameters()[i].0);
            for (lag, expected) in expected.iter().enumerate() {
                assert_near(&own.part(lag), &expected[i], 2e-14);
            }
            assert_near(&own.parts.sum(&[0]), &own.whole, 4e-15);
        }
    }
}

#[test]
fn of_an_lstm() {
    check(&randomized(Lstm::new(&mut rng(1), INPUT, HIDDEN), &mut rng(2)));
}

#[test]
fn of_a_gru() {
    check(&randomized(Gru::new(&mut rng(1), INPUT, HIDDEN), &mut rng(2)));
}

#[test]
fn of_a_cell_with_two_variables_and_an_output() {
    check(&TwoLeaves::new(&mut rng(1)));
}

#[test]
fn of_attention_over_a_memory() {
    check(&AttentionOverMemory::new(&mut rng(1)));
}

/// A batch cannot hold several steps of this cell.
#[test]
fn of_a_variable_without_axes() {
    check(&Counting::new(&mut rng(1)));
}

/// The gradient of the learned start counts at step 0.
#[test]
fn of_a_deep_model_with_a_learned_start() {
    check(&deep(&mut rng(1)));
}

/// Without a state, the only lag is 0.
#[test]
fn of_a_layer_without_a_state() {
    let linear = randomized(Linear::new(&mut rng(1), INPUT, 2), &mut rng(2));
    check(&linear);
    let xs = uniform([3, 1, INPUT], &mut rng(3));
    let norms = GradientsOverTime::new(&linear, &xs, loss).by_lag().norms();
    assert!(norms[0] > 0.0 && norms[1..] == [0.0, 0.0]);
}

/// A scalar recurrence by hand: `h_t = w h_{t−1} + x_t` from 0, with `x_0 = 1` the only input and the loss `h_3`. The
/// gradient of `w³` has `w²` at each of the steps 1, 2 and 3, and nothing at step 0.
#[test]
fn of_a_linear_recurrence_by_hand() {
    let mut cell = Elman::<f64>::new(&mut rng(0), 1, 1).bias(false);
    cell.activation = bptt_layers::Activation::Identity;
    cell.w_ih.set(Tensor::ones([1, 1]));
    cell.w_hh.set(Tensor::full([1, 1], 0.5));
    let xs = Tensor::from_vec([4, 1, 1], vec![1.0, 0.0, 0.0, 0.0]);
    let by_lag = GradientsOverTime::new(&cell, &xs, |ys| ys.index_first(3).sum_all()).by_lag();
    let w_hh = by_lag.get("w_hh").expect("it has one");
    assert_eq!(w_hh.parts.to_vec(), [0.25, 0.25, 0.25, 0.0]);
    assert_eq!(w_hh.whole.item(), 0.75);
    let ratios: Vec<_> = w_hh.kept().iter().map(|kept| kept.norm_ratio * 3.0).collect();
    assert_eq!(ratios, [1.0, 2.0, 3.0, 3.0]);
    assert_eq!(w_hh.kept()[2].relative_error, 0.0);
    assert!(by_lag.get("b").is_none());
}

/// A loss that is no sum over steps is divided by the outputs through which it flows. The state from which the run
/// starts is given.
#[test]
fn of_any_loss_and_any_start() {
    let lstm = randomized(Lstm::new(&mut rng(1), INPUT, HIDDEN), &mut rng(2));
    let draw = &mut rng(3);
    let xs = uniform([6, 2, INPUT], draw);
    let state = [uniform([2, HIDDEN], draw), uniform([2, HIDDEN], draw)];
    let over_time =
        GradientsOverTime::new(&lstm, &xs, |ys| ys.sum(&[0]).square().sum_all()).start(&state);
    let by_lag = over_time.by_lag();
    let tape = Tape::new();
    let [h, c] = state.each_ref().map(|value| tape.constant(value.clone()));
    let (ys, _) = bptt_layers::unroll(&lstm, tape.constant(xs.clone()), (h, c));
    let gradients = tape.backward(ys.sum(&[0]).square().sum_all());
    for (own, (_, param)) in by_lag.parameters.iter().zip(lstm.parameters()) {
        assert_near(&own.parts.sum(&[0]), &gradients[param], 1e-14);
    }
    assert_eq!(over_time.clone().lags(100).by_lag().lags(), 6);
    let first = over_time.lags(2).by_lag();
    assert_eq!((first.lags(), first.norms().len(), first.kept().len()), (2, 2, 2));
    assert_eq!(first.parameters[1].part(1), by_lag.parameters[1].part(1));
    assert_eq!(first.parameters[1].whole, by_lag.parameters[1].whole);
}

#[test]
#[should_panic(expected = "with at least one step, not [0, 2, 3]")]
fn no_steps_are_refused() {
    let lstm = Lstm::<f64>::new(&mut rng(1), INPUT, HIDDEN);
    let _ = GradientsOverTime::new(&lstm, &Tensor::zeros([0, 2, INPUT]), loss);
}

/// A cell whose step reads its own sequence of noise.
#[derive(Module)]
#[module(scalar = f64)]
struct Disturbed(Lstm<f64>, #[module(skip)] Tensor<f64>);

impl Cell<f64> for Disturbed {
    type State<'t> = (V<'t>, V<'t>);

    fn step<'t>(&self, x: V<'t>, state: Self::State<'t>) -> (V<'t>, Self::State<'t>) {
        self.0.step(x + x.tape().at_step(&self.1), state)
    }
}

impl StateSizes for Disturbed {
    fn state_sizes(&self) -> Vec<usize> {
        self.0.state_sizes()
    }
}

#[test]
#[should_panic(expected = "which entries of a sequence [5, 1, 3] belong to windows of 1 steps")]
fn noise_of_steps_is_refused() {
    let noise = uniform([5, 1, INPUT], &mut rng(4));
    let cell = Disturbed(Lstm::new(&mut rng(1), INPUT, HIDDEN), noise);
    let xs = uniform([5, 1, INPUT], &mut rng(3));
    let _ = GradientsOverTime::new(&cell, &xs, loss).by_lag();
}
