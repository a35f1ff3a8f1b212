//! Clipping of exploding gradients.

use bptt_autodiff::{Gradients, Param};
use bptt_tensor::Scalar;

use crate::core::module::described;
use crate::core::module::{Module, ParameterPath};
use crate::core::pieces;
use crate::core::pieces::PIECE;

/// The error of a gradient with a NaN or an infinity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the gradient of {} is not finite: the run has diverged; lower the learning rate or \
     the norm that gradients are clipped to, or find the equation at fault with `Tape::checking`",
    described(parameter)
)]
pub struct NonFiniteGradient {
    /// The name of the first parameter with such a gradient; empty if the model is itself a parameter.
    pub parameter: String,
}

/// Returns the norm of all gradients of a model together, and leaves the gradients unchanged:
///
/// ```text
/// ‖g‖ = √(Σ gᵢ²) over all parameters
/// ```
///
/// [`clip_norm`] limits this norm, and computes it in the same way. It is NaN or infinite if a gradient is not
/// finite, and infinite if it exceeds `f64::MAX`.
///
/// ```
/// use bptt_autodiff::{Param, Tape};
/// use bptt_layers::gradient_norm;
/// use bptt_tensor::Tensor;
///
/// let w = Param::new(Tensor::<f32>::from_vec([2], vec![1.5, 2.0]));
/// let tape = Tape::new();
/// let gradients = tape.backward(tape.param(&w).square().sum_all());
/// assert_eq!(gradient_norm(&w, &gradients), 5.0);
/// ```
#[must_use]
pub fn gradient_norm<T: Scalar>(model: &dyn Module<T>, gradients: &Gradients<T>) -> f64 {
    gradients.norm_of(model.parameters().into_iter().map(|(_, parameter)| parameter))
}

/// Scales all gradients of a model together so that their norm is at most `max_norm`, and returns
/// the norm that they had:
///
/// ```text
/// ‖g‖ = √(Σ gᵢ²) over all parameters
/// g ← g · min(1, max_norm / (‖g‖ + 10⁻⁶))
/// ```
///
/// The norm is summed in double precision and in a fixed order. Finite gradients of any size are scaled. The returned
/// norm alone is infinite if it exceeds `f64::MAX`. Pascanu, Mikolov and Bengio, *On the difficulty of training
/// recurrent neural networks* (2013).
///
/// # Errors
///
/// If a gradient is not finite: a scaled NaN would only spread. The gradients then stay as they
/// were.
///
/// # Panics
///
/// If `max_norm` is not greater than 0.
#[track_caller]
pub fn clip_norm<T: Scalar>(
    model: &dyn Module<T>,
    gradients: &mut Gradients<T>,
    max_norm: f64,
) -> Result<f64, NonFiniteGradient> {
    assert!(max_norm > 0.0, "gradients are clipped to a norm greater than 0, not {max_norm}");
    let norm = gradient_norm(model, gradients);
    if norm.is_finite() {
        let scale = max_norm / (norm + 1e-6);
        if scale < 1.0 {
            for_each_gradient(model, gradients, |gradient| *gradient *= T::of(scale));
        }
    } else {
        expect_finite(model, gradients)?;
        if max_norm.is_finite() {
            // the elements are finite, and the norm alone overflows
            for_each_gradient(model, gradients, |gradient| *gradient *= T::of(SMALL));
            clip_norm(model, gradients, max_norm)?;
        }
    }
    Ok(norm)
}

/// Limits every element of the gradients to `−limit ..= limit`.
///
/// # Errors
///
/// If a gradient is not finite. The gradients then stay as they were.
///
/// # Panics
///
/// If `limit` is not greater than 0.
#[track_caller]
pub fn clip_value<T: Scalar>(
    model: &dyn Module<T>,
    gradients: &mut Gradients<T>,
    limit: f64,
) -> Result<(), NonFiniteGradient> {
    assert!(limit > 0.0, "gradients are clipped to a value greater than 0, not {limit}");
    expect_finite(model, gradients)?;
    let limit = T::of(limit);
    for_each_gradient(model, gradients, |gradient| *gradient = gradient.max(-limit).min(limit));
    Ok(())
}

fn for_each_gradient<T: Scalar>(
    model: &dyn Module<T>,
    gradients: &mut Gradients<T>,
    change: impl Fn(&mut T) + Sync,
) {
    model.visit(&mut ParameterPath::default(), &mut |_, parameter| {
        if let Some(gradient) = gradients.get_mut(parameter) {
            let pieces = gradient.as_mut_slice().chunks_mut(PIECE).collect();
            pieces::for_each(pieces, |piece: &mut [T]| piece.iter_mut().for_each(&change));
        }
    });
}

fn expect_finite<T: Scalar>(
    model: &dyn Module<T>,
    gradients: &Gradients<T>,
) -> Result<(), NonFiniteGradient> {
    let mut finite = Ok(());
    model.visit(&mut ParameterPath::default(), &mut |name: &str, parameter: &Param<T>| {
        let (Ok(()), Some(gradient)) = (&finite, gradients.get(parameter)) else { return };
        if !gradient.is_finite() {
            finite = Err(NonFiniteGradient { parameter: name.to_owned() });
        }
    });
    finite
}

/// `2⁻⁶⁰⁰`: exact as a factor, and small enough that norms do not overflow.
const SMALL: f64 = f64::from_bits((1023 - 600) << 52);
