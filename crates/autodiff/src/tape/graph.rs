//! The tape: an arena of values in the order in which they were computed.

use std::cell::{Cell, Ref, RefCell};
use std::fmt;
use std::panic::Location;
use std::rc::Rc;

use bptt_tensor::shape::OrPanic;
use bptt_tensor::{Scalar, Shape, Tensor};
use smallvec::SmallVec;

use super::finite::NonFinite;
use super::id_map::IdMap;
use super::operand::Operand;
use super::operation::{Leaf, Op, Operation};
use super::param::{Param, ParamId};
use super::roundings::Roundings;
use super::substitution::{Substitution, Substitutions};
use crate::var::Var;

/// One value and how it came about.
pub(crate) struct Node<T> {
    pub(crate) op: Op<T>,
    pub(crate) inputs: SmallVec<[u32; 3]>,
    pub(crate) value: Tensor<T>,
    /// The line of the equation.
    pub(crate) location: &'static Location<'static>,
    /// The time step that was being computed, where one was announced.
    pub(crate) step: Option<u32>,
}

/// The line of an equation, and the time step that it was computed for.
type Origin = (&'static Location<'static>, Option<u32>);

/// The record of a computation, from which its derivatives are computed.
///
/// A tape owns every value that was computed on it; [`Var`]s are handles into it. Operations
/// append to it, so its order is a topological order of the graph, and every pass over the graph is
/// a loop: neither depth nor length can overflow a stack. Dropping the tape frees the graph.
///
/// A tape serves one forward computation, typically one training step: make a new one for the
/// next.
///
/// ```
/// use bptt_autodiff::Tape;
/// use bptt_tensor::Tensor;
///
/// let tape = Tape::new();
/// let x = tape.variable(Tensor::from_vec([2], vec![1.0, 2.0]));
/// let y = (x * x).sum_all();
/// assert_eq!(y.item(), 5.0);
/// assert_eq!(tape.backward(y).wrt(x).to_vec(), [2.0, 4.0]);
/// ```
pub struct Tape<T> {
    nodes: RefCell<Vec<Node<T>>>,
    /// Leaves that exist once on a tape: parameters by identity, literals by their bits.
    params: RefCell<IdMap>,
    literals: RefCell<IdMap>,
    substitutions: Substitutions,
    checking: bool,
    /// Errors to add to computed values.
    roundings: Option<Roundings>,
    step: Cell<Option<Step>>,
    /// Line and step of the equation that is being differentiated, to which what its gradient rule
    /// records belongs.
    differentiated: Cell<Option<Origin>>,
    mode: Cell<Mode>,
}

/// A step of a loop over time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) time: u32,
    /// The number of steps, if the loop announces it. Each sequence that the step reads has this many entries.
    pub(crate) of: Option<usize>,
}

/// What becomes of the nodes that are being recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// They stay.
    Recording,
    /// They are about to be dropped, once their values are known.
    Scratch,
    /// They are shapes without values, to be read as a program and dropped.
    Tracing,
}

/// Drops what is recorded while it lives; see [`Tape::aside`]. A panic drops it, too.
#[derive(Debug)]
#[must_use = "nodes are dropped when the guard is"]
pub struct Aside<'t, T: Scalar> {
    tape: &'t Tape<T>,
    len: usize,
    /// What the tape goes back to.
    mode: Mode,
    step: Option<Step>,
}

impl<T: Scalar> Drop for Aside<'_, T> {
    fn drop(&mut self) {
        self.tape.mode.set(self.mode);
        self.tape.step.set(self.step);
        self.tape.nodes.borrow_mut().truncate(self.len);
    }
}

impl<T: Scalar> Tape<T> {
    /// An empty tape.
    #[must_use]
    pub fn new() -> Self {
        Self {
            nodes: RefCell::default(),
            params: RefCell::default(),
            literals: RefCell::default(),
            substitutions: Substitutions::default(),
            checking: false,
            roundings: None,
            step: Cell::new(None),
            differentiated: Cell::new(None),
            mode: Cell::new(Mode::Recording),
        }
    }

