//! The steps inside a cell.

use explorer::experiment::{Experiment, Quantity, Settings};
use programs::cells::CellKind;

fn trained(settings: &Settings) -> Experiment {
    let mut experiment = Experiment::new(settings).expect("possible settings");
    for _ in 0..5 {
        experiment.update().expect("no divergence");
    }
    experiment
}

fn of(quantities: &[Quantity], name: &str) -> f64 {
    quantities.iter().find(|it| it.name == name).expect("a quantity of this name").value
}

/// A walk shows the numbers of the heat maps.
#[test]
fn a_walk_has_the_values_of_the_look() {
    for cell in crate::bits::by_name() {
        let hidden = vec![6, 4];
        let settings = Settings { cell, hidden, length: 6, ..Settings::default() };
        let experiment = trained(&settings);
        let look = experiment.look(2);
        for (layer, step, unit) in [(0, 0, 0), (1, 5, 3), (0, 3, 2)] {
            let walk = experiment.walk(2, layer, step, unit);
            let probes = look.probes.iter().filter(|it| it.layer == layer).collect::<Vec<_>>();
            assert_eq!(walk.values.len(), probes.len(), "{cell}");
            for (i, probe) in probes.into_iter().enumerate() {
                let width = probe.values.shape[1];
                let is_of_block =
                    cell == CellKind::MemoryBlocks && ["i", "o"].contains(&&*probe.name);
                let at = |step: usize| {
                    let unit = if is_of_block { unit / 2 } else { unit };
                    probe.values.values[step * width + unit]
                };
                let found = (&walk.values[i].name, walk.values[i].value);
                assert_eq!(found, (&probe.name, at(step)), "{cell}");
                match step {
                    0 => assert!(walk.values_before.is_empty()),
                    _ => assert_eq!(walk.values_before[i].value, at(step - 1), "{cell}"),
                }
            }
            assert_eq!(walk.equations, cell.equations());
        }
    }
}

/// The gates of an LSTM are the squashed net inputs, and its state and output follow from them.
#[test]
fn the_walk_of_an_lstm_obeys_its_equations() {
    let settings = Settings { hidden: vec![6, 4], ..Settings::default() };
    let experiment = trained(&settings);
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    for (layer, step, unit) in [(0, 0, 5), (0, 7, 0), (1, 0, 1), (1, 23, 3)] {
        let walk = experiment.walk(0, layer, step, unit);
        let [i, f, g, o, c, h] = ["i", "f", "g", "o", "c", "h"].map(|name| of(&walk.values, name));
        // Single precision: a gate has an error of some ε relative to it, and a sum of H products one of some ε.
        let near = |found: f64, expected: f64| {
            let error = (found - expected).abs();
            assert!(error < 16.0 * f64::from(f32::EPSILON), "{found} and {expected}");
        };
        for (name, gate) in [("i", i), ("f", f), ("o", o)] {
            near(gate, sigmoid(of(&walk.net_inputs, name)));
        }
        near(g, of(&walk.net_inputs, "g").tanh());
        let before = if step == 0 { 0.0 } else { of(&walk.values_before, "c") };
        near(c, f * before + i * g);
        near(h, o * c.tanh());
        let names: Vec<&str> = walk.net_inputs.iter().map(|it| &*it.name).collect();
        assert_eq!(names, ["i", "f", "g", "o"]);
    }
}

/// The net inputs are sums over all inputs and over all outputs of the step before.
#[test]
fn the_net_inputs_of_an_lstm_are_those_of_its_weights() {
    let settings = Settings { hidden: vec![6, 4], ..Settings::default() };
    let experiment = trained(&settings);
    let (layer, step, unit) = (1, 9, 2);
    let walk = experiment.walk(0, layer, step, unit);
    let weights = experiment.weights(0).parameters;
    let look = experiment.look(0);
    let h = |of: usize, step: usize| {
        let mut probes = look.probes.iter();
        let h = &probes.find(|it| it.layer == of && it.name == "h").expect("h").values;
        h.values[step * h.shape[1]..(step + 1) * h.shape[1]].to_vec()
    };
    assert_eq!(walk.inputs, h(0, step));
    assert_eq!(walk.before, h(1, step - 1));
    let of_layer = |name: &str| {
        let mut weights = weights.iter();
        &weights
            .find(|it| it.layer == Some(layer) && it.name == name)
            .expect("a weight")
            .values
            .values
    };
    for (gate, found) in walk.net_inputs.iter().enumerate() {
        let column = gate * 4 + unit;
        let mut net_input = of_layer("b")[column];
        for (read, name) in [(&walk.inputs, "w_ih"), (&walk.before, "w_hh")] {
            let column = of_layer(name).iter().skip(column).step_by(16);
            net_input += read.iter().zip(column).map(|(x, w)| x * w).sum::<f64>();
        }
        assert!((found.value - net_input).abs() < 1e-14, "{found:?} and {net_input}");
    }
}

#[test]
fn a_place_beyond_the_last_is_the_last() {
    let settings = Settings { hidden: vec![2, 3], length: 4, ..Settings::default() };
    let experiment = trained(&settings);
    assert_eq!(experiment.walk(0, 9, 99, 99), experiment.walk(0, 1, 3, 2));
    assert_eq!(experiment.walk(8, 0, 0, 0), experiment.walk(0, 0, 0, 0));
    let other = Experiment::new(&Settings { cell: CellKind::Gru, ..settings }).expect("settings");
    assert!(other.walk(0, 0, 0, 0).net_inputs.is_empty());
}
