//! Models with lengths, symbols, attention and several open numbers of steps, and the operators `LSTM`, `GRU` and `RNN`.

use bptt_autodiff::{Param, Var};
use bptt_layers::*;
use bptt_onnx::{Dim, FunctionExport};
use bptt_tensor::{Shape, Tensor};
use rand::RngExt as _;

use crate::cells::INPUTS;
use crate::exported::{Data, Exported, of_function, of_layer};

pub(crate) fn all() -> Vec<Exported> {
    let rng = &mut rng(1);
    let mut all = with_lengths(rng);
    all.extend(standard(rng));
    all.extend([tagger(rng), translator(rng, true), translator(rng, false), spotter(rng)]);
    all.extend([convolutions(rng), images(rng), outputs(rng), symbols_alone(rng)]);
    all.extend([false, true].map(|is_standard| batch_first(rng, is_standard)));
    all.extend([clock(rng), nested(rng)]);
    all
}

fn with_lengths(rng: &mut Xoshiro256PlusPlus) -> Vec<Exported> {
    let lstm = Lstm::new(rng, INPUTS, 4);
    let both = Bidirectional::new(Gru::new(rng, INPUTS, 4), Gru::new(rng, INPUTS, 4));
    let deep = Stack::new(vec![Lstm::new(rng, INPUTS, 4), Lstm::new(rng, 4, 4)]);
    let residual = Residual::new(Gru::new(rng, INPUTS, INPUTS));
    let rwkv7 = Rwkv7::new(rng, INPUTS, 4, 2);
    let min_gru = MinGru::new(rng, INPUTS, 4);
    vec![
        of_layer("lstm_lengths", &lstm, INPUTS, true, |it| it),
        of_layer("bidirectional_lengths", &both, INPUTS, true, |it| it),
        of_layer("stack_lengths", &deep, INPUTS, true, |it| it),
        of_layer("residual_lengths", &residual, INPUTS, true, |it| it),
        of_layer("rwkv7_lengths", &rwkv7, INPUTS, true, |it| it),
        of_layer("min_gru_lengths", &min_gru, INPUTS, true, |it| it),
    ]
}

/// Recurrences that become operators of ONNX.
fn standard(rng: &mut Xoshiro256PlusPlus) -> Vec<Exported> {
    let biases = Init::Gaussian { mean: 0.0, std: 0.5 };
    let lstm = Lstm::new(rng, INPUTS, 4).bias_init(rng, biases);
    let gru = Gru::new(rng, INPUTS, 4).bias_init(rng, biases);
    let elman = Elman::new(rng, INPUTS, 4).bias_init(rng, biases);
    let deep = (Gru::new(rng, INPUTS, 4), Lstm::new(rng, 4, 5));
    let both = Bidirectional::new(deep, Elman::new(rng, INPUTS, 4));
    let without = Lstm::new(rng, INPUTS, 4).bias(false);
    let before = Gru::new(rng, INPUTS, 4).reset(Reset::Before).bias_init(rng, biases);
    let irnn = Elman::irnn(rng, INPUTS, 4);
    let backward = Reversed::new(Lstm::new(rng, INPUTS, 4));
    let softplus = Elman::new(rng, INPUTS, 4).activation(Activation::Softplus);
    let peephole = PeepholeLstm::new(rng, INPUTS, 4);
    let all = [
        standard_layer("lstm", &lstm, &["LSTM"]),
        standard_layer("lstm_without_biases", &without, &["LSTM"]),
        standard_layer("gru", &gru, &["GRU"]),
        standard_layer("gru_before", &before, &["GRU"]),
        standard_layer("elman", &elman, &["RNN"]),
        standard_layer("irnn", &irnn, &["RNN"]),
        standard_layer("reversed", &backward, &["LSTM"]),
        standard_layer("of_three_kinds", &both, &["GRU", "LSTM", "RNN"]),
        standard_layer("elman_of_softplus", &softplus, &["Scan"]),
        standard_layer("peephole_lstm", &peephole, &["Scan"]),
    ];
    all.into_iter().flatten().collect()
}

/// Exports a layer, without and with lengths, whose recurrences become these operators.
fn standard_layer<L: Layer<f32> + Module<f32>>(
    name: &str,
    layer: &L,
    expected: &[&str],
) -> [Exported; 2] {
    [false, true].map(|has_lengths| {
        let name = format!("standard_{name}{}", if has_lengths { "_lengths" } else { "" });
        let exported = of_layer(name, layer, INPUTS, has_lengths, |it| it.standard_operators());
        let recurrent = ["LSTM", "GRU", "RNN", "Scan"];
        let mut found = exported.model.operators();
        found.retain(|operator| recurrent.contains(operator));
        assert_eq!(found, expected, "{}", exported.name);
        exported
    })
}

