//! What the layers of a net compute while they read a sequence.

use bptt::prelude::*;

/// What one layer computes while it reads a sequence.
#[derive(Debug)]
pub(super) struct Reading {
    /// The inputs of the layer, `[T, 1, I]`.
    pub(super) inputs: Tensor<f32>,
    /// The outputs of the layer, `[T, 1, H]`.
    pub(super) outputs: Tensor<f32>,
    /// The named values, each `[T, 1, H]`, in the order of the equations.
    pub(super) probes: Vec<(String, Tensor<f32>)>,
    /// The variables of the last state.
    state: Vec<Tensor<f32>>,
}

/// Reads a sequence `[T, 1, F]`, layer by layer from the lowest on.
pub(super) fn read(layers: &Stack<BoxedLayer<f32>>, xs: &Tensor<f32>) -> Vec<Reading> {
    let mut inputs = xs.clone();
    let read = |layer: &BoxedLayer<f32>| {
        let tape = Tape::inference();
        let probes = tape.probes();
        let (ys, state) = layer.forward(tape.constant(inputs.clone()));
        let value = |name: String| {
            let value = probes.get(&name).value();
            (name, value)
        };
        Reading {
            outputs: ys.value(),
            probes: probes.names().into_iter().map(value).collect(),
            state: state.iter().map(|variable| variable.value()).collect(),
            inputs: std::mem::replace(&mut inputs, ys.value()),
        }
    };
    layers.layers().iter().map(read).collect()
}

/// Returns the names of the variables of the state of each layer. The equations name a variable of the state as they name
/// the value that it is set to. One that they do not name is called `s`.
pub(super) fn state_names(layers: &Stack<BoxedLayer<f32>>, xs: &Tensor<f32>) -> Vec<Vec<String>> {
    let last = xs.shape()[0] - 1;
    let of_layer = |reading: Reading| {
        let name = |variable: &Tensor<f32>| {
            let mut probes = reading.probes.iter();
            let named = probes.find(|(_, values)| values.index_first(last) == *variable);
            named.map_or("s".to_owned(), |(name, _)| name.clone())
        };
        reading.state.iter().map(name).collect()
    };
    read(layers, xs).into_iter().map(of_layer).collect()
}
