//! The works: what one step of each computes.

mod matrices;

use bptt::prelude::*;

use crate::numbers::Numbers;

/// The results of a step, on which both sides must agree.
pub(crate) type Results = Vec<Tensor<f32>>;

/// One step of a work, with all that it needs.
pub(crate) type Step = Box<dyn FnMut() -> Results>;

/// Something that both sides compute.
#[derive(Debug)]
pub(crate) struct Work {
    /// The name of the work, on the command line and for the peers.
    pub(crate) name: &'static str,
    /// A description of the work, in one line.
    pub(crate) about: &'static str,
    /// The sizes of the work, which the peers receive.
    pub(crate) sizes: Sizes,
    /// Floating-point operations of a step, of matrix products alone.
    pub(crate) flops: fn(&Sizes) -> usize,
    /// A step on fresh weights.
    pub(crate) prepare: fn(Sizes) -> Step,
}

/// The sizes of a work.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sizes {
    /// `T`, `B`, `I` and `H`; with an embedding, `I` is its size.
    pub(crate) recurrence: [usize; 4],
    pub(crate) vocabulary: usize,
    pub(crate) layers: usize,
    pub(crate) heads: usize,
    /// The numbers that a channel keeps, or the entries of a memory.
    pub(crate) slots: usize,
    pub(crate) rank: usize,
}

impl Sizes {
    const fn of(recurrence: [usize; 4]) -> Self {
        Self { recurrence, vocabulary: 0, layers: 1, heads: 0, slots: 0, rank: 0 }
    }

    /// Returns each size with its name, as the peers take them.
    pub(crate) fn named(&self) -> [(&'static str, usize); 9] {
        let [steps, batch, input, hidden] = self.recurrence;
        [
            ("steps", steps),
            ("batch", batch),
            ("input", input),
            ("hidden", hidden),
            ("vocabulary", self.vocabulary),
            ("layers", self.layers),
            ("heads", self.heads),
            ("slots", self.slots),
            ("rank", self.rank),
        ]
    }

    /// Returns these sizes with some of them replaced.
    pub(crate) fn with(mut self, named: &[(String, usize)]) -> Self {
        for (name, size) in named {
            *match name.as_str() {
                "steps" => &mut self.recurrence[0],
                "batch" => &mut self.recurrence[1],
                "input" => &mut self.recurrence[2],
                "hidden" => &mut self.recurrence[3],
                "vocabulary" => &mut self.vocabulary,
                "layers" => &mut self.layers,
                "heads" => &mut self.heads,
                "slots" => &mut self.slots,
                "rank" => &mut self.rank,
                _ => unreachable!("`named` has these names"),
            } = *size;
        }
        self
    }

    /// Operations forward: a layer of so many gates multiplies inputs and states, `2 · rows · I · O`.
    fn forward_flops(&self, gates: usize) -> usize {
        let [steps, batch, input, hidden] = self.recurrence;
        let features = (input + hidden) + (self.layers - 1) * 2 * hidden;
        2 * steps * batch * hidden * (gates * features + self.vocabulary)
    }

    /// A sequence of inputs `[T, B, I]`.
    fn inputs(&self, numbers: &mut Numbers) -> Tensor<f32> {
        let [steps, batch, input, _] = self.recurrence;
        numbers.uniform(1.0, [steps, batch, input])
    }
}

/// All works.
pub(crate) fn works() -> impl Iterator<Item = &'static Work> {
    WORKS.iter().chain(&matrices::WORKS)
}

