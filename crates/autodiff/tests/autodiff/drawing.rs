//! Drawings of tapes are valid Graphviz graphs.

use std::collections::HashSet;

use bptt_autodiff::{Operation, Param, Pullback, Tape};
use bptt_tensor::{Scalar, Shape, ShapeError, Tensor};

/// The nodes and arrows of a drawing.
struct Graph<'d> {
    /// The identifiers and labels of the declared nodes.
    nodes: Vec<(&'d str, &'d str)>,
    /// The frame of each node, if it stands in one.
    frames: Vec<Option<&'d str>>,
    arrows: Vec<(&'d str, &'d str)>,
    /// The arrows back from a state to the step after.
    delayed: Vec<(&'d str, &'d str)>,
}

impl<'d> Graph<'d> {
    /// Parses a drawing. Panics at a line that is neither a node nor an arrow.
    fn parse(drawing: &'d str) -> Self {
        let mut graph =
            Self { nodes: Vec::new(), frames: Vec::new(), arrows: Vec::new(), delayed: Vec::new() };
        let mut lines = drawing.lines();
        assert_eq!((lines.next(), lines.next_back()), (Some("digraph tape {"), Some("}")));
        for line in lines {
            let (frame, line) = match line.trim().strip_prefix("subgraph cluster_") {
                Some(rest) => {
                    let (frame, rest) = rest.split_once(" { label=\"step ").expect(line);
                    let node = rest.strip_prefix(&format!("{frame}\"; ")).expect(line);
                    (Some(frame), node.strip_suffix(" }").expect(line))
                }
                None => (None, line.trim()),
            };
            let statement = line.strip_suffix(';').expect(line);
            if let Some((from, to)) = statement.split_once(" -> ") {
                match to.split_once(" [") {
                    Some((to, attributes)) => {
                        assert_eq!(attributes, "label=\"t − 1\", style=dashed, constraint=false]");
                        graph.delayed.push((from, to));
                    }
                    None => graph.arrows.push((from, to)),
                }
                continue;
            }
            let (id, attributes) = statement.split_once(" [label=\"").expect(line);
            let (label, shape) = attributes.split_once("\", shape=").expect(line);
            let shapes = ["box]", "ellipse]", "box, style=filled, fillcolor=lightgrey]"];
            assert!(shapes.contains(&shape), "{line}");
            graph.nodes.push((id, label));
            graph.frames.push(frame);
        }
        graph
    }
}

#[test]
fn every_value_is_declared_once_and_arrows_lead_to_it_from_its_inputs() {
    let w = Param::<f64>::new(Tensor::ones([3, 2]));
    let tape = Tape::new();
    let x = tape.variable(Tensor::ones([4, 3]));
    let loss = (x.matmul(&w).tanh() + 1.0).sum_all();
    let _ = tape.grad(loss, [x]);
    let drawing = tape.dot().to_string();
    let Graph { nodes, arrows, .. } = Graph::parse(&drawing);
    assert_eq!(nodes.len(), tape.len());
    let declared: HashSet<_> = nodes.iter().map(|&(id, _)| id).collect();
    assert_eq!(declared.len(), nodes.len());
    assert!(arrows.iter().all(|(from, to)| declared.contains(from) && declared.contains(to)));
    let names = ["variable [4, 3]", "parameter [3, 2]", "matmul [4, 2]", "tanh [4, 2]"];
    for (name, (_, label)) in names.iter().zip(&nodes) {
        assert!(label.starts_with(&format!("{name}\\n{}:", file!())), "{label}");
    }
    assert_eq!(nodes[4].1, "1", "a literal is its value");
    for arrow in [("n0", "n2"), ("n1", "n2"), ("n2", "n3"), ("n3", "n5"), ("n4", "n5")] {
        assert!(arrows.contains(&arrow), "{arrow:?} is missing in {drawing}");
    }
}

