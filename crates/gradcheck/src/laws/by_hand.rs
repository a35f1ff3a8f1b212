//! Comparison with a derivation by hand.

use bptt_tensor::Tensor;

use crate::any_cell::Execution;
use crate::cell_case::CellCase;
use crate::evidence::Evidence;
use crate::laws::executions::same;
use crate::oracle::Oracle;
use crate::violation::{Named, Violation};

pub(crate) fn by_hand(
    oracle: &dyn Oracle,
    case: &CellCase<'_>,
    evidence: &mut Evidence,
) -> Result<(), Violation> {
    let values = &case.values;
    let outputs = oracle.run(&values.parameters, &values.xs, &values.state);
    let states = values.state.len();
    assert_eq!(
        outputs.len(),
        1 + states,
        "`Oracle::run` returns the outputs and each variable of the last state"
    );
    let cotangents: Vec<_> = outputs.iter().map(|y| y.map(|y| 1.0 + y)).collect(); // of y + y²/2
    let gradients = oracle.reverse(&values.parameters, &values.xs, &values.state, &cotangents);
    assert_eq!(
        gradients.len(),
        1 + states + values.parameters.len(),
        "`Oracle::reverse` returns the gradients of the inputs, each variable of the initial state and each parameter"
    );
    let (inputs, parameters) = gradients.split_at(1 + states);
    for execution in [Execution::Unrolled, Execution::Scanned] {
        let found = case.outcome(&execution);
        let mut expected = found.clone();
        replace(&mut expected.outputs, outputs.iter());
        replace(&mut expected.inputs, inputs.iter());
        let trained = parameters.iter().zip(&case.trained).filter(|&(_, &trained)| trained);
        replace(&mut expected.parameters, trained.map(|(gradient, _)| gradient));
        same(("the tape says", &found), ("by hand", &expected), evidence)?;
    }
    Ok(())
}

fn replace<'v>(named: &mut [Named], values: impl Iterator<Item = &'v Tensor<f64>>) {
    for (named, value) in named.iter_mut().zip(values) {
        named.value = value.clone();
    }
}
