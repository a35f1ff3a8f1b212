//! The tables of the page.

use std::fmt::Write;

use serde::Serialize;

use crate::record::entries::{ParameterDetails, ValueDetails};
use crate::record::histogram::Histogram;

/// A parameter at the last look inside.
#[derive(Debug, Serialize)]
pub(super) struct ParameterRow {
    name: String,
    count: u64,
    norm: String,
    gradient_norm: String,
    update_ratio: String,
    weights: Distribution,
    gradient: Option<Distribution>,
}

/// A probed value at the last look inside.
#[derive(Debug, Serialize)]
pub(super) struct ValueRow {
    name: String,
    units: usize,
    dead: usize,
    mean: String,
    closed: String,
    open: String,
    values: Distribution,
}

/// A distribution as a small drawing between its ends.
#[derive(Debug, Serialize)]
struct Distribution {
    min: String,
    max: String,
    /// The path of bars, 30 wide and 10 high.
    path: String,
}

impl ParameterRow {
    pub(super) fn new(details: &ParameterDetails) -> Self {
        let ParameterDetails { name, weights, gradient, .. } = details;
        let number = |number: Option<f64>| number.map_or("–".to_owned(), scientific);
        Self {
            name: name.clone(),
            count: weights.count() + weights.not_finite,
            norm: scientific(weights.norm),
            gradient_norm: number(gradient.as_ref().map(|gradient| gradient.norm)),
            update_ratio: number(details.update_ratio()),
            weights: Distribution::new(weights),
            gradient: gradient.as_ref().map(Distribution::new),
        }
    }
}

impl ValueRow {
    pub(super) fn new(details: &ValueDetails) -> Self {
        let ValueDetails { name, histogram, units, dead, gate } = details;
        let share = |share: Option<f64>| {
            share.map_or("–".to_owned(), |share| format!("{:.0} %", 100.0 * share))
        };
        Self {
            name: name.clone(),
            units: *units,
            dead: dead.len(),
            mean: format!("{:.3}", histogram.mean),
            closed: share(gate.map(|gate| gate.closed)),
            open: share(gate.map(|gate| gate.open)),
            values: Distribution::new(histogram),
        }
    }
}

impl Distribution {
    fn new(histogram: &Histogram) -> Self {
        let Histogram { min, max, counts, .. } = histogram;
        let highest = counts.iter().max().copied().unwrap_or(0).max(1) as f64;
        let width = 30.0 / counts.len().max(1) as f64;
        let mut path = String::new();
        for (bin, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let (left, height) = (bin as f64 * width, (10.0 * count as f64 / highest).max(0.3));
            write!(path, "M{left:.1} 10v-{height:.2}h{width:.1}v{height:.2}z")
                .expect("a string takes any text");
        }
        Self { min: format!("{min:.2}"), max: format!("{max:.2}"), path }.precise(*min, *max)
    }

    /// Writes ends that are too close for two decimals with more digits.
    fn precise(self, min: f64, max: f64) -> Self {
        if max - min >= 0.1 {
            return self;
        }
        Self { min: scientific(min), max: scientific(max), ..self }
    }
}

fn scientific(number: f64) -> String {
    match number {
        0.0 => "0".to_owned(),
        number if (0.1..1e4).contains(&number.abs()) => format!("{number:.2}"),
        number => format!("{number:.1e}"),
    }
}
