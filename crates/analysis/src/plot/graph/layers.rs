//! The drawing of a folded step, in layers from inputs to outputs.

use layout::core::base::Orientation;
use layout::core::color::Color;
use layout::core::format::{ClipHandle, RenderBackend};
use layout::core::geometry::Point;
use layout::core::style::{LineStyleKind, StyleAttr};
use layout::std_shapes::shapes::{Arrow, Element, LineEndKind, ShapeKind};
use layout::topo::layout::VisualGraph;

use super::parse::{Graph, Kind, Node};
use super::sketch::{Shape, Sketch};
use crate::plot::style::{TICK, text_width};

/// The units of a layout in a pixel. The space that `layout` leaves around a node is wide for the size of our texts.
const UNIT: f64 = 3.0;

/// The margin around the drawing in pixels.
const MARGIN: f64 = 8.0;

/// Returns the drawing of a graph.
pub(super) fn layered(graph: &Graph) -> Sketch {
    let mut visual = VisualGraph::new(Orientation::TopToBottom);
    let handles: Vec<_> = graph.nodes.iter().map(|node| visual.add_node(element(node))).collect();
    for arrow in &graph.arrows {
        let is_delayed = !arrow.label.is_empty();
        let line = if is_delayed { LineStyleKind::Dashed } else { LineStyleKind::Normal };
        let (start, end) = (LineEndKind::None, LineEndKind::Arrow);
        let drawn = Arrow::new(start, end, line, &arrow.label, &look(false), &None, &None);
        visual.add_edge(drawn, handles[arrow.from], handles[arrow.to]);
    }
    let mut pen = Pen(Vec::new());
    visual.do_it(false, false, false, &mut pen);
    let is_arrow = |shape: &Shape| matches!(shape, Shape::Arrow { .. });
    let (mut shapes, nodes): (Vec<_>, Vec<_>) = pen.0.into_iter().partition(is_arrow);
    let is_label = |text: &String| graph.arrows.iter().any(|arrow| arrow.label == *text);
    shapes.extend(nodes.into_iter().map(|shape| match shape {
        Shape::Text(center, text) if is_label(&text) => Shape::Label(center, text),
        shape => shape,
    }));
    framed(shapes)
}

fn element(node: &Node) -> Element {
    let size = Point::new(text_width(&node.label, TICK) + 18.0, 24.0).scale(UNIT);
    let shape = match node.kind {
        Kind::Parameter | Kind::Input => ShapeKind::new_box(&node.label),
        Kind::Operation => ShapeKind::new_circle(&node.label),
    };
    Element::create(shape, look(node.kind == Kind::Parameter), Orientation::TopToBottom, size)
}

fn look(is_shaded: bool) -> StyleAttr {
    let fill = is_shaded.then(|| Color::fast("lightgray"));
    StyleAttr::new(Color::fast("black"), 1, fill, 0, (TICK * UNIT) as usize)
}

/// Moves shapes into the first quadrant, and measures them.
fn framed(mut shapes: Vec<Shape>) -> Sketch {
    let mut low = (f64::INFINITY, f64::INFINITY);
    let mut high = (0.0_f64, 0.0_f64);
    for shape in &shapes {
        for (x, y) in shape.corners() {
            low = (low.0.min(x), low.1.min(y));
            high = (high.0.max(x), high.1.max(y));
        }
    }
    for shape in &mut shapes {
        shape.shift((MARGIN - low.0, MARGIN - low.1));
    }
    Sketch { size: (high.0 - low.0 + 2.0 * MARGIN, high.1 - low.1 + 2.0 * MARGIN), shapes }
}

/// Collects what is drawn, in pixels.
struct Pen(Vec<Shape>);

fn pixels(point: Point) -> (f64, f64) {
    (point.x / UNIT, point.y / UNIT)
}

impl RenderBackend for Pen {
    fn draw_rect(
        &mut self,
        corner: Point,
        size: Point,
        look: &StyleAttr,
        _: Option<String>,
        _: Option<ClipHandle>,
    ) {
        let is_shaded = look.fill_color.is_some();
        self.0.push(Shape::Box { corner: pixels(corner), size: pixels(size), is_shaded });
    }

    fn draw_line(&mut self, from: Point, to: Point, _: &StyleAttr, _: Option<String>) {
        self.0.push(Shape::Arrow { path: vec![pixels(from), pixels(to)], is_dashed: false });
    }

    fn draw_circle(&mut self, center: Point, size: Point, _: &StyleAttr, _: Option<String>) {
        self.0.push(Shape::Ellipse { center: pixels(center), size: pixels(size) });
    }

    fn draw_text(&mut self, center: Point, text: &str, _: &StyleAttr) {
        self.0.push(Shape::Text(pixels(center), text.into()));
    }

    fn draw_arrow(
        &mut self,
        path: &[(Point, Point)],
        is_dashed: bool,
        (is_reversed, _): (bool, bool),
        _: &StyleAttr,
        _: Option<String>,
        _: &str,
    ) {
        let mut path = curve(path);
        if is_reversed {
            path.reverse();
        }
        self.0.push(Shape::Arrow { path, is_dashed });
    }

    fn create_clip(&mut self, _: Point, _: Point, _: usize) -> ClipHandle {
        0 // only records have clips
    }
}

/// Returns points on a path of cubic Bézier curves: a start with its control point, and then control points with ends.
/// The control point after an end mirrors the one before.
fn curve(path: &[(Point, Point)]) -> Vec<(f64, f64)> {
    const POINTS: u32 = 12;
    let (mut start, mut leaving) = path[0];
    let mut points = vec![pixels(start)];
    for &(arriving, end) in &path[1..] {
        points.extend((1..=POINTS).map(|step| {
            let t = f64::from(step) / f64::from(POINTS);
            let weights = [
                (1.0 - t).powi(3),
                3.0 * t * (1.0 - t).powi(2),
                3.0 * t * t * (1.0 - t),
                t.powi(3),
            ];
            let terms = [start, leaving, arriving, end].into_iter().zip(weights);
            pixels(terms.fold(Point::zero(), |sum, (point, weight)| sum.add(point.scale(weight))))
        }));
        (start, leaving) = (end, end.add(end.sub(arriving)));
    }
    points
}
