//! The curves of a run as SVG: losses above, the learning rate below.

use std::io;
use std::ops::Range;

use bptt::analysis::record::Entry;
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::{
    BLACK, Cartesian2d, ChartBuilder, ChartContext, Circle, DrawingArea, DrawingAreaErrorKind,
    IntoDrawingArea, LineSeries, PathElement, RGBColor, SVGBackend, SeriesLabelPosition, WHITE,
};
use plotters::style::{Color, ShapeStyle};

use super::event::Event;

const SIZE: (u32, u32) = (860, 600);
const HEIGHT_OF_LOSSES: u32 = 400;

/// The largest value that is drawn. Training in `f32` gives none above it, and axes for one would overflow.
const LARGEST: f64 = 1e38;

/// The largest number of points in a line, above the width of the drawing in pixels.
const POINTS: usize = 1000;

// colours that the colour-blind can tell apart (Okabe and Ito, 2008)
const BLUE: RGBColor = RGBColor(0, 114, 178);
const ORANGE: RGBColor = RGBColor(213, 94, 0);
const GREEN: RGBColor = RGBColor(0, 158, 115);
const PURPLE: RGBColor = RGBColor(204, 121, 167);
const AMBER: RGBColor = RGBColor(230, 159, 0);
const SKY: RGBColor = RGBColor(86, 180, 233);
const COLOURS: [RGBColor; 7] = [BLUE, ORANGE, GREEN, PURPLE, AMBER, SKY, BLACK];

/// The opacity of the loss that is not smoothed.
const FAINT: f64 = 0.35;

type Fault = DrawingAreaErrorKind<io::Error>;
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Points of a curve: steps and values.
pub type Points = Vec<(f64, f64)>;

/// Returns the drawing of a run with these events. It depends on nothing else.
pub(super) fn curves(events: &[Event]) -> String {
    let mut svg = String::new();
    draw(events, &mut svg).expect("a string can always be written");
    svg
}

/// Returns the drawing of several validation losses, each a curve with a name.
#[must_use]
pub fn draw_comparison(curves: &[(String, Points)]) -> String {
    let mut svg = String::new();
    draw_all(curves, &mut svg).expect("a string can always be written");
    svg
}

fn draw_all(curves: &[(String, Points)], svg: &mut String) -> Result<(), Fault> {
    let area = SVGBackend::with_string(svg, (SIZE.0, HEIGHT_OF_LOSSES)).into_drawing_area();
    area.fill(&WHITE)?;
    let points = curves.iter().flat_map(|(_, points)| points);
    let last = points.clone().map(|&(step, _)| step).fold(1.0, f64::max);
    let values = around(points.map(|&(_, nats)| nats));
    let mut chart = chart(&area, "Validation loss", "nats per token", 0.0..last, values)?;
    for ((name, points), colour) in curves.iter().zip(COLOURS.iter().cycle()) {
        line(&mut chart, name, points, colour.stroke_width(2))?;
    }
    legend(&mut chart)?;
    area.present()
}

fn draw(events: &[Event], svg: &mut String) -> Result<(), Fault> {
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let (losses, learning_rate) = area.split_vertically(HEIGHT_OF_LOSSES);
    draw_losses(events, &losses)?;
    draw_learning_rate(events, &learning_rate)?;
    area.present()
}

fn draw_losses(events: &[Event], area: &Area<'_>) -> Result<(), Fault> {
    let raw = points(events, |event| match *event {
        Event::Step { nats, .. } => Some(nats),
        _ => None,
    });
    let validation = points(events, |event| match *event {
        Event::Validation { nats, .. } => Some(nats),
        _ => None,
    });
    let values = raw.iter().chain(&validation).map(|&(_, nats)| nats);
    let mut chart = chart(area, "Loss", "nats per token", steps(events), around(values))?;
    line(&mut chart, "training", &raw, BLUE.mix(FAINT).stroke_width(1))?;
    line(&mut chart, "training, smoothed", &smoothed(&raw), BLUE.stroke_width(2))?;
    line(&mut chart, "validation", &validation, ORANGE.stroke_width(2))?;
    let dots = thinned(&validation).map(|point| Circle::new(point, 2, ORANGE.filled()));
    chart.draw_series(dots)?;
    legend(&mut chart)
}

