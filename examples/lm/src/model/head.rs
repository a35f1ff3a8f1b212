//! The output layers: from the highest hidden state to the distribution of the next token.

use bptt::loss::{self, Loss};
use bptt::prelude::*;

use super::settings::{HeadKind, ModelSettings};

/// The factor by which the projections of an adaptive softmax shrink from cluster to cluster.
const SHRINKAGE: usize = 4;

/// The output layer of a model.
#[derive(Debug, Module)]
#[module(scalar = f32)]
#[expect(clippy::large_enum_variant, reason = "a model has one")]
pub enum Head {
    /// `softmax(h W + b)`
    Softmax(Projection),
    /// A mixture of softmaxes, whose contexts are projected to logits.
    Mixture(MixtureOfSoftmaxes<f32>, Projection),
    /// A softmax in clusters.
    Adaptive(AdaptiveSoftmax<f32>),
}

/// The projection of features to logits.
#[derive(Debug, Module)]
#[module(scalar = f32)]
pub enum Projection {
    /// `h W + b`
    Own(Linear<f32>),
    /// `h Eᵀ + b` with the embedding `E` (Press and Wolf 2017)
    Tied {
        /// `[V]`
        b: Param<f32>,
    },
}

impl Head {
    pub(super) fn new(
        settings: &ModelSettings,
        vocabulary_size: usize,
        rng: &mut impl Rng,
    ) -> Self {
        let &ModelSettings { embedding_size, tied, components, .. } = settings;
        let size = settings.output_size();
        let project = |rng: &mut _, size| match tied {
            true => Projection::Tied { b: Param::new(Tensor::zeros([vocabulary_size])) },
            false => Projection::Own(Linear::new(rng, size, vocabulary_size)),
        };
        match settings.head {
            HeadKind::Softmax => Self::Softmax(project(rng, size)),
            HeadKind::Mixture => {
                let mixture = MixtureOfSoftmaxes::new(rng, size, embedding_size, components);
                Self::Mixture(mixture, project(rng, embedding_size))
            }
            HeadKind::Adaptive => {
                let cutoffs = &settings.cutoffs;
                Self::Adaptive(AdaptiveSoftmax::new(rng, size, vocabulary_size, cutoffs, SHRINKAGE))
            }
        }
    }

    /// Returns the negative log-likelihood of `targets`, one for each position of `h: [.., H]`.
    pub fn loss<'t>(
        &self,
        embedding: &Embedding<f32>,
        h: Var<'t, f32>,
        targets: &[usize],
    ) -> Loss<'t, f32> {
        match self {
            Self::Softmax(projection) => {
                loss::cross_entropy(projection.logits(embedding, h), targets)
            }
            Self::Mixture(..) => loss::negative_log_likelihood(self.logits(embedding, h), targets),
            Self::Adaptive(softmax) => softmax.loss(h, targets),
        }
    }

    /// Returns logits of the next token, `[.., V]` of `h: [.., H]`. Their softmax is the distribution.
    #[must_use]
    pub fn logits<'t>(&self, embedding: &Embedding<f32>, h: Var<'t, f32>) -> Var<'t, f32> {
        match self {
            Self::Softmax(projection) => projection.logits(embedding, h),
            Self::Mixture(mixture, projection) => {
                mixture.forward(h, |contexts| projection.logits(embedding, contexts))
            }
            Self::Adaptive(softmax) => softmax.log_probabilities(h),
        }
    }
}

impl Projection {
    fn logits<'t>(&self, embedding: &Embedding<f32>, h: Var<'t, f32>) -> Var<'t, f32> {
        match self {
            Self::Own(linear) => linear.forward(h),
            Self::Tied { b } => embedding.logits(h) + b,
        }
    }
}
