//! Every cell as a layer, forward and backward, in single precision. Below the times is the rate of floating-point
//! operations in matrix products: 2·M·N·K for each product, and three times those of the forward pass for forward and
//! backward. (A reservoir has no gradient of weights, and computes two thirds of that.)

use bptt::prelude::*;
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};

fn main() {
    divan::main();
}

/// `[T, B, I, H]`
type Size = [usize; 4];

const LSTM_SIZES: [Size; 3] = [[100, 32, 256, 256], [50, 64, 1024, 1024], [100, 1, 4, 4]];

const CELL_SIZES: [Size; 1] = [[100, 32, 256, 256]];

/// Returns the operations of the products of one forward pass. Every weight matrix multiplies every step of every
/// sequence.
fn flops<L: Module<f32>>(layer: &L, [steps, batch, ..]: Size) -> usize {
    let matrices = layer.parameters().into_iter().filter(|(_, weight)| weight.shape().len() == 2);
    let weights: usize = matrices.map(|(_, weight)| weight.value().len()).sum();
    2 * steps * batch * weights
}

fn random() -> Xoshiro256PlusPlus {
    bptt::rng(0)
}

fn inputs([steps, batch, input, _]: Size) -> Tensor<f32> {
    Tensor::normal([steps, batch, input], 0.0, 1.0, &mut random())
}

fn forward_and_backward<L: Layer<f32> + Module<f32>>(
    bencher: Bencher<'_, '_>,
    size: Size,
    make: impl Fn(&mut Xoshiro256PlusPlus, usize, usize) -> L,
) {
    let forward = |layer: &L, tape: &Tape<f32>, xs: &Tensor<f32>| {
        let (ys, _) = layer.forward(tape.variable(xs.clone()));
        drop(tape.backward(ys.square().sum_all()));
    };
    measure(bencher, size, &make(&mut random(), size[2], size[3]), forward);
}

/// Forward and backward with the noise of training.
fn in_training<L: Layer<f32> + Module<f32>>(
    bencher: Bencher<'_, '_>,
    size: Size,
    make: impl Fn(&mut Xoshiro256PlusPlus, usize, usize) -> L,
) {
    let forward = |layer: &L, tape: &Tape<f32>, xs: &Tensor<f32>| {
        let recurrence = Recurrence::new(layer);
        let mut rng = random();
        let start = layer.start(tape, size[1]);
        let (ys, _) = recurrence.training(&mut rng).run(tape.variable(xs.clone()), start);
        drop(tape.backward(ys.square().sum_all()));
    };
    measure(bencher, size, &make(&mut random(), size[2], size[3]), forward);
}

fn measure<L: Module<f32>>(
    bencher: Bencher<'_, '_>,
    size: Size,
    layer: &L,
    gradients: impl Fn(&L, &Tape<f32>, &Tensor<f32>),
) {
    let xs = inputs(size);
    bencher
        .counter(ItemsCount::new(3 * flops(layer, size)))
        .bench_local(|| gradients(layer, &Tape::new(), &xs));
}

#[divan::bench(args = LSTM_SIZES, sample_count = 20)]
fn lstm_forward(bencher: Bencher<'_, '_>, size: Size) {
    let [_, _, input, hidden] = size;
    let (lstm, xs) = (Lstm::<f32>::new(&mut random(), input, hidden), inputs(size));
    bencher.counter(ItemsCount::new(flops(&lstm, size))).bench_local(|| {
        let tape = Tape::new();
        let (ys, _) = lstm.forward(tape.constant(xs.clone()));
        black_box(ys.value())
    });
}

#[divan::bench(args = LSTM_SIZES, sample_count = 20)]
fn lstm_forward_and_backward(bencher: Bencher<'_, '_>, size: Size) {
    forward_and_backward(bencher, size, Lstm::new);
}

/// Defines a benchmark of each cell, from an input size and a hidden size.
macro_rules! cells {
    ($($name:ident: $make:expr;)*) => {
        mod cells {
            use super::*;

            $(
                #[divan::bench(args = CELL_SIZES, sample_count = 20)]
                fn $name(bencher: Bencher<'_, '_>, size: Size) {
                    forward_and_backward(bencher, size, $make);
                }
            )*
        }
    };
}

