//! A step with all that is derived from it, kept from one training step to the next.

use std::any::{Any, TypeId};
use std::cell::{OnceCell, RefCell};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::rc::Rc;

use bptt_tensor::{PackedRhs, Scalar, Tensor};

use crate::scan::ir::indexed::Indexed;
use crate::scan::ir::program::{Input, Kind, Node, Program};
use crate::scan::lower::{Lowered, LoweringError, lower};
use crate::scan::reverse::{
    GradientMask, InvariantSource, Reverse, SequenceSource, StateBefore, reverse,
};
use crate::scan::rewrite::hoist::{Hoisted, hoist};
use crate::scan::rewrite::join_gates::join_gates;
use crate::scan::rewrite::rewrite;
use crate::scan::run::execute::{Arguments, Outputs, over_steps, pack, run_rows, run_steps};
use crate::scan::run::operation::Scan;
use crate::tape::Op;

/// A step ready to run.
#[derive(Debug)]
pub(crate) struct Plan<T> {
    pub(crate) program: Program<T>,
    lowered: Result<Lowered<T>, LoweringError>,
}

impl<T: Scalar> Plan<T> {
    /// The plan of a step whose reverse is derived already.
    pub(crate) fn new(program: &Program<T>) -> Self {
        let program = join_gates(&program.without_stops()).without_stops();
        let lowered = lower(&program);
        Self { program, lowered }
    }

    /// The plan for runs with these invariants.
    pub(crate) fn ready(&self, invariants: &[Tensor<T>]) -> Ready<'_, T> {
        let packed = self.lowered.as_ref().map_or(vec![], |lowered| pack(lowered, invariants));
        Ready { plan: self, packed }
    }

    pub(crate) fn lowered(&self) -> Result<&Lowered<T>, &LoweringError> {
        self.lowered.as_ref()
    }
}

/// A plan with the right operands of its products packed, for a sequence or for all its windows.
#[derive(Debug)]
pub(crate) struct Ready<'a, T> {
    plan: &'a Plan<T>,
    packed: Vec<PackedRhs<T>>,
}

impl<T: Scalar> Ready<'_, T> {
    /// Runs the step over a sequence of at least one entry, with the invariants that it was made ready
    /// for: what it multiplies by is packed already.
    pub(crate) fn run(&self, arguments: Arguments<'_, T>, results: Outputs<&mut [T]>) {
        match &self.plan.lowered {
            Ok(lowered) => run_rows(lowered, arguments, &self.packed, results),
            Err(_) => run_steps(&self.plan.program, arguments, results),
        }
    }
}

impl<T: Scalar> fmt::Display for Plan<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.lowered() {
            Ok(lowered) => lowered.fmt(f),
            Err(reason) => writeln!(f, "operation by operation, because of {reason}"),
        }
    }
}

impl<T: Scalar> fmt::Display for Compiled<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "forward\n{}", self.saving())?;
        let all = self.all_wanted();
        write!(f, "reverse\n{}", self.reverse(&all, StateBefore::Shifted).step.plain())
    }
}

/// The reverses of a step, by what is wanted of them.
type Reverses<T> = HashMap<(GradientMask, StateBefore), Rc<CompiledReverse<T>>>;

/// A step as it was traced, and what has been made of it.
#[derive(Debug)]
pub(crate) struct Compiled<T> {
    traced: Program<T>,
    /// The step, rewritten, and what is computed once before it.
    pub(crate) hoisted: Hoisted<T>,
    /// The number of sequences, and of invariants with those computed once.
    pub(crate) sequences: usize,
    pub(crate) invariants: usize,
    residuals: OnceCell<Residuals>,
    /// Which values those are.
    saved: OnceCell<Rc<[bool]>>,
    plain: OnceCell<Rc<Plan<T>>>,
    saving: OnceCell<Rc<Plan<T>>>,
    reverses: RefCell<Reverses<T>>,
    exposing: RefCell<HashMap<Vec<u32>, Rc<Self>>>,
}

/// The values of a step that its reverse reads.
#[derive(Debug)]
pub(crate) struct Residuals {
    /// Those values that are not stacked outputs anyway.
    pub(crate) extra: Vec<u32>,
    /// The places of all saved values among the stacked outputs, followed by the extra ones.
    places: HashMap<u32, usize>,
}

impl Residuals {
    fn new(stacked: &[u32], read: &[u32]) -> Self {
        let own: HashSet<u32> = stacked.iter().copied().collect();
        let extra: Vec<u32> = read.iter().copied().filter(|id| !own.contains(id)).collect();
        let places = stacked.iter().chain(&extra).copied().zip(0..).collect();
        Self { extra, places }
    }
}

/// The reverse of a step, ready to run.
#[derive(Debug)]
pub(crate) struct CompiledReverse<T> {
    pub(crate) reverse: Reverse<T>,
    pub(crate) step: Rc<Compiled<T>>,
}

