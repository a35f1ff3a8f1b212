//! Encoder–decoders.

use bptt_autodiff::{Tape, Var};
use bptt_layers::decode::{Beam, Hypothesis};
use bptt_layers::{
    Adam, Attention, Cell, Embedding, EncoderDecoder, Gru, Layer, Linear, Module, Optimizer,
    Recurrence, Stepwise, Zoneout, loss,
};
use bptt_tensor::Tensor;

use crate::support::{Random, Run, V, assert_near, random, randomized, run};

const START: usize = 2;
const END: usize = 0;
const HIDDEN: usize = 4;

type Model<L> = EncoderDecoder<f64, L, L>;

/// A random model with 5 source and 3 target symbols.
fn model<L: Module<f64>>(
    rng: &mut Random,
    attention: Option<Attention<f64>>,
    mut layer: impl FnMut(&mut Random, usize) -> L,
) -> Model<L> {
    let features = if attention.is_some() { 2 * HIDDEN } else { HIDDEN };
    let model = EncoderDecoder {
        source: Embedding::new(rng, 5, 3),
        encoder: layer(rng, 3),
        target: Embedding::new(rng, 3, 2),
        decoder: layer(rng, 2),
        attention,
        output: Linear::new(rng, features, 3),
        start: START,
        end: END,
    };
    randomized(model, rng)
}

fn gru(rng: &mut Random, input: usize) -> Gru<f64> {
    Gru::new(rng, input, HIDDEN)
}

/// Without attention, and with either kind.
fn of_grus() -> [Model<Gru<f64>>; 3] {
    let rng = &mut random(0);
    let additive = Attention::additive(rng, HIDDEN, HIDDEN, 3);
    let multiplicative = Attention::multiplicative(rng, HIDDEN, HIDDEN);
    [None, Some(additive), Some(multiplicative)].map(|attention| model(rng, attention, gru))
}

/// Three source sequences, `[S, B]`, and their targets, `[T, B]`.
const SOURCE: [usize; 12] = [1, 2, 3, 4, 0, 1, 2, 0, 3, 1, 0, 0];
const LENGTHS: [usize; 3] = [4, 2, 3];
const TARGETS: [usize; 9] = [1, 2, 2, 1, 0, 1, 0, 1, 2];

fn teacher_forced<'t, L: Stepwise<f64>>(model: &Model<L>, tape: &'t Tape<f64>) -> V<'t> {
    model.teacher_forced(&model.encode(tape, &SOURCE, [4, 3], Some(&LENGTHS)), &TARGETS)
}

/// Logits, and the gradients of their loss.
fn ran(
    model: &Model<Gru<f64>>,
    f: impl for<'t> Fn(&Model<Gru<f64>>, &'t Tape<f64>) -> V<'t>,
) -> Run {
    run(model, &[Tensor::zeros([])], |model, x| vec![f(model, x[0].tape())])
}

/// Sequence `b` of a batch `[T, B]`.
fn sequence(batch: &[usize], b: usize, length: usize) -> Vec<usize> {
    batch.iter().skip(b).step_by(3).take(length).copied().collect()
}

#[test]
fn teacher_forcing_is_the_equations_step_by_step() {
    for model in of_grus() {
        let tape = Tape::new();
        let logits = teacher_forced(&model, &tape);
        let encoded = model.encode(&tape, &SOURCE, [4, 3], Some(&LENGTHS));
        let alignment = encoded.memory.map(|_| model.alignment(&encoded, &TARGETS).value());
        for (b, length) in LENGTHS.into_iter().enumerate() {
            let mut h = tape.constant(Tensor::zeros([1, HIDDEN]));
            let mut memory = Vec::new();
            for symbol in sequence(&SOURCE, b, length) {
                let x = model.source.forward(&tape, &[symbol], [1]);
                (_, h) = model.encoder.step(x, h);
                memory.push(h);
            }
            let memory = Var::stack(&memory, 0);
            let mut last = START;
            for (t, target) in sequence(&TARGETS, b, 3).into_iter().enumerate() {
                let y = model.target.forward(&tape, &[last], [1]);
                (_, h) = model.decoder.step(y, h);
                let features = match &model.attention {
                    None => h,
                    Some(attention) => {
                        let memory = attention.memory(memory, None);
                        let (context, weights) =
                            attention.attend(h.reshape([1, 1, HIDDEN]), &memory);
                        let aligned = alignment.as_ref().unwrap().index_first(t).index_first(b);
                        let mut expected = weights.value().to_vec();
                        expected.resize(4, 0.0); // no weight beyond the source
                        assert_near(&[aligned], &[Tensor::from_vec([4], expected)], 1e-13);
                        Var::concat(&[h, context.reshape([1, HIDDEN])], -1)
                    }
                };
                let expected = features.matmul(&model.output.w) + model.output.b.as_ref().unwrap();
                let computed = logits.index_first(t).slice(0, b..b + 1);
                assert_near(&[computed.value()], &[expected.value()], 1e-13);
                last = target;
            }
        }
    }
}

