//! Jacobians of steps.

use bptt_analysis::dynamics::{Dynamics, DynamicsError};
use bptt_autodiff::{Tape, Var};
use bptt_layers::{
    Activation, Brc, Cell, Clockwork, CoRnn, ConvLstm, CoupledLstm, DeltaNet, EchoState, Elman,
    ExpRnn, FullyRecurrent, Gru, HyperLstm, IndRnn, LayerNormGru, LayerNormLstm, LearnedStart,
    LegendreMemory, Lem, Lru, Lstm, Lstm1997, MLstm, MemoryBlocks, MinGru, MinLstm,
    MinimalGatedUnit, Module, MultiHeadSelectiveScan, MultiplicativeLstm, Nbrc, OutputToHidden,
    PeepholeLstm, PhasedLstm, ProjectedLstm, RecurrentHighway, Rwkv7, SelectiveScan, Sru, Stack,
    StackRnn, StateSizes, Stepwise, Window,
};
use bptt_tensor::{Scalar, Tensor};

use super::systems::{Henon, Logistic, assert_close, autonomous, rotation};

/// Asserts that the Jacobians at random states equal central differences of the step.
fn assert_differences(layer: &impl Stepwise<f64>, input_size: usize) {
    const H: f64 = 1e-5;
    let mut rng = bptt_layers::rng(1);
    let dynamics = Dynamics::new(layer);
    let size = dynamics.state_size();
    let states = Tensor::normal([3, size], 0.0, 1.0, &mut rng);
    let inputs = Tensor::normal([3, input_size], 0.0, 1.0, &mut rng);
    let jacobians = dynamics.jacobians_at(&inputs, &states).expect("finite Jacobians");
    for j in 0..size {
        let moved = |h: f64| {
            let direction = Tensor::from_fn([size], |i| f64::from(i == j) * h);
            dynamics.step(&inputs, &(&states + direction))
        };
        let differences = (moved(H) - moved(-H)) * (0.5 / H);
        for n in 0..3 {
            for i in 0..size {
                assert_close(jacobians.matrices()[[n, i, j]], differences[[n, i]], 1e-9);
            }
        }
    }
}

#[test]
fn those_of_every_cell_of_the_library_equal_central_differences() {
    let rng = &mut bptt_layers::rng(0);
    assert_differences(&CoupledLstm::new(rng, 3, 4), 3);
    assert_differences(&EchoState::new(rng, 3, 4).leak(0.5), 3);
    assert_differences(&Elman::new(rng, 3, 4), 3);
    assert_differences(&FullyRecurrent::new(rng, 3, 4), 3);
    assert_differences(&Gru::new(rng, 3, 4), 3);
    assert_differences(&IndRnn::new(rng, 3, 4).activation(Activation::Tanh), 3);
    assert_differences(&LayerNormGru::new(rng, 3, 4), 3);
    assert_differences(&LayerNormLstm::new(rng, 3, 4), 3);
    assert_differences(&Lstm::new(rng, 3, 4), 3);
    assert_differences(&Lstm1997::new(rng, 3, 4), 3);
    assert_differences(&MemoryBlocks::new(rng, 3, 2, 2), 3);
    assert_differences(&MinGru::new(rng, 3, 4), 3);
    assert_differences(&MinLstm::new(rng, 3, 4), 3);
    assert_differences(&MinimalGatedUnit::new(rng, 3, 4), 3);
    assert_differences(&OutputToHidden::new(rng, 3, 4, 2), 3);
    assert_differences(&PeepholeLstm::new(rng, 3, 4), 3);
    assert_differences(&ProjectedLstm::new(rng, 3, 4, 2), 3);
    assert_differences(&Window::new(rng, 3, 4, 3), 3);
    assert_differences(&CoRnn::new(rng, 3, 4), 3);
    assert_differences(&Lem::new(rng, 3, 4), 3);
    assert_differences(&Sru::new(rng, 3, 4), 3);
    assert_differences(&RecurrentHighway::new(rng, 3, 4, 2), 3);
    assert_differences(&MultiplicativeLstm::new(rng, 3, 4), 3);
    assert_differences(&Brc::new(rng, 3, 4), 3);
    assert_differences(&Nbrc::new(rng, 3, 4), 3);
    assert_differences(&HyperLstm::new(rng, 3, 4, 3, 2), 3);
    assert_differences(&LegendreMemory::new(rng, 3, 4, 3, 5.0), 3);
    assert_differences(&ExpRnn::new(rng, 3, 4), 3);
    assert_differences(&Lru::new(rng, 3, 4), 3);
    assert_differences(&PhasedLstm::new(rng, 2, 4), 3);
    assert_differences(&Clockwork::new(rng, 3, 4, &[1, 2]), 3);
    assert_differences(&ConvLstm::new(rng, [1, 3], 1, 2, [1, 3]), 3);
    assert_differences(&StackRnn::new(rng, 3, 4, [2, 3], 1), 3);
    assert_differences(&MLstm::new(rng, 3, 4, 2), 3);
    assert_differences(&DeltaNet::gated(rng, 3, 4, 2), 3);
    assert_differences(&SelectiveScan::new(rng, 3, 2, 1), 3);
    assert_differences(&MultiHeadSelectiveScan::new(rng, 3, 4, 2, 2), 3);
    assert_differences(&Rwkv7::new(rng, 3, 4, 2), 3);
}