static WORKS: [Work; 9] = [
    Work {
        name: "char_lm",
        about: "a character language model, one LSTM of 256: a step of training with Adam",
        sizes: Sizes { vocabulary: 64, ..Sizes::of([100, 32, 64, 256]) },
        flops: |sizes| 3 * sizes.forward_flops(4),
        prepare: |sizes| training(sizes, Adam::new(2e-3), None),
    },
    Work {
        name: "lm_medium",
        about: "a word language model, two LSTMs of 650: a step of clipped gradient descent",
        sizes: Sizes { vocabulary: 10_000, layers: 2, ..Sizes::of([35, 20, 650, 650]) },
        flops: |sizes| 3 * sizes.forward_flops(4),
        prepare: |sizes| training(sizes, Sgd::new(0.1), Some(5.0)),
    },
    Work {
        name: "lstm_layer_forward",
        about: "an LSTM 1024 → 1024: outputs",
        sizes: Sizes::of([50, 64, 1024, 1024]),
        flops: |sizes| sizes.forward_flops(4),
        prepare: lstm_forward,
    },
    Work {
        name: "lstm_layer",
        about: "an LSTM 1024 → 1024: gradients of weights and inputs",
        sizes: Sizes::of([50, 64, 1024, 1024]),
        flops: |sizes| 3 * sizes.forward_flops(4),
        prepare: lstm_gradients,
    },
    Work {
        name: "lstm_4",
        about: "an LSTM 4 → 4 on one sequence: gradients of weights and inputs",
        sizes: Sizes::of([100, 1, 4, 4]),
        flops: |sizes| 3 * sizes.forward_flops(4),
        prepare: lstm_gradients,
    },
    Work {
        name: "lstm_1997",
        about: "a user's cell, the LSTM of 1997, 256 → 256: gradients of weights and inputs",
        sizes: Sizes::of([100, 32, 256, 256]),
        flops: |sizes| 3 * sizes.forward_flops(3),
        prepare: lstm_1997,
    },
    Work {
        name: "layer_norm_peephole",
        about: "a user's cell, layer-normalised with peepholes, 256 → 256: the same gradients",
        sizes: Sizes::of([100, 32, 256, 256]),
        flops: |sizes| 3 * sizes.forward_flops(4),
        prepare: layer_norm_peephole,
    },
    Work {
        name: "elman",
        about: "an Elman network 256 → 512: gradients of weights and inputs",
        sizes: Sizes::of([100, 32, 256, 512]),
        flops: |sizes| 3 * sizes.forward_flops(1),
        prepare: elman,
    },
    Work {
        name: "elman_small",
        about: "an Elman network 16 → 64 on one sequence of 1000: gradients of weights and inputs",
        sizes: Sizes::of([1000, 1, 16, 64]),
        flops: |sizes| 3 * sizes.forward_flops(1),
        prepare: elman,
    },
];

fn lstm(numbers: &mut Numbers, input: usize, hidden: usize) -> Lstm<f32> {
    let [w_ih, w_hh, b] = numbers.gates(4, input, hidden);
    Lstm { w_ih, w_hh, b: Some(b), ..Lstm::new(&mut bptt::rng(0), 0, 0) }
}

fn lstm_forward(sizes: Sizes) -> Step {
    let [_, _, input, hidden] = sizes.recurrence;
    let mut numbers = Numbers::default();
    let cell = lstm(&mut numbers, input, hidden);
    forward(cell, [sizes.inputs(&mut numbers)], |cell, [xs]| run(cell, xs))
}

/// Gradients for a given cotangent of the outputs.
fn lstm_gradients(sizes: Sizes) -> Step {
    let [steps, batch, input, hidden] = sizes.recurrence;
    let mut numbers = Numbers::default();
    let cell = lstm(&mut numbers, input, hidden);
    let xs = sizes.inputs(&mut numbers);
    let cotangent = numbers.uniform(1.0, [steps, batch, hidden]);
    gradients_of_cell(cell, xs, move |ys| (ys * &cotangent).sum_all())
}

fn lstm_1997(sizes: Sizes) -> Step {
    let [_, _, input, hidden] = sizes.recurrence;
    let mut numbers = Numbers::default();
    let [w_ih, w_hh, b] = numbers.gates(3, input, hidden);
    let cell = Lstm1997 { w_ih, w_hh, b: Some(b), ..Lstm1997::new(&mut bptt::rng(0), 0, 0) };
    gradients_of_cell(cell, sizes.inputs(&mut numbers), |ys| ys.square().sum_all())
}

