//! What stands around a chart: title, legend, axes and their labels.

use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::cartesian::Cartesian2d;
use plotters::element::{Circle, PathElement, Rectangle};
use plotters::style::text_anchor::HPos;
use plotters::style::{Color, RGBAColor};

use super::axis::Axis;
use super::canvas::{Area, Drawn, Recorder, UNIT};
use super::names::Names;
use super::style::{BLACK, GRID, LABEL, TICK, TITLE, fitted, placed, px, stroke, text, text_width};

pub(super) type Plot<'a, 's> = ChartContext<'a, Recorder<'s>, Cartesian2d<Axis, Axis>>;

/// The texts around a chart.
#[derive(Clone, Debug)]
pub(super) struct Labels {
    pub(super) title: String,
    pub(super) x: String,
    pub(super) y: String,
}

impl Labels {
    pub(super) fn new(title: &str, x: &str, y: &str) -> Self {
        Self { title: title.into(), x: x.into(), y: y.into() }
    }
}

/// How a name in a legend is marked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mark {
    Line,
    Dashes,
    Dot,
    Ring,
    Square,
    /// An open square.
    Frame,
    None,
}

/// Whether both axes have one scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Aspect {
    Free,
    /// One of the ranges is widened for it.
    Equal,
}

/// A name in a legend.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) name: String,
    pub(super) mark: Mark,
    pub(super) color: RGBAColor,
}

/// The margins around a chart and its labels, in pixels.
const TOP: f64 = 6.0;
const RIGHT: f64 = 18.0;
const BOTTOM: f64 = 6.0;
const LEFT: f64 = 4.0;
/// The height of the labels below, and the distance of the others from the axis.
const BELOW: f64 = TICK + LABEL + 16.0;
const BESIDE: f64 = 8.0;

/// The dash and the gap of a dashed line, in pixels.
pub(super) const DASHES: (f64, f64) = (6.0, 4.0);

/// Draws the title, the legend and the axes. Returns what is inside.
pub(super) fn frame<'a, 's>(
    area: &Area<'s>,
    labels: &Labels,
    keys: &[Key],
    (mut x, mut y): (Axis, Axis),
    aspect: Aspect,
) -> Drawn<Plot<'a, 's>> {
    let below = title(area, &labels.title)?;
    let below = legend(&below, keys, left_of(&y, labels))?;
    let (width, height) = pixels(&below);
    let names = x.is_named.then(|| Names::new(&x, width - left_of(&y, labels) - RIGHT));
    let below_axis = names.as_ref().map_or(BELOW, |names| names.height(&labels.x));
    let inner_height = height - TOP - BOTTOM - below_axis;
    if aspect == Aspect::Equal {
        let wider = |y: &Axis| (width - left_of(y, labels) - RIGHT) / inner_height;
        let spans = |x: &Axis, y: &Axis| x.span() / y.span();
        if wider(&y) < spans(&x, &y) {
            let factor = spans(&x, &y) / wider(&y);
            y = y.widened(factor, 8);
        }
        let factor = wider(&y) / spans(&x, &y);
        x = x.widened(factor, 8);
    }
    let left = left_of(&y, labels);
    let mut plot = ChartBuilder::on(&below)
        .margin_top(px(TOP))
        .margin_right(px(RIGHT))
        .margin_bottom(px(BOTTOM))
        .margin_left(px(LEFT))
        .x_label_area_size(px(below_axis))
        .y_label_area_size(px(left - LEFT))
        .build_cartesian_2d(
            if names.is_some() { x.clone().without_ticks() } else { x.clone() },
            y,
        )?;
    let (x_label, x_height) = fitted(&labels.x, LABEL, width - left - RIGHT);
    let (y_label, y_height) = fitted(&labels.y, LABEL, inner_height);
    plot.configure_mesh()
        .bold_line_style(stroke(&GRID, 1.0))
        .axis_style(stroke(&BLACK, 1.0))
        .set_all_tick_mark_size(px(3.0))
        .label_style(text(TICK))
        .axis_desc_style(text(x_height.min(y_height)))
        .x_desc(x_label)
        .y_desc(y_label)
        .draw()?;
    if let Some(names) = names {
        names.draw(&below, &plot, &x)?;
    }
    Ok(plot)
}

