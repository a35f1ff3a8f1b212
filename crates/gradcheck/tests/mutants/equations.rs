//! Cells written as equations, whose gradients are the library's: faults of structure.

use std::cell::Cell as Counter;

use bptt_autodiff::{Param, Tape, Var};
use bptt_gradcheck::{Report, cell, oracle};
use bptt_layers::{Cell, Module, StateSizes};
use bptt_tensor::{Scalar, Tensor};

use crate::quick;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bug {
    None,
    StateDetached,
    ParameterCopied,
    AveragedOverUses,
    MeanOverBatch,
    NextSequence,
    PlaceInBatch,
    DividedByBatch,
    KnowsItsStep,
    CountsItsSteps,
    NotOdd,
    BeyondSingle,
    NextUnit,
    CellDetached,
    HiddenDetached,
    GateDetached,
    OutputOfNextUnit,
    GateOrder,
    OutputNotSquashed,
    QuotientOfPowers,
    LogarithmOfPower,
    TanhOfPowers,
}

/// `h ← tanh(x W_ih + h W_hh)`
#[derive(Module)]
struct Elman<T> {
    w_ih: Param<T>,
    w_hh: Param<T>,
    #[module(skip)]
    bug: Bug,
    #[module(skip)]
    steps: Counter<usize>,
}

impl<T: Scalar> Elman<T> {
    fn new(bug: Bug, input: usize, hidden: usize) -> Self {
        let [w_ih, w_hh] = [input, hidden].map(|rows| Param::new(Tensor::zeros([rows, hidden])));
        Self { w_ih, w_hh, bug, steps: Counter::new(0) }
    }

    fn input<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
        self.steps.set(self.steps.get() + 1);
        match self.bug {
            Bug::KnowsItsStep => x * (1.0 + 0.1 * step_of(x.tape()).unwrap_or(0) as f64),
            Bug::CountsItsSteps => x * (1.0 + 0.1 * self.steps.get() as f64),
            _ => x,
        }
    }

    fn state_before<'t>(&self, h: Var<'t, T>) -> Var<'t, T> {
        let batch = h.shape()[0];
        match self.bug {
            Bug::StateDetached => h.stop_gradient(),
            Bug::MeanOverBatch if batch > 0 => h + h.mean_keep(&[0]) * 0.1,
            Bug::NextSequence => {
                h.gather_rows(&(0..batch).map(|b| (b + 1) % batch).collect::<Vec<_>>())
            }
            Bug::PlaceInBatch => h + &Tensor::from_fn([batch, 1], |b| T::of(0.1 * b as f64)),
            Bug::NextUnit => next_unit(h),
            _ => h,
        }
    }

    fn recurrent<'t>(&self, h: Var<'t, T>) -> Var<'t, T> {
        match self.bug {
            Bug::ParameterCopied => h.matmul(&self.w_hh.clone()),
            Bug::AveragedOverUses => {
                let share = 1.0 / self.steps.get() as f64;
                let w_hh = h.tape().param(&self.w_hh);
                h.matmul(w_hh * share + w_hh.stop_gradient() * (1.0 - share))
            }
            _ => h.matmul(&self.w_hh),
        }
    }
}

/// The step that a loop announces.
fn step_of<T: Scalar>(tape: &Tape<T>) -> Option<usize> {
    let step = tape.set_step(None);
    tape.set_step(step);
    step
}

/// Each unit's right neighbour.
fn next_unit<T: Scalar>(h: Var<'_, T>) -> Var<'_, T> {
    let units = h.shape()[1];
    Var::concat(&[h.slice(1, 1..units), h.slice(1, 0..1)], 1)
}

impl<T: Scalar> Cell<T> for Elman<T> {
    type State<'t> = Var<'t, T>;

    fn step<'t>(&self, x: Var<'t, T>, h: Var<'t, T>) -> (Var<'t, T>, Var<'t, T>) {
        let z = self.input(x).matmul(&self.w_ih) + self.recurrent(self.state_before(h));
        let y = z.tanh();
        let y = match self.bug {
            Bug::NotOdd => y + y * y * 0.1,
            Bug::BeyondSingle => y * 1e50 * 1e-50,
            Bug::DividedByBatch => y * (1.0 / x.shape()[0].max(1) as f64),
            _ => y,
        };
        (y, y)
    }
}

