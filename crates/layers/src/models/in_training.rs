//! Models with the noise of training.

use bptt_tensor::Scalar;
use rand::Rng;

use crate::sequence::options::RunOptions;
use crate::sequence::shared_rng::SharedRng;

/// A model with the noise of training: dropout between the layers of stacks, zoneout, variational dropout.
/// [`EncoderDecoder::in_training`](crate::EncoderDecoder::in_training) and
/// [`PointerNetwork::in_training`](crate::PointerNetwork::in_training) return it.
///
/// ```
/// # use bptt_autodiff::Tape;
/// # use bptt_layers::{Dropout, Embedding, EncoderDecoder, Gru, Linear, Stack, loss};
/// # let rng = &mut bptt_layers::rng(0);
/// # let mut stack = || {
/// #     let layers = vec![Gru::<f32>::new(rng, 8, 8), Gru::new(rng, 8, 8)];
/// #     Stack::new(layers).dropout(Dropout::new(0.2))
/// # };
/// # let (encoder, decoder) = (stack(), stack());
/// # let (source, target) = (Embedding::new(rng, 9, 8), Embedding::new(rng, 9, 8));
/// # let output = Linear::new(rng, 8, 9);
/// # let attention = None;
/// # let model = EncoderDecoder { source, encoder, target, decoder, attention, output, start: 0, end: 1 };
/// # let (tape, targets) = (Tape::new(), [5, 6, 1]);
/// let training = model.in_training(rng);
/// let encoded = training.encode(&tape, &[2, 3, 4], [3, 1], None);
/// let logits = training.teacher_forced(&encoded, &targets);
/// let gradients = tape.backward(loss::cross_entropy(logits, &targets).mean());
/// ```
#[derive(Debug)]
pub struct InTraining<'m, M> {
    pub(crate) model: &'m M,
    pub(crate) rng: SharedRng<'m>,
}

impl<'m, M> InTraining<'m, M> {
    pub(crate) fn new(model: &'m M, rng: &'m mut impl Rng) -> Self {
        Self { model, rng: SharedRng::new(rng) }
    }

    pub(crate) fn options<T: Scalar>(&self) -> RunOptions<'_, T> {
        RunOptions { rng: Some(&self.rng), ..RunOptions::default() }
    }
}
