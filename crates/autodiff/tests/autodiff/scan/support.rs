//! Helpers of the tests of scans.

use std::collections::HashMap;

use bptt_autodiff::{Param, Tape, Var};
use bptt_tensor::{Scalar, Shape, Tensor};
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;

pub(crate) type Vars<'t, T> = Vec<Var<'t, T>>;

/// A tensor of numbers between -1 and 1, the same for the same seed.
pub(crate) fn uniform<T: Scalar>(shape: impl Into<Shape>, seed: u64) -> Tensor<T> {
    Tensor::uniform(shape, -1.0, 1.0, &mut Xoshiro256PlusPlus::seed_from_u64(seed))
}

pub(crate) fn param(shape: impl Into<Shape>, seed: u64) -> Param<f64> {
    Param::new(uniform(shape, seed))
}

/// The plans of a step that reads one sequence `[5, 2, 3]` and one state variable `[2, 4]`: forward and reverse. See
/// [`plan_of`].
pub(crate) fn plan(
    mut step: impl for<'t> FnMut(Var<'t, f64>, Var<'t, f64>) -> (Var<'t, f64>, Var<'t, f64>),
) -> (String, String) {
    plan_of([5, 2, 3], [[2, 4]], |x, [state]| {
        let (y, next) = step(x, state);
        (y, [next])
    })
}

/// The plans of a step that reads one sequence and a state of these shapes: forward and reverse.
///
/// Asserts that values and gradients of the plans equal those of the loop.
pub(crate) fn plan_of<const N: usize>(
    sequence: [usize; 3],
    state: [[usize; 2]; N],
    mut step: impl for<'t> FnMut(Var<'t, f64>, [Var<'t, f64>; N]) -> (Var<'t, f64>, [Var<'t, f64>; N]),
) -> (String, String) {
    let plan = {
        let tape = Tape::new();
        let (xs, state) = inputs(&tape, sequence, state);
        tape.scan(xs, state).plan(&mut step)
    };
    let [looped, scanned] = [false, true].map(|is_scanned| {
        let tape = Tape::new();
        let (xs, state) = inputs(&tape, sequence, state);
        let (ys, last) = if is_scanned {
            let scanned = tape.scan(xs, state).run(&mut step);
            (scanned.outputs, scanned.state)
        } else {
            let (mut ys, mut last) = (Vec::new(), state);
            for time in 0..sequence[0] {
                let (y, next) = step(xs.index_first(time), last);
                ys.push(y);
                last = next;
            }
            (Var::stack(&ys, 0), last)
        };
        let values: Vars<'_, f64> = std::iter::once(ys).chain(last).collect();
        let gradients = tape.backward(loss(&values));
        let of_inputs =
            std::iter::once(xs).chain(state).map(|input| gradients.get_wrt(input).cloned());
        let of_inputs: Vec<Option<Tensor<f64>>> = of_inputs.collect();
        let of_params = gradients.len() - of_inputs.iter().flatten().count();
        let values: Vec<Tensor<f64>> = values.iter().map(|value| value.value()).collect();
        (values, of_inputs, of_params, gradients)
    });
    let is_near = |a: &Tensor<f64>, b: &Tensor<f64>| {
        distance(std::slice::from_ref(a), std::slice::from_ref(b)) < 1e-12
    };
    assert!(distance(&scanned.0, &looped.0) < 1e-12, "values differ:\n{plan}");
    for (input, pair) in scanned.1.iter().zip(&looped.1).enumerate() {
        let is_alike = match pair {
            (Some(scanned), Some(looped)) => is_near(scanned, looped),
            (None, None) => true,
            (Some(one), None) | (None, Some(one)) => *one == Tensor::zeros(one.shape()),
        };
        assert!(is_alike, "gradients of input {input} differ:\n{plan}");
    }
    assert_eq!(scanned.2, looped.2, "gradients of other parameters:\n{plan}");
    // variables have different ids on the two tapes; parameters have the same
    let looped: HashMap<_, _> = looped.3.into_iter().collect();
    for (id, gradient) in &scanned.3 {
        let is_alike = looped.get(id).is_none_or(|looped| is_near(gradient, looped));
        assert!(is_alike, "gradients of a parameter differ:\n{plan}");
    }
    let (forward, reverse) = plan.split_once("reverse\n").expect("both plans");
    (forward.trim_start_matches("forward\n").trim_end().to_owned() + "\n", reverse.to_owned())
}

/// The inputs of [`plan_of`] on a tape.
fn inputs<const N: usize>(
    tape: &Tape<f64>,
    sequence: [usize; 3],
    state: [[usize; 2]; N],
) -> (Var<'_, f64>, [Var<'_, f64>; N]) {
    let mut seed = 1;
    let state = state.map(|shape| {
        seed += 1;
        tape.variable(uniform(shape, seed))
    });
    (tape.variable(uniform(sequence, 1)), state)
}

/// A recurrence with its inputs, independent of any tape.
pub(crate) struct Case<T> {
    pub(crate) sequences: Vec<Tensor<T>>,
    pub(crate) state: Vec<Tensor<T>>,
    pub(crate) params: Vec<Param<T>>,
    pub(crate) reversed: bool,
}

/// The way in which a case is run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Execution {
    /// In a loop on the tape: the specification.
    Loop,
    Scan,
    Recomputed(usize),
}

