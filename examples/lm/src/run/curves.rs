//! The curves of a run as SVG: losses above, the learning rate below.

use bptt::analysis::plot::{Lines, Picture};
use bptt::analysis::record::Entry;

use super::event::Event;

const WIDTH: u32 = 860;

/// Points of a curve: steps and values.
pub type Points = Vec<(f64, f64)>;

/// Returns the drawing of a run with these events. It depends on nothing else.
pub(super) fn curves(events: &[Event]) -> String {
    let points = |value: fn(&Event) -> Option<f64>| {
        events.iter().filter_map(move |event| Some((event.step() as f64, value(event)?)))
    };
    let training = points(|event| match *event {
        Event::Step { nats, .. } => Some(nats),
        _ => None,
    });
    let validation = points(|event| match *event {
        Event::Validation { nats, .. } => Some(nats),
        _ => None,
    });
    let learning_rate = points(|event| match *event {
        Event::Step { learning_rate, .. } => Some(learning_rate),
        _ => None,
    });
    let losses = Lines::new("Loss", "step", "nats per token").noisy("training", training);
    let losses = losses.line("validation", validation);
    let learning_rate = Lines::new("Learning rate", "step", "per step").line("", learning_rate);
    let pictures = [(losses, 400), (learning_rate, 200)];
    Picture::stacked(pictures.map(|(lines, height)| lines.picture().sized(WIDTH, height))).svg()
}

/// Returns the drawing of several validation losses, each a curve with a name.
#[must_use]
pub fn draw_comparison(curves: &[(String, Points)]) -> String {
    let lines = Lines::new("Validation loss", "step", "nats per token");
    let lines = curves.iter().fold(lines, |lines, (name, points)| lines.line(name, points.clone()));
    lines.picture().sized(WIDTH, 400).svg()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{start, step, validation};
    use super::*;

    /// Returns the texts of a drawing.
    fn texts(svg: &str) -> Vec<&str> {
        let texts = svg.split("<text ").skip(1).filter_map(|text| text.split_once(">\n"));
        texts.filter_map(|(_, rest)| rest.split("\n</text>").next()).collect()
    }

    #[test]
    fn axes_have_units_and_lines_have_names() {
        let steps = (1..=200).flat_map(|at| [step(at), validation(at)]);
        let svg = curves(&[start()].into_iter().chain(steps).collect::<Vec<_>>());
        let texts = texts(&svg);
        for text in
            ["Loss", "nats per token", "step", "training, smoothed", "validation", "Learning rate"]
        {
            assert!(texts.contains(&text), "{text} in {texts:?}");
        }
        assert!(texts.contains(&"200"), "{texts:?}");
    }

    #[test]
    fn a_comparison_names_its_curves() {
        let curves = ["lstm", "gru"].map(|name| (name.to_owned(), vec![(0.0, 2.0), (5.0, 1.0)]));
        let svg = draw_comparison(&curves);
        let texts = texts(&svg);
        assert!(["lstm", "gru", "5"].iter().all(|text| texts.contains(text)), "{texts:?}");
        assert!(draw_comparison(&[]).ends_with("</svg>\n"));
    }

    #[test]
    fn a_run_that_diverges_is_drawn() {
        let mut steps: Vec<_> = [start()].into_iter().chain((1..=9).map(step)).collect();
        assert!(!texts(&curves(&steps)).contains(&"not finite"));
        steps.push(Event::Validation { step: 9, nats: f64::NAN, best: false, seconds: 1.0 });
        assert!(texts(&curves(&steps)).contains(&"not finite"));
    }

    #[test]
    fn short_and_flat_runs_are_drawn() {
        let flat = |step| Event::Validation { step, nats: 0.0, best: false, seconds: 1.0 };
        for events in [vec![], vec![start()], vec![step(0)], vec![flat(1)], vec![flat(1), flat(2)]]
        {
            let svg = curves(&events);
            assert!(svg.ends_with("</svg>\n") && !svg.contains("NaN"), "{svg}");
        }
    }
}