/// Returns the distance of the plot from the left edge: what the labels of an axis take.
fn left_of(y: &Axis, labels: &Labels) -> f64 {
    let widest = y.ticks().iter().map(|(_, label)| text_width(label, TICK)).fold(0.0, f64::max);
    LEFT + widest + BESIDE + if labels.y.is_empty() { 0.0 } else { LABEL + BESIDE }
}

/// Returns the width and height of an area in pixels.
pub(super) fn pixels(area: &Area<'_>) -> (f64, f64) {
    let (width, height) = area.dim_in_pixel();
    (f64::from(width) / f64::from(UNIT), f64::from(height) / f64::from(UNIT))
}

/// Draws a title. Returns the area below.
pub(super) fn title<'s>(area: &Area<'s>, title: &str) -> Drawn<Area<'s>> {
    if title.is_empty() {
        return Ok(area.clone());
    }
    let (above, below) = area.split_vertically(px(TITLE + 13.0));
    let (width, height) = pixels(&above);
    let (title, size) = fitted(title, TITLE, width - 16.0);
    let middle = (px(width / 2.0), px(height / 2.0 + 2.0));
    area.draw_text(&title, &placed(size, HPos::Center), middle)?;
    Ok(below)
}

/// Draws the names in rows, from the chart's left edge on, and an ellipsis if they would take more than half of the area.
/// Returns the area below.
fn legend<'s>(area: &Area<'s>, keys: &[Key], left: f64) -> Drawn<Area<'s>> {
    const ROW: f64 = 18.0;
    const SWATCH: f64 = 26.0; // three dashes
    const BETWEEN: f64 = 16.0;
    let (width, area_height) = pixels(area);
    let (mut x, mut y) = (left, ROW / 2.0);
    for Key { name, mark, color } in keys {
        let (name, height) = fitted(name, TICK, width - left - RIGHT - SWATCH - 6.0);
        let swatch_length = if matches!(mark, Mark::None) { 0.0 } else { SWATCH + 6.0 };
        let length = swatch_length + text_width(&name, height);
        if x > left && x + length > width - RIGHT {
            if y + 1.5 * ROW > area_height / 2.0 {
                area.draw_text("…", &placed(TICK, HPos::Left), (px(x - BETWEEN), px(y)))?;
                break;
            }
            (x, y) = (left, y + ROW);
        }
        swatch(area, (x, y), SWATCH, *mark, color)?;
        let at = (px(x + swatch_length), px(y));
        area.draw_text(&name, &placed(height, HPos::Left), at)?;
        x += length + BETWEEN;
    }
    let used = if keys.is_empty() { 0.0 } else { y + ROW / 2.0 };
    Ok(area.split_vertically(px(used)).1)
}

fn swatch(
    area: &Area<'_>,
    (x, y): (f64, f64),
    length: f64,
    mark: Mark,
    color: &RGBAColor,
) -> Drawn {
    let line = |from: f64, to: f64| {
        area.draw(&PathElement::new(vec![(px(from), px(y)), (px(to), px(y))], stroke(color, 2.0)))
    };
    let middle = (px(x + length / 2.0), px(y));
    let half = px(5.0);
    let corners = [(middle.0 - half, middle.1 - half), (middle.0 + half, middle.1 + half)];
    match mark {
        Mark::Line => line(x, x + length),
        Mark::Dashes => [0.0, 1.0, 2.0].into_iter().try_for_each(|dash| {
            let from = x + dash * (DASHES.0 + DASHES.1);
            line(from, from + DASHES.0)
        }),
        Mark::Dot => area.draw(&Circle::new(middle, px(4.0), color.filled())),
        Mark::Ring => area.draw(&Circle::new(middle, px(4.0), stroke(color, 1.5))),
        Mark::None => Ok(()),
        Mark::Square => area.draw(&Rectangle::new(corners, color.filled())),
        Mark::Frame => area.draw(&Rectangle::new(corners, stroke(color, 1.5))),
    }
}