cells! {
    brc: Brc::new;
    clockwork: |rng: &mut _, input, hidden| Clockwork::new(rng, input, hidden, &[1, 2, 4, 8]);
    co_rnn: CoRnn::new;
    coupled_lstm: CoupledLstm::new;
    delta_net: |rng: &mut _, input, hidden| DeltaNet::new(rng, input, hidden, hidden / 32);
    delta_net_gated: |rng: &mut _, input, hidden| {
        DeltaNet::gated(rng, input, hidden, hidden / 32)
    };
    echo_state: EchoState::new;
    elman: Elman::new;
    elman_with_output: |rng: &mut _, input, hidden| {
        Elman::new(rng, input, hidden).output(rng, hidden, Activation::Sigmoid)
    };
    exp_rnn: ExpRnn::new;
    fully_recurrent: FullyRecurrent::new;
    gru_reset_after: |rng: &mut _, input, hidden| Gru::new(rng, input, hidden);
    gru_reset_before: |rng: &mut _, input, hidden| Gru::new(rng, input, hidden).reset(Reset::Before);
    hyper_lstm: |rng: &mut _, input, hidden| HyperLstm::new(rng, input, hidden, hidden / 4, 16);
    ind_rnn: IndRnn::new;
    integrate_and_fire: LeakyIntegrateAndFire::new;
    irnn: Elman::irnn;
    layer_norm_gru: LayerNormGru::new;
    layer_norm_lstm: LayerNormLstm::new;
    layer_norm_peephole_lstm: |rng: &mut _, input, hidden| {
        LayerNormLstm::new(rng, input, hidden).peepholes(true)
    };
    legendre_memory: |rng: &mut _, input, hidden| {
        LegendreMemory::new(rng, input, hidden, hidden, 100.0)
    };
    lem: Lem::new;
    linear_attention: |rng: &mut _, input, hidden| {
        LinearAttention::new(rng, input, hidden, hidden / 32)
    };
    lru: Lru::new;
    lstm: Lstm::new;
    lstm_1997: Lstm1997::new;
    m_lstm: |rng: &mut _, input, hidden| MLstm::new(rng, input, hidden, hidden / 32);
    memory_blocks: |rng: &mut _, input, hidden| MemoryBlocks::new(rng, input, hidden / 4, 4);
    memory_blocks_truncated: |rng: &mut _, input, hidden| {
        MemoryBlocks::new(rng, input, hidden / 4, 4).truncated(true)
    };
    min_gru: MinGru::new;
    min_lstm: MinLstm::new;
    minimal_gated_unit: MinimalGatedUnit::new;
    multi_head_selective_scan: |rng: &mut _, input, hidden| {
        MultiHeadSelectiveScan::new(rng, input, hidden, hidden / 32, 16)
    };
    multiplicative_lstm: MultiplicativeLstm::new;
    nbrc: Nbrc::new;
    output_to_hidden: |rng: &mut _, input, hidden| {
        OutputToHidden::new(rng, input, hidden, hidden)
    };
    peephole_lstm: PeepholeLstm::new;
    phased_lstm: |rng: &mut _, input, hidden| PhasedLstm::new(rng, input - 1, hidden);
    projected_lstm: |rng: &mut _, input, hidden| {
        ProjectedLstm::new(rng, input, hidden, hidden / 2)
    };
    recurrent_highway: |rng: &mut _, input, hidden| RecurrentHighway::new(rng, input, hidden, 3);
    rwkv7: |rng: &mut _, input, hidden| Rwkv7::new(rng, input, hidden, hidden / 32);
    s_lstm: |rng: &mut _, input, hidden| SLstm::new(rng, input, hidden, 4);
    selective_scan: |rng: &mut _, input, _hidden| SelectiveScan::new(rng, input, 16, 8);
    sru: Sru::new;
    stack_rnn: |rng: &mut _, input, hidden| StackRnn::new(rng, input, hidden, [10, 50], 2);
    turing_machine: |rng: &mut _, input, hidden| {
        NeuralTuringMachine::new(rng, input, hidden, [128, 20])
    };
    window: |rng: &mut _, input, hidden| Window::new(rng, input, hidden, 4);
}

/// The LSTM with noise.
mod noise {
    use super::*;

