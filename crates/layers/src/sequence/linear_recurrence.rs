//! Recurrences that are linear in the state, without a loop over time.

use bptt_autodiff::Var;
use bptt_tensor::Scalar;
use bptt_tensor::shape::{self, OrPanic};

/// A cell whose step is linear in the state: `h = a(x) ⊙ h₋ + b(x)`.
///
/// The factor `a` and the summand `b` do not depend on the state. A [`scan`](crate::scan) therefore computes them for
/// all steps at once, and [`parallel`](Self::parallel) needs no loop.
pub trait LinearCell<T: Scalar> {
    /// Returns `a` and `b`, each `[.., H]`, from the inputs `[.., I]` of one step or of all steps.
    #[must_use]
    fn coefficients<'t>(&self, x: Var<'t, T>) -> (Var<'t, T>, Var<'t, T>);

    /// Returns all states `[T, B, H]` from inputs `[T, B, I]` and the initial state `[B, H]`, by a
    /// [`linear_recurrence`]. They equal those of [`scan`](crate::scan), up to rounding.
    ///
    /// # Panics
    ///
    /// If the shapes do not agree.
    #[track_caller]
    #[must_use]
    fn parallel<'t>(&self, xs: Var<'t, T>, h: Var<'t, T>) -> Var<'t, T> {
        let (a, b) = self.coefficients(xs);
        linear_recurrence(a, b, h)
    }
}

/// Returns all states `h_t = a_t ⊙ h_{t−1} + b_t` of a linear recurrence, in `⌈log₂ T⌉` passes over the whole sequence
/// rather than `T` steps.
///
/// `a`, `b: [T, B, H]`, the initial state `h: [B, H]`; the result is `[T, B, H]`. The composition of two steps has the
/// form of a step, `(a, b) ∘ (a', b') = (a ⊙ a', a ⊙ b' + b)`. Pass `k` therefore composes each step with the one `2ᵏ`
/// steps before it (Hillis and Steele 1986). The passes compute `T log T` elements, the loop `T`. The passes pay off
/// where many processors are idle, and they serve as a check of the loop.
///
/// ```
/// use bptt_autodiff::Tape;
/// use bptt_layers::linear_recurrence;
/// use bptt_tensor::Tensor;
///
/// let tape = Tape::new();
/// let [a, b] = [0.5, 1.0].map(|x| tape.constant(Tensor::full([3, 1, 1], x)));
/// let h = tape.constant(Tensor::full([1, 1], 4.0));
/// assert_eq!(linear_recurrence(a, b, h).value().to_vec(), [3.0, 2.5, 2.25]);
/// ```
///
/// # Panics
///
/// If `a` and `b` differ in shape, or `h` does not have the shape of one of their steps.
#[track_caller]
#[must_use]
pub fn linear_recurrence<'t, T: Scalar>(a: Var<'t, T>, b: Var<'t, T>, h: Var<'t, T>) -> Var<'t, T> {
    shape::same("linear_recurrence", &a.shape(), &b.shape()).or_panic();
    assert!(
        a.shape().len() == 3,
        "linear_recurrence: coefficients are [T, B, H], not {}",
        a.shape()
    );
    shape::same("linear_recurrence", &a.shape().without(0), &h.shape()).or_panic();
    let steps = a.shape()[0];
    if steps == 0 {
        return b;
    }
    let first = a.slice(0, 0..1) * h + b.slice(0, 0..1);
    let (mut a, mut b) = (a, Var::concat(&[first, b.slice(0, 1..steps)], 0));
    let mut reach = 1;
    while reach < steps {
        let [rest, before] = [reach..steps, 0..steps - reach];
        let joined =
            a.slice(0, rest.clone()) * b.slice(0, before.clone()) + b.slice(0, rest.clone());
        b = Var::concat(&[b.slice(0, 0..reach), joined], 0);
        if 2 * reach < steps {
            let joined = a.slice(0, rest) * a.slice(0, before);
            a = Var::concat(&[a.slice(0, 0..reach), joined], 0);
        }
        reach *= 2;
    }
    b
}
