//! Trees of variables: the sequences, states and outputs of a recurrence.
//!
//! A [`Tree`] is any form whose leaves are variables. A [`State`] is a tree that can be built from its leaves.

mod path;
mod state;

use bptt_tensor::{Scalar, Tensor};

pub use path::LeafPath;
pub use state::{State, leaves_of_parts};

use crate::tape::Var;

/// A tree whose leaves are variables on one tape. [`Tape::scan`](crate::Tape::scan) takes and
/// returns trees.
///
/// A [`Var`], `()`, a tuple, array, `Vec` or `Option` of trees, or a struct with `#[derive(State)]`. Messages name a
/// leaf by its path: `state.c`, `state.0`, `state[1]`.
///
/// ```
/// use bptt_autodiff::{Tape, Tree};
/// use bptt_tensor::Tensor;
///
/// let tape = Tape::new();
/// let [h, c] = [1.0, 2.0].map(|value| tape.constant(Tensor::scalar(value)));
/// let tree = (h, vec![c, c], Some(h));
/// assert_eq!(tree.leaves().len(), 4);
/// assert_eq!(tree.paths("state"), ["state.0", "state.1[0]", "state.1[1]", "state.2"]);
/// let (doubled, ..) = tree.with_leaves(&tree.leaves().iter().map(|&x| x * 2.0).collect::<Vec<_>>());
/// assert_eq!(doubled.item(), 2.0);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a tree of variables of scalar type `{T}`",
    label = "not a tree of variables",
    note = "a tree is a `Var`, `()`, a tuple, array, `Vec` or `Option` of trees, or a `#[derive(State)]` struct"
)]
pub trait Tree<'t, T: Scalar>: Clone {
    /// Returns a tree of the same form, in which `map` has replaced each leaf. `map` is called with the path and the
    /// variable of each leaf, in order. `path` is the path of the tree itself.
    #[must_use]
    fn map_leaves(
        &self,
        path: &LeafPath<'_>,
        map: &mut dyn FnMut(&LeafPath<'_>, Var<'t, T>) -> Var<'t, T>,
    ) -> Self;

    /// The variables of the tree, in order.
    #[must_use]
    fn leaves(&self) -> Vec<Var<'t, T>> {
        let mut leaves = Vec::new();
        let _ = self.map_leaves(&LeafPath::root(""), &mut |_, leaf| {
            leaves.push(leaf);
            leaf
        });
        leaves
    }

    /// Returns a tree of the same form with these variables.
    ///
    /// # Panics
    ///
    /// If there are not exactly as many as the tree has leaves.
    #[must_use]
    #[track_caller]
    fn with_leaves(&self, leaves: &[Var<'t, T>]) -> Self {
        let expected = self.leaves().len();
        state::assert_leaves(std::any::type_name::<Self>(), Some(expected), leaves.len());
        let mut leaves = leaves.iter();
        self.map_leaves(&LeafPath::root(""), &mut |_, leaf| *leaves.next().unwrap_or(&leaf))
    }

    /// The path of each leaf, in order, for messages. The path of the tree itself is `root`.
    #[must_use]
    fn paths(&self, root: &str) -> Vec<String> {
        let mut paths = Vec::new();
        let _ = self.map_leaves(&LeafPath::root(root), &mut |path, leaf| {
            paths.push(path.to_string());
            leaf
        });
        paths
    }

    /// The values of the variables as tensors, in order. They are copies, because the state after a
    /// sequence shares the memory of the outputs of all its steps.
    #[must_use]
    fn values(&self) -> Vec<Tensor<T>> {
        let copy = |leaf: Var<'t, T>| {
            let value = leaf.value();
            Tensor::from_slice(value.shape(), value.as_slice())
        };
        self.leaves().into_iter().map(copy).collect()
    }
}

impl<'t, T: Scalar> Tree<'t, T> for Var<'t, T> {
    fn map_leaves(
        &self,
        path: &LeafPath<'_>,
        map: &mut dyn FnMut(&LeafPath<'_>, Var<'t, T>) -> Var<'t, T>,
    ) -> Self {
        map(path, *self)
    }
}

/// The leaves of the tree, with the path of the option; none for `None`.
impl<'t, T: Scalar, S: Tree<'t, T>> Tree<'t, T> for Option<S> {
    fn map_leaves(
        &self,
        path: &LeafPath<'_>,
        map: &mut dyn FnMut(&LeafPath<'_>, Var<'t, T>) -> Var<'t, T>,
    ) -> Self {
        self.as_ref().map(|tree| tree.map_leaves(path, map))
    }
}

impl<'t, T: Scalar, S: Tree<'t, T>> Tree<'t, T> for Vec<S> {
    fn map_leaves(
        &self,
        path: &LeafPath<'_>,
        map: &mut dyn FnMut(&LeafPath<'_>, Var<'t, T>) -> Var<'t, T>,
    ) -> Self {
        let trees = self.iter().enumerate();
        trees.map(|(i, tree)| tree.map_leaves(&path.index(i), map)).collect()
    }
}

impl<'t, T: Scalar, S: Tree<'t, T>, const N: usize> Tree<'t, T> for [S; N] {
    fn map_leaves(
        &self,
        path: &LeafPath<'_>,
        map: &mut dyn FnMut(&LeafPath<'_>, Var<'t, T>) -> Var<'t, T>,
    ) -> Self {
        std::array::from_fn(|i| self[i].map_leaves(&path.index(i), map))
    }
}

macro_rules! impl_for_tuple {
    ($($part:ident $position:tt),*) => {
        #[allow(unused_variables, reason = "the empty tuple has no leaves")]
        impl<'t, T: Scalar, $($part: Tree<'t, T>),*> Tree<'t, T> for ($($part,)*) {
            #[allow(clippy::unused_unit, reason = "the empty tuple has nothing to map")]
            fn map_leaves(
                &self,
                path: &LeafPath<'_>,
                map: &mut dyn FnMut(&LeafPath<'_>, Var<'t, T>) -> Var<'t, T>,
            ) -> Self {
                ($(self.$position.map_leaves(&path.field(stringify!($position)), map),)*)
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
