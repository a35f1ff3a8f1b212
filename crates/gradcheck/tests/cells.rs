//! Every cell of the library obeys every law.

extern crate bptt_layers as bptt; // derived code refers to this name

use bptt_autodiff::Var;
use bptt_gradcheck::{Check, Family, Law, Report, cell, html, oracle};
use bptt_layers::{
    Activation, Brc, Cell, Clockwork, CoRnn, ConvLstm, CoupledLstm, DeltaNet, EchoState, Elman,
    ExpRnn, FullyRecurrent, Gru, HyperLstm, IndRnn, LayerNormGru, LayerNormLstm,
    LeakyIntegrateAndFire, LegendreMemory, Lem, Linear, LinearAttention, Lru, Lstm, Lstm1997,
    MLstm, MemoryBlocks, MinGru, MinLstm, MinimalGatedUnit, Module, MultiHeadSelectiveScan,
    MultiplicativeLstm, Nbrc, NeuralTuringMachine, OutputToHidden, PeepholeLstm, PhasedLstm,
    ProjectedLstm, RecurrentHighway, Reset, Rwkv7, SLstm, SelectiveScan, Sru, StackRnn, StateSizes,
    Window,
};
use bptt_tensor::Tensor;

/// A user's cell that consists of two cells.
#[derive(Module)]
struct Above<T>(Lstm<T>, Gru<T>);

impl Cell<f64> for Above<f64> {
    type State<'t> = ((Var<'t, f64>, Var<'t, f64>), Var<'t, f64>);

    fn step<'t>(&self, x: Var<'t, f64>, state: Self::State<'t>) -> (Var<'t, f64>, Self::State<'t>) {
        (&self.0, &self.1).step(x, state)
    }
}

impl StateSizes for Above<f64> {
    fn state_sizes(&self) -> Vec<usize> {
        [self.0.state_sizes(), self.1.state_sizes()].concat()
    }
}

/// Cases for each law in the search for false alarms, and other ones than those of every day.
const MANY: u32 = 400;
const OTHERS: u64 = 0x5EED;

/// One row for each cell: its test, how it is made, and what else is said of it.
macro_rules! cells {
    ($($name:ident: |$rng:ident, $input:ident, $hidden:ident| $make:expr $(, $claim:ident($($argument:expr)?))*;)*) => {
        mod checks {
            use super::*;
            $(pub(super) fn $name() -> Check<impl Family> {
                cell(|$rng, $input, $hidden| $make).named(stringify!($name))$(.$claim($($argument)?))*
            })*
        }

        $(#[test]
        fn $name() {
            checks::$name().check();
        })*

        #[test]
        #[ignore = "minutes: cargo test --release -p bptt-gradcheck --test cells -- --ignored --nocapture"]
        fn no_false_alarm_in_many_cases() {
            let reports = [$(checks::$name().cases(MANY).seed(OTHERS).run()),*];
            let of_all_laws: u64 = reports.iter().map(Report::cases).sum();
            println!("{} cells of {MANY} cases; {of_all_laws} of all laws", reports.len());
            if let Some(folder) = std::env::var_os("GRADCHECK_REPORT") {
                let page = html("Every cell of the library", &reports);
                std::fs::create_dir_all(&folder).expect("a folder for the report");
                std::fs::write(std::path::Path::new(&folder).join("cells.html"), page).expect("it is saved");
            }
            let alarms: Vec<_> = reports.iter().filter(|report| !report.holds()).collect();
            for report in &alarms {
                println!("{report}");
            }
            assert!(alarms.is_empty(), "{} cells have false alarms", alarms.len());
        }
    };
}

