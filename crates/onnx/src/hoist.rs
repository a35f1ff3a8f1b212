//! Products within the step of a scan that do not depend on the state. They are computed for all steps at once, before the scan.

use bptt_autodiff::{Graph, GraphNode, Operator, ScanGraph};

/// The step of a scan without products of its inputs and weights.
pub(crate) struct Hoisted {
    /// The step, which reads these products as further inputs, behind all others.
    pub(crate) step: Graph<f32>,
    /// The positions of these products among the nodes of the step.
    pub(crate) products: Vec<usize>,
    /// The positions of all nodes that the products need, in order.
    pub(crate) nodes: Vec<usize>,
}

/// How a value of a step changes from step to step, if it does not depend on the state.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    OfEachStep,
    OfAllSteps,
}

impl Hoisted {
    /// Of a scan with so many inputs.
    pub(crate) fn of(scan: &ScanGraph<f32>, inputs: usize) -> Self {
        let mut kinds: Vec<Option<Kind>> = Vec::with_capacity(scan.step.nodes.len());
        for node in &scan.step.nodes {
            kinds.push(kind(scan, node, &kinds));
        }
        let is_product = |&id: &usize| {
            let is_product = matches!(scan.step.nodes[id].operator, Operator::MatMul(_));
            is_product && kinds[id] == Some(Kind::OfEachStep)
        };
        let products: Vec<usize> = (0..kinds.len()).filter(is_product).collect();
        let mut is_needed = vec![false; kinds.len()];
        for id in (0..kinds.len()).rev() {
            if is_needed[id] || products.contains(&id) {
                is_needed[id] = true;
                scan.step.nodes[id].inputs.iter().for_each(|&input| is_needed[input] = true);
            }
        }
        let mut step = scan.step.clone();
        for (&product, input) in products.iter().zip(inputs..) {
            step.nodes[product].operator = Operator::Input(input);
            step.nodes[product].inputs.clear();
        }
        let nodes = (0..kinds.len()).filter(|&id| is_needed[id]).collect();
        Self { step, products, nodes }
    }
}

/// The kind of a value, if the same operation computes it for all steps at once.
fn kind(scan: &ScanGraph<f32>, node: &GraphNode<f32>, kinds: &[Option<Kind>]) -> Option<Kind> {
    let of = |input: usize| kinds[node.inputs[input]];
    let rank = |input: usize| scan.step.nodes[node.inputs[input]].shape.len();
    match &node.operator {
        Operator::Literal(_) => return Some(Kind::OfAllSteps),
        Operator::Input(input) if *input < scan.sequences => return Some(Kind::OfEachStep),
        Operator::Input(input) => {
            return (*input >= scan.sequences + scan.states).then_some(Kind::OfAllSteps);
        }
        Operator::MatMul(transpose) => {
            let is_plain = !transpose.left && !transpose.right && rank(1) == 2;
            is_plain.then_some(()).filter(|()| of(1) == Some(Kind::OfAllSteps))?;
        }
        Operator::Unary(_) | Operator::Binary(_) | Operator::Select => {}
        _ => return None,
    }
    // the axis of the steps comes first, so operands that have it need the same number of axes
    let fits = |input: usize| match of(input)? {
        Kind::OfAllSteps => Some(Kind::OfAllSteps),
        Kind::OfEachStep => (rank(input) == node.shape.len()).then_some(Kind::OfEachStep),
    };
    let operands = (0..node.inputs.len()).map(fits).collect::<Option<Vec<_>>>()?;
    operands.contains(&Kind::OfEachStep).then_some(Kind::OfEachStep)
}
