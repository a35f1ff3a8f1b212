//! The works whose states are matrices, or whose steps read a matrix. `peers/matrices.py` repeats
//! their weights.

use bptt::prelude::*;

use super::{Sizes, Step, Work, forward, gradients, run};
use crate::numbers::Numbers;

pub(super) static WORKS: [Work; 10] = [
    Work {
        name: "m_lstm_forward",
        about: "an mLSTM 128 → 4 heads of 32: outputs",
        sizes: HEADS,
        flops: m_lstm_flops,
        prepare: |sizes| m_lstm(sizes, Pass::Forward),
    },
    Work {
        name: "m_lstm",
        about: "an mLSTM 128 → 4 heads of 32: gradients of weights and inputs",
        sizes: HEADS,
        flops: |sizes| 3 * m_lstm_flops(sizes),
        prepare: |sizes| m_lstm(sizes, Pass::Gradients),
    },
    Work {
        name: "delta_net_forward",
        about: "a DeltaNet 128 → 4 heads of 32: outputs",
        sizes: HEADS,
        flops: delta_net_flops,
        prepare: |sizes| delta_net(sizes, Pass::Forward),
    },
    Work {
        name: "delta_net",
        about: "a DeltaNet 128 → 4 heads of 32: gradients of weights and inputs",
        sizes: HEADS,
        flops: |sizes| 3 * delta_net_flops(sizes),
        prepare: |sizes| delta_net(sizes, Pass::Gradients),
    },
    Work {
        name: "selective_scan_forward",
        about: "a selective scan behind a projection 128 → 256, of 16 numbers a channel: outputs",
        sizes: CHANNELS,
        flops: selective_scan_flops,
        prepare: |sizes| selective_scan(sizes, Pass::Forward),
    },
    Work {
        name: "selective_scan",
        about: "the selective scan behind a projection: gradients of weights and inputs",
        sizes: CHANNELS,
        flops: |sizes| 3 * selective_scan_flops(sizes),
        prepare: |sizes| selective_scan(sizes, Pass::Gradients),
    },
    Work {
        name: "attention_lstm_forward",
        about: "an LSTM 128 → 128 that attends to 20 entries in each step: outputs",
        sizes: MEMORY,
        flops: attention_lstm_flops,
        prepare: |sizes| attention_lstm(sizes, Pass::Forward),
    },
    Work {
        name: "attention_lstm",
        about: "the LSTM with attention: gradients of weights, inputs and memory",
        sizes: MEMORY,
        flops: |sizes| 3 * attention_lstm_flops(sizes),
        prepare: |sizes| attention_lstm(sizes, Pass::Gradients),
    },
    Work {
        name: "s_lstm_forward",
        about: "an sLSTM 128 → 256 of 4 heads: outputs",
        sizes: Sizes { heads: 4, ..Sizes::of([100, 32, 128, 256]) },
        flops: s_lstm_flops,
        prepare: |sizes| s_lstm(sizes, Pass::Forward),
    },
    Work {
        name: "s_lstm",
        about: "an sLSTM 128 → 256 of 4 heads: gradients of weights and inputs",
        sizes: Sizes { heads: 4, ..Sizes::of([100, 32, 128, 256]) },
        flops: |sizes| 3 * s_lstm_flops(sizes),
        prepare: |sizes| s_lstm(sizes, Pass::Gradients),
    },
];

const HEADS: Sizes = Sizes { heads: 4, ..Sizes::of([100, 32, 128, 128]) };
const CHANNELS: Sizes = Sizes { slots: 16, rank: 8, ..Sizes::of([100, 32, 128, 256]) };
const MEMORY: Sizes = Sizes { slots: 20, ..Sizes::of([100, 32, 128, 128]) };

/// Whether a step computes the outputs, or gradients of the mean of their squares.
#[derive(Clone, Copy, Debug)]
enum Pass {
    Forward,
    Gradients,
}

