//! Sequence to sequence: an encoder reads a sequence of symbols, and a decoder writes another.

use bptt_autodiff::{Tape, Tree, Var};
use bptt_tensor::{Scalar, Tensor};
use rand::Rng;

use super::attention::{Attention, AttentionMemory};
use super::in_training::InTraining;
use super::step_decoder::StepDecoder;
use crate::core::module::Module;
use crate::decode;
use crate::decode::beam::Beam;
use crate::decode::hypothesis::{Bounds, Hypothesis};
use crate::decode::sampling::Sampling;
use crate::feedforward::embedding::Embedding;
use crate::feedforward::linear::Linear;
use crate::sequence::layer::Layer;
use crate::sequence::mask::Mask;
use crate::sequence::options::RunOptions;
use crate::sequence::shape::sequence_shape;
use crate::sequence::stepwise::Stepwise;

/// An encoder–decoder (Cho et al. 2014; Sutskever, Vinyals and Le 2014), with or without attention. The decoder starts
/// from the encoder's last state, and reads its own last symbol.
///
/// ```text
/// m, s_0 = encoder(source(x))           the memory m: [S, B, M] and the state at the sequence's end
/// h, s = decoder(target(y₋), s_0)       h: [T, B, H]; y₋ is y a step before, and the start symbol first
/// c = attention(h, m)                   c: [T, B, M]
/// o = [h, c] V + d                      logits [T, B, C] of the next symbol; h V + d without attention
/// ```
///
/// Attention reads the decoder's outputs (Luong, Pham and Manning 2015, global attention, without their input feeding
/// and attentional layer). So under teacher forcing the decoder is one recurrence over all steps.
///
/// Encoder and decoder are any layers whose states have one type and equal sizes. The decoder is [`Stepwise`]: one that
/// reads backward would see the symbols that it has to predict. The parameters are those of the parts. The output layer
/// reads `H + M` features, or `H` without attention.
///
/// ```
/// use bptt_autodiff::Tape;
/// use bptt_layers::{Attention, Embedding, EncoderDecoder, Gru, Linear, loss};
///
/// let rng = &mut bptt_layers::rng(0);
/// let model = EncoderDecoder::<f32, _, _> {
///     source: Embedding::new(rng, 20, 8),
///     encoder: Gru::new(rng, 8, 16),
///     target: Embedding::new(rng, 30, 8),
///     decoder: Gru::new(rng, 8, 16),
///     attention: Some(Attention::multiplicative(rng, 16, 16)),
///     output: Linear::new(rng, 16 + 16, 30),
///     start: 0,
///     end: 1,
/// };
/// let tape = Tape::new();
/// // two sequences, time-major: 5 6 7 and 8 9
/// let encoded = model.encode(&tape, &[5, 8, 6, 9, 7, 0], [3, 2], Some(&[3, 2]));
/// let targets = [12, 14, 13, 15, 1, 1]; // 12 13 and 14 15, and the end
/// let loss = loss::cross_entropy(model.teacher_forced(&encoded, &targets), &targets).mean();
/// let gradients = tape.backward(loss);
/// assert!(gradients.get(&model.source.table).is_some());
/// let translation = model.greedy(&[5, 6, 7], 10);
/// assert!(translation.symbols.len() <= 10);
/// ```
#[derive(Clone, Debug, Module)]
pub struct EncoderDecoder<T, E, D> {
    /// The embedding of the source symbols.
    pub source: Embedding<T>,
    /// The layer that reads the source.
    pub encoder: E,
    /// The embedding of the target symbols.
    pub target: Embedding<T>,
    /// The layer that reads the previous target symbols.
    pub decoder: D,
    /// The attention to the encoder's outputs, if there is any.
    pub attention: Option<Attention<T>>,
    /// The output layer, with `V` and `d`.
    pub output: Linear<T>,
    /// The symbol that the decoder reads first.
    #[module(skip)]
    pub start: usize,
    /// The symbol that ends a decoded sequence.
    #[module(skip)]
    pub end: usize,
}

