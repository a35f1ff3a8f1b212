//! Batches: shuffled ones of a data set, and batches of sequences of different lengths.
//!
//! A batch is time-major and padded to its longest sequence: vectors `[T, B, F]`, symbols `[T, B]` in row-major order.
//! A run with [`Recurrence::lengths`](crate::Recurrence::lengths) ignores the padding. So does a loss with a
//! [mask](length_mask), or with targets that are padded by an [ignored
//! class](crate::loss::CrossEntropy::ignored_index):
//!
//! ```
//! use bptt_autodiff::Tape;
//! use bptt_layers::{Embedding, Layer, Linear, Lstm, Recurrence, batching, loss};
//!
//! let rng = &mut bptt_layers::rng(0);
//! let (embedding, lstm) = (Embedding::<f32>::new(rng, 10, 4), Lstm::new(rng, 4, 8));
//! let output = Linear::new(rng, 8, 3);
//! let sentences = [vec![1, 2, 3, 4], vec![5], vec![6, 7, 8], vec![9, 1]];
//! let tags = [vec![0, 1, 2, 0], vec![1], vec![0, 2, 2], vec![1, 0]];
//! let lengths = sentences.each_ref().map(Vec::len);
//! for batch in batching::by_length(&lengths, 2, rng) {
//!     let (symbols, lengths) = batching::pad_symbols(batch.iter().map(|&i| &sentences[i]), 0);
//!     let (targets, _) = batching::pad_symbols(batch.iter().map(|&i| &tags[i]), usize::MAX);
//!     let tape = Tape::new();
//!     let xs = embedding.forward(&tape, &symbols, [symbols.len() / batch.len(), batch.len()]);
//!     let start = lstm.start(&tape, batch.len());
//!     let (ys, _) = Recurrence::new(&lstm).lengths(&lengths).run(xs, start);
//!     let criterion = loss::CrossEntropy::new().ignored_index(usize::MAX);
//!     let loss = criterion.of(output.forward(ys), &targets).mean();
//!     let _gradients = tape.backward(loss);
//! }
//! ```

use bptt_tensor::{Scalar, Shape, Tensor};
use rand::Rng;
use rand::seq::SliceRandom;

/// Pads sequences `[T_b, ..]` with zeros to one batch `[T, B, ..]`, and returns their lengths as well.
///
/// ```
/// use bptt_layers::batching;
/// use bptt_tensor::Tensor;
///
/// let sequences = [Tensor::ones([1, 2]), Tensor::full([3, 2], 5.0)];
/// let (padded, lengths) = batching::pad_sequence(&sequences);
/// assert_eq!((padded.shape().to_vec(), lengths), (vec![3, 2, 2], vec![1, 3]));
/// assert_eq!(padded.to_vec(), [1., 1., 5., 5., 0., 0., 5., 5., 0., 0., 5., 5.]);
/// ```
///
/// # Panics
///
/// If there is no sequence, or if their shapes differ beyond the first axis.
#[track_caller]
#[must_use]
pub fn pad_sequence<T: Scalar>(sequences: &[Tensor<T>]) -> (Tensor<T>, Vec<usize>) {
    let shapes = sequences.iter().map(|sequence| &sequence.shape()[..]);
    let Some(features) = shapes.clone().next().and_then(|shape| shape.get(1..)) else {
        panic!("pad_sequence: needs a sequence [T, ..], to know the shape of an entry");
    };
    for (b, shape) in shapes.clone().enumerate() {
        assert!(
            shape.get(1..) == Some(features),
            "pad_sequence: sequence {b} of shape {shape:?} does not have entries of shape {features:?} as the first has"
        );
    }
    let lengths: Vec<usize> = shapes.map(|shape| shape[0]).collect();
    let (batch, width) = (lengths.len(), features.iter().product::<usize>());
    let steps = lengths.iter().copied().max().unwrap_or(0);
    let shape: Shape = [steps, batch].iter().chain(features).copied().collect();
    let mut padded = Tensor::zeros(shape);
    for (b, sequence) in sequences.iter().enumerate() {
        for t in 0..lengths[b] {
            padded.as_mut_slice()[(t * batch + b) * width..][..width]
                .copy_from_slice(&sequence.as_slice()[t * width..][..width]);
        }
    }
    (padded, lengths)
}

/// Returns the sequences `[T_b, ..]` of a batch `[T, B, ..]`: the inverse of [`pad_sequence`].
///
/// # Panics
///
/// If `padded` has fewer than two axes, if there is not a length for each sequence, or if a length exceeds `T`.
#[track_caller]
#[must_use]
pub fn unpad_sequence<T: Scalar>(padded: &Tensor<T>, lengths: &[usize]) -> Vec<Tensor<T>> {
    let shape = padded.shape();
    let [steps, batch, features @ ..] = &shape[..] else {
        panic!("unpad_sequence: a padded batch is [T, B, ..], not {shape}");
    };
    assert_lengths("unpad_sequence", lengths, [*steps, *batch]);
    let width = features.iter().product::<usize>();
    let sequence = |(b, &length): (usize, &usize)| {
        let entry = |t: usize| &padded.as_slice()[(t * batch + b) * width..][..width];
        let elements: Vec<T> = (0..length).flat_map(entry).copied().collect();
        let shape: Shape = [length].iter().chain(features).copied().collect();
        Tensor::from_vec(shape, elements)
    };
    lengths.iter().enumerate().map(sequence).collect()
}

