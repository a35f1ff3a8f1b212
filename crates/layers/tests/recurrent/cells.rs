//! What is particular to one kind of cell.

use bptt_autodiff::{Param, Tape, Var};
use bptt_layers::{
    Activation, Cell, Elman, Gru, Init, Linear, Lstm, Module, OutputToHidden, Reset, StateSizes,
    unroll,
};
use bptt_tensor::{Scalar, Tensor};
use proptest::prelude::*;

use crate::derivatives;
use crate::support::{
    Run, Sizes, V, assert_near, distance, for_all, parameter, random, random_cell, run, sizes,
    uniform, unrolled,
};

const SIZES: Sizes = Sizes { steps: 5, batch: 2, input: 3, hidden: 4, output: 2 };

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// The functions that the activations stand for.
#[test]
fn activations() {
    let at = [-2.0, -0.5, 0.0, 0.25, 3.0];
    let apply = |activation: Activation<f64>| {
        let tape = Tape::new();
        activation.apply(tape.constant(Tensor::from_slice([5], &at))).value()
    };
    let map = |f: fn(f64) -> f64| Tensor::from_slice([5], &at.map(f));
    let sum: f64 = at.iter().map(|z| z.exp()).sum();
    let expected = [
        (Activation::Identity, map(|z| z)),
        (Activation::Tanh, map(f64::tanh)),
        (Activation::Sigmoid, map(sigmoid)),
        (Activation::Relu, map(|z| z.max(0.0))),
        (Activation::Softplus, map(|z| z.exp().ln_1p())),
        (Activation::Softmax, Tensor::from_slice([5], &at.map(|z| z.exp() / sum))),
        (Activation::Custom(|z| z.maximum(z * 0.01)), map(|z| if z > 0.0 { z } else { 0.01 * z })),
    ];
    for (activation, expected) in expected {
        assert_near(&[apply(activation)], &[expected], 1e-15);
    }
    assert_eq!(format!("{:?}", Activation::<f64>::default()), "Tanh");
}

/// One step is `f_h(x U + h W + b)` and `f_o(h V + c)`.
#[test]
fn elman_equations() {
    let rng = &mut random(0);
    let cell = random_cell::elman_custom_to_sigmoid(rng, SIZES);
    let (x, h0) = (uniform([2, 3], rng), uniform([2, 4], rng));
    let p = |name: &str| parameter(&cell, name);
    let z = x.matmul(&p("u")).add(&h0.matmul(&p("w"))).add(&p("b"));
    let h = z.map(|z| z.sin() + z * 0.1);
    let o = h.matmul(&p("output.w")).add(&p("output.b")).map(sigmoid);
    let tape = Tape::new();
    let (y, state) = cell.step(tape.constant(x), tape.constant(h0));
    assert_near(&[y.value(), state.value()], &[o, h], 1e-14);
}

/// One step is `tanh(x U + o W + b) V + c`.
#[test]
fn output_to_hidden_equations() {
    let rng = &mut random(0);
    let cell = random_cell::output_to_hidden(rng, SIZES);
    let (x, o) = (uniform([2, 3], rng), uniform([2, 2], rng));
    let p = |name: &str| parameter(&cell, name);
    let h = x.matmul(&p("u")).add(&o.matmul(&p("w"))).add(&p("b")).map(f64::tanh);
    let expected = h.matmul(&p("output.w")).add(&p("output.b"));
    let tape = Tape::new();
    let (y, state) = cell.step(tape.constant(x), tape.constant(o));
    assert_near(&[y.value(), state.value()], &[expected.clone(), expected], 1e-14);
}

/// A rectified network that starts from the identity keeps a positive state (Le, Jaitly and Hinton
/// 2015).
#[test]
fn identity_start_keeps_the_state() {
    let rng = &mut random(0);
    let start = Init::Identity { scale: 1.0 };
    let cell = Elman::new(rng, 3, 4).activation(Activation::Relu).recurrent_init(rng, start);
    let h0 = uniform([2, 4], rng).map(f64::abs);
    let Run { values, .. } = run(&cell, &[Tensor::zeros([9, 2, 3]), h0.clone()], unrolled);
    assert_eq!(values[1], h0);
}