impl<T: Scalar, E: Layer<T>, D> EncoderDecoder<T, E, D>
where
    for<'t> D: Stepwise<T, State<'t> = E::State<'t>>,
{
    /// Encodes sequences of symbols, in row-major order of `shape = [S, B]`. `lengths` are the numbers of symbols of
    /// the sequences. Symbols beyond them have no influence.
    ///
    /// # Panics
    ///
    /// If a symbol is not within the vocabulary; if the lengths do not suit the shape, or one is zero and
    /// there is attention; or as the encoder does.
    #[track_caller]
    #[must_use]
    pub fn encode<'t>(
        &self,
        tape: &'t Tape<T>,
        source: &[usize],
        shape: [usize; 2],
        lengths: Option<&[usize]>,
    ) -> Encoded<'t, T, E::State<'t>> {
        self.encode_in(RunOptions::default(), tape, source, shape, lengths)
    }

    /// Returns the logits `[T, B, C]` of each symbol under teacher forcing (Williams and Zipser 1989). The decoder
    /// reads the start symbol and then the targets `[T, B]`, in row-major order, one step late.
    ///
    /// Targets of different lengths may be padded with any symbols. A [mask](crate::loss::Loss::masked) of the loss
    /// drops these positions.
    ///
    /// # Panics
    ///
    /// If the sequences do not have equally many targets, or one is not within the vocabulary; or as the decoder does.
    #[track_caller]
    #[must_use]
    pub fn teacher_forced<'t>(
        &self,
        encoded: &Encoded<'t, T, E::State<'t>>,
        targets: &[usize],
    ) -> Var<'t, T> {
        self.teacher_forced_in(RunOptions::default(), encoded, targets)
    }

    /// Returns the weights of attention `[T, B, S]` under teacher forcing: how much each step looked at each position of
    /// the source.
    ///
    /// # Panics
    ///
    /// If there is no attention, or as [`teacher_forced`](Self::teacher_forced).
    #[track_caller]
    #[must_use]
    pub fn alignment<'t>(
        &self,
        encoded: &Encoded<'t, T, E::State<'t>>,
        targets: &[usize],
    ) -> Var<'t, T> {
        let (Some(attention), Some(memory)) = (&self.attention, &encoded.memory) else {
            panic!("alignment: the model has no attention; create it with `attention: Some(..)`");
        };
        let read = self.read(encoded, targets);
        attention.attend(self.outputs(RunOptions::default(), encoded, &read), memory).1
    }

    /// Returns the model with the [noise of training](crate::Recurrence::training).
    #[must_use]
    pub fn in_training<'m>(&'m self, rng: &'m mut impl Rng) -> InTraining<'m, Self> {
        InTraining::new(self, rng)
    }

    /// Decodes a source sequence by [greedy decoding](decode::greedy()).
    ///
    /// # Panics
    ///
    /// If the sequence is empty and there is attention; if a logit is NaN; or as [`encode`](Self::encode).
    #[track_caller]
    #[must_use]
    pub fn greedy(&self, source: &[usize], max_length: usize) -> Hypothesis {
        let tape = Tape::inference();
        let encoded = self.encode(&tape, source, [source.len(), 1], None);
        let mut decoder = self.step_decoder(&encoded, 1);
        decode::greedy(self.bounds(max_length), (), |last, ()| {
            (log_probabilities(&decoder.step(&[last])).swap_remove(0), ())
        })
    }

    /// Decodes a source sequence by [beam search](Beam), and returns the best hypothesis first.
    ///
    /// # Panics
    ///
    /// As [`greedy`](Self::greedy).
    #[track_caller]
    #[must_use]
    pub fn beam(&self, source: &[usize], beam: Beam, max_length: usize) -> Vec<Hypothesis> {
        let tape = Tape::inference();
        let encoded = self.encode(&tape, source, [source.len(), 1], None);
        let width = beam.width();
        let mut decoder = self.step_decoder(&encoded, width);
        beam.search_batch(self.bounds(max_length), |parents, last| {
            // rows without a hypothesis repeat the first
            let padded = |given: &[usize]| -> Vec<usize> {
                (0..width).map(|row| given[if row < given.len() { row } else { 0 }]).collect()
            };
            decoder.gather_rows(&padded(parents));
            let mut rows = log_probabilities(&decoder.step(&padded(last)));
            rows.truncate(parents.len());
            rows
        })
    }

    #[track_caller]
    fn encode_in<'t>(
        &self,
        options: RunOptions<'_, T>,
        tape: &'t Tape<T>,
        source: &[usize],
        shape: [usize; 2],
        lengths: Option<&[usize]>,
    ) -> Encoded<'t, T, E::State<'t>> {
        let xs = self.source.forward(tape, source, shape);
        let (outputs, state) = encode(&self.encoder, xs, lengths, options);
        let memory = self.attention.as_ref().map(|attention| attention.memory(outputs, lengths));
        Encoded { state, outputs, memory }
    }

    #[track_caller]
    fn teacher_forced_in<'t>(
        &self,
        options: RunOptions<'_, T>,
        encoded: &Encoded<'t, T, E::State<'t>>,
        targets: &[usize],
    ) -> Var<'t, T> {
        let read = self.read(encoded, targets);
        self.logits(self.outputs(options, encoded, &read), encoded.memory.as_ref())
    }

    /// Returns the symbols that the decoder reads under teacher forcing.
    #[track_caller]
    fn read(&self, encoded: &Encoded<'_, T, E::State<'_>>, targets: &[usize]) -> Vec<usize> {
        steps(targets, encoded.batch());
        let start = std::iter::repeat_n(&self.start, encoded.batch());
        start.chain(targets).copied().take(targets.len()).collect()
    }

    fn bounds(&self, max_length: usize) -> Bounds {
        Bounds { start: self.start, end: self.end, max_length }
    }

    /// Returns a decoder with this many rows, a multiple of the batch. Row `i` belongs to sequence `i mod B`.
    #[track_caller]
    fn step_decoder(&self, encoded: &Encoded<'_, T, E::State<'_>>, rows: usize) -> StepDecoder<T> {
        let batch = encoded.batch();
        let sequences: Vec<usize> = (0..rows).map(|row| row % batch).collect();
        let start = encoded.state.leaves().into_iter();
        let start: Vec<_> = start.map(|leaf| leaf.value().gather_rows(&sequences)).collect();
        let table = self.target.table.value().clone();
        StepDecoder::new(&self.decoder, rows, table, &start, |h| {
            let memory = encoded.memory.map(|memory| memory.on(h.tape()));
            let hs = h.reshape([rows / batch, batch, h.shape()[1]]);
            self.logits(hs, memory.as_ref()).reshape([rows, self.output.w.shape()[1]])
        })
    }

    /// Returns the outputs `[T, B, H]` when the decoder reads these symbols `[T, B]`.
    #[track_caller]
    fn outputs<'t>(
        &self,
        options: RunOptions<'_, T>,
        encoded: &Encoded<'t, T, E::State<'t>>,
        read: &[usize],
    ) -> Var<'t, T> {
        let shape = [read.len() / encoded.batch(), encoded.batch()];
        let xs = self.target.forward(encoded.outputs.tape(), read, shape);
        self.decoder.run(xs, encoded.state.clone(), options).0
    }

    /// Returns the logits `[T, B, C]` of the decoder's outputs `[T, B, H]`.
    #[track_caller]
    fn logits<'t>(&self, hs: Var<'t, T>, memory: Option<&AttentionMemory<'t, T>>) -> Var<'t, T> {
        self.output.forward(match self.attention.as_ref().zip(memory) {
            Some((attention, memory)) => Var::concat(&[hs, attention.attend(hs, memory).0], -1),
            None => hs,
        })
    }
}

