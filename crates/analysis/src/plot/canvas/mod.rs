//! The canvas that charts are drawn on: a list of shapes, from which a file of any format is made.

mod text;

use std::convert::Infallible;

use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind};
use plotters::prelude::{BitMapBackend, IntoDrawingArea, SVGBackend};
use plotters::style::{RGBAColor, ShapeStyle, WHITE};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
};

use text::Text;
pub(super) use text::{FAMILY, SIZE_OF_EM, width};

/// The units of the canvas in a pixel of a picture. Charts are drawn in these units, so that lines are not bent to whole
/// pixels.
pub(super) const UNIT: i32 = 4;

/// A part of a canvas.
pub(super) type Area<'a> = DrawingArea<Recorder<'a>, Shift>;

/// The result of drawing. It fails only if a chart misuses the canvas.
pub(super) type Drawn<R = ()> = Result<R, DrawingAreaErrorKind<Infallible>>;

/// The shapes of a drawing, from the lowest on.
pub(super) struct Canvas {
    /// In units.
    size: (u32, u32),
    shapes: Vec<Shape>,
}

enum Shape {
    Path(Vec<BackendCoord>, ShapeStyle),
    Polygon(Vec<BackendCoord>, ShapeStyle),
    Rectangle(BackendCoord, BackendCoord, ShapeStyle),
    Circle(BackendCoord, u32, ShapeStyle),
    Text(Text),
}

impl Canvas {
    /// Draws on a white canvas of a size in pixels.
    pub(super) fn new((width, height): (u32, u32), draw: impl FnOnce(&Area<'_>) -> Drawn) -> Self {
        let size = (width * UNIT as u32, height * UNIT as u32);
        let mut shapes = Vec::new();
        let area = Recorder { size, shapes: &mut shapes }.into_drawing_area();
        area.fill(&WHITE).and_then(|()| draw(&area)).expect("shapes are recorded");
        drop(area);
        Self { size, shapes }
    }

    /// Returns the drawing as SVG, with its size in pixels.
    pub(super) fn svg(&self) -> String {
        let mut svg = String::new();
        let mut backend = SVGBackend::with_string(&mut svg, self.size);
        let path = |svg: &mut SVGBackend<'_>, points: &[_], style: &_| {
            svg.draw_path(points.iter().copied(), style)
        };
        self.replay(&mut backend, 0, path)
            .and_then(|()| backend.present())
            .expect("a string grows");
        drop(backend);
        let head = |unit: i32| {
            let [width, height] = [self.size.0, self.size.1].map(|units| units / unit as u32);
            format!("width=\"{width}\" height=\"{height}\"")
        };
        svg.replacen(&head(1), &head(UNIT), 1)
    }

    /// Returns the pixels, red, green and blue. Each is the mean of its units, so that edges are smooth.
    ///
    /// Units are computed in bands of rows, so that a large picture needs little memory.
    pub(super) fn pixels(&self) -> Vec<u8> {
        const BYTES_OF_BAND: usize = 1 << 24;
        let (width, height) = (self.size.0 as usize, self.size.1 as usize);
        let unit = UNIT as usize;
        let rows_of_band = unit * (BYTES_OF_BAND / (3 * width * unit)).max(1);
        let mut pixels = Vec::with_capacity(3 * width * height / (unit * unit));
        for top in (0..height).step_by(rows_of_band) {
            let units = self.units(top, rows_of_band.min(height - top));
            units.chunks_exact(3 * width * unit).for_each(|rows| means(rows, width, &mut pixels));
        }
        pixels
    }

    /// Returns some rows of units, red, green and blue.
    fn units(&self, top: usize, rows: usize) -> Vec<u8> {
        let mut units = vec![u8::MAX; 3 * self.size.0 as usize * rows];
        let mut backend = BitMapBackend::with_buffer(&mut units, (self.size.0, rows as u32));
        self.replay(&mut backend, top as i32, path_of_segments).expect("a buffer holds all pixels");
        drop(backend);
        units
    }

    /// Draws the shapes, with the row `top` as the first one.
    fn replay<B: DrawingBackend>(
        &self,
        backend: &mut B,
        top: i32,
        path: impl Fn(
            &mut B,
            &[BackendCoord],
            &ShapeStyle,
        ) -> Result<(), DrawingErrorKind<B::ErrorType>>,
    ) -> Result<(), DrawingErrorKind<B::ErrorType>> {
        let moved = |&(x, y): &BackendCoord| (x, y - top);
        for shape in &self.shapes {
            match shape {
                Shape::Path(points, style) => {
                    path(backend, &points.iter().map(moved).collect::<Vec<_>>(), style)?;
                }
                Shape::Polygon(points, style) => {
                    backend.fill_polygon(points.iter().map(moved), style)?;
                }
                Shape::Rectangle(from, to, style) => {
                    backend.draw_rect(moved(from), moved(to), style, true)?;
                }
                Shape::Circle(at, radius, style) => {
                    backend.draw_circle(moved(at), *radius, style, style.filled)?;
                }
                Shape::Text(text) => backend.draw_text(&text.text, text, moved(&text.at))?,
            }
        }
        Ok(())
    }
}

