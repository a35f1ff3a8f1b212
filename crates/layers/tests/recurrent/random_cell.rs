//! The cells, with random parameters.

use bptt_layers::{
    Activation, Brc, Clockwork, CoRnn, ConvLstm, CoupledLstm, DeltaNet, EchoState, Elman, ExpRnn,
    FullyRecurrent, Gru, HyperLstm, IndRnn, LayerNormGru, LayerNormLstm, LeakyIntegrateAndFire,
    LegendreMemory, Lem, Linear, LinearAttention, Lru, Lstm, Lstm1997, MLstm, MemoryBlocks, MinGru,
    MinLstm, MinimalGatedUnit, MultiHeadSelectiveScan, MultiplicativeLstm, Nbrc,
    NeuralTuringMachine, OutputToHidden, PeepholeLstm, PhasedLstm, ProjectedLstm, RecurrentHighway,
    Reset, Rwkv7, SLstm, SelectiveScan, Sru, StackRnn, Window,
};
use bptt_tensor::Tensor;

use super::{Above, Fixed, Random, Sizes, randomized};

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

pub(crate) fn recurrent_highway_uncoupled(rng: &mut Random, sizes: Sizes) -> RecurrentHighway<f64> {
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

fn heads(sizes: Sizes) -> usize {
    if sizes.hidden.is_multiple_of(2) { 2 } else { 1 }
}

pub(crate) fn m_lstm(rng: &mut Random, sizes: Sizes) -> MLstm<f64> {
    randomized(MLstm::new(rng, sizes.input, sizes.hidden, heads(sizes)), rng)
}

pub(crate) fn delta_net(rng: &mut Random, sizes: Sizes) -> DeltaNet<f64> {
    randomized(DeltaNet::new(rng, sizes.input, sizes.hidden, heads(sizes)), rng)
}

pub(crate) fn gated_delta_net(rng: &mut Random, sizes: Sizes) -> DeltaNet<f64> {
    randomized(DeltaNet::gated(rng, sizes.input, sizes.hidden, heads(sizes)), rng)
}

pub(crate) fn linear_attention(rng: &mut Random, sizes: Sizes) -> LinearAttention<f64> {
    randomized(LinearAttention::new(rng, sizes.input, sizes.hidden, heads(sizes)), rng)
}

pub(crate) fn selective_scan(rng: &mut Random, sizes: Sizes) -> SelectiveScan<f64> {
    randomized(SelectiveScan::new(rng, sizes.input, sizes.output, 2), rng)
}

pub(crate) fn multi_head_selective_scan(
    rng: &mut Random,
    sizes: Sizes,
) -> MultiHeadSelectiveScan<f64> {
    let Sizes { input, hidden, output, .. } = sizes;
    randomized(MultiHeadSelectiveScan::new(rng, input, hidden, heads(sizes), output), rng)
}

pub(crate) fn rwkv7(rng: &mut Random, sizes: Sizes) -> Rwkv7<f64> {
    randomized(Rwkv7::new(rng, sizes.input, sizes.hidden, heads(sizes)), rng)
}

pub(crate) fn clockwork(rng: &mut Random, sizes: Sizes) -> Clockwork<f64> {
    let periods: &[usize] = if sizes.hidden.is_multiple_of(2) { &[1, 2] } else { &[2] };
    randomized(Clockwork::new(rng, sizes.input, sizes.hidden, periods), rng)
}

pub(crate) fn integrate_and_fire(rng: &mut Random, sizes: Sizes) -> LeakyIntegrateAndFire<f64> {
    randomized(LeakyIntegrateAndFire::new(rng, sizes.input, sizes.hidden), rng)
}

/// The inputs are the pixels of a row.
pub(crate) fn conv_lstm(rng: &mut Random, sizes: Sizes) -> ConvLstm<f64> {
    randomized(ConvLstm::new(rng, [1, sizes.input], 1, 1, [1, 3]), rng)
}

pub(crate) fn stack_rnn(rng: &mut Random, sizes: Sizes) -> StackRnn<f64> {
    randomized(StackRnn::new(rng, sizes.input, sizes.hidden, [2, 3], 2), rng)
}

/// A machine whose outputs are as many as the hidden units of the other cells.
pub(crate) fn turing_machine(rng: &mut Random, sizes: Sizes) -> NeuralTuringMachine<f64> {
    randomized(NeuralTuringMachine::new(rng, sizes.input, sizes.hidden - 1, [4, 1]), rng)
}

/// The weights are fixed, so none has a gradient.
pub(crate) fn echo_state(rng: &mut Random, sizes: Sizes) -> Fixed<EchoState<f64>> {
    Fixed(randomized(EchoState::new(rng, sizes.input, sizes.hidden).leak(0.4), rng))
}

pub(crate) fn gru_above_lstm(rng: &mut Random, sizes: Sizes) -> Above<Lstm<f64>, Gru<f64>> {
    Above(lstm(rng, sizes), gru_before(rng, Sizes { input: sizes.hidden, ..sizes }))
}
