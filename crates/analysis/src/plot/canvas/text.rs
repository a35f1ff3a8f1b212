//! Text: its width, and its pixels. The font is `DejaVu Sans`, which has the signs of equations.

use std::convert::Infallible;
use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, GlyphId, ScaleFont, point};
use plotters::style::text_anchor::Pos;
use plotters::style::{FontTransform, RGBAColor};
use plotters_backend::{BackendColor, BackendCoord, BackendTextStyle, FontFamily};

/// The families that an SVG asks for. The first two have the same widths.
pub(in crate::plot) const FAMILY: &str = "DejaVu Sans, Verdana, sans-serif";

/// The size of a font whose em is 1. `plotters` counts the space between lines as part of the size.
pub(in crate::plot) const SIZE_OF_EM: f64 = 1.24;

/// The parts of an em above and below the baseline, as `plotters` places the texts of an SVG.
const ASCENT: f64 = 0.76;
const DESCENT: f64 = 0.24;

static FONT: LazyLock<FontRef<'static>> =
    LazyLock::new(|| FontRef::try_from_slice(dejavu::sans::regular()).expect("a font"));

/// Returns the width of a text, in units of `em`.
pub(in crate::plot) fn width(text: &str, em: f64) -> f64 {
    em * f64::from(text.chars().map(advance).sum::<f32>())
}

/// Returns the width of a character in ems. One that the font lacks is as wide as an ideograph.
fn advance(character: char) -> f32 {
    const LACKING: GlyphId = GlyphId(0);
    match FONT.glyph_id(character) {
        LACKING => 1.0,
        glyph => FONT.h_advance_unscaled(glyph) / units_per_em(),
    }
}

fn units_per_em() -> f32 {
    FONT.units_per_em().expect("a font with outlines")
}

/// A text in a drawing.
pub(super) struct Text {
    pub(super) text: String,
    pub(super) at: BackendCoord,
    pub(super) size: f64,
    pub(super) color: RGBAColor,
    pub(super) anchor: Pos,
    pub(super) transform: FontTransform,
}

impl Text {
    fn em(&self) -> f64 {
        self.size / SIZE_OF_EM
    }
}

impl BackendTextStyle for Text {
    type FontError = Infallible;

    fn color(&self) -> BackendColor {
        let RGBAColor(r, g, b, alpha) = self.color;
        BackendColor { alpha, rgb: (r, g, b) }
    }

    fn size(&self) -> f64 {
        self.size
    }

    fn transform(&self) -> FontTransform {
        self.transform.clone()
    }

    fn anchor(&self) -> Pos {
        self.anchor
    }

    fn family(&self) -> FontFamily<'_> {
        FontFamily::Name(FAMILY)
    }

    fn layout_box(&self, text: &str) -> Result<(BackendCoord, BackendCoord), Infallible> {
        let em = self.em();
        let below = (width(text, em).round() as i32, (DESCENT * em).round() as i32);
        Ok(((0, -(ASCENT * em).round() as i32), below))
    }

    fn draw<E, D: FnMut(i32, i32, BackendColor) -> Result<(), E>>(
        &self,
        text: &str,
        (left, baseline): BackendCoord,
        mut draw: D,
    ) -> Result<Result<(), E>, Infallible> {
        let height = FONT.height_unscaled() / units_per_em();
        let font = FONT.as_scaled(self.em() as f32 * height);
        let mut result = Ok(());
        let mut x = left as f32;
        for character in text.chars() {
            let mut glyph = font.scaled_glyph(character);
            glyph.position = point(x, baseline as f32);
            x += advance(character) * self.em() as f32;
            let Some(outline) = font.outline_glyph(glyph) else { continue };
            let corner = outline.px_bounds().min;
            outline.draw(|column, row, coverage| {
                let BackendColor { alpha, rgb } = self.color();
                let color = BackendColor { alpha: alpha * f64::from(coverage), rgb };
                let at = (corner.x as i32 + column as i32, corner.y as i32 + row as i32);
                if result.is_ok() && coverage > 0.0 {
                    result = draw(at.0, at.1, color);
                }
            });
        }
        Ok(result)
    }
}