/// The GRU as published, number by number.
fn gru_by_hand(cell: &Gru<f64>, reset: Reset, xs: &Tensor<f64>, h0: &Tensor<f64>) -> Tensor<f64> {
    let p = |name: &str| parameter(cell, name);
    let (w, u_gates, u_candidate, b) = (p("w"), p("u_gates"), p("u_candidate"), p("b"));
    let [steps, batch, input] = xs.shape()[..] else { panic!("[T, B, I]") };
    let hidden = h0.shape()[1];
    let mut hs = Vec::new();
    for s in 0..batch {
        let mut h = h0.index_first(s).to_vec();
        for t in 0..steps {
            let from_x = |column: usize| -> f64 {
                (0..input).map(|i| xs.at(&[t, s, i]) * w.at(&[i, column])).sum::<f64>()
                    + b.at(&[column])
            };
            let product = |v: &[f64], u: &Tensor<f64>, column: usize| -> f64 {
                (0..hidden).map(|i| v[i] * u.at(&[i, column])).sum()
            };
            let gate = |part: usize| -> Vec<f64> {
                let column = |j| part * hidden + j;
                (0..hidden)
                    .map(|j| sigmoid(from_x(column(j)) + product(&h, &u_gates, column(j))))
                    .collect()
            };
            let (r, z) = (gate(0), gate(1));
            let recurrent = |j: usize| match reset {
                Reset::After => r[j] * (product(&h, &u_candidate, j) + p("b_candidate").at(&[j])),
                Reset::Before => {
                    let kept: Vec<f64> = r.iter().zip(&h).map(|(r, h)| r * h).collect();
                    product(&kept, &u_candidate, j)
                }
            };
            let n: Vec<f64> =
                (0..hidden).map(|j| (from_x(2 * hidden + j) + recurrent(j)).tanh()).collect();
            h = (0..hidden).map(|j| (1.0 - z[j]) * n[j] + z[j] * h[j]).collect();
            hs.push(h.clone());
        }
    }
    Tensor::from_vec([batch, steps, hidden], hs.concat()).transpose(0, 1)
}

#[test]
fn gru_equations() {
    for_all(32, (sizes(), any::<u64>()), |(sizes, seed)| {
        let rng = &mut random(seed);
        for reset in [Reset::After, Reset::Before] {
            let cell = match reset {
                Reset::After => random_cell::gru_after(rng, sizes),
                Reset::Before => random_cell::gru_before(rng, sizes),
            };
            let inputs = sizes.inputs(&cell, rng);
            let by_hand = gru_by_hand(&cell, reset, &inputs[0], &inputs[1]);
            let Run { values, .. } = run(&cell, &inputs, unrolled);
            assert_near(&values[..1], &[by_hand], 1e-13);
        }
    });
}

/// Where the reset gate acts makes a difference, unless the gate is open.
#[test]
fn reset_before_is_not_after() {
    let rng = &mut random(3);
    let before = random_cell::gru_before(rng, SIZES);
    let mut after = random_cell::gru_after(rng, SIZES);
    let mut share = |gate_bias: f64| {
        let mut before = before.clone();
        before.for_each_parameter_mut(|name, param| {
            if name == "b" && gate_bias > 0.0 {
                param.value_mut().as_mut_slice()[..4].fill(gate_bias);
            }
        });
        after.for_each_parameter_mut(|name, param| match name {
            "b_candidate" => param.set(Tensor::zeros([4])),
            name => param.set(parameter(&before, name)),
        });
        let inputs = SIZES.inputs(&before, &mut random(4));
        let [before, after] = [&before, &after].map(|cell| run(cell, &inputs, unrolled));
        distance(&before.values[0], &after.values[0])
    };
    assert!(share(0.0) > 1e-3);
    assert!(share(60.0) < 1e-12);
}

