//! A picture, and the files that are made of it.

use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;

use super::canvas::{Area, Canvas, Drawn};
use super::error::PictureError;
use crate::atomic;

/// The least width and height at which a chart is legible, in pixels.
const LEAST: u32 = 100;

/// What a picture shows. It is laid out for the area that it is given.
pub(super) trait Chart: Debug + Send + Sync {
    /// The size at which it is legible, in pixels.
    fn size(&self) -> (u32, u32) {
        (600, 360)
    }

    fn draw(&self, area: &Area<'_>) -> Drawn;
}

/// A picture of a result, as SVG or PNG.
///
/// It is laid out anew for each [size](Self::sized), so that text stays legible. The same data give the same file on any
/// machine, since no font of the system is used.
///
/// In a PNG, characters that `DejaVu Sans` lacks (Chinese, Japanese, Korean) are boxes. An SVG leaves them to the fonts of
/// its reader.
///
/// ```
/// use bptt_analysis::plot::Lines;
///
/// let picture = Lines::new("gradient by lag", "lag (steps)", "norm")
///     .log()
///     .line("measured", (0..50).map(|k| (f64::from(k), 0.8_f64.powi(k))))
///     .picture();
/// assert!(picture.svg().starts_with("<svg width=\"600\""));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Picture {
    size: (u32, u32),
    chart: Arc<dyn Chart>,
}

impl Picture {
    pub(super) fn new(chart: impl Chart + 'static) -> Self {
        Self { size: chart.size(), chart: Arc::new(chart) }
    }

    /// Places pictures below each other, as one. Each keeps its height, and the widest gives the width.
    pub fn stacked(pictures: impl IntoIterator<Item = Self>) -> Self {
        Self::new(Stacked(pictures.into_iter().collect()))
    }

    /// Draws the picture at this width and height, in pixels.
    ///
    /// # Panics
    ///
    /// If one of them is below 100, where no chart is legible, or above 10 000.
    #[track_caller]
    pub fn sized(self, width: u32, height: u32) -> Self {
        let legible = LEAST..=10_000;
        assert!(
            legible.contains(&width) && legible.contains(&height),
            "picture: {width} × {height} pixels; give each from 100 to 10000"
        );
        Self { size: (width, height), ..self }
    }

    /// The width and the height in pixels.
    #[must_use]
    pub fn size(&self) -> (u32, u32) {
        self.size
    }

    /// The picture as SVG.
    #[must_use]
    pub fn svg(&self) -> String {
        self.canvas().svg()
    }

    /// The picture as a file in PNG.
    #[must_use]
    pub fn png(&self) -> Vec<u8> {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, self.size.0, self.size.1);
        encoder.set_color(png::ColorType::Rgb);
        let pixels = self.canvas().pixels();
        let written = encoder.write_header().and_then(|mut it| it.write_image_data(&pixels));
        written.expect("a picture has pixels, and memory takes any number of bytes");
        file
    }

    /// Saves the picture as SVG or PNG, by the ending of the path. Creates its folder. An existing file is replaced once
    /// the new one is complete.
    ///
    /// # Errors
    ///
    /// If the path ends in neither `.svg` nor `.png`, or if the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), PictureError> {
        let path = path.as_ref();
        let ending = path.extension().unwrap_or_default().to_ascii_lowercase();
        let contents = match ending.to_str() {
            Some("svg") => self.svg().into_bytes(),
            Some("png") => self.png(),
            _ => return Err(PictureError::Format { path: path.into() }),
        };
        atomic::replace(path, &contents)
            .map_err(|source| PictureError::Write { path: path.into(), source })
    }

    fn canvas(&self) -> Canvas {
        Canvas::new(self.size, |area| self.chart.draw(area))
    }
}

/// Pictures below each other.
#[derive(Debug)]
struct Stacked(Vec<Picture>);

impl Chart for Stacked {
    fn size(&self) -> (u32, u32) {
        let widths = self.0.iter().map(|it| it.size.0);
        let height: u32 = self.0.iter().map(|it| it.size.1).sum();
        (widths.max().unwrap_or(LEAST), height.max(LEAST))
    }

    fn draw(&self, area: &Area<'_>) -> Drawn {
        let (natural, given) = (f64::from(self.size().1), f64::from(area.dim_in_pixel().1));
        let mut rest = area.clone();
        for picture in &self.0 {
            let height = f64::from(picture.size.1) * given / natural;
            let (above, below) = rest.split_vertically(height.round() as i32);
            picture.chart.draw(&above)?;
            rest = below;
        }
        Ok(())
    }
}