/// Outputs and last state of a case, on a tape where its inputs are variables.
pub(crate) fn run<'t, T: Scalar>(
    case: &Case<T>,
    execution: Execution,
    sequences: &[Var<'t, T>],
    state: &[Var<'t, T>],
    mut step: impl FnMut(&[Var<'t, T>], &[Var<'t, T>]) -> (Vars<'t, T>, Vars<'t, T>),
) -> Vars<'t, T> {
    let tape = sequences[0].tape();
    let steps = sequences[0].shape()[0];
    if execution != Execution::Loop {
        let mut scan = tape.scan(sequences.to_vec(), state.to_vec());
        if case.reversed {
            scan = scan.reversed();
        }
        if let Execution::Recomputed(every) = execution {
            scan = scan.recompute(bptt_autodiff::Recompute::Every(every));
        }
        let scanned = scan.run(|x, s| step(&x, &s));
        return scanned.outputs.into_iter().chain(scanned.state).collect();
    }
    let mut state = state.to_vec();
    let mut outputs: Vec<Vars<'t, T>> = Vec::new();
    for count in 0..steps {
        let time = if case.reversed { steps - 1 - count } else { count };
        tape.set_step(Some(time));
        let entries: Vec<_> = sequences.iter().map(|x| x.index_first(time)).collect();
        let (out, next) = step(&entries, &state);
        outputs.resize_with(out.len(), Vec::new);
        outputs.iter_mut().zip(out).for_each(|(outputs, out)| outputs.push(out));
        state = next;
    }
    tape.set_step(None);
    if case.reversed {
        outputs.iter_mut().for_each(|outputs| outputs.reverse());
    }
    outputs.iter().map(|outputs| Var::stack(outputs, 0)).chain(state).collect()
}

/// The sum of `x² / 2 + x` over all elements: a loss whose gradient differs between elements and
/// depends on their values.
pub(crate) fn loss<'t, T: Scalar>(values: &[Var<'t, T>]) -> Var<'t, T> {
    let terms = values.iter().map(|&y| (y * (y * 0.5 + 1.0)).sum_all());
    terms.reduce(|sum, term| sum + term).expect("there are values")
}

/// The largest difference of two lists of tensors, relative where they are above 1.
#[track_caller]
pub(crate) fn distance<T: Scalar>(left: &[Tensor<T>], right: &[Tensor<T>]) -> f64 {
    assert_eq!(left.len(), right.len());
    let mut worst = 0.0_f64;
    for (left, right) in left.iter().zip(right) {
        assert_eq!(left.shape(), right.shape());
        let scale = right.as_slice().iter().fold(1.0, |most: f64, x| most.max(x.as_f64().abs()));
        for (x, y) in left.as_slice().iter().zip(right.as_slice()) {
            let distance = (x.as_f64() - y.as_f64()).abs() / scale;
            worst = if distance <= worst { worst } else { distance }; // a NaN counts as the largest distance
        }
    }
    worst
}

