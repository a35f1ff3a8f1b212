//! All cells of the library, exported, with inputs and the library's outputs.

use bptt_autodiff::{Param, Tape, Var};
use bptt_layers::*;
use bptt_tensor::Tensor;

use crate::exported::{Exported, of_layer};

fn exported<L: Layer<f32> + Module<f32>>(name: &'static str, layer: &L) -> Exported {
    of_layer(name, layer, INPUTS, false, |it| it)
}

/// `y_t = (x_t − mean(x)) ⊙ w + x_T`, with the mean over steps and sequences: values that depend on both open numbers.
#[derive(Module)]
#[module(scalar = f32)]
struct Centred {
    w: Param<f32>,
}

impl Layer<f32> for Centred {
    type State<'t> = ();

    fn start(&self, _: &Tape<f32>, _: usize) {}

    fn run<'t>(
        &self,
        xs: Var<'t, f32>,
        (): (),
        _: RunOptions<'_, f32>,
    ) -> (Var<'t, f32>, Self::State<'t>) {
        let last = xs.index_first(xs.shape()[0] - 1);
        ((xs - xs.mean(&[0, 1])) * &self.w + last, ())
    }
}

/// The input size of all layers.
pub(crate) const INPUTS: usize = 3;

macro_rules! cells {
    ($($name:ident: |$rng:ident, $i:ident, $h:ident| $make:expr;)*) => {
        /// All cells of the library, and layers made of them.
        pub(crate) fn all() -> Vec<Exported> {
            vec![$({
                let $rng = &mut bptt_layers::rng(1);
                let [$i, $h] = [INPUTS, 4];
                let layer = $make;
                let _ = ($i, $h);
                exported(stringify!($name), &layer)
            }),*]
        }
    };
}

cells! {
    elman: |rng, i, h| Elman::new(rng, i, h);
    elman_to_softmax: |rng, i, h| Elman::new(rng, i, h).output(rng, 3, Activation::Softmax);
    elman_custom: |rng, i, h| Elman::new(rng, i, h).activation(Activation::Custom(|z| z.sin() + z * 0.1)).output(rng, 2, Activation::Sigmoid);
    output_to_hidden: |rng, i, h| OutputToHidden::new(rng, i, h, 3);
    lstm: |rng, i, h| Lstm::new(rng, i, h);
    gru: |rng, i, h| Gru::new(rng, i, h);
    gru_before: |rng, i, h| Gru::new(rng, i, h).reset(Reset::Before);
    lstm_1997: |rng, i, h| Lstm1997::new(rng, i, h);
    memory_blocks: |rng, i, h| MemoryBlocks::new(rng, i, h, 2).gate_biases(-1.0, -2.0).cell_biases().output(Linear::new(rng, 2 * h, 2));
    peephole_lstm: |rng, i, h| PeepholeLstm::new(rng, i, h);
    coupled_lstm: |rng, i, h| CoupledLstm::new(rng, i, h);
    layer_norm_gru: |rng, i, h| LayerNormGru::new(rng, i, h);
    layer_norm_lstm: |rng, i, h| LayerNormLstm::new(rng, i, h).peepholes(true);
    projected_lstm: |rng, i, h| ProjectedLstm::new(rng, i, h, 2);
    minimal_gated_unit: |rng, i, h| MinimalGatedUnit::new(rng, i, h);
    ind_rnn: |rng, i, h| IndRnn::new(rng, i, h);
    min_gru: |rng, i, h| MinGru::new(rng, i, h);
    min_lstm: |rng, i, h| MinLstm::new(rng, i, h);
    window: |rng, i, h| Window::new(rng, i, h, 3);
    echo_state: |rng, i, h| EchoState::new(rng, i, h).leak(0.4);
    co_rnn: |rng, i, h| CoRnn::new(rng, i, h).time_step(0.4);
    lem: |rng, i, h| Lem::new(rng, i, h);
    sru: |rng, i, h| Sru::new(rng, i, h);
    recurrent_highway: |rng, i, h| RecurrentHighway::new(rng, i, h, 2);
    multiplicative_lstm: |rng, i, h| MultiplicativeLstm::new(rng, i, h);
    brc: |rng, i, h| Brc::new(rng, i, h);
    nbrc: |rng, i, h| Nbrc::new(rng, i, h);
    hyper_lstm: |rng, i, h| HyperLstm::new(rng, i, h, 2, 2);
    legendre_memory: |rng, i, h| LegendreMemory::new(rng, i, h, 3, 4.0);
    exp_rnn: |rng, i, h| ExpRnn::new(rng, i, h);
    lru: |rng, i, h| Lru::new(rng, i, h);
    phased_lstm: |rng, i, h| PhasedLstm::new(rng, i - 1, h).periods(rng, 1.0, 3.0);
    s_lstm: |rng, i, h| SLstm::new(rng, i, h, 2);
    m_lstm: |rng, i, h| MLstm::new(rng, i, h, 2);
    delta_net: |rng, i, h| DeltaNet::new(rng, i, h, 2);
    linear_attention: |rng, i, h| LinearAttention::new(rng, i, h, 2);
    selective_scan: |rng, i, h| SelectiveScan::new(rng, i, h, 2);
    multi_head_selective_scan: |rng, i, h| MultiHeadSelectiveScan::new(rng, i, h, 2, 2);
    rwkv7: |rng, i, h| Rwkv7::new(rng, i, h, 2);
    clockwork: |rng, i, h| Clockwork::new(rng, i, h, &[1, 2]);
    integrate_and_fire: |rng, i, h| LeakyIntegrateAndFire::new(rng, i, h);
    conv_lstm: |rng, i, h| ConvLstm::new(rng, [1, i], 1, h, [1, 3]);
    stack_rnn: |rng, i, h| StackRnn::new(rng, i, h, [2, 3], 2);
    turing_machine: |rng, i, h| NeuralTuringMachine::new(rng, i, h, [3, 2]);
    centred: |rng, i, h| Centred { w: Param::new(Tensor::normal([i], 0.0, 1.0, rng)) };
    fully_recurrent: |rng, i, h| FullyRecurrent::new(rng, i, h);
    linear: |rng, i, h| Linear::new(rng, i, h);
    layer_norm: |rng, i, h| (Linear::new(rng, i, h), LayerNorm::new(h));
    learned_start: |rng, i, h| LearnedStart::new(Lstm::new(rng, i, h)).start_init(rng, Init::Gaussian { mean: 0.0, std: 1.0 });
    zoneout: |rng, i, h| Zoneout::new(Lstm::new(rng, i, h), &[0.3, 0.1]);
    variational_dropout: |rng, i, h| VariationalDropout::new(Gru::new(rng, i, h), Dropout::new(0.3), &[Dropout::new(0.2)]);
    recurrent_dropout: |rng, i, h| RecurrentDropout::new(Gru::new(rng, i, h), &[Dropout::new(0.2)]);
    weight_dropout: |rng, i, h| WeightDropout::new::<f32>(Lstm::new(rng, i, h), Dropout::new(0.3), &["w_hh"]);
    residual: |rng, i, h| Residual::new(Stack::new(vec![Gru::new(rng, i, h), Gru::new(rng, h, i)]).dropout(Dropout::new(0.1)));
    boxed: |rng, i, h| BoxedLayer::new((Gru::new(rng, i, h), Elman::new(rng, h, h)));
    lstm_below_gru: |rng, i, h| (Lstm::new(rng, i, h), Gru::new(rng, h, h));
    bidirectional: |rng, i, h| Bidirectional::new(Gru::new(rng, i, h), Gru::new(rng, i, h));
}
