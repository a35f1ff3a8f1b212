//! The scale between values and colours, and the bar that shows it.

use std::ops::Range;

use plotters::element::{PathElement, Rectangle};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontTransform, RGBColor, WHITE};

use crate::plot::axis::{Axis, is_drawable};
use crate::plot::canvas::{Area, Drawn};
use crate::plot::colors::ColorMap;
use crate::plot::frame::pixels;
use crate::plot::style::{BLACK, LABEL, MISSING, TICK, fitted, placed, px, stroke, text};

/// What the colours span.
#[derive(Clone, Debug)]
pub(super) enum Span {
    Values,
    Given(Range<f64>),
    Decades,
}

/// The most decades of a logarithmic scale.
const MOST_DECADES: f64 = 16.0;

pub(super) struct ColorScale {
    axis: Axis,
    map: ColorMap,
    is_log: bool,
}

impl ColorScale {
    pub(super) fn new(span: &Span, values: impl Iterator<Item = f64> + Clone) -> Self {
        const TICKS: usize = 6;
        let values = values.filter(|&value| is_drawable(value));
        if let Span::Decades = span {
            let logarithms = values.filter(|&value| value > 0.0).map(f64::log10);
            let high = logarithms.clone().fold(f64::NEG_INFINITY, f64::max);
            let axis = Axis::decades(logarithms.map(|it| it.max(high - MOST_DECADES)), 8);
            return Self { axis, map: ColorMap::SEQUENTIAL, is_log: true };
        }
        let Range { start, end } = match span {
            Span::Given(range) => range.clone(),
            _ => {
                let low = values.clone().fold(0.0, f64::min);
                let high = values.fold(0.0, f64::max);
                if low < high { low..high } else { 0.0..1.0 }
            }
        };
        let most = start.abs().max(end.abs());
        let (range, map) = if start < 0.0 {
            (-most..most, ColorMap::DIVERGING)
        } else {
            (start..end, ColorMap::SEQUENTIAL)
        };
        Self { axis: Axis::exact(range, TICKS), map, is_log: false }
    }

    /// Whether a value has no colour of the scale.
    pub(super) fn is_missing(&self, value: f64) -> bool {
        !is_drawable(value) || self.is_log && value < 0.0
    }

    /// Returns which values have no colour.
    pub(super) fn missing(&self) -> &'static str {
        if self.is_log { "negative or not finite" } else { "not finite" }
    }

    pub(super) fn color(&self, value: f64) -> RGBColor {
        if self.is_missing(value) {
            MISSING
        } else if !self.is_log {
            self.map.at(self.axis.part(value))
        } else if value == 0.0 {
            WHITE
        } else {
            self.map.at(self.axis.part(value.log10()))
        }
    }

    /// Draws a bar of the colours, with ticks to its right.
    pub(super) fn draw_bar(&self, area: &Area<'_>, quantity: &str) -> Drawn {
        const SLICES: i32 = 64;
        const WIDTH: f64 = 14.0;
        let (width, height) = pixels(area);
        let (top, bottom) = (8.0, height - TICK - LABEL - 22.0);
        let y = |part: f64| px(bottom + (top - bottom) * part);
        for slice in 0..SLICES {
            let [from, to] = [slice, slice + 1].map(|it| f64::from(it) / f64::from(SLICES));
            let color = self.map.at((from + to) / 2.0);
            // it reaches below the next slice, so that no page shows through between them
            let end = (2.0 * to - from).min(1.0);
            area.draw(&Rectangle::new([(0, y(end)), (px(WIDTH), y(from))], color.filled()))?;
        }
        for (value, label) in self.axis.ticks() {
            let y = y(self.axis.part(*value));
            let tick = vec![(px(WIDTH), y), (px(WIDTH + 3.0), y)];
            area.draw(&PathElement::new(tick, stroke(&BLACK, 1.0)))?;
            area.draw_text(label, &placed(TICK, HPos::Left), (px(WIDTH + 6.0), y))?;
        }
        let (quantity, size) = fitted(quantity, LABEL, bottom - top);
        let style = text(size).transform(FontTransform::Rotate90);
        let style = style.pos(Pos::new(HPos::Center, VPos::Top));
        area.draw_text(&quantity, &style, (px(width - 2.0), (px(top) + px(bottom)) / 2))
    }
}
