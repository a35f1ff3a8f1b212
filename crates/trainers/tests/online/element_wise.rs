//! Traces refuse what is not an elementwise recurrence, at whatever step it shows, and nothing else.

use bptt_autodiff::{Param, Var};
use bptt_layers::{
    Activation, Cell, Elman, Gru, IndRnn, MinGru, Module, Optimizer, Sgd, Stack, StateSizes,
    Stepwise, rng,
};
use bptt_tensor::{Scalar, Tensor};
use bptt_trainers::online::{OnlineError, OnlineLearner, Traces};
use proptest::prelude::*;

use super::support::{assert_close, contents, drawn, forward_in_time, inputs, loss, through_time};

/// The message of what a first step of traces of all variables refuses.
fn refusal<L: Stepwise<f64> + Module<f64>>(layer: &L) -> String {
    let x = inputs([1, 1, 2], 11).index_first(0);
    let mut learner = Traces::new();
    let before = contents(&learner.state());
    let error = learner.step(layer, &x, &|y| loss(y, 0)).unwrap_err();
    assert!(matches!(error, OnlineError::NotElementwise { .. }), "{error:?}");
    assert_eq!(contents(&learner.state()), before);
    error.to_string()
}

#[test]
fn what_mixes_units_is_refused() {
    let rng = &mut rng(0);
    let message = refusal(&drawn(Gru::new(rng, 2, 3), 12));
    assert!(message.contains("element 0 of `state` before influences another"), "{message}");
    assert!(message.contains("Traces::of"), "{message}");
    let message = refusal(&drawn((Elman::new(rng, 2, 1), Elman::new(rng, 1, 2)), 12));
    assert!(message.contains("`state.1`"), "{message}");
    let stack = Stack::new(vec![IndRnn::new(rng, 2, 2), IndRnn::new(rng, 2, 2)]);
    let stack = drawn(stack, 12);
    let _ = refusal(&stack);
}

/// Whether a weight of `W_hh` off the diagonal is not zero.
fn mixes(cell: &Elman<f64>) -> bool {
    let w = cell.w_hh.value();
    let size = w.shape()[0];
    w.iter().enumerate().any(|(i, weight)| i / size != i % size && *weight != 0.0)
}

/// Trains a network of rectified units, and returns the steps with a gradient before the first error.
fn train(mut cell: Elman<f64>) -> usize {
    cell.w_ih.set(Tensor::full([2, 3], 0.5)); // all units are active
    let x = Tensor::ones([2, 2]);
    let mut learner = Traces::new();
    let mut optimizer = Sgd::new(0.01);
    for t in 0..9 {
        match learner.step(&cell, &x, &|y| loss(y, t)) {
            Ok(step) => {
                assert!(!mixes(&cell), "step {t}");
                optimizer.step(&mut cell, &step.gradients);
            }
            Err(OnlineError::NotElementwise { .. }) => {
                assert!(mixes(&cell), "step {t}");
                return t;
            }
            Err(error) => panic!("{error}"),
        }
    }
    panic!("it was never refused");
}

/// The recurrence is elementwise until weights off the diagonal have a gradient: at the second step, when the state
/// before is not zero.
#[test]
fn what_training_mixes_is_refused() {
    assert_eq!(train(Elman::irnn(&mut rng(0), 2, 3)), 2);
    let mut cell = Elman::irnn(&mut rng(0), 2, 3);
    cell.w_hh.set(Tensor::zeros([3, 3]));
    assert_eq!(train(cell), 2);
}

/// As long as they are not trained, the gradients are exact.
#[test]
fn an_identity_is_element_wise() {
    for scale in [1.0, 0.0] {
        let mut cell = Elman::<f64>::irnn(&mut rng(0), 2, 3);
        cell.w_ih.set(Tensor::full([2, 3], 0.5));
        cell.w_hh.set(Tensor::from_fn([3, 3], |i| if i % 4 == 0 { scale } else { 0.0 }));
        let xs = inputs([5, 2, 2], 33).map(f64::abs);
        let (_, expected) = through_time(&cell, &xs);
        let (_, found) = forward_in_time(&mut Traces::new(), &cell, &xs);
        assert_close(&cell, &found, &expected, 1e-12);
    }
}

/// One weight between two units that differ in the first or the second digit of their number.
#[test]
fn one_weight_between_units_is_refused() {
    for (size, from, to) in [(2, 0, 1), (33, 32, 0), (40, 7, 39), (40, 30, 31)] {
        let mut cell = Elman::<f64>::new(&mut rng(0), 1, size);
        let mut weights = Tensor::zeros([size, size]);
        for unit in 0..size {
            weights.as_mut_slice()[unit * size + unit] = 0.01 * (1.0 + unit as f64 / size as f64);
        }
        cell.w_hh.set(weights.clone());
        let x = Tensor::ones([1, 1]);
        let mut learner = Traces::new();
        for _ in 0..2 {
            let _ = learner.advance(&cell, &x).unwrap();
        }
        weights.as_mut_slice()[from * size + to] = 1e-9;
        cell.w_hh.set(weights);
        let message = learner.advance(&cell, &x).unwrap_err().to_string();
        let expected = format!("element {from} of `state` before influences another");
        assert!(message.contains(&expected), "{message}");
    }
}

