//! The bias of truncated back-propagation.

use bptt_layers::{Module, Truncation};
use bptt_tensor::{Scalar, Tensor};

use super::agreement::Agreement;

/// How far the gradient of BPTT(k₁, k₂) is from the whole gradient, from
/// [`GradientsOverTime::bias`](super::GradientsOverTime::bias).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TruncationBias {
    /// BPTT(k₁, k₂).
    pub truncation: Truncation,
    /// The name of each parameter, and the agreement of its truncated gradient with the whole one, in the order of
    /// declaration.
    pub parameters: Vec<(String, Agreement)>,
    /// The agreement of the gradients of all parameters together.
    pub overall: Agreement,
}

impl TruncationBias {
    pub(super) fn new<T: Scalar>(
        truncation: Truncation,
        model: &impl Module<T>,
        truncated: &[Tensor<T>],
        whole: &[Tensor<T>],
    ) -> Self {
        let pairs = truncated.iter().zip(whole);
        let parameters = model.parameters().into_iter().zip(pairs);
        let parameters =
            parameters.map(|((name, _), (own, whole))| (name, Agreement::of(&[own], &[whole])));
        let [all, wholes] = [truncated, whole].map(|tensors| tensors.iter().collect::<Vec<_>>());
        Self { truncation, parameters: parameters.collect(), overall: Agreement::of(&all, &wholes) }
    }

    /// Returns the agreement for the parameter of this name, if there is one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Agreement> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, agreement)| agreement)
    }
}
