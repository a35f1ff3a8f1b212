//! The charts of the page.

use std::collections::BTreeMap;

use crate::plot::{Lines, Picture};
use crate::record::entries::{ParameterDetails, Record, ValueDetails};

/// The size of a chart in pixels: as wide as a phone.
const SIZE: (u32, u32) = (400, 280);

/// The largest number of lines in a chart, each with a colour of its own.
const MOST: usize = 6;

/// The number of looks inside whose gradients by lag are shown.
const LOOKS: usize = 3;

/// Steps and values.
pub(super) type Points = Vec<(f64, f64)>;

/// Returns the charts as SVG, those without data left out.
pub(super) fn charts(records: &[Record]) -> Vec<String> {
    let [learning_rate, gradient_norm] =
        [|record: &Record| rate(record), |record: &Record| norm(record)]
            .map(|of| records.iter().filter_map(of).collect::<Points>());
    let (losses, validation) = (losses(records), validation(records));
    let mut charts = Vec::new();
    if !losses.is_empty() || !validation.is_empty() {
        let chart = Lines::new("loss", "step", "loss").noisy("training", losses);
        charts.push(if validation.is_empty() {
            chart
        } else {
            chart.line("validation", validation)
        });
    }
    if !gradient_norm.is_empty() {
        let chart = Lines::new("norm of the gradient, before clipping", "step", "norm").log();
        charts.push(chart.noisy("", gradient_norm));
    }
    if !learning_rate.is_empty() {
        charts.push(Lines::new("learning rate", "step", "learning rate").line("", learning_rate));
    }
    charts.extend(of_parameters(records));
    charts.extend(of_gates(records));
    charts.extend(of_lags(records));
    charts.into_iter().map(|chart| svg(&chart.picture())).collect()
}

/// Returns the training losses.
pub(super) fn losses(records: &[Record]) -> Points {
    let points = records.iter().filter_map(|record| match *record {
        Record::Step { step, loss, .. } => Some((step as f64, loss)),
        _ => None,
    });
    points.collect()
}

/// Returns the validation losses.
pub(super) fn validation(records: &[Record]) -> Points {
    let points = records.iter().filter_map(|record| match *record {
        Record::Validation { step, loss, .. } => Some((step as f64, loss)),
        _ => None,
    });
    points.collect()
}

fn rate(record: &Record) -> Option<(f64, f64)> {
    match *record {
        Record::Step { step, learning_rate, .. } => Some((step as f64, learning_rate?)),
        _ => None,
    }
}

fn norm(record: &Record) -> Option<(f64, f64)> {
    match *record {
        Record::Step { step, gradient_norm, .. } => Some((step as f64, gradient_norm?)),
        _ => None,
    }
}

/// Returns the charts of matrices. Biases may begin at zero, and are in the table.
fn of_parameters(records: &[Record]) -> Vec<Lines> {
    let of = |value: &dyn Fn(&ParameterDetails) -> Option<f64>| {
        let details = records.iter().filter_map(|record| match record {
            Record::Details { step, parameters, .. } => Some((*step, parameters)),
            _ => None,
        });
        let points = details.flat_map(|(step, parameters)| {
            let matrices = parameters.iter().filter(|it| it.rank > 1);
            matrices.filter_map(move |it| Some((it.name.as_str(), (step as f64, value(it)?))))
        });
        by_name(points)
    };
    let ratios = of(&ParameterDetails::update_ratio);
    let usual: Points = ends(&ratios).map(|step| (step, 1e-3)).collect();
    let chart = Lines::new("update-to-weight ratio of matrices", "step", "‖Δθ‖ / ‖θ‖").log();
    let ratio = with_lines(chart, ratios).map(|chart| chart.dashed("usual", usual));
    let chart = Lines::new("norms of the gradients of matrices", "step", "‖g‖").log();
    let gradients = with_lines(chart, of(&|it| Some(it.gradient.as_ref()?.norm)));
    let chart = Lines::new("norms of matrices", "step", "‖θ‖").log();
    let weights = with_lines(chart, of(&|it| Some(it.weights.norm)));
    [ratio, gradients, weights].into_iter().flatten().collect()
}

