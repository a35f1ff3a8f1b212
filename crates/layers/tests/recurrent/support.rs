//! Helpers that the tests share: random cells of every kind, runs of them, and comparisons.

use std::fmt::Debug;

use bptt_autodiff::{Param, Tape, Tree, Var};
use bptt_layers::{
    Activation, Brc, Cell, CoRnn, CoupledLstm, EchoState, Elman, ExpRnn, FullyRecurrent, Gru,
    HyperLstm, IndRnn, LayerNormGru, LayerNormLstm, LegendreMemory, Lem, Linear, Lru, Lstm,
    Lstm1997, MemoryBlocks, MinGru, MinLstm, MinimalGatedUnit, Module, MultiplicativeLstm, Nbrc,
    OutputToHidden, PeepholeLstm, PhasedLstm, ProjectedLstm, RecurrentHighway, Reset, SLstm, Sru,
    State, StateSizes, Window, scan, unroll,
};
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

/// The cells, with random parameters.
pub(crate) mod random_cell {
    use super::*;

    pub(crate) fn elman(rng: &mut Random, sizes: Sizes) -> Elman<f64> {
        randomized(Elman::new(rng, sizes.input, sizes.hidden), rng)
    }

    pub(crate) fn elman_sigmoid_without_bias(rng: &mut Random, sizes: Sizes) -> Elman<f64> {
        let cell = Elman::new(rng, sizes.input, sizes.hidden);
        randomized(cell.activation(Activation::Sigmoid).bias(false), rng)
    }

    pub(crate) fn elman_softplus_to_identity(rng: &mut Random, sizes: Sizes) -> Elman<f64> {
        let cell = Elman::new(rng, sizes.input, sizes.hidden).activation(Activation::Softplus);
        randomized(cell.output(rng, sizes.output, Activation::Identity), rng)
    }

    pub(crate) fn elman_to_softmax(rng: &mut Random, sizes: Sizes) -> Elman<f64> {
        let cell = Elman::new(rng, sizes.input, sizes.hidden);
        randomized(cell.output(rng, sizes.output, Activation::Softmax), rng)
    }

    pub(crate) fn elman_custom_to_sigmoid(rng: &mut Random, sizes: Sizes) -> Elman<f64> {
        let cell = Elman::new(rng, sizes.input, sizes.hidden);
        let cell = cell.activation(Activation::Custom(|z| z.sin() + z * 0.1));
        randomized(cell.output(rng, sizes.output, Activation::Sigmoid), rng)
    }

    pub(crate) fn output_to_hidden(rng: &mut Random, sizes: Sizes) -> OutputToHidden<f64> {
        randomized(OutputToHidden::new(rng, sizes.input, sizes.hidden, sizes.output), rng)
    }

    pub(crate) fn lstm(rng: &mut Random, sizes: Sizes) -> Lstm<f64> {
        randomized(Lstm::new(rng, sizes.input, sizes.hidden), rng)
    }

    pub(crate) fn lstm_without_bias(rng: &mut Random, sizes: Sizes) -> Lstm<f64> {
        randomized(Lstm::new(rng, sizes.input, sizes.hidden).bias(false), rng)
    }

    pub(crate) fn gru_after(rng: &mut Random, sizes: Sizes) -> Gru<f64> {
        randomized(Gru::new(rng, sizes.input, sizes.hidden), rng)
    }

    pub(crate) fn gru_before(rng: &mut Random, sizes: Sizes) -> Gru<f64> {
        randomized(Gru::new(rng, sizes.input, sizes.hidden).reset(Reset::Before), rng)
    }

    pub(crate) fn gru_without_bias(rng: &mut Random, sizes: Sizes) -> Gru<f64> {
        randomized(Gru::new(rng, sizes.input, sizes.hidden).bias(false), rng)
    }

    pub(crate) fn lstm_1997(rng: &mut Random, sizes: Sizes) -> Lstm1997<f64> {
        randomized(Lstm1997::new(rng, sizes.input, sizes.hidden), rng)
    }

    pub(crate) fn memory_blocks(rng: &mut Random, sizes: Sizes) -> MemoryBlocks<f64> {
        let cell = MemoryBlocks::new(rng, sizes.input, sizes.hidden, 2).gate_biases(-1.0, -2.0);
        let output = Linear::new(rng, 2 * sizes.hidden, sizes.output);
        randomized(cell.cell_biases().output(output), rng)
    }