#[test]
fn a_batch_is_encoded_and_decoded_as_each_sequence_alone() {
    for model in of_grus() {
        let batch = ran(&model, teacher_forced);
        let alone = ran(&model, |model, tape| {
            let one = |b: usize| {
                let source = sequence(&SOURCE, b, LENGTHS[b]);
                let encoded = model.encode(tape, &source, [LENGTHS[b], 1], None);
                model.teacher_forced(&encoded, &sequence(&TARGETS, b, 3))
            };
            Var::concat(&[one(0), one(1), one(2)], 1)
        });
        assert_near(&batch.values, &alone.values, 1e-13);
        assert_near(&batch.gradients.parameters, &alone.gradients.parameters, 1e-13);
    }
}

/// No step reads the last target, or symbols after the end of a source sequence.
#[test]
fn unread_symbols_change_nothing() {
    for model in of_grus() {
        let tape = Tape::new();
        let other = SOURCE.map(|symbol| if symbol == 0 { 4 } else { symbol });
        let other: Vec<usize> =
            (0..12).map(|i| if i / 3 < LENGTHS[i % 3] { SOURCE[i] } else { other[i] }).collect();
        assert_ne!(other, SOURCE);
        let encoded = model.encode(&tape, &other, [4, 3], Some(&LENGTHS));
        let mut targets = TARGETS;
        targets[6..].fill(1);
        let logits = model.teacher_forced(&encoded, &targets);
        assert_eq!(logits.value(), teacher_forced(&model, &tape).value());
    }
}

#[test]
fn greedy_decoding_follows_the_likeliest_symbol() {
    for model in of_grus() {
        let found = model.greedy(&[1, 4, 2], 6);
        let tape = Tape::new();
        let encoded = model.encode(&tape, &[1, 4, 2], [3, 1], None);
        let logits = model.teacher_forced(&encoded, &found.symbols);
        assert_eq!(logits.value().argmax(-1), found.symbols);
        let ended = found.symbols.iter().position(|&symbol| symbol == END);
        assert_eq!(ended.map_or(6, |end| end + 1), found.symbols.len());
        let loss = loss::cross_entropy(logits, &found.symbols).sum().item();
        assert!((loss + found.score).abs() < 1e-13, "{loss} is not −{}", found.score);
        let beam = model.beam(&[1, 4, 2], Beam::new(1), 6).swap_remove(0);
        assert!(beam == found || beam.score > found.score, "{beam:?} and {found:?}");
    }
}

/// Sequences of up to four symbols, of which only the last is or may be the end.
fn all_targets() -> Vec<Vec<usize>> {
    let (mut open, mut complete) = (vec![vec![]], Vec::new());
    while let Some(symbols) = open.pop() {
        match symbols.last() == Some(&END) || symbols.len() == 4 {
            true => complete.push(symbols),
            false => open.extend((0..3).map(|next| [symbols.clone(), vec![next]].concat())),
        }
    }
    complete
}

#[test]
fn a_wide_beam_finds_the_likeliest_of_all_sequences() {
    for model in of_grus() {
        let tape = Tape::new();
        let encoded = model.encode(&tape, &[1, 4, 2], [3, 1], None);
        let mut all: Vec<_> = (all_targets().into_iter())
            .map(|symbols| {
                let logits = model.teacher_forced(&encoded, &symbols);
                let loss = loss::cross_entropy(logits, &symbols).sum().item();
                Hypothesis { score: -loss / (symbols.len() as f64).sqrt(), symbols }
            })
            .collect();
        all.sort_by(|a, b| b.score.total_cmp(&a.score));
        let found = model.beam(&[1, 4, 2], Beam::new(81).length_normalization(0.5), 4);
        assert_eq!(found.len(), all.len());
        for (found, expected) in found.iter().zip(&all) {
            assert_eq!(found.symbols, expected.symbols);
            assert!((found.score - expected.score).abs() < 1e-13);
        }
    }
}

