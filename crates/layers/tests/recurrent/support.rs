//! Helpers that the tests share: random cells of every kind, runs of them, and comparisons.

use std::fmt::Debug;

use bptt_autodiff::{Param, Tape, Tree, Var};
use bptt_layers::{Cell, Module, State, StateSizes, scan, unroll};
use bptt_tensor::{Shape, Tensor};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// A variable in double precision, as everything here.
pub(crate) type V<'t> = Var<'t, f64>;

pub(crate) type Random = bptt_layers::Xoshiro256PlusPlus;

pub(crate) fn random(seed: u64) -> Random {
    bptt_layers::rng(seed)
}

/// Returns a tensor of uniform numbers between −1 and 1.
pub(crate) fn uniform(shape: impl Into<Shape>, rng: &mut Random) -> Tensor<f64> {
    Tensor::uniform(shape, -1.0, 1.0, rng)
}

/// Returns the module with all parameters drawn anew, including biases, since a bias of zero hides faults.
pub(crate) fn randomized<M: Module<f64>>(mut module: M, rng: &mut Random) -> M {
    module.for_each_parameter_mut(|_, param| param.set(uniform(param.shape(), rng)));
    module
}

/// The value of the parameter of this name.
pub(crate) fn parameter(module: &impl Module<f64>, name: &str) -> Tensor<f64> {
    let parameters = module.parameters();
    let (_, param) = parameters.iter().find(|(known, _)| known == name).expect("a known name");
    param.value().clone()
}

/// Runs `test` on `cases` random cases, the same in every run, and panics with the simplest that
/// fails.
pub(crate) fn for_all<S: Strategy>(cases: u32, strategy: S, test: impl Fn(S::Value)) {
    for_all_dyn(cases, &strategy, &test);
}

/// The runner is not generic in the test, since one copy for each strategy takes long enough to compile.
fn for_all_dyn<S: Strategy>(cases: u32, strategy: &S, test: &dyn Fn(S::Value)) {
    let config = Config { failure_persistence: None, ..Config::with_cases(cases) };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let outcome = TestRunner::new_with_rng(config, rng).run(strategy, |case| {
        test(case);
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

/// The largest difference of two tensors of one shape, relative where they are above 1.
#[track_caller]
pub(crate) fn distance(left: &Tensor<f64>, right: &Tensor<f64>) -> f64 {
    assert_eq!(left.shape(), right.shape());
    let scale = right.as_slice().iter().fold(1.0, |scale: f64, y| scale.max(y.abs()));
    let differences = left.as_slice().iter().zip(right.as_slice()).map(|(x, y)| (x - y).abs());
    // a NaN counts as the largest distance
    differences.fold(0.0, |most: f64, d| if d <= most { most } else { d }) / scale
}

/// Checks that the tensors of two lists agree, each with its counterpart.
#[track_caller]
pub(crate) fn assert_near(left: &[Tensor<f64>], right: &[Tensor<f64>], tolerance: f64) {
    assert_eq!(left.len(), right.len());
    for (i, (left, right)) in left.iter().zip(right).enumerate() {
        let distance = distance(left, right);
        assert!(distance <= tolerance, "tensor {i}, off by {distance:e}: {left:?}, not {right:?}");
    }
}

/// Returns the sum of the outputs `y` and of `y²/2`, over all elements. The cotangent `1 + y` differs between elements
/// and depends on the outputs.
pub(crate) fn loss_of<'t>(outputs: &[V<'t>]) -> V<'t> {
    let terms = outputs.iter().map(|&y| (y * (y * 0.5 + 1.0)).sum_all());
    terms.reduce(|sum, term| sum + term).expect("there are outputs")
}

/// The results of a function of a model and inputs, and the gradients of its [`loss_of`].
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) values: Vec<Tensor<f64>>,
    pub(crate) gradients: Slopes,
}

/// Gradients with respect to inputs and, in order of declaration, parameters; zeros where the loss
/// does not depend on them.
#[derive(Debug)]
pub(crate) struct Slopes {
    pub(crate) inputs: Vec<Tensor<f64>>,
    pub(crate) parameters: Vec<Tensor<f64>>,
}

/// Computes a function's values and gradients.
pub(crate) fn run<M: Module<f64>>(
    model: &M,
    inputs: &[Tensor<f64>],
    f: impl for<'t> Fn(&M, &[V<'t>]) -> Vec<V<'t>>,
) -> Run {
    let tape = Tape::new();
    let x: Vec<_> = inputs.iter().map(|input| tape.constant(input.clone())).collect();
    Run {
        values: f(model, &x).iter().map(|y| y.value()).collect(),
        gradients: slopes(model, inputs, |model, x| loss_of(&f(model, x))),
    }
}

/// Computes the gradients of a loss.
pub(crate) fn slopes<M: Module<f64>>(
    model: &M,
    inputs: &[Tensor<f64>],
    loss: impl for<'t> Fn(&M, &[V<'t>]) -> V<'t>,
) -> Slopes {
    let tape = Tape::new();
    let inputs: Vec<_> = inputs.iter().cloned().map(Param::new).collect();
    let x: Vec<_> = inputs.iter().map(|input| tape.param(input)).collect();
    let gradients = tape.backward(loss(model, &x));
    let of = |param: &Param<f64>| match gradients.get(param) {
        Some(gradient) => gradient.clone(),
        None => Tensor::zeros(param.shape()),
    };
    Slopes {
        inputs: inputs.iter().map(of).collect(),
        parameters: model.parameters().into_iter().map(|(_, param)| of(param)).collect(),
    }
}

