//! Layers that run a step at a time.

use bptt_autodiff::{Stepper, Tape, Var};
use bptt_tensor::{Scalar, Tensor};

use super::layer::Layer;
use crate::core::cell::{Cell, StateSizes};

/// A [`Layer`] that can be run a step at a time, by a [`stepper`]. [`Truncation`](crate::Truncation) runs such layers
/// in windows.
///
/// Cells are `Stepwise`. So are wrappers around `Stepwise` layers: [`Stack`](crate::Stack), a tuple,
/// [`Residual`](crate::Residual), [`LearnedStart`](crate::LearnedStart), [`Zoneout`](crate::Zoneout). A layer that
/// reads backward is not, since it begins with the last step:
///
/// ```compile_fail,E0277
/// # use bptt_layers::{Bidirectional, Elman, stepper};
/// # let mut rng = bptt_layers::rng(0);
/// # let mut elman = || Elman::<f32>::new(&mut rng, 3, 4);
/// let both = Bidirectional::new(elman(), elman());
/// let online = stepper(&both, [1, 3]); // cannot be run a step at a time
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be run a step at a time",
    note = "a layer that reads backward, such as `Bidirectional` or `Reversed`, needs the whole sequence first",
    note = "a `Cell` can if it implements `StateSizes`"
)]
pub trait Stepwise<T: Scalar>: Layer<T> {
    /// Returns the output `[B, O]` and the next state, from an input `[B, I]` and the state before, without noise.
    ///
    /// # Panics
    ///
    /// As the equations do.
    #[track_caller]
    #[must_use]
    fn advance<'t>(&self, x: Var<'t, T>, state: Self::State<'t>) -> (Var<'t, T>, Self::State<'t>);
}

/// Every cell with [`StateSizes`](crate::StateSizes).
impl<T: Scalar, C: Cell<T> + StateSizes> Stepwise<T> for C {
    #[track_caller]
    fn advance<'t>(&self, x: Var<'t, T>, state: Self::State<'t>) -> (Var<'t, T>, Self::State<'t>) {
        self.step(x, state)
    }
}

/// Returns a [`Stepper`] that runs the layer a step at a time as inputs `[B, I]` arrive, from its initial state. The
/// results equal those of [`forward`](Layer::forward).
///
/// [`Stepper::set_state`] replaces the state, for instance by the values of a [`CarriedState`](crate::CarriedState).
/// [`Stepper::reset`] starts some sequences of the batch anew.
///
/// ```
/// use bptt_layers::{Linear, Lstm, Stack, stepper};
///
/// let mut rng = bptt_layers::rng(0);
/// let stack = Stack::new(vec![Lstm::<f32>::new(&mut rng, 3, 8), Lstm::new(&mut rng, 8, 8)]);
/// let model = (stack, Linear::new(&mut rng, 8, 3));
/// let mut online = stepper(&model, [1, 3]); // one sequence of three features
/// let mut x = vec![0.1, 0.2, 0.3];
/// for _ in 0..10 {
///     online.step(&[&x]);
///     x.copy_from_slice(online.output(0)); // the output is the next input
/// }
/// ```
///
/// # Panics
///
/// As the layer's equations do.
#[track_caller]
#[must_use]
pub fn stepper<T: Scalar, L: Stepwise<T>>(layer: &L, [batch, features]: [usize; 2]) -> Stepper<T> {
    let tape = Tape::inference();
    let entry = tape.constant(Tensor::zeros([1, batch, features]));
    tape.scan(entry, layer.start(&tape, batch)).stepper(|x, state| layer.advance(x, state))
}
