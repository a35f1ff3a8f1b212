//! `h ← tanh(x W_ih + h₋ W_hh + b)` as one operation with a rule of its own.

use std::cell::Cell;

use bptt_autodiff::{Param, Pullback, Var};
use bptt_gradcheck::{Report, cell};
use bptt_layers::{Cell as RecurrentCell, Module, StateSizes};
use bptt_tensor::Tensor;

use crate::quick;
use crate::rule::{Rule, V};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bug {
    None,
    BiasOfFirstSequence,
    AveragedOverBatch,
    BeyondSecondUnit,
    MadeForAnotherInput,
    ValuesReadWhereKnown,
    ConstantAdded,
    NeighboursGradient,
}

#[derive(Module)]
#[module(scalar = f64)]
struct Fused {
    w_ih: Param<f64>,
    w_hh: Param<f64>,
    b: Param<f64>,
    #[module(skip)]
    bug: Bug,
}

fn forward(at: &[&Tensor<f64>]) -> Tensor<f64> {
    let &[x, h, w_ih, w_hh, b] = at else { panic!("x, h, W_ih, W_hh, b") };
    (x.matmul(w_ih) + h.matmul(w_hh) + b).tanh()
}

fn gradient(bug: Bug, at: &mut Pullback<'_, '_, f64>) {
    let [x, h, w_ih, w_hh, _] = [0, 1, 2, 3, 4].map(|i| at.input(i));
    let of_z = of_z(bug, at);
    let share = match bug {
        Bug::AveragedOverBatch => 1.0 / x.shape()[0].max(1) as f64,
        _ => 1.0,
    };
    let added = if bug == Bug::ConstantAdded { 1e-12 } else { 0.0 };
    let made = Cell::new(None);
    at.add(0, || {
        made.set(Some(of_z));
        of_z.matmul_t(w_ih) + added
    });
    at.add(1, || match (bug, made.get()) {
        (Bug::MadeForAnotherInput, None) => h * 0.0,
        _ => of_z.matmul_t(w_hh),
    });
    at.add(2, || x.t_matmul(of_z) * share);
    at.add(3, || h.t_matmul(of_z) * share);
    at.add(4, || match bug {
        Bug::BiasOfFirstSequence => of_z.slice(0, 0..of_z.shape()[0].min(1)).sum(&[0]),
        _ => of_z * share,
    });
}

fn of_z<'t>(bug: Bug, at: &Pullback<'_, 't, f64>) -> V<'t> {
    let (y, g) = (at.output(), at.cotangent());
    let y = match bug {
        Bug::ValuesReadWhereKnown => as_constant_if_known(y),
        _ => y,
    };
    let of_z = g * (1.0 - y * y);
    let units = of_z.shape()[1];
    match bug {
        Bug::BeyondSecondUnit => {
            of_z * &Tensor::from_fn([units], |unit| f64::from(u8::from(unit < 2)))
        }
        Bug::NeighboursGradient => Var::concat(&[of_z.slice(1, 1..units), of_z.slice(1, 0..1)], 1),
        _ => of_z,
    }
}

/// A loop computes values as it goes; a scan records its step before there are any.
fn as_constant_if_known(y: V<'_>) -> V<'_> {
    let value = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| y.value()));
    value.map_or(y, |value| y.tape().constant(value))
}

impl RecurrentCell<f64> for Fused {
    type State<'t> = V<'t>;

    fn step<'t>(&self, x: V<'t>, h: V<'t>) -> (V<'t>, V<'t>) {
        let tape = x.tape();
        let [w_ih, w_hh, b] = [&self.w_ih, &self.w_hh, &self.b].map(|param| tape.param(param));
        let h = tape.apply(Rule { bug: self.bug, forward, gradient }, &[x, h, w_ih, w_hh, b]);
        (h, h)
    }
}

impl StateSizes for Fused {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.w_hh.shape()[0]]
    }
}

pub(crate) fn step(bug: Bug) -> Report {
    let make = move |input, hidden| Fused {
        w_ih: Param::new(Tensor::zeros([input, hidden])),
        w_hh: Param::new(Tensor::zeros([hidden, hidden])),
        b: Param::new(Tensor::zeros([hidden])),
        bug,
    };
    quick(cell(move |_, input, hidden| make(input, hidden)).exchangeable_units()).run()
}
