//! Recurrent states: trees that can be built from their leaves.

use std::any::type_name;

use bptt_tensor::{Scalar, Tensor};

use super::Tree;
use crate::tape::{Tape, Var};

/// A recurrent state, which a cell carries from one step to the next: a [`Tree`] that can be built from its leaves alone,
/// without an example.
///
/// A [`Var`], `()`, a tuple or array of states, or a struct with `#[derive(State)]`. Their types fix the number of
/// leaves. A `Vec` of states has as many as the cell's sizes say; it takes all leaves that remain, so within another
/// state it comes last. The compiler refuses any other place.
///
/// The values of a state can leave a tape and return on another, as they do between two windows of truncated
/// back-propagation:
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
    note = "a state is a `Var`, `()`, a tuple, array or `Vec` of states, or a `#[derive(State)]` struct"
)]
pub trait State<'t, T: Scalar>: Tree<'t, T> {
    /// The number of variables in the tree. It is `None` for a state that ends with a `Vec`, whose length the type does
    /// not say.
    const LEAVES: Option<usize>;

    /// Builds the tree from the next [`LEAVES`](Self::LEAVES) variables, or from all.
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
pub(super) fn assert_leaves(tree: &str, expected: Option<usize>, given: usize) {
    if let Some(expected) = expected {
        assert!(given == expected, "a tree `{tree}` has {expected} leaves, not {given}");
    }
}

/// The number of leaves of a state with these parts, in order; `None` if the last part leaves it open.
///
/// # Panics
///
/// If another part leaves it open.
#[doc(hidden)] // for `#[derive(State)]`
#[must_use]
pub const fn leaves_of_parts(parts: &[Option<usize>]) -> Option<usize> {
    let (mut leaves, mut i) = (0, 0);
    while i < parts.len() {
        match parts[i] {
            Some(own) => leaves += own,
            None if i + 1 == parts.len() => return None,
            None => panic!("a `Vec` takes all leaves that remain: it is the last part of a state"),
        }
        i += 1;
    }
    Some(leaves)
}

impl<'t, T: Scalar> State<'t, T> for Var<'t, T> {
    const LEAVES: Option<usize> = Some(1);

    fn rebuild(leaves: &mut dyn Iterator<Item = Var<'t, T>>) -> Self {
        leaves.next().expect("rebuild needs as many variables as the state has leaves")
    }
}

impl<'t, T: Scalar, S: State<'t, T>, const N: usize> State<'t, T> for [S; N] {
    const LEAVES: Option<usize> = leaves_of_parts(&[S::LEAVES; N]);

    fn rebuild(leaves: &mut dyn Iterator<Item = Var<'t, T>>) -> Self {
        std::array::from_fn(|_| S::rebuild(leaves))
    }
}

impl<'t, T: Scalar, S: State<'t, T>> State<'t, T> for Vec<S> {
    const LEAVES: Option<usize> = None;

    #[track_caller]
    fn rebuild(leaves: &mut dyn Iterator<Item = Var<'t, T>>) -> Self {
        let each = const {
            match S::LEAVES {
                Some(leaves) if leaves > 0 => leaves,
                _ => panic!("the states of a `Vec` have variables, whose number their type fixes"),
            }
        };
        let leaves: Vec<_> = leaves.collect();
        leaves.chunks(each).map(S::from_leaves).collect()
    }
}

macro_rules! impl_for_tuple {
    ($($part:ident),*) => {
        #[allow(unused_variables, reason = "the empty tuple has no leaves")]
        impl<'t, T: Scalar, $($part: State<'t, T>),*> State<'t, T> for ($($part,)*) {
            const LEAVES: Option<usize> = leaves_of_parts(&[$($part::LEAVES),*]);

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

#[cfg(test)]
mod tests {
    use super::leaves_of_parts;

    #[test]
    fn parts_are_counted() {
        assert_eq!(leaves_of_parts(&[Some(2), Some(3)]), Some(5));
        assert_eq!(leaves_of_parts(&[Some(2), None]), None);
    }

    #[test]
    #[should_panic(expected = "is the last part of a state")]
    fn a_list_is_the_last_part() {
        let _ = leaves_of_parts(&[None, Some(1)]);
    }
}