#[test]
fn parameters_and_steps_are_named() {
    let (u, b) = (Param::<f64>::new(Tensor::ones([2, 2])), Param::new(Tensor::ones([2])));
    let tape = Tape::new();
    let mut h = tape.constant(Tensor::ones([1, 2]));
    for t in 0..2 {
        tape.set_step(Some(t));
        h = (h.matmul(&u) + &b).tanh();
    }
    tape.set_step(None);
    let _ = h.sum_all();
    let drawing = tape.dot().named([("cell.\"u\"", &u)]).to_string();
    let Graph { nodes, frames, .. } = Graph::parse(&drawing);
    let starting = |start: &str| {
        let found = nodes.iter().zip(&frames).filter(|((_, label), _)| label.starts_with(start));
        found.map(|(_, frame)| *frame).collect::<Vec<_>>()
    };
    // all steps share a parameter, which therefore stands outside of their frames
    assert_eq!(starting("cell.\\\"u\\\" [2, 2]\\n"), [None], "{drawing}");
    assert_eq!(starting("parameter [2]\\n"), [None], "{drawing}");
    assert_eq!(starting("tanh"), [Some("0"), Some("1")], "{drawing}");
    assert_eq!(starting("sum"), [None], "{drawing}");
    assert_eq!(tape.dot().named([("", &b)]).to_string(), tape.dot().to_string());
}

#[test]
fn a_folded_state_leads_back_through_a_delay() {
    let w = Param::<f64>::new(Tensor::ones([1, 1]));
    let tape = Tape::new();
    let before = [0.0, 1.0].map(|value| tape.constant(Tensor::full([1, 1], value)));
    let after = [before[0].matmul(&w), before[1] + before[0]];
    let drawing = tape.dot().folded(&before, &after).to_string();
    let Graph { delayed, .. } = Graph::parse(&drawing);
    assert_eq!(delayed, [("n3", "n0"), ("n4", "n1")], "{drawing}");
    let named = tape.dot().folded(&before, &after).values([("h", after[0])]).to_string();
    let Graph { nodes, .. } = Graph::parse(&named);
    assert!(nodes[0].1.starts_with("h₋ [1, 1]") && nodes[3].1.starts_with("h = matmul"), "{named}");
    assert!(nodes[1].1.starts_with("constant"), "{named}");
}

#[test]
fn values_have_the_names_that_equations_give_them() {
    let w = Param::<f64>::new(Tensor::ones([2, 2]));
    let tape = Tape::new();
    let x = tape.constant(Tensor::ones([1, 2]));
    let gate = x.matmul(&w).sigmoid();
    let drawing = tape.dot().named([("w", &w)]).values([("x", x), ("f", gate)]);
    let drawing = drawing.without_lines().to_string();
    let labels: Vec<_> = Graph::parse(&drawing).nodes.iter().map(|node| node.1).collect();
    assert_eq!(labels, ["x [1, 2]", "w [2, 2]", "matmul [1, 2]", "f = sigmoid [1, 2]"]);
}

#[test]
fn an_empty_tape_is_an_empty_drawing() {
    assert_eq!(Tape::<f32>::new().dot().to_string(), "digraph tape {\n}\n");
}

/// An operation whose name has characters that must be escaped in a label.
#[derive(Debug)]
struct Quoted;

impl<T: Scalar> Operation<T> for Quoted {
    fn name(&self) -> &'static str {
        "say \"x\\y\""
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        Ok(inputs[0].into())
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].clone()
    }

    fn gradient(&self, _: &mut Pullback<'_, '_, T>) {}
}

#[test]
fn quotes_and_backslashes_cannot_end_a_label() {
    let tape = Tape::new();
    let x = tape.variable(Tensor::scalar(1.0));
    let _ = tape.apply(Quoted, &[x]);
    let drawing = tape.dot().to_string();
    let Graph { nodes, arrows, .. } = Graph::parse(&drawing);
    let mut label = nodes[1].1.chars();
    while let Some(character) = label.next() {
        match character {
            '"' => panic!("a quote ends the label in {drawing}"),
            '\\' => assert!(matches!(label.next(), Some('n' | '\\' | '"')), "{drawing}"),
            _ => {}
        }
    }
    assert_eq!(arrows, [("n0", "n1")]);
}
