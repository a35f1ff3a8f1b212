//! Names along the axis below a chart: characters, or words that are turned.

use plotters::style::FontTransform;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axis::Axis;
use super::canvas::{Area, Drawn};
use super::frame::Plot;
use super::style::{LABEL, TICK, fitted, px, text, text_width};

/// How names are laid out.
pub(super) struct Names {
    is_turned: bool,
    /// The height of the text in pixels.
    size: f64,
    /// The length of the longest name in pixels.
    length: f64,
    /// Every n-th name is drawn.
    each: usize,
}

/// The distance from the axis in pixels.
const GAP: f64 = 6.0;

impl Names {
    /// Lays out the names of an axis of a length in pixels. Those that do not fit beside each other are turned.
    pub(super) fn new(axis: &Axis, length: f64) -> Self {
        const LEGIBLE: f64 = 10.0;
        const LONGEST: f64 = 90.0;
        let space = length / axis.span();
        let widest =
            |size| axis.ticks().iter().map(|(_, name)| text_width(name, size)).fold(0.0, f64::max);
        let is_text = axis.ticks().iter().all(|(_, name)| name.chars().count() <= 1);
        // characters may touch each other
        let fits = |size: f64| widest(size) + if is_text { 0.0 } else { 4.0 } <= space;
        let size = if fits(TICK) { TICK } else { LEGIBLE };
        let is_turned = !is_text && !fits(size);
        let needed = if is_turned { size + 2.0 } else { 0.8 * size };
        let each = (needed / space).ceil().max(1.0) as usize;
        Self { is_turned, size, length: widest(size).min(LONGEST), each }
    }

    /// Returns the height that the names and the axis's label take.
    pub(super) fn height(&self, label: &str) -> f64 {
        let names = if self.is_turned { self.length } else { self.size };
        names + GAP + 4.0 + if label.is_empty() { 0.0 } else { LABEL + 4.0 }
    }

    /// Draws the names below a plot.
    pub(super) fn draw(&self, area: &Area<'_>, plot: &Plot<'_, '_>, axis: &Axis) -> Drawn {
        let (left, top) = area.get_base_pixel();
        let (_, vertical) = plot.plotting_area().get_pixel_range();
        let style = if self.is_turned {
            let turned = text(self.size).transform(FontTransform::Rotate270);
            turned.pos(Pos::new(HPos::Right, VPos::Center))
        } else {
            text(self.size).pos(Pos::new(HPos::Center, VPos::Top))
        };
        let bottom = plot.plotting_area().get_y_range().start;
        for (at, name) in axis.ticks().iter().step_by(self.each) {
            let (x, _) = plot.backend_coord(&(*at, bottom));
            let (name, _) = fitted(name, self.size, self.length);
            area.draw_text(&name, &style, (x - left, vertical.end - top + px(GAP)))?;
        }
        Ok(())
    }
}
