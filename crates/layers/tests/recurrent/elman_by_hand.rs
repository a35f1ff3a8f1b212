//! The tape against back-propagation through time derived by hand, for the Elman network with
//! tanh and a softmax loss (Goodfellow, Bengio and Courville 2016, §10.2.2).
//!
//! In column form, one sequence at a time, with plain loops:
//!
//! ```text
//! a_t = b + W h_{t−1} + U x_t,  h_t = tanh a_t,  o_t = c + V h_t
//! L = −Σ_t log softmax(o_t)[y_t] + s · h_T
//!
//! ∇o_t = softmax(o_t) − 1_{y_t}
//! ∇h_T = s + Vᵀ ∇o_T,  ∇h_t = Wᵀ diag(1 − h_{t+1}²) ∇h_{t+1} + Vᵀ ∇o_t
//! ∇c = Σ ∇o_t,  ∇V = Σ ∇o_t h_tᵀ,  ∇b = Σ diag(1 − h_t²) ∇h_t
//! ∇W = Σ diag(1 − h_t²) ∇h_t h_{t−1}ᵀ,  ∇U = Σ diag(1 − h_t²) ∇h_t x_tᵀ
//! ```

use std::iter::zip;

use bptt_layers::{Activation, Elman, unroll};
use bptt_tensor::Tensor;
use proptest::prelude::*;
use rand::seq::IndexedRandom;

use crate::support::{
    Random, Slopes, distance, for_all, parameter, random, randomized, slopes, uniform,
};

type Vector = Vec<f64>;

/// Rows of a matrix.
type Matrix = Vec<Vector>;

const TOLERANCE: f64 = 1e-10;

/// What a wrong form must be off by, at the least.
const CLEARLY: f64 = 1e-3;

fn dot(a: &[f64], b: &[f64]) -> f64 {
    zip(a, b).map(|(a, b)| a * b).sum()
}

/// `M v`
fn times(m: &Matrix, v: &[f64]) -> Vector {
    m.iter().map(|row| dot(row, v)).collect()
}

/// `Mᵀ v`, for a matrix that has `columns` of them.
fn transposed_times(m: &Matrix, v: &[f64], columns: usize) -> Vector {
    (0..columns).map(|j| zip(m, v).map(|(row, v)| row[j] * v).sum()).collect()
}

fn hadamard(a: &[f64], b: &[f64]) -> Vector {
    zip(a, b).map(|(a, b)| a * b).collect()
}

fn add(to: &mut [f64], v: &[f64]) {
    zip(to, v).for_each(|(to, v)| *to += v);
}

/// `M ← M + a bᵀ`
fn add_outer(m: &mut Matrix, a: &[f64], b: &[f64]) {
    zip(m, a).for_each(|(row, a)| zip(row, b).for_each(|(m, b)| *m += a * b));
}

fn softmax(o: &[f64]) -> Vector {
    let largest = o.iter().fold(f64::NEG_INFINITY, |a, &b| a.max(b));
    let e: Vector = o.iter().map(|o| (o - largest).exp()).collect();
    let sum: f64 = e.iter().sum();
    e.iter().map(|e| e / sum).collect()
}

/// The parameters, or their gradients.
#[derive(Clone)]
struct Parameters {
    u: Matrix, // [H, I]
    w: Matrix, // [H, H]
    b: Vector, // [H]
    v: Matrix, // [O, H]
    c: Vector, // [O]
}

impl Parameters {
    fn of(cell: &Elman<f64>) -> Self {
        let columns = |name: &str| -> Matrix {
            let transposed = parameter(cell, name).transpose(0, 1);
            (0..transposed.shape()[0]).map(|i| transposed.index_first(i).to_vec()).collect()
        };
        let vector = |name: &str| parameter(cell, name).to_vec();
        Self {
            u: columns("u"),
            w: columns("w"),
            b: vector("b"),
            v: columns("output.w"),
            c: vector("output.b"),
        }
    }

    fn map(&self, f: impl Fn(f64) -> f64) -> Self {
        let vector = |v: &Vector| -> Vector { v.iter().map(|&x| f(x)).collect() };
        let matrix = |m: &Matrix| -> Matrix { m.iter().map(vector).collect() };
        Self {
            u: matrix(&self.u),
            w: matrix(&self.w),
            b: vector(&self.b),
            v: matrix(&self.v),
            c: vector(&self.c),
        }
    }