#[test]
fn those_of_stacks_and_other_states_equal_central_differences() {
    let rng = &mut bptt_layers::rng(0);
    assert_differences(&Henon, 1);
    assert_differences(&(Lstm::new(rng, 3, 2), Gru::new(rng, 2, 3)), 3);
    let stack = Stack::new(vec![Lstm::new(rng, 3, 3), Lstm::new(rng, 3, 3)]);
    assert_differences(&LearnedStart::new(stack), 3);
    assert_differences(&Remembering, 2);
}

/// Keeps the last three inputs, `[B, 3, I]`, of two features each.
struct Remembering;

impl Cell<f64> for Remembering {
    type State<'t> = Var<'t, f64>;

    fn step<'t>(&self, x: Var<'t, f64>, past: Self::State<'t>) -> (Var<'t, f64>, Self::State<'t>) {
        let newest = (x + past.mean(&[1]) * past.slice(1, 0..1).sum(&[1])).tanh();
        let newest = newest.reshape([newest.shape()[0], 1, 2]);
        let past = Var::concat(&[past.slice(1, 1..3), newest], 1);
        (past.sum(&[1]), past)
    }
}

impl StateSizes for Remembering {
    fn state_sizes(&self) -> Vec<usize> {
        vec![6]
    }

    fn zero_state<'t, T: Scalar>(
        &self,
        tape: &'t Tape<T>,
        batch: usize,
    ) -> <Self as Cell<T>>::State<'t>
    where
        Self: Cell<T>,
    {
        bptt_layers::State::from_values(tape, &[Tensor::zeros([batch, 3, 2])])
    }
}

#[test]
fn that_of_an_elman_network_is_the_slopes_times_the_transposed_weights() {
    let mut rng = bptt_layers::rng(0);
    let elman = Elman::<f64>::new(&mut rng, 2, 3);
    let xs = Tensor::normal([4, 1, 2], 0.0, 1.0, &mut rng);
    let dynamics = Dynamics::new(&elman);
    let (hs, jacobians) = (dynamics.states(&xs).unwrap(), dynamics.jacobians(&xs, 0).unwrap());
    for t in 0..4 {
        for (i, j) in (0..3).flat_map(|i| (0..3).map(move |j| (i, j))) {
            let slope = 1.0 - hs[[t, 0, i]].powi(2);
            let expected = slope * elman.w_hh.value()[[j, i]];
            assert_close(jacobians.matrices()[[t, i, j]], expected, 1e-15);
        }
    }
}

