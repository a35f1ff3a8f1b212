//! The public interface of scans: [`Tape::scan`], and the recurrence that it builds.

use bptt_tensor::{Scalar, Shape};

use crate::scan::flat::{Flat, FlatScan};
use crate::scan::run::stepper::Stepper;
use crate::scan::state_fault::StateFault;
use crate::tape::{Tape, Var};
use crate::tree::Tree;

impl<T: Scalar> Tape<T> {
    /// Builds a recurrence over sequences `[T, ..]` of one length, from an initial state.
    /// Sequences, state and outputs are [trees](Tree) of variables.
    ///
    /// The result equals that of a loop over the steps, up to rounding. Sums may be taken in
    /// another order. A division of many elements by one number becomes a multiplication by its
    /// reciprocal, which overflows if the number is subnormal.
    ///
    /// ```
    /// # use bptt_autodiff::{Param, Tape};
    /// # use bptt_tensor::Tensor;
    /// let w_hh = Param::new(Tensor::from_vec([2, 2], vec![0.5, -0.3, 0.2, 0.8]));
    /// let tape = Tape::new();
    /// let xs = tape.constant(Tensor::ones([7, 3, 2])); // [T, B, H]
    /// let h0 = tape.constant(Tensor::zeros([3, 2])); // [B, H]
    /// let scanned = tape.scan(xs, h0).run(|x, h| {
    ///     let h = (x + h.matmul(&w_hh)).tanh();
    ///     (h, h)
    /// });
    /// assert_eq!(scanned.outputs.shape(), [7, 3, 2]);
    /// assert_eq!(scanned.state.shape(), [3, 2]);
    /// let gradients = tape.backward(scanned.outputs.sum_all());
    /// assert_eq!(gradients[&w_hh].shape(), &[2, 2]);
    /// ```
    ///
    /// # Gradients within a step
    ///
    /// A step may compute gradients by [`grad`](Self::grad), [`vjp`](Self::vjp), [`jvp`](Self::jvp) or
    /// [`hvp`](Self::hvp). Their operations belong to the step, and are rewritten and fused with the others. If the state
    /// contains weights and the step updates them, one scan is a whole training run. On a tape for
    /// [inference](Self::inference), it keeps its outputs and the last state, and nothing of the steps between:
    ///
    /// ```
    /// # use bptt_autodiff::Tape;
    /// # use bptt_tensor::Tensor;
    /// let tape = Tape::<f64>::inference();
    /// let xs = tape.constant(Tensor::from_fn([500, 3, 2], |i| (i as f64).sin())); // three models at once
    /// let start = tape.constant(Tensor::zeros([3, 2]));
    /// let trained = tape.scan(xs, start).run(|x, w| {
    ///     let target = x.matmul(&Tensor::from_vec([2, 1], vec![0.3, -0.7]));
    ///     let loss = ((x * w).sum_keep(&[1]) - target).square().sum_all();
    ///     let [gradient] = x.tape().grad(loss, [w]);
    ///     (loss, w - gradient * 0.1)
    /// });
    /// let error = trained.state.value() - Tensor::from_vec([2], vec![0.3, -0.7]);
    /// assert!(error.iter().all(|error| error.abs() < 1e-6));
    /// ```
    ///
    /// # Panics
    ///
    /// If there is no sequence, if the sequences differ in length, or if a variable lives on
    /// another tape.
    #[track_caller]
    pub fn scan<'t, X: Tree<'t, T>, S: Tree<'t, T>>(
        &'t self,
        sequences: X,
        state: S,
    ) -> Scan<'t, T, X, S> {
        let paths = || sequences.paths("sequences");
        let flat = FlatScan::new(self, sequences.leaves(), state.leaves(), &paths);
        Scan { flat, sequences, state }
    }
}

/// A recurrence to run; see [`Tape::scan`].
#[derive(Clone, Debug)]
#[must_use = "a scan computes nothing until it is run"]
pub struct Scan<'t, T, X, S> {
    flat: FlatScan<'t, T>,
    sequences: X,
    state: S,
}

