//! The steps inside a cell.

use explorer::experiment::{Experiment, Place, Probe, Settings, UnitValue};
use programs::cells::CellKind;

fn trained(settings: &Settings) -> Experiment {
    let mut experiment = Experiment::new(settings).expect("possible settings");
    for _ in 0..5 {
        experiment.update().expect("no divergence");
    }
    experiment
}

fn place([layer, step, unit]: [usize; 3]) -> Place {
    Place { layer, step, unit }
}

fn of(values: &[UnitValue], name: &str) -> f64 {
    values.iter().find(|it| it.name == name).expect("a value of this name").value
}

/// A walk shows the numbers of the heat maps: those of the row of its unit, of each map that has this row.
#[test]
fn a_walk_has_the_values_of_the_look() {
    for cell in crate::bits::by_name() {
        let settings = Settings { cell, hidden: vec![6, 4], length: 6, ..Settings::default() };
        let experiment = trained(&settings);
        let look = experiment.look(2);
        for [layer, step] in [[0, 0], [1, 5], [0, 3]] {
            let probes = look.probes.iter().filter(|it| it.layer == layer).collect::<Vec<_>>();
            let units = probes.iter().map(|it| it.values.shape[1]).max();
            for unit in 0..units.unwrap_or(1) {
                let walk = experiment.walk(2, place([layer, step, unit]));
                let at = |step: usize| {
                    let of_unit = probes.iter().filter(|it| unit < it.values.shape[1]);
                    let value = |it: &&&Probe| UnitValue {
                        name: it.name.clone(),
                        value: it.values.values[step * it.values.shape[1] + unit],
                        units: it.values.shape[1],
                    };
                    of_unit.map(|it| value(&it)).collect::<Vec<_>>()
                };
                assert_eq!(walk.values, at(step), "{cell}");
                let before = step.checked_sub(1).map_or_else(Vec::new, at);
                assert_eq!(walk.values_before, before, "{cell}");
                assert_eq!(walk.units, units.unwrap_or(settings.hidden[layer]), "{cell}");
            }
        }
    }
}

/// Values of different sizes: gates of blocks of two cells, and units before a projection to half of them.
#[test]
fn a_unit_has_the_values_that_have_this_unit() {
    let names = |cell, unit| {
        let settings = Settings { cell, hidden: vec![4], length: 2, ..Settings::default() };
        let walk = trained(&settings).walk(0, place([0, 1, unit]));
        (walk.units, walk.values.into_iter().map(|it| it.name).collect::<Vec<_>>())
    };
    let (blocks, first) = names(CellKind::MemoryBlocks, 0);
    assert!(first.contains(&"i".to_owned()) && first.contains(&"c".to_owned()), "{first:?}");
    let (_, third) = names(CellKind::MemoryBlocks, 2);
    assert!(!third.contains(&"i".to_owned()) && third.contains(&"c".to_owned()), "{third:?}");
    assert_eq!(blocks, 8); // h is the outputs of four cells and of the gates of two blocks
    let (inner, first) = names(CellKind::ProjectedLstm, 0);
    assert!(first.contains(&"h".to_owned()), "{first:?}");
    let (_, last) = names(CellKind::ProjectedLstm, inner - 1);
    assert!(!last.contains(&"h".to_owned()) && last.contains(&"c".to_owned()), "{last:?}");
    assert_eq!(inner, 8);
}

/// The gates of an LSTM are the squashed net inputs, and its state and output follow from them.
#[test]
fn the_walk_of_an_lstm_obeys_its_equations() {
    let settings = Settings { hidden: vec![6, 4], ..Settings::default() };
    let experiment = trained(&settings);
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    for (layer, step, unit) in [(0, 0, 5), (0, 7, 0), (1, 0, 1), (1, 23, 3)] {
        let walk = experiment.walk(0, place([layer, step, unit]));
        let [i, f, g, o, c, h] = ["i", "f", "g", "o", "c", "h"].map(|name| of(&walk.values, name));
        let net_input = |name: &str| {
            walk.net_inputs.iter().find(|it| it.name == name).expect("a net input").value
        };
        // Single precision: a gate has an error of some ε relative to it, and a sum of H products one of some ε.
        let near = |found: f64, expected: f64| {
            let error = (found - expected).abs();
            assert!(error < 16.0 * f64::from(f32::EPSILON), "{found} and {expected}");
        };
        for (name, gate) in [("i", i), ("f", f), ("o", o)] {
            near(gate, sigmoid(net_input(name)));
        }
        near(g, net_input("g").tanh());
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
    let walk = experiment.walk(0, place([layer, step, unit]));
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
    let last = experiment.walk(0, place([9, 99, 99]));
    assert_eq!(last.place, place([1, 3, 2]));
    assert_eq!(last, experiment.walk(0, last.place));
    assert_eq!(experiment.walk(8, place([0; 3])), experiment.walk(0, place([0; 3])));
    let other = Experiment::new(&Settings { cell: CellKind::Gru, ..settings }).expect("settings");
    assert!(other.walk(0, place([0; 3])).net_inputs.is_empty());
}
