//! Boxes, ellipses and arrows, scaled to the size of a picture.

use plotters::element::{PathElement, Polygon, Rectangle};
use plotters::series::DashedLineSeries;
use plotters::style::text_anchor::HPos;
use plotters::style::{Color, RGBColor, WHITE};

use crate::plot::canvas::{Area, Drawn};
use crate::plot::frame::{DASHES, pixels};
use crate::plot::picture::Chart;
use crate::plot::style::{BLACK, TICK, placed, px, stroke, text_width};
use crate::plot::thin::Point;

/// The fill of parameters.
const SHADE: RGBColor = RGBColor(224, 224, 224);

/// Shapes in pixels of the natural size.
#[derive(Clone, Debug)]
pub(super) struct Sketch {
    pub(super) size: Point,
    pub(super) shapes: Vec<Shape>,
}

#[derive(Clone, Debug)]
pub(super) enum Shape {
    Box {
        corner: Point,
        size: Point,
        is_shaded: bool,
    },
    Ellipse {
        center: Point,
        size: Point,
    },
    /// A text, by its centre.
    Text(Point, String),
    /// A text on an arrow, by its centre.
    Label(Point, String),
    Arrow {
        path: Vec<Point>,
        is_dashed: bool,
    },
}

impl Chart for Sketch {
    fn size(&self) -> (u32, u32) {
        let side = |length: f64| (length.ceil() as u32).clamp(100, 10_000);
        (side(self.size.0), side(self.size.1))
    }

    fn draw(&self, area: &Area<'_>) -> Drawn {
        let (width, height) = pixels(area);
        let scale = (width / self.size.0).min(height / self.size.1);
        let left = (width - scale * self.size.0) / 2.0;
        let pen = Pen { area, scale, left };
        self.shapes.iter().try_for_each(|shape| pen.draw(shape))
    }
}

impl Shape {
    /// Returns points that span the shape.
    pub(super) fn corners(&self) -> Vec<Point> {
        match self {
            Self::Box { corner, size, .. } => vec![*corner, (corner.0 + size.0, corner.1 + size.1)],
            Self::Ellipse { center, size } => vec![
                (center.0 - size.0 / 2.0, center.1 - size.1 / 2.0),
                (center.0 + size.0 / 2.0, center.1 + size.1 / 2.0),
            ],
            Self::Text(center, text) | Self::Label(center, text) => {
                let (x, y) = (text_width(text, TICK) / 2.0, TICK / 2.0);
                vec![(center.0 - x, center.1 - y), (center.0 + x, center.1 + y)]
            }
            Self::Arrow { path, .. } => path.clone(),
        }
    }

    pub(super) fn shift(&mut self, (dx, dy): Point) {
        let shift = |point: &mut Point| *point = (point.0 + dx, point.1 + dy);
        match self {
            Self::Box { corner: point, .. }
            | Self::Ellipse { center: point, .. }
            | Self::Text(point, _)
            | Self::Label(point, _) => shift(point),
            Self::Arrow { path, .. } => path.iter_mut().for_each(shift),
        }
    }
}

/// Draws shapes at a scale.
struct Pen<'a, 's> {
    area: &'a Area<'s>,
    scale: f64,
    left: f64,
}

impl Pen<'_, '_> {
    fn at(&self, (x, y): Point) -> (i32, i32) {
        (px(self.left + self.scale * x), px(self.scale * y))
    }

    fn draw(&self, shape: &Shape) -> Drawn {
        match shape {
            Shape::Box { corner, size, is_shaded } => {
                let corners = [self.at(*corner), self.at((corner.0 + size.0, corner.1 + size.1))];
                let fill = if *is_shaded { SHADE } else { WHITE };
                self.area.draw(&Rectangle::new(corners, fill.filled()))?;
                self.area.draw(&Rectangle::new(corners, stroke(&BLACK, 1.0)))
            }
            Shape::Ellipse { center, size } => {
                let outline = (0..=72).map(|step| {
                    let (sin, cos) = (f64::from(step) * 5.0).to_radians().sin_cos();
                    self.at((center.0 + size.0 / 2.0 * cos, center.1 + size.1 / 2.0 * sin))
                });
                let outline: Vec<_> = outline.collect();
                self.area.draw(&Polygon::new(outline.clone(), WHITE))?;
                self.area.draw(&PathElement::new(outline, stroke(&BLACK, 1.0)))
            }
            Shape::Text(center, text) => self.area.draw_text(
                text,
                &placed(TICK * self.scale, HPos::Center),
                self.at(*center),
            ),
            Shape::Label(center, text) => {
                let corners = shape.corners();
                let corners = [self.at(corners[0]), self.at(corners[1])];
                self.area.draw(&Rectangle::new(corners, WHITE.filled()))?;
                self.draw(&Shape::Text(*center, text.clone()))
            }
            Shape::Arrow { path, is_dashed } => self.arrow(path, *is_dashed),
        }
    }

    fn arrow(&self, path: &[Point], is_dashed: bool) -> Drawn {
        let [.., before, end] = path else { return Ok(()) };
        let points: Vec<_> = path.iter().map(|&point| self.at(point)).collect();
        let style = stroke(&BLACK, 1.0);
        if is_dashed {
            let (dash, gap) = DASHES;
            for line in DashedLineSeries::new(points, px(dash), px(gap), style) {
                self.area.draw(&line)?;
            }
        } else {
            self.area.draw(&PathElement::new(points, style))?;
        }
        let (dx, dy) = (end.0 - before.0, end.1 - before.1);
        let length = dx.hypot(dy).max(1e-9);
        let (x, y) = (dx / length, dy / length);
        let corner = |along: f64, aside: f64| {
            self.at((end.0 - along * x - aside * y, end.1 - along * y + aside * x))
        };
        self.area
            .draw(&Polygon::new(vec![corner(0.0, 0.0), corner(8.0, 3.0), corner(8.0, -3.0)], BLACK))
    }
}
