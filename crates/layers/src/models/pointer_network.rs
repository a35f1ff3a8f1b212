//! Pointer networks: maps from a sequence to positions of it.

use bptt_autodiff::{Param, Tree, Var};
use bptt_tensor::{Scalar, Tensor};
use rand::Rng;

use super::attention::{Attention, AttentionMemory, MASKED};
use super::encoder_decoder::{encode, steps};
use super::in_training::InTraining;
use super::step_decoder::StepDecoder;
use crate::core::module::Module;
use crate::sequence::layer::Layer;
use crate::sequence::options::RunOptions;
use crate::sequence::shape::sequence_shape;
use crate::sequence::stepwise::Stepwise;

/// A pointer network (Vinyals, Fortunato and Jaitly 2015): an encoder–decoder whose output symbols are the positions of
/// its input. The scores of the attention are the logits.
///
/// ```text
/// m, s_0 = encoder(x)                   m: [S, B, M]
/// h, s = decoder(z, s_0)                z_0 = first, z_t = x_{p_{t−1}}: the element pointed to, [T, B, I]
/// o_{t,s} = score(h_t, m_s)             logits [T, B, S] of the pointers p: [T, B]
/// ```
///
/// The paper's score is [additive](Attention::Additive). `x: [S, B, I]`, `first: [I]`. The parameters are those of the
/// parts, and the `I` of `first`. Encoder and decoder are any layers whose states have one type and equal sizes. The
/// decoder is [`Stepwise`]: one that reads backward would see the elements that it has to predict. A position beyond
/// the end of a sequence has probability exactly zero.
///
/// ```
/// use bptt_autodiff::{Param, Tape};
/// use bptt_layers::{Attention, Lstm, PointerNetwork, loss};
/// use bptt_tensor::Tensor;
///
/// let rng = &mut bptt_layers::rng(0);
/// let network = PointerNetwork {
///     encoder: Lstm::<f32>::new(rng, 1, 8),
///     decoder: Lstm::new(rng, 1, 8),
///     first: Param::new(Tensor::zeros([1])),
///     attention: Attention::additive(rng, 8, 8, 8),
///     permutes: true,
/// };
/// let tape = Tape::new();
/// let xs = tape.constant(Tensor::from_vec([3, 1, 1], vec![0.2, -0.5, 0.1])); // [S, B, I]
/// let sorted = [1, 2, 0];
/// let logits = network.teacher_forced(xs, None, &sorted);
/// let loss = loss::cross_entropy(logits, &sorted).mean();
/// let gradients = tape.backward(loss);
/// assert_eq!(gradients[&network.first].shape(), &[1]);
/// let mut pointers = network.greedy(xs, None, 3);
/// pointers.sort();
/// assert_eq!(pointers, [0, 1, 2]); // each once
/// ```
#[derive(Clone, Debug, Module)]
pub struct PointerNetwork<T, E, D> {
    /// The layer that reads the elements of the input.
    pub encoder: E,
    /// The layer that reads the elements that were pointed to.
    pub decoder: D,
    /// The first input of the decoder, `[I]`.
    pub first: Param<T>,
    /// The attention whose scores are the logits.
    pub attention: Attention<T>,
    /// Whether the pointers of a sequence are a permutation: a position that was pointed to has probability exactly zero
    /// from then on (Bello et al. 2016). Otherwise pointers may repeat.
    #[module(skip)]
    pub permutes: bool,
}

