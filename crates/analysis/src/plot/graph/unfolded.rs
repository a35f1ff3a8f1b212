//! The drawing of an unfolded cell: a box for each step, with the state between them.

use super::parse::{Graph, Kind, Node};
use super::sketch::{Shape, Sketch};
use crate::plot::style::{TICK, text_width};
use crate::plot::thin::Point;

/// Lengths in pixels.
const MARGIN: f64 = 12.0;
const LINE: f64 = 17.0;
const BOX: f64 = 24.0;
/// The width of a step's box, and the length of the arrows beside, above and below it.
const WIDTH: f64 = 124.0;
const BESIDE: f64 = 52.0;
const ABOVE: f64 = 40.0;
const BELOW: f64 = 26.0;

/// Returns the drawing of a step's graph over several steps. All steps share the parameters, which stand in one box above.
pub(super) fn unfolded(step: &Graph, steps: usize) -> Sketch {
    let layout = Layout::new(step, steps);
    let mut shapes = layout.parameters();
    (0..steps).for_each(|step| layout.draw(step, &mut shapes));
    Sketch { size: layout.size(), shapes }
}

struct Layout {
    steps: usize,
    /// The lines of the box of parameters.
    parameters: Vec<String>,
    /// The lines of a step's box below its number: the values that have names.
    values: Vec<String>,
    /// The names of the state's variables.
    state: Vec<String>,
    input: String,
}

impl Layout {
    fn new(step: &Graph, steps: usize) -> Self {
        let labels = |kind| step.of_kind(kind).map(|node| node.label.clone());
        let parameters =
            ["shared by all steps:".to_owned()].into_iter().chain(labels(Kind::Parameter));
        let names = step.nodes.iter().filter_map(Node::name).map(str::to_owned);
        let state = step.state().map(|label| label.split([' ', '₋']).next().unwrap_or(label));
        let input = labels(Kind::Input).find(|label| label.starts_with("x ")).unwrap_or("x".into());
        Self {
            steps,
            parameters: wrapped(parameters, "   ", (WIDTH + BESIDE) * steps as f64 - BESIDE - 16.0),
            values: wrapped(names, ", ", WIDTH - 12.0),
            state: state
                .map(|name| if name == "constant" { "state" } else { name }.into())
                .collect(),
            input,
        }
    }

    fn size(&self) -> Point {
        let width = self.left(self.steps) + MARGIN;
        (width, self.top() + self.height() + BELOW + BOX + MARGIN)
    }

    /// Returns the left edge of a step's box.
    fn left(&self, step: usize) -> f64 {
        MARGIN + BESIDE + step as f64 * (WIDTH + BESIDE)
    }

    /// Returns the bottom of the box of parameters.
    fn shelf(&self) -> f64 {
        MARGIN + self.parameters.len() as f64 * LINE + 8.0
    }

    /// Returns the top of a step's box.
    fn top(&self) -> f64 {
        self.shelf() + ABOVE
    }

    fn height(&self) -> f64 {
        let lines = (1 + self.values.len()) as f64 * LINE + 12.0;
        lines.max(self.state.len() as f64 * 24.0 + 8.0)
    }

    fn parameters(&self) -> Vec<Shape> {
        let (left, right) = (self.left(0), self.left(self.steps) - BESIDE);
        let corner = (left, MARGIN);
        let outline =
            Shape::Box { corner, size: (right - left, self.shelf() - MARGIN), is_shaded: true };
        let lines = (0..).map(f64::from).zip(&self.parameters).map(|(line, text)| {
            Shape::Text(((left + right) / 2.0, MARGIN + 4.0 + (line + 0.5) * LINE), text.clone())
        });
        [outline].into_iter().chain(lines).collect()
    }

    /// Draws a step with its input, its output, and the state before it; the last one also with the state after it.
    fn draw(&self, step: usize, shapes: &mut Vec<Shape>) {
        let (left, top, height) = (self.left(step), self.top(), self.height());
        let (right, bottom, middle) = (left + WIDTH, top + height, left + WIDTH / 2.0);
        let arrow = |from, to| Shape::Arrow { path: vec![from, to], is_dashed: false };
        shapes.push(Shape::Box { corner: (left, top), size: (WIDTH, height), is_shaded: false });
        shapes.push(Shape::Text((middle, top + 6.0 + LINE / 2.0), format!("step {step}")));
        for (line, text) in (1..).map(f64::from).zip(&self.values) {
            shapes.push(Shape::Text((middle, top + 6.0 + (line + 0.5) * LINE), text.clone()));
        }
        let inlet = left + 0.3 * WIDTH;
        shapes.push(arrow((inlet, self.shelf()), (inlet, top)));
        let outlet = left + 0.7 * WIDTH;
        shapes.push(arrow((outlet, top), (outlet, top - 20.0)));
        shapes.push(Shape::Text((outlet, top - 28.0), "y".into()));
        shapes.push(arrow((middle, bottom + BELOW), (middle, bottom)));
        let width = text_width(&self.input, TICK) + 16.0;
        let corner = (middle - width / 2.0, bottom + BELOW);
        shapes.push(Shape::Box { corner, size: (width, BOX), is_shaded: false });
        shapes.push(Shape::Text((middle, bottom + BELOW + BOX / 2.0), self.input.clone()));
        let is_last = step + 1 == self.steps;
        for (index, name) in self.state.iter().enumerate() {
            let y = top + height * (index as f64 + 0.65) / self.state.len() as f64;
            for start in [Some(left - BESIDE), is_last.then_some(right)].into_iter().flatten() {
                shapes.push(arrow((start, y), (start + BESIDE, y)));
                shapes.push(Shape::Text((start + BESIDE / 2.0 - 2.0, y - 9.0), name.clone()));
            }
        }
    }
}

/// Joins words to lines of a width in pixels.
fn wrapped(words: impl Iterator<Item = String>, between: &str, width: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if text_width(&format!("{line}{between}{word}"), TICK) <= width => {
                *line += between;
                *line += &word;
            }
            _ => lines.push(word),
        }
    }
    lines
}