#[test]
fn a_run_of_each_sequence_has_its_own_and_their_number_does_not_change_them() {
    let mut rng = bptt_layers::rng(0);
    let lstm = Lstm::<f64>::new(&mut rng, 2, 32); // 64 elements of state: 64 points at once
    let (steps, batch) = (70, 2);
    let xs = Tensor::normal([steps, batch, 2], 0.0, 1.0, &mut rng);
    let start = Tensor::normal([batch, 64], 0.0, 1.0, &mut rng);
    let dynamics = Dynamics::new(&lstm).start(&start);
    let states = dynamics.states(&xs).unwrap();
    let jacobians = dynamics.jacobians(&xs, 1).unwrap();
    for t in [0, 1, 63, 64, 69] {
        let before = if t == 0 { start.clone() } else { states.index_first(t - 1) };
        let at = dynamics.jacobians_at(&xs.index_first(t), &before).unwrap();
        let difference = jacobians.matrices().index_first(t) - at.matrices().index_first(1);
        let largest = difference.iter().fold(0.0, |largest: f64, x| largest.max(x.abs()));
        assert!(largest < 1e-14, "{largest} at step {t}");
    }
}

#[test]
fn states_are_those_of_the_layer_s_own_run() {
    let mut rng = bptt_layers::rng(0);
    let lstm = Lstm::<f32>::new(&mut rng, 3, 4);
    let xs = Tensor::normal([6, 2, 3], 0.0, 1.0, &mut rng);
    let states = Dynamics::new(&lstm).states(&xs).unwrap();
    let tape = Tape::inference();
    let (_, (h, c)) = bptt_layers::Layer::forward(&lstm, tape.constant(xs));
    let last = states.index_first(5);
    assert_eq!(last.slice(1, 0..4), h.value());
    assert_eq!(last.slice(1, 4..8), c.value());
}

#[test]
fn a_layer_of_single_precision_has_those_of_its_weights_in_double_precision() {
    let mut rng = bptt_layers::rng(0);
    let single = Lstm::<f32>::new(&mut rng, 3, 4);
    let mut double = Lstm::<f64>::new(&mut rng, 3, 4);
    let values = single.parameters();
    let mut values = values.iter().map(|(_, param)| param.value().cast());
    double.for_each_parameter_mut(|_, param| param.set(values.next().unwrap()));
    let xs = Tensor::normal([5, 1, 3], 0.0, 1.0, &mut rng);
    let expected = Dynamics::new(&double).jacobians(&xs, 0).unwrap();
    let jacobians = Dynamics::new(&single).jacobians(&xs.cast(), 0).unwrap();
    for (value, expected) in jacobians.matrices().iter().zip(expected.matrices()) {
        assert_close(*value, *expected, 1e-6);
    }
}

#[test]
fn of_a_scaled_rotation_all_values_are_known() {
    let cell = autonomous(&rotation(0.9, 0.5), Activation::Identity);
    let jacobians = Dynamics::new(&cell).jacobians(&Tensor::zeros([3, 1, 1]), 0).unwrap();
    assert_eq!(jacobians.steps(), 3);
    for singular in &jacobians.singular_values().unwrap() {
        assert_close(*singular, 0.9, 1e-15);
    }
    for values in jacobians.eigenvalues().unwrap() {
        let [first, second] = values[..] else { panic!("two eigenvalues") };
        assert_close((first - second.conj()).norm(), 0.0, 1e-15);
        assert_close(first.norm(), 0.9, 1e-15);
        assert_close(first.arg(), 0.5, 1e-15);
    }
    assert_close(jacobians.spectral_radii().unwrap()[2], 0.9, 1e-15);
}

