//! Long series, thinned to what can be seen, and series with gaps, cut into runs without.

use std::ops::Range;

use super::axis::is_drawable;

/// A point of a line: its coordinates.
pub(super) type Point = (f64, f64);

/// The number of parts of a long line whose extremes are kept: about one for each pixel of a picture's width.
pub(super) const PARTS: usize = 500;

/// Returns the lowest and the highest point of each part of a line, and a missing one if there is one. Short lines stay
/// as they are.
pub(super) fn thinned(points: &[Point]) -> Vec<Point> {
    if points.len() <= 2 * PARTS {
        return points.to_vec();
    }
    let [first, inner @ .., last] = points else { unreachable!("it is long") };
    let parts = inner.chunks(inner.len().div_ceil(PARTS)).flat_map(extremes);
    [*first].into_iter().chain(parts).chain([*last]).collect()
}

/// Returns the lowest point of a part, the highest one and a missing one if there is one, in their order.
fn extremes(part: &[Point]) -> Vec<Point> {
    let found = (0..part.len()).filter(|&index| is_drawable(part[index].1));
    let lowest = found.clone().min_by(|&a, &b| part[a].1.total_cmp(&part[b].1));
    let highest = found.max_by(|&a, &b| part[a].1.total_cmp(&part[b].1));
    let missing = part.iter().position(|&(_, y)| !is_drawable(y));
    let mut kept: Vec<_> = [lowest, highest, missing].into_iter().flatten().collect();
    kept.sort_unstable();
    kept.dedup();
    kept.into_iter().map(|index| part[index]).collect()
}

/// Returns every n-th of the points, so that they are at most so many.
pub(super) fn sampled(points: &[Point], most: usize) -> impl Iterator<Item = Point> + use<'_> {
    points.iter().copied().step_by(points.len().div_ceil(most).max(1))
}

/// Returns the runs of points that can be drawn, cut off where they leave a range of `y`.
pub(super) fn runs(points: &[Point], within: &Range<f64>) -> Vec<Vec<Point>> {
    let mut runs: Vec<Vec<Point>> = Vec::new();
    let drawable = |&(x, y): &Point| is_drawable(x) && is_drawable(y);
    for run in points.split(|point| !drawable(point)).filter(|run| !run.is_empty()) {
        if let [(_, y)] = run {
            if within.contains(y) {
                runs.push(run.to_vec());
            }
            continue;
        }
        let mut is_inside = false;
        for ends in run.windows(2) {
            let Some((from, to)) = clipped(ends[0], ends[1], within) else {
                is_inside = false;
                continue;
            };
            match runs.last_mut().filter(|_| is_inside) {
                Some(run) => run.push(to),
                None => runs.push(vec![from, to]),
            }
            is_inside = to == ends[1];
        }
    }
    runs
}

/// Returns the part of a segment that lies within a range of `y`.
fn clipped(from: Point, to: Point, within: &Range<f64>) -> Option<(Point, Point)> {
    let (low, high) = (within.start, within.end);
    if from.1.max(to.1) < low || from.1.min(to.1) > high {
        return None;
    }
    let moved = |end: Point, other: Point| {
        let y = end.1.clamp(low, high);
        let x = if y == end.1 {
            end.0
        } else {
            end.0 + (other.0 - end.0) * ((y - end.1) / (other.1 - end.1))
        };
        (x, y)
    };
    Some((moved(from, to), moved(to, from)))
}

/// Returns the ranges of `x` in which values of `y` are missing: from the last point before to the first one after.
pub(super) fn gaps(points: &[Point]) -> Vec<Range<f64>> {
    let mut gaps: Vec<Range<f64>> = Vec::new();
    for (index, &(x, y)) in points.iter().enumerate() {
        if is_drawable(y) {
            continue;
        }
        let start = index.checked_sub(1).map_or(x, |before| points[before].0);
        let end = points.get(index + 1).map_or(x, |after| after.0);
        match gaps.last_mut() {
            Some(gap) if gap.end >= start => gap.end = end,
            _ => gaps.push(start..end),
        }
    }
    gaps
}

/// Returns the mean around each point, or around each n-th one of a long line. It is taken over a fiftieth of the points,
/// and over fewer towards the ends, so that the curve lags nowhere. Missing values have no part in it.
pub(super) fn smoothed(points: &[Point]) -> Vec<Point> {
    let points: Vec<_> = points.iter().copied().filter(|&(_, y)| is_drawable(y)).collect();
    let reach = points.len() / 100;
    let each = points.len().div_ceil(2 * PARTS).max(1);
    let mean = |at: usize| {
        let reach = reach.min(at).min(points.len() - 1 - at);
        // not a difference of running sums: in these, a spike would drown all values after it
        let around = &points[at - reach..=at + reach];
        (points[at].0, around.iter().map(|(_, y)| y / around.len() as f64).sum())
    };
    (0..points.len()).step_by(each).map(mean).collect()
}
