//! Computations as data.

use bptt_autodiff::{Graph, Operator, Param};
use bptt_tensor::Tensor;

fn names(graph: &Graph<f32>) -> Vec<String> {
    graph.nodes.iter().map(|node| node.operator.name().into_owned()).collect()
}

#[test]
fn a_scan_holds_its_step_as_written() {
    let w = Param::<f32>::new(Tensor::ones([2, 2]));
    let graph = Graph::trace(&[[7, 3, 2].into(), [3, 2].into()], |tape, inputs| {
        let unused = inputs[0].exp();
        let scanned = tape.scan(inputs[0], inputs[1]).reversed().run(|x, h| {
            let h = (x + h.matmul(&w)).tanh();
            (h * 2.0, h)
        });
        let _ = unused;
        vec![scanned.outputs, scanned.state]
    });
    assert!(!names(&graph).contains(&"exp".to_owned()), "no output needs it");
    let outputs = graph.outputs.iter().map(|&output| graph.nodes[output].shape.to_vec());
    assert_eq!(outputs.collect::<Vec<_>>(), [vec![7, 3, 2], vec![3, 2]]);
    let node = graph.nodes.iter().find(|node| matches!(node.operator, Operator::Scan(_)));
    let node = node.expect("there is a scan");
    assert_eq!(node.inputs.len(), 3, "the sequence, the state and the parameter");
    assert!(node.line.as_ref().is_some_and(|line| line.contains("graph.rs:")), "{:?}", node.line);
    let Operator::Scan(scan) = &node.operator else { unreachable!("it is one") };
    assert_eq!((scan.sequences, scan.states, scan.is_reversed), (1, 1, true));
    let expected = ["input", "input", "input", "matmul", "add", "tanh", "literal", "mul"];
    let mut found = names(&scan.step);
    found.sort_unstable();
    let mut expected = expected.map(str::to_owned).to_vec();
    expected.sort_unstable();
    assert_eq!(found, expected);
    let outputs = scan.step.outputs.iter().map(|&output| names(&scan.step)[output].clone());
    assert_eq!(outputs.collect::<Vec<_>>(), ["mul", "tanh"]);
}
