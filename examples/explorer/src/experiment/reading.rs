//! What the layers of a net compute while they read a sequence.

use bptt::prelude::*;
use programs::cells::CellKind;

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
pub(super) fn read(
    layers: &Stack<BoxedLayer<f32>>,
    cell: CellKind,
    xs: &Tensor<f32>,
) -> Vec<Reading> {
    let variables = cell.variables();
    let place = |name: &String| variables.iter().position(|variable| variable == name);
    let mut inputs = xs.clone();
    let read = |layer: &BoxedLayer<f32>| {
        let tape = Tape::inference();
        let probes = tape.probes();
        let (ys, state) = layer.forward(tape.constant(inputs.clone()));
        let value = |name: String| {
            let value = probes.get(&name).value();
            (name, value)
        };
        let mut names = probes.names();
        names.sort_by_key(place); // a step may compute them in another order
        Reading {
            outputs: ys.value(),
            probes: names.into_iter().map(value).collect(),
            state: state.iter().map(|variable| variable.value()).collect(),
            inputs: std::mem::replace(&mut inputs, ys.value()),
        }
    };
    layers.layers().iter().map(read).collect()
}

/// Returns the names of the variables of the state of each layer. The equations name a variable of the state as they name
/// the value that it is set to. One that they do not name is called `s`.
pub(super) fn state_names(
    layers: &Stack<BoxedLayer<f32>>,
    cell: CellKind,
    xs: &Tensor<f32>,
) -> Vec<Vec<String>> {
    let last = xs.shape()[0] - 1;
    let of_layer = |reading: Reading| {
        let name = |variable: &Tensor<f32>| {
            let mut probes = reading.probes.iter();
            let named = probes.find(|(_, values)| values.index_first(last) == *variable);
            named.map_or("s".to_owned(), |(name, _)| name.clone())
        };
        reading.state.iter().map(name).collect()
    };
    read(layers, cell, xs).into_iter().map(of_layer).collect()
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;
    use programs::cells::CellKind;

    use crate::experiment::{Experiment, Settings};

    /// Heat maps stand in the order of the equations beside them.
    #[test]
    fn probes_have_the_order_of_the_equations() {
        for &cell in CellKind::value_variants().iter().filter(|&&cell| cell != CellKind::Mine) {
            let settings = Settings { cell, ..Settings::default() };
            let experiment =
                Experiment::new(&settings).expect("the default settings suit any cell");
            let probes: Vec<_> =
                experiment.look(0).probes.into_iter().map(|probe| probe.name).collect();
            let mut variables = cell.variables();
            variables.retain(|&name| probes.iter().any(|probe| probe == name));
            assert_eq!(probes, variables, "{cell}");
        }
    }
}
