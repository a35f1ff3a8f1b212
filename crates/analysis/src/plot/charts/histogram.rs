//! How often values occur.

use std::ops::Range;

use plotters::element::Rectangle;
use plotters::style::Color;

use crate::plot::axis::{Axis, bounds, is_drawable, with_width};
use crate::plot::canvas::{Area, Drawn};
use crate::plot::frame::{Aspect, Key, Labels, Mark, frame};
use crate::plot::picture::{Chart, Picture};
use crate::plot::style::{BLUE, GREY};

/// How often values occur, in bins of equal width.
///
/// ```
/// use bptt_analysis::plot::Histogram;
///
/// let gate = [0.1, 0.9, 0.95, 0.99, 1.0];
/// let picture = Histogram::new("forget gate", "activation", gate).bins(10).picture();
/// # assert!(picture.svg().contains("count"));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Histogram {
    labels: Labels,
    /// Those that are finite.
    values: Vec<f64>,
    missing: usize,
    bins: Option<usize>,
}

impl Histogram {
    /// Creates a chart of values. The label names their quantity with its unit.
    pub fn new(title: &str, label: &str, values: impl IntoIterator<Item = f64>) -> Self {
        let (values, missing): (Vec<_>, Vec<_>) =
            values.into_iter().partition(|&value| is_drawable(value));
        let labels = Labels::new(title, label, "count");
        Self { labels, values, missing: missing.len(), bins: None }
    }

    /// Sets the number of bins. By default it is the square root of the number of values, but at least 10 and at most 60.
    ///
    /// # Panics
    ///
    /// If there are none.
    #[track_caller]
    pub fn bins(self, bins: usize) -> Self {
        assert!(bins > 0, "histogram: 0 bins hold no value; give 1 or more");
        Self { bins: Some(bins), ..self }
    }

    /// Returns the chart as a picture.
    pub fn picture(self) -> Picture {
        Picture::new(self)
    }
}

impl Chart for Histogram {
    fn draw(&self, area: &Area<'_>) -> Drawn {
        let Range { start: low, end: high } = with_width(bounds(self.values.iter().copied()));
        let root = (self.values.len() as f64).sqrt() as usize;
        let bins = self.bins.unwrap_or(root.clamp(10, 60));
        let mut counts = vec![0_u64; bins];
        let width = (high - low) / bins as f64;
        for value in &self.values {
            let bin = ((value - low) / width) as usize;
            counts[bin.min(bins - 1)] += 1;
        }
        let highest = counts.iter().max().copied().unwrap_or(0).max(1) as f64;
        let missing = (self.missing > 0).then(|| Key {
            name: format!("{} not finite", self.missing),
            mark: Mark::None,
            color: GREY.to_rgba(),
        });
        let axes = (Axis::exact(low..high, 8), Axis::whole(0.0..1.05 * highest, 6));
        let mut plot = frame(area, &self.labels, missing.as_slice(), axes, Aspect::Free)?;
        let bars = (0..).map(f64::from).zip(&counts).filter(|(_, count)| **count > 0);
        plot.draw_series(bars.map(|(bin, &count)| {
            let left = low + bin * width;
            let corners = [(left, 0.0), (left + 0.92 * width, count as f64)];
            Rectangle::new(corners, BLUE.filled())
        }))?;
        Ok(())
    }
}
