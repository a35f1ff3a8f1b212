use std::ops::Range;

use bptt_layers::Module;
use bptt_tensor::Scalar;

/// Groups of parameters. A trainer with a matrix over all parameters neglects its entries between groups, and so works
/// with smaller matrices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decoupling {
    /// One group: the full matrix.
    #[default]
    None,
    /// A group for each parameter of the model, such as a matrix of weights.
    Parameters,
    /// A group for each node: the elements of a parameter with the same place on its last axis, which are the weights that lead to
    /// one unit in `x · W`.
    Nodes,
}

impl Decoupling {
    /// Returns the elements of each group, as positions in the vector of all parameters.
    pub(super) fn groups<T: Scalar>(self, model: &dyn Module<T>) -> Vec<Vec<usize>> {
        let mut end = 0;
        let ranges = model.parameters().into_iter().map(|(_, parameter)| {
            let start = end;
            end += parameter.value().len();
            (start..end, parameter.shape().last().copied().unwrap_or(1))
        });
        let ranges: Vec<(Range<usize>, usize)> = ranges.collect();
        let groups = match self {
            Self::None => vec![(0..end).collect()],
            Self::Parameters => ranges.into_iter().map(|(range, _)| range.collect()).collect(),
            Self::Nodes => {
                let nodes = ranges.into_iter().flat_map(|(range, nodes)| {
                    (0..nodes).map(move |node| range.clone().skip(node).step_by(nodes).collect())
                });
                nodes.collect()
            }
        };
        groups.into_iter().filter(|group: &Vec<usize>| !group.is_empty()).collect()
    }
}
