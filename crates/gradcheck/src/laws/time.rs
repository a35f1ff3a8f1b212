//! Laws of steps in time: causality, shared weights and the initial state.

use bptt_autodiff::{Param, Tape};
use bptt_tensor::Tensor;
use rand::RngExt;

use crate::any_cell::{AnyCell, Execution};
use crate::cell_case::{CellCase, Untied, loss_of, state_name};
use crate::evidence::Evidence;
use crate::laws::orders::slope;
use crate::subject::{Place, Recorded, Subject};
use crate::values::Random;
use crate::violation::{EXACT, Mismatch, Named, Nearness, Violation, compare};

/// Differentiates the outputs up to a step in all inputs, and computes them again with all later inputs changed.
pub(crate) fn causality(
    case: &CellCase<'_>,
    rng: &mut Random,
    evidence: &mut Evidence,
) -> Result<(), Violation> {
    let steps = case.sizes.steps;
    if steps < 2 {
        return Ok(());
    }
    let end = rng.random_range(1..steps); // the first step that must not matter
    let mut changed = case.values.clone();
    let of_a_step = case.sizes.batch * case.sizes.input;
    for x in &mut changed.xs.as_mut_slice()[end * of_a_step..] {
        *x = 0.5 - *x;
    }
    for execution in [Execution::Unrolled, Execution::Scanned] {
        let early = |values| {
            case.outcome_of(values, &|cell, xs, state| {
                let (ys, _) = cell.run(&execution, xs, state);
                (ys.slice(0, 0..end), Vec::new())
            })
        };
        let (before, after) = (early(&case.values), early(&changed));
        compare(
            ("with later inputs changed", &after.outputs),
            ("with inputs unchanged", &before.outputs),
            Nearness::Bits,
        )?;
        let gradient = &before.inputs[0];
        let late = gradient.value.as_slice()[end * of_a_step..].iter();
        for (i, &slope) in late.enumerate() {
            if slope != 0.0 {
                return Err(Violation::from(Mismatch {
                    of: Some(gradient.entry(end * of_a_step + i)),
                    output: None,
                    found: ("slope of earlier outputs", slope),
                    expected: ("should be", 0.0),
                }));
            }
        }
        evidence.note(0.0);
    }
    Ok(())
}

/// Compares the gradient of parameters that all steps share with the sum of the gradients in a loop that has parameters
/// for each step.
pub(crate) fn tied(case: &CellCase<'_>, evidence: &mut Evidence) -> Result<(), Violation> {
    if case.sizes.steps == 0 {
        return Ok(());
    }
    let untied = Untied::new(case);
    let tape = Tape::new();
    let recorded = untied.record(&tape, untied.at());
    let outputs: Vec<_> = recorded.outputs.iter().map(|&(_, y)| y).collect();
    let one = tape.constant(Tensor::scalar(1.0));
    let slopes = tape.vjp(&[(loss_of(&outputs), one)], &recorded.sources);
    for execution in [Execution::Unrolled, Execution::Scanned] {
        let shared = case.outcome(&execution).parameters;
        let sums: Vec<_> = shared
            .iter()
            .enumerate()
            .map(|(parameter, shared)| {
                let mut sum = Tensor::zeros(shared.value.shape());
                for source in untied.uses(parameter) {
                    sum += slopes[source].value();
                }
                Named { value: sum, ..shared.clone() }
            })
            .collect();
        evidence.compare(("shared", &shared), ("the sum over the steps", &sums), EXACT)?;
    }
    Ok(())
}

/// A run as a function of its initial state, which the sequences of the batch share.
struct FromStart<'c, 'm> {
    case: &'c CellCase<'m>,
    cell: Box<dyn AnyCell>,
    places: Vec<Place>,
    at: Vec<Tensor<f64>>, // each [1, S]
}

impl Subject for FromStart<'_, '_> {
    fn sources(&self) -> &[Place] {
        &self.places
    }

    fn at(&self) -> &[Tensor<f64>] {
        &self.at
    }

    fn record<'t>(&self, tape: &'t Tape<f64>, at: &[Tensor<f64>]) -> Recorded<'t> {
        let initial: Vec<_> = at.iter().cloned().map(Param::new).collect();
        let sources = initial.iter().map(|param| tape.param(param)).collect();
        let xs = tape.constant(self.case.values.xs.clone());
        let (ys, last) = self.cell.run_from_learned(initial, xs);
        let last = last.into_iter().map(|leaf| (Place::new("last state"), leaf));
        let outputs = std::iter::once((Place::new("ys"), ys)).chain(last).collect();
        Recorded { sources, outputs }
    }
}

pub(crate) fn learned_start(
    case: &CellCase<'_>,
    rng: &mut Random,
    evidence: &mut Evidence,
) -> Result<(), Violation> {
    let cell = case.copy(&case.values.parameters);
    let sizes = cell.features();
    let at: Vec<_> = sizes.iter().map(|&size| Tensor::uniform([1, size], -1.0, 1.0, rng)).collect();
    let places = (0..at.len()).map(|i| Place::new(state_name(i))).collect();
    slope(&FromStart { case, cell, places, at }, 1, rng, evidence)
}