impl<T: Scalar> Compiled<T> {
    fn new(traced: Program<T>, sequences: usize, invariants: usize) -> Self {
        let hoisted = hoist(&rewrite(&traced), invariants);
        let invariants =
            hoisted.program.nodes.iter().fold(invariants, |most, node| match node.kind {
                Kind::Input(Input::Invariant(i)) => most.max(i + 1),
                _ => most,
            });
        Self {
            traced,
            hoisted,
            sequences,
            invariants,
            residuals: OnceCell::new(),
            saved: OnceCell::new(),
            plain: OnceCell::new(),
            saving: OnceCell::new(),
            reverses: RefCell::default(),
            exposing: RefCell::default(),
        }
    }

    /// The step with nothing but its own outputs.
    pub(crate) fn plain(&self) -> &Rc<Plan<T>> {
        self.plain.get_or_init(|| Rc::new(Plan::new(&self.hoisted.program)))
    }

    /// The step with the residuals of its reverse as further stacked outputs.
    pub(crate) fn saving(&self) -> &Rc<Plan<T>> {
        self.saving.get_or_init(|| {
            let mut program = self.hoisted.program.clone();
            program.stacked.extend(&self.residuals().extra);
            Rc::new(Plan::new(&program))
        })
    }

    /// Room for the extra residuals of so many steps.
    pub(crate) fn empty_residuals(&self, steps: usize) -> Vec<Tensor<T>> {
        let program = &self.hoisted.program;
        let shape = |&id: &u32| over_steps(program.shape(id), steps);
        self.residuals().extra.iter().map(|id| Tensor::unspecified(shape(id))).collect()
    }

    pub(crate) fn residuals(&self) -> &Residuals {
        self.residuals.get_or_init(|| {
            let reverse = self.reverse(&self.all_wanted(), StateBefore::Shifted);
            Residuals::new(&self.hoisted.program.stacked, &residuals_of(&reverse.reverse))
        })
    }

    /// Gradients of all inputs.
    pub(crate) fn all_wanted(&self) -> GradientMask {
        GradientMask {
            sequences: vec![true; self.sequences],
            invariants: vec![true; self.invariants],
        }
    }

    /// The step with these values as further stacked outputs, as a step of its own.
    pub(crate) fn exposing(&self, values: &[u32]) -> Rc<Self> {
        let mut known = self.exposing.borrow_mut();
        let exposing = known.entry(values.to_vec()).or_insert_with(|| {
            let mut program = self.hoisted.program.clone();
            program.stacked.extend(values);
            Rc::new(Self::new(program, self.sequences, self.invariants))
        });
        exposing.clone()
    }

    /// The values of all invariants, from those that the step was traced with.
    pub(crate) fn invariant_values(&self, own: &[Tensor<T>]) -> Vec<Tensor<T>> {
        let literal = |value| Tensor::scalar(T::of(value));
        self.hoisted.invariants(own, literal, |op, inputs| {
            let inputs: Vec<&Tensor<T>> = inputs.iter().collect();
            op.operation().expect("a leaf is an input").forward(&inputs)
        })
    }

    /// The reverse for these gradients.
    pub(crate) fn reverse(
        &self,
        wanted: &GradientMask,
        state: StateBefore,
    ) -> Rc<CompiledReverse<T>> {
        let key = (wanted.clone(), state);
        if let Some(known) = self.reverses.borrow().get(&key) {
            return known.clone();
        }
        let program = &self.hoisted.program;
        let saved = self
            .saved
            .get_or_init(|| reverse(program, &self.all_wanted(), StateBefore::Shifted, None).saved);
        let reverse = reverse(program, wanted, state, Some(saved));
        let (sequences, invariants) = (reverse.sequences.len(), reverse.invariants.len());
        let step = Rc::new(Self::new(reverse.program.clone(), sequences, invariants));
        let compiled = Rc::new(CompiledReverse { reverse, step });
        self.reverses.borrow_mut().insert(key, compiled.clone());
        compiled
    }
}

/// What the reverse of a scan reads of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a, T> {
    /// What the forward pass was run on.
    pub(crate) arguments: Arguments<'a, T>,
    /// Its stacked outputs.
    pub(crate) stacked: &'a [Tensor<T>],
    /// What it saved besides.
    pub(crate) residuals: &'a [Tensor<T>],
    /// The cotangents of all its outputs.
    pub(crate) cotangents: &'a Outputs<Tensor<T>>,
}

/// A reverse with what is the same for a sequence and for all its windows.
#[derive(Debug)]
pub(crate) struct ReadyReverse<'a, T> {
    reverse: &'a CompiledReverse<T>,
    forward: &'a Compiled<T>,
    invariants: Vec<Tensor<T>>,
    plan: Ready<'a, T>,
}