cells! {
    elman: |rng, i, h| Elman::new(rng, i, h), exchangeable_units(), in_single_precision(Elman::new);
    elman_without_bias: |rng, i, h| Elman::new(rng, i, h).bias(false), exchangeable_units(), odd_symmetry();
    elman_sigmoid: |rng, i, h| Elman::new(rng, i, h).activation(Activation::Sigmoid);
    elman_relu: |rng, i, h| Elman::new(rng, i, h).activation(Activation::Relu);
    irnn: |rng, i, h| Elman::irnn(rng, i, h);
    elman_softplus_to_identity: |rng, i, h| Elman::new(rng, i, h).activation(Activation::Softplus).output(rng, 2, Activation::Identity);
    elman_to_softmax: |rng, i, h| Elman::new(rng, i, h).output(rng, 3, Activation::Softmax);
    elman_custom_to_sigmoid: |rng, i, h| Elman::new(rng, i, h).activation(Activation::Custom(|z| z.sin() + z * 0.1)).output(rng, 2, Activation::Sigmoid);
    elman_to_identity: |rng, i, h| Elman::new(rng, i, h).output(rng, 3, Activation::Identity), oracle(oracle::Elman);
    output_to_hidden: |rng, i, h| OutputToHidden::new(rng, i, h, 3);
    lstm: |rng, i, h| Lstm::new(rng, i, h), exchangeable_units(), oracle(oracle::Lstm), in_single_precision(Lstm::new);
    lstm_without_bias: |rng, i, h| Lstm::new(rng, i, h).bias(false);
    gru_after: |rng, i, h| Gru::new(rng, i, h), exchangeable_units();
    gru_before: |rng, i, h| Gru::new(rng, i, h).reset(Reset::Before), exchangeable_units();
    gru_without_bias: |rng, i, h| Gru::new(rng, i, h).bias(false);
    lstm_1997: |rng, i, h| Lstm1997::new(rng, i, h), exchangeable_units();
    memory_blocks: |rng, i, h| MemoryBlocks::new(rng, i, h, 2).gate_biases(-1.0, -2.0).cell_biases().output(Linear::new(rng, 2 * h, 2));
    memory_blocks_of_one_cell: |rng, i, h| MemoryBlocks::new(rng, i, h, 1);
    peephole_lstm: |rng, i, h| PeepholeLstm::new(rng, i, h), exchangeable_units();
    coupled_lstm: |rng, i, h| CoupledLstm::new(rng, i, h), exchangeable_units();
    layer_norm_gru: |rng, i, h| LayerNormGru::new(rng, i, h), exchangeable_units();
    layer_norm_lstm: |rng, i, h| LayerNormLstm::new(rng, i, h), exchangeable_units();
    layer_norm_peephole_lstm: |rng, i, h| LayerNormLstm::new(rng, i, h).peepholes(true), exchangeable_units();
    projected_lstm: |rng, i, h| ProjectedLstm::new(rng, i, h, 2);
    minimal_gated_unit: |rng, i, h| MinimalGatedUnit::new(rng, i, h), exchangeable_units();
    ind_rnn: |rng, i, h| IndRnn::new(rng, i, h), exchangeable_units();
    fully_recurrent: |rng, i, h| {
        let connections = Tensor::bernoulli([h, h], 0.6, rng);
        FullyRecurrent::new(rng, i, h).connections(&connections)
    };
    min_gru: |rng, i, h| MinGru::new(rng, i, h), exchangeable_units();
    min_lstm: |rng, i, h| MinLstm::new(rng, i, h), exchangeable_units();
    window: |rng, i, h| Window::new(rng, i, h, 3);
    echo_state: |rng, i, h| EchoState::new(rng, i, h).leak(0.4), frozen(|_| true);
    co_rnn: |rng, i, h| CoRnn::new(rng, i, h).time_step(0.4), exchangeable_units();
    lem: |rng, i, h| Lem::new(rng, i, h), exchangeable_units();
    sru: |rng, i, h| Sru::new(rng, i, h);
    recurrent_highway: |rng, i, h| RecurrentHighway::new(rng, i, h, 2), exchangeable_units();
    recurrent_highway_uncoupled: |rng, i, h| RecurrentHighway::uncoupled(rng, i, h, 2), exchangeable_units();
    multiplicative_lstm: |rng, i, h| MultiplicativeLstm::new(rng, i, h), exchangeable_units();
    brc: |rng, i, h| Brc::new(rng, i, h), exchangeable_units();
    nbrc: |rng, i, h| Nbrc::new(rng, i, h), exchangeable_units();
    hyper_lstm: |rng, i, h| HyperLstm::new(rng, i, h, 2, 2);
    legendre_memory: |rng, i, h| LegendreMemory::new(rng, i, h, 3, 4.0), exchangeable_units();
    exp_rnn: |rng, i, h| ExpRnn::new(rng, i, h);
    lru: |rng, i, h| Lru::new(rng, i, h), exchangeable_units();
    phased_lstm: |rng, i, h| PhasedLstm::new(rng, i - 1, h).periods(rng, 1.0, 3.0), frozen(|name| ["period", "phase", "open_share"].contains(&name));
    s_lstm: |rng, i, h| SLstm::new(rng, i, h, 1), exchangeable_units();
    s_lstm_of_heads: |rng, i, h| SLstm::new(rng, i, 2 * h, 2);
    m_lstm: |rng, i, h| MLstm::new(rng, i, 2 * h, 2);
    delta_net: |rng, i, h| DeltaNet::new(rng, i, 2 * h, 2);
    gated_delta_net: |rng, i, h| DeltaNet::gated(rng, i, 2 * h, 2);
    linear_attention: |rng, i, h| LinearAttention::new(rng, i, 2 * h, 2);
    selective_scan: |rng, i, h| SelectiveScan::new(rng, i, h, 2);
    multi_head_selective_scan: |rng, i, h| MultiHeadSelectiveScan::new(rng, i, 2 * h, 2, 2);
    rwkv7: |rng, i, h| Rwkv7::new(rng, i, 2 * h, 2);
    clockwork: |rng, i, h| Clockwork::new(rng, i, 2 * h, &[1, 2]);
    integrate_and_fire: |rng, i, h| LeakyIntegrateAndFire::new(rng, i, h), without(Law::BY_DIFFERENCES), exchangeable_units();
    conv_lstm: |rng, i, h| ConvLstm::new(rng, [1, i], 1, h, [1, 3]);
    stack_rnn: |rng, i, h| StackRnn::new(rng, i, h, [2, 3], 2);
    turing_machine: |rng, i, h| NeuralTuringMachine::new(rng, i, h, [3, 2]);
    without_a_state: |rng, i, h| Linear::new(rng, i, h), exchangeable_units();
    lstm_below_gru: |rng, i, h| Above(Lstm::new(rng, i, h), Gru::new(rng, h, h).reset(Reset::Before)), exchangeable_units();
}