impl Pass {
    fn step<M: Module<f32> + 'static, const N: usize>(
        self,
        model: M,
        inputs: [Tensor<f32>; N],
        outputs: impl for<'t> Fn(&M, [Var<'t, f32>; N]) -> Var<'t, f32> + 'static,
    ) -> Step {
        match self {
            Self::Forward => forward(model, inputs, outputs),
            Self::Gradients => gradients(model, inputs, move |model, inputs| {
                outputs(model, inputs).square().mean_all()
            }),
        }
    }
}

impl Sizes {
    /// Draws a weight of one of these works.
    fn weight(&self, numbers: &mut Numbers, shape: impl Into<Shape>) -> Param<f32> {
        numbers.param(self.recurrence[3], shape)
    }

    /// Operations forward, if a step multiplies so many pairs of numbers for each sequence.
    fn flops_of(&self, pairs: usize) -> usize {
        let [steps, batch, ..] = self.recurrence;
        2 * steps * batch * pairs
    }
}

fn m_lstm_flops(sizes: &Sizes) -> usize {
    let &Sizes { recurrence: [_, _, input, hidden], heads, .. } = sizes;
    sizes.flops_of(input * (4 * hidden + 2 * heads) + 2 * hidden * hidden / heads)
}

fn m_lstm(sizes: Sizes, pass: Pass) -> Step {
    let Sizes { recurrence: [_, _, input, hidden], heads, .. } = sizes;
    let numbers = &mut Numbers::default();
    let cell = MLstm {
        w_ih: sizes.weight(numbers, [input, 4 * hidden]),
        w_ih_if: sizes.weight(numbers, [input, 2 * heads]),
        b: sizes.weight(numbers, [4 * hidden]),
        b_if: sizes.weight(numbers, [2 * heads]),
    };
    pass.step(cell, [sizes.inputs(numbers)], |cell, [xs]| run(cell, xs))
}

fn delta_net_flops(sizes: &Sizes) -> usize {
    let &Sizes { recurrence: [_, _, input, hidden], heads, .. } = sizes;
    sizes.flops_of(input * (3 * hidden + heads) + 3 * hidden * hidden / heads)
}

fn delta_net(sizes: Sizes, pass: Pass) -> Step {
    let Sizes { recurrence: [_, _, input, hidden], heads, .. } = sizes;
    let numbers = &mut Numbers::default();
    let cell = DeltaNet {
        w_ih: sizes.weight(numbers, [input, 3 * hidden]),
        w_i_beta: sizes.weight(numbers, [input, heads]),
        decay: None,
    };
    pass.step(cell, [sizes.inputs(numbers)], |cell, [xs]| run(cell, xs))
}

fn selective_scan_flops(sizes: &Sizes) -> usize {
    let &Sizes { recurrence: [_, _, input, channels], slots, rank, .. } = sizes;
    sizes.flops_of(channels * (input + 2 * rank + 2 * slots) + 2 * channels * slots)
}

/// `x' = silu(x W_in)` and the selective scan of it.
#[derive(Debug, Module)]
#[module(scalar = f32)]
struct ProjectedScan {
    w_in: Param<f32>,
    scan: SelectiveScan<f32>,
}

impl Cell<f32> for ProjectedScan {
    type State<'t> = Var<'t, f32>;

    fn step<'t>(&self, x: Var<'t, f32>, s: Var<'t, f32>) -> (Var<'t, f32>, Var<'t, f32>) {
        self.scan.step(Activation::Silu.apply(x.matmul(&self.w_in)), s)
    }
}

impl StateSizes for ProjectedScan {
    fn state_sizes(&self) -> Vec<usize> {
        self.scan.state_sizes()
    }
}