/// Activation recomputation: the interval at which a forward pass saves the state, in place of all
/// residuals.
///
/// The reverse pass runs the steps between two saved states once more. The cost is at most one more
/// forward pass. (Chen et al., *Training Deep Nets with Sublinear Memory Cost*, 2016, where it is
/// called checkpointing.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Recompute {
    /// An interval in steps: `Every(n)` saves the state before steps 0, `n`, 2 `n`, ….
    Every(usize),
    /// An interval of √T steps, which takes the least memory.
    Auto,
}

/// The result of a recurrence.
#[derive(Clone, Debug)]
pub struct Scanned<O, S> {
    /// The outputs of all steps, `[T, ..]` each. A gradient with respect to an output includes the
    /// operations after the scan only. Gradients with respect to inputs, parameters and the first
    /// state include the paths through later steps.
    pub outputs: O,
    /// The state after the last step that was run: the first in time, if reversed. Its gradient
    /// includes the operations after the scan only.
    pub state: S,
}

impl<'t, T: Scalar, X: Tree<'t, T>, S: Tree<'t, T>> Scan<'t, T, X, S> {
    /// Runs from the last step to the first. Outputs keep their positions in time.
    pub fn reversed(mut self) -> Self {
        self.flat.reversed = true;
        self
    }

    /// Declares that the sequences are windows of longer ones, as in truncated back-propagation where windows are
    /// sequences of one batch. A step then has no number, so [`Tape::step_index`] panics, and [`Tape::at_step`] reads
    /// only sequences that are cut into the same windows.
    pub fn windowed(mut self) -> Self {
        self.flat.is_windowed = true;
        self
    }

    /// Saves states in place of residuals. [`Tape::backward`] recomputes the residuals.
    ///
    /// A scan within the step of another scan saves its residuals nonetheless. So do gradients that
    /// are recorded, by [`Tape::grad`] and the methods built on it.
    ///
    /// # Panics
    ///
    /// If `recompute` is `Every(0)`.
    #[track_caller]
    pub fn recompute(mut self, recompute: Recompute) -> Self {
        let every = match recompute {
            Recompute::Every(every) => every,
            Recompute::Auto => self.flat.steps.isqrt().max(1),
        };
        assert!(
            every > 0,
            "recompute: Every(0) saves no state; give at least 1, or Recompute::Auto"
        );
        self.flat.recompute = Some(every);
        self
    }

