//! Attention, encoder–decoders and pointer networks.

use bptt_autodiff::{Operand, Param, Recompute, Tape, Var};
use bptt_gradcheck::{Domain, model};
use bptt_layers::{
    Attention, Cell, Dropout, Elman, Embedding, EncoderDecoder, Linear, Lstm, Module,
    PointerNetwork, Recurrence, Stack, StateSizes, Zoneout, loss,
};
use bptt_tensor::{Shape, Tensor};
use proptest::prelude::Just;

use crate::support::{Random, V, in_a_row, padded, random};

const LENGTHS: [usize; 2] = [3, 2];

/// Where there are elements of the two sequences.
fn present() -> Tensor<f64> {
    Tensor::from_fn([3, 2], |i| f64::from(u8::from(i / 2 < LENGTHS[i % 2])))
}

/// Queries `[T, B, Q]` and a memory `[S, B, M]`: contexts and weights.
fn attend<'t>(attention: &Attention<f64>, x: &[V<'t>], lengths: Option<&[usize]>) -> V<'t> {
    let entries = if lengths.is_some() { padded(x[1], &present()) } else { x[1] };
    let (contexts, weights) = attention.attend(x[0], &attention.memory(entries, lengths));
    in_a_row(&[contexts, weights])
}

fn check_attention(name: &str, new: impl Fn(&mut Random) -> Attention<f64> + Sync) {
    for (lengths, domain) in [
        (None, Domain::Ordinary),
        (Some(&LENGTHS[..]), Domain::Ordinary),
        (Some(&LENGTHS[..]), Domain::NearKinks),
    ] {
        model(&new, |attention, _, x| attend(attention, x, lengths))
            .named(format!("{name} attention, lengths {lengths:?}"))
            .inputs([[2, 2, 3], [3, 2, 2]])
            .domain(Just(domain))
            .cases(5)
            .check();
    }
}

#[test]
fn additive_attention() {
    check_attention("additive", |rng| Attention::additive(rng, 3, 2, 4));
}

#[test]
fn multiplicative_attention() {
    check_attention("multiplicative", |rng| Attention::multiplicative(rng, 3, 2));
}

/// Two source sequences, `[S, B]`, and their targets, `[T, B]`.
const SOURCE: [usize; 6] = [1, 2, 3, 0, 2, 0];
const TARGETS: [usize; 4] = [1, 0, 2, 1];

type Model<L> = EncoderDecoder<f64, L, L>;

/// A model with 4 source and 3 target symbols, and layers from 2 features to 2.
fn encoder_decoder<L>(
    rng: &mut Random,
    attention: Option<Attention<f64>>,
    layer: impl Fn(&mut Random) -> L,
) -> Model<L> {
    let features = if attention.is_some() { 4 } else { 2 };
    EncoderDecoder {
        source: Embedding::new(rng, 4, 2),
        encoder: layer(rng),
        target: Embedding::new(rng, 3, 2),
        decoder: layer(rng),
        attention,
        output: Linear::new(rng, features, 3),
        start: 2,
        end: 0,
    }
}

fn elman(rng: &mut Random) -> Elman<f64> {
    Elman::new(rng, 2, 2)
}

fn check_model<M: Module<f64> + 'static>(
    new: impl Fn(&mut Random) -> M + Sync,
    logits: impl for<'t> Fn(&M, &'t Tape<f64>) -> V<'t> + Sync,
) {
    model(new, |model, tape, _| logits(model, tape)).cases(3).check();
}

#[test]
fn encoder_decoder_without_attention() {
    check_model(
        |rng| encoder_decoder(rng, None, elman),
        |model, tape| {
            model.teacher_forced(&model.encode(tape, &SOURCE, [3, 2], Some(&LENGTHS)), &TARGETS)
        },
    );
}

#[test]
fn encoder_decoder_with_attention() {
    let stack = |rng: &mut Random| Stack::new(vec![elman(rng), elman(rng)]);
    check_model(
        |rng| {
            let attention = Attention::additive(rng, 2, 2, 2);
            encoder_decoder(rng, Some(attention), stack)
        },
        |model, tape| {
            model.teacher_forced(&model.encode(tape, &SOURCE, [3, 2], Some(&LENGTHS)), &TARGETS)
        },
    );
}

