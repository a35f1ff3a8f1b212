//! Published cells, forward and backward, with 128 inputs and features: by `scan` in single and double precision, and
//! by `unroll`.

use bptt::layers::unroll;
use bptt::prelude::*;
use divan::Bencher;

fn main() {
    divan::main();
}

const STEPS: usize = 100;
const BATCH: usize = 32;
const SIZE: usize = 128;
const HEADS: usize = 4;

/// The way of running a cell.
#[derive(Clone, Copy)]
enum Run {
    Scan,
    Unroll,
}

fn measure<T: Scalar, C: Cell<T> + StateSizes>(bencher: Bencher<'_, '_>, cell: &C, run: Run) {
    let xs = Tensor::normal([STEPS, BATCH, SIZE], 0.0, 1.0, &mut bptt::rng(1));
    bencher.bench_local(|| {
        let tape = Tape::new();
        let (xs, start) = (tape.variable(xs.clone()), cell.zero_state(&tape, BATCH));
        let (ys, _) = match run {
            Run::Scan => scan(cell, xs, start),
            Run::Unroll => unroll(cell, xs, start),
        };
        drop(tape.backward(ys.square().mean_all()));
    });
}

/// Benchmarks of cells that are made by `$new` from a generator.
macro_rules! cells {
    ($($name:ident: $cell:ident, |$rng:ident| $new:expr;)+) => {$(
        #[divan::bench_group(sample_count = 5, sample_size = 1)]
        mod $name {
            use super::*;

            fn cell<T: Scalar>() -> $cell<T> {
                let $rng = &mut bptt::rng(0);
                $new
            }

            #[divan::bench]
            fn by_scan(bencher: Bencher<'_, '_>) {
                measure(bencher, &cell::<f32>(), Run::Scan);
            }

            #[divan::bench]
            fn by_scan_in_f64(bencher: Bencher<'_, '_>) {
                measure(bencher, &cell::<f64>(), Run::Scan);
            }

            #[divan::bench]
            fn by_unroll(bencher: Bencher<'_, '_>) {
                measure(bencher, &cell::<f32>(), Run::Unroll);
            }
        }
    )+};
}

cells! {
    brc: Brc, |rng| Brc::new(rng, SIZE, SIZE);
    clockwork: Clockwork, |rng| Clockwork::new(rng, SIZE, SIZE, &[1, 2, 4, 8]);
    co_rnn: CoRnn, |rng| CoRnn::new(rng, SIZE, SIZE);
    conv_lstm: ConvLstm, |rng| ConvLstm::new(rng, [8, 8], 2, 4, [3, 3]);
    delta_net: DeltaNet, |rng| DeltaNet::new(rng, SIZE, SIZE, HEADS);
    exp_rnn: ExpRnn, |rng| ExpRnn::new(rng, SIZE, SIZE);
    hyper_lstm: HyperLstm, |rng| HyperLstm::new(rng, SIZE, SIZE, 32, 8);
    leaky_integrate_and_fire: LeakyIntegrateAndFire, |rng| LeakyIntegrateAndFire::new(rng, SIZE, SIZE);
    legendre_memory: LegendreMemory, |rng| LegendreMemory::new(rng, SIZE, SIZE, 32, 64.0);
    lem: Lem, |rng| Lem::new(rng, SIZE, SIZE);
    linear_attention: LinearAttention, |rng| LinearAttention::new(rng, SIZE, SIZE, HEADS);
    lru: Lru, |rng| Lru::new(rng, SIZE, SIZE);
    m_lstm: MLstm, |rng| MLstm::new(rng, SIZE, SIZE, HEADS);
    multi_head_selective_scan: MultiHeadSelectiveScan, |rng| MultiHeadSelectiveScan::new(rng, SIZE, SIZE, HEADS, 16);
    multiplicative_lstm: MultiplicativeLstm, |rng| MultiplicativeLstm::new(rng, SIZE, SIZE);
    nbrc: Nbrc, |rng| Nbrc::new(rng, SIZE, SIZE);
    neural_turing_machine: NeuralTuringMachine, |rng| NeuralTuringMachine::new(rng, SIZE, SIZE, [16, 20]);
    phased_lstm: PhasedLstm, |rng| PhasedLstm::new(rng, SIZE - 1, SIZE);
    recurrent_highway: RecurrentHighway, |rng| RecurrentHighway::new(rng, SIZE, SIZE, 3);
    rwkv7: Rwkv7, |rng| Rwkv7::new(rng, SIZE, SIZE, HEADS);
    s_lstm: SLstm, |rng| SLstm::new(rng, SIZE, SIZE, HEADS);
    selective_scan: SelectiveScan, |rng| SelectiveScan::new(rng, SIZE, 16, 8);
    sru: Sru, |rng| Sru::new(rng, SIZE, SIZE);
    stack_rnn: StackRnn, |rng| StackRnn::new(rng, SIZE, SIZE, [2, 10], 2);
}
