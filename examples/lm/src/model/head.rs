//! The output layers: from the highest hidden state to the distribution of the next token.

use bptt::loss::{self, Loss};
use bptt::prelude::*;

use super::settings::{HeadKind, ModelSettings};

/// The output layer of a model.
#[derive(Debug, Module)]
#[module(scalar = f32)]
pub enum Head {
    /// `softmax(h W + b)`
    Softmax(Linear<f32>),
    /// `softmax(h Eᵀ + b)` with the embedding `E` (Press and Wolf 2017)
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
        let size = settings.output_size();
        match settings.head {
            HeadKind::Softmax if settings.tied => {
                Self::Tied { b: Param::new(Tensor::zeros([vocabulary_size])) }
            }
            HeadKind::Softmax => Self::Softmax(Linear::new(rng, size, vocabulary_size)),
            HeadKind::Mixture | HeadKind::Adaptive => unimplemented!(),
        }
    }

    /// Returns the negative log-likelihood of `targets`, one for each place of `h: [.., H]`.
    #[must_use]
    pub fn loss<'t>(
        &self,
        embedding: &Embedding<f32>,
        h: Var<'t, f32>,
        targets: &[usize],
    ) -> Loss<'t, f32> {
        match self {
            Self::Softmax(_) | Self::Tied { .. } => {
                loss::cross_entropy(self.logits(embedding, h), targets)
            }
        }
    }

    /// Returns logits of the next token, `[.., V]` of `h: [.., H]`. Their softmax is the distribution.
    #[must_use]
    pub fn logits<'t>(&self, embedding: &Embedding<f32>, h: Var<'t, f32>) -> Var<'t, f32> {
        match self {
            Self::Softmax(linear) => linear.forward(h),
            Self::Tied { b } => embedding.logits(h) + b,
        }
    }
}