/// The LSTM of 1997, reduced: no forget gate, the cell adds up.
#[derive(Module)]
struct Lstm1997<T> {
    w: Param<T>, // [I, 3H], the columns of i, c̃, o
    u: Param<T>, // [H, 3H]
    b: Param<T>, // [3H]
}

impl<T: Scalar> Cell<T> for Lstm1997<T> {
    type State<'t> = (Var<'t, T>, Var<'t, T>);

    fn step<'t>(&self, x: Var<'t, T>, (h, c): Self::State<'t>) -> (Var<'t, T>, Self::State<'t>) {
        let [i, candidate, o] = (x.matmul(&self.w) + h.matmul(&self.u) + &self.b).split();
        let c = c + i.sigmoid() * candidate.tanh();
        let h = o.sigmoid() * c.tanh();
        (h, (h, c))
    }
}

/// With its forget gate held open, the LSTM is that of 1997.
#[test]
fn lstm_that_never_forgets() {
    for_all(16, (sizes(), any::<u64>()), |(sizes, seed)| {
        let rng = &mut random(seed);
        let lstm = random_cell::lstm(rng, sizes).forget_bias(100.0); // 1 − σ is below 1e-38
        let hidden = sizes.hidden;
        let without_forget_gate = |all: &Tensor<f64>| {
            let ends = [all.slice(-1, 0..hidden), all.slice(-1, 2 * hidden..4 * hidden)];
            Tensor::concat(&[&ends[0], &ends[1]], -1)
        };
        let kept = |name: &str| Param::new(without_forget_gate(&parameter(&lstm, name)));
        let reduced = Lstm1997 { w: kept("w"), u: kept("u"), b: kept("b") };
        let inputs = sizes.inputs(&lstm, rng);
        let (lstm, reduced) = (run(&lstm, &inputs, unrolled), run(&reduced, &inputs, unrolled));
        assert_near(&lstm.values, &reduced.values, 1e-14);
        assert_near(&lstm.gradients.inputs, &reduced.gradients.inputs, 1e-12);
        let parameters: Vec<_> =
            lstm.gradients.parameters.iter().map(without_forget_gate).collect();
        assert_near(&parameters, &reduced.gradients.parameters, 1e-12);
        for gradient in &lstm.gradients.parameters {
            let forget = gradient.slice(-1, hidden..2 * hidden);
            assert!(forget.as_slice().iter().all(|g| g.abs() < 1e-30), "{forget:?}");
        }
    });
}

/// A cell and inputs, wanted outputs and what the first step reads.
fn teaching(sizes: Sizes, seed: u64) -> (OutputToHidden<f64>, Vec<Tensor<f64>>) {
    let rng = &mut random(seed);
    let cell = random_cell::output_to_hidden(rng, sizes);
    let Sizes { steps, batch, input, output, .. } = sizes;
    let inputs = vec![
        uniform([steps, batch, input], rng),
        uniform([steps, batch, output], rng),
        uniform([batch, output], rng),
    ];
    (cell, inputs)
}

fn taught<'t>(cell: &OutputToHidden<f64>, x: &[V<'t>]) -> Vec<V<'t>> {
    vec![cell.teacher_forced(x[0], x[1], x[2])]
}

