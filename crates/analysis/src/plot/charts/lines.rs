//! Lines over steps or lags, on a linear or a logarithmic scale.

use std::ops::Range;

use plotters::element::{Circle, Rectangle};
use plotters::series::{DashedLineSeries, LineSeries};
use plotters::style::{Color, RGBAColor};

use crate::plot::axis::{Axis, is_drawable};
use crate::plot::canvas::{Area, Drawn};
use crate::plot::frame::{Aspect, DASHES, Key, Labels, Mark, Plot, frame};
use crate::plot::picture::{Chart, Picture};
use crate::plot::style::{BLACK, LINES, MISSING, faint, px, stroke};
use crate::plot::thin::{Point, gaps, runs, smoothed, thinned};

/// Lines over steps or lags, on a linear or a logarithmic scale.
///
/// Where a value is not finite, or not positive on a logarithmic scale, the line has a gap and the picture a grey band.
/// Of a line of more than 1000 points, the lowest and the highest point of each of 500 parts are drawn.
///
/// ```
/// use bptt_analysis::plot::Lines;
///
/// let lags = || (0..100).map(f64::from);
/// let picture = Lines::new("gradient by lag", "lag k (steps)", "‖∂L/∂W‖ at lag k")
///     .log()
///     .line("measured", lags().map(|k| (k, 0.9_f64.powf(k))))
///     .dashed("bound (‖W‖₂ γ)ᵏ", lags().map(|k| (k, 0.95_f64.powf(k))))
///     .picture();
/// # assert!(picture.svg().contains("measured"));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Lines {
    labels: Labels,
    is_log: bool,
    lines: Vec<Line>,
}

#[derive(Clone, Debug)]
struct Line {
    name: String,
    points: Vec<Point>,
    look: Look,
    color: RGBAColor,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Look {
    Solid,
    Dashed,
    Faint,
    Dots,
}

impl Lines {
    /// Creates a chart without lines. The labels of the axes name quantities with their units.
    pub fn new(title: &str, x: &str, y: &str) -> Self {
        Self { labels: Labels::new(title, x, y), is_log: false, lines: Vec::new() }
    }

    /// Draws values on a logarithmic scale.
    pub fn log(self) -> Self {
        Self { is_log: true, ..self }
    }

    /// Adds a line through points `(x, y)`, in the order of `x`. A name that is not empty stands in the legend. There are
    /// seven colours; the eighth line has that of the first.
    pub fn line(self, name: &str, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let color = self.next_color();
        self.with(name, points.into_iter().collect(), Look::Solid, color)
    }

    /// Adds a dashed line in black, for a bound or a reference. On a logarithmic scale, it is cut off three decades beyond
    /// the other lines.
    pub fn dashed(self, name: &str, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        self.with(name, points.into_iter().collect(), Look::Dashed, BLACK.to_rgba())
    }

    /// Adds points without a line. Those that are missing leave no gap.
    pub fn dots(self, name: &str, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let color = self.next_color();
        self.with(name, points.into_iter().collect(), Look::Dots, color)
    }

    /// Adds a faint line through noisy points, and in the same colour the mean around each point, over a fiftieth of all.
    pub fn noisy(self, name: &str, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let points: Vec<_> = points.into_iter().collect();
        let (mean, color) = (smoothed(&points), self.next_color());
        let raw = self.with(name, points, Look::Faint, faint(color));
        let smoothed = if name.is_empty() { String::new() } else { format!("{name}, smoothed") };
        raw.with(&smoothed, mean, Look::Solid, color)
    }

    /// Returns the chart as a picture.
    pub fn picture(self) -> Picture {
        Picture::new(self)
    }

    fn next_color(&self) -> RGBAColor {
        let used =
            self.lines.iter().filter(|line| matches!(line.look, Look::Solid | Look::Dots)).count();
        LINES[used % LINES.len()].to_rgba()
    }

    fn with(mut self, name: &str, points: Vec<Point>, look: Look, color: RGBAColor) -> Self {
        self.lines.push(Line { name: name.into(), points, look, color });
        self
    }