/// Pads sequences of symbols with `padding` to one batch `[T, B]` in row-major order, and returns their lengths as
/// well.
///
/// ```
/// use bptt_layers::batching;
///
/// let (symbols, lengths) = batching::pad_symbols([&[7, 8, 9][..], &[5]], 0);
/// assert_eq!((symbols, lengths), (vec![7, 5, 8, 0, 9, 0], vec![3, 1]));
/// ```
#[must_use]
pub fn pad_symbols<S: AsRef<[usize]>>(
    sequences: impl IntoIterator<Item = S>,
    padding: usize,
) -> (Vec<usize>, Vec<usize>) {
    let sequences: Vec<S> = sequences.into_iter().collect();
    let lengths: Vec<usize> = sequences.iter().map(|sequence| sequence.as_ref().len()).collect();
    let steps = lengths.iter().copied().max().unwrap_or(0);
    let at = |t: usize| {
        sequences.iter().map(move |sequence| sequence.as_ref().get(t).copied().unwrap_or(padding))
    };
    ((0..steps).flat_map(at).collect(), lengths)
}

/// Returns the sequences of a batch `[T, B]` of symbols, for instance of predictions: the inverse of [`pad_symbols`].
///
/// # Panics
///
/// If the number of symbols is not a multiple of the number of sequences, or if a length exceeds `T`.
#[track_caller]
#[must_use]
pub fn unpad_symbols(symbols: &[usize], lengths: &[usize]) -> Vec<Vec<usize>> {
    let batch = lengths.len();
    assert!(
        symbols.is_empty() || batch > 0 && symbols.len().is_multiple_of(batch),
        "unpad_symbols: {} symbols do not divide into {batch} sequences of equal length",
        symbols.len()
    );
    assert_lengths("unpad_symbols", lengths, [symbols.len() / batch.max(1), batch]);
    let sequence = |(b, &length): (usize, &usize)| {
        symbols.iter().skip(b).step_by(batch).take(length).copied().collect()
    };
    lengths.iter().enumerate().map(sequence).collect()
}

/// Returns the mask `[T, B]` of sequences of these lengths: 1 where there is a step, else 0.
/// [`Loss::masked`](crate::loss::Loss::masked) and the [metrics](crate::metrics) take it.
///
/// ```
/// use bptt_layers::batching;
///
/// assert_eq!(batching::length_mask::<f32>(&[1, 2]).to_vec(), [1., 1., 0., 1.]);
/// ```
#[must_use]
pub fn length_mask<T: Scalar>(lengths: &[usize]) -> Tensor<T> {
    let (steps, batch) = (lengths.iter().copied().max().unwrap_or(0), lengths.len());
    let is_there = |i: usize| f64::from(i / batch < lengths[i % batch]);
    Tensor::from_fn([steps, batch], |i| T::of(is_there(i)))
}

/// Divides sequences into batches of similar lengths, in random order. Returns the indices of each batch's sequences.
///
/// Similar lengths need little padding. The random numbers decide which sequences of equal length share a batch, and
/// the order of the batches, so epochs differ. Each sequence is in exactly one batch. One of the batches may be
/// smaller than the others.
///
/// # Panics
///
/// If `batch` is 0.
#[track_caller]
#[must_use]
pub fn by_length(lengths: &[usize], batch: usize, rng: &mut impl Rng) -> Vec<Vec<usize>> {
    assert!(batch > 0, "by_length: a batch has at least one sequence");
    let mut places: Vec<usize> = (0..lengths.len()).collect();
    places.shuffle(rng);
    places.sort_by_key(|&place| lengths[place]); // stable
    let mut batches: Vec<Vec<usize>> = places.chunks(batch).map(<[usize]>::to_vec).collect();
    batches.shuffle(rng);
    batches
}

/// The last batch of an epoch, where the data set does not divide into batches of equal size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remainder {
    /// It is smaller than the others.
    Keep,
    /// It is left out. Its members differ from epoch to epoch.
    Drop,
}

/// Returns the batches of one epoch: the indices of `count` examples in random order, in groups of `batch`. Each call
/// shuffles anew.
///
/// ```
/// use bptt_layers::batching::{self, Remainder};
/// use bptt_tensor::Tensor;
///
/// let rng = &mut bptt_layers::rng(0);
/// let sequences = Tensor::<f32>::normal([10, 7, 2], 0.0, 1.0, rng); // [N, T, F]
/// let mut read = 0;
/// for batch in batching::shuffled(10, 4, Remainder::Keep, rng) {
///     let xs = sequences.gather_rows(&batch).transpose(0, 1); // [T, B, F]
///     read += xs.shape()[1];
/// }
/// assert_eq!(read, 10); // 4 + 4 + 2
/// assert_eq!(batching::shuffled(10, 4, Remainder::Drop, rng).len(), 2);
/// ```
///
/// # Panics
///
/// If `batch` is 0.
#[track_caller]
#[must_use]
pub fn shuffled(
    count: usize,
    batch: usize,
    remainder: Remainder,
    rng: &mut impl Rng,
) -> Vec<Vec<usize>> {
    assert!(batch > 0, "shuffled: a batch has at least one example");
    let mut places: Vec<usize> = (0..count).collect();
    places.shuffle(rng);
    if remainder == Remainder::Drop {
        places.truncate(count / batch * batch);
    }
    places.chunks(batch).map(<[usize]>::to_vec).collect()
}

#[track_caller]
fn assert_lengths(what: &str, lengths: &[usize], [steps, batch]: [usize; 2]) {
    assert!(
        lengths.len() == batch && lengths.iter().all(|&length| length <= steps),
        "{what}: {batch} sequences of {steps} steps need {batch} lengths of at most {steps}, not {lengths:?}"
    );
}
