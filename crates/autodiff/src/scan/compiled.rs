//! A compiled step: a traced step with the plans and reverse steps derived from it, each on first
//! use.

use std::cell::{OnceCell, RefCell};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::rc::Rc;

use bptt_tensor::{Scalar, Tensor};

use crate::scan::ir::program::{Input, Kind, Program};
use crate::scan::plan::Plan;
use crate::scan::reverse::{GradientMask, Reverse, StateBefore, reverse};
use crate::scan::rewrite::hoist::{Hoisted, hoist};
use crate::scan::rewrite::rewrite;
use crate::scan::run::execute::over_steps;

/// The reverses of a step by their masks.
type Reverses<T> = HashMap<(GradientMask, StateBefore), Rc<CompiledReverse<T>>>;

/// A traced step, with all that has been derived from it so far.
#[derive(Debug)]
pub(crate) struct Compiled<T> {
    pub(crate) traced: Program<T>,
    /// The rewritten step, and the values that are hoisted out of it.
    pub(crate) hoisted: Hoisted<T>,
    /// The number of sequences, and of invariants, including hoisted values.
    pub(crate) sequences: usize,
    pub(crate) invariants: usize,
    residuals: OnceCell<Residuals>,
    /// The reverse for the gradients of all inputs.
    reverse: OnceCell<Reverse<T>>,
    plain: OnceCell<Rc<Plan<T>>>,
    saving: OnceCell<Rc<Plan<T>>>,
    reverses: RefCell<Reverses<T>>,
    exposing: RefCell<HashMap<Vec<u32>, Rc<Self>>>,
}

/// The values of a step that its reverse reads.
#[derive(Debug)]
pub(crate) struct Residuals {
    /// The residuals that are not stacked outputs.
    pub(crate) extra: Vec<u32>,
    /// The position of each residual in the list of stacked outputs followed by extra residuals.
    pub(crate) places: HashMap<u32, usize>,
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
    pub(crate) fn new(traced: Program<T>, sequences: usize, invariants: usize) -> Self {
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
            reverse: OnceCell::new(),
            plain: OnceCell::new(),
            saving: OnceCell::new(),
            reverses: RefCell::default(),
            exposing: RefCell::default(),
        }
    }

    /// The plan that computes the step's own outputs only.
    pub(crate) fn plain(&self) -> &Rc<Plan<T>> {
        self.plain.get_or_init(|| Rc::new(Plan::new(&self.hoisted.program)))
    }

    /// The plan that also computes the residuals of the reverse, as further stacked outputs.
    pub(crate) fn saving(&self) -> &Rc<Plan<T>> {
        self.saving.get_or_init(|| {
            let mut program = self.hoisted.program.clone();
            program.stacked.extend(&self.residuals().extra);
            Rc::new(Plan::new(&program))
        })
    }

    /// Tensors for the extra residuals of this number of steps, with unspecified elements.
    pub(crate) fn empty_residuals(&self, steps: usize) -> Vec<Tensor<T>> {
        let program = &self.hoisted.program;
        let shape = |&id: &u32| over_steps(program.shape(id), steps);
        self.residuals().extra.iter().map(|id| Tensor::unspecified(shape(id))).collect()
    }

    pub(crate) fn residuals(&self) -> &Residuals {
        self.residuals.get_or_init(|| {
            let reverse = self.reverse(&self.full_mask(), StateBefore::Shifted);
            Residuals::new(&self.hoisted.program.stacked, &reverse.reverse.residuals())
        })
    }

    /// The mask of all inputs and outputs.
    fn full_mask(&self) -> GradientMask {
        GradientMask {
            stacked: vec![true; self.hoisted.program.stacked.len()],
            sequences: vec![true; self.sequences],
            invariants: vec![true; self.invariants],
        }
    }

    /// A compiled step that has these values as further stacked outputs.
    pub(crate) fn exposing(&self, values: &[u32]) -> Rc<Self> {
        let mut known = self.exposing.borrow_mut();
        let exposing = known.entry(values.to_vec()).or_insert_with(|| {
            let mut program = self.hoisted.program.clone();
            program.stacked.extend(values);
            Rc::new(Self::new(program, self.sequences, self.invariants))
        });
        exposing.clone()
    }

    /// The values of all invariants, from those of the traced step.
    pub(crate) fn invariant_values(&self, own: &[Tensor<T>]) -> Vec<Tensor<T>> {
        let literal = |value| Tensor::scalar(T::of(value));
        self.hoisted.invariants(own, literal, |op, inputs| {
            let inputs: Vec<&Tensor<T>> = inputs.iter().collect();
            op.operation().expect("a leaf is an input").forward(&inputs)
        })
    }

    /// The reverse for the gradients of a mask.
    pub(crate) fn reverse(
        &self,
        mask: &GradientMask,
        state_before: StateBefore,
    ) -> Rc<CompiledReverse<T>> {
        let key = (mask.clone(), state_before);
        if let Some(known) = self.reverses.borrow().get(&key) {
            return known.clone();
        }
        let program = &self.hoisted.program;
        let reverse = self.reverse.get_or_init(|| reverse(program));
        let reverse = reverse.specialize(program, mask, state_before);
        let (sequences, invariants) = (reverse.sequences.len(), reverse.invariants.len());
        let step = Rc::new(Self::new(reverse.program.clone(), sequences, invariants));
        let compiled = Rc::new(CompiledReverse { reverse, step });
        self.reverses.borrow_mut().insert(key, compiled.clone());
        compiled
    }
}

impl<T: Scalar> fmt::Display for Compiled<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "forward\n{}{}", self.hoisted, self.saving())?;
        let reverse = self.reverse(&self.full_mask(), StateBefore::Shifted);
        write!(f, "reverse\n{}{}", reverse.step.hoisted, reverse.step.plain())
    }
}