    /// Returns a line's points as they are drawn.
    fn scaled(&self, line: &Line) -> Vec<Point> {
        let drawable = line.points.iter().filter(|(x, _)| is_drawable(*x));
        let scale = |&(x, y): &Point| match y {
            _ if !self.is_log => (x, y),
            y if y > 0.0 => (x, y.log10()),
            _ => (x, f64::NAN),
        };
        thinned(&drawable.map(scale).collect::<Vec<_>>())
    }

    fn axes(&self, lines: &[(&Line, Vec<Point>)]) -> (Axis, Axis) {
        let all = || lines.iter().flat_map(|(_, points)| points);
        let xs = Axis::of_positions(all().map(|&(x, _)| x));
        if !self.is_log {
            return (xs, Axis::around(all().map(|&(_, y)| y), 6));
        }
        let measured = lines.iter().filter(|(line, _)| line.look != Look::Dashed);
        let ys = measured.flat_map(|(_, points)| points).map(|&(_, y)| y);
        let Range { start, end } = Axis::decades(ys.clone(), 8).bounds();
        let has_measured = ys.clone().any(is_drawable);
        let near = all()
            .map(|&(_, y)| y)
            .filter(|y| is_drawable(*y))
            .map(|y| if has_measured { y.clamp(start - 3.0, end + 3.0) } else { y });
        (xs, Axis::decades(near, 8))
    }

    fn keys(&self, has_gaps: bool) -> Vec<Key> {
        let named = self.lines.iter().filter(|line| !line.name.is_empty());
        let keys = named.map(|Line { name, look, color, .. }| {
            let mark = match look {
                Look::Dashed => Mark::Dashes,
                Look::Dots => Mark::Dot,
                Look::Solid | Look::Faint => Mark::Line,
            };
            Key { name: name.clone(), mark, color: *color }
        });
        let missing = if self.is_log { "not positive or not finite" } else { "not finite" };
        let missing = Key { name: missing.into(), mark: Mark::Square, color: MISSING.mix(0.5) };
        keys.chain(has_gaps.then_some(missing)).collect()
    }
}

impl Chart for Lines {
    fn draw(&self, area: &Area<'_>) -> Drawn {
        let lines: Vec<_> = self.lines.iter().map(|line| (line, self.scaled(line))).collect();
        let joined = lines.iter().filter(|(line, _)| line.look != Look::Dots);
        let gaps: Vec<_> = joined.flat_map(|(_, points)| gaps(points)).collect();
        let (x, y) = self.axes(&lines);
        let within = y.bounds();
        let keys = self.keys(!gaps.is_empty());
        let mut plot = frame(area, &self.labels, &keys, (x, y), Aspect::Free)?;
        let bands = gaps.into_iter().map(|gap| {
            let corners = [(gap.start, within.start), (gap.end, within.end)];
            Rectangle::new(corners, MISSING.mix(0.5).filled())
        });
        plot.draw_series(bands)?;
        for (line, points) in &lines {
            for run in runs(points, &within) {
                line.draw(&mut plot, run)?;
            }
        }
        Ok(())
    }
}

impl Line {
    fn draw(&self, plot: &mut Plot<'_, '_>, run: Vec<Point>) -> Drawn {
        let width = if self.look == Look::Faint { 1.0 } else { 2.0 };
        let style = stroke(&self.color, width);
        if let [point] = run[..] {
            let dot = Circle::new(point, px(2.5), self.color.filled());
            return plot.draw_series([dot]).map(drop);
        }
        match self.look {
            Look::Dashed => {
                let (dash, gap) = DASHES;
                plot.draw_series(DashedLineSeries::new(run, px(dash), px(gap), style))?;
            }
            Look::Dots => {
                let dots = run.into_iter().map(|at| Circle::new(at, px(3.0), self.color.filled()));
                plot.draw_series(dots)?;
            }
            Look::Solid | Look::Faint => {
                plot.draw_series(LineSeries::new(run, style))?;
            }
        }
        Ok(())
    }
}
