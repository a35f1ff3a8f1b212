//! Subjects of laws: differentiable functions at a point.

use bptt_autodiff::{Tape, Var};
use bptt_tensor::Tensor;

use crate::values::V;
use crate::violation::{Entry, index_of};

/// The name of an input, a parameter or an output, and the time step that it belongs to.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) name: String,
    pub(crate) step: Option<usize>,
}

impl Place {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), step: None }
    }

    pub(crate) fn at(name: impl Into<String>, step: usize) -> Self {
        Self { step: Some(step), ..Self::new(name) }
    }

    pub(crate) fn entry(&self, shape: &[usize], element: usize) -> Entry {
        let index = index_of(shape, element);
        Entry { name: self.name.clone(), index, step: self.step }
    }
}

/// A run on a tape.
pub(crate) struct Recorded<'t> {
    pub(crate) sources: Vec<V<'t>>,
    pub(crate) outputs: Vec<(Place, V<'t>)>,
}

impl<'t> Recorded<'t> {
    /// All outputs in a row, `[N]`.
    pub(crate) fn flat(&self) -> V<'t> {
        let rows: Vec<_> =
            self.outputs.iter().map(|(_, y)| y.reshape([y.shape().elements()])).collect();
        Var::concat(&rows, 0)
    }

    /// The values of all outputs in a row.
    pub(crate) fn values(&self) -> Vec<f64> {
        self.outputs.iter().flat_map(|(_, y)| y.value().to_vec()).collect()
    }

    /// The name and index of the output element at a position of [`flat`](Self::flat).
    pub(crate) fn entry(&self, mut element: usize) -> Entry {
        for (place, y) in &self.outputs {
            let shape = y.shape();
            if element < shape.elements() {
                return place.entry(&shape, element);
            }
            element -= shape.elements();
        }
        unreachable!("the outputs have no such element")
    }
}

/// A differentiable function of inputs and parameters, at a point.
pub(crate) trait Subject {
    /// The inputs and parameters.
    fn sources(&self) -> &[Place];

    /// Their values.
    fn at(&self) -> &[Tensor<f64>];

    /// Runs the function at a given point, which may differ from [`at`](Self::at).
    fn record<'t>(&self, tape: &'t Tape<f64>, at: &[Tensor<f64>]) -> Recorded<'t>;
}
