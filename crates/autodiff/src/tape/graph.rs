//! The tape: an arena of values in the order in which they were computed.

use std::cell::{Cell, Ref, RefCell};
use std::fmt;
use std::panic::Location;
use std::rc::Rc;

use bptt_tensor::{Scalar, Shape, Tensor};
use smallvec::SmallVec;

use super::context::{Mode, Origin, Step};
use super::finite::NonFinite;
use super::id_map::IdMap;
use super::operation::{Op, Operation};
use super::probing::Probing;
use super::roundings::Roundings;
use super::substitution::Substitutions;
use super::untied::Untied;

/// A value, and the operation that computed it.
pub(crate) struct Node<T> {
    pub(crate) op: Op<T>,
    pub(crate) inputs: SmallVec<[u32; 3]>,
    pub(crate) value: Tensor<T>,
    pub(crate) origin: Origin,
}

impl<T: Scalar> Node<T> {
    /// The first element of the value that is not finite, if there is one.
    pub(crate) fn fault(&self) -> Option<NonFinite> {
        NonFinite::find(self.op.name(), self.origin, None, &self.value)
    }
}

/// The record of a computation, from which its derivatives are computed.
///
/// A tape owns every value that was computed on it; [`Var`]s are handles into it. Operations append
/// to the tape, so its order is a topological order of the graph. Every pass over the graph is a
/// loop, so neither depth nor length can overflow the stack. Dropping the tape frees the graph.
///
/// A tape is for one forward computation, typically one training step. Make a new tape for the
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
    pub(super) nodes: RefCell<Vec<Node<T>>>,
    /// Leaves that a tape holds once: parameters by identity, literals by their bits.
    pub(super) params: RefCell<IdMap>,
    pub(super) literals: RefCell<IdMap>,
    pub(crate) untied: Untied,
    pub(super) substitutions: Substitutions,
    pub(super) probing: Probing,
    checking: bool,
    /// Whether gradients cannot be computed, as on [`Tape::inference`].
    pub(super) inference: bool,
    /// Whether a user's operations are recorded as the library's own, where they can be.
    decomposes: bool,
    /// The errors that are added to computed values.
    roundings: Option<Roundings>,
    pub(super) step: Cell<Option<Step>>,
    /// The line and step of the equation to which all recorded nodes are attributed, such as the one that is being
    /// differentiated.
    pub(super) differentiated: Cell<Option<Origin>>,
    pub(super) mode: Cell<Mode>,
    /// The line that called the scan whose step is being recorded.
    pub(super) scan_line: Cell<Option<&'static Location<'static>>>,
}

/// A variable: a value on a tape, on which equations are written.
///
/// A variable is a `Copy` handle. The other operand of an operation is a `Var`, a
/// [`&Param`](crate::Param), a `&Tensor` (a constant) or an `f64` literal; shapes broadcast as in
/// NumPy, and axes may be counted from the end (`-1` is the last).
///
/// ```
/// use bptt_autodiff::{Param, Tape};
/// use bptt_tensor::Tensor;
///
/// let w = Param::<f32>::new(Tensor::ones([3, 2]));
/// let b = Param::new(Tensor::zeros([2]));
/// let tape = Tape::new();
/// let x = tape.constant(Tensor::ones([4, 3]));
/// let h = (x.matmul(&w) + &b).tanh(); // [4, 2]
/// let gated = (1.0 - h) * h;
/// assert_eq!(gated.shape(), [4, 2]);
/// ```
///
/// # Panics
///
/// Every operation panics at the caller's line if the operands' shapes do not fit, or if they are
/// variables of different tapes. The message names the operation, the shapes, the axis and the
/// remedy.
pub struct Var<'t, T> {
    pub(crate) tape: &'t Tape<T>,
    pub(crate) id: u32,
}

impl<T> Clone for Var<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Var<'_, T> {}

impl<T: fmt::Debug> fmt::Debug for Var<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Var {} {:?}", self.id, self.tape.nodes()[self.id as usize].value)
    }
}

