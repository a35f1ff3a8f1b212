//! Curves over several seeds.

use programs::statistics::Summary;

use crate::prelude::*;

/// Adds a line through means, with their intervals of 95 %.
pub(crate) fn with_means(
    lines: Lines,
    name: &str,
    points: impl IntoIterator<Item = (f64, Summary)>,
) -> Lines {
    let points: Vec<_> = points.into_iter().collect();
    let intervals = points.iter().map(|(x, summary)| (*x, ends(summary).0, ends(summary).1));
    lines.line(name, points.iter().map(|(x, summary)| (*x, summary.mean()))).band(intervals)
}

/// Adds the mean of curves, one of each seed, which begin at epoch 0.
pub(crate) fn with_curves(lines: Lines, name: &str, curves: &[Vec<f64>]) -> Result<Lines> {
    let epochs = curves.iter().map(Vec::len).min().unwrap_or(0);
    let means = (0..epochs).map(|epoch| Ok((epoch as f64, Summary::new(&at(curves, epoch))?)));
    Ok(with_means(lines, name, means.collect::<Result<Vec<_>>>()?))
}

/// Returns the values of curves at an epoch.
pub(crate) fn at(curves: &[Vec<f64>], epoch: usize) -> Vec<f64> {
    curves.iter().map(|curve| curve[epoch]).collect()
}

/// Returns the first epoch after which each curve is below a bound, or the length of a curve that never is.
pub(crate) fn epochs_below(curves: &[Vec<f64>], bound: f64) -> Vec<f64> {
    let first = |curve: &Vec<f64>| curve.iter().position(|&value| value < bound);
    curves.iter().map(|curve| first(curve).unwrap_or(curve.len()) as f64).collect()
}

/// Returns the ends of the interval that holds the true mean with a probability of 95 %. With one seed, both are its value.
pub(crate) fn ends(summary: &Summary) -> (f64, f64) {
    summary.confidence_interval(0.95).unwrap_or((summary.mean(), summary.mean()))
}

/// Returns the median. Values that are not finite, such as the errors of runs that diverged, count as infinite.
pub(crate) fn median(values: &[f64]) -> f64 {
    let finite = |value: &f64| if value.is_finite() { *value } else { f64::INFINITY };
    let mut sorted: Vec<f64> = values.iter().map(finite).collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN) // none if it was stopped
}
