//! A cell whose state is a `Vec` of variables runs as one whose state is an array.

use bptt_autodiff::{Param, Tape, Tree};
use bptt_layers::{
    Bidirectional, Cell, Layer, LearnedStart, Module, Recurrence, Residual, Reversed, Stack,
    StateSizes, Zoneout, scan, unroll,
};
use bptt_tensor::Tensor;

use crate::support::{V, random, uniform};

/// `h_t = tanh(x_t W_ih + Σ_k a_k ⊙ h_{t−k})`. The state is a list, the latest first.
#[derive(Clone, Debug, Module)]
#[module(scalar = f64)]
struct Delays {
    w_ih: Param<f64>,
    a: Vec<Param<f64>>,
}

impl Cell<f64> for Delays {
    type State<'t> = Vec<V<'t>>;

    fn step<'t>(&self, x: V<'t>, mut state: Vec<V<'t>>) -> (V<'t>, Vec<V<'t>>) {
        let z = x.matmul(&self.w_ih);
        let h = state.iter().zip(&self.a).fold(z, |z, (&h, a)| z + h * a).tanh();
        state.pop();
        state.insert(0, h);
        (h, state)
    }
}

impl StateSizes for Delays {
    fn state_sizes(&self) -> Vec<usize> {
        self.a.iter().map(|a| a.shape()[0]).collect()
    }
}

/// The same with two delays, in an array.
#[derive(Clone, Debug, Module)]
#[module(scalar = f64)]
struct TwoDelays(Delays);

impl Cell<f64> for TwoDelays {
    type State<'t> = [V<'t>; 2];

    fn step<'t>(&self, x: V<'t>, state: [V<'t>; 2]) -> (V<'t>, [V<'t>; 2]) {
        let (y, state) = self.0.step(x, state.to_vec());
        (y, state.try_into().expect("two delays"))
    }
}

impl StateSizes for TwoDelays {
    fn state_sizes(&self) -> Vec<usize> {
        self.0.state_sizes()
    }
}

fn cells() -> (Delays, TwoDelays) {
    let rng = &mut random(1);
    let a = [uniform([3], rng), uniform([3], rng)].map(Param::new).to_vec();
    let delays = Delays { w_ih: Param::new(uniform([3, 3], rng)), a };
    (delays.clone(), TwoDelays(delays))
}

/// Asserts that an expression has the same outputs and last state for both cells.
macro_rules! assert_alike {
    (|$cell:ident, $xs:ident| $run:expr) => {
        let (list, array) = cells();
        let tape = Tape::new();
        let $xs = tape.constant(uniform([5, 2, 3], &mut random(2)));
        let values = [
            {
                let $cell = list;
                let (ys, state) = $run;
                [vec![ys], state.leaves()].concat()
            },
            {
                let $cell = array;
                let (ys, state) = $run;
                [vec![ys], state.leaves()].concat()
            },
        ];
        let [list, array] =
            values.map(|vars| vars.iter().map(|var| var.value()).collect::<Vec<_>>());
        assert!(list.len() > 2);
        assert_eq!(list, array);
    };
}

#[test]
fn runs_are_alike() {
    assert_alike!(|cell, xs| unroll(&cell, xs, cell.zero_state(xs.tape(), 2)));
    assert_alike!(|cell, xs| scan(&cell, xs, cell.zero_state(xs.tape(), 2)));
    let lengths = [3, 5];
    assert_alike!(|cell, xs| {
        Recurrence::new(&cell).lengths(&lengths).reversed().run(xs, cell.start(xs.tape(), 2))
    });
    let resets = Tensor::from_fn([5, 2], |i| f64::from(u8::from(i == 5)));
    assert_alike!(|cell, xs| {
        Recurrence::new(&cell).resets(&resets).run(xs, cell.start(xs.tape(), 2))
    });
}

#[test]
fn wrappers_are_alike() {
    assert_alike!(|cell, xs| Stack::new(vec![cell.clone(), cell]).forward(xs));
    assert_alike!(|cell, xs| Bidirectional::new(cell.clone(), cell).forward(xs));
    assert_alike!(|cell, xs| Reversed::new(Residual::new(cell)).forward(xs));
    assert_alike!(|cell, xs| LearnedStart::new(cell).forward(xs));
    assert_alike!(|cell, xs| Zoneout::new(cell, &[0.3, 0.2]).forward(xs));
    assert_alike!(|cell, xs| (cell.clone(), cell).forward(xs));
}