/// Runs a cell over the sequence `inputs[0]` from the state `inputs[1..]`. Returns the outputs and the last state.
pub(crate) fn unrolled<'t, C: Cell<f64>>(cell: &C, inputs: &[V<'t>]) -> Vec<V<'t>> {
    let (ys, state) = unroll(cell, inputs[0], State::from_leaves(&inputs[1..]));
    [vec![ys], state.leaves()].concat()
}

/// Runs a cell like [`unrolled`], with a step that is recorded once and replayed.
pub(crate) fn scanned<'t, C: Cell<f64>>(cell: &C, inputs: &[V<'t>]) -> Vec<V<'t>> {
    let (ys, state) = scan(cell, inputs[0], C::State::from_leaves(&inputs[1..]));
    std::iter::once(ys).chain(state.leaves()).collect()
}

/// Extents of a sequence and of the cell that reads it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    pub(crate) steps: usize,
    pub(crate) batch: usize,
    pub(crate) input: usize,
    pub(crate) hidden: usize,
    pub(crate) output: usize,
}

impl Sizes {
    /// A random sequence and a random state, as [`unrolled`] takes them.
    pub(crate) fn inputs(self, cell: &impl TestCell, rng: &mut Random) -> Vec<Tensor<f64>> {
        let mut inputs = vec![uniform([self.steps, self.batch, self.input], rng)];
        let states = cell.state_sizes().into_iter().map(|size| uniform([self.batch, size], rng));
        inputs.extend(states);
        inputs
    }
}

pub(crate) fn sizes() -> impl Strategy<Value = Sizes> {
    let extent = || 1..=4_usize;
    (select(vec![0, 1, 2, 5]), 1..=3_usize, extent(), extent(), extent()).prop_map(
        |(steps, batch, input, hidden, output)| Sizes { steps, batch, input, hidden, output },
    )
}

/// The traits of all tested cells.
pub(crate) trait TestCell: Cell<f64> + StateSizes + Module<f64> + Clone {}

impl<C: Cell<f64> + StateSizes + Module<f64> + Clone> TestCell for C {}

/// A cell without its parameters, as far as optimizers can see.
#[derive(Clone, Debug, Module)]
#[module(scalar = f64)]
pub(crate) struct Fixed<C>(#[module(skip)] pub(crate) C);

impl<C: Cell<f64>> Cell<f64> for Fixed<C> {
    type State<'t> = C::State<'t>;

    fn step<'t>(&self, x: V<'t>, state: Self::State<'t>) -> (V<'t>, Self::State<'t>) {
        self.0.step(x, state)
    }
}

impl<C: StateSizes> StateSizes for Fixed<C> {
    fn state_sizes(&self) -> Vec<usize> {
        self.0.state_sizes()
    }
}

/// A user's cell that consists of two cells. Its state is a tree of two levels.
#[derive(Clone, Debug, Module)]
#[module(scalar = f64)]
pub(crate) struct Above<A, B>(pub(crate) A, pub(crate) B);

impl<A: Cell<f64>, B: Cell<f64>> Cell<f64> for Above<A, B> {
    type State<'t> = (A::State<'t>, B::State<'t>);

    fn step<'t>(&self, x: V<'t>, state: Self::State<'t>) -> (V<'t>, Self::State<'t>) {
        (&self.0, &self.1).step(x, state)
    }
}

impl<A: StateSizes, B: StateSizes> StateSizes for Above<A, B> {
    fn state_sizes(&self) -> Vec<usize> {
        [self.0.state_sizes(), self.1.state_sizes()].concat()
    }
}

#[path = "random_cell.rs"]
pub(crate) mod random_cell;

/// Defines tests of every cell. `check(make, sizes, rng)` gets a function that makes a random one.
macro_rules! for_every_cell {
    ($check:ident, $cases:expr) => {
        for_every_cell!(
            $check, $cases, with m_lstm, delta_net, gated_delta_net, linear_attention,
            selective_scan, multi_head_selective_scan, rwkv7, conv_lstm, stack_rnn,
            turing_machine
        );
    };
    // the cells whose state consists of vectors, and some with matrices
    ($check:ident, $cases:expr, with $($matrices:ident),*) => {
        for_every_cell!(
            $check, $cases; elman, elman_sigmoid_without_bias, elman_softplus_to_identity,
            elman_to_softmax, elman_custom_to_sigmoid, output_to_hidden, lstm, lstm_without_bias,
            gru_after, gru_before, gru_without_bias, gru_above_lstm, lstm_1997, memory_blocks,
            memory_blocks_of_one_cell, peephole_lstm, coupled_lstm, layer_norm_gru, layer_norm_lstm,
            layer_norm_peephole_lstm, projected_lstm, minimal_gated_unit, ind_rnn, fully_recurrent,
            min_gru, min_lstm, window, echo_state, co_rnn, lem, sru, recurrent_highway,
            recurrent_highway_uncoupled, multiplicative_lstm, brc, nbrc, hyper_lstm,
            legendre_memory, exp_rnn, lru, phased_lstm, clockwork, integrate_and_fire, s_lstm, s_lstm_of_heads
            $(, $matrices)*
        );
    };
    ($check:ident, $cases:expr; $($cell:ident),*) => {
        mod $check {
            use proptest::prelude::any;

            use crate::support::{for_all, random, random_cell, sizes};

            $(
                #[test]
                fn $cell() {
                    for_all($cases, (sizes(), any::<u64>()), |(sizes, seed)| {
                        super::$check(random_cell::$cell, sizes, &mut random(seed));
                    });
                }
            )*
        }
    };
}
