//! The cell: one step of a recurrence, written as its equations.

use bptt_autodiff::{Tape, Var};
use bptt_tensor::{Scalar, Tensor};

use bptt_autodiff::State;

/// One step of a recurrent network.
///
/// [`step`](Self::step) holds the equations of the network. It maps an input `x_t: [B, I]` and the previous state to an
/// output and the next state. The loop over time, stacking and gradients follow from this one method.
///
/// ```standalone_crate
/// use bptt_autodiff::{Param, Var};
/// use bptt_layers::{Cell, Module};
/// use bptt_tensor::Scalar;
///
/// # extern crate bptt_layers as bptt;
/// /// `f = σ(x W_ih_f + h W_hh_f + b_f)`, `n = tanh(x W_ih_n + (f ⊙ h) W_hh_n + b_n)`,
/// /// `h ← (1 − f) ⊙ h + f ⊙ n`
/// #[derive(Module)]
/// pub struct MinimalGatedUnit<T> {
///     w_ih_f: Param<T>,
///     w_hh_f: Param<T>,
///     b_f: Param<T>,
///     w_ih_n: Param<T>,
///     w_hh_n: Param<T>,
///     b_n: Param<T>,
/// }
///
/// impl<T: Scalar> Cell<T> for MinimalGatedUnit<T> {
///     type State<'t> = Var<'t, T>;
///
///     fn step<'t>(&self, x: Var<'t, T>, h: Var<'t, T>) -> (Var<'t, T>, Var<'t, T>) {
///         let f = (x.matmul(&self.w_ih_f) + h.matmul(&self.w_hh_f) + &self.b_f).sigmoid();
///         let n = (x.matmul(&self.w_ih_n) + (f * h).matmul(&self.w_hh_n) + &self.b_n).tanh();
///         let h = (1.0 - f) * h + f * n;
///         (h, h)
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a cell of scalar type `{T}`",
    note = "a wrapper of layers, such as `Stack` or `Bidirectional`, is a layer and not a cell: run it by \
            `Recurrence`, or one step at a time by `Stepwise`; a tuple of two cells is a cell"
)]
pub trait Cell<T: Scalar> {
    /// The state that is carried from step to step: a tree of variables. The first axis of each variable is the batch.
    /// A variable without axes, such as a count of steps, is shared by the batch.
    type State<'t>: State<'t, T>;

    /// Returns the output and the next state, from an input `[B, I]` and the state before.
    fn step<'t>(&self, x: Var<'t, T>, state: Self::State<'t>) -> (Var<'t, T>, Self::State<'t>);
}

/// The sizes of a cell's state, so that it can start from zeros. A [`Cell`] with `StateSizes` is a
/// [`Layer`](crate::Layer), which all wrappers take.
///
/// The trait is separate from [`Cell`]. A cell without it can still run by [`scan`](crate::scan) and
/// [`unroll`](crate::unroll), which take the initial state.
pub trait StateSizes {
    /// Returns the number of features of each variable of the state, in the order of its leaves.
    #[must_use]
    fn state_sizes(&self) -> Vec<usize>;

    /// Returns a state of zeros for a batch: each variable is `[batch, size]`.
    #[must_use]
    fn zero_state<'t, T: Scalar>(&self, tape: &'t Tape<T>, batch: usize) -> Self::State<'t>
    where
        Self: Cell<T>,
    {
        let zeros: Vec<_> =
            self.state_sizes().into_iter().map(|size| Tensor::zeros([batch, size])).collect();
        State::from_values(tape, &zeros)
    }
}

/// A borrowed cell is a cell. A wrapper can therefore borrow a cell, where a clone would have its own parameters.
impl<T: Scalar, C: Cell<T>> Cell<T> for &C {
    type State<'t> = C::State<'t>;

    #[track_caller]
    fn step<'t>(&self, x: Var<'t, T>, state: Self::State<'t>) -> (Var<'t, T>, Self::State<'t>) {
        (**self).step(x, state)
    }
}

impl<C: StateSizes> StateSizes for &C {
    fn state_sizes(&self) -> Vec<usize> {
        (**self).state_sizes()
    }
}

/// A tuple of two cells is a cell, the second above the first. The equations of another cell may call its step. As a
/// layer, a tuple runs the first part over the whole sequence, then the second.
impl<T: Scalar, A: Cell<T>, B: Cell<T>> Cell<T> for (A, B) {
    type State<'t> = (A::State<'t>, B::State<'t>);

    fn step<'t>(
        &self,
        x: Var<'t, T>,
        (below, above): Self::State<'t>,
    ) -> (Var<'t, T>, Self::State<'t>) {
        let (x, below) = self.0.step(x, below);
        let (y, above) = self.1.step(x, above);
        (y, (below, above))
    }
}
