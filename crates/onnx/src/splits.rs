//! Slices that are the parts of one value, which one node computes.

use std::collections::HashMap;

use bptt_autodiff::{Graph, Operator};

/// The slices of a graph that divide a value into equal parts along an axis: by their positions, the position of the first, and the
/// number of their part.
pub(crate) fn splits(graph: &Graph<f32>) -> HashMap<usize, (usize, usize)> {
    let mut groups: HashMap<(usize, usize), Vec<[usize; 3]>> = HashMap::new();
    for (id, node) in graph.nodes.iter().enumerate() {
        if let Operator::Slice { axis, start, end } = node.operator {
            groups.entry((node.inputs[0], axis)).or_default().push([start, end, id]);
        }
    }
    let mut parts = HashMap::new();
    for ((input, axis), mut slices) in groups {
        slices.sort_unstable();
        let (extent, size) = (graph.nodes[input].shape[axis], slices[0][1] - slices[0][0]);
        let is_part = |(number, &[start, end, _]): (usize, &[usize; 3])| {
            start == number * size && end == start + size
        };
        let divides = slices.len() > 1 && slices.len() * size == extent;
        if divides && slices.iter().enumerate().all(is_part) {
            let first = slices.iter().map(|&[_, _, id]| id).min().expect("there are slices");
            let places = slices.iter().enumerate();
            parts.extend(places.map(|(number, &[_, _, id])| (id, (first, number))));
        }
    }
    parts
}