    /// An empty tape that panics at the line of the equation which first computes a NaN or an
    /// infinity, forward or in a gradient. It reads every value once more, so it is for finding a
    /// fault rather than for training.
    #[must_use]
    pub fn checking() -> Self {
        Self { checking: true, ..Self::new() }
    }

    /// An empty tape that adds errors of one rounding, up or down at random, to the operands and the result of each
    /// operation that rounds. Results with several seeds differ in the digits that rounding makes wrong (Monte Carlo
    /// arithmetic, Parker 1997). The same seed gives the same bits. Use it to measure, not to train: a
    /// [scan](Self::scan) on it runs as a loop.
    ///
    /// ```
    /// # use bptt_autodiff::Tape;
    /// # use bptt_tensor::Tensor;
    /// let difference = |tape: Tape<f64>| {
    ///     let x = tape.constant(Tensor::scalar(1e-6));
    ///     ((x + 1.0) * (x + 1.0) - 1.0 - x * 2.0).item() // 1e-12
    /// };
    /// let [one, other] = [1, 2].map(|seed| difference(Tape::perturbed(seed)));
    /// assert!((one - other).abs() > 1e-16); // four of its sixteen digits are left
    /// ```
    #[must_use]
    pub fn perturbed(seed: u64) -> Self {
        Self { roundings: Some(Roundings::new(seed)), ..Self::new() }
    }

