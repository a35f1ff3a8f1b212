//! What the tests of scans share.

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

/// The plan of a step that reads one sequence `[5, 2, 3]` and one state variable `[2, 4]`: forward
/// and reverse.
pub(crate) fn plan(
    step: impl for<'t> FnMut(Var<'t, f64>, Var<'t, f64>) -> (Var<'t, f64>, Var<'t, f64>),
) -> (String, String) {
    let tape = Tape::new();
    let xs = tape.variable(uniform([5, 2, 3], 1));
    let state = tape.variable(uniform([2, 4], 2));
    let plan = tape.scan(xs, state).plan(step);
    let (forward, reverse) = plan.split_once("reverse\n").expect("both plans");
    (forward.trim_start_matches("forward\n").into(), reverse.into())
}

/// Asserts that a plan is this text, but for the indentation of the whole.
#[track_caller]
pub(crate) fn assert_plan(plan: &str, expected: &str) {
    let lines = |text: &str| {
        let lines: Vec<String> = text.lines().map(|line| line.trim_end().to_owned()).collect();
        let filled = || lines.iter().filter(|line| !line.is_empty());
        let margin = |line: &String| line.len() - line.trim_start().len();
        let least = filled().map(margin).min().unwrap_or(0);
        filled().map(|line| line[least..].to_owned()).collect::<Vec<_>>()
    };
    let (plan, expected) = (lines(plan), lines(expected));
    assert!(plan == expected, "the plan is\n{}\nnot\n{}", plan.join("\n"), expected.join("\n"));
}

/// A recurrence with its inputs, free of any tape.
pub(crate) struct Case<T> {
    pub(crate) sequences: Vec<Tensor<T>>,
    pub(crate) state: Vec<Tensor<T>>,
    pub(crate) params: Vec<Param<T>>,
    pub(crate) reversed: bool,
}

/// How a case is run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Way {
    /// In a loop on the tape: the specification.
    Loop,
    Scan,
    Recomputed(usize),
}

/// Outputs and last state of a case, on a tape where its inputs are variables.
pub(crate) fn run<'t, T: Scalar>(
    case: &Case<T>,
    way: Way,
    sequences: &[Var<'t, T>],
    state: &[Var<'t, T>],
    mut step: impl FnMut(&[Var<'t, T>], &[Var<'t, T>]) -> (Vars<'t, T>, Vars<'t, T>),
) -> Vars<'t, T> {
    let tape = sequences[0].tape();
    let steps = sequences[0].shape()[0];
    if way != Way::Loop {
        let mut scan = tape.scan(sequences.to_vec(), state.to_vec());
        if case.reversed {
            scan = scan.reversed();
        }
        if let Way::Recomputed(every) = way {
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

/// Half the square of every value and the value itself, added up: a loss whose gradient differs from
/// element to element and moves with them.
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
            worst = if distance <= worst { worst } else { distance }; // a NaN is as far as can be
        }
    }
    worst
}