impl<T: Scalar, E: Layer<T>, D> PointerNetwork<T, E, D>
where
    for<'t> D: Stepwise<T, State<'t> = E::State<'t>>,
{
    /// Returns the logits `[T, B, S]` of each pointer under teacher forcing. The decoder reads `first`, and then the
    /// elements at the targets, positions `[T, B]` in row-major order, one step late. `lengths` are the numbers of
    /// elements of the inputs `[S, B, I]`. Values beyond them, NaN included, influence neither values nor gradients.
    ///
    /// Targets of different lengths may be padded with any positions of their input. A
    /// [mask](crate::loss::Loss::masked) of the loss drops these pointers. If the network [permutes](Self::permutes), a
    /// target that repeats an earlier one has probability zero, so its loss is very large unless a mask drops it.
    ///
    /// # Panics
    ///
    /// If `xs` does not have three axes, the lengths do not suit it, or one is zero; if the sequences do not have
    /// equally many targets, or one is not a position of its sequence; or as the layers do.
    #[track_caller]
    #[must_use]
    pub fn teacher_forced<'t>(
        &self,
        xs: Var<'t, T>,
        lengths: Option<&[usize]>,
        targets: &[usize],
    ) -> Var<'t, T> {
        self.teacher_forced_in(RunOptions::default(), xs, lengths, targets)
    }

    /// Returns the network with the [noise of training](crate::Recurrence::training).
    #[must_use]
    pub fn in_training<'m>(&'m self, rng: &'m mut impl Rng) -> InTraining<'m, Self> {
        InTraining::new(self, rng)
    }

    /// Returns the pointers `[T, B]` of greedy decoding over `steps` steps, in row-major order. Each pointer is the
    /// most probable position, and the decoder then reads the element at this position. Inputs and lengths are those of
    /// [`teacher_forced`](Self::teacher_forced). A [permutation](Self::permutes) is complete after as many steps as
    /// there are elements, and later pointers mean nothing.
    ///
    /// # Panics
    ///
    /// If `xs` does not have three axes, the lengths do not suit it, or one is zero; or as the layers do.
    #[track_caller]
    #[must_use]
    pub fn greedy(&self, xs: Var<'_, T>, lengths: Option<&[usize]>, steps: usize) -> Vec<usize> {
        let input = self.read(RunOptions::default(), xs, lengths);
        let batch = input.batch;
        if batch == 0 {
            return Vec::new();
        }
        let start = input.state.leaves().into_iter();
        let start: Vec<_> = start.map(|leaf| leaf.value()).collect();
        let elements = input.elements.value();
        let mut decoder = StepDecoder::new(&self.decoder, batch, elements, &start, |h| {
            let hs = h.reshape([1, batch, h.shape()[1]]);
            self.attention.scores(hs, &input.memory.on(h.tape())).index_first(0)
        });
        let mut pointers = Vec::with_capacity(steps * batch);
        let mut read = vec![FIRST; batch];
        let mut left = Left::new(batch, xs.shape()[0]);
        for _ in 0..steps {
            let logits = decoder.step(&read);
            let chosen = if self.permutes { left.of(&logits) } else { logits }.argmax(-1);
            left.remove(&chosen);
            read = rows(&chosen, batch).collect();
            pointers.extend(chosen);
        }
        pointers
    }

    #[track_caller]
    fn teacher_forced_in<'t>(
        &self,
        options: RunOptions<'_, T>,
        xs: Var<'t, T>,
        lengths: Option<&[usize]>,
        targets: &[usize],
    ) -> Var<'t, T> {
        let input = self.read(options, xs, lengths);
        let batch = input.batch;
        let steps = steps(targets, batch);
        for (i, &position) in targets.iter().enumerate() {
            let length = lengths.map_or(xs.shape()[0], |lengths| lengths[i % batch]);
            assert!(
                position < length,
                "pointer {position} at step {} of sequence {} is not one of its {length} positions, \
                 which count from 0",
                i / batch,
                i % batch
            );
        }
        let first = std::iter::repeat_n(FIRST, batch);
        let read: Vec<usize> = first.chain(rows(targets, batch)).take(targets.len()).collect();
        let logits = self.point(options, &input, &read, steps);
        if !self.permutes {
            return logits;
        }
        let mut left = Left::new(batch, xs.shape()[0]);
        let of_steps = targets.chunks(batch).flat_map(|pointers| {
            let now = left.0.to_vec();
            left.remove(pointers);
            now
        });
        let left = Tensor::from_vec(logits.shape(), of_steps.collect());
        logits.tape().constant(left).select(logits, MASKED)
    }

    #[track_caller]
    fn read<'t>(
        &self,
        options: RunOptions<'_, T>,
        xs: Var<'t, T>,
        lengths: Option<&[usize]>,
    ) -> Input<'t, T, E::State<'t>> {
        let [steps, batch, features] = sequence_shape(xs);
        let (outputs, state) = encode(&self.encoder, xs, lengths, options);
        let memory = self.attention.memory(outputs, lengths);
        let first = xs.tape().param(&self.first).reshape([1, features]);
        // elements beyond the lengths remain in the table, but no pointer reaches them
        let elements = Var::concat(&[first, xs.reshape([steps * batch, features])], 0);
        Input { state, memory, elements, batch }
    }

    /// Returns the logits `[T, B, S]` when the decoder reads these rows of the elements, `[T, B]`.
    #[track_caller]
    fn point<'t>(
        &self,
        options: RunOptions<'_, T>,
        input: &Input<'t, T, E::State<'t>>,
        rows: &[usize],
        steps: usize,
    ) -> Var<'t, T> {
        let zs = input.elements.gather_rows(rows);
        let zs = zs.reshape([steps, input.batch, zs.shape()[1]]);
        let (hs, _) = self.decoder.run(zs, input.state.clone(), options);
        self.attention.scores(hs, &input.memory)
    }
}