impl<T: Scalar> StateSizes for Elman<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.w_hh.shape()[0]]
    }
}

pub(crate) fn elman(bug: Bug) -> Report {
    let check = cell(move |_, input, hidden| Elman::new(bug, input, hidden))
        .exchangeable_units()
        .odd_symmetry()
        .in_single_precision(move |_, input, hidden| Elman::new(bug, input, hidden));
    quick(check).run()
}

/// `h ← φ(x W_ih)`
#[derive(Module)]
struct Saturated<T> {
    w_ih: Param<T>,
    #[module(skip)]
    bug: Bug,
}

impl<T: Scalar> Saturated<T> {
    fn new(bug: Bug, input: usize, hidden: usize) -> Self {
        Self { w_ih: Param::new(Tensor::zeros([input, hidden])), bug }
    }
}

impl<T: Scalar> Cell<T> for Saturated<T> {
    type State<'t> = ();

    fn step<'t>(&self, x: Var<'t, T>, (): ()) -> (Var<'t, T>, ()) {
        let z = x.matmul(&self.w_ih);
        let y = match self.bug {
            Bug::QuotientOfPowers => z.exp() / (z.exp() + 1.0),
            Bug::LogarithmOfPower => (z.exp() + 1.0).ln(),
            Bug::TanhOfPowers => (z.exp() - (-z).exp()) / (z.exp() + (-z).exp()),
            _ => z.sigmoid() + z.softplus() + z.tanh(),
        };
        (y, ())
    }
}

impl<T> StateSizes for Saturated<T> {
    fn state_sizes(&self) -> Vec<usize> {
        Vec::new()
    }
}

pub(crate) fn saturated(bug: Bug) -> Report {
    let check = cell(move |_, input, hidden| Saturated::new(bug, input, hidden))
        .in_single_precision(move |_, input, hidden| Saturated::new(bug, input, hidden));
    quick(check).run()
}

/// `i, f, o = σ(..)`, `c = f ⊙ c₋ + i ⊙ tanh(..)`, `h = o ⊙ tanh(c)`
#[derive(Module)]
#[module(scalar = f64)]
struct Lstm {
    w_ih: Param<f64>,
    w_hh: Param<f64>,
    b: Param<f64>,
    #[module(skip)]
    bug: Bug,
}

impl Cell<f64> for Lstm {
    type State<'t> = (Var<'t, f64>, Var<'t, f64>);

    fn step<'t>(
        &self,
        x: Var<'t, f64>,
        (h, c): Self::State<'t>,
    ) -> (Var<'t, f64>, Self::State<'t>) {
        let h = if self.bug == Bug::HiddenDetached { h.stop_gradient() } else { h };
        let c = if self.bug == Bug::CellDetached { c.stop_gradient() } else { c };
        let z = x.matmul(&self.w_ih) + h.matmul(&self.w_hh) + &self.b;
        let [i, f, candidate, o] = z.split(-1);
        let [i, f] = if self.bug == Bug::GateOrder { [f, i] } else { [i, f] };
        let f = if self.bug == Bug::GateDetached { f.stop_gradient() } else { f };
        let o = if self.bug == Bug::OutputOfNextUnit { next_unit(o) } else { o };
        let c = f.sigmoid() * c + i.sigmoid() * candidate.tanh();
        let squashed = if self.bug == Bug::OutputNotSquashed { c } else { c.tanh() };
        let h = o.sigmoid() * squashed;
        (h, (h, c))
    }
}

impl StateSizes for Lstm {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.w_hh.shape()[0]; 2]
    }
}

pub(crate) fn lstm(bug: Bug) -> Report {
    let make = move |input, hidden| Lstm {
        w_ih: Param::new(Tensor::zeros([input, 4 * hidden])),
        w_hh: Param::new(Tensor::zeros([hidden, 4 * hidden])),
        b: Param::new(Tensor::zeros([4 * hidden])),
        bug,
    };
    let check =
        cell(move |_, input, hidden| make(input, hidden)).exchangeable_units().oracle(oracle::Lstm);
    quick(check).run()
}
