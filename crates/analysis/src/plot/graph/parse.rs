//! Reads the graph of a tape from the text for Graphviz.

use layout::gv::DotParser;
use layout::gv::parser::ast::{AttributeList, Stmt};

/// The graph of a step.
#[derive(Clone, Debug, Default)]
pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
    pub(super) arrows: Vec<Arrow>,
}

#[derive(Clone, Debug)]
pub(super) struct Node {
    id: String,
    /// The name and, but for operations, the shape.
    pub(super) label: String,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Parameter,
    Input,
    Operation,
}

/// An arrow between two nodes, by their indices.
#[derive(Clone, Debug)]
pub(super) struct Arrow {
    pub(super) from: usize,
    pub(super) to: usize,
    /// Empty for an input of an operation.
    pub(super) label: String,
}

impl Graph {
    /// Reads the text of a [`Dot`](bptt_autodiff::Tape::dot) without frames.
    pub(super) fn parse(dot: &str) -> Self {
        let parsed = DotParser::new(dot).process().expect("a tape's drawing is a graph");
        let mut graph = Self::default();
        let attribute = |list: &AttributeList, name: &str| {
            let found = list.iter().find(|(key, _)| key == name);
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        for statement in &parsed.list.list {
            match statement {
                Stmt::Node(node) => {
                    let label = attribute(&node.list, "label");
                    let kind = match attribute(&node.list, "shape").as_str() {
                        "box" if attribute(&node.list, "style") == "filled" => Kind::Parameter,
                        "box" => Kind::Input,
                        _ => Kind::Operation,
                    };
                    let name = label.split_once(" [").map(|(name, _)| name.to_owned());
                    let label = name.filter(|_| kind == Kind::Operation).unwrap_or(label);
                    graph.nodes.push(Node { id: node.id.name.clone(), label, kind });
                }
                Stmt::Edge(edge) => {
                    let label = attribute(&edge.list, "label");
                    let from = graph.index(&edge.from.name);
                    let to = edge.to.iter().map(|(to, _)| graph.index(&to.name));
                    let arrows = to.map(|to| Arrow { from, to, label: label.clone() });
                    graph.arrows.extend(arrows.collect::<Vec<_>>());
                }
                Stmt::Attribute(_) | Stmt::SubGraph(_) => {}
            }
        }
        graph
    }

    /// Returns the index of a node, which is declared before its arrows.
    fn index(&self, id: &str) -> usize {
        self.nodes.iter().position(|node| node.id == id).expect("a declared node")
    }

    /// Returns the nodes of a kind.
    pub(super) fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(move |node| node.kind == kind)
    }

    /// Returns the labels of the variables of the state, before the step.
    pub(super) fn state(&self) -> impl Iterator<Item = &str> {
        let delayed = self.arrows.iter().filter(|arrow| !arrow.label.is_empty());
        delayed.map(|arrow| self.nodes[arrow.to].label.as_str())
    }
}

impl Node {
    /// Returns the name that the equations give the value, if there is one.
    pub(super) fn name(&self) -> Option<&str> {
        self.label.split_once(" = ").map(|(name, _)| name)
    }
}
