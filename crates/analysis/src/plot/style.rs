//! The look that all pictures share: sizes, texts and the colours of lines.

use plotters::style::{
    Color, FontDesc, FontFamily, FontStyle, RGBAColor, RGBColor, ShapeStyle, TextStyle,
    text_anchor::{HPos, Pos, VPos},
};

use super::canvas::{FAMILY, SIZE_OF_EM, UNIT, width};

/// The colours of Okabe and Ito (2008), which the colour-blind can tell apart, those of high contrast to white first.
pub(super) const LINES: [RGBColor; 7] = [BLUE, VERMILION, GREEN, PURPLE, AMBER, SKY, BLACK];
pub(super) const BLUE: RGBColor = RGBColor(0, 114, 178);
pub(super) const VERMILION: RGBColor = RGBColor(213, 94, 0);
pub(super) const GREEN: RGBColor = RGBColor(0, 158, 115);
const PURPLE: RGBColor = RGBColor(204, 121, 167);
const AMBER: RGBColor = RGBColor(230, 159, 0);
const SKY: RGBColor = RGBColor(86, 180, 233);
pub(super) const BLACK: RGBColor = RGBColor(0, 0, 0);

pub(super) const GREY: RGBColor = RGBColor(110, 110, 110);
pub(super) const GRID: RGBColor = RGBColor(225, 225, 225);
/// The colour of what is not a finite number. No colour map has it.
pub(super) const MISSING: RGBColor = RGBColor(176, 176, 176);

/// The heights of texts in pixels.
pub(super) const TITLE: f64 = 15.0;
pub(super) const LABEL: f64 = 13.0;
pub(super) const TICK: f64 = 12.0;

/// Returns a length in units of the canvas.
pub(super) fn px(pixels: f64) -> i32 {
    (pixels * f64::from(UNIT)).round() as i32
}

/// Returns the style of a text of a height in pixels.
pub(super) fn text(height: f64) -> TextStyle<'static> {
    let size = height * SIZE_OF_EM * f64::from(UNIT);
    let font = FontDesc::new(FontFamily::Name(FAMILY), size, FontStyle::Normal);
    TextStyle::from(font).color(&BLACK)
}

/// Returns the style of a text that is placed by its middle on the left, in the centre or on the right.
pub(super) fn placed(height: f64, horizontally: HPos) -> TextStyle<'static> {
    text(height).pos(Pos::new(horizontally, VPos::Center))
}

/// Returns the width of a text of a height in pixels, in pixels.
pub(super) fn text_width(text: &str, height: f64) -> f64 {
    width(text, height)
}

/// Returns the height at which a text fits into a length in pixels, at most a wanted height, and the text. If it would
/// be too small to read, its end is cut.
pub(super) fn fitted(text: &str, height: f64, length: f64) -> (String, f64) {
    const LEGIBLE: f64 = 10.0;
    let needed = text_width(text, height);
    let height = if needed > length { (height * length / needed).max(LEGIBLE) } else { height };
    if text_width(text, height) <= length {
        return (text.to_owned(), height);
    }
    let mut room = length - text_width("…", height);
    let fits = |character: &char| {
        room -= text_width(character.encode_utf8(&mut [0; 4]), height);
        room >= 0.0
    };
    let kept: String = text.chars().take_while(fits).collect();
    (kept + "…", height)
}

/// Returns a colour mixed with white. It is opaque, so that a line that crosses itself stays even.
pub(super) fn faint(color: RGBAColor) -> RGBAColor {
    let RGBAColor(r, g, b, _) = color;
    let [r, g, b] = [r, g, b].map(|it| 255 - ((255.0 - f64::from(it)) * 0.35) as u8);
    RGBAColor(r, g, b, 1.0)
}

/// Returns the style of a line of a width in pixels.
pub(super) fn stroke(color: &impl Color, pixels: f64) -> ShapeStyle {
    color.stroke_width(px(pixels) as u32)
}