    fn add(&mut self, other: &Self) {
        zip(&mut self.u, &other.u).for_each(|(a, b)| add(a, b));
        zip(&mut self.w, &other.w).for_each(|(a, b)| add(a, b));
        zip(&mut self.v, &other.v).for_each(|(a, b)| add(a, b));
        add(&mut self.b, &other.b);
        add(&mut self.c, &other.c);
    }

    /// In the cell's form: weights multiply rows from the right.
    fn tensors(&self) -> Vec<Tensor<f64>> {
        let rows = |m: &Matrix| Tensor::from_vec([m.len(), m[0].len()], m.concat()).transpose(0, 1);
        let vector = |v: &Vector| Tensor::from_slice([v.len()], v);
        vec![rows(&self.u), rows(&self.w), vector(&self.b), rows(&self.v), vector(&self.c)]
    }
}

/// One sequence, its labels and the weights `s` of the loss on the last state.
struct Sequence {
    xs: Vec<Vector>,
    h0: Vector,
    labels: Vec<usize>,
    s: Vector,
}

struct Gradients {
    parameters: Parameters,
    xs: Vec<Vector>,
    h0: Vector,
}

/// The derivation, and the wrong ones that are found in print.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    Right,
    /// `diag(1 − h²) Wᵀ ∇h` for `Wᵀ diag(1 − h²) ∇h`.
    SlopesOutside,
    /// The gradients of shared weights averaged over the steps instead of added up.
    Averaged,
    /// The factors `1 − h²` forgotten, as if the cell were linear.
    WithoutSlopes,
    /// `∇W` with `h_t` for `h_{t−1}`.
    StateAfterTheStep,
    /// The output's activation function on the hidden layer.
    OutputActivationInside,
    /// The recursion begins with a given `h_1` instead of `h_0`.
    FirstStepSkipped,
}

impl Parameters {
    /// The states `h_0, …, h_T`.
    fn states(&self, sequence: &Sequence, form: Form) -> Vec<Vector> {
        let mut states = vec![sequence.h0.clone()];
        for (t, x) in sequence.xs.iter().enumerate() {
            let h = &states[t];
            let mut a = self.b.clone();
            add(&mut a, &times(&self.w, h));
            add(&mut a, &times(&self.u, x));
            states.push(match form {
                Form::FirstStepSkipped if t == 0 => h.clone(),
                Form::OutputActivationInside => softmax(&a),
                _ => a.iter().map(|a| a.tanh()).collect(),
            });
        }
        states
    }

    /// `∇o_t`
    fn output_gradient(&self, h: &[f64], label: usize) -> Vector {
        let mut o = self.c.clone();
        add(&mut o, &times(&self.v, h));
        let mut gradient = softmax(&o);
        gradient[label] -= 1.0;
        gradient
    }

    fn gradients(&self, sequence: &Sequence, form: Form) -> Gradients {
        let states = self.states(sequence, form);
        let steps = sequence.xs.len();
        let mut sum = self.map(|_| 0.0);
        let mut dxs = vec![Vector::new(); steps];
        let mut dh = sequence.s.clone();
        for t in (0..steps).rev() {
            let (before, h, x) = (&states[t], &states[t + 1], &sequence.xs[t]);
            let d_o = self.output_gradient(h, sequence.labels[t]);
            add(&mut sum.c, &d_o);
            add_outer(&mut sum.v, &d_o, h);
            add(&mut dh, &transposed_times(&self.v, &d_o, h.len()));

            if form == Form::FirstStepSkipped && t == 0 {
                dxs[0] = vec![0.0; x.len()];
                break;
            }
            let slopes: Vector = match form {
                Form::WithoutSlopes => vec![1.0; h.len()],
                _ => h.iter().map(|h| 1.0 - h * h).collect(),
            };
            let da = hadamard(&slopes, &dh);
            add(&mut sum.b, &da);
            add_outer(&mut sum.w, &da, if form == Form::StateAfterTheStep { h } else { before });
            add_outer(&mut sum.u, &da, x);
            dxs[t] = transposed_times(&self.u, &da, x.len());
            dh = match form {
                Form::SlopesOutside => hadamard(&slopes, &transposed_times(&self.w, &dh, h.len())),
                _ => transposed_times(&self.w, &da, h.len()),
            };
        }
        if form == Form::Averaged {
            sum = sum.map(|gradient| gradient / steps as f64);
        }
        Gradients { parameters: sum, xs: dxs, h0: dh }
    }