    pub(crate) fn memory_blocks_of_one_cell(rng: &mut Random, sizes: Sizes) -> MemoryBlocks<f64> {
        randomized(MemoryBlocks::new(rng, sizes.input, sizes.hidden, 1), rng)
    }

    pub(crate) fn peephole_lstm(rng: &mut Random, sizes: Sizes) -> PeepholeLstm<f64> {
        randomized(PeepholeLstm::new(rng, sizes.input, sizes.hidden), rng)
    }

    pub(crate) fn coupled_lstm(rng: &mut Random, sizes: Sizes) -> CoupledLstm<f64> {
        randomized(CoupledLstm::new(rng, sizes.input, sizes.hidden), rng)
    }

    pub(crate) fn layer_norm_gru(rng: &mut Random, sizes: Sizes) -> LayerNormGru<f64> {
        randomized(LayerNormGru::new(rng, sizes.input, sizes.hidden), rng)
    }

    pub(crate) fn layer_norm_lstm(rng: &mut Random, sizes: Sizes) -> LayerNormLstm<f64> {
        randomized(LayerNormLstm::new(rng, sizes.input, sizes.hidden), rng)
    }

    pub(crate) fn layer_norm_peephole_lstm(rng: &mut Random, sizes: Sizes) -> LayerNormLstm<f64> {
        randomized(LayerNormLstm::new(rng, sizes.input, sizes.hidden).peepholes(true), rng)
    }

    pub(crate) fn projected_lstm(rng: &mut Random, sizes: Sizes) -> ProjectedLstm<f64> {
        randomized(ProjectedLstm::new(rng, sizes.input, sizes.hidden, sizes.output), rng)
    }

    pub(crate) fn minimal_gated_unit(rng: &mut Random, sizes: Sizes) -> MinimalGatedUnit<f64> {
        randomized(MinimalGatedUnit::new(rng, sizes.input, sizes.hidden), rng)
    }

    pub(crate) fn ind_rnn(rng: &mut Random, sizes: Sizes) -> IndRnn<f64> {
        let cell = IndRnn::new(rng, sizes.input, sizes.hidden).activation(Activation::Softplus);
        randomized(cell, rng)
    }

    pub(crate) fn fully_recurrent(rng: &mut Random, sizes: Sizes) -> FullyRecurrent<f64> {
        let cell = FullyRecurrent::new(rng, sizes.input, sizes.hidden);
        let [read, recurrent] =
            [cell.w_ih.shape(), cell.w_hh.shape()].map(|shape| Tensor::bernoulli(shape, 0.6, rng));
        randomized(cell.input_connections(&read).connections(&recurrent), rng)
    }

    pub(crate) fn min_gru(rng: &mut Random, sizes: Sizes) -> MinGru<f64> {
        randomized(MinGru::new(rng, sizes.input, sizes.hidden), rng)
    }

    pub(crate) fn min_lstm(rng: &mut Random, sizes: Sizes) -> MinLstm<f64> {
        randomized(MinLstm::new(rng, sizes.input, sizes.hidden), rng)
    }

    pub(crate) fn window(rng: &mut Random, sizes: Sizes) -> Window<f64> {
        randomized(Window::new(rng, sizes.input, sizes.hidden, sizes.output + 1), rng)
    }

    pub(crate) fn co_rnn(rng: &mut Random, sizes: Sizes) -> CoRnn<f64> {
        let cell = CoRnn::new(rng, sizes.input, sizes.hidden).time_step(0.4).damping(0.3);
        randomized(cell, rng)
    }

    pub(crate) fn lem(rng: &mut Random, sizes: Sizes) -> Lem<f64> {
        randomized(Lem::new(rng, sizes.input, sizes.hidden).time_step(0.7), rng)
    }

    pub(crate) fn sru(rng: &mut Random, sizes: Sizes) -> Sru<f64> {
        randomized(Sru::new(rng, sizes.input, sizes.hidden), rng)
    }

    pub(crate) fn recurrent_highway(rng: &mut Random, sizes: Sizes) -> RecurrentHighway<f64> {
        randomized(RecurrentHighway::new(rng, sizes.input, sizes.hidden, sizes.output), rng)
    }

    pub(crate) fn recurrent_highway_uncoupled(
        rng: &mut Random,
        sizes: Sizes,
    ) -> RecurrentHighway<f64> {
        randomized(RecurrentHighway::uncoupled(rng, sizes.input, sizes.hidden, 2), rng)
    }

