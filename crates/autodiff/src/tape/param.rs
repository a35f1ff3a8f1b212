//! Parameters: values with an identity.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use bptt_tensor::{Shape, Tensor};

/// The identity of a parameter, or of a differentiable input of a tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ParamId(u64);

impl ParamId {
    pub(crate) fn fresh() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) fn bits(self) -> u64 {
        self.0
    }
}

/// A trainable value, the field of a model.
///
/// A parameter has an identity. However often equations name it, a tape holds it once. So the
/// gradients of all its uses (every time step, every tied layer) add up. A clone is a different
/// parameter with the same value.
///
/// ```
/// use bptt_autodiff::{Param, Tape};
/// use bptt_tensor::Tensor;
///
/// let w = Param::new(Tensor::from_vec([1], vec![3.0]));
/// let tape = Tape::new();
/// let x = tape.constant(Tensor::from_vec([1], vec![2.0]));
/// let gradients = tape.backward((x * &w * &w).sum_all()); // d(x w²)/dw = 2 x w
/// assert_eq!(gradients[&w].to_vec(), [12.0]);
/// ```
///
/// In an equation, a parameter is the operand of a variable. On its own it is on no tape, so it has no arithmetic:
/// [`Tape::param`](crate::Tape::param) makes it a variable.
///
/// ```
/// # use bptt_autodiff::{Param, Tape};
/// # use bptt_tensor::Tensor;
/// # let a = Param::new(Tensor::from([0.0]));
/// # let tape = Tape::<f64>::new();
/// # let x = tape.constant(Tensor::from([2.0]));
/// let a = x.tape().param(&a);
/// let y = (1.0 - a.exp()) * x;
/// # assert_eq!(y.value().to_vec(), [0.0]);
/// ```
pub struct Param<T> {
    id: ParamId,
    value: Tensor<T>,
}

impl<T> Param<T> {
    /// A new parameter that starts at `value`.
    #[must_use]
    pub fn new(value: Tensor<T>) -> Self {
        Self { id: ParamId::fresh(), value }
    }

    /// The parameter's identity.
    #[must_use]
    pub fn id(&self) -> ParamId {
        self.id
    }

    /// The current value.
    #[must_use]
    pub fn value(&self) -> &Tensor<T> {
        &self.value
    }

    /// The current value, for an optimizer to change in place.
    #[must_use]
    pub fn value_mut(&mut self) -> &mut Tensor<T> {
        &mut self.value
    }

    /// The shape of the value.
    #[must_use]
    pub fn shape(&self) -> &Shape {
        self.value.shape()
    }

    /// Replaces the value.
    ///
    /// # Panics
    ///
    /// If the new value has another shape.
    #[track_caller]
    pub fn set(&mut self, value: Tensor<T>) {
        assert!(
            value.shape() == self.shape(),
            "a parameter of shape {} cannot be set to a value of shape {}",
            self.shape(),
            value.shape(),
        );
        self.value = value;
    }
}

impl<T> Clone for Param<T> {
    /// Creates a parameter with the same value and a new identity.
    fn clone(&self) -> Self {
        Self::new(self.value.clone())
    }
}

impl<T: fmt::Debug> fmt::Debug for Param<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Param").field(&self.value).finish()
    }
}