fn selective_scan(sizes: Sizes, pass: Pass) -> Step {
    let Sizes { recurrence: [_, _, input, channels], slots, rank, .. } = sizes;
    let numbers = &mut Numbers::default();
    let cell = ProjectedScan {
        w_in: sizes.weight(numbers, [input, channels]),
        scan: SelectiveScan {
            w_ir: sizes.weight(numbers, [channels, rank]),
            w_r_delta: sizes.weight(numbers, [rank, channels]),
            b_delta: sizes.weight(numbers, [channels]),
            w_ib: sizes.weight(numbers, [channels, slots]),
            w_ic: sizes.weight(numbers, [channels, slots]),
            a: sizes.weight(numbers, [channels, slots]),
            d: sizes.weight(numbers, [channels]),
        },
    };
    pass.step(cell, [sizes.inputs(numbers)], |cell, [xs]| run(cell, xs))
}

fn attention_lstm_flops(sizes: &Sizes) -> usize {
    let &Sizes { recurrence: [_, _, input, hidden], slots, .. } = sizes;
    sizes.flops_of(hidden * (4 * (input + 2 * hidden) + hidden + 2 * slots))
}

/// An LSTM whose step reads `[x, r₋]`, and then `r = softmax(h W_q Mᵀ / √H) M` from a memory `M`. The
/// output is `[h, r]`.
#[derive(Debug, Module)]
#[module(scalar = f32)]
struct AttentionLstm {
    lstm: Lstm<f32>,
    w_q: Param<f32>,
}

impl AttentionLstm {
    /// The outputs `[T, B, 2H]` for inputs `[T, B, I]` and a memory `[B, S, H]`.
    fn outputs<'t>(&self, [memory, xs]: [Var<'t, f32>; 2]) -> Var<'t, f32> {
        let [batch, slots, hidden] = memory.shape()[..] else { unreachable!("[B, S, H]") };
        let (tape, scale) = (xs.tape(), (hidden as f64).sqrt().recip());
        let zeros = tape.constant(Tensor::zeros([batch, hidden]));
        let step = |x: Var<'t, f32>, (h, c, r): (Var<'t, f32>, Var<'t, f32>, Var<'t, f32>)| {
            let (h, (_, c)) = self.lstm.step(Var::concat(&[x, r], -1), (h, c));
            let query = h.matmul(&self.w_q).reshape([batch, hidden, 1]);
            let scores = (memory.matmul(query) * scale).reshape([batch, 1, slots]);
            let r = scores.softmax(-1).matmul(memory).reshape([batch, hidden]);
            (Var::concat(&[h, r], -1), (h, c, r))
        };
        tape.scan(xs, (zeros, zeros, zeros)).run(step).outputs
    }
}

fn attention_lstm(sizes: Sizes, pass: Pass) -> Step {
    let Sizes { recurrence: [_, batch, input, hidden], slots, .. } = sizes;
    let numbers = &mut Numbers::default();
    let lstm = super::lstm(numbers, input + hidden, hidden);
    let model = AttentionLstm { lstm, w_q: sizes.weight(numbers, [hidden, hidden]) };
    let inputs = [numbers.uniform(1.0, [batch, slots, hidden]), sizes.inputs(numbers)];
    pass.step(model, inputs, AttentionLstm::outputs)
}

fn s_lstm_flops(sizes: &Sizes) -> usize {
    let &Sizes { recurrence: [_, _, input, hidden], heads, .. } = sizes;
    sizes.flops_of(4 * hidden * (input + hidden / heads))
}

fn s_lstm(sizes: Sizes, pass: Pass) -> Step {
    let Sizes { recurrence: [_, _, input, hidden], heads, .. } = sizes;
    let numbers = &mut Numbers::default();
    let mut cell = SLstm::new(&mut bptt::rng(0), input, hidden, heads);
    cell.w_ih = sizes.weight(numbers, [input, 4 * hidden]);
    cell.w_hh = sizes.weight(numbers, [heads, hidden / heads, 4 * hidden / heads]);
    cell.b = sizes.weight(numbers, [4 * hidden]);
    pass.step(cell, [sizes.inputs(numbers)], |cell, [xs]| run(cell, xs))
}