    pub(crate) fn multiplicative_lstm(rng: &mut Random, sizes: Sizes) -> MultiplicativeLstm<f64> {
        randomized(MultiplicativeLstm::new(rng, sizes.input, sizes.hidden), rng)
    }

    pub(crate) fn brc(rng: &mut Random, sizes: Sizes) -> Brc<f64> {
        randomized(Brc::new(rng, sizes.input, sizes.hidden), rng)
    }

    pub(crate) fn nbrc(rng: &mut Random, sizes: Sizes) -> Nbrc<f64> {
        randomized(Nbrc::new(rng, sizes.input, sizes.hidden), rng)
    }

    pub(crate) fn hyper_lstm(rng: &mut Random, sizes: Sizes) -> HyperLstm<f64> {
        let Sizes { input, hidden, output, .. } = sizes;
        randomized(HyperLstm::new(rng, input, hidden, output, 2).epsilon(0.5), rng)
    }

    pub(crate) fn legendre_memory(rng: &mut Random, sizes: Sizes) -> LegendreMemory<f64> {
        let cell = LegendreMemory::new(rng, sizes.input, sizes.hidden, sizes.output, 3.0);
        randomized(cell, rng)
    }

    pub(crate) fn exp_rnn(rng: &mut Random, sizes: Sizes) -> ExpRnn<f64> {
        let mut cell = randomized(ExpRnn::new(rng, sizes.input, sizes.hidden), rng);
        cell.b.set(cell.b.value() * 0.1); // lower biases would silence units
        cell
    }

    pub(crate) fn lru(rng: &mut Random, sizes: Sizes) -> Lru<f64> {
        randomized(Lru::new(rng, sizes.input, sizes.hidden), rng)
    }

    /// The last input is the time. The periods are longer than a time.
    pub(crate) fn phased_lstm(rng: &mut Random, sizes: Sizes) -> PhasedLstm<f64> {
        let mut cell = randomized(PhasedLstm::new(rng, sizes.input - 1, sizes.hidden), rng);
        cell.period.set(cell.period.value().map(|period| 2.0 + period));
        cell.open_share.set(cell.open_share.value().map(|share| 0.6 + 0.3 * share));
        cell.leak(0.25)
    }

    pub(crate) fn s_lstm(rng: &mut Random, sizes: Sizes) -> SLstm<f64> {
        randomized(SLstm::new(rng, sizes.input, sizes.hidden, 1), rng)
    }

    pub(crate) fn s_lstm_of_heads(rng: &mut Random, sizes: Sizes) -> SLstm<f64> {
        let heads = if sizes.hidden.is_multiple_of(2) { sizes.hidden / 2 } else { sizes.hidden };
        randomized(SLstm::new(rng, sizes.input, sizes.hidden, heads), rng)
    }

    /// The weights are fixed, so none has a gradient.
    pub(crate) fn echo_state(rng: &mut Random, sizes: Sizes) -> Fixed<EchoState<f64>> {
        Fixed(randomized(EchoState::new(rng, sizes.input, sizes.hidden).leak(0.4), rng))
    }

    pub(crate) fn gru_above_lstm(rng: &mut Random, sizes: Sizes) -> Above<Lstm<f64>, Gru<f64>> {
        Above(lstm(rng, sizes), gru_before(rng, Sizes { input: sizes.hidden, ..sizes }))
    }
}

/// Defines tests of every cell. `check(make, sizes, rng)` gets a function that makes a random one.
macro_rules! for_every_cell {
    ($check:ident, $cases:expr) => {
        for_every_cell!(
            $check, $cases; elman, elman_sigmoid_without_bias, elman_softplus_to_identity,
            elman_to_softmax, elman_custom_to_sigmoid, output_to_hidden, lstm, lstm_without_bias,
            gru_after, gru_before, gru_without_bias, gru_above_lstm, lstm_1997, memory_blocks,
            memory_blocks_of_one_cell, peephole_lstm, coupled_lstm, layer_norm_gru, layer_norm_lstm,
            layer_norm_peephole_lstm, projected_lstm, minimal_gated_unit, ind_rnn, fully_recurrent,
            min_gru, min_lstm, window, echo_state, co_rnn, lem, sru, recurrent_highway,
            recurrent_highway_uncoupled, multiplicative_lstm, brc, nbrc, hyper_lstm,
            legendre_memory, exp_rnn, lru, phased_lstm, s_lstm, s_lstm_of_heads
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
