//! Symmetries that a cell's author may claim.

use bptt_tensor::Tensor;
use rand::seq::SliceRandom;

use crate::any_cell::Execution;
use crate::cell_case::{CellCase, Sizes, Values};
use crate::evidence::Evidence;
use crate::laws::executions::same;
use crate::values::Random;
use crate::violation::{EXACT, Named, Violation};

/// `y(−x, −h) = −y(x, h)`. Gradients are not compared: the loss has a term `y²`, which does not change its sign.
pub(crate) fn odd(case: &CellCase<'_>, evidence: &mut Evidence) -> Result<(), Violation> {
    let negated = |value: &Tensor<f64>| value.map(|x| -x);
    let Values { xs, state, parameters } = &case.values;
    let values = Values {
        xs: negated(xs),
        state: state.iter().map(negated).collect(),
        parameters: parameters.clone(),
    };
    let found = case
        .outcome_of(&values, &|cell, xs, state| cell.run(&Execution::Scanned, xs, state))
        .outputs;
    let mut expected = case.outcome(&Execution::Scanned).outputs;
    for named in &mut expected {
        named.value = negated(&named.value);
    }
    evidence.compare(("y(−x, −h)", &found), ("−y(x, h)", &expected), EXACT)
}

/// A random permutation other than the identity, if there is one.
pub(crate) fn permutation(things: usize, rng: &mut Random) -> Vec<usize> {
    let mut order: Vec<usize> = (0..things).collect();
    while things > 1 && order.is_sorted() {
        order.shuffle(rng);
    }
    order
}

/// Permutes the axes that run over hidden units, in one or several blocks. These axes are found by comparing the cell
/// with one that has one more unit.
struct Axes {
    hidden: usize,
    order: Vec<usize>,
}

impl Axes {
    /// Reorders the units along each axis of `value` that is longer in `wider`, the same tensor of a cell with one more
    /// unit.
    fn reordered(&self, name: &str, value: &Tensor<f64>, wider: &[usize]) -> Tensor<f64> {
        let mut reordered = value.clone();
        for (axis, (&extent, &more)) in value.shape().iter().zip(wider).enumerate() {
            let blocks = more - extent;
            assert!(
                blocks * self.hidden == extent || blocks == 0,
                "the hidden order of `{name}` is not known: its axis {axis} has {extent} elements for {} \
                 hidden units and {more} for one more, so it does not consist of whole blocks of units",
                self.hidden
            );
            if blocks > 0 {
                let units =
                    |block: usize| self.order.iter().map(move |unit| block * self.hidden + unit);
                let order: Vec<usize> = (0..blocks).flat_map(units).collect();
                let axis = axis as isize;
                reordered = reordered.transpose(0, axis).gather_rows(&order).transpose(0, axis);
            }
        }
        reordered
    }
}

pub(crate) fn hidden_order(
    case: &CellCase<'_>,
    wider: &CellCase<'_>,
    rng: &mut Random,
    evidence: &mut Evidence,
) -> Result<(), Violation> {
    let Sizes { hidden, .. } = case.sizes;
    let axes = Axes { hidden, order: permutation(hidden, rng) };
    let values = |values: &[Tensor<f64>], wider: &[Tensor<f64>], name: &dyn Fn(usize) -> String| {
        let pairs = values.iter().zip(wider).enumerate();
        pairs.map(|(i, (value, wider))| axes.reordered(&name(i), value, wider.shape())).collect()
    };
    let reordered = Values {
        xs: case.values.xs.clone(),
        state: values(&case.values.state, &wider.values.state, &crate::cell_case::state_name),
        parameters: values(&case.values.parameters, &wider.values.parameters, &|i| {
            case.names[i].clone()
        }),
    };
    let found =
        case.outcome_of(&reordered, &|cell, xs, state| cell.run(&Execution::Scanned, xs, state));
    let (mut expected, wider) =
        (case.outcome(&Execution::Scanned), wider.outcome(&Execution::Scanned));
    let named = |list: &mut Vec<Named>, wider: &[Named]| {
        for (named, wider) in list.iter_mut().zip(wider) {
            named.value = axes.reordered(&named.name, &named.value, wider.value.shape());
        }
    };
    named(&mut expected.outputs, &wider.outputs);
    named(&mut expected.inputs, &wider.inputs);
    named(&mut expected.parameters, &wider.parameters);
    same(("in another order", &found), ("in order", &expected), evidence)
}
