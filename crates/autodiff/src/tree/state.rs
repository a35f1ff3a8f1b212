//! Recurrent states: trees whose type fixes the number of their leaves.

use std::any::type_name;

use bptt_tensor::{Scalar, Tensor};

use super::Tree;
use crate::tape::{Tape, Var};

/// A recurrent state, which a cell carries from one step to the next: a [`Tree`] whose type fixes
/// the number and order of its leaves.
///
/// A [`Var`], `()`, a tuple or array of states, or a struct with `#[derive(State)]`. A state can be built from its
/// leaves alone, without an example. So its values can leave a tape and return on another, as they do between two
/// windows of truncated back-propagation:
///
/// ```
/// use bptt_autodiff::{State, Tape, Tree, Var};
/// use bptt_tensor::Tensor;
///
/// let carried = {
///     let window = Tape::<f64>::new();
///     let state = (window.constant(Tensor::scalar(1.0)), window.constant(Tensor::scalar(2.0)));
///     state.values()
/// };
/// let window = Tape::new();
/// let (h, c) = <(Var<'_, f64>, Var<'_, f64>)>::from_values(&window, &carried);
/// assert_eq!((h.item(), c.item()), (1.0, 2.0));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a recurrent state of scalar type `{T}`",
    label = "not a tree of variables",
    note = "a state is a `Var`, `()`, a tuple or array of states, or a `#[derive(State)]` struct"
)]
pub trait State<'t, T: Scalar>: Tree<'t, T> + Copy {
    /// The number of variables in the tree.
    const LEAVES: usize;

    /// Builds the tree from the next [`LEAVES`](Self::LEAVES) variables.
    ///
    /// Implementations build their parts from one iterator; other code calls [`from_leaves`](Self::from_leaves).
    ///
    /// # Panics
    ///
    /// If there are fewer variables.
    #[must_use]
    fn rebuild(leaves: &mut dyn Iterator<Item = Var<'t, T>>) -> Self;

    /// The tree with these variables.
    ///
    /// # Panics
    ///
    /// If their number is not [`LEAVES`](Self::LEAVES).
    #[must_use]
    #[track_caller]
    fn from_leaves(leaves: &[Var<'t, T>]) -> Self {
        assert_leaves(type_name::<Self>(), Self::LEAVES, leaves.len());
        Self::rebuild(&mut leaves.iter().copied())
    }

    /// The tree with these values as constants on `tape`, so that no gradient flows into them.
    ///
    /// # Panics
    ///
    /// If their number is not [`LEAVES`](Self::LEAVES).
    #[must_use]
    #[track_caller]
    fn from_values(tape: &'t Tape<T>, values: &[Tensor<T>]) -> Self {
        assert_leaves(type_name::<Self>(), Self::LEAVES, values.len());
        Self::rebuild(&mut values.iter().map(|value| tape.constant(value.clone())))
    }
}

#[track_caller]
pub(super) fn assert_leaves(tree: &str, expected: usize, given: usize) {
    assert!(given == expected, "a tree `{tree}` has {expected} leaves, not {given}");
}

impl<'t, T: Scalar> State<'t, T> for Var<'t, T> {
    const LEAVES: usize = 1;

    fn rebuild(leaves: &mut dyn Iterator<Item = Var<'t, T>>) -> Self {
        leaves.next().expect("rebuild needs as many variables as the state has leaves")
    }
}

impl<'t, T: Scalar, S: State<'t, T>, const N: usize> State<'t, T> for [S; N] {
    const LEAVES: usize = N * S::LEAVES;

    fn rebuild(leaves: &mut dyn Iterator<Item = Var<'t, T>>) -> Self {
        std::array::from_fn(|_| S::rebuild(leaves))
    }
}

macro_rules! impl_for_tuple {
    ($($part:ident),*) => {
        #[allow(unused_variables, reason = "the empty tuple has no leaves")]
        impl<'t, T: Scalar, $($part: State<'t, T>),*> State<'t, T> for ($($part,)*) {
            const LEAVES: usize = 0 $(+ $part::LEAVES)*;

            #[allow(clippy::unused_unit, reason = "the empty tuple has nothing to rebuild")]
            fn rebuild(leaves: &mut dyn Iterator<Item = Var<'t, T>>) -> Self {
                ($($part::rebuild(leaves),)*)
            }
        }
    };
}

impl_for_tuple!();
impl_for_tuple!(A);
impl_for_tuple!(A, B);
impl_for_tuple!(A, B, C);
impl_for_tuple!(A, B, C, D);
impl_for_tuple!(A, B, C, D, E);
impl_for_tuple!(A, B, C, D, E, F);