    /// Data: no gradient is computed for it.
    #[track_caller]
    pub fn constant(&self, value: Tensor<T>) -> Var<'_, T> {
        self.leaf(Leaf::Constant, value)
    }

    /// An input that gradients may be asked for.
    #[track_caller]
    pub fn variable(&self, value: Tensor<T>) -> Var<'_, T> {
        self.leaf(Leaf::Variable(ParamId::fresh()), value)
    }

    /// The parameter's variable on this tape, the same at every call, with the value that the parameter
    /// had at the first: change parameters between tapes, not while one is in use.
    #[track_caller]
    pub fn param(&self, param: &Param<T>) -> Var<'_, T> {
        if let Some(id) = self.substitutions.of(param.id()) {
            return Var { tape: self, id };
        }
        self.unique_leaf(&self.params, param.id().bits(), Leaf::Param(param.id()), || {
            param.value().clone()
        })
    }

    /// Replaces a parameter by a variable, such as the parameter with noise on it, until the guard is dropped.
    /// Equations that name the parameter then read the variable. Gradients flow through the variable to the values
    /// that it was computed from, which may include the parameter itself. Of several
    /// variables for one parameter the last counts, in whatever order their guards are dropped.
    ///
    /// ```
    /// # use bptt_autodiff::{Param, Tape};
    /// # use bptt_tensor::Tensor;
    /// let w = Param::new(Tensor::from_vec([1], vec![3.0]));
    /// let tape = Tape::new();
    /// let doubled = tape.param(&w) * 2.0;
    /// let y = {
    ///     let _doubled = tape.substitute(&w, doubled);
    ///     tape.param(&w) + 1.0
    /// };
    /// assert_eq!(y.value().to_vec(), [7.0]);
    /// assert_eq!(tape.backward(y.sum_all())[&w].to_vec(), [2.0]);
    /// assert_eq!(tape.param(&w).value().to_vec(), [3.0]);
    /// ```
    ///
    /// # Panics
    ///
    /// If the variable has another shape than the parameter, or lives on another tape.
    #[track_caller]
    pub fn substitute<'t>(&'t self, param: &Param<T>, variable: Var<'t, T>) -> Substitution<'t> {
        let (id, shape) = (variable.on_tape(self), variable.shape());
        assert!(
            shape == *param.shape(),
            "substitute: a variable of shape {shape} cannot replace a parameter of shape {}",
            param.shape()
        );
        self.substitutions.begin(param.id(), id)
    }

    /// A number of an equation, as a constant without axes.
    #[track_caller]
    pub fn scalar(&self, value: f64) -> Var<'_, T> {
        self.unique_leaf(&self.literals, value.to_bits(), Leaf::Scalar, || {
            Tensor::scalar(T::of(value))
        })
    }

    /// This step's entry `[..]` of a sequence of data `[T, ..]`, within a step that a [scan](Self::scan) or
    /// another loop over time runs: what an equation reads besides the sequences that the loop was given,
    /// such as a noise of its own.
    ///
    /// ```
    /// # use bptt_autodiff::Tape;
    /// # use bptt_tensor::Tensor;
    /// let noise = Tensor::from_vec([3, 1], vec![0.1, 0.2, 0.3]);
    /// let tape = Tape::new();
    /// let xs = tape.constant(Tensor::<f64>::ones([3, 1]));
    /// let scanned = tape.scan(&[xs], &[]).run(|x, _| (vec![x[0] + tape.at_step(&noise)], vec![]));
    /// assert_eq!(scanned.outputs[0].value().to_vec(), [1.1, 1.2, 1.3]);
    /// ```
    ///
    /// # Panics
    ///
    /// If the sequence has entries but none for the step; if no step is being run: see [`set_step`](Self::set_step);
    /// or in a [stepper](crate::Scan::stepper), whose steps have no number.
    #[track_caller]
    pub fn at_step(&self, sequence: &Tensor<T>) -> Var<'_, T> {
        let shape = sequence.shape();
        assert!(!shape.is_empty(), "at_step: a sequence is [T, ..], not {shape}");
        if let Some(Step { of: Some(steps), .. }) = self.step.get() {
            check_entries(shape, steps);
        }
        match self.step.get() {
            // a loop over no steps may still ask for the shape of what a step computes
            Some(_) if shape[0] == 0 => self.constant(Tensor::zeros(shape.without(0))),
            Some(Step { time, .. }) => {
                let time = time as usize;
                assert!(
                    time < shape[0],
                    "at_step: a sequence {shape} has no entry for step {time}"
                );
                self.constant(sequence.index_first(time))
            }
            None if self.is_tracing() => {
                let entry = Tensor::unknown(shape.without(0));
                self.push(Op::Entry(sequence.clone()), &[], entry)
            }
            None => panic!("at_step: no step is being run; announce it by set_step"),
        }
    }

    /// Records a user's operation on these inputs.
    ///
    /// # Panics
    ///
    /// If the operation's shape rule refuses the inputs, its kernel does not keep to it, or the
    /// inputs live on another tape.
    #[track_caller]
    pub fn apply<'t>(&'t self, operation: impl Operation<T>, inputs: &[Var<'t, T>]) -> Var<'t, T> {
        for input in inputs {
            input.on(self);
        }
        self.record(Op::Custom(Rc::new(operation)), inputs)
    }

    /// Announces the time step that the following operations compute, for messages. Gives the one
    /// announced before, which a loop over time puts back at its end, as it may run within another.
    pub fn set_step(&self, step: Option<usize>) -> Option<usize> {
        let time = step.and_then(|step| u32::try_from(step).ok());
        let before = self.announce(time.map(|time| Step { time, of: None }));
        before.map(|step| step.time as usize)
    }

    /// Announces a step of a loop over time. Returns the step that was announced before, as
    /// [`set_step`](Self::set_step) does.
    pub(crate) fn announce(&self, step: Option<Step>) -> Option<Step> {
        self.step.replace(step)
    }

    /// The first value on the tape, in order of computation, that holds a NaN or an infinity.
    #[must_use]
    pub fn first_non_finite(&self) -> Option<NonFinite> {
        self.nodes.borrow().iter().find_map(NonFinite::of_node)
    }

    #[track_caller]
    pub(crate) fn record<'t>(&'t self, op: Op<T>, inputs: &[Var<'t, T>]) -> Var<'t, T> {
        let value = {
            let nodes = self.nodes.borrow();
            // filled in place, not collected: moving what was just written stalls the processor
            // for longer than the operation's own bookkeeping takes
            let mut values: SmallVec<[&Tensor<T>; 3]> = SmallVec::new();
            let mut shapes: SmallVec<[&[usize]; 3]> = SmallVec::new();
            for input in inputs {
                let value = &nodes[input.id as usize].value;
                values.push(value);
                shapes.push(value.shape());
            }
            let operation = op.operation().expect("a leaf has a value of its own");
            let shape = operation.shape(&shapes).or_panic();
            if self.is_tracing() {
                Tensor::unknown(shape)
            } else {
                let roundings = self.roundings.as_ref().filter(|_| op.rounds());
                let value = match roundings {
                    Some(roundings) => {
                        let operands: Vec<_> = values
                            .iter()
                            .map(|&value| roundings.perturbed(value.clone()))
                            .collect();
                        operation.forward(&operands.iter().collect::<Vec<_>>())
                    }
                    None => operation.forward(&values),
                };
                if *value.shape() != shape {
                    let (name, computed) = (operation.name(), value.shape());
                    panic!("{name} computed {computed} where its shape rule promises {shape}");
                }
                match roundings {
                    Some(roundings) => roundings.perturbed(value),
                    None => value,
                }
            }
        };
        self.push(op, inputs, value)
    }

    #[track_caller]
    pub(crate) fn push(&self, op: Op<T>, inputs: &[Var<'_, T>], value: Tensor<T>) -> Var<'_, T> {
        let mut nodes = self.nodes.borrow_mut();
        let id = u32::try_from(nodes.len()).expect("a tape holds at most 2³² values");
        let equation = (Location::caller(), self.step.get().map(|step| step.time));
        let (location, step) = self.differentiated.get().unwrap_or(equation);
        let inputs = match *inputs {
            [a] => SmallVec::from_buf_and_len([a.id, 0, 0], 1),
            [a, b] => SmallVec::from_buf_and_len([a.id, b.id, 0], 2),
            _ => inputs.iter().map(|input| input.id).collect(),
        };
        nodes.push(Node { op, inputs, value, location, step });
        if self.checking
            && self.differentiated.get().is_none() // else the contribution is checked
            && let Some(fault) = nodes.last().and_then(NonFinite::of_node)
        {
            drop(nodes);
            panic!("{fault}");
        }
        Var { tape: self, id }
    }

    #[track_caller]
    pub(crate) fn leaf(&self, leaf: Leaf, value: Tensor<T>) -> Var<'_, T> {
        self.push(Op::Leaf(leaf), &[], value)
    }

    #[track_caller]
    fn unique_leaf(
        &self,
        known: &RefCell<IdMap>,
        key: u64,
        leaf: Leaf,
        value: impl FnOnce() -> Tensor<T>,
    ) -> Var<'_, T> {
        if let Some(&id) = known.borrow().get(&key) {
            return Var { tape: self, id };
        }
        let var = self.leaf(leaf, value());
        if self.mode.get() == Mode::Recording {
            known.borrow_mut().insert(key, var.id);
        }
        var
    }

    pub(crate) fn shape_of(&self, id: u32) -> Shape {
        self.nodes.borrow()[id as usize].value.shape().clone()
    }

    /// Whether the tape was made by [`checking`](Self::checking). An operation that knows the reason for an infinity
    /// can then panic with a better message first.
    #[must_use]
    pub fn is_checking(&self) -> bool {
        self.checking
    }

    /// Whether every operation must be recorded separately, including those in the steps of a scan.
    pub(crate) fn sees_every_operation(&self) -> bool {
        self.checking || self.roundings.is_some()
    }

    /// Runs `compute`, which differentiates the equation that computed value `id`.
    pub(crate) fn differentiating<R>(&self, id: u32, compute: impl FnOnce() -> R) -> R {
        /// Restores the tape even if `compute` panics.
        struct Restore<'a>(&'a Cell<Option<Origin>>, Option<Origin>);

        impl Drop for Restore<'_> {
            fn drop(&mut self) {
                self.0.set(self.1);
            }
        }

        let origin = {
            let node = &self.nodes()[id as usize];
            (node.location, node.step)
        };
        let outer = self.differentiated.replace(Some(origin));
        let _restore = Restore(&self.differentiated, outer);
        compute()
    }

    /// Drops every node that is recorded until the guard is dropped. Use it for values without gradients, if the
    /// equations read variables of this tape, such as [substituted](Self::substitute) parameters.
    ///
    /// ```
    /// # use bptt_autodiff::Tape;
    /// # use bptt_tensor::Tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.variable(Tensor::scalar(3.0));
    /// let recorded = tape.aside();
    /// let nine = x.square().value();
    /// drop(recorded);
    /// assert_eq!((nine.item(), tape.len()), (9.0, 1));
    /// ```
    ///
    /// Do not keep variables that are recorded meanwhile: they no longer exist.
    pub fn aside(&self) -> Aside<'_, T> {
        self.dropping(if self.is_tracing() { Mode::Tracing } else { Mode::Scratch })
    }

    /// Runs `compute` on shapes without values, for no step in particular, and drops every node that it
    /// recorded.
    pub(crate) fn tracing<R>(&self, compute: impl FnOnce() -> R) -> R {
        let _recorded = self.dropping(Mode::Tracing);
        self.step.set(None);
        compute()
    }

    fn dropping(&self, mode: Mode) -> Aside<'_, T> {
        let (len, step) = (self.len(), self.step.get());
        Aside { tape: self, len, mode: self.mode.replace(mode), step }
    }

    /// An empty tape that records shapes without values.
    pub(crate) fn of_shapes() -> Self {
        Self { mode: Cell::new(Mode::Tracing), ..Self::new() }
    }

    pub(crate) fn is_tracing(&self) -> bool {
        self.mode.get() == Mode::Tracing
    }

    pub(crate) fn is_scratch(&self) -> bool {
        self.mode.get() == Mode::Scratch
    }

    /// Takes the nodes from `start` on off the tape.
    pub(crate) fn drain(&self, start: u32) -> Vec<Node<T>> {
        self.nodes.borrow_mut().split_off(start as usize)
    }

    /// The number that a value is, if it is a literal of an equation.
    pub(crate) fn literal(&self, id: u32) -> Option<f64> {
        let node = &self.nodes()[id as usize];
        matches!(node.op, Op::Leaf(Leaf::Scalar)).then(|| node.value.item().as_f64())
    }

    /// A leaf that was recorded aside: the one that stands on the tape, if it is a parameter that does.
    #[track_caller]
    pub(crate) fn known_leaf(&self, leaf: Leaf, value: Tensor<T>) -> Var<'_, T> {
        match leaf {
            Leaf::Param(id) => self.unique_leaf(&self.params, id.bits(), leaf, || value),
            _ => self.leaf(leaf, value),
        }
    }
}

impl<T> Tape<T> {
    /// The number of values on the tape.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.borrow().len()
    }

    /// Whether nothing has been recorded yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn nodes(&self) -> Ref<'_, Vec<Node<T>>> {
        self.nodes.borrow()
    }
}

impl<T: Scalar> Default for Tape<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for Tape<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tape")
            .field("nodes", &self.len())
            .field("checking", &self.checking)
            .finish_non_exhaustive()
    }
}

/// Panics unless each sequence that a step reads has an entry for each of this many steps.
#[track_caller]
pub(crate) fn check_entries(sequence: &Shape, steps: usize) {
    assert!(
        sequence[0] == steps,
        "at_step: a sequence {sequence} does not have {steps} entries, one for each step of the scan"
    );
}