fn layer_norm_peephole(sizes: Sizes) -> Step {
    let [_, _, input, hidden] = sizes.recurrence;
    let mut numbers = Numbers::default();
    let [w_ih, w_hh, b] = numbers.gates(4, input, hidden);
    let [p_i, p_f, p_o] = [(); 3].map(|()| numbers.param(hidden, [hidden]));
    let cell = LayerNormLstm {
        w_ih,
        w_hh,
        b,
        norm_ih: LayerNorm::new(4 * hidden),
        norm_hh: LayerNorm::new(4 * hidden),
        norm_c: LayerNorm::new(hidden),
        peepholes: Some(Peepholes { p_i, p_f, p_o }),
        ..LayerNormLstm::new(&mut bptt::rng(0), 0, 0)
    };
    gradients_of_cell(cell, sizes.inputs(&mut numbers), |ys| ys.square().sum_all())
}

fn elman(sizes: Sizes) -> Step {
    let [_, _, input, hidden] = sizes.recurrence;
    let mut numbers = Numbers::default();
    let mut cell = Elman::new(&mut bptt::rng(0), input, hidden);
    let [w_ih, w_hh, b] = numbers.gates(1, input, hidden);
    (cell.w_ih, cell.w_hh, cell.b) = (w_ih, w_hh, Some(b));
    gradients_of_cell(cell, sizes.inputs(&mut numbers), |ys| ys.square().sum_all())
}

/// The outputs of a cell, from a state of zeros.
fn run<'t, C: Cell<f32> + StateSizes>(cell: &C, xs: Var<'t, f32>) -> Var<'t, f32> {
    scan(cell, xs, cell.zero_state(xs.tape(), xs.shape()[1])).0
}

/// Gradients of a loss of the outputs, with respect to the cell's weights and the inputs.
fn gradients_of_cell<C>(
    cell: C,
    xs: Tensor<f32>,
    loss: impl for<'t> Fn(Var<'t, f32>) -> Var<'t, f32> + 'static,
) -> Step
where
    C: Cell<f32> + StateSizes + Module<f32> + 'static,
{
    gradients(cell, [xs], move |cell, [xs]| loss(run(cell, xs)))
}

/// Gradients of a loss, with respect to the weights and the inputs.
fn gradients<M: Module<f32> + 'static, const N: usize>(
    model: M,
    inputs: [Tensor<f32>; N],
    loss: impl for<'t> Fn(&M, [Var<'t, f32>; N]) -> Var<'t, f32> + 'static,
) -> Step {
    Box::new(move || {
        let tape = Tape::new();
        let inputs = inputs.each_ref().map(|input| tape.variable(input.clone()));
        let gradients = tape.backward(loss(&model, inputs));
        let mut results = inputs.map(|input| gradients.wrt(input).clone()).to_vec();
        model.for_each_parameter(|_, parameter| results.push(gradients[parameter].clone()));
        results
    })
}

/// The outputs alone, of which no gradient is asked.
fn forward<M: 'static, const N: usize>(
    model: M,
    inputs: [Tensor<f32>; N],
    outputs: impl for<'t> Fn(&M, [Var<'t, f32>; N]) -> Var<'t, f32> + 'static,
) -> Step {
    Box::new(move || {
        let tape = Tape::inference();
        let inputs = inputs.each_ref().map(|input| tape.constant(input.clone()));
        vec![outputs(&model, inputs).value()]
    })
}

#[derive(Debug, Module)]
#[module(scalar = f32)]
struct LanguageModel {
    embedding: Embedding<f32>,
    lstm: Stack<Lstm<f32>>,
    output: Linear<f32>,
}

