//! Cells whose state is linear, step by step and by chunks of steps, forward and backward, in single precision.

use std::fmt;

use bptt::prelude::*;
use divan::Bencher;

fn main() {
    divan::main();
}

const BATCH: usize = 32;

/// How a sequence is run.
#[derive(Clone, Copy)]
enum Form {
    Scan,
    Chunks(usize),
}

/// A sequence, and a cell with as many inputs as features.
#[derive(Clone, Copy)]
struct Case {
    steps: usize,
    heads: usize,
    head_size: usize,
    form: Form,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { steps, heads, head_size, form } = self;
        write!(f, "{steps} steps, {heads} heads of {head_size}, ")?;
        match form {
            Form::Scan => write!(f, "scan"),
            Form::Chunks(size) => write!(f, "chunks of {size}"),
        }
    }
}

fn cases() -> Vec<Case> {
    let forms = [Form::Scan].into_iter().chain([16, 32, 64].map(Form::Chunks));
    let mut cases = Vec::new();
    for (steps, head_size) in [(100, 32), (100, 64), (1000, 32), (1000, 64)] {
        cases.extend(forms.clone().map(|form| Case { steps, heads: 4, head_size, form }));
    }
    cases
}

fn measure<C: ChunkwiseCell<f32> + StateSizes>(
    bencher: Bencher<'_, '_>,
    case: Case,
    make: impl Fn(&mut Xoshiro256PlusPlus, usize, usize) -> C,
) {
    let (rng, features) = (&mut bptt::rng(0), case.heads * case.head_size);
    let cell = make(rng, features, case.heads);
    let xs = Tensor::normal([case.steps, BATCH, features], 0.0, 1.0, rng);
    bencher.bench_local(|| {
        let tape = Tape::new();
        let (xs, start) = (tape.variable(xs.clone()), cell.zero_state(&tape, BATCH));
        let (ys, _) = match case.form {
            Form::Scan => scan(&cell, xs, start),
            Form::Chunks(size) => cell.chunks_of(size, xs, start),
        };
        drop(tape.backward(ys.square().sum_all()));
    });
}

macro_rules! cells {
    ($($name:ident: $make:expr;)*) => {
        $(
            #[divan::bench(args = cases(), sample_count = 5)]
            fn $name(bencher: Bencher<'_, '_>, case: Case) {
                measure(bencher, case, $make);
            }
        )*
    };
}

cells! {
    delta_net: |rng, size, heads| DeltaNet::new(rng, size, size, heads);
    delta_net_gated: |rng, size, heads| DeltaNet::gated(rng, size, size, heads);
    linear_attention: |rng, size, heads| LinearAttention::new(rng, size, size, heads);
    m_lstm: |rng, size, heads| MLstm::new(rng, size, size, heads);
    multi_head_selective_scan: |rng, size, heads| {
        MultiHeadSelectiveScan::new(rng, size, size, heads, 16)
    };
    rwkv7: |rng, size, heads| Rwkv7::new(rng, size, size, heads);
}
