//! Different ways of running a recurrence, which compute the same.

use bptt_autodiff::{Tape, Var};
use bptt_tensor::Tensor;
use rand::RngExt;

use crate::any_cell::{AnyCell, Execution, Sequence};
use crate::cell_case::{CellCase, Outcome, Whole};
use crate::evidence::Evidence;
use crate::laws::orders::direction;
use crate::subject::Subject;
use crate::values::{Random, V};
use crate::violation::{EXACT, Named, Nearness, Violation};

/// The tolerance for values computed in two ways, which differ only by the order of their sums.
const VALUES: Nearness = Nearness::Relative(1e-11);

/// Compares values and gradients of two ways.
pub(crate) fn same(
    (found_by, found): (&'static str, &Outcome),
    (expected_by, expected): (&'static str, &Outcome),
    evidence: &mut Evidence,
) -> Result<(), Violation> {
    evidence.compare((found_by, &found.outputs), (expected_by, &expected.outputs), VALUES)?;
    let gradients = [found, expected].map(Outcome::gradients);
    evidence.compare((found_by, &gradients[0]), (expected_by, &gradients[1]), EXACT)
}

pub(crate) fn scan(
    case: &CellCase<'_>,
    rng: &mut Random,
    evidence: &mut Evidence,
) -> Result<(), Violation> {
    let (scanned, unrolled) =
        (case.outcome(&Execution::Scanned), case.outcome(&Execution::Unrolled));
    same(("scan", &scanned), ("the loop", &unrolled), evidence)?;

    let executions = [Whole::new(case, Execution::Scanned), Whole::new(case, Execution::Unrolled)];
    let along = direction(&executions[0], rng);
    let [scanned, unrolled] = executions.map(|execution| curvature(&execution, &along));
    evidence.compare(("scan, second order", &scanned), ("the loop", &unrolled), EXACT)
}

/// The Hessian of the loss times a direction.
fn curvature(subject: &dyn Subject, along: &[Tensor<f64>]) -> Vec<Named> {
    let tape = Tape::new();
    let recorded = subject.record(&tape, subject.at());
    let y = recorded.flat();
    let loss = crate::laws::orders::functional(y, &Tensor::ones(y.shape()));
    let tangents = along.iter().map(|v| tape.constant(v.clone()));
    let tangents: Vec<_> = recorded.sources.iter().copied().zip(tangents).collect();
    let products = tape.hvp(loss, &tangents).into_iter().zip(subject.sources());
    products
        .map(|(product, place)| Named::new(format!("∂² {}", place.name), product.value()))
        .collect()
}

pub(crate) fn pieces(
    case: &CellCase<'_>,
    rng: &mut Random,
    evidence: &mut Evidence,
) -> Result<(), Violation> {
    let steps = case.sizes.steps;
    let first = rng.random_range(0..=steps);
    for execution in [Execution::Unrolled, Execution::Scanned] {
        let parts = case.outcome_of(&case.values, &|cell, xs, state| {
            let (early, state) = cell.run(&execution, xs.slice(0, 0..first), state);
            let (late, state) = cell.run(&execution, xs.slice(0, first..steps), &state);
            (Var::concat(&[early, late], 0), state)
        });
        same(("in pieces", &parts), ("the whole", &case.outcome(&execution)), evidence)?;
    }
    Ok(())
}

pub(crate) fn recompute(
    case: &CellCase<'_>,
    rng: &mut Random,
    evidence: &mut Evidence,
) -> Result<(), Violation> {
    let every = rng.random_range(1..=case.sizes.steps.max(1));
    let recomputed = case.outcome(&Execution::Recomputed(every));
    same(("recomputed", &recomputed), ("plain", &case.outcome(&Execution::Scanned)), evidence)
}

/// The sequence with its steps in the opposite order.
fn backwards(xs: V<'_>) -> V<'_> {
    xs.gather_rows(&(0..xs.shape()[0]).rev().collect::<Vec<_>>())
}

pub(crate) fn reversed(case: &CellCase<'_>, evidence: &mut Evidence) -> Result<(), Violation> {
    let by_hand = case.outcome_of(&case.values, &|cell, xs, state| {
        let (ys, state) = cell.run(&Execution::Unrolled, backwards(xs), state);
        (backwards(ys), state)
    });
    let reversed = case.outcome(&Execution::Reversed);
    same(("reversed", &reversed), ("the reversed sequence", &by_hand), evidence)
}

/// Compares truncated back-propagation with the loop. Windows that reach back to the first step give the full gradient.
/// Other windows give that of loops in which the gradient is cut.
pub(crate) fn truncation(
    case: &CellCase<'_>,
    rng: &mut Random,
    evidence: &mut Evidence,
) -> Result<(), Violation> {
    let steps = case.sizes.steps.max(1);
    let every = rng.random_range(1..=steps);
    let full = case.outcome(&Execution::Unrolled);
    for reach in [steps, steps + 3] {
        let truncated = case.outcome(&Execution::Truncated([every, reach]));
        same(("in long windows", &truncated), ("untruncated", &full), evidence)?;
    }
    if case.sizes.steps > 1 {
        let every = rng.random_range(1..steps);
        let reach = rng.random_range(every..steps);
        let truncated = case.outcome(&Execution::Truncated([every, reach]));
        let cut = case.outcome_of(&case.values, &|cell, xs, state| {
            in_windows(cell, xs, state, [every, reach])
        });
        same(("in windows", &truncated), ("in cut loops", &cut), evidence)?;
    }
    Ok(())
}

/// Runs each window as a plain loop. It starts from the state of the plain recurrence before it, with the gradient
/// stopped. The outputs of its last `every` steps count.
fn in_windows<'t>(
    cell: &dyn AnyCell,
    xs: V<'t>,
    first: &[V<'t>],
    [every, reach]: [usize; 2],
) -> Sequence<'t> {
    let steps = xs.shape()[0];
    let mut counted = Vec::new();
    let mut last = first.to_vec();
    for chunk in (0..steps).step_by(every) {
        let end = steps.min(chunk + every);
        let start = end.saturating_sub(reach);
        let mut state = first.to_vec();
        if start > 0 {
            let (_, before) = cell.run(&Execution::Unrolled, xs.slice(0, 0..start), first);
            state = before.into_iter().map(V::stop_gradient).collect();
        }
        let (ys, after) = cell.run(&Execution::Unrolled, xs.slice(0, start..end), &state);
        counted.push(ys.slice(0, chunk - start..end - start));
        last = after;
    }
    (Var::concat(&counted, 0), last)
}

pub(crate) fn streaming(case: &CellCase<'_>, evidence: &mut Evidence) -> Result<(), Violation> {
    let expected = case.outcome(&Execution::Unrolled).outputs;
    let cell = case.copy(&case.values.parameters);
    let (ys, last) = cell.stream(&case.values.xs, &case.values.state);
    let rows: Vec<f64> = ys.iter().flat_map(|y| y.to_vec()).collect();
    let found: Vec<_> = [Tensor::from_vec(expected[0].value.shape(), rows)]
        .into_iter()
        .chain(last)
        .zip(&expected)
        .map(|(value, expected)| Named { value, ..expected.clone() })
        .collect();
    evidence.compare(("the stepper", &found), ("the loop", &expected), VALUES)
}

/// Compares sequences of random lengths in one batch, padded with NaN, with each sequence alone.
pub(crate) fn padding(
    case: &CellCase<'_>,
    rng: &mut Random,
    evidence: &mut Evidence,
) -> Result<(), Violation> {
    let (steps, batch) = (case.sizes.steps, case.sizes.batch);
    let lengths: Vec<usize> = (0..batch).map(|_| rng.random_range(0..=steps)).collect();
    let mut padded = case.values.clone();
    let input = case.sizes.input;
    for (b, &length) in lengths.iter().enumerate() {
        for t in length..steps {
            padded.xs.as_mut_slice()[(t * batch + b) * input..][..input].fill(f64::NAN);
        }
    }
    let together = case.outcome_of(&padded, &|cell, xs, state| {
        cell.run(&Execution::Lengths(lengths.clone()), xs, state)
    });
    let alone =
        case.outcome_of(&case.values, &|cell, xs, state| one_by_one(cell, xs, state, &lengths));
    same(("padded", &together), ("each alone", &alone), evidence)
}

/// Runs each sequence of a batch by itself, as a loop up to its own length. The outputs after that are 0.
pub(crate) fn one_by_one<'t>(
    cell: &dyn AnyCell,
    xs: V<'t>,
    state: &[V<'t>],
    lengths: &[usize],
) -> Sequence<'t> {
    let steps = xs.shape()[0];
    if lengths.is_empty() {
        return cell.run(&Execution::Unrolled, xs, state);
    }
    let runs = lengths.iter().enumerate().map(|(b, &length)| {
        let own = xs.slice(1, b..b + 1).slice(0, 0..length);
        let start: Vec<_> = state.iter().map(|leaf| leaf.slice(0, b..b + 1)).collect();
        let (ys, last) = cell.run(&Execution::Unrolled, own, &start);
        let nothing = Tensor::zeros(ys.shape().with(0, steps - length));
        (Var::concat(&[ys, ys.tape().constant(nothing)], 0), last)
    });
    side_by_side(runs.collect())
}

/// Joins runs of single sequences to one batch.
fn side_by_side(runs: Vec<Sequence<'_>>) -> Sequence<'_> {
    let (ys, last): (Vec<_>, Vec<_>) = runs.into_iter().unzip();
    let last = (0..last[0].len()).map(|i| {
        let leaves: Vec<_> = last.iter().map(|leaves| leaves[i]).collect();
        Var::concat(&leaves, 0)
    });
    (Var::concat(&ys, 1), last.collect())
}

/// Compares a run whose sequences are reset at random steps with separate runs.
pub(crate) fn episodes(
    case: &CellCase<'_>,
    rng: &mut Random,
    evidence: &mut Evidence,
) -> Result<(), Violation> {
    let resets = Tensor::bernoulli([case.sizes.steps, case.sizes.batch], 0.4, rng);
    for reversed in [false, true] {
        let together = case.outcome(&Execution::Episodes(resets.clone(), reversed));
        let apart = case.outcome_of(&case.values, &|cell, xs, state| {
            each_episode(cell, xs, state, &resets, reversed)
        });
        same(("with resets", &together), ("each episode alone", &apart), evidence)?;
    }
    Ok(())
}

/// Runs each episode of each sequence by itself, as a loop. All but the first start from zeros.
fn each_episode<'t>(
    cell: &dyn AnyCell,
    xs: V<'t>,
    state: &[V<'t>],
    resets: &Tensor<f64>,
    reversed: bool,
) -> Sequence<'t> {
    let [steps, batch] = resets.shape()[..] else { panic!("[T, B]") };
    if batch == 0 {
        return cell.run(&Execution::Unrolled, xs, state);
    }
    let runs = (0..batch).map(|b| {
        let own = xs.slice(1, b..b + 1);
        let begins = |t: &usize| resets.as_slice()[t * batch + b] != 0.0;
        let mut bounds: Vec<usize> = (1..steps).filter(begins).collect();
        bounds.insert(0, 0);
        bounds.push(steps);
        let mut pieces: Vec<_> =
            bounds.windows(2).map(|piece| own.slice(0, piece[0]..piece[1])).collect();
        if reversed {
            pieces = pieces.into_iter().rev().map(backwards).collect();
        }
        let mut anew = !reversed && steps > 0 && begins(&0);
        let mut last: Vec<_> = state.iter().map(|leaf| leaf.slice(0, b..b + 1)).collect();
        let mut ys = Vec::new();
        for piece in pieces {
            if anew {
                let zeros = |leaf: &V<'t>| xs.tape().constant(Tensor::zeros(leaf.shape()));
                last = last.iter().map(zeros).collect();
            }
            let (of_piece, after) = cell.run(&Execution::Unrolled, piece, &last);
            ys.push(of_piece);
            (last, anew) = (after, true);
        }
        let ys = Var::concat(&ys, 0);
        (if reversed { backwards(ys) } else { ys }, last)
    });
    side_by_side(runs.collect())
}