impl LanguageModel {
    fn new(sizes: &Sizes, numbers: &mut Numbers) -> Self {
        let &Sizes { recurrence: [_, _, embedding, hidden], vocabulary, layers, .. } = sizes;
        let inputs = std::iter::once(embedding).chain(std::iter::repeat(hidden)).take(layers);
        Self {
            embedding: Embedding {
                table: numbers.param(hidden, [vocabulary, embedding]),
                padding: None,
            },
            lstm: Stack::new(inputs.map(|input| lstm(numbers, input, hidden)).collect()),
            output: Linear {
                w: numbers.param(hidden, [hidden, vocabulary]),
                b: Some(numbers.param(hidden, [vocabulary])),
            },
        }
    }
}

/// A step of training on one window of text, again and again, with the state carried along.
fn training(sizes: Sizes, mut optimizer: impl Optimizer<f32> + 'static, clip: Option<f64>) -> Step {
    let [steps, batch, ..] = sizes.recurrence;
    let mut numbers = Numbers::default();
    let mut model = LanguageModel::new(&sizes, &mut numbers);
    let [tokens, targets] = [(); 2].map(|()| numbers.tokens(sizes.vocabulary, steps * batch));
    let mut carried = CarriedState::new();
    Box::new(move || {
        let tape = Tape::new();
        let xs = model.embedding.forward(&tape, &tokens, [steps, batch]);
        let hs = carried.run(&model.lstm, xs);
        let loss = loss::cross_entropy(model.output.forward(hs), &targets).mean();
        let mut gradients = tape.backward(loss);
        if let Some(norm) = clip {
            clip_norm(&model, &mut gradients, norm).expect("so low a rate does not diverge");
        }
        let loss = loss.value();
        drop(tape); // a tape would hold the parameters, and updates would copy them
        optimizer.step(&mut model, &gradients);
        vec![loss]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocks::warm_up;
    use crate::figure;

    fn work(name: &str) -> &'static Work {
        works().find(|work| work.name == name).unwrap()
    }

    /// At sizes that take no time; the figures are those that `torch_peer.py` writes when called with
    /// `steps=5 batch=3 input=4 hidden=6 vocabulary=7 heads=2 slots=5 rank=2` and the work's `layers`.
    #[test]
    fn figures_are_those_of_pytorch() {
        for (name, expected) in [
            ("char_lm", 2.043_983),
            ("lm_medium", 1.884_485),
            ("lstm_layer_forward", 1.006_109),
            ("lstm_layer", 2.425_058),
            ("lstm_1997", 5.001_624),
            ("layer_norm_peephole", 53.438_37),
            ("elman", 16.963_34),
            ("m_lstm", 0.013_311_396),
            ("s_lstm", 0.038_470_923),
            ("delta_net", 0.044_271_55),
            ("selective_scan", 0.006_350_302_4),
            ("attention_lstm", 0.021_098_656),
        ] {
            let work = work(name);
            let layers = work.sizes.layers;
            let small = Sizes { vocabulary: 7, layers, ..Sizes::of([5, 3, 4, 6]) };
            let sizes = Sizes { heads: 2, slots: 5, rank: 2, ..small };
            let figure = figure(&warm_up(&mut (work.prepare)(sizes)));
            assert!((figure / expected - 1.0).abs() < 1e-5, "{name}: {figure}, not {expected}");
        }
    }

    #[test]
    fn sizes_are_replaced_by_name() {
        let names = Sizes::default().named().map(|(name, _)| name.to_owned());
        let named: Vec<_> = names.into_iter().zip(1..).collect();
        let Sizes { recurrence, vocabulary, layers, heads, slots, rank } =
            Sizes::default().with(&named);
        assert_eq!(recurrence, [1, 2, 3, 4]);
        assert_eq!([vocabulary, layers, heads, slots, rank], [5, 6, 7, 8, 9]);
    }

    #[test]
    fn flops_are_those_of_all_products() {
        let [rows, hidden, gates, classes] = [20 * 35, 650, 4 * 650, 10_000]; // Zaremba's medium
        let forward = 2 * rows * (2 * (hidden + hidden) * gates + hidden * classes);
        let work = work("lm_medium");
        assert_eq!((work.flops)(&work.sizes), 3 * forward);
    }
}
