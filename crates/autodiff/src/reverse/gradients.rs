//! The result of a reverse pass.

use std::collections::BTreeMap;
use std::collections::btree_map::{IntoIter, Iter};
use std::ops::{AddAssign, Index};

use bptt_tensor::{Scalar, Tensor};

use super::norm::norm;
use crate::tape::{Leaf, Op, Param, ParamId, Var};

/// The gradients of a loss with respect to the parameters and variables on which it depends.
///
/// Indexed by `&Param`; see [`Tape::backward`](crate::Tape::backward). A missing gradient is zero: the loss does not
/// depend on the parameter. Iteration is in the order in which parameters and variables were made.
///
/// `+=` accumulates gradients, for instance over the micro-batches of a batch that does not fit
/// into memory. Each micro-batch has a tape of its own, so that only one is in memory at a time:
///
/// ```
/// # use bptt_autodiff::{Gradients, Param, Tape};
/// # use bptt_tensor::Tensor;
/// let w = Param::new(Tensor::from_vec([1], vec![2.0]));
/// let mean_loss = |xs: &[f64]| {
///     let tape = Tape::new();
///     let xs = tape.constant(Tensor::from_slice([xs.len()], xs));
///     tape.backward((xs * &w).square().mean_all())
/// };
/// let mut gradients = Gradients::default();
/// for micro_batch in [[1.0, 2.0], [3.0, 4.0]] {
///     gradients += mean_loss(&micro_batch);
/// }
/// gradients.scale(1.0 / 2.0); // the mean over two micro-batches
/// assert_eq!(gradients[&w], mean_loss(&[1.0, 2.0, 3.0, 4.0])[&w]);
/// ```
#[derive(Clone, Debug)]
pub struct Gradients<T> {
    leaves: BTreeMap<ParamId, Tensor<T>>,
}

impl<T: Scalar> Gradients<T> {
    /// The gradient of a parameter; `None` if the loss does not depend on it.
    #[must_use]
    #[inline(never)]
    pub fn get(&self, param: &Param<T>) -> Option<&Tensor<T>> {
        self.leaves.get(&param.id())
    }

    /// The gradient of a parameter, for changing it in place.
    #[must_use]
    #[inline(never)]
    pub fn get_mut(&mut self, param: &Param<T>) -> Option<&mut Tensor<T>> {
        self.leaves.get_mut(&param.id())
    }

    /// Sets the gradient of a parameter, for instance to an estimate that no tape has computed.
    ///
    /// ```
    /// # use bptt_autodiff::{Gradients, Param};
    /// # use bptt_tensor::Tensor;
    /// let w = Param::new(Tensor::from([3.0, 4.0]));
    /// let mut gradients = Gradients::default();
    /// gradients.insert(&w, w.value() * 2.0); // of the sum of squares
    /// assert_eq!(gradients[&w].to_vec(), [6.0, 8.0]);
    /// ```
    ///
    /// # Panics
    ///
    /// If the gradient has another shape than the parameter.
    #[track_caller]
    pub fn insert(&mut self, param: &Param<T>, gradient: Tensor<T>) {
        assert!(
            gradient.shape() == param.shape(),
            "the gradient of a parameter of shape {} has this shape, not {}",
            param.shape(),
            gradient.shape(),
        );
        self.set(param.id(), gradient);
    }

    /// Removes and returns the gradient of a parameter; `None` if the loss does not depend on it.
    pub fn remove(&mut self, param: &Param<T>) -> Option<Tensor<T>> {
        self.leaves.remove(&param.id())
    }

    /// The gradient of a variable that is a leaf of the tape, in its shape.
    ///
    /// # Panics
    ///
    /// If the loss does not depend on the variable, or it is not a leaf made by
    /// [`Tape::variable`](crate::Tape::variable). [`Tape::grad`](crate::Tape::grad) works for any
    /// value.
    #[track_caller]
    #[must_use]
    pub fn wrt(&self, variable: Var<'_, T>) -> &Tensor<T> {
        match self.get_wrt(variable) {
            Some(gradient) => gradient,
            None => panic!(
                "no gradient for {variable:?}: the loss does not depend on it, or it was not made \
                 by Tape::variable"
            ),
        }
    }

