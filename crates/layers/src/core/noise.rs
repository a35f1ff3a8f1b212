//! Cells whose equations say where noise applies.

use std::cell::Cell as Slot;

use bptt_autodiff::Var;
use bptt_tensor::{Scalar, Tensor};

use super::cell::Cell;

/// A cell whose equations say where noise applies.
///
/// Noise on a state applies where matrix products *read* it. Noise on a candidate applies where it is *written* into
/// the state. The part of the state that a cell carries over, such as `z ⊙ h₋` of a GRU, must have no noise: scaled at
/// each step, it would grow without bound. A wrapper cannot tell these uses of the state apart, so the cell marks them:
///
/// ```standalone_crate
/// use bptt_autodiff::{Param, Var};
/// use bptt_layers::{Cell, Module, Noise, NoisyCell};
/// use bptt_tensor::Scalar;
///
/// # extern crate bptt_layers as bptt;
/// /// `z = σ(x W_ih_z + h₋ W_hh_z)`, `n = tanh(x W_ih_n + h₋ W_hh_n)`, `h = (1 − z) ⊙ n + z ⊙ h₋`
/// #[derive(Module)]
/// struct Unit<T> {
///     w_ih_z: Param<T>,
///     w_hh_z: Param<T>,
///     w_ih_n: Param<T>,
///     w_hh_n: Param<T>,
/// }
///
/// impl<T: Scalar> NoisyCell<T> for Unit<T> {
///     fn noisy_step<'t>(
///         &self,
///         x: Var<'t, T>,
///         h: Var<'t, T>,
///         noise: &Noise<'_, T>,
///     ) -> (Var<'t, T>, Var<'t, T>) {
///         let read = noise.read(0, h);
///         let z = (x.matmul(&self.w_ih_z) + read.matmul(&self.w_hh_z)).sigmoid();
///         let n = (x.matmul(&self.w_ih_n) + read.matmul(&self.w_hh_n)).tanh();
///         let h = (1.0 - z) * noise.written(0, n) + z * h;
///         (h, h)
///     }
/// }
///
/// impl<T: Scalar> Cell<T> for Unit<T> {
///     type State<'t> = Var<'t, T>;
///
///     fn step<'t>(&self, x: Var<'t, T>, h: Var<'t, T>) -> (Var<'t, T>, Var<'t, T>) {
///         self.noisy_step(x, h, &Noise::NONE)
///     }
/// }
/// ```
///
/// [`VariationalDropout`](crate::VariationalDropout) and [`RecurrentDropout`](crate::RecurrentDropout) wrap noisy
/// cells. Every cell of the library whose state consists of vectors is one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say where noise applies in its equations",
    note = "implement `NoisyCell` with the equations, and `Cell::step` as `noisy_step` with `Noise::NONE`"
)]
pub trait NoisyCell<T: Scalar>: Cell<T> {
    /// Makes a [`step`](Cell::step) with noise where the state is read and written. With [`Noise::NONE`], it equals
    /// `step`.
    fn noisy_step<'t>(
        &self,
        x: Var<'t, T>,
        state: Self::State<'t>,
        noise: &Noise<'_, T>,
    ) -> (Var<'t, T>, Self::State<'t>);
}

/// The noise of training within a step of a [`NoisyCell`].
///
/// The variables of the state are counted from 0, in the order of its leaves.
#[derive(Clone, Copy, Debug)]
pub struct Noise<'n, T> {
    pub(crate) read: &'n [Option<Mask<T>>],
    pub(crate) written: &'n [Option<Mask<T>>],
}

/// The factors of noisy values.
#[derive(Clone, Debug)]
pub(crate) struct Mask<T> {
    factors: Tensor<T>,
    pub(crate) is_used: Slot<bool>,
}

impl<T: Scalar> Noise<'_, T> {
    /// No noise: the step of evaluation.
    pub const NONE: Self = Self { read: &[], written: &[] };

    /// Returns the noise of a cell within this one, whose state begins at this variable.
    pub(crate) fn of_part(&self, first: usize) -> Self {
        let [read, written] = [self.read, self.written].map(|masks| masks.get(first..));
        Self { read: read.unwrap_or_default(), written: written.unwrap_or_default() }
    }

    /// Returns `value` with its noise, for matrix products to read. `variable` is its number in the state.
    #[track_caller]
    #[must_use]
    pub fn read<'t>(&self, variable: usize, value: Var<'t, T>) -> Var<'t, T> {
        match self.read.get(variable) {
            Some(Some(mask)) => value * mask.factors(),
            _ => value,
        }
    }

    /// Returns `candidate` with its noise, to be written into the state. `variable` is the number of the variable it is
    /// written into.
    #[track_caller]
    #[must_use]
    pub fn written<'t>(&self, variable: usize, candidate: Var<'t, T>) -> Var<'t, T> {
        match self.written.get(variable) {
            Some(Some(mask)) => candidate * candidate.tape().at_step(mask.factors()),
            _ => candidate,
        }
    }
}

impl<T> Mask<T> {
    pub(crate) fn new(factors: Tensor<T>) -> Self {
        Self { factors, is_used: Slot::new(false) }
    }

    fn factors(&self) -> &Tensor<T> {
        self.is_used.set(true);
        &self.factors
    }
}

impl<T: Scalar, C: NoisyCell<T>> NoisyCell<T> for &C {
    #[track_caller]
    fn noisy_step<'t>(
        &self,
        x: Var<'t, T>,
        state: Self::State<'t>,
        noise: &Noise<'_, T>,
    ) -> (Var<'t, T>, Self::State<'t>) {
        (**self).noisy_step(x, state, noise)
    }
}

/// Implements [`Cell`] for the [`NoisyCell`] `$cell` with the state `$state`. Its step is the noisy step without noise.
macro_rules! step_without_noise {
    ($cell:ident, $state:ty) => {
        impl<T: Scalar> $crate::core::cell::Cell<T> for $cell<T> {
            type State<'t> = $state;

            fn step<'t>(
                &self,
                x: Var<'t, T>,
                state: Self::State<'t>,
            ) -> (Var<'t, T>, Self::State<'t>) {
                $crate::core::noise::NoisyCell::noisy_step(
                    self,
                    x,
                    state,
                    &$crate::core::noise::Noise::NONE,
                )
            }
        }
    };
}
pub(crate) use step_without_noise;