    #[divan::bench(args = CELL_SIZES, sample_count = 20)]
    fn variational_dropout(bencher: Bencher<'_, '_>, size: Size) {
        in_training(bencher, size, |rng, input, hidden| {
            let [some, none] = [0.2, 0.0].map(Dropout::new);
            VariationalDropout::new(Lstm::new(rng, input, hidden), some, &[some, none])
        });
    }

    #[divan::bench(args = CELL_SIZES, sample_count = 20)]
    fn recurrent_dropout(bencher: Bencher<'_, '_>, size: Size) {
        in_training(bencher, size, |rng, input, hidden| {
            let [some, none] = [0.2, 0.0].map(Dropout::new);
            RecurrentDropout::new(Lstm::new(rng, input, hidden), &[none, some])
        });
    }

    #[divan::bench(args = CELL_SIZES, sample_count = 20)]
    fn weight_dropout(bencher: Bencher<'_, '_>, size: Size) {
        in_training(bencher, size, |rng, input, hidden| {
            WeightDropout::new(Lstm::new(rng, input, hidden), Dropout::new(0.5), &["w_hh"])
        });
    }

    #[divan::bench(args = CELL_SIZES, sample_count = 20)]
    fn zoneout(bencher: Bencher<'_, '_>, size: Size) {
        in_training(bencher, size, |rng, input, hidden| {
            Zoneout::new(Lstm::new(rng, input, hidden), &[0.1, 0.1])
        });
    }
}

/// All steps at once, without a loop.
#[divan::bench(args = CELL_SIZES, sample_count = 20)]
fn min_gru_in_parallel(bencher: Bencher<'_, '_>, size: Size) {
    let [_, batch, input, hidden] = size;
    measure(bencher, size, &MinGru::new(&mut random(), input, hidden), |cell, tape, xs| {
        let ys = cell.parallel(tape.variable(xs.clone()), cell.zero_state(tape, batch));
        drop(tape.backward(ys.square().sum_all()));
    });
}

/// Two LSTMs of 256 without and with a request for their probes: gates, candidate, cell and output of each layer.
mod probes {
    use super::*;

    const SIZE: Size = [64, 32, 256, 256];

    fn stack_of_lstms(bencher: Bencher<'_, '_>, is_probed: bool) {
        let (rng, [_, _, input, hidden]) = (&mut random(), SIZE);
        let stack =
            Stack::new(vec![Lstm::<f32>::new(rng, input, hidden), Lstm::new(rng, hidden, hidden)]);
        measure(bencher, SIZE, &stack, |stack, tape, xs| {
            let probes = is_probed.then(|| tape.probes());
            let (ys, _) = stack.forward(tape.variable(xs.clone()));
            drop(tape.backward(ys.square().sum_all()));
            drop(black_box(probes));
        });
    }

    #[divan::bench(sample_count = 50)]
    fn off(bencher: Bencher<'_, '_>) {
        stack_of_lstms(bencher, false);
    }

    #[divan::bench(sample_count = 50)]
    fn on(bencher: Bencher<'_, '_>) {
        stack_of_lstms(bencher, true);
    }
}

/// The construction of a stack of two LSTMs of 1024, with random weights or weights from memory.
mod construction {
    use super::*;
    use bptt::weights::{self, Archive};

    fn stack(rng: &mut Xoshiro256PlusPlus) -> Stack<Lstm<f32>> {
        Stack::new(vec![Lstm::new(rng, 1024, 1024), Lstm::new(rng, 1024, 1024)])
    }

    #[divan::bench(sample_count = 5)]
    fn drawn() -> Stack<Lstm<f32>> {
        stack(&mut random())
    }

    #[divan::bench(sample_count = 5)]
    fn loaded_over_what_was_drawn(bencher: Bencher<'_, '_>) {
        let archive = Archive::of(&stack(&mut random()));
        bencher.bench_local(|| {
            let mut model = stack(&mut random());
            archive.assign_to(&mut model).expect("its own weights");
            model
        });
    }

    #[divan::bench(sample_count = 5)]
    fn built_to_be_loaded(bencher: Bencher<'_, '_>) {
        let archive = Archive::of(&stack(&mut random()));
        bencher.bench_local(|| {
            weights::build(|| stack(&mut random()), |model| archive.assign_to(model))
                .expect("its own weights")
        });
    }
}
