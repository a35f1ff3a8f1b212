//! The recursion over lags, on which results by lag rest.
//!
//! The part of the gradient with lag `ℓ` follows from the part with lag `ℓ − 1` by one step of back-propagation:
//!
//! ```text
//! λ⁽⁰⁾_k = ∂L_k/∂s_k        λ⁽ℓ⁾_k = (∂s_{k+1}/∂s_k)ᵀ λ⁽ℓ⁻¹⁾_{k+1} = ∂L_{k+ℓ}/∂s_k
//! ```
//!
//! All `k` of one lag are independent of each other. The steps of the run are therefore recorded once, as sequences of
//! one batch, `[T·B, ..]`, which start from the states of a first run. A lag is then one reverse pass over this step.

use bptt_autodiff::{Gradients, Tape, Tree, Var};
use bptt_layers::{Costates, Recurrence, Stepwise};
use bptt_tensor::{Scalar, Shape, Tensor};

use crate::sequences::extents;

/// The steps of a run, recorded beside one another.
pub(super) struct Steps<'t, T> {
    tape: &'t Tape<T>,
    blocks: Vec<Block<'t, T>>,
    /// The outputs of all steps, `[T, B, O]`.
    pub(super) outputs: Var<'t, T>,
    /// The variables of the state after each step, `[T, B, ..]` each.
    after: Vec<Var<'t, T>>,
}

/// Consecutive steps that are recorded as one batch.
struct Block<'t, T> {
    steps: usize,
    /// The variables of the state before each step.
    before: Vec<Var<'t, T>>,
    costates: Costates<T>,
}

/// The part of a gradient with one lag.
pub(super) struct Part<'a, T> {
    pub(super) lag: usize,
    pub(super) gradients: &'a Gradients<T>,
    /// `∂L_{k+ℓ}/∂s_k` for each step `k`, `[T, B, ..]` for each variable of the state. The last `ℓ` steps are zeros.
    pub(super) costates: Vec<Tensor<T>>,
}

impl<'t, T: Scalar> Steps<'t, T> {
    /// Records the steps of a layer over `xs: [T, B, I]`. They start from `start`, and from the states after each step,
    /// `[T, B, ..]`.
    ///
    /// The first step is a block, because gradients flow on into a learned start. All others are another. Only if a
    /// variable of the state has no axis of the batch, so that a batch cannot hold several steps, each step is a block.
    #[track_caller]
    pub(super) fn record<L: Stepwise<T>>(
        layer: &L,
        tape: &'t Tape<T>,
        xs: &Tensor<T>,
        start: &L::State<'t>,
        states: &[Tensor<T>],
    ) -> Self {
        let [steps, batch, features] = extents(xs);
        let is_shared = start.leaves().iter().any(|leaf| leaf.shape().is_empty());
        let longest = if is_shared { 1 } else { steps };
        let (mut blocks, mut outputs, mut after) = (vec![], vec![], vec![vec![]; states.len()]);
        let mut first = 0;
        while first < steps {
            let end = if first == 0 { 1 } else { steps.min(first + longest) };
            let before: Vec<_> = match first {
                0 => start.leaves(),
                _ => states
                    .iter()
                    .map(|s| tape.variable(in_one_batch(s, first - 1..end - 1)))
                    .collect(),
            };
            let length = end - first;
            let xs = tape.constant(xs.slice(0, first..end).reshape([1, length * batch, features]));
            let costates = Costates::new();
            let run = Recurrence::new(layer).costates(&costates).windowed();
            let (ys, last) = run.run(xs, start.with_leaves(&before));
            outputs.push(ys.reshape([length, batch, ys.shape()[2]]));
            for ((after, last), state) in after.iter_mut().zip(last.leaves()).zip(states) {
                after.push(last.reshape(state.shape().with(0, length)));
            }
            blocks.push(Block { steps: length, before, costates });
            first = end;
        }
        let outputs = Var::concat(&outputs, 0);
        let after = after.iter().map(|blocks| Var::concat(blocks, 0)).collect();
        Self { tape, blocks, outputs, after }
    }

    /// Calls `visit` with the parts of the gradient of a loss that have the first `lags` lags.
    #[track_caller]
    pub(super) fn for_each_lag(
        &self,
        loss: Var<'t, T>,
        lags: usize,
        visit: &mut dyn FnMut(Part<'_, T>),
    ) {
        let mut gradients = self.tape.backward(loss);
        for lag in 0..lags {
            visit(Part { lag, gradients: &gradients, costates: self.costates(&gradients) });
            let _recorded = self.tape.aside();
            let cotangents = self.cotangents(&gradients).into_iter();
            let terms = self
                .after
                .iter()
                .zip(cotangents)
                .map(|(after, cotangent)| (*after * &cotangent).sum_all());
            gradients = match terms.reduce(|sum, term| sum + term) {
                Some(loss) if lag + 1 < lags => self.tape.backward(loss),
                _ => Gradients::default(),
            };
        }
    }

    /// Returns the gradient with respect to the state after each step.
    fn costates(&self, gradients: &Gradients<T>) -> Vec<Tensor<T>> {
        let blocks: Vec<_> = self.blocks.iter().map(|block| block.costates.of(gradients)).collect();
        let of = |(leaf, after): (usize, &Var<'t, T>)| {
            let shape = after.shape();
            let parts = self.blocks.iter().zip(&blocks);
            let parts = parts.map(|(block, of)| of[leaf].reshape(shape.with(0, block.steps)));
            Tensor::concat(&parts.collect::<Vec<_>>(), 0)
        };
        self.after.iter().enumerate().map(of).collect()
    }

    /// Returns the gradient with respect to the state before each step, as cotangents of the state after the step
    /// before it. The last step has none.
    fn cotangents(&self, gradients: &Gradients<T>) -> Vec<Tensor<T>> {
        let of = |(leaf, after): (usize, &Var<'t, T>)| {
            let shape = after.shape();
            let zeros = Tensor::zeros(shape.with(0, 1));
            let of_block = |block: &Block<'t, T>| match gradients.get_wrt(block.before[leaf]) {
                Some(gradient) => gradient.reshape(shape.with(0, block.steps)),
                None => Tensor::zeros(shape.with(0, block.steps)),
            };
            let parts = self.blocks[1..].iter().map(of_block).chain([zeros]);
            Tensor::concat(&parts.collect::<Vec<_>>(), 0)
        };
        self.after.iter().enumerate().map(of).collect()
    }
}

/// Returns the entries of several steps of a sequence `[T, B, ..]` as sequences of one batch, `[steps·B, ..]`. The entry
/// of a step without axes, of a sequence `[T]`, has none.
fn in_one_batch<T: Scalar>(sequence: &Tensor<T>, steps: std::ops::Range<usize>) -> Tensor<T> {
    let shape = sequence.shape().without(0);
    let shape: Shape = match shape.first() {
        Some(batch) => shape.with(0, steps.len() * batch),
        None => shape,
    };
    sequence.slice(0, steps).reshape(shape)
}
