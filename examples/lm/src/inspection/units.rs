//! How the outputs of units are related to properties of the text.

use bptt::RngExt;
use rayon::prelude::*;
use serde::Serialize;

use super::properties::PROPERTIES;
use super::reading::Activations;

/// The number of shifts of a property. The largest correlation over 19 shifts is exceeded by chance once in 20 times.
const SHIFTS: usize = 19;

/// All units of a model, on one text.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Units {
    /// The units, layer by layer, the lowest first.
    pub units: Vec<Unit>,
    /// For each property, the largest `|r|` that any unit reaches when the property is moved along the text: 19 times,
    /// by random distances, with its end wrapped around to the beginning. A moved property keeps its own regularity,
    /// but loses all relation to the units. If no unit were related to the property, the largest `|r|` would exceed
    /// this value with probability 1/20.
    pub chance: [f64; PROPERTIES.len()],
}

/// The outputs `a` of one unit over the tokens of a text.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Unit {
    /// The number of the layer, 0 for the lowest.
    pub layer: usize,
    /// The number of the unit in its layer.
    pub unit: usize,
    /// Their mean.
    pub mean: f64,
    /// Their variance.
    pub variance: f64,
    /// Pearson's correlation `r = cov(a, p) / √(var(a) var(p))` with each property `p`. It is 0 if one of them is
    /// constant.
    pub correlations: [f64; PROPERTIES.len()],
}

impl Units {
    /// Returns the units with the largest `|r|` with a property, the largest first. There is none if the property is
    /// the same all over the text.
    #[must_use]
    pub fn most_related(&self, property: usize, count: usize) -> Vec<&Unit> {
        let units = self.units.iter().filter(|unit| unit.correlations[property] != 0.0);
        largest(units, count, |unit| unit.correlations[property].abs())
    }

    /// Returns the units with the largest variance, the largest first.
    #[must_use]
    pub fn most_varied(&self, count: usize) -> Vec<&Unit> {
        largest(self.units.iter(), count, |unit| unit.variance)
    }
}

/// Returns the units with the largest value, the largest first.
fn largest<'u>(
    units: impl Iterator<Item = &'u Unit>,
    count: usize,
    value: impl Fn(&Unit) -> f64,
) -> Vec<&'u Unit> {
    let mut units: Vec<_> = units.collect();
    units.sort_by(|a, b| value(b).total_cmp(&value(a)));
    units.truncate(count);
    units
}

/// Compares all units of some layers with the properties `[P][N]` of the text. The seed draws the shifts.
///
/// # Panics
///
/// If a property has not one value for each token.
#[must_use]
pub fn units(
    layers: &[Activations],
    properties: &[Vec<f64>; PROPERTIES.len()],
    seed: u64,
) -> Units {
    let tokens = properties[0].len();
    let mut rng = bptt::rng(seed);
    let shifts: Vec<_> = (0..SHIFTS).map(|_| rng.random_range(0..tokens.max(1))).collect();
    let properties = properties.each_ref().map(|values| Standardized::new(values.clone()));
    let all = layers.iter().enumerate();
    let all = all.flat_map(|(layer, it)| (0..it.hidden_size()).map(move |unit| (layer, unit)));
    let all: Vec<_> = all.collect();
    let compared: Vec<_> = all
        .into_par_iter()
        .map(|(layer, unit)| {
            let outputs = layers[layer].of_unit(unit).map(f64::from).collect();
            let outputs = Standardized::new(outputs);
            let correlations = properties.each_ref().map(|it| it.correlation(&outputs, 0));
            let chance = properties.each_ref().map(|it| {
                shifts.iter().map(|&by| it.correlation(&outputs, by).abs()).fold(0.0, f64::max)
            });
            let Standardized { mean, variance, .. } = outputs;
            (Unit { layer, unit, mean, variance, correlations }, chance)
        })
        .collect();
    let (units, chances): (Vec<_>, Vec<_>) = compared.into_iter().unzip();
    let largest = |property: usize| chances.iter().map(|it| it[property]).fold(0.0, f64::max);
    Units { units, chance: std::array::from_fn(largest) }
}

/// Values with the mean 0 and the sum of squares 1, or all 0 if they were constant.
#[derive(Debug)]
struct Standardized {
    values: Vec<f64>,
    /// The mean before standardization.
    mean: f64,
    variance: f64,
}

impl Standardized {
    fn new(mut values: Vec<f64>) -> Self {
        let count = values.len().max(1) as f64;
        let mean = values.iter().sum::<f64>() / count;
        values.iter_mut().for_each(|value| *value -= mean);
        let squares = values.iter().map(|value| value * value).sum::<f64>();
        let scale = if squares > 0.0 { squares.sqrt().recip() } else { 0.0 };
        values.iter_mut().for_each(|value| *value *= scale);
        Self { values, mean, variance: squares / count }
    }

    /// Returns the correlation with `other` when these values are moved to the left by so many places, in a circle.
    fn correlation(&self, other: &Self, by: usize) -> f64 {
        assert_eq!(self.values.len(), other.values.len(), "one value for each token");
        let (end, start) = self.values.split_at(by.min(self.values.len()));
        let moved = start.iter().chain(end);
        moved.zip(&other.values).map(|(a, b)| a * b).sum()
    }
}
