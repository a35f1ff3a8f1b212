//! Independence of the sequences of a batch.

use bptt_tensor::Tensor;

use crate::any_cell::Execution;
use crate::cell_case::{CellCase, Values};
use crate::evidence::Evidence;
use crate::laws::executions::{one_by_one, same};
use crate::laws::symmetry::permutation;
use crate::values::Random;
use crate::violation::{Named, Violation};

pub(crate) fn sum(case: &CellCase<'_>, evidence: &mut Evidence) -> Result<(), Violation> {
    let lengths = vec![case.sizes.steps; case.sizes.batch];
    let alone =
        case.outcome_of(&case.values, &|cell, xs, state| one_by_one(cell, xs, state, &lengths));
    same(("the batch", &case.outcome(&Execution::Scanned)), ("one by one", &alone), evidence)
}

pub(crate) fn order(
    case: &CellCase<'_>,
    rng: &mut Random,
    evidence: &mut Evidence,
) -> Result<(), Violation> {
    let order = permutation(case.sizes.batch, rng);
    let in_order = |value: &Tensor<f64>| value.gather_rows(&order); // [B, ..]
    let in_time = |value: &Tensor<f64>| in_order(&value.transpose(0, 1)).transpose(0, 1); // [T, B, ..]
    let permuted = |named: &Named| {
        let value = if named.in_time { in_time(&named.value) } else { in_order(&named.value) };
        Named { value, ..named.clone() }
    };
    let values = Values {
        xs: in_time(&case.values.xs),
        state: case.values.state.iter().map(in_order).collect(),
        parameters: case.values.parameters.clone(),
    };
    for execution in [Execution::Unrolled, Execution::Scanned] {
        let mut expected = case.outcome(&execution);
        for named in expected.outputs.iter_mut().chain(&mut expected.inputs) {
            *named = permuted(named);
        }
        let found = case.outcome_of(&values, &|cell, xs, state| cell.run(&execution, xs, state));
        same(("in another order", &found), ("in order", &expected), evidence)?;
    }
    Ok(())
}
