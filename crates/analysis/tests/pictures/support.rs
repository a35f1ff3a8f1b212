//! Reads what an SVG says.

use bptt_analysis::plot::Picture;

/// The units of an SVG's coordinates in a pixel.
pub(crate) const UNIT: f64 = 4.0;

/// An SVG, taken apart.
pub(crate) struct Svg(String);

impl Svg {
    pub(crate) fn of(picture: &Picture) -> Self {
        let svg = picture.svg();
        assert!(svg.ends_with("</svg>\n"), "{svg}");
        for element in svg.lines().filter(|line| line.starts_with('<')) {
            assert!(!element.contains("NaN") && !element.contains("inf"), "{element}");
        }
        Self(svg)
    }

    /// Returns the texts in the order in which they were drawn.
    pub(crate) fn texts(&self) -> Vec<&str> {
        let texts = self.0.split("<text ").skip(1).filter_map(|text| text.split_once(">\n"));
        texts.filter_map(|(_, rest)| rest.split("\n</text>").next()).collect()
    }

    #[track_caller]
    pub(crate) fn says(&self, texts: &[&str]) {
        let said = self.texts();
        for text in texts {
            assert!(said.contains(text), "{text:?} is not in {said:?}");
        }
    }

    /// Returns the elements of a kind that have a colour, as `rgb` in hexadecimal.
    pub(crate) fn elements(&self, tag: &str, color: &str) -> Vec<&str> {
        let elements = self.0.lines().filter(|line| line.starts_with(&format!("<{tag} ")));
        elements.filter(|line| line.contains(&format!("=\"#{color}\""))).collect()
    }

    /// Returns all colours of filled rectangles, from the lowest on, but those of the page.
    pub(crate) fn fills(&self) -> Vec<&str> {
        let rectangles = self.0.lines().filter(|line| line.starts_with("<rect ")).skip(1);
        rectangles.map(|line| attribute(line, "fill")).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Returns an attribute of an element.
#[track_caller]
pub(crate) fn attribute<'e>(element: &'e str, name: &str) -> &'e str {
    let rest = element.split_once(&format!(" {name}=\"")).expect(element).1;
    rest.split_once('"').expect(element).0
}

/// Returns a number among the attributes.
#[track_caller]
pub(crate) fn number(element: &str, name: &str) -> f64 {
    attribute(element, name).parse().expect(element)
}

/// Returns the points of a line.
pub(crate) fn points(element: &str) -> Vec<(f64, f64)> {
    let points = attribute(element, "points").split_whitespace();
    let number = |text: &str| text.parse().expect("a number");
    points.map(|it| it.split_once(',').expect("x,y")).map(|(x, y)| (number(x), number(y))).collect()
}