fn symbols(count: usize, size: usize, rng: &mut Xoshiro256PlusPlus) -> Vec<usize> {
    (0..count).map(|_| rng.random_range(0..size)).collect()
}

/// A length for each sequence. One sequence is as long as the batch.
fn lengths(steps: usize, batch: usize, rng: &mut Xoshiro256PlusPlus) -> Data {
    let mut lengths: Vec<usize> = (0..batch).map(|_| rng.random_range(1..=steps)).collect();
    lengths[0] = steps;
    Data::Whole(lengths, [batch].into())
}

/// Symbols with padding, lengths, both directions.
fn tagger(rng: &mut Xoshiro256PlusPlus) -> Exported {
    #[derive(Module)]
    #[module(scalar = f32)]
    struct Tagger {
        embedding: Embedding<f32>,
        reader: Bidirectional<Lstm<f32>>,
        output: Linear<f32>,
    }
    let tagger = Tagger {
        embedding: Embedding::new(rng, 11, 4).padding(3),
        reader: Bidirectional::new(Lstm::new(rng, 4, 3), Lstm::new(rng, 4, 3)),
        output: Linear::new(rng, 6, 5),
    };
    let export = FunctionExport::new()
        .symbols("words", [Dim::STEPS, Dim::BATCH], 11)
        .lengths("lengths", Dim::BATCH, Dim::STEPS)
        .outputs(["logits", "last"])
        .parameters(&tagger);
    let data = |[steps, batch]: [usize; 2], rng: &mut Xoshiro256PlusPlus| {
        let words = Data::Whole(symbols(steps * batch, 11, rng), [steps, batch].into());
        vec![words, lengths(steps, batch, rng)]
    };
    of_function("tagger", export, &["words", "lengths"], data, |tape, given| {
        let [(words, shape), (lengths, _)] = &given.whole[..] else { unreachable!("two inputs") };
        let xs = tagger.embedding.forward(tape, words, shape.clone());
        let start = || tagger.reader.start(tape, shape[1]);
        let reader = || Recurrence::new(&tagger.reader).lengths(lengths);
        let (ys, _) = reader().run(xs, start());
        vec![tagger.output.forward(ys), reader().last(xs, start()).0]
    })
}

/// Two sequences of symbols with their own numbers of steps, lengths and attention.
fn translator(rng: &mut Xoshiro256PlusPlus, is_additive: bool) -> Exported {
    let attention = match is_additive {
        true => Attention::additive(rng, 5, 5, 4),
        false => Attention::multiplicative(rng, 5, 5),
    };
    let model = EncoderDecoder {
        source: Embedding::new(rng, 7, 4),
        encoder: Gru::new(rng, 4, 5),
        target: Embedding::new(rng, 9, 4),
        decoder: Gru::new(rng, 4, 5),
        attention: Some(attention),
        output: Linear::new(rng, 10, 9),
        start: 1,
        end: 2,
    };
    let export = FunctionExport::new()
        .symbols("source", [Dim::Open("source_steps"), Dim::BATCH], 7)
        .lengths("lengths", Dim::BATCH, Dim::Open("source_steps"))
        .symbols("targets", [Dim::STEPS, Dim::BATCH], 9)
        .outputs(["logits", "alignment"])
        .parameters(&model);
    let data = |[steps, batch]: [usize; 2], rng: &mut Xoshiro256PlusPlus| {
        let read = 2 * steps + 1;
        let source = Data::Whole(symbols(read * batch, 7, rng), [read, batch].into());
        let targets = Data::Whole(symbols(steps * batch, 9, rng), [steps, batch].into());
        vec![source, lengths(read, batch, rng), targets]
    };
    let name = if is_additive { "translator_additive" } else { "translator_multiplicative" };
    of_function(name, export, &["source", "lengths", "targets"], data, |tape, given| {
        let [(source, shape), (lengths, _), (targets, _)] = &given.whole[..] else {
            unreachable!("three inputs")
        };
        let encoded = model.encode(tape, source, [shape[0], shape[1]], Some(lengths));
        vec![model.teacher_forced(&encoded, targets), model.alignment(&encoded, targets)]
    })
}

