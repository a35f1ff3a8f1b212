//! One step of one sequence on a tape, and products with its Jacobians.

use std::ops::Range;

use bptt_autodiff::{Param, Tape, Tree, Var};
use bptt_layers::Stepwise;
use bptt_tensor::{Scalar, Tensor};

/// A step `s_t = F(x_t, s_{t−1}, θ)`, `y_t = G(x_t, s_{t−1}, θ)` of one sequence, recorded on a tape. Products with its
/// Jacobians leave nothing on the tape.
///
/// The initial state is a step as well, from a state without elements: `s_0 = F(θ)`.
pub(super) struct RecordedStep<'p, 't, T: Scalar> {
    tape: &'t Tape<T>,
    parameters: &'p [(String, &'p Param<T>)],
    before: Vec<Var<'t, T>>,
    after: Vec<Var<'t, T>>,
    /// The path of each variable of the state, such as `state.1`, and its elements within the vector `s`.
    pub(super) variables: Vec<(String, Range<usize>)>,
    /// The number of elements of each parameter.
    pub(super) widths: Vec<usize>,
}

/// What a reverse pass computes.
pub(super) struct Pulled<T: Scalar> {
    /// The cotangent of the state before, `[S]`.
    pub(super) state: Vec<T>,
    /// The cotangent of each parameter, `[P]`; `None` where nothing depends on it.
    pub(super) parameters: ByParameter<T>,
}

/// A tensor for each parameter of a layer, in the order of declaration. The last axis is that of the `P` elements of
/// the parameter. `None` stands for zeros.
pub(super) type ByParameter<T> = Vec<Option<Tensor<T>>>;

impl<'p, 't, T: Scalar> RecordedStep<'p, 't, T> {
    /// Records the initial state of a layer for one sequence.
    pub(super) fn start<L: Stepwise<T>>(
        tape: &'t Tape<T>,
        parameters: &'p [(String, &'p Param<T>)],
        layer: &L,
    ) -> Self {
        let state = layer.start(tape, 1);
        Self::new(tape, parameters, Vec::new(), state.leaves(), state.paths("state"))
    }

    fn new(
        tape: &'t Tape<T>,
        parameters: &'p [(String, &'p Param<T>)],
        before: Vec<Var<'t, T>>,
        after: Vec<Var<'t, T>>,
        paths: Vec<String>,
    ) -> Self {
        let mut end = 0;
        let elements = |leaf: &Var<'t, T>| {
            end += leaf.shape().elements();
            end - leaf.shape().elements()..end
        };
        let variables = paths.into_iter().zip(after.iter().map(elements)).collect();
        let widths = parameters.iter().map(|(_, parameter)| parameter.value().len()).collect();
        Self { tape, parameters, before, after, variables, widths }
    }

    /// Records a step from an input `[1, I]` and the values of a state. Returns it and the output `[1, O]`.
    #[track_caller]
    pub(super) fn record<L: Stepwise<T>>(
        tape: &'t Tape<T>,
        parameters: &'p [(String, &'p Param<T>)],
        layer: &L,
        x: Tensor<T>,
        state: &[Tensor<T>],
    ) -> (Self, Var<'t, T>) {
        let before: Vec<_> = state.iter().map(|value| tape.variable(value.clone())).collect();
        let tree = layer.start(tape, 1).with_leaves(&before);
        let (output, next) = layer.advance(tape.constant(x), tree);
        let (after, paths) = (next.leaves(), next.paths("state"));
        for ((path, old), new) in paths.iter().zip(&before).zip(&after) {
            let (old, new) = (old.shape(), new.shape());
            assert!(
                old == new,
                "an online learner: a step changes the shape of `{path}` from {old} to {new}; a state keeps its shape"
            );
        }
        (Self::new(tape, parameters, before, after, paths), output)
    }

    /// Returns the values of the state after the step. They are copies, since a value may be a part of a larger one.
    pub(super) fn state(&self) -> Vec<Tensor<T>> {
        self.after.values()
    }

    /// Returns the number `S` of elements of the state.
    pub(super) fn size(&self) -> usize {
        self.variables.last().map_or(0, |(_, elements)| elements.end)
    }

    /// Returns the name of a parameter.
    pub(super) fn name_of(&self, parameter: usize) -> &str {
        &self.parameters[parameter].0
    }

    /// Returns row `element` of `J` and of `I`.
    pub(super) fn row(&self, element: usize) -> Pulled<T> {
        let mut cotangent = vec![T::zero(); self.size()];
        cotangent[element] = T::one();
        self.pull_state(&cotangent)
    }

    /// Returns `vᵀ J` and `vᵀ I` for a cotangent `v: [S]` of the state after the step.
    pub(super) fn pull_state(&self, cotangent: &[T]) -> Pulled<T> {
        let mut pairs = Vec::new();
        for (leaf, (_, elements)) in self.after.iter().zip(&self.variables) {
            let part = &cotangent[elements.clone()];
            if part.iter().any(|v| *v != T::zero()) {
                pairs.push((*leaf, Tensor::from_slice(leaf.shape(), part)));
            }
        }
        self.pull(&pairs)
    }

    /// Returns `Σ vᵢᵀ ∂yᵢ/∂s_{t−1}` and `Σ vᵢᵀ ∂yᵢ/∂θ` for pairs of a value `yᵢ` and its cotangent `vᵢ`.
    pub(super) fn pull(&self, pairs: &[(Var<'t, T>, Tensor<T>)]) -> Pulled<T> {
        let _dropped = self.tape.aside();
        let mut sum = None;
        for (y, v) in pairs {
            let product = (*y * v).sum_all();
            sum = Some(sum.map_or(product, |sum| sum + product));
        }
        let gradients = sum.map(|sum| self.tape.backward(sum)).unwrap_or_default();
        let mut state = Vec::new();
        for leaf in &self.before {
            match gradients.get_wrt(*leaf) {
                Some(gradient) => state.extend_from_slice(gradient.as_slice()),
                None => state.resize(state.len() + leaf.shape().elements(), T::zero()),
            }
        }
        let flat = |gradient: &Tensor<T>| gradient.reshape([gradient.len()]);
        let parameters = self.parameters.iter().map(|(_, own)| gradients.get(own).map(flat));
        Pulled { state, parameters: parameters.collect() }
    }

    /// Returns `J v` for a tangent `v: [S]` of the state before the step.
    pub(super) fn push_state(&self, tangent: &[T]) -> Vec<T> {
        let _dropped = self.tape.aside();
        let mut pairs = Vec::new();
        for (leaf, (_, elements)) in self.before.iter().zip(&self.variables) {
            let part = Tensor::from_slice(leaf.shape(), &tangent[elements.clone()]);
            pairs.push((*leaf, self.tape.constant(part)));
        }
        let flat = self.after.iter().map(|leaf| leaf.reshape([leaf.shape().elements()]));
        let flat: Vec<_> = flat.collect();
        if flat.is_empty() {
            return Vec::new();
        }
        self.tape.jvp(Var::concat(&flat, 0), &pairs).value().to_vec()
    }
}

/// Adds `tensor` to a sum; `None` stands for zeros.
pub(super) fn add<T: Scalar>(sum: &mut Option<Tensor<T>>, tensor: Tensor<T>) {
    match sum {
        Some(sum) => sum.axpy(T::one(), &tensor),
        None => *sum = Some(tensor),
    }
}
