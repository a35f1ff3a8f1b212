//! Lines over steps or lags, on linear or logarithmic scales.

use std::ops::Range;

use plotters::element::{Circle, Polygon, Rectangle};
use plotters::series::{DashedLineSeries, LineSeries};
use plotters::style::{Color, RGBAColor};

use crate::plot::axis::{Axis, is_drawable};
use crate::plot::canvas::{Area, Drawn};
use crate::plot::frame::{Aspect, DASHES, Key, Labels, Mark, Plot, frame};
use crate::plot::picture::{Chart, Picture};
use crate::plot::style::{BLACK, LINES, MISSING, faint, px, stroke};
use crate::plot::thin::{PARTS, Point, gaps, runs, smoothed, thinned};

/// Lines over steps or lags, on linear or logarithmic scales, with intervals around them.
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
    is_log_x: bool,
    lines: Vec<Line>,
    bands: Vec<Band>,
}

/// Intervals `(x, low, high)`.
#[derive(Clone, Debug)]
struct Band {
    intervals: Vec<(f64, f64, f64)>,
    color: RGBAColor,
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
        let labels = Labels::new(title, x, y);
        Self { labels, is_log: false, is_log_x: false, lines: Vec::new(), bands: Vec::new() }
    }

    /// Draws values on a logarithmic scale.
    pub fn log(self) -> Self {
        Self { is_log: true, ..self }
    }

    /// Draws positions on a logarithmic scale, such as learning rates or sizes. Those that are not positive are left out.
    ///
    /// ```
    /// use bptt_analysis::plot::Lines;
    ///
    /// let rates = [1e-3, 1e-2, 1e-1].into_iter();
    /// let picture = Lines::new("loss", "learning rate", "loss after 20 epochs")
    ///     .log_x()
    ///     .line("LSTM", rates.zip([0.9, 0.2, 0.7]))
    ///     .picture();
    /// # assert!(picture.svg().contains("0.02"));
    /// ```
    pub fn log_x(self) -> Self {
        Self { is_log_x: true, ..self }
    }

    /// Adds a line through points `(x, y)`, in the order of `x`. A name that is not empty stands in the legend. There are
    /// seven colours; the eighth line has that of the first.
    pub fn line(self, name: &str, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let color = self.next_color();
        self.with(name, points.into_iter().collect(), Look::Solid, color)
    }

    /// Adds intervals `(x, low, high)` around the line that was added last: a band in its colour, below all lines. On a
    /// logarithmic scale, it is cut off three decades beyond the lines. Where an interval is missing, so is the band. Of
    /// more than 1000 intervals, each n-th is drawn.
    ///
    /// ```
    /// use bptt_analysis::plot::Lines;
    ///
    /// let epochs = || (0..20).map(f64::from);
    /// let mean = |epoch: f64| 1.0 / (1.0 + epoch);
    /// let picture = Lines::new("loss over 20 seeds", "epoch", "loss")
    ///     .line("LSTM, mean and its 95 % interval", epochs().map(|epoch| (epoch, mean(epoch))))
    ///     .band(epochs().map(|epoch| (epoch, 0.9 * mean(epoch), 1.1 * mean(epoch))))
    ///     .picture();
    /// # assert!(picture.svg().contains("<polygon"));
    /// ```
    pub fn band(mut self, intervals: impl IntoIterator<Item = (f64, f64, f64)>) -> Self {
        let color = self.lines.last().map_or(LINES[0].to_rgba(), |line| line.color);
        self.bands.push(Band { intervals: intervals.into_iter().collect(), color });
        self
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
        let points = line.points.iter().map(|&(x, y)| (self.scaled_x(x), self.scaled_y(y)));
        thinned(&points.filter(|(x, _)| is_drawable(*x)).collect::<Vec<_>>())
    }

    fn scaled_x(&self, x: f64) -> f64 {
        if self.is_log_x { logarithm(x) } else { x }
    }

    fn scaled_y(&self, y: f64) -> f64 {
        if self.is_log { logarithm(y) } else { y }
    }

    /// Returns the ends of all bands as points.
    fn ends(&self) -> impl Iterator<Item = Point> + Clone {
        let intervals = self.bands.iter().flat_map(|band| &band.intervals);
        let ends = intervals.flat_map(|&(x, low, high)| [(x, low), (x, high)]);
        ends.map(|(x, y)| (self.scaled_x(x), self.scaled_y(y)))
    }

    fn axes(&self, lines: &[(&Line, Vec<Point>)]) -> (Axis, Axis) {
        let all = || lines.iter().flat_map(|(_, points)| points).copied().chain(self.ends());
        let xs = all().map(|(x, _)| x);
        let xs = if self.is_log_x { Axis::powers(xs) } else { Axis::of_positions(xs) };
        if !self.is_log {
            return (xs, Axis::around(all().map(|(_, y)| y), 6));
        }
        let measured = lines.iter().filter(|(line, _)| line.look != Look::Dashed);
        let ys = measured.flat_map(|(_, points)| points).map(|&(_, y)| y);
        let Range { start, end } = Axis::decades(ys.clone(), 8).bounds();
        let has_measured = ys.clone().any(is_drawable);
        let near = all()
            .map(|(_, y)| y)
            .filter(|y| is_drawable(*y))
            .map(|y| if has_measured { y.clamp(start - 3.0, end + 3.0) } else { y });
        (xs, Axis::decades(near, 8))
    }

    /// Draws the bands within a range of `y`.
    fn draw_bands(&self, plot: &mut Plot<'_, '_>, within: &Range<f64>) -> Drawn {
        for Band { intervals, color } in &self.bands {
            let each = intervals.len().div_ceil(2 * PARTS).max(1);
            let scaled = intervals.iter().step_by(each).map(|&(x, low, high)| {
                // a low end that has no logarithm lies below the picture
                let is_below = self.is_log && low <= 0.0 && high > 0.0;
                let low = if is_below { within.start } else { self.scaled_y(low) };
                (self.scaled_x(x), low, self.scaled_y(high))
            });
            let scaled: Vec<_> = scaled.collect();
            let is_missing =
                |&(x, low, high): &_| ![x, low, high].iter().all(|&end| is_drawable(end));
            for run in scaled.split(is_missing).filter(|run| !run.is_empty()) {
                let inside = |y: f64| y.clamp(within.start, within.end);
                let upper = run.iter().map(|&(x, _, high)| (x, inside(high)));
                let lower = run.iter().rev().map(|&(x, low, _)| (x, inside(low)));
                let corners: Vec<_> = upper.chain(lower).collect();
                plot.draw_series([Polygon::new(corners, color.mix(0.2))])?;
            }
        }
        Ok(())
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
        let missing = gaps.into_iter().map(|gap| {
            let corners = [(gap.start, within.start), (gap.end, within.end)];
            Rectangle::new(corners, MISSING.mix(0.5).filled())
        });
        plot.draw_series(missing)?;
        self.draw_bands(&mut plot, &within)?;
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

/// Returns the logarithm to the base 10 of a value that is positive; it is missing for others.
fn logarithm(value: f64) -> f64 {
    if value > 0.0 { value.log10() } else { f64::NAN }
}
