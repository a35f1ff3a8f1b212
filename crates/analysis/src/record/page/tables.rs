//! The tables of the page.

use std::fmt::Write;

use serde::Serialize;

use crate::record::entries::{ParameterDetails, ValueDetails};
use crate::record::histogram::Histogram;
use crate::record::number::decimal;

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
    /// The number of values that are not finite, which the drawing leaves out.
    not_finite: u64,
    /// The path of bars, 30 wide and 10 high.
    path: String,
}

impl ParameterRow {
    pub(super) fn new(details: &ParameterDetails) -> Self {
        let ParameterDetails { name, weights, gradient, .. } = details;
        let number = |number: Option<f64>| number.map_or("–".to_owned(), |it| decimal(it, 2));
        Self {
            name: name.clone(),
            count: weights.count() + weights.not_finite,
            norm: decimal(weights.norm, 2),
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
            mean: if histogram.count() > 0 { decimal(histogram.mean, 3) } else { "–".to_owned() },
            closed: share(gate.map(|gate| gate.closed)),
            open: share(gate.map(|gate| gate.open)),
            values: Distribution::new(histogram),
        }
    }
}

impl Distribution {
    fn new(histogram: &Histogram) -> Self {
        let &Histogram { min, max, ref counts, not_finite, .. } = histogram;
        let highest = counts.iter().max().copied().unwrap_or(0).max(1) as f64;
        let width = 30.0 / counts.len().max(1) as f64;
        let mut path = String::new();
        for (bin, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let (left, height) = (bin as f64 * width, (10.0 * count as f64 / highest).max(0.3));
            write!(path, "M{left:.1} 10v-{height:.2}h{width:.1}v{height:.2}z")
                .expect("a string takes any text");
        }
        // beside 0.98, 0.02 is easier to read than 2.0e-2
        let is_ordinary = max - min >= 0.1 && min.abs().max(max.abs()) < 1e5;
        let end = |end: f64| if is_ordinary { format!("{end:.2}") } else { decimal(end, 2) };
        Self { min: end(min), max: end(max), not_finite, path }
    }
}