impl<T: Scalar> Var<'_, T> {
    /// Returns the position on `tape`, which must be the variable's own.
    #[track_caller]
    pub(crate) fn on_tape(self, tape: &Tape<T>) -> u32 {
        assert!(
            std::ptr::eq(self.tape, tape),
            "the operands live on different tapes; bring a value over with \
             tape.constant(var.value())"
        );
        self.id
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
            untied: Untied::default(),
            substitutions: Substitutions::default(),
            probing: Probing::default(),
            checking: false,
            inference: false,
            decomposes: false,
            roundings: None,
            step: Cell::new(None),
            differentiated: Cell::new(None),
            mode: Cell::new(Mode::Recording),
            scan_line: Cell::new(None),
        }
    }

    /// An empty tape for values without gradients: validation, decoding and generation.
    ///
    /// A [scan](Self::scan) on it saves no residuals and derives no reverse step. Its values are those of an ordinary
    /// tape, bit for bit. The tape still keeps the values of all its variables: make a new one for each window of a
    /// long text, or drop a part of one by [`aside`](Self::aside).
    ///
    /// ```
    /// # use bptt_autodiff::{Param, Tape};
    /// # use bptt_tensor::Tensor;
    /// let w_hh = Param::new(Tensor::from_vec([1, 1], vec![0.5]));
    /// let tape = Tape::inference();
    /// let (xs, start) = (tape.constant(Tensor::ones([4, 1, 1])), tape.constant(Tensor::zeros([1, 1])));
    /// let scanned = tape.scan(xs, start).run(|x, h| ((), x + h.matmul(&w_hh)));
    /// assert_eq!(scanned.state.item(), 1.875);
    /// ```
    ///
    /// [`backward`](Self::backward), [`grad`](Self::grad), [`vjp`](Self::vjp) and the methods built on them panic on
    /// such a tape. Within the step of a scan they work, except `backward`: see [`scan`](Self::scan).
    #[must_use]
    pub fn inference() -> Self {
        Self { inference: true, ..Self::new() }
    }

    /// An empty tape that panics at the first NaN or infinity, forward or in a gradient. The
    /// message names the line of its equation. The tape reads every value once more, so it is for
    /// finding a fault rather than for training.
    #[must_use]
    pub fn checking() -> Self {
        Self { checking: true, ..Self::new() }
    }

    /// An empty tape that simulates rounding errors. It adds an error of one rounding, up or down
    /// at random, to the operands and the result of each operation that rounds. Results with
    /// several seeds differ in the digits that rounding makes wrong (Monte Carlo arithmetic, Parker
    /// 1997). The same seed gives the same bits. Use it to measure, not to train: a
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

    /// An empty tape on which each time step has parameters of its own, with the same values. A gradient then comes apart
    /// by the step at which the parameter was used; see [`uses`](Self::uses). A [scan](Self::scan) on it runs as a loop
    /// and keeps all steps.
    ///
    /// ```
    /// # use bptt_autodiff::{Param, Tape};
    /// # use bptt_tensor::Tensor;
    /// let w = Param::new(Tensor::from([[0.5]]));
    /// let tape = Tape::untied();
    /// let (xs, start) = (tape.constant(Tensor::ones([3, 1, 1])), tape.constant(Tensor::zeros([1, 1])));
    /// let last = tape.scan(xs, start).run(|x, h| ((), x + h.matmul(&w))).state; // 1 + w (1 + w (1 + w · 0))
    /// let uses = tape.uses(&w);
    /// let slopes = tape.vjp(&[(last, tape.constant(Tensor::ones([1, 1])))], &uses);
    /// // with respect to w at steps 0, 1 and 2; their sum is the gradient 1 + 2 w
    /// assert_eq!(slopes.iter().map(|slope| slope.item()).collect::<Vec<_>>(), [0.0, 0.5, 1.5]);
    /// ```
    #[must_use]
    pub fn untied() -> Self {
        Self { untied: Untied::by_step(), ..Self::new() }
    }

    /// An empty tape that records shapes without values.
    pub(crate) fn of_shapes() -> Self {
        Self { mode: Cell::new(Mode::Tracing), ..Self::new() }
    }

    /// An empty tape that records shapes without values, and a user's operations as the library's own, where they can be.
    pub(crate) fn of_decomposed_shapes() -> Self {
        Self { decomposes: true, ..Self::of_shapes() }
    }

    /// Records a user's operation on these inputs.
    ///
    /// # Panics
    ///
    /// If the operation's shape rule refuses the inputs, its kernel computes another shape, or the
    /// inputs live on another tape.
    #[track_caller]
    pub fn apply<'t>(&'t self, operation: impl Operation<T>, inputs: &[Var<'t, T>]) -> Var<'t, T> {
        for input in inputs {
            input.on_tape(self);
        }
        let decomposition = self.decomposes.then(|| operation.decompose(inputs)).flatten();
        if let Some(value) = decomposition {
            let shapes: Vec<Shape> = inputs.iter().map(|input| input.shape()).collect();
            let shapes: Vec<&[usize]> = shapes.iter().map(|shape| &shape[..]).collect();
            let fits = operation.shape(&shapes).is_ok_and(|shape| shape == value.shape());
            assert!(fits, "{}: its decomposition has another shape", operation.name());
            return value;
        }
        self.record(Op::Custom(Rc::new(operation)), inputs)
    }

    /// The first value on the tape, in order of computation, that holds a NaN or an infinity.
    #[must_use]
    #[inline(never)]
    pub fn first_non_finite(&self) -> Option<NonFinite> {
        self.nodes.borrow().iter().find_map(Node::fault)
    }

    #[track_caller]
    #[inline(never)]
    pub(crate) fn record<'t>(&'t self, op: Op<T>, inputs: &[Var<'t, T>]) -> Var<'t, T> {
        let value = {
            let nodes = self.nodes.borrow();
            // filled in place, not collected: moving memory that was just written stalls the
            // processor, for longer than the operation's own bookkeeping takes
            let mut values: SmallVec<[&Tensor<T>; 3]> = SmallVec::new();
            let mut shapes: SmallVec<[&[usize]; 3]> = SmallVec::new();
            for input in inputs {
                let value = &nodes[input.id as usize].value;
                values.push(value);
                shapes.push(value.shape());
            }
            let operation = op.operation().expect("a leaf has a value of its own");
            let shape = match operation.shape(&shapes) {
                Ok(shape) => shape,
                Err(error) => match self.scan_line.get() {
                    Some(line) => panic!("{error}; in a step of the scan at {line}"),
                    None => panic!("{error}"),
                },
            };
            if self.is_tracing() {
                Tensor::unknown(shape)
            } else {
                let roundings = self.roundings.as_ref().filter(|_| op.class().rounds());
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
    #[inline(never)]
    pub(crate) fn push(&self, op: Op<T>, inputs: &[Var<'_, T>], value: Tensor<T>) -> Var<'_, T> {
        let mut nodes = self.nodes.borrow_mut();
        let id = u32::try_from(nodes.len()).expect("a tape holds at most 2³² values");
        let step = self.step.get().map(|step| step.time);
        let equation = Origin { location: Location::caller(), step };
        let origin = self.differentiated.get().unwrap_or(equation);
        let inputs = match *inputs {
            [a] => SmallVec::from_buf_and_len([a.id, 0, 0], 1),
            [a, b] => SmallVec::from_buf_and_len([a.id, b.id, 0], 2),
            _ => inputs.iter().map(|input| input.id).collect(),
        };
        nodes.push(Node { op, inputs, value, origin });
        if self.checking
            && self.differentiated.get().is_none() // in a gradient rule, the contribution is checked
            && let Some(fault) = nodes.last().and_then(Node::fault)
        {
            drop(nodes);
            panic!("{fault}");
        }
        Var { tape: self, id }
    }

    pub(crate) fn shape_of(&self, id: u32) -> Shape {
        self.nodes.borrow()[id as usize].value.shape().clone()
    }

    /// Whether the tape was made by [`checking`](Self::checking). If so, an operation that knows
    /// the reason for an infinity can panic first, with a better message.
    #[must_use]
    pub fn is_checking(&self) -> bool {
        self.checking
    }

    /// Whether the values that are being recorded may be differentiated later.
    pub(crate) fn saves_for_gradients(&self) -> bool {
        !self.inference && self.mode.get() == Mode::Recording
    }

    /// Whether every operation must be recorded by itself, including those in the steps of a scan.
    pub(crate) fn sees_every_operation(&self) -> bool {
        self.checking || self.roundings.is_some() || self.untied.is_by_step()
    }

    /// Removes and returns the nodes from `start` on.
    pub(crate) fn drain(&self, start: u32) -> Vec<Node<T>> {
        self.nodes.borrow_mut().split_off(start as usize)
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
            .field("inference", &self.inference)
            .finish_non_exhaustive()
    }
}