/// Log-probabilities for CTC, of frames that a convolution has read.
fn spotter(rng: &mut Xoshiro256PlusPlus) -> Exported {
    let convolution = Conv1d::new(rng, 3, 4, 3).same();
    let reader = Bidirectional::new(Lstm::new(rng, 4, 3), Lstm::new(rng, 4, 3));
    let output = Linear::new(rng, 6, 5);
    let export = FunctionExport::new()
        .numbers("frames", [Dim::STEPS, Dim::BATCH, Dim::Of(3)])
        .lengths("lengths", Dim::BATCH, Dim::STEPS)
        .outputs(["log_probabilities"])
        .parameters(&reader)
        .standard_operators();
    let data = |[steps, batch]: [usize; 2], rng: &mut Xoshiro256PlusPlus| {
        let frames = Tensor::normal([steps, batch, 3], 0.0, 1.0, rng);
        vec![Data::Numbers(frames), lengths(steps, batch, rng)]
    };
    of_function("spotter", export, &["lengths"], data, |tape, given| {
        let (lengths, batch) = &given.whole[0];
        let features = convolution.forward(given.numbers[0]).relu();
        let start = reader.start(tape, batch[0]);
        let (ys, _) = Recurrence::new(&reader).lengths(lengths).run(features, start);
        vec![output.forward(ys).log_softmax(-1)]
    })
}

/// Convolutions over open steps.
fn convolutions(rng: &mut Xoshiro256PlusPlus) -> Exported {
    let convolution = |rng: &mut _| Conv1d::new(rng, 3, 2, 2);
    let causal = convolution(rng).causal();
    let dilated = convolution(rng).dilation(2).padding(1, 4);
    let export = FunctionExport::new()
        .numbers("xs", [Dim::STEPS, Dim::BATCH, Dim::Of(3)])
        .outputs(["causal", "dilated", "narrow"]);
    let data = |[steps, batch]: [usize; 2], rng: &mut Xoshiro256PlusPlus| {
        vec![Data::Numbers(Tensor::normal([steps, batch, 3], 0.0, 1.0, rng))]
    };
    of_function("convolutions", export, &[], data, |_, given| {
        let xs = given.numbers[0];
        let wide = dilated.forward(xs); // [T + 3, B, 2]
        let narrow = wide.slice(0, 2..).mean(&[-1]); // [T + 1, B]
        vec![causal.forward(xs), wide, narrow.softmax(0)]
    })
}

/// A convolution of images, at each step, and the averages of normalization.
fn images(rng: &mut Xoshiro256PlusPlus) -> Exported {
    let convolution = Conv2d::new(rng, 1, 3, [3, 2]).same();
    let mut norm = BatchNorm::new(3);
    *norm.mean.value_mut() = Tensor::normal([3], 0.0, 1.0, rng);
    *norm.variance.value_mut() = Tensor::uniform([3], 0.5, 2.0, rng);
    let export =
        FunctionExport::new().numbers("xs", [Dim::STEPS, Dim::BATCH, Dim::Of(20)]).outputs(["ys"]);
    let data = |[steps, batch]: [usize; 2], rng: &mut Xoshiro256PlusPlus| {
        vec![Data::Numbers(Tensor::normal([steps, batch, 20], 0.0, 1.0, rng))]
    };
    of_function("images", export, &[], data, |_, given| {
        let xs = given.numbers[0];
        let [steps, batch, _] = xs.shape()[..] else { unreachable!("it has three axes") };
        let images = xs.reshape([steps, batch, 5, 4, 1]);
        vec![norm.forward(convolution.forward(images)).relu().max(&[2, 3])]
    })
}

/// Output layers for many classes.
fn outputs(rng: &mut Xoshiro256PlusPlus) -> Exported {
    let adaptive = AdaptiveSoftmax::new(rng, 4, 9, &[2, 5], 2);
    let mixture = MixtureOfSoftmaxes::new(rng, 4, 3, 2);
    let output = Linear::new(rng, 3, 6);
    let export = FunctionExport::new()
        .numbers("hs", [Dim::STEPS, Dim::BATCH, Dim::Of(4)])
        .outputs(["adaptive", "mixture"]);
    let data = |[steps, batch]: [usize; 2], rng: &mut Xoshiro256PlusPlus| {
        vec![Data::Numbers(Tensor::normal([steps, batch, 4], 0.0, 1.0, rng))]
    };
    of_function("outputs", export, &[], data, |_, given| {
        let hs = given.numbers[0];
        vec![adaptive.log_probabilities(hs), mixture.forward(hs, |it| output.forward(it))]
    })
}

