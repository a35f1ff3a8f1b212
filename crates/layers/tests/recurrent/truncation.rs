//! Truncated back-propagation: which terms of the gradient are kept.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bptt_autodiff::{Tape, Tree};
use bptt_layers::{Cell, Elman, StateSizes, Stepwise, Truncation, Zoneout, scan};
use bptt_tensor::Tensor;

use crate::support::{
    Sizes, V, assert_near, distance, random, random_cell, run, uniform, unrolled,
};

fn truncated<'t, L: Stepwise<f64>>(truncation: Truncation, layer: &L, x: &[V<'t>]) -> Vec<V<'t>> {
    let (ys, state) = truncation.run(layer, x[0], layer.start(x[0].tape(), 1).with_leaves(&x[1..]));
    [vec![ys], state.leaves()].concat()
}

/// The terms of the gradient by their lag: a window that is one step longer adds one lag.
#[test]
fn windows_keep_the_lags_below_their_length() {
    let rng = &mut random(3);
    let sizes = Sizes { steps: 6, batch: 2, input: 3, hidden: 4, output: 2 };
    let cell = random_cell::elman(rng, sizes);
    let inputs = sizes.inputs(&cell, rng);
    let gradient = |reach: usize| {
        let run =
            run(&cell, &inputs, |cell, x| vec![truncated(Truncation::window(reach), cell, x)[0]]);
        run.gradients.parameters
    };
    // ∂L_t/∂U by lag: the step's own weights count only at step t − lag
    let of_lag = |lag: usize| {
        let whole = run(&cell, &inputs, |cell, x| {
            let constant = |param| x[0].tape().param(param).stop_gradient();
            let mut ys = Vec::new();
            for t in lag..sizes.steps {
                let mut h = x[1].stop_gradient();
                for k in 0..=t {
                    let x_k = x[0].index_first(k).stop_gradient();
                    let b = cell.b.as_ref().expect("a bias");
                    h = if k == t - lag {
                        cell.step(x_k, h.stop_gradient()).0
                    } else {
                        (x_k.matmul(constant(&cell.w_ih))
                            + h.matmul(constant(&cell.w_hh))
                            + constant(b))
                        .tanh()
                    };
                }
                ys.push(h);
            }
            vec![V::stack(&ys, 0)]
        });
        whole.gradients.parameters
    };
    let mut sum = of_lag(0);
    for reach in 1..=sizes.steps {
        assert_near(&gradient(reach), &sum, 1e-11);
        if reach < sizes.steps {
            let next = of_lag(reach);
            assert!(next.iter().any(|g| distance(g, &g.map(|_| 0.0)) > 1e-6));
            sum.iter_mut().zip(&next).for_each(|(sum, term)| *sum += term);
        }
    }
}

/// A cell whose step reads its own sequence of noise.
struct Disturbed<'n>(Elman<f64>, &'n Tensor<f64>);

impl Cell<f64> for Disturbed<'_> {
    type State<'t> = V<'t>;

    fn step<'t>(&self, x: V<'t>, h: V<'t>) -> (V<'t>, V<'t>) {
        let (y, h) = self.0.step(x + x.tape().at_step(self.1), h);
        (y, h)
    }
}

impl StateSizes for Disturbed<'_> {
    fn state_sizes(&self) -> Vec<usize> {
        self.0.state_sizes()
    }
}

/// The noise belongs to steps of the sequence, and a window has fewer. The cell is therefore refused, except where
/// nothing is cut.
#[test]
fn noise_of_steps_is_refused_in_windows() {
    let rng = &mut random(4);
    let noise = uniform([6, 1, 3], rng);
    let cell = Disturbed(Elman::new(rng, 3, 4), &noise);
    let tape = Tape::new();
    let xs = tape.constant(uniform([6, 1, 3], rng));
    let start = || cell.zero_state(&tape, 1);
    let (whole, _) = scan(&cell, xs, start());
    for reach in [6, 7, usize::MAX] {
        let (ys, _) = Truncation::new(2, reach).run(&cell, xs, start());
        assert_eq!(ys.value(), whole.value());
    }
    let refused = catch_unwind(AssertUnwindSafe(|| Truncation::new(2, 5).run(&cell, xs, start())));
    let message = refused.expect_err("it is refused");
    let message = message.downcast_ref::<String>().expect("a message");
    assert!(message.contains("belong to windows of 5 steps"), "{message}");
}

/// Without training, a cell with noise is truncated like the cell of evaluation.
#[test]
fn zoneout_without_noise() {
    let rng = &mut random(5);
    let sizes = Sizes { steps: 6, batch: 2, input: 3, hidden: 4, output: 2 };
    let cell = random_cell::lstm(rng, sizes);
    let inputs = sizes.inputs(&cell, rng);
    let zoneout = Zoneout::new(cell, &[0.25, 0.5]);
    let cut = run(&zoneout, &inputs, |cell, x| truncated(Truncation::new(2, 3), cell, x));
    let whole = run(&zoneout, &inputs, unrolled);
    assert_near(&cut.values, &whole.values, 1e-13);
    assert!(cut.gradients.parameters != whole.gradients.parameters);
}

/// The initial states of windows are computed with the substitutes of parameters.
#[test]
fn windows_start_from_substituted_parameters() {
    let rng = &mut random(6);
    let sizes = Sizes { steps: 6, batch: 2, input: 3, hidden: 4, output: 2 };
    let cell = random_cell::elman(rng, sizes);
    let tape = Tape::new();
    let inputs = sizes.inputs(&cell, rng);
    let x: Vec<_> = inputs.iter().map(|input| tape.constant(input.clone())).collect();
    let halved = tape.param(&cell.w_ih) * 0.5;
    let _substitution = tape.substitute(&cell.w_ih, halved);
    let of_windows = truncated(Truncation::new(1, 2), &cell, &x)[0].value();
    assert_near(&[of_windows], &[unrolled(&cell, &x)[0].value()], 1e-13);
}