impl<T: Scalar, E: Layer<T>, D> InTraining<'_, PointerNetwork<T, E, D>>
where
    for<'t> D: Stepwise<T, State<'t> = E::State<'t>>,
{
    /// Returns the logits as [`PointerNetwork::teacher_forced`] does, with the noise of both layers.
    ///
    /// # Panics
    ///
    /// As [`PointerNetwork::teacher_forced`].
    #[track_caller]
    #[must_use]
    pub fn teacher_forced<'t>(
        &self,
        xs: Var<'t, T>,
        lengths: Option<&[usize]>,
        targets: &[usize],
    ) -> Var<'t, T> {
        self.model.teacher_forced_in(self.options(), xs, lengths, targets)
    }
}

/// The positions that no pointer has pointed to: 1 there, else 0, `[B, S]`.
struct Left<T>(Tensor<T>);

impl<T: Scalar> Left<T> {
    fn new(batch: usize, positions: usize) -> Self {
        Self(Tensor::ones([batch, positions]))
    }

    /// Takes the positions of pointers `[B]` away.
    fn remove(&mut self, pointers: &[usize]) {
        let positions = self.0.shape()[1];
        for (row, &pointer) in self.0.as_mut_slice().chunks_mut(positions).zip(pointers) {
            row[pointer] = T::zero();
        }
    }

    /// Returns the logits `[B, S]`, with a large negative number at the other positions.
    fn of(&self, logits: &Tensor<T>) -> Tensor<T> {
        let at = |i| {
            if self.0.as_slice()[i] == T::zero() { T::of(MASKED) } else { logits.as_slice()[i] }
        };
        Tensor::from_fn(logits.shape(), at)
    }
}

/// The row of [`Input::elements`] that the decoder reads first.
const FIRST: usize = 0;

/// Returns the rows of [`Input::elements`] at these positions `[T, B]`.
fn rows(positions: &[usize], batch: usize) -> impl Iterator<Item = usize> {
    let row = move |(i, &position)| 1 + position * batch + i % batch;
    positions.iter().enumerate().map(row)
}

/// Encoded inputs.
struct Input<'t, T, S> {
    state: S,
    memory: AttentionMemory<'t, T>,
    /// The inputs of the decoder: the first input, then the elements, `[1 + S·B, I]`.
    elements: Var<'t, T>,
    batch: usize,
}