/// Appends a row of pixels: the means of the squares in rows of units of a width.
fn means(rows: &[u8], width: usize, pixels: &mut Vec<u8>) {
    let unit = UNIT as usize;
    let mut sums = vec![0; 3 * width / unit];
    for row in rows.chunks_exact(3 * width) {
        for (x, units) in row.chunks_exact(3).enumerate() {
            let pixel = &mut sums[3 * (x / unit)..][..3];
            pixel.iter_mut().zip(units).for_each(|(sum, &it)| *sum += u32::from(it));
        }
    }
    pixels.extend(sums.iter().map(|sum| (sum / (unit * unit) as u32) as u8));
}

/// Draws a path segment by segment, with round joints. The joints of `plotters` are spikes where a path turns back.
fn path_of_segments<B: DrawingBackend>(
    backend: &mut B,
    points: &[BackendCoord],
    style: &ShapeStyle,
) -> Result<(), DrawingErrorKind<B::ErrorType>> {
    for ends in points.windows(2) {
        backend.draw_path(ends.iter().copied(), style)?;
    }
    for &joint in points.get(1..points.len().saturating_sub(1)).unwrap_or_default() {
        backend.draw_circle(joint, style.stroke_width / 2, style, true)?;
    }
    Ok(())
}

/// A backend of `plotters` that records what is drawn.
pub(super) struct Recorder<'s> {
    size: (u32, u32),
    shapes: &'s mut Vec<Shape>,
}

type Recorded = Result<(), DrawingErrorKind<Infallible>>;

impl DrawingBackend for Recorder<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Recorded {
        Ok(())
    }

    fn present(&mut self) -> Recorded {
        Ok(())
    }

    fn draw_pixel(&mut self, at: BackendCoord, color: BackendColor) -> Recorded {
        let style = ShapeStyle { color: rgba(color), filled: true, stroke_width: 0 };
        self.record(Shape::Rectangle(at, (at.0 + 1, at.1 + 1), style))
    }

    fn draw_line<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
    ) -> Recorded {
        self.record(Shape::Path(vec![from, to], shape_style(style, false)))
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
        fill: bool,
    ) -> Recorded {
        let style = shape_style(style, fill);
        if fill {
            return self.record(Shape::Rectangle(from, to, style));
        }
        let corners = vec![from, (to.0, from.1), to, (from.0, to.1), from];
        self.record(Shape::Path(corners, style)) // an SVG's rectangle has no width of its outline
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Recorded {
        self.record(Shape::Path(path.into_iter().collect(), shape_style(style, false)))
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        center: BackendCoord,
        radius: u32,
        style: &S,
        fill: bool,
    ) -> Recorded {
        self.record(Shape::Circle(center, radius, shape_style(style, fill)))
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        corners: I,
        style: &S,
    ) -> Recorded {
        self.record(Shape::Polygon(corners.into_iter().collect(), shape_style(style, true)))
    }

    fn draw_text<S: BackendTextStyle>(
        &mut self,
        text: &str,
        style: &S,
        at: BackendCoord,
    ) -> Recorded {
        if text.is_empty() {
            return Ok(());
        }
        self.record(Shape::Text(Text {
            text: text.replace(is_not_text, " "),
            at,
            size: style.size(),
            color: rgba(style.color()),
            anchor: style.anchor(),
            transform: style.transform(),
        }))
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        style: &S,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        let em = style.size() / SIZE_OF_EM;
        Ok((width(text, em).round() as u32, em.round() as u32))
    }
}

impl Recorder<'_> {
    fn record(&mut self, shape: Shape) -> Recorded {
        self.shapes.push(shape);
        Ok(())
    }
}

/// Whether a character has no place in an XML file, or would break a line.
fn is_not_text(character: char) -> bool {
    character.is_control() || matches!(character, '\u{fffe}' | '\u{ffff}')
}

fn shape_style<S: BackendStyle>(style: &S, filled: bool) -> ShapeStyle {
    ShapeStyle { color: rgba(style.color()), filled, stroke_width: style.stroke_width() }
}

fn rgba(BackendColor { alpha, rgb: (r, g, b) }: BackendColor) -> RGBAColor {
    RGBAColor(r, g, b, alpha)
}