/// Draws the names of the lines.
fn legend<'a, 'b: 'a>(chart: &mut Chart<'a, 'b>) -> Result<(), Fault> {
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(FAINT))
        .label_font(("sans-serif", 16))
        .draw()?;
    Ok(())
}

fn draw_learning_rate(events: &[Event], area: &Area<'_>) -> Result<(), Fault> {
    let rates = points(events, |event| match *event {
        Event::Step { learning_rate, .. } => Some(learning_rate),
        _ => None,
    });
    let values = rates.iter().map(|&(_, rate)| rate).chain([0.0]);
    let mut chart = chart(area, "Learning rate", "per step", steps(events), around(values))?;
    line(&mut chart, "learning rate", &rates, GREEN.stroke_width(2))
}

/// Draws the axes.
fn chart<'a, 'b>(
    area: &'a Area<'b>,
    title: &str,
    unit: &str,
    steps: Range<f64>,
    values: Range<f64>,
) -> Result<Chart<'a, 'b>, Fault> {
    let small = values.end - values.start < 0.1;
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 20))
        .margin(8)
        .margin_right(24)
        .x_label_area_size(40)
        .y_label_area_size(72)
        .build_cartesian_2d(steps, values)?;
    chart
        .configure_mesh()
        .x_desc("step")
        .y_desc(unit)
        .x_label_formatter(&|step| format!("{step:.0}"))
        .y_label_formatter(&|value| label(*value, small))
        .y_labels(6)
        .max_light_lines(0)
        .axis_desc_style(("sans-serif", 17))
        .label_style(("sans-serif", 15))
        .draw()?;
    Ok(chart)
}

/// Draws a line that the legend names.
fn line(
    chart: &mut Chart<'_, '_>,
    name: &str,
    points: &Points,
    style: ShapeStyle,
) -> Result<(), Fault> {
    chart
        .draw_series(LineSeries::new(thinned(points), style))?
        .label(name)
        .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
    Ok(())
}

/// Returns the steps and values of the events that have a value, and one that can be drawn.
fn points(events: &[Event], value: impl Fn(&Event) -> Option<f64>) -> Points {
    let points = events.iter().filter_map(|event| Some((event.step() as f64, value(event)?)));
    points.filter(|(_, value)| value.abs() < LARGEST).collect()
}

/// Returns the mean around each point: over a fiftieth of the points, and fewer towards the ends, so that the curve
/// lags nowhere.
fn smoothed(points: &Points) -> Points {
    let mut sums = vec![0.0];
    sums.extend(points.iter().scan(0.0, |sum, &(_, value)| {
        *sum += value;
        Some(*sum)
    }));
    let reach = points.len() / 100;
    let mean = |at: usize| {
        let reach = reach.min(at).min(points.len() - 1 - at);
        (sums[at + reach + 1] - sums[at - reach]) / (2 * reach + 1) as f64
    };
    points.iter().enumerate().map(|(at, &(step, _))| (step, mean(at))).collect()
}

/// Returns at most about [`POINTS`] of the points: each of so many, and the last.
fn thinned(points: &Points) -> impl Iterator<Item = (f64, f64)> {
    let each = points.len().div_ceil(POINTS).max(1);
    let last = points.len().saturating_sub(1);
    let kept = points.iter().enumerate();
    kept.filter(move |&(index, _)| index % each == 0 || index == last).map(|(_, &point)| point)
}

/// Returns the range of the steps.
fn steps(events: &[Event]) -> Range<f64> {
    let last = events.iter().map(Event::step).max().unwrap_or(0);
    0.0..last.max(1) as f64
}

