//! Gradients with respect to the states of a recurrence.

use std::cell::RefCell;

use bptt_autodiff::{Gradients, Param, Tape, Var};
use bptt_tensor::{Scalar, Tensor};

use super::shape::sequence_shape;

/// The costates of a run: the gradient of a loss with respect to the state after each step, `λ_t = ∂L/∂s_t`. Each
/// variable of the state has its own, `[T, B, S]`.
///
/// ```text
/// s_t = f(x_t, s_{t−1})       λ_t = ∂L_t/∂s_t + (∂s_{t+1}/∂s_t)ᵀ λ_{t+1}
/// ```
///
/// A costate is a total derivative: it includes the losses of this step and of all later ones. (This is the adjoint
/// equation of optimal control: Bryson and Ho 1969. In recurrent networks the costate is the error signal `δ`, whose
/// decay is the vanishing gradient.) The gradient with respect to the *outputs* of a run, `tape.grad(loss, [ys])`,
/// differs: it includes only the direct dependence of the loss on them, without the paths through later steps.
///
/// The variables of a state are independent here: the costate of an LSTM's `c` includes the paths through the next
/// step, not the path through the `h` of the same step. If an output is itself a variable of the state, such as `h`,
/// the loss of that output belongs to the costate of that variable. Everything else that a cell computes from its new
/// state, such as an output layer within it, is part of the step. A step that a mask leaves out passes its costate on
/// unchanged.
///
/// ```
/// use bptt_autodiff::Tape;
/// use bptt_layers::{Costates, Layer, Lstm, Recurrence};
/// use bptt_tensor::Tensor;
///
/// let mut rng = bptt_layers::rng(0);
/// let lstm = Lstm::<f64>::new(&mut rng, 3, 4);
/// let tape = Tape::new();
/// let xs = tape.constant(Tensor::ones([7, 2, 3]));
/// let costates = Costates::new();
/// let (ys, _) = Recurrence::new(&lstm).costates(&costates).run(xs, lstm.start(&tape, 2));
/// let loss = ys.index_first(5).sum_all();
/// let of_h = &costates.of(&tape.backward(loss))[0]; // [T, B, H]
/// assert_eq!(of_h.index_first(5), Tensor::ones([2, 4])); // the direct dependence of the loss
/// assert!(of_h.index_first(0) != Tensor::zeros([2, 4])); // through five steps
/// assert_eq!(of_h.index_first(6), Tensor::zeros([2, 4]));
/// ```
///
/// The run adds zeros to the state after each step, and costates are the gradients with respect to these zeros. The
/// zeros take the memory of a sequence `[T, B, S]` for each variable.
#[derive(Debug)]
pub struct Costates<T> {
    /// The zeros that are added, in the order of the leaves.
    added: RefCell<Vec<Param<T>>>,
}

impl<T: Scalar> Costates<T> {
    /// Creates costates without a run. [`Recurrence::costates`](crate::Recurrence::costates) passes them to one.
    #[must_use]
    pub fn new() -> Self {
        Self { added: RefCell::default() }
    }

    /// Returns the costates, each `[T, B, S]`, in the order of the leaves of the layer's state. Before a run, the list
    /// is empty.
    ///
    /// A costate is zero where the loss does not depend on the state. With the gradients of another run, all costates
    /// are zero.
    #[must_use]
    pub fn of(&self, gradients: &Gradients<T>) -> Vec<Tensor<T>> {
        let of = |added: &Param<T>| match gradients.get(added) {
            Some(gradient) => gradient.clone(),
            None => Tensor::zeros(added.shape()),
        };
        self.added.borrow().iter().map(of).collect()
    }

    /// Returns the zeros that the run adds, sequences `[T, B, S]` in the order of the leaves. Their gradients are the
    /// costates. With [`Tape::vjp`] they give costates that can be differentiated again.
    #[must_use]
    pub fn variables<'t>(&self, tape: &'t Tape<T>) -> Vec<Var<'t, T>> {
        self.added.borrow().iter().map(|added| tape.param(added)).collect()
    }

    /// Removes the zeros of an earlier run.
    pub(crate) fn begin(&self) {
        self.added.borrow_mut().clear();
    }

    /// Returns zeros to add to these variables of a state, in a run over `xs: [T, B, I]`.
    #[track_caller]
    #[inline(never)]
    pub(crate) fn add_to<'t>(&self, state: &[Var<'t, T>], xs: Var<'t, T>) -> Vec<Var<'t, T>> {
        let [steps, ..] = sequence_shape(xs);
        let mut variables = Vec::with_capacity(state.len());
        for leaf in state {
            let shape = leaf.shape();
            let shape: bptt_tensor::Shape =
                [steps].into_iter().chain(shape.iter().copied()).collect();
            let added = Param::new(Tensor::zeros(shape));
            variables.push(xs.tape().param(&added));
            self.added.borrow_mut().push(added);
        }
        variables
    }
}

impl<T: Scalar> Default for Costates<T> {
    fn default() -> Self {
        Self::new()
    }
}