/// The logits at the second step of many sequences like the first, and those that follow from each symbol.
fn second_step(model: &Model<Gru<f64>>, target: usize, p: f64) -> (Vec<usize>, Vec<f64>) {
    const COPIES: usize = 4000;
    let tape = Tape::new();
    let encoded = model.encode(&tape, &[1; 2 * COPIES], [2, COPIES], None);
    let targets = vec![target; 2 * COPIES];
    let logits =
        model.in_training(&mut random(5)).scheduled_sampling(&encoded, &targets, p).value();
    let one = model.encode(&tape, &[1; 2], [2, 1], None);
    let after: Vec<_> = (0..3)
        .map(|symbol| model.teacher_forced(&one, &[symbol; 2]).value().index_first(1))
        .collect();
    let read = |row: &[f64]| {
        let of = |after: &Tensor<f64>| {
            after.as_slice().iter().zip(row).all(|(a, b)| (a - b).abs() < 1e-12)
        };
        after.iter().position(of).expect("logits after one of the symbols")
    };
    let mut counts = vec![0; 3];
    logits.index_first(1).as_slice().chunks(3).for_each(|row| counts[read(row)] += 1);
    let probabilities = logits.index_first(0).index_first(0).softmax(-1).to_vec();
    let expected = probabilities.iter().enumerate().map(|(symbol, q)| {
        let forced = if symbol == target { p } else { 0.0 };
        (forced + (1.0 - p) * q) * COPIES as f64
    });
    (counts, expected.collect())
}

#[test]
fn scheduled_sampling_reads_targets_and_drawn_symbols_in_proportion() {
    for (model, target) in of_grus().iter().zip(0..3) {
        for p in [0.0, 0.3, 1.0] {
            let (counts, expected) = second_step(model, target, p);
            for (&count, expected) in counts.iter().zip(expected) {
                let bound = 5.0 * expected.sqrt();
                assert!((f64::from(count as u32) - expected).abs() <= bound, "{count}, {expected}");
            }
        }
    }
}

#[test]
fn scheduled_sampling_with_certainty_is_teacher_forcing() {
    for model in of_grus() {
        let sampled = ran(&model, |model, tape| {
            let encoded = model.encode(tape, &SOURCE, [4, 3], Some(&LENGTHS));
            model.in_training(&mut random(2)).scheduled_sampling(&encoded, &TARGETS, 1.0)
        });
        let forced = ran(&model, teacher_forced);
        assert_eq!(sampled.values, forced.values);
        assert_eq!(sampled.gradients.parameters, forced.gradients.parameters);
    }
}

/// At its most certain, a model that runs freely decodes greedily.
#[test]
fn scheduled_sampling_without_teacher_runs_freely() {
    for mut model in of_grus() {
        *model.output.w.value_mut() *= 1e3;
        model.end = 3; // no symbol that is decoded
        for source in 0..5 {
            let found = model.greedy(&[source], 8).symbols;
            let tape = Tape::new();
            let encoded = model.encode(&tape, &[source], [1, 1], None);
            let logits =
                model.in_training(&mut random(3)).scheduled_sampling(&encoded, &[1; 8], 0.0);
            assert_eq!(logits.value().argmax(-1), found);
        }
    }
}

/// For any share of drawn symbols, the loss reports a diverged model, as under teacher forcing.
#[test]
fn scheduled_sampling_of_a_diverged_model() {
    for mut model in of_grus() {
        model.output.w.value_mut().as_mut_slice()[0] = f64::NAN;
        for p in [0.0, 1.0] {
            let tape = Tape::new();
            let encoded = model.encode(&tape, &SOURCE, [4, 3], Some(&LENGTHS));
            let logits =
                model.in_training(&mut random(2)).scheduled_sampling(&encoded, &TARGETS, p);
            assert!(loss::cross_entropy(logits, &TARGETS).mean().item().is_nan());
        }
    }
}