    /// Runs the recurrence. `step` computes the outputs and the next state from this step's entry of each sequence and
    /// the state.
    ///
    /// The step is traced: it is called once, on variables that have shapes but no values. It may
    /// use variables, parameters and tensors from outside, which are the same at every step. It
    /// cannot branch on values.
    ///
    /// On a [checking](Tape::checking), [perturbed](Tape::perturbed) or [untied](Tape::untied) tape, the step runs in a
    /// plain loop. So does a scan of a single step, since running it once takes less time than
    /// tracing it.
    ///
    /// # Panics
    ///
    /// If the step's equations panic. If the next state does not have the form of the state. If the step reads a
    /// value, and the scan has several steps. If a sequence that the step reads by [`Tape::at_step`] is
    /// shorter than the scan.
    #[track_caller]
    #[must_use]
    pub fn run<O: Tree<'t, T>>(self, step: impl FnMut(X, S) -> (O, S)) -> Scanned<O, S> {
        let Self { flat, sequences, state } = self;
        let mut form = None;
        let result = flat.run(&mut flattened(&sequences, &state, step, &mut form));
        let (outputs, last) = or_panic(result, &state);
        let (form, next) = form.expect("a step has been recorded");
        assert_same_form(&state.paths("state"), &next.paths("state"));
        Scanned { outputs: form.with_leaves(&outputs), state: state.with_leaves(&last) }
    }

    /// The shapes of the outputs of a step, in the order of their leaves.
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run).
    #[track_caller]
    #[must_use]
    pub fn output_shapes<O: Tree<'t, T>>(&self, step: impl FnMut(X, S) -> (O, S)) -> Vec<Shape> {
        let Self { flat, sequences, state } = self;
        or_panic(flat.output_shapes(&mut flattened(sequences, state, step, &mut None)), state)
    }

    /// Converts to a recurrence that runs step by step as inputs arrive, from the given state. Of
    /// the sequences, only the shapes of entries are used.
    ///
    /// ```
    /// # use bptt_autodiff::Tape;
    /// # use bptt_tensor::Tensor;
    /// let tape = Tape::new();
    /// let shape = tape.constant(Tensor::zeros([1, 1, 1])); // [T, B, F]
    /// let sum = tape.constant(Tensor::zeros([1, 1]));
    /// let mut running_sum = tape.scan(shape, sum).stepper(|x, sum| (sum + x, sum + x));
    /// running_sum.step(&[&[2.0]]);
    /// running_sum.step(&[&[3.0]]);
    /// assert_eq!(running_sum.output(0), [5.0]);
    /// ```
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run), and if the recurrence is [reversed](Self::reversed).
    #[track_caller]
    #[must_use]
    pub fn stepper<O: Tree<'t, T>>(self, step: impl FnMut(X, S) -> (O, S)) -> Stepper<T> {
        let Self { flat, sequences, state } = self;
        or_panic(flat.stepper(&mut flattened(&sequences, &state, step, &mut None)), &state)
    }

    /// The compiled plan of the forward step and of the reverse step, as text. If a step is compiled in part only,
    /// the plan lists what keeps it from being compiled, with the line of each equation and what to write instead.
    ///
    /// ```
    /// # use bptt_autodiff::Tape;
    /// # use bptt_tensor::Tensor;
    /// let tape = Tape::<f64>::new();
    /// let xs = tape.constant(Tensor::ones([7, 3, 2])); // [T, B, F]
    /// let plan = tape.scan(xs, ()).plan(|x, ()| (x.cumsum(0), ()));
    /// assert!(plan.contains("cumsum(axis 0) of [3, 2] to [3, 2] at "));
    /// assert!(plan.contains("the rows of the batch depend on each other"));
    /// ```
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run).
    #[track_caller]
    #[must_use]
    pub fn plan<O: Tree<'t, T>>(self, step: impl FnMut(X, S) -> (O, S)) -> String {
        let Self { flat, sequences, state } = self;
        or_panic(flat.plan(&mut flattened(&sequences, &state, step, &mut None)), &state)
    }
}

/// A step on lists of variables. It stores the trees of the outputs and of the next state in `form`.
fn flattened<'a, 't, T: Scalar, X: Tree<'t, T>, S: Tree<'t, T>, O: Tree<'t, T>>(
    sequences: &'a X,
    state: &'a S,
    mut step: impl FnMut(X, S) -> (O, S) + 'a,
    form: &'a mut Option<(O, S)>,
) -> impl FnMut(&[Var<'t, T>], &[Var<'t, T>]) -> Flat<'t, T> + 'a {
    move |entries, before| {
        let (outputs, next) = step(sequences.with_leaves(entries), state.with_leaves(before));
        let flat = (outputs.leaves(), next.leaves());
        *form = Some((outputs, next));
        flat
    }
}

/// Checks that the next state has the leaves of the state, which are carried by their position.
#[track_caller]
fn assert_same_form(state: &[String], next: &[String]) {
    assert!(
        state == next,
        "scan: the state has the leaves `{}`, but the next state `{}`; return a tree of the same form",
        state.join("`, `"),
        next.join("`, `")
    );
}

#[track_caller]
fn or_panic<'t, T: Scalar, R>(result: Result<R, StateFault>, state: &impl Tree<'t, T>) -> R {
    match result {
        Ok(result) => result,
        Err(fault) => panic!("{}", fault.message(&state.paths("state"))),
    }
}
