//! Real-time recurrent learning computes the gradients of back-propagation through time, for any layer.

use bptt_autodiff::{Param, Var};
use bptt_layers::{
    BoxedLayer, Cell, DeltaNet, Elman, Gru, IndRnn, LearnedStart, Linear, Lstm, MLstm, MinGru,
    Module, PeepholeLstm, Residual, Stack, StateSizes, Stepwise, rng,
};
use bptt_tensor::{Scalar, Tensor};
use bptt_trainers::online::RealTime;
use proptest::prelude::*;

use super::support::{assert_close, drawn, forward_in_time, inputs, through_time};

#[track_caller]
fn check<L: Stepwise<f64> + Module<f64>>(layer: L) {
    let layer = drawn(layer, 1);
    for batch in [1, 3] {
        let xs = inputs([6, batch, 2], 2);
        let (expected_loss, expected) = through_time(&layer, &xs);
        let (loss, found) = forward_in_time(&mut RealTime::new(), &layer, &xs);
        assert!((loss - expected_loss).abs() < 1e-12 * expected_loss.abs());
        assert_close(&layer, &found, &expected, 1e-10);
    }
}

/// A cell of the user, with a state of two variables that read one another.
#[derive(Module)]
struct Custom<T> {
    w_ih: Param<T>,
    w_hh: Param<T>,
    rate: Param<T>,
}

impl<T: Scalar> Cell<T> for Custom<T> {
    type State<'t> = (Var<'t, T>, Var<'t, T>);

    fn step<'t>(
        &self,
        x: Var<'t, T>,
        (fast, slow): Self::State<'t>,
    ) -> (Var<'t, T>, Self::State<'t>) {
        let fast = (x.matmul(&self.w_ih) + (fast * slow).matmul(&self.w_hh)).tanh();
        let rate = x.tape().param(&self.rate).sigmoid();
        let slow = rate * slow + (1.0 - rate) * fast.square();
        (fast + slow, (fast, slow))
    }
}

impl<T: Scalar> StateSizes for Custom<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.w_hh.shape()[0]; 2]
    }
}

/// A cell whose equations read the number of the step.
#[derive(Module)]
struct Aging<T> {
    w: Param<T>,
}

impl<T: Scalar> Cell<T> for Aging<T> {
    type State<'t> = Var<'t, T>;

    fn step<'t>(&self, x: Var<'t, T>, h: Var<'t, T>) -> (Var<'t, T>, Var<'t, T>) {
        let h = (x * x.tape().step_index() + h.matmul(&self.w)).tanh();
        (h, h)
    }
}

impl<T> StateSizes for Aging<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.w.shape()[0]]
    }
}

fn custom(input: usize, hidden: usize) -> Custom<f64> {
    let zeros = |shape: &[usize]| Param::new(Tensor::zeros(shape));
    Custom { w_ih: zeros(&[input, hidden]), w_hh: zeros(&[hidden; 2]), rate: zeros(&[hidden]) }
}

#[test]
fn of_an_elman_network() {
    check(Elman::new(&mut rng(0), 2, 4));
}

#[test]
fn of_lstms() {
    check(Lstm::new(&mut rng(0), 2, 3));
    check(PeepholeLstm::new(&mut rng(0), 2, 3));
}

#[test]
fn of_gated_units() {
    check(Gru::new(&mut rng(0), 2, 3));
    check(MinGru::new(&mut rng(0), 2, 3));
    check(IndRnn::new(&mut rng(0), 2, 3).activation(bptt_layers::Activation::Tanh));
}

#[test]
fn of_matrix_states() {
    check(MLstm::new(&mut rng(0), 2, 2, 1));
    check(DeltaNet::new(&mut rng(0), 2, 2, 1));
}

#[test]
fn of_compositions() {
    let rng = &mut rng(0);
    check((Gru::new(rng, 2, 3), Linear::new(rng, 3, 2)));
    check(Stack::new(vec![Elman::new(rng, 2, 2), Elman::new(rng, 2, 2)]));
    check((Residual::new(Elman::new(rng, 2, 2)), Lstm::new(rng, 2, 2)));
    check(BoxedLayer::new(Gru::new(rng, 2, 2)));
}

#[test]
fn of_a_learned_start() {
    check(LearnedStart::new(Lstm::new(&mut rng(0), 2, 2)));
}

#[test]
fn of_a_cell_of_the_user() {
    check(custom(2, 3));
    check(Aging { w: Param::new(Tensor::zeros([2, 2])) });
}

/// A readout costs no influence.
#[test]
fn only_parameters_that_reach_the_state_have_an_influence() {
    let rng = &mut rng(0);
    let layer = (Gru::<f64>::new(rng, 2, 3), Linear::new(rng, 3, 2));
    let mut learner = RealTime::new();
    let _ = forward_in_time(&mut learner, &layer, &inputs([3, 1, 2], 1));
    let state = learner.state();
    let names: Vec<_> = state.names().collect();
    assert!(names.contains(&"0.influence.0.w_ih"), "{names:?}");
    assert!(!names.iter().any(|name| name.contains("influence.1.")), "{names:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn of_all_sizes(
        kind in 0..3_usize,
        [steps, batch, input, hidden] in [1..9_usize, 1..4, 1..4, 1..4],
        seed in 0..1000_u64,
    ) {
        let rng = &mut rng(seed);
        let cell = match kind {
            0 => BoxedLayer::new(Elman::new(rng, input, hidden)),
            1 => BoxedLayer::new(Lstm::new(rng, input, hidden)),
            _ => BoxedLayer::new((Gru::new(rng, input, hidden), Linear::new(rng, hidden, 2))),
        };
        let layer = drawn(cell, seed);
        let xs = inputs([steps, batch, input], seed + 1);
        let (_, expected) = through_time(&layer, &xs);
        let (_, found) = forward_in_time(&mut RealTime::new(), &layer, &xs);
        assert_close(&layer, &found, &expected, 1e-10);
    }
}