/// Comparisons with symbols, and a table of its own.
fn symbols_alone(rng: &mut Xoshiro256PlusPlus) -> Exported {
    let table = Embedding::new(rng, 1000, 3);
    let export = FunctionExport::new()
        .symbols("words", [Dim::STEPS, Dim::BATCH], 1000)
        .symbols("marks", [Dim::BATCH], 2)
        .outputs(["first", "last", "marked", "vectors"]);
    let data = |[steps, batch]: [usize; 2], rng: &mut Xoshiro256PlusPlus| {
        let words = (0..steps * batch).map(|i| if i % 2 == 0 { 999 } else { i % 3 }).collect();
        let words = Data::Whole(words, [steps, batch].into());
        vec![words, Data::Whole(symbols(batch, 2, rng), [batch].into())]
    };
    of_function("symbols_alone", export, &["words", "marks"], data, |tape, given| {
        let [(words, shape), (marks, batch)] = &given.whole[..] else { unreachable!("two inputs") };
        let is = |symbols: &[usize], shape: &Shape, symbol: usize| {
            let is_it = |i: usize| f32::from(u8::from(symbols[i] == symbol));
            tape.constant(Tensor::from_fn(shape.clone(), is_it)) * 2.0
        };
        let vectors = table.forward(tape, words, shape.clone());
        vec![is(words, shape, 0), is(words, shape, 999), is(marks, batch, 1), vectors]
    })
}

/// Sequences and outputs `[batch, steps, ..]`, with lengths.
fn batch_first(rng: &mut Xoshiro256PlusPlus, is_standard: bool) -> Exported {
    let layer = Bidirectional::new(Lstm::new(rng, INPUTS, 4), Lstm::new(rng, INPUTS, 4));
    let name = if is_standard { "batch_first_standard" } else { "batch_first" };
    let mut exported = of_layer(name, &layer, INPUTS, true, |it| {
        let it = it.batch_first();
        if is_standard { it.standard_operators() } else { it }
    });
    for case in &mut exported.cases {
        let Data::Numbers(xs) = &mut case.inputs[0] else { unreachable!("numbers come first") };
        *xs = xs.transpose(0, 1);
        case.outputs[0] = case.outputs[0].transpose(0, 1);
    }
    exported
}

/// `h ← tanh(w ⊙ h)`, which does not depend on the input.
fn clock(rng: &mut Xoshiro256PlusPlus) -> Exported {
    let w = Param::new(Tensor::normal([2], 0.0, 2.0, rng));
    let export = FunctionExport::new()
        .numbers("xs", [Dim::STEPS, Dim::BATCH, Dim::Of(1)])
        .numbers("h", [Dim::BATCH, Dim::Of(2)])
        .outputs(["hs", "last", "again"]);
    let data = |[steps, batch]: [usize; 2], rng: &mut Xoshiro256PlusPlus| {
        let tensor = |shape: [usize; 3], rng: &mut _| Tensor::normal(shape, 0.0, 1.0, rng);
        let h = tensor([1, batch, 2], rng).index_first(0);
        vec![Data::Numbers(tensor([steps, batch, 1], rng)), Data::Numbers(h)]
    };
    of_function("clock", export, &[], data, |tape, given| {
        let scanned = tape.scan(given.numbers[0], given.numbers[1]).run(|_, h| {
            let h = (h * &w).tanh();
            (h, h)
        });
        vec![scanned.outputs, scanned.state, scanned.state]
    })
}

/// A recurrence within the step of another, which reads the entry of the step at all of its own steps.
fn nested(rng: &mut Xoshiro256PlusPlus) -> Exported {
    let inner = Gru::new(rng, 3, 3);
    let export = FunctionExport::new()
        .numbers("xs", [Dim::STEPS, Dim::BATCH, Dim::Of(3)])
        .numbers("h", [Dim::BATCH, Dim::Of(3)])
        .outputs(["hs"])
        .parameters(&inner);
    let data = |[steps, batch]: [usize; 2], rng: &mut Xoshiro256PlusPlus| {
        let xs = Tensor::normal([steps, batch, 3], 0.0, 1.0, rng);
        vec![Data::Numbers(xs.clone()), Data::Numbers(xs.index_first(0))]
    };
    of_function("nested", export, &[], data, |tape, given| {
        let scanned = tape.scan(given.numbers[0], given.numbers[1]).run(|x, h| {
            let words = Var::stack(&[h, h * 0.5], 0); // [2, B, 3]
            let within = tape.scan(words, h).run(|word, h| {
                let (_, h) = inner.step(word + x, h);
                ((), h)
            });
            (within.state, within.state)
        });
        vec![scanned.outputs]
    })
}