/// In training, noise is that of the encoder and of the decoder, drawn one after the other.
#[test]
fn noise_in_training() {
    let [model, ..] = of_grus();
    let model = EncoderDecoder {
        source: model.source,
        encoder: Zoneout::new(model.encoder, &[0.5]),
        target: model.target,
        decoder: Zoneout::new(model.decoder, &[0.5]),
        attention: model.attention,
        output: model.output,
        start: model.start,
        end: model.end,
    };
    let tape = Tape::new();
    let rng = &mut random(7);
    let training = model.in_training(rng);
    let encoded = training.encode(&tape, &SOURCE, [4, 3], Some(&LENGTHS));
    let logits = training.teacher_forced(&encoded, &TARGETS);

    let draws = &mut random(7);
    let xs = model.source.forward(&tape, &SOURCE, [4, 3]);
    let start = model.encoder.start(&tape, 3);
    let (outputs, state) =
        Recurrence::new(&model.encoder).lengths(&LENGTHS).training(draws).run(xs, start);
    assert_eq!(encoded.outputs.value(), outputs.value());
    let steps = TARGETS.len() / 3;
    let read: Vec<_> = [model.start; 3].iter().chain(&TARGETS).copied().take(3 * steps).collect();
    let ys = model.target.forward(&tape, &read, [steps, 3]);
    let (hs, _) = Recurrence::new(&model.decoder).training(draws).run(ys, state);
    let features = match &model.attention {
        Some(attention) => {
            let memory = attention.memory(outputs, Some(&LENGTHS));
            Var::concat(&[hs, attention.attend(hs, &memory).0], -1)
        }
        None => hs,
    };
    assert_eq!(logits.value(), model.output.forward(features).value());
    let plain = model.encode(&tape, &SOURCE, [4, 3], Some(&LENGTHS));
    assert_ne!(plain.outputs.value(), outputs.value());
}

#[test]
#[should_panic(
    expected = "8 targets for a batch of 3 sequences: give each sequence equally many, padded to the longest"
)]
fn targets_of_unequal_numbers() {
    let [model, ..] = of_grus();
    let tape = Tape::new();
    let encoded = model.encode(&tape, &SOURCE, [4, 3], Some(&LENGTHS));
    let _ = model.teacher_forced(&encoded, &TARGETS[..8]);
}

/// All words of one to three symbols, each 1 to 4.
fn words() -> Vec<Vec<usize>> {
    let mut words = vec![vec![]];
    for i in 0..1 + 4 + 16 {
        words.extend((1..=4).map(|symbol| [&words[i][..], &[symbol]].concat()).collect::<Vec<_>>());
    }
    words.split_off(1)
}

/// Returns a batch of these sequences, time-major, padded with 0.
fn side_by_side(sequences: &[Vec<usize>], steps: usize) -> Vec<usize> {
    let at = |t: usize| sequences.iter().map(move |sequence| sequence.get(t).copied().unwrap_or(0));
    (0..steps).flat_map(at).collect()
}

#[test]
fn learns_to_reverse() {
    let rng = &mut random(7);
    let mut model = EncoderDecoder {
        source: Embedding::new(rng, 5, 8),
        encoder: Gru::<f32>::new(rng, 8, 16),
        target: Embedding::new(rng, 6, 8),
        decoder: Gru::new(rng, 8, 16),
        attention: Some(Attention::multiplicative(rng, 16, 16)),
        output: Linear::new(rng, 32, 5),
        start: 5,
        end: END,
    };
    let words = words();
    let reversed = words.iter().map(|word| word.iter().rev().copied().chain([END]).collect());
    let reversed: Vec<Vec<usize>> = reversed.collect();
    let batch = words.len();
    let lengths: Vec<_> = words.iter().map(Vec::len).collect();
    let (source, targets) = (side_by_side(&words, 3), side_by_side(&reversed, 4));
    let there = |i: usize| f32::from(u8::from(i / batch <= lengths[i % batch]));
    let there = Tensor::from_fn([4, batch], there);
    let mut optimizer = Adam::new(0.02);
    for _ in 0..50 {
        let tape = Tape::new();
        let encoded = model.encode(&tape, &source, [3, batch], Some(&lengths));
        let logits = model.teacher_forced(&encoded, &targets);
        let loss = loss::cross_entropy(logits, &targets).masked(&there).mean();
        let gradients = tape.backward(loss);
        optimizer.step(&mut model, &gradients);
    }
    for (word, reversed) in words.iter().zip(&reversed) {
        assert_eq!(model.greedy(word, 8).symbols, *reversed);
        assert_eq!(model.beam(word, Beam::new(2), 8)[0].symbols, *reversed);
    }
}