/// The equations of a step, for any tape and precision.
pub(crate) trait Equations {
    /// The outputs and the next state, from the parameters, the entries of the sequences and the state.
    fn step<'t, T: Scalar>(
        &self,
        params: &[Var<'t, T>],
        x: &[Var<'t, T>],
        state: &[Var<'t, T>],
    ) -> (Vars<'t, T>, Vars<'t, T>);
}

/// Values, gradients, and products of the Hessian with a random direction.
fn derivatives<T: Scalar>(
    case: &Case<T>,
    execution: Execution,
    equations: &impl Equations,
) -> [Vec<Tensor<T>>; 3] {
    let tape = Tape::new();
    let sequences: Vars<'_, T> = case.sequences.iter().map(|x| tape.variable(x.clone())).collect();
    let state: Vars<'_, T> = case.state.iter().map(|s| tape.variable(s.clone())).collect();
    let params: Vars<'_, T> = case.params.iter().map(|param| tape.param(param)).collect();
    let values = run(case, execution, &sequences, &state, |x, s| equations.step(&params, x, s));
    let loss = loss(&values);
    let sources: Vars<'_, T> = [&sequences[..1], &state, &params].concat();
    let in_numbers = tape.backward(loss);
    let mut gradients: Vec<Tensor<T>> = Vec::new();
    for &source in &sources[..1 + state.len()] {
        gradients.push(in_numbers.wrt(source).clone());
    }
    for param in &case.params {
        gradients
            .push(in_numbers.get(param).cloned().unwrap_or_else(|| Tensor::zeros(param.shape())));
    }
    let directions: Vec<_> = (100..)
        .zip(&sources)
        .map(|(seed, &source)| (source, tape.constant(uniform(source.shape(), seed))))
        .collect();
    let curvatures = tape.hvp(loss, &directions);
    [
        values.iter().map(|value| value.value()).collect(),
        gradients,
        curvatures.iter().map(|value| value.value()).collect(),
    ]
}

/// Asserts that a scan, also one that saves a state every few steps, is the loop: values, gradients and products of the
/// Hessian, each within its tolerance.
#[track_caller]
pub(crate) fn check_orders<T: Scalar>(
    case: &Case<T>,
    recompute: usize,
    equations: &impl Equations,
    tolerances: [f64; 3],
) {
    let expected = derivatives(case, Execution::Loop, equations);
    for execution in [Execution::Scan, Execution::Recomputed(recompute)] {
        let found = derivatives(case, execution, equations);
        for (order, tolerance) in tolerances.into_iter().enumerate() {
            let distance = distance(&found[order], &expected[order]);
            assert!(distance <= tolerance, "{execution:?}: order {order} is off by {distance:e}");
        }
    }
}

/// The values of a step with weights `[3, 6]` and `[6, 6]`, their gradients, and the gradients of a scalar function of the
/// gradients.
pub(crate) fn two_orders<T: Scalar>(
    execution: Execution,
    batch: usize,
    step: impl for<'t> Fn([Var<'t, T>; 2], &[Var<'t, T>], &[Var<'t, T>]) -> (Vars<'t, T>, Vars<'t, T>),
) -> Vec<Tensor<T>> {
    let case = Case::<T> {
        sequences: vec![uniform([6, batch, 3], 1)],
        state: vec![uniform([batch, 6], 2)],
        params: vec![],
        reversed: false,
    };
    let tape = Tape::new();
    let [xs, h, w, u] =
        [case.sequences[0].clone(), case.state[0].clone(), uniform([3, 6], 3), uniform([6, 6], 4)]
            .map(|value| tape.variable(value));
    let values = run(&case, execution, &[xs], &[h], |x, h| step([w, u], x, h));
    let first = tape.grad(loss(&values), [xs, h, w, u]);
    let second = tape.grad(loss(&first), [xs, h, w, u]);
    values.iter().chain(&first).chain(&second).map(|var| var.value()).collect()
}