/// Returns a range that is a little wider than the values.
fn around(values: impl Iterator<Item = f64> + Clone) -> Range<f64> {
    let low = values.clone().fold(f64::INFINITY, f64::min);
    let high = values.fold(f64::NEG_INFINITY, f64::max);
    if low > high {
        return 0.0..1.0; // there are no values
    }
    let margin = (0.05 * (high - low)).max(1e-6 * high.abs()).max(1e-12);
    low - margin..high + margin
}

/// Returns the label of a value on an axis.
fn label(value: f64, is_small: bool) -> String {
    if is_small && value != 0.0 { format!("{value:.1e}") } else { format!("{value:.2}") }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{start, step, validation};
    use super::*;

    /// Returns the texts of a drawing.
    fn texts(svg: &str) -> Vec<&str> {
        let texts = svg.split("<text ").skip(1).filter_map(|text| text.split_once(">\n"));
        texts.filter_map(|(_, rest)| rest.split("\n</text>").next()).collect()
    }

    #[test]
    fn axes_have_units_and_lines_have_names() {
        let steps = (1..=200).flat_map(|at| [step(at), validation(at)]);
        let svg = curves(&[start()].into_iter().chain(steps).collect::<Vec<_>>());
        let texts = texts(&svg);
        for text in
            ["Loss", "nats per token", "step", "training, smoothed", "validation", "Learning rate"]
        {
            assert!(texts.contains(&text), "{text} in {texts:?}");
        }
        assert!(texts.contains(&"200") && texts.contains(&"1.0e-2"), "{texts:?}");
    }

    #[test]
    fn a_comparison_names_its_curves() {
        let curves = ["lstm", "gru"].map(|name| (name.to_owned(), vec![(0.0, 2.0), (5.0, 1.0)]));
        let svg = draw_comparison(&curves);
        let texts = texts(&svg);
        assert!(["lstm", "gru", "5"].iter().all(|text| texts.contains(text)), "{texts:?}");
        assert!(draw_comparison(&[]).ends_with("</svg>\n"));
    }

    #[test]
    fn values_that_cannot_be_drawn_are_left_out() {
        let mut steps: Vec<_> = [start()].into_iter().chain((1..=9).map(step)).collect();
        let drawn = curves(&steps);
        for nats in [f64::INFINITY, f64::NAN, f64::MAX] {
            steps.push(Event::Validation { step: 9, nats, best: false, seconds: 1.0 });
        }
        assert_eq!(curves(&steps), drawn);
    }

    #[test]
    fn short_and_flat_runs_are_drawn() {
        let flat = |step| Event::Validation { step, nats: 0.0, best: false, seconds: 1.0 };
        for events in [vec![], vec![start()], vec![step(0)], vec![flat(1)], vec![flat(1), flat(2)]]
        {
            let svg = curves(&events);
            assert!(svg.ends_with("</svg>\n") && !svg.contains("NaN"), "{svg}");
        }
    }

    #[test]
    fn a_smoothed_line_is_as_steep_as_the_line() {
        let line: Points = (0..200).map(|at| (f64::from(at), 2.0 - 0.5 * f64::from(at))).collect();
        assert_eq!(smoothed(&line), line);
        let spike = |at| f64::from(u8::from(at == 100));
        let spike: Points = (0..200).map(|at| (f64::from(at), spike(at))).collect();
        let smooth = smoothed(&spike);
        assert_eq!(
            smooth[97..104].iter().map(|point| 5.0 * point.1).collect::<Vec<_>>(),
            [0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0]
        );
    }

    #[test]
    fn a_long_run_is_thinned_to_what_can_be_seen() {
        let points = |length: u32| (0..length).map(|at| (f64::from(at), 1.0)).collect::<Points>();
        assert_eq!(thinned(&points(1000)).count(), 1000);
        let kept: Vec<_> = thinned(&points(2501)).collect();
        assert_eq!(kept.len(), 835);
        assert_eq!(kept[..2], [(0.0, 1.0), (3.0, 1.0)]);
        assert_eq!(kept[834], (2500.0, 1.0));
    }
}
