//! Binary cross-entropy, element by element.

use bptt_autodiff::{Operation, Pullback};
use bptt_tensor::{Scalar, Shape, ShapeError, Tensor, shape};

/// `ℓ = −y ln σ(o) − (1 − y) ln (1 − σ(o))` of logits `o` and probabilities `y`, element by element. An outcome of
/// probability 0 contributes nothing, even where its logarithm is infinite.
#[derive(Clone, Copy, Debug)]
pub(super) struct BinaryCrossEntropy;

impl<T: Scalar> Operation<T> for BinaryCrossEntropy {
    fn name(&self) -> &'static str {
        "binary_cross_entropy"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        shape::same("binary_cross_entropy", inputs[0], inputs[1])?;
        Ok(inputs[0].into())
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        let (logits, yes) = (inputs[0], inputs[1]);
        let no = yes.map(|y| T::one() - y);
        // −ln σ(o) is softplus(−o), and 1 − σ(o) is σ(−o)
        let costs =
            |share: &Tensor<T>, against: Tensor<T>| share.select(share * against.softplus(), 0.0);
        costs(yes, -logits) + costs(&no, logits.clone())
    }

    /// `∂o = g (σ(o) − y)`, computed without cancellation, and `∂y = −g o`
    fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
        let (o, y, g) = (at.input(0), at.input(1), at.cotangent());
        at.add(0, || g.chain_mul((1.0 - y) * o.sigmoid() - y * (-o).sigmoid()));
        at.add(1, || (-g).chain_mul(o));
    }
}