/// All steps at once compute what one after the other does, each reading the wanted output.
#[test]
fn teacher_forcing_in_parallel() {
    for_all(32, (sizes(), any::<u64>()), |(sizes, seed)| {
        let (cell, inputs) = teaching(sizes, seed);
        let parallel = run(&cell, &inputs, taught);
        let sequential = run(&cell, &inputs, |cell, x| {
            let mut read = x[2];
            let mut ys = Vec::new();
            for t in 0..sizes.steps {
                ys.push(cell.step(x[0].index_first(t), read).0);
                read = x[1].index_first(t);
            }
            match sizes.steps {
                0 => vec![x[1]],
                _ => vec![V::stack(&ys)],
            }
        });
        assert_eq!(parallel.values[0].shape(), inputs[1].shape());
        assert_near(&parallel.values, &sequential.values, 1e-13);
        if sizes.steps > 0 {
            assert_near(&parallel.gradients.inputs, &sequential.gradients.inputs, 1e-12);
        }
        assert_near(&parallel.gradients.parameters, &sequential.gradients.parameters, 1e-12);
    });
}

#[test]
fn teacher_forcing_derivatives() {
    for_all(16, (sizes(), any::<u64>()), |(sizes, seed)| {
        let (cell, inputs) = teaching(sizes, seed);
        derivatives::check(&cell, &inputs, &mut random(seed), taught);
    });
}

/// Taught what it would have said anyway, the network says it, but learns otherwise: no gradient
/// flows back through what it reads.
#[test]
fn teacher_forcing_has_its_own_gradient() {
    let (cell, inputs) = teaching(SIZES, 7);
    let free_inputs = [inputs[0].clone(), inputs[2].clone()];
    let free = run(&cell, &free_inputs, |cell, x| vec![unroll(cell, x[0], x[1]).0]);
    let inputs = [inputs[0].clone(), free.values[0].clone(), inputs[2].clone()];
    let forced =
        run(&cell, &inputs, |cell, x| vec![cell.teacher_forced(x[0], x[1].stop_gradient(), x[2])]);
    assert_near(&forced.values, &free.values, 1e-13);
    let (forced, free) = (&forced.gradients.parameters, &free.gradients.parameters);
    assert!(forced.iter().zip(free).all(|(forced, free)| distance(forced, free) > 1e-3));
}

/// The numbers of parameters that the cells' documentation states.
#[test]
fn parameter_counts() {
    let rng = &mut random(0);
    let (i, h, o) = (3, 4, 2);
    let layer = i * h + h * h + h;
    assert_eq!(Elman::<f64>::new(rng, i, h).parameter_count(), layer);
    assert_eq!(Elman::<f64>::new(rng, i, h).without_bias().parameter_count(), layer - h);
    let with_output = Elman::<f64>::new(rng, i, h).output(rng, o, Activation::Softmax);
    assert_eq!(with_output.parameter_count(), layer + h * o + o);
    let output_to_hidden = OutputToHidden::<f64>::new(rng, i, h, o);
    assert_eq!(output_to_hidden.parameter_count(), i * h + o * h + h + h * o + o);
    assert_eq!(Lstm::<f64>::new(rng, i, h).parameter_count(), 4 * layer);
    assert_eq!(Lstm::<f64>::new(rng, i, h).without_bias().parameter_count(), 4 * (layer - h));
    assert_eq!(Gru::<f64>::new(rng, i, h, Reset::After).parameter_count(), 3 * layer + h);
    assert_eq!(Gru::<f64>::new(rng, i, h, Reset::Before).parameter_count(), 3 * layer);
    assert_eq!(Linear::<f64>::new(rng, i, h).parameter_count(), i * h + h);
}

/// Each variable of a zero state: `[B, size]`, of the size that the cell needs.
#[test]
fn zero_states() {
    let rng = &mut random(0);
    let tape = Tape::<f64>::new();
    let (h, c) = Lstm::new(rng, 3, 4).zero_state(&tape, 2);
    let o = OutputToHidden::new(rng, 3, 4, 5).zero_state(&tape, 2);
    let (lower, upper) = (Elman::new(rng, 3, 4), Gru::new(rng, 4, 6, Reset::Before));
    let (below, above) = (lower, upper).zero_state(&tape, 2);
    for (state, size) in [(h, 4), (c, 4), (o, 5), (below, 4), (above, 6)] {
        assert_eq!(state.value(), Tensor::zeros([2, size]));
    }
}