impl<T: Scalar, E: Layer<T>, D> InTraining<'_, EncoderDecoder<T, E, D>>
where
    for<'t> D: Stepwise<T, State<'t> = E::State<'t>>,
{
    /// Encodes sequences as [`EncoderDecoder::encode`] does, with the encoder's noise.
    ///
    /// # Panics
    ///
    /// As [`EncoderDecoder::encode`].
    #[track_caller]
    #[must_use]
    pub fn encode<'t>(
        &self,
        tape: &'t Tape<T>,
        source: &[usize],
        shape: [usize; 2],
        lengths: Option<&[usize]>,
    ) -> Encoded<'t, T, E::State<'t>> {
        self.model.encode_in(self.options(), tape, source, shape, lengths)
    }

    /// Returns the logits as [`EncoderDecoder::teacher_forced`] does, with the decoder's noise.
    ///
    /// # Panics
    ///
    /// As [`EncoderDecoder::teacher_forced`].
    #[track_caller]
    #[must_use]
    pub fn teacher_forced<'t>(
        &self,
        encoded: &Encoded<'t, T, E::State<'t>>,
        targets: &[usize],
    ) -> Var<'t, T> {
        self.model.teacher_forced_in(self.options(), encoded, targets)
    }

    /// Returns the logits `[T, B, C]` under scheduled sampling (Bengio et al. 2015). At each step, each sequence reads
    /// its target with probability `p`, and else a symbol drawn from the model's own distribution.
    ///
    /// With `p = 1` this is [`teacher_forced`](Self::teacher_forced), with `p = 0` the model runs freely. No gradient
    /// flows through the draws: the symbols are drawn step by step, and then read like targets. Where logits are NaN,
    /// the target is read and the loss is NaN.
    ///
    /// # Panics
    ///
    /// As [`teacher_forced`](Self::teacher_forced), and if `p` is not within 0 to 1.
    #[track_caller]
    #[must_use]
    pub fn scheduled_sampling<'t>(
        &self,
        encoded: &Encoded<'t, T, E::State<'t>>,
        targets: &[usize],
        p: f64,
    ) -> Var<'t, T> {
        let batch = encoded.batch();
        let steps = steps(targets, batch);
        let mut read = Vec::with_capacity(targets.len() + batch);
        let mut decoder = self.model.step_decoder(encoded, batch); // without noise
        let mut symbols = vec![self.model.start; batch];
        for t in 0..steps {
            let logits = decoder.step(&symbols);
            read.append(&mut symbols);
            let mut rng = self.rng.0.borrow_mut();
            let forced = Tensor::<f64>::bernoulli([batch], p, &mut *rng);
            let rows = logits.as_slice().chunks_exact(logits.shape()[1]).zip(&targets[t * batch..]);
            symbols = (rows.zip(forced.as_slice()))
                .map(|((logits, &target), &forced)| {
                    // the loss reports a model that has diverged
                    if logits.iter().any(|logit| logit.is_nan()) {
                        return target;
                    }
                    let drawn = Sampling::new().draw(logits, &mut *rng);
                    if forced == 1.0 { target } else { drawn }
                })
                .collect();
        }
        let hs = self.model.outputs(self.options(), encoded, &read);
        self.model.logits(hs, encoded.memory.as_ref())
    }
}