    /// The gradients of `−Σ_t log softmax(o_t)[y_t]` by lag: entry `l` adds up, over all `t`, what
    /// `L_t` owes to the uses of the parameters at step `t − l`.
    fn gradients_by_lag(&self, sequence: &Sequence) -> Vec<Self> {
        let states = self.states(sequence, Form::Right);
        let mut by_lag = vec![self.map(|_| 0.0); sequence.xs.len()];
        for (t, &label) in sequence.labels.iter().enumerate() {
            let h = &states[t + 1];
            let d_o = self.output_gradient(h, label);
            add(&mut by_lag[0].c, &d_o);
            add_outer(&mut by_lag[0].v, &d_o, h);
            let mut path = transposed_times(&self.v, &d_o, h.len()); // ∂L_t/∂h_k
            for k in (0..=t).rev() {
                let slopes: Vector = states[k + 1].iter().map(|h| 1.0 - h * h).collect();
                let da = hadamard(&slopes, &path);
                let term = &mut by_lag[t - k];
                add(&mut term.b, &da);
                add_outer(&mut term.w, &da, &states[k]);
                add_outer(&mut term.u, &da, &sequence.xs[k]);
                path = transposed_times(&self.w, &da, h.len());
            }
        }
        by_lag
    }
}

/// A random network with a batch of labelled sequences.
struct Case {
    cell: Elman<f64>,
    xs: Tensor<f64>,     // [T, B, I]
    h0: Tensor<f64>,     // [B, H]
    labels: Tensor<f64>, // [T, B, O], one-hot
    s: Tensor<f64>,      // [B, H]
    sequences: Vec<Sequence>,
}

impl Case {
    fn random([steps, batch, input, hidden, output]: [usize; 5], rng: &mut Random) -> Self {
        let cell = Elman::new(rng, input, hidden).output(rng, output, Activation::Identity);
        let cell = randomized(cell, rng);
        let xs = uniform([steps, batch, input], rng);
        let (h0, s) = (uniform([batch, hidden], rng), uniform([batch, hidden], rng));
        let classes: Vec<usize> = (0..output).collect();
        let labels: Vec<usize> =
            (0..steps * batch).map(|_| *classes.choose(rng).expect("a class")).collect();
        let sequences = (0..batch).map(|b| Sequence {
            xs: (0..steps).map(|t| xs.index_first(t).index_first(b).to_vec()).collect(),
            h0: h0.index_first(b).to_vec(),
            labels: (0..steps).map(|t| labels[t * batch + b]).collect(),
            s: s.index_first(b).to_vec(),
        });
        let sequences = sequences.collect();
        let labels = Tensor::one_hot(&labels, output).reshape([steps, batch, output]);
        Self { cell, xs, h0, labels, s, sequences }
    }

    fn by_tape(&self) -> Slopes {
        slopes(&self.cell, &[self.xs.clone(), self.h0.clone()], |cell, x| {
            let (os, last) = unroll(cell, x[0], x[1]);
            (last * &self.s).sum_all() - (os.log_softmax(-1) * &self.labels).sum_all()
        })
    }

    fn by_hand(&self, form: Form) -> Slopes {
        let parameters = Parameters::of(&self.cell);
        let mut sum = parameters.map(|_| 0.0);
        let (mut xs, mut h0) = (Vec::new(), Vec::new());
        for sequence in &self.sequences {
            let gradients = parameters.gradients(sequence, form);
            sum.add(&gradients.parameters);
            xs.push(gradients.xs.concat());
            h0.push(gradients.h0);
        }
        let [steps, batch, input] = self.xs.shape()[..] else { panic!("[T, B, I]") };
        let xs = Tensor::from_vec([batch, steps, input], xs.concat()).transpose(0, 1);
        let h0 = Tensor::from_vec(self.h0.shape(), h0.concat());
        Slopes { inputs: vec![xs, h0], parameters: sum.tensors() }
    }

