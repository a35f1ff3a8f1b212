//! Eigenvalues in the complex plane, with the unit circle.

use std::f64::consts::TAU;

use plotters::element::{Circle, EmptyElement, PathElement, Rectangle};
use plotters::style::{Color, RGBColor};

use crate::plot::axis::{Axis, is_drawable};
use crate::plot::canvas::{Area, Drawn};
use crate::plot::frame::{Aspect, Key, Labels, Mark, frame};
use crate::plot::picture::{Chart, Picture};
use crate::plot::style::{BLUE, GREY, VERMILION, px, stroke};
use crate::plot::thin::Point;

/// The most eigenvalues that are drawn, those farthest from the origin.
const MOST: usize = 4000;

/// Eigenvalues in the complex plane, with the unit circle. Both axes have one scale.
///
/// An eigenvalue of a step's Jacobian that lies outside of the circle has a direction in which differences grow.
///
/// ```
/// use bptt_analysis::plot::Spectrum;
///
/// let picture = Spectrum::new("spectrum at the fixed point", [(0.9, 0.3), (0.9, -0.3), (1.2, 0.0)]).picture();
/// # assert!(picture.svg().contains("outside"));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Spectrum {
    title: String,
    eigenvalues: Vec<Point>,
}

impl Spectrum {
    /// Creates a chart of eigenvalues `(re, im)`.
    pub fn new(title: &str, eigenvalues: impl IntoIterator<Item = (f64, f64)>) -> Self {
        Self { title: title.into(), eigenvalues: eigenvalues.into_iter().collect() }
    }

    /// Returns the chart as a picture.
    pub fn picture(self) -> Picture {
        Picture::new(self)
    }

    fn keys(outside: usize, inside: usize, missing: usize) -> Vec<Key> {
        let key = |count: usize, place: &str, mark, color: RGBColor| Key {
            name: format!("{count} {place}"),
            mark,
            color: color.to_rgba(),
        };
        let missing = (missing > 0).then(|| key(missing, "not finite", Mark::None, GREY));
        let keys = [
            key(inside, "within the unit circle", Mark::Dot, BLUE),
            key(outside, "outside", Mark::Square, VERMILION),
        ];
        keys.into_iter().chain(missing).collect()
    }
}

impl Chart for Spectrum {
    fn size(&self) -> (u32, u32) {
        (600, 480)
    }

    fn draw(&self, area: &Area<'_>) -> Drawn {
        let size = |&(re, im): &Point| re.hypot(im);
        let mut finite: Vec<_> =
            self.eigenvalues.iter().copied().filter(|it| is_drawable(size(it))).collect();
        finite.sort_by(|a, b| size(b).total_cmp(&size(a)));
        let outside = finite.iter().filter(|it| size(it) > 1.0).count();
        let missing = self.eigenvalues.len() - finite.len();
        let keys = Self::keys(outside, finite.len() - outside, missing);
        finite.truncate(MOST);
        let reach = 1.1 * finite.first().map_or(1.0, size).max(1.0);
        let axis = || Axis::exact(-reach..reach, 8);
        let labels = Labels::new(&self.title, "Re λ", "Im λ");
        let mut plot = frame(area, &labels, &keys, (axis(), axis()), Aspect::Equal)?;
        let circle = (0..=360).map(|degree| {
            let (im, re) = (TAU * f64::from(degree) / 360.0).sin_cos();
            (re, im)
        });
        let (outer, inner) = finite.split_at(outside.min(finite.len()));
        plot.draw_series([PathElement::new(circle.collect::<Vec<_>>(), stroke(&GREY, 1.5))])?;
        plot.draw_series(inner.iter().map(|&at| Circle::new(at, px(3.0), BLUE.mix(0.8).filled())))?;
        plot.draw_series(outer.iter().map(|&at| {
            let half = px(3.0);
            let corners = [(-half, -half), (half, half)];
            EmptyElement::at(at) + Rectangle::new(corners, VERMILION.mix(0.9).filled())
        }))?;
        Ok(())
    }
}
