use std::borrow::Cow;
use std::collections::BTreeMap;

use bptt_layers::Module;
use bptt_tensor::Scalar;
use nalgebra::DMatrix;

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
    /// A group for each node, which is one net input: its column of each weight matrix, and its element of the bias. An
    /// LSTM of `H` units has `4H` nodes. Parameters of one cell or layer whose last axes have the same extent share nodes.
    Nodes,
}

impl Decoupling {
    /// Returns the elements of each group, as positions in the vector of all parameters.
    pub(super) fn groups<T: Scalar>(self, model: &dyn Module<T>) -> Vec<Vec<usize>> {
        let mut end = 0;
        let mut groups = BTreeMap::<_, Vec<usize>>::new();
        for (position, (name, parameter)) in model.parameters().into_iter().enumerate() {
            let owner = name.rsplit_once('.').map_or("", |(owner, _)| owner).to_owned();
            let nodes = parameter.shape().last().copied().unwrap_or(1);
            for element in 0..parameter.value().len() {
                let key = match self {
                    Self::None => (String::new(), 0, 0),
                    Self::Parameters => (String::new(), position, 0),
                    Self::Nodes => (owner.clone(), nodes, element % nodes),
                };
                groups.entry(key).or_default().push(end + element);
            }
            end += parameter.value().len();
        }
        groups.into_values().collect()
    }
}

/// Returns the columns of a group of a matrix, which is not copied if these are all.
pub(super) fn columns<'m>(matrix: &'m DMatrix<f64>, group: &[usize]) -> Cow<'m, DMatrix<f64>> {
    if group.len() == matrix.ncols() {
        return Cow::Borrowed(matrix);
    }
    Cow::Owned(matrix.select_columns(group))
}