    /// The gradients of the loss on outputs when each step's sees the last `window` steps only,
    /// by hand.
    fn truncated_by_hand(&self, window: usize) -> Vec<Tensor<f64>> {
        let parameters = Parameters::of(&self.cell);
        let mut sum = parameters.map(|_| 0.0);
        for sequence in &self.sequences {
            let terms = parameters.gradients_by_lag(sequence);
            terms.iter().take(window).for_each(|term| sum.add(term));
        }
        sum.tensors()
    }

    /// The same by the tape: for each step a graph of its own, from a state without a past.
    fn truncated_by_tape(&self, window: usize) -> Vec<Tensor<f64>> {
        let gradients = slopes(&self.cell, &[self.xs.clone(), self.h0.clone()], |cell, x| {
            let steps = self.xs.shape()[0];
            let losses = (0..steps).map(|t| {
                let start = (t + 1).saturating_sub(window);
                let (_, h) = unroll(cell, x[0].slice(0, 0..start), x[1]);
                let (os, _) = unroll(cell, x[0].slice(0, start..t + 1), h.stop_gradient());
                let log_y = os.index_first(t - start).log_softmax(-1);
                -(log_y * &self.labels.index_first(t)).sum_all()
            });
            losses.reduce(|sum, loss| sum + loss).expect("a step")
        });
        gradients.parameters
    }
}

fn most_off(left: &[Tensor<f64>], right: &[Tensor<f64>]) -> f64 {
    assert_eq!(left.len(), right.len());
    zip(left, right).map(|(l, r)| distance(l, r)).fold(0.0, f64::max)
}

fn off(by_hand: &Slopes, by_tape: &Slopes) -> f64 {
    most_off(&by_hand.inputs, &by_tape.inputs)
        .max(most_off(&by_hand.parameters, &by_tape.parameters))
}

fn extents(steps: std::ops::Range<usize>, least: usize) -> impl Strategy<Value = [usize; 5]> {
    (steps, 1..=3_usize, least..=5, least..=5, least..=5)
        .prop_map(|(steps, batch, input, hidden, output)| [steps, batch, input, hidden, output])
}

#[test]
fn the_tape_agrees() {
    for_all(128, (extents(0..9, 1), any::<u64>()), |(extents, seed)| {
        let case = Case::random(extents, &mut random(seed));
        let off = off(&case.by_hand(Form::Right), &case.by_tape());
        assert!(off <= TOLERANCE, "off by {off:e}");
    });
}

#[test]
fn no_wrong_form_agrees() {
    let forms = [
        Form::SlopesOutside,
        Form::Averaged,
        Form::WithoutSlopes,
        Form::StateAfterTheStep,
        Form::OutputActivationInside,
        Form::FirstStepSkipped,
    ];
    for_all(48, (extents(3..9, 2), any::<u64>()), |(extents, seed)| {
        let case = Case::random(extents, &mut random(seed));
        let by_tape = case.by_tape();
        for form in forms {
            let off = off(&case.by_hand(form), &by_tape);
            assert!(off > CLEARLY, "{form:?} is off by {off:e} only");
        }
    });
}

#[test]
fn lags_add_up() {
    for_all(32, (extents(1..8, 1), any::<u64>()), |(extents, seed)| {
        let mut case = Case::random(extents, &mut random(seed));
        let steps = extents[0];
        for window in 1..=steps + 1 {
            let (by_hand, by_tape) =
                (case.truncated_by_hand(window), case.truncated_by_tape(window));
            let off = most_off(&by_hand, &by_tape);
            assert!(off <= TOLERANCE, "window {window}: off by {off:e}");
        }
        // windows as long as the sequence are full back-propagation
        case.s = case.s.map(|_| 0.0);
        let full = case.by_tape().parameters;
        for window in [steps, steps + 1] {
            assert!(most_off(&case.truncated_by_hand(window), &full) <= TOLERANCE);
        }
        if extents[1..].iter().all(|&extent| extent > 1) && steps > 1 {
            assert!(most_off(&case.truncated_by_hand(steps - 1), &full) > TOLERANCE);
        }
    });
}
