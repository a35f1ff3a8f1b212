//! Recurrent states: trees of variables.

use bptt_autodiff::{Tape, Var};
use bptt_tensor::{Scalar, Tensor};

/// What a cell carries from one step to the next: any tree of [`Var`]s on one tape.
///
/// A [`Var`], `()`, a tuple or array of states, or a struct with `#[derive(State)]`. The tree's
/// form belongs to the type; its leaves have a fixed number and order. So a state can be taken
/// apart and put together again, on another tape too, which is how it crosses the border between
/// two windows of truncated back-propagation:
///
/// ```
/// use bptt_autodiff::{Tape, Var};
/// use bptt_layers::State;
/// use bptt_tensor::Tensor;
///
/// let carried = {
///     let window = Tape::<f64>::new();
///     let state = (window.constant(Tensor::scalar(1.0)), window.constant(Tensor::scalar(2.0)));
///     state.values()
/// };
/// let window = Tape::new();
/// let (h, c) = <(Var<'_, f64>, Var<'_, f64>)>::from_values(&window, &carried);
/// assert_eq!((h.value().item(), c.value().item()), (1.0, 2.0));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a recurrent state of scalar type `{T}`",
    label = "not a tree of variables",
    note = "a state is a `Var`, `()`, a tuple or array of states, or a `#[derive(State)]` struct"
)]
pub trait State<'t, T: Scalar>: Copy {
    /// The number of variables in the tree.
    const LEAVES: usize;

    /// Calls `visit` with each variable, in order.
    fn for_each_leaf(&self, visit: &mut dyn FnMut(Var<'t, T>));

    /// Builds the tree from the next [`LEAVES`](Self::LEAVES) variables.
    ///
    /// For implementations, which take their parts from one iterator; else
    /// [`from_leaves`](Self::from_leaves) is the one to call.
    ///
    /// # Panics
    ///
    /// If there are fewer.
    #[must_use]
    fn rebuild(leaves: &mut dyn Iterator<Item = Var<'t, T>>) -> Self;

    /// The variables of the tree, in order.
    #[must_use]
    fn leaves(&self) -> Vec<Var<'t, T>> {
        let mut leaves = Vec::with_capacity(Self::LEAVES);
        self.for_each_leaf(&mut |leaf| leaves.push(leaf));
        leaves
    }

    /// The tree with these variables.
    ///
    /// # Panics
    ///
    /// If their number is not [`LEAVES`](Self::LEAVES).
    #[must_use]
    #[track_caller]
    fn from_leaves(leaves: &[Var<'t, T>]) -> Self {
        assert_leaves::<Self>(Self::LEAVES, leaves.len());
        Self::rebuild(&mut leaves.iter().copied())
    }

    /// The values of the variables, in order and free of any tape: copies, since the state after a
    /// sequence shares the memory of the outputs of all its steps.
    #[must_use]
    fn values(&self) -> Vec<Tensor<T>> {
        let mut values = Vec::with_capacity(Self::LEAVES);
        self.for_each_leaf(&mut |leaf| values.push(copied(leaf)));
        values
    }

    /// The tree with these values as constants on `tape`: no gradient flows into them.
    ///
    /// # Panics
    ///
    /// If their number is not [`LEAVES`](Self::LEAVES).
    #[must_use]
    #[track_caller]
    fn from_values(tape: &'t Tape<T>, values: &[Tensor<T>]) -> Self {
        assert_leaves::<Self>(Self::LEAVES, values.len());
        Self::rebuild(&mut values.iter().map(|value| tape.constant(value.clone())))
    }
}

/// The value in memory of its own.
pub(crate) fn copied<T: Scalar>(leaf: Var<'_, T>) -> Tensor<T> {
    let value = leaf.value();
    Tensor::from_slice(value.shape(), value.as_slice())
}

#[track_caller]
fn assert_leaves<S>(expected: usize, given: usize) {
    let state = std::any::type_name::<S>();
    assert!(given == expected, "a state `{state}` has {expected} leaves, not {given}");
}

impl<'t, T: Scalar> State<'t, T> for Var<'t, T> {
    const LEAVES: usize = 1;

    fn for_each_leaf(&self, visit: &mut dyn FnMut(Var<'t, T>)) {
        visit(*self);
    }

    fn rebuild(leaves: &mut dyn Iterator<Item = Var<'t, T>>) -> Self {
        leaves.next().expect("rebuild needs as many variables as the state has leaves")
    }
}

impl<'t, T: Scalar, S: State<'t, T>, const N: usize> State<'t, T> for [S; N] {
    const LEAVES: usize = N * S::LEAVES;

    fn for_each_leaf(&self, visit: &mut dyn FnMut(Var<'t, T>)) {
        for part in self {
            part.for_each_leaf(visit);
        }
    }

    fn rebuild(leaves: &mut dyn Iterator<Item = Var<'t, T>>) -> Self {
        std::array::from_fn(|_| S::rebuild(leaves))
    }
}

macro_rules! impl_for_tuple {
    ($($part:ident $position:tt),*) => {
        #[allow(unused_variables, reason = "the empty tuple has no leaves")]
        impl<'t, T: Scalar, $($part: State<'t, T>),*> State<'t, T> for ($($part,)*) {
            const LEAVES: usize = 0 $(+ $part::LEAVES)*;

            fn for_each_leaf(&self, visit: &mut dyn FnMut(Var<'t, T>)) {
                $(self.$position.for_each_leaf(visit);)*
            }

            #[allow(clippy::unused_unit, reason = "the empty tuple has nothing to rebuild")]
            fn rebuild(leaves: &mut dyn Iterator<Item = Var<'t, T>>) -> Self {
                ($($part::rebuild(leaves),)*)
            }
        }
    };
}

impl_for_tuple!();
impl_for_tuple!(A 0);
impl_for_tuple!(A 0, B 1);
impl_for_tuple!(A 0, B 1, C 2);
impl_for_tuple!(A 0, B 1, C 2, D 3);
impl_for_tuple!(A 0, B 1, C 2, D 3, E 4);
impl_for_tuple!(A 0, B 1, C 2, D 3, E 4, F 5);