#[test]
fn a_diverging_run_is_an_error_that_names_the_step() {
    let dynamics = Dynamics::new(&Logistic { r: 4.0 }).start(&Tensor::from([[2.0]]));
    let error = dynamics.states(&Tensor::<f64>::zeros([30, 1, 1])).unwrap_err();
    let DynamicsError::NonFinite { index, .. } = error else { panic!("{error}") };
    assert_eq!(index, 8); // about 4 x² / 4 with 4 x = 8, 32, 1152, 1152², …, 1152^(2⁷) > 10³⁰⁸
    assert!(error.to_string().contains("after step 8 is not finite"), "{error}");
    let error = dynamics.jacobians(&Tensor::zeros([30, 1, 1]), 0).unwrap_err();
    assert!(matches!(error, DynamicsError::NonFinite { index: 8, .. }));
    let dynamics = Dynamics::new(&Logistic { r: 4.0 }).start(&Tensor::from([[0.2], [2.0]]));
    let error = dynamics.states(&Tensor::zeros([30, 2, 1])).unwrap_err();
    assert!(matches!(error, DynamicsError::NonFinite { index: 8, .. }), "{error}");
}

#[test]
#[should_panic(expected = "states of this layer are vectors [N, 8], not [1, 4]")]
fn a_state_of_another_size_is_refused() {
    let lstm = Lstm::<f32>::new(&mut bptt_layers::rng(0), 3, 4);
    let _ = Dynamics::new(&lstm).jacobians_at(&Tensor::zeros([1, 3]), &Tensor::zeros([1, 4]));
}

#[test]
#[should_panic(expected = "2 states need as many inputs, [2, I], not [1, 3]")]
fn fewer_inputs_than_states_are_refused() {
    let lstm = Lstm::<f32>::new(&mut bptt_layers::rng(0), 3, 4);
    let _ = Dynamics::new(&lstm).step(&Tensor::zeros([1, 3]), &Tensor::zeros([2, 8]));
}

#[test]
#[should_panic(expected = "there is no sequence 2 in a batch of 2")]
fn a_row_beyond_the_batch_is_refused() {
    let lstm = Lstm::<f32>::new(&mut bptt_layers::rng(0), 3, 4);
    let _ = Dynamics::new(&lstm).jacobians(&Tensor::zeros([5, 2, 3]), 2);
}

#[test]
#[should_panic(expected = "the layer has no state")]
fn a_layer_without_a_state_is_refused() {
    let _ = Dynamics::new(&Activation::<f64>::Tanh);
}

#[test]
#[should_panic(expected = "state.1 is [] for a batch of one")]
fn a_state_that_the_batch_shares_is_refused() {
    /// A cell that counts its steps.
    struct Counting;

    impl<T: Scalar> Cell<T> for Counting {
        type State<'t> = (Var<'t, T>, Var<'t, T>);

        fn step<'t>(
            &self,
            x: Var<'t, T>,
            (h, n): Self::State<'t>,
        ) -> (Var<'t, T>, Self::State<'t>) {
            (x, (h + x, n + 1.0))
        }
    }

    impl StateSizes for Counting {
        fn state_sizes(&self) -> Vec<usize> {
            vec![1, 1]
        }

        fn zero_state<'t, T: Scalar>(
            &self,
            tape: &'t Tape<T>,
            batch: usize,
        ) -> <Self as Cell<T>>::State<'t>
        where
            Self: Cell<T>,
        {
            let leaves = [Tensor::zeros([batch, 1]), Tensor::scalar(T::zero())];
            bptt_layers::State::from_values(tape, &leaves)
        }
    }

    let _ = Dynamics::<f64, _>::new(&Counting);
}

#[test]
fn of_no_steps_there_are_no_singular_values() {
    let lstm = Lstm::<f32>::new(&mut bptt_layers::rng(0), 3, 4);
    let jacobians = Dynamics::new(&lstm).jacobians(&Tensor::zeros([0, 1, 3]), 0).unwrap();
    assert_eq!(jacobians.singular_values().unwrap().shape(), &[0, 8]);
}

#[test]
#[should_panic(expected = "visited: a batch without sequences visits no states")]
fn a_batch_without_sequences_visits_nothing() {
    let lstm = Lstm::<f32>::new(&mut bptt_layers::rng(0), 3, 4);
    let xs = Tensor::zeros([2, 0, 3]);
    let _ = Dynamics::new(&lstm).visited(&xs, 1, 0.0, &mut bptt_layers::rng(0));
}
