//! Attention: a memory that is read by content.

use bptt_autodiff::{Param, Tape, Var};
use bptt_tensor::Scalar;
use rand::Rng;

use crate::core::init::Init;
use crate::core::module::Module;
use crate::sequence::mask::Mask;
use crate::sequence::shape::sequence_shape;

/// The score of a position without an entry. Its softmax is exactly 0, and unlike minus infinity it is no fault on a
/// [checking](bptt_autodiff::Tape::checking) tape.
pub(super) const MASKED: f64 = -1e30;

/// Attention: the mean of the entries of a memory, weighted by how well each matches a query. The mean is the context:
///
/// ```text
/// a_s = softmax_s(e_s)                  the weights, over the positions of the memory
/// c = Σ_s a_s m_s                       the context
/// ```
///
/// The two kinds differ in the score `e_s` of a query `q` and an entry `m_s`. Queries are the outputs of a decoder,
/// `[T, B, Q]`. The memory is the outputs of an encoder, `[S, B, M]`, [prepared](Self::memory) once for all queries.
/// Contexts are `[T, B, M]`, weights `[T, B, S]`.
///
/// ```
/// use bptt_autodiff::Tape;
/// use bptt_layers::Attention;
/// use bptt_tensor::Tensor;
///
/// let mut rng = bptt_layers::rng(0);
/// let attention = Attention::<f64>::additive(&mut rng, 4, 6, 5);
/// let tape = Tape::new();
/// let encoded = tape.constant(Tensor::normal([7, 2, 6], 0.0, 1.0, &mut rng)); // [S, B, M]
/// let queries = tape.constant(Tensor::normal([3, 2, 4], 0.0, 1.0, &mut rng)); // [T, B, Q]
/// let memory = attention.memory(encoded, Some(&[7, 5]));
/// let (contexts, weights) = attention.attend(queries, &memory);
/// assert_eq!((contexts.shape().to_vec(), weights.shape().to_vec()), (vec![3, 2, 6], vec![3, 2, 7]));
/// assert_eq!(weights.value()[[0, 1, 6]], 0.0); // the second sequence has five entries
/// ```
#[derive(Clone, Debug, Module)]
#[non_exhaustive]
pub enum Attention<T> {
    /// Additive attention (Bahdanau, Cho and Bengio 2015):
    ///
    /// ```text
    /// e_s = tanh(q W_q + m_s W_m) v
    /// ```
    ///
    /// `A·(Q + M + 1)` parameters.
    Additive {
        /// `W_q: [Q, A]`
        w_q: Param<T>,
        /// `W_m: [M, A]`
        w_m: Param<T>,
        /// `v: [A, 1]`
        v: Param<T>,
    },
    /// Multiplicative attention (Luong, Pham and Manning 2015, "general"):
    ///
    /// ```text
    /// e_s = (q W) · m_s
    /// ```
    ///
    /// `Q·M` parameters.
    Multiplicative {
        /// `W: [Q, M]`
        w: Param<T>,
    },
}

impl<T: Scalar> Attention<T> {
    /// Creates additive attention with `hidden_size` units. Weights start from [`Init::Xavier`].
    #[must_use]
    pub fn additive(
        rng: &mut impl Rng,
        query_size: usize,
        memory_size: usize,
        hidden_size: usize,
    ) -> Self {
        let mut weight = |shape: [usize; 2]| Param::new(Init::Xavier.tensor(rng, shape));
        Self::Additive {
            w_q: weight([query_size, hidden_size]),
            w_m: weight([memory_size, hidden_size]),
            v: weight([hidden_size, 1]),
        }
    }

    /// Creates multiplicative attention. The weight starts from [`Init::Xavier`].
    #[must_use]
    pub fn multiplicative(rng: &mut impl Rng, query_size: usize, memory_size: usize) -> Self {
        Self::Multiplicative { w: Param::new(Init::Xavier.tensor(rng, [query_size, memory_size])) }
    }