/// Gates that are all but closed, and sums of paths that cancel, in single precision and with units by the thousand.
#[test]
fn rounding_is_no_alarm() {
    for scale in [1.0, 30.0, 1000.0] {
        let mut gru = MinGru::<f32>::new(&mut rng(0), 2, 1500);
        gru.for_each_parameter_mut(|_, own| {
            own.set(Tensor::normal(own.shape(), 0.0, scale, &mut rng(34)));
        });
        let mut learner = Traces::new();
        for t in 0..4 {
            let x = Tensor::full([1, 2], 0.1 + t as f32);
            let _ = learner.advance(&gru, &x).unwrap();
        }
    }
    let cell = IndRnn::<f32>::new(&mut rng(0), 2, 3).activation(Activation::Tanh);
    let mut learner = Traces::new();
    for exponent in 0..40 {
        // down to derivatives that underflow
        let x = Tensor::full([1, 2], 10_f32.powi(-exponent));
        let _ = learner.advance(&cell, &x).unwrap();
    }
}

/// An elementwise cell whose units share a parameter, as the input tells: `h = h / 2 + rate x`.
#[derive(Module)]
struct Shared<T> {
    rate: Param<T>,
    #[module(skip)]
    size: usize,
}

impl<T: Scalar> Cell<T> for Shared<T> {
    type State<'t> = Var<'t, T>;

    fn step<'t>(&self, x: Var<'t, T>, h: Var<'t, T>) -> (Var<'t, T>, Var<'t, T>) {
        let h = h * 0.5 + x * &self.rate;
        (h, h)
    }
}

impl<T> StateSizes for Shared<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.size]
    }
}

/// Makes a step for each row of shares, until one is refused.
fn sharing_in_steps(steps: &[&[f64]]) -> Result<(), OnlineError> {
    let cell = Shared { rate: Param::new(Tensor::scalar(0.5)), size: steps[0].len() };
    let mut learner = Traces::new();
    steps.iter().try_for_each(|shares| {
        learner.advance(&cell, &Tensor::from_slice([1, shares.len()], shares)).map(drop)
    })
}

fn sharing(shares: &[f64]) -> Result<(), OnlineError> {
    sharing_in_steps(&[shares])
}

/// A parameter has one unit in all steps.
#[test]
fn what_units_share_in_turn_is_refused() {
    let (first, second) = (&[1.0, 0.0][..], &[0.0, 1.0][..]);
    assert!(sharing_in_steps(&[first, &[0.0, 0.0], first]).is_ok());
    assert!(sharing_in_steps(&[second, first]).is_err());
    assert!(sharing_in_steps(&[first, &[1.0, 1e-9]]).is_err());
}

/// Whatever the ratio: sums that cancel, and means of weights that are a weight.
#[test]
fn what_units_share_is_refused() {
    let message = sharing(&[1.0, 1.0]).unwrap_err().to_string();
    assert!(message.contains("element 0 of the parameter `rate` influences several"), "{message}");
    for size in [2, 3, 32, 70, 1100] {
        let pairs = [(0, 1), (0, 2), (1, 3), (0, 31), (2, 34), (1, 65), (1, 33), (5, 1029)];
        for (a, b) in pairs.into_iter().filter(|(_, b)| *b < size) {
            for ratio in [1.0, -1.0, 2.0, 0.5, 4.0, 0.25, 8.0, -2.0, -0.5, 3.0, 1e-12] {
                let mut shares = vec![0.0; size];
                (shares[a], shares[b]) = (ratio, 1.0);
                assert!(sharing(&shares).is_err(), "{a} and {b} of {size}, ratio {ratio}");
            }
        }
        assert!(sharing(&vec![1.0; size]).is_err());
        let mut shares = vec![0.0; size];
        shares[size - 1] = 0.7;
        assert!(sharing(&shares).is_ok()); // one unit alone
    }
}

proptest! {
    #[test]
    fn whole_numbers_that_units_share_are_refused(
        shares in prop::collection::vec(-4_i32..5, 2..40)
    ) {
        let several = shares.iter().filter(|share| **share != 0).count() > 1;
        let shares: Vec<_> = shares.into_iter().map(f64::from).collect();
        prop_assert_eq!(sharing(&shares).is_err(), several);
    }
}