/// Encoded sequences, from which a decoder starts.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Encoded<'t, T, S> {
    /// The encoder's state at the end of each sequence.
    pub state: S,
    /// The encoder's outputs, `[S, B, M]`; zero beyond the end of a sequence.
    pub outputs: Var<'t, T>,
    /// The prepared memory of attention over these outputs, if there is attention.
    pub memory: Option<AttentionMemory<'t, T>>,
}

impl<T: Scalar, S> Encoded<'_, T, S> {
    fn batch(&self) -> usize {
        self.outputs.shape()[1]
    }
}

/// Returns an encoder's outputs and last state, for sequences `[S, B, I]` of these lengths.
#[track_caller]
pub(crate) fn encode<'t, T: Scalar, E: Layer<T>>(
    encoder: &E,
    xs: Var<'t, T>,
    lengths: Option<&[usize]>,
    options: RunOptions<'_, T>,
) -> (Var<'t, T>, E::State<'t>) {
    let [_, batch, _] = sequence_shape(xs);
    let mask = lengths.map(|lengths| Mask::Lengths(lengths.to_vec()));
    let options = RunOptions { mask: mask.as_ref(), ..options };
    encoder.run(xs, encoder.start(xs.tape(), batch), options)
}

/// Returns the number `T` of steps of targets `[T, B]`.
#[track_caller]
pub(crate) fn steps(targets: &[usize], batch: usize) -> usize {
    let count = targets.len();
    assert!(
        batch > 0 && count.is_multiple_of(batch),
        "{count} targets for a batch of {batch} sequences: give each sequence equally many, padded to the longest"
    );
    count / batch
}

/// Returns the log-probabilities of each row of logits `[R, C]`.
fn log_probabilities<T: Scalar>(logits: &Tensor<T>) -> Vec<Vec<f64>> {
    let rows = logits.log_softmax(-1);
    let of_row = |row: &[T]| row.iter().map(|p| p.as_f64()).collect();
    rows.as_slice().chunks_exact(logits.shape()[1]).map(of_row).collect()
}