    /// Like [`wrt`](Self::wrt); `None` if the loss does not depend on the variable, or it is not a leaf.
    #[must_use]
    pub fn get_wrt(&self, variable: Var<'_, T>) -> Option<&Tensor<T>> {
        let leaf = match variable.tape.nodes()[variable.id as usize].op {
            Op::Leaf(Leaf::Variable(id) | Leaf::Param(id)) => id,
            _ => return None,
        };
        self.leaves.get(&leaf)
    }

    /// The gradients with the identities of their parameters and variables.
    pub fn iter(&self) -> Iter<'_, ParamId, Tensor<T>> {
        self.leaves.iter()
    }

    /// The gradients of named parameters, for instance of a model's `parameters()`, with their names. Parameters that
    /// the loss does not depend on are left out.
    ///
    /// ```
    /// # use bptt_autodiff::{Param, Tape};
    /// # use bptt_tensor::Tensor;
    /// let [w, unused] = [3.0, 4.0].map(|value| Param::new(Tensor::scalar(value)));
    /// let tape = Tape::new();
    /// let gradients = tape.backward(tape.param(&w).square());
    /// for (name, gradient) in gradients.named([("layer.w", &w), ("layer.unused", &unused)]) {
    ///     assert_eq!((name, gradient.item()), ("layer.w", 6.0));
    /// }
    /// ```
    pub fn named<'g, 'p, N>(
        &'g self,
        parameters: impl IntoIterator<Item = (N, &'p Param<T>)>,
    ) -> impl Iterator<Item = (N, &'g Tensor<T>)> {
        parameters.into_iter().filter_map(|(name, param)| Some((name, self.get(param)?)))
    }

    /// The number of parameters and variables that have a gradient.
    #[must_use]
    pub fn len(&self) -> usize {
        self.leaves.len()
    }

    /// Whether the loss depends on no parameter and no variable.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.leaves.is_empty()
    }

    /// The Euclidean norm `√(Σ gᵢ²)` of all gradients together, in double precision. It is NaN or infinite if a
    /// gradient is not finite, and infinite if it exceeds `f64::MAX`.
    #[must_use]
    pub fn norm(&self) -> f64 {
        norm(&self.leaves.values())
    }

    /// The [norm](Self::norm) of the gradients of these parameters, summed in their order.
    #[must_use]
    pub fn norm_of<'p>(&self, parameters: impl IntoIterator<Item = &'p Param<T>>) -> f64 {
        let own: Vec<_> = parameters.into_iter().filter_map(|param| self.get(param)).collect();
        norm(&own.iter().copied())
    }

    /// Multiplies all gradients by a number.
    pub fn scale(&mut self, factor: f64) {
        let factor = T::of(factor);
        for gradient in self.leaves.values_mut() {
            gradient.as_mut_slice().iter_mut().for_each(|element| *element *= factor);
        }
    }

    /// Adds to the gradient of a parameter.
    pub(crate) fn add(&mut self, param: ParamId, gradient: Tensor<T>) {
        match self.leaves.get_mut(&param) {
            Some(sum) => *sum += gradient,
            None => self.set(param, gradient),
        }
    }

    pub(crate) fn set(&mut self, leaf: ParamId, gradient: Tensor<T>) {
        self.leaves.insert(leaf, gradient);
    }
}

impl<T> Default for Gradients<T> {
    /// An empty collection, to which gradients can be added.
    fn default() -> Self {
        Self { leaves: BTreeMap::new() }
    }
}

impl<T: Scalar> AddAssign for Gradients<T> {
    /// Accumulates gradients by parameter. Gradients of [variables](crate::Tape::variable) on
    /// different tapes remain separate entries.
    fn add_assign(&mut self, other: Self) {
        for (id, gradient) in other.leaves {
            self.add(id, gradient);
        }
    }
}

impl<T> IntoIterator for Gradients<T> {
    type Item = (ParamId, Tensor<T>);
    type IntoIter = IntoIter<ParamId, Tensor<T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.leaves.into_iter()
    }
}

impl<'g, T> IntoIterator for &'g Gradients<T> {
    type Item = (&'g ParamId, &'g Tensor<T>);
    type IntoIter = Iter<'g, ParamId, Tensor<T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.leaves.iter()
    }
}

impl<T: Scalar> Index<&Param<T>> for Gradients<T> {
    type Output = Tensor<T>;

    #[track_caller]
    fn index(&self, param: &Param<T>) -> &Tensor<T> {
        match self.get(param) {
            Some(gradient) => gradient,
            None => panic!(
                "no gradient for {param:?}: the loss does not depend on it; `get` returns an option"
            ),
        }
    }
}