#[test]
fn encoder_decoder_in_training() {
    let stack = |rng: &mut Random| {
        let layers = vec![Zoneout::new(elman(rng), &[0.4]), Zoneout::new(elman(rng), &[0.4])];
        Stack::new(layers).dropout(Dropout::new(0.3))
    };
    check_model(
        |rng| {
            let attention = Attention::multiplicative(rng, 2, 2);
            encoder_decoder(rng, Some(attention), stack)
        },
        |model, tape| {
            let rng = &mut random(7);
            let training = model.in_training(rng);
            let encoded = training.encode(tape, &SOURCE, [3, 2], Some(&LENGTHS));
            training.teacher_forced(&encoded, &TARGETS)
        },
    );
}

/// What is drawn is read as if it were the target.
#[test]
fn scheduled_sampling() {
    check_model(
        |rng| encoder_decoder(rng, None, elman),
        |model, tape| {
            let rng = &mut random(7);
            let training = model.in_training(rng);
            let encoded = training.encode(tape, &SOURCE, [3, 2], None);
            training.scheduled_sampling(&encoded, &TARGETS, 0.5)
        },
    );
}

fn pointer_network<L>(
    rng: &mut Random,
    layer: impl Fn(&mut Random) -> L,
) -> PointerNetwork<f64, L, L> {
    PointerNetwork {
        encoder: layer(rng),
        decoder: layer(rng),
        first: Param::new(Tensor::zeros([2])),
        attention: Attention::additive(rng, 2, 2, 3),
        permutes: false,
    }
}

/// Scores behind the end are no part of the loss.
#[test]
fn pointers() {
    for permutes in [false, true] {
        model(
            |rng| PointerNetwork { permutes, ..pointer_network(rng, elman) },
            |network, _, x| {
                let targets = [2, 0, 1, 1];
                let xs = padded(x[0], &present());
                let logits = network.teacher_forced(xs, Some(&LENGTHS), &targets);
                loss::cross_entropy(logits, &targets).per_position()
            },
        )
        .inputs([[3, 2, 2]])
        .cases(6)
        .check();
    }
}

#[test]
fn pointers_in_training() {
    model(
        |rng| pointer_network(rng, |rng| Zoneout::new(Lstm::new(rng, 2, 2), &[0.4, 0.2])),
        |network, _, x| {
            let rng = &mut random(7);
            network.in_training(rng).teacher_forced(x[0], None, &[2, 0, 1, 1])
        },
    )
    .inputs([[3, 2, 2]])
    .cases(3)
    .check();
}

/// A cell that reads what it finds in a memory `[B, S, M]` of its sequences by content.
struct Attending<'m> {
    query: &'m Linear<f64>,
    cell: &'m Elman<f64>,
    memory: V<'m>,
}

impl StateSizes for Attending<'_> {
    fn state_sizes(&self) -> Vec<usize> {
        self.cell.state_sizes()
    }
}

impl Cell<f64> for Attending<'_> {
    type State<'t> = V<'t>;

    fn step<'t>(&self, x: V<'t>, h: V<'t>) -> (V<'t>, V<'t>) {
        let memory = self.memory.on(x.tape());
        let &[batch, positions, size] = &memory.shape()[..] else {
            panic!("a memory is [B, S, M]")
        };
        let query = self.query.forward(h).reshape([batch, size, 1]);
        let weights = memory.matmul(query).reshape([batch, 1, positions]).softmax(-1);
        let context = weights.matmul(memory).reshape([batch, size]);
        self.cell.step(Var::concat(&[x, context], -1), h)
    }
}

/// The gradient flows to the memory that the cell holds, through all steps.
#[test]
fn a_cell_that_holds_its_memory() {
    for recompute in [false, true] {
        model(
            |rng| (Linear::new(rng, 2, 3), Elman::new(rng, 4, 2)),
            |(query, cell), _, x| {
                let attending = Attending { query, cell, memory: x[2] };
                let recurrence = Recurrence::new(&attending).lengths(&[3, 2]);
                let (ys, last) = match recompute {
                    true => recurrence.recompute(Recompute::Every(2)).run(x[0], x[1]),
                    false => recurrence.run(x[0], x[1]),
                };
                in_a_row(&[ys, last])
            },
        )
        .named(format!("attention within the step, recompute {recompute}"))
        .inputs([[3, 2, 1].into(), [2, 2].into(), Shape::from([2, 4, 3])])
        .cases(5)
        .check();
    }
}
