//! The reverse pass: one loop over the tape, from the last value to the first.
//!
//! The same loop and the same rules serve two purposes, which differ only in how cotangents
//! accumulate ([`Slots`]). [`Tape::backward`] computes tensors: contributions are added in place
//! into one tensor for each value. The nodes that a rule records are dropped as soon as their
//! values are known. [`Tape::vjp`] and [`Tape::grad`] record: the gradient is itself a graph on the
//! tape, and can be differentiated again.

mod gradients;
mod in_place;
mod norm;
mod pass;
mod products;
mod pullback;
mod recorded;

use std::collections::HashSet;

use bptt_tensor::{Scalar, Tensor};

pub use gradients::Gradients;
use in_place::InPlace;
use pass::Pass;
use recorded::Recorded;

use crate::tape::{Contribution, Cotangent, Leaf, Node, Op, Pullback, Slots, Tape, Var};

impl<T: Scalar> Tape<T> {
    /// Computes the gradients of `loss` with respect to every parameter and variable on which it
    /// depends.
    ///
    /// Reverse-mode differentiation: on a recurrence, this is back-propagation through time.
    ///
    /// # Panics
    ///
    /// If `loss` does not have exactly one element, or lives on another tape; or on a tape for
    /// [inference](Self::inference).
    #[track_caller]
    #[must_use]
    #[inline(never)]
    pub fn backward<'t>(&'t self, loss: Var<'t, T>) -> Gradients<T> {
        loss.on_tape(self);
        self.assert_differentiable("backward");
        check_scalar("backward", loss);
        let mask = self.dependents_of(loss.id, |_, node| {
            matches!(node.op, Op::Leaf(Leaf::Param(_) | Leaf::Variable(_)))
        });
        let mut pass = InPlace::new(loss);
        self.reverse(loss.id, &mask, &mut pass);
        let mut gradients = Gradients::default();
        for (node, slot) in self.nodes().iter().zip(pass.finish()) {
            if let (&Op::Leaf(Leaf::Param(id) | Leaf::Variable(id)), Some(gradient)) =
                (&node.op, slot)
            {
                gradients.set(id, gradient);
            }
        }
        for (param, id) in self.untied.all() {
            if let Some(gradient) = gradients.get_wrt(Var { tape: self, id }).cloned() {
                gradients.add(param, gradient);
            }
        }
        gradients
    }

    /// Computes the gradients of `y`, of one element, with respect to each source. They are
    /// variables, and can be differentiated again. The gradient of a source on which `y` does not
    /// depend is zeros.
    ///
    /// The gradient includes every path from the source to `y`. From the outputs of a
    /// [scan](Tape::scan), paths lead to the operations after the scan, and not to its later steps.
    /// So for a loss of step 5, the gradient of the outputs is zero except at step 5. From a
    /// variable of an unrolled loop, paths lead to later steps as well. For the gradient with
    /// respect to the state after each step, see `Costates` of the layers.
    ///
    /// ```
    /// # use bptt_autodiff::Tape;
    /// # use bptt_tensor::Tensor;
    /// let tape = Tape::new();
    /// let x = tape.variable(Tensor::scalar(3.0));
    /// let [slope] = tape.grad(x * x * x, [x]); // 3 x²
    /// let [curvature] = tape.grad(slope, [x]); // 6 x
    /// assert_eq!((slope.item(), curvature.item()), (27.0, 18.0));
    /// ```
    ///
    /// # Panics
    ///
    /// If `y` does not have exactly one element, or a variable lives on another tape; or on a tape for
    /// [inference](Self::inference), outside of the step of a scan.
    #[track_caller]
    #[must_use]
    pub fn grad<'t, const N: usize>(
        &'t self,
        y: Var<'t, T>,
        sources: [Var<'t, T>; N],
    ) -> [Var<'t, T>; N] {
        y.on_tape(self);
        self.assert_records_gradients("grad");
        check_scalar("grad", y);
        let seed = self.constant(Tensor::ones(y.shape()));
        let gradients = self.vjp(&[(y, seed)], &sources);
        std::array::from_fn(|i| gradients[i])
    }

    /// Computes the vector-Jacobian product `Σ vᵢᵀ ∂yᵢ/∂x` with respect to each source `x`, for
    /// pairs of an output `yᵢ` and its cotangent `vᵢ`. The results are variables, and can be
    /// differentiated again.
    ///
    /// # Panics
    ///
    /// If a cotangent does not have its output's shape, or a variable lives on another tape; or on a tape for
    /// [inference](Self::inference), outside of the step of a scan.
    #[track_caller]
    #[must_use]
    #[inline(never)]
    pub fn vjp<'t>(
        &'t self,
        outputs: &[(Var<'t, T>, Var<'t, T>)],
        sources: &[Var<'t, T>],
    ) -> Vec<Var<'t, T>> {
        for x in outputs.iter().flat_map(|&(y, v)| [y, v]).chain(sources.iter().copied()) {
            x.on_tape(self);
        }
        self.assert_records_gradients("vjp");
        for (y, v) in outputs {
            assert!(
                y.shape() == v.shape(),
                "vjp: an output of shape {} needs a cotangent of the same shape, not {}",
                y.shape(),
                v.shape()
            );
        }
        let mut gradients = Vec::with_capacity(sources.len());
        for (x, gradient) in sources.iter().zip(self.pull(outputs, sources)) {
            // not `unwrap_or_else`: a closure would hide the caller's line
            gradients.push(match gradient {
                Some(gradient) => gradient,
                None => self.constant(Tensor::zeros(x.shape())),
            });
        }
        gradients
    }

    /// The vector-Jacobian product with respect to each source; `None` where no output depends on it.
    pub(crate) fn pull<'t>(
        &'t self,
        outputs: &[(Var<'t, T>, Var<'t, T>)],
        sources: &[Var<'t, T>],
    ) -> Vec<Option<Var<'t, T>>> {
        let last = outputs.iter().map(|(y, _)| y.id).max().unwrap_or(0);
        let ids: HashSet<u32> = sources.iter().map(|x| x.id).collect();
        let mask = self.dependents_of(last, |id, _| ids.contains(&id));
        let mut pass = Recorded::new(last);
        for &(y, v) in outputs {
            pass.add(y, Contribution::Dense(v));
        }
        self.reverse(last, &mask, &mut pass);
        sources.iter().map(|x| pass.cotangent(*x)).collect()
    }

    /// Returns, for each value up to `last`, whether it is a source or depends on one.
    fn dependents_of(&self, last: u32, is_source: impl Fn(u32, &Node<T>) -> bool) -> Vec<bool> {
        let nodes = self.nodes();
        let mut depends = Vec::with_capacity(last as usize + 1);
        for (id, node) in (0..=last).zip(nodes.iter()) {
            let inherits = !matches!(node.op, Op::StopGradient(_))
                && node.inputs.iter().any(|&input| depends[input as usize]);
            depends.push(inherits || is_source(id, node));
        }
        depends
    }

    fn reverse<'t>(&'t self, last: u32, mask: &[bool], pass: &mut impl Pass<'t, T>) {
        for id in (0..=last).rev() {
            if mask.get(id as usize) != Some(&true) {
                continue;
            }
            self.differentiating(id, || {
                pass.visit(Var { tape: self, id }, |slots, cotangent| {
                    self.pull_back(id, cotangent, mask, slots);
                });
            });
        }
    }

    /// Runs the gradient rule of value `output`.
    fn pull_back<'t>(
        &'t self,
        output: u32,
        cotangent: Cotangent<'t, T>,
        mask: &[bool],
        slots: &mut dyn Slots<'t, T>,
    ) {
        let (op, inputs) = {
            let node = &self.nodes()[output as usize];
            (node.op.clone(), node.inputs.clone())
        };
        if let Some(operation) = op.operation() {
            operation.gradient(&mut Pullback {
                tape: self,
                inputs,
                output,
                cotangent,
                mask,
                slots,
            });
        }
    }
}

#[track_caller]
fn check_scalar<T: Scalar>(operation: &str, y: Var<'_, T>) {
    assert!(
        y.shape().elements() == 1,
        "{operation}: a gradient is of one number, not of shape {}; reduce it with sum_all or \
         mean_all, or give a cotangent to vjp",
        y.shape()
    );
}
