//! Trajectories of a state, with fixed points.

use plotters::element::{Circle, EmptyElement, PathElement, Rectangle};
use plotters::style::{Color, RGBAColor, WHITE};

use crate::plot::axis::{Axis, is_drawable};
use crate::plot::canvas::{Area, Drawn};
use crate::plot::frame::{Aspect, Key, Labels, Mark, Plot, frame};
use crate::plot::picture::{Chart, Picture};
use crate::plot::style::{BLACK, GREY, LINES, px, stroke};
use crate::plot::thin::{Point, runs, sampled};

/// The most points of a trajectory, and of a cloud, that are drawn.
const MOST: usize = 4000;

/// Trajectories of a state in a plane, with fixed points.
///
/// A trajectory begins at a small dot. A stable fixed point is a black circle, a marginal one a grey circle, a saddle an
/// open circle and an unstable point an open square. Values that are not finite interrupt a trajectory. Of more than 4000
/// states, every n-th is drawn.
///
/// ```
/// use bptt_analysis::plot::PhasePortrait;
///
/// let spiral = (0..100).map(f64::from).map(|t| (0.95_f64.powf(t) * t.cos(), 0.95_f64.powf(t) * t.sin()));
/// let picture = PhasePortrait::new("flip-flop", "h₀", "h₁")
///     .trajectory("from (1, 0)", spiral)
///     .stable([(0.0, 0.0)])
///     .picture();
/// # assert!(picture.svg().contains("1 stable fixed point"));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct PhasePortrait {
    labels: Labels,
    paths: Vec<Path>,
    stable: Vec<Point>,
    marginal: Vec<Point>,
    saddles: Vec<Point>,
    unstable: Vec<Point>,
}

#[derive(Clone, Debug)]
struct Path {
    name: String,
    points: Vec<Point>,
    is_cloud: bool,
    color: RGBAColor,
}

impl PhasePortrait {
    /// Creates a chart of a plane. The labels name its directions.
    pub fn new(title: &str, x: &str, y: &str) -> Self {
        let labels = Labels::new(title, x, y);
        Self {
            labels,
            paths: Vec::new(),
            stable: Vec::new(),
            marginal: Vec::new(),
            saddles: Vec::new(),
            unstable: Vec::new(),
        }
    }

    /// Adds a trajectory: states at successive steps. A name that is not empty stands in the legend.
    pub fn trajectory(self, name: &str, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        self.with(name, points.into_iter().collect(), false)
    }

    /// Adds states without a line through them, such as those of an attractor.
    pub fn cloud(self, name: &str, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        self.with(name, points.into_iter().collect(), true)
    }

    /// Adds stable fixed points.
    pub fn stable(mut self, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        self.stable.extend(points);
        self
    }

    /// Adds marginal fixed points: in some directions deviations neither grow nor decay, as along a line attractor.
    pub fn marginal(mut self, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        self.marginal.extend(points);
        self
    }

    /// Adds saddles: fixed points from which deviations grow in some directions and decay in others.
    pub fn saddles(mut self, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        self.saddles.extend(points);
        self
    }

    /// Adds unstable fixed points: deviations grow in every direction.
    pub fn unstable(mut self, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        self.unstable.extend(points);
        self
    }

    /// Returns the chart as a picture.
    pub fn picture(self) -> Picture {
        Picture::new(self)
    }

    fn with(mut self, name: &str, points: Vec<Point>, is_cloud: bool) -> Self {
        let color = LINES[self.paths.len() % LINES.len()].to_rgba();
        self.paths.push(Path { name: name.into(), points, is_cloud, color });
        self
    }

    fn keys(&self) -> Vec<Key> {
        let named = self.paths.iter().filter(|path| !path.name.is_empty());
        let paths = named.map(|Path { name, is_cloud, color, .. }| {
            let mark = if *is_cloud { Mark::Dot } else { Mark::Line };
            Key { name: name.clone(), mark, color: *color }
        });
        let fixed = [
            (&self.stable, "stable fixed point", Mark::Dot, BLACK),
            (&self.marginal, "marginal fixed point", Mark::Dot, GREY),
            (&self.saddles, "saddle", Mark::Ring, BLACK),
            (&self.unstable, "unstable fixed point", Mark::Frame, BLACK),
        ];
        let fixed = fixed.into_iter().filter(|(points, ..)| !points.is_empty());
        let fixed = fixed.map(|(points, name, mark, color)| {
            let plural = if points.len() == 1 { "" } else { "s" };
            Key { name: format!("{} {name}{plural}", points.len()), mark, color: color.to_rgba() }
        });
        paths.chain(fixed).collect()
    }

    fn draw_fixed_points(&self, plot: &mut Plot<'_, '_>) -> Drawn {
        let radius = px(5.0);
        let drawable = |points: &[Point]| {
            let points = points.iter().copied().filter(|&(x, y)| is_drawable(x) && is_drawable(y));
            points.collect::<Vec<_>>()
        };
        for at in drawable(&self.stable) {
            plot.draw_series([Circle::new(at, radius, BLACK.filled())])?;
        }
        for at in drawable(&self.marginal) {
            plot.draw_series([Circle::new(at, radius, GREY.filled())])?;
        }
        for at in drawable(&self.saddles) {
            plot.draw_series([Circle::new(at, radius, WHITE.filled())])?;
            plot.draw_series([Circle::new(at, radius, stroke(&BLACK, 2.0))])?;
        }
        for at in drawable(&self.unstable) {
            let corners = [(-radius, -radius), (radius, radius)];
            let square = |style| EmptyElement::at(at) + Rectangle::new(corners, style);
            plot.draw_series([square(WHITE.filled())])?;
            plot.draw_series([square(stroke(&BLACK, 2.0))])?;
        }
        Ok(())
    }
}

impl Chart for PhasePortrait {
    fn size(&self) -> (u32, u32) {
        (600, 480)
    }

    fn draw(&self, area: &Area<'_>) -> Drawn {
        let fixed =
            [&self.stable, &self.marginal, &self.saddles, &self.unstable].into_iter().flatten();
        let all = self.paths.iter().flat_map(|path| &path.points).chain(fixed);
        let x = Axis::around(all.clone().map(|&(x, _)| x), 8);
        let y = Axis::around(all.map(|&(_, y)| y), 8);
        let within = y.bounds();
        let mut plot = frame(area, &self.labels, &self.keys(), (x, y), Aspect::Free)?;
        for Path { points, is_cloud, color, .. } in &self.paths {
            let points: Vec<_> = sampled(points, MOST).collect();
            let runs = runs(&points, &within);
            if *is_cloud {
                let dots = runs.into_iter().flatten();
                plot.draw_series(dots.map(|at| Circle::new(at, px(1.2), color.filled())))?;
                continue;
            }
            let start = runs.first().map(|run| Circle::new(run[0], px(3.0), color.filled()));
            plot.draw_series(
                runs.into_iter().map(|run| PathElement::new(run, stroke(color, 1.5))),
            )?;
            plot.draw_series(start)?;
        }
        self.draw_fixed_points(&mut plot)
    }
}