/// Returns the charts of gates: how often they are closed, and how often open.
fn of_gates(records: &[Record]) -> Vec<Lines> {
    let of = |value: &dyn Fn(&ValueDetails) -> Option<f64>| {
        let values = records.iter().filter_map(|record| match record {
            Record::Details { step, values, .. } => Some((*step, values)),
            _ => None,
        });
        let points = values.flat_map(|(step, values)| {
            values.iter().filter_map(move |it| Some((it.name.as_str(), (step as f64, value(it)?))))
        });
        by_name(points)
    };
    let closed = Lines::new("gates that are closed", "step", "share of values below 0.1");
    let closed = with_lines(closed, of(&|it| Some(it.gate?.closed)));
    let open = Lines::new("gates that are open", "step", "share of values above 0.9");
    let open = with_lines(open, of(&|it| Some(it.gate?.open)));
    [closed, open].into_iter().flatten().collect()
}

/// Returns the charts of gradients by lag, one of each state: the first look inside, the middle one and the last.
fn of_lags(records: &[Record]) -> Vec<Lines> {
    let mut states: BTreeMap<&str, Vec<(u64, &[f64])>> = BTreeMap::new();
    for record in records {
        let Record::Details { step, lags, .. } = record else { continue };
        for lags in lags {
            states.entry(&lags.name).or_default().push((*step, &lags.norms));
        }
    }
    let chart = |(name, looks): (&str, Vec<(u64, &[f64])>)| {
        let title = format!("gradient of {name} by lag");
        let chart = Lines::new(&title, "lag k (steps)", "‖∂L_T/∂s‖ at lag k").log();
        let last = looks.len() - 1;
        let mut shown: Vec<_> = (0..LOOKS).map(|look| last * look / (LOOKS - 1)).collect();
        shown.dedup();
        shown.into_iter().fold(chart, |chart, look| {
            let (step, norms) = looks[look];
            let points = norms.iter().enumerate().map(|(lag, &norm)| (lag as f64, norm));
            let points = points.skip_while(|&(_, norm)| norm == 0.0); // the loss may not depend on it directly
            chart.line(&format!("step {step}"), points)
        })
    };
    states.into_iter().map(chart).collect()
}

/// Groups points by the names of their lines, in the order in which these come.
fn by_name<'a>(points: impl Iterator<Item = (&'a str, (f64, f64))>) -> Vec<(&'a str, Points)> {
    let mut lines: Vec<(&str, Points)> = Vec::new();
    for (name, point) in points {
        match lines.iter_mut().find(|line| line.0 == name) {
            Some((_, line)) => line.push(point),
            None => lines.push((name, vec![point])),
        }
    }
    lines
}

/// Draws the lines, or those with the largest last values if there are many. Without lines, there is no chart.
fn with_lines(chart: Lines, mut lines: Vec<(&str, Points)>) -> Option<Lines> {
    let last = |line: &(&str, Points)| line.1.last().map_or(0.0, |point| point.1);
    while lines.len() > MOST {
        let smallest =
            (0..lines.len()).min_by(|&a, &b| last(&lines[a]).total_cmp(&last(&lines[b])));
        lines.remove(smallest.expect("there are lines"));
    }
    let draw = |chart: Lines, (name, points)| chart.line(name, points);
    (!lines.is_empty()).then(|| lines.into_iter().fold(chart, draw))
}

/// Returns the first and the last step of lines.
fn ends(lines: &[(&str, Points)]) -> impl Iterator<Item = f64> {
    let steps = || lines.iter().flat_map(|(_, points)| points).map(|point| point.0);
    [steps().reduce(f64::min), steps().reduce(f64::max)].into_iter().flatten()
}

/// Returns a drawing in the colours of the page, which follow the reader's choice of light or dark.
fn svg(picture: &Picture) -> String {
    let svg = picture.clone().sized(SIZE.0, SIZE.1).svg();
    let colors = [
        ("#FFFFFF", "var(--paper)"),
        ("#000000", "var(--ink)"),
        ("#E1E1E1", "var(--grid)"),
        ("#0072B2", "var(--blue)"),
        ("#A6CEE5", "var(--faint)"),
    ];
    colors.iter().fold(svg, |svg, (color, name)| svg.replace(color, name))
}