impl<T: Scalar> CompiledReverse<T> {
    /// The reverse of `forward`, of which `seen` may be any window.
    pub(crate) fn ready<'a>(
        &'a self,
        forward: &'a Compiled<T>,
        seen: Seen<'_, T>,
    ) -> ReadyReverse<'a, T> {
        let Seen { arguments, cotangents, .. } = seen;
        let invariant = |feed: &InvariantSource| match *feed {
            InvariantSource::Cotangent(k) => cotangents.sums[k].clone(),
            InvariantSource::Invariant(i) => arguments.invariants[i].clone(),
            InvariantSource::Initial(j) => arguments.state[j].clone(),
            InvariantSource::Constant(k) => self.reverse.constants[k].clone(),
        };
        let invariants: Vec<Tensor<T>> = self.reverse.invariants.iter().map(invariant).collect();
        let invariants = self.step.invariant_values(&invariants);
        let plan = self.step.plain().ready(&invariants);
        ReadyReverse { reverse: self, forward, invariants, plan }
    }
}

impl<T: Scalar> ReadyReverse<'_, T> {
    /// Runs the reverse, from the cotangents of the outputs to those of the inputs.
    pub(crate) fn run(&self, seen: Seen<'_, T>) -> Outputs<Tensor<T>> {
        let CompiledReverse { reverse, step } = self.reverse;
        let Seen { arguments, stacked, residuals, cotangents } = seen;
        let places = &self.forward.residuals().places;
        let sequence = |feed: &SequenceSource| match *feed {
            SequenceSource::Cotangent(k) => cotangents.stacked[k].clone(),
            SequenceSource::Sequence(i) => arguments.sequences[i].clone(),
            SequenceSource::Residual(id) => match places[&id] {
                place if place < stacked.len() => stacked[place].clone(),
                place => residuals[place - stacked.len()].clone(),
            },
        };
        let sequences: Vec<Tensor<T>> = reverse.sequences.iter().map(sequence).collect();
        let mut invariants = self.invariants.clone();
        for (value, feed) in invariants.iter_mut().zip(reverse.invariants.iter()) {
            // the one that differs from window to window; nothing is computed from it beforehand
            if let InvariantSource::Initial(j) = *feed {
                *value = arguments.state[j].clone();
            }
        }
        let mut gradients = Outputs::unspecified(&step.hoisted.program, arguments.steps);
        let arguments = Arguments {
            steps: arguments.steps,
            reversed: !arguments.reversed,
            sequences: &sequences,
            state: &cotangents.state,
            invariants: &invariants,
        };
        self.plan.run(arguments, gradients.as_mut_slices());
        gradients
    }
}

/// The forward values that a reverse reads from sequences.
pub(crate) fn residuals_of<T>(reverse: &Reverse<T>) -> Indexed<u32> {
    let residual = |feed: &SequenceSource| match feed {
        SequenceSource::Residual(id) => Some(*id),
        SequenceSource::Cotangent(_) | SequenceSource::Sequence(_) => None,
    };
    reverse.sequences.iter().filter_map(residual).collect()
}

/// Whether a value is computed by an operation that equals none, itself or in the steps of a scan.
fn is_unequalled<T: Scalar>(node: &Node<T>) -> bool {
    match &node.kind {
        Kind::Op(Op::Custom(op)) => match op.downcast_ref::<Scan<T>>() {
            Some(scan) => scan.step().traced.nodes.iter().any(is_unequalled),
            None => !op.equals(&**op),
        },
        _ => false,
    }
}

/// The number of traced steps whose plans a thread keeps.
const KEPT: usize = 64;

thread_local! {
    /// For each element type, the steps traced last.
    static KNOWN: RefCell<HashMap<TypeId, Box<dyn Any>>> = RefCell::default();
}

/// The compiled form of a traced step: the same as last time, where an equal step was traced before.
pub(crate) fn compile<T: Scalar>(
    traced: Program<T>,
    sequences: usize,
    invariants: usize,
) -> Rc<Compiled<T>> {
    type Steps<T> = Vec<Rc<Compiled<T>>>;
    if traced.nodes.iter().any(is_unequalled) {
        // the operation equals no other, earlier or later
        return Rc::new(Compiled::new(traced, sequences, invariants));
    }
    KNOWN.with_borrow_mut(|known| {
        let steps = known.entry(TypeId::of::<T>()).or_insert_with(|| Box::new(Steps::<T>::new()));
        let steps: &mut Steps<T> = steps.downcast_mut().expect("the type is the key");
        let equal = |step: &Rc<Compiled<T>>| step.sequences == sequences && step.traced == traced;
        let compiled = match steps.iter().position(equal) {
            Some(place) => steps.remove(place),
            None => Rc::new(Compiled::new(traced, sequences, invariants)),
        };
        steps.push(compiled.clone());
        if steps.len() > KEPT {
            steps.remove(0);
        }
        compiled
    })
}