    /// Prepares the memory `[S, B, M]` for its queries. `lengths` are the numbers of entries of the sequences. Values
    /// beyond them, NaN included, influence neither values nor gradients.
    ///
    /// # Panics
    ///
    /// If the memory does not have three axes, the lengths do not suit it, or a sequence has no entry.
    #[track_caller]
    #[must_use]
    pub fn memory<'t>(
        &self,
        memory: Var<'t, T>,
        lengths: Option<&[usize]>,
    ) -> AttentionMemory<'t, T> {
        let [steps, batch, _] = sequence_shape(memory);
        let mask = lengths.map(|lengths| Mask::Lengths(lengths.to_vec()).of(memory));
        let shortest =
            lengths.and_then(|lengths| lengths.iter().min()).map_or(steps, |&length| length);
        assert!(
            shortest > 0,
            "attention: a sequence of length 0 has nothing to attend to (memory {}, lengths \
             {lengths:?}); leave it out of the batch",
            memory.shape()
        );
        let entries = match &mask {
            Some(mask) => memory.tape().constant(mask.clone()).select(memory, 0.0),
            None => memory,
        };
        let entries = entries.permute(&[1, 0, 2]);
        let keys = match self {
            Self::Additive { w_m, .. } => entries.matmul(w_m),
            Self::Multiplicative { .. } => entries,
        };
        let mask = mask.map(|mask| mask.reshape([steps, batch]).transpose(0, 1));
        AttentionMemory { entries, keys, mask: mask.map(|mask| memory.tape().constant(mask)) }
    }

    /// Returns the scores `e: [T, B, S]` of the queries `[T, B, Q]`, with a large negative number at positions without
    /// an entry.
    ///
    /// # Panics
    ///
    /// If the queries do not have three axes, are of another batch than the memory, or of another size than
    /// the weights.
    #[track_caller]
    #[must_use]
    pub fn scores<'t>(&self, queries: Var<'t, T>, memory: &AttentionMemory<'t, T>) -> Var<'t, T> {
        let [steps, batch, _] = sequence_shape(queries);
        let entries = memory.entries.shape();
        assert!(
            entries[0] == batch,
            "attention: queries {} and a memory [{}, {}, {}] are of different batches",
            queries.shape(),
            entries[1],
            entries[0],
            entries[2]
        );
        let scores = match self {
            Self::Additive { w_q, v, .. } => {
                let queries = queries.matmul(w_q);
                let size = queries.shape()[2];
                let sums = queries.reshape([steps, batch, 1, size]) + memory.keys; // [T, B, S, A]
                sums.tanh().matmul(v).reshape([steps, batch, entries[1]])
            }
            Self::Multiplicative { w } => {
                let scores = queries.matmul(w).permute(&[1, 0, 2]).matmul_t(memory.keys);
                scores.permute(&[1, 0, 2])
            }
        };
        match memory.mask {
            Some(mask) => mask.select(scores, MASKED),
            None => scores,
        }
    }

    /// Returns the contexts `c: [T, B, M]` and the weights `a: [T, B, S]` of the queries `[T, B, Q]`. The weights of a
    /// query sum to one. At positions without an entry they are exactly zero.
    ///
    /// # Panics
    ///
    /// As [`scores`](Self::scores).
    #[track_caller]
    #[must_use]
    pub fn attend<'t>(
        &self,
        queries: Var<'t, T>,
        memory: &AttentionMemory<'t, T>,
    ) -> (Var<'t, T>, Var<'t, T>) {
        let weights = self.scores(queries, memory).softmax(-1);
        let contexts = weights.permute(&[1, 0, 2]).matmul(memory.entries);
        (contexts.permute(&[1, 0, 2]), weights)
    }
}

/// A memory that [`Attention::memory`] has prepared. It holds everything that does not depend on a query.
#[derive(Clone, Copy, Debug)]
pub struct AttentionMemory<'t, T> {
    /// The entries `[B, S, M]`, zero at positions without one.
    entries: Var<'t, T>,
    /// The keys that queries are compared with: `m W_m: [B, S, A]`, or the entries.
    keys: Var<'t, T>,
    /// 1 at positions with an entry, else 0, `[B, S]`.
    mask: Option<Var<'t, T>>,
}

impl<T: Scalar> AttentionMemory<'_, T> {
    /// Returns a copy on another tape, through which no gradient flows.
    pub(crate) fn on<'t>(&self, tape: &'t Tape<T>) -> AttentionMemory<'t, T> {
        let on = |var: Var<'_, T>| tape.constant(var.value());
        AttentionMemory { entries: on(self.entries), keys: on(self.keys), mask: self.mask.map(on) }
    }
}
