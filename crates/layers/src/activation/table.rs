//! Functions that are read from tables, as in hardware.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

use bptt_autodiff::{Elementwise, Var};
use bptt_tensor::Scalar;

/// A function of one number, approximated by a table of its values.
///
/// | constructor | points | value between two points |
/// |---|---|---|
/// | [`nearest`](Self::nearest) | equally spaced | that of the nearer point |
/// | [`linear`](Self::linear) | equally spaced | on the line between both |
/// | [`range_addressable`](Self::range_addressable) | close together where the function is steep | the mean of both |
///
/// Beyond the range, a table returns its outermost value.
///
/// Hardware accelerators of recurrent networks compute `σ` and `tanh` in this way. With points `h` apart, the error
/// within the range is at most `h/2 · max |f′|` for the nearest point. For the interpolation it is `h²/8 · max |f″|`. A
/// range-addressable table of `n` entries has the same largest error in each of its ranges: `1/(2n)` of the function's
/// total variation. For a monotonic function, no other `n` constant values have a smaller one. The largest errors, of σ
/// from −8 to 8 and tanh from −4 to 4:
///
/// | entries | σ, nearest | σ, ranges | σ, linear | tanh, nearest | tanh, ranges | tanh, linear |
/// |--------:|-----------:|----------:|----------:|--------------:|-------------:|-------------:|
/// |      16 |     1.3e-1 |    3.1e-2 |    1.3e-2 |        2.6e-1 |       6.2e-2 |       2.6e-2 |
/// |      64 |     3.2e-2 |    7.8e-3 |    7.7e-4 |        6.3e-2 |       1.6e-2 |       1.5e-3 |
/// |     256 |     7.8e-3 |    2.0e-3 |    4.7e-5 |        1.6e-2 |       3.9e-3 |       9.5e-5 |
/// |    1024 |     2.0e-3 |    4.9e-4 |    2.9e-6 |        3.9e-3 |       9.8e-4 |       5.9e-6 |
///
/// Beyond the range, the errors are at most `1 − σ(8) = 3.4e-4` and `1 − tanh(4) = 6.7e-4`. In a range-addressable table,
/// its largest error is added.
///
/// ```
/// use bptt_layers::{Activation, Lstm, Table};
///
/// let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
/// let table = Table::linear(sigmoid, -8.0..=8.0, 256);
/// assert!(table.error(0.3).abs() < table.max_error());
/// assert!(table.max_error() < 5e-5);
/// let tanh = Activation::Table(Table::range_addressable(f64::tanh, -4.0..=4.0, 64));
/// let lstm = Lstm::<f32>::new(&mut bptt_layers::rng(0), 3, 8)
///     .gate_activation(Activation::Table(table))
///     .candidate_activation(tanh.clone())
///     .state_activation(tanh);
/// ```
///
/// In all forms, the gradient is that of the interpolation, since the gradient of constant values would be 0. It is
/// constant between points. At a point it is that of the interval to the right, and at the last point that of the
/// interval to the left. Beyond the range it is 0. The second derivative is 0 everywhere. A scan compiles a table as
/// one instruction. Tables with the same entries are equal, so such a step is planned once.
#[derive(Clone)]
pub struct Table {
    function: fn(f64) -> f64,
    range: RangeInclusive<f64>,
    points: Points,
    /// The values of the function at the points.
    values: Arc<[f64]>,
    reading: Reading,
}

/// The points at which a table has the function's values.
#[derive(Clone, Debug, PartialEq)]
enum Points {
    /// At this distance.
    Equal(f64),
    Unequal(Arc<[f64]>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Reading {
    Nearest,
    Linear,
    /// The mean of the values at both ends of a range.
    Mean,
}

impl Table {
    /// Creates a table that returns the nearest of its entries.
    ///
    /// # Panics
    ///
    /// If there are fewer than two entries, the range is not one between finite numbers, or the function
    /// is not finite at an entry.
    #[track_caller]
    #[must_use]
    pub fn nearest(function: fn(f64) -> f64, range: RangeInclusive<f64>, entries: usize) -> Self {
        Self::equal(function, range, entries, Reading::Nearest)
    }

    /// Creates a table that interpolates linearly between its entries.
    ///
    /// # Panics
    ///
    /// As [`nearest`](Self::nearest).
    #[track_caller]
    #[must_use]
    pub fn linear(function: fn(f64) -> f64, range: RangeInclusive<f64>, entries: usize) -> Self {
        Self::equal(function, range, entries, Reading::Linear)
    }

    /// Creates a range-addressable look-up table (RALUT; Muscedere et al. 2005): each entry is the value for a range of
    /// inputs. Within each of the ranges the function varies by the same amount, so they are narrow where it is steep.
    ///
    /// ```
    /// use bptt_layers::Table;
    ///
    /// let table = Table::range_addressable(f64::tanh, -4.0..=4.0, 3); // ranges of −0.9993 … −0.333 … 0.333 … 0.9993
    /// let third = 4_f64.tanh() / 3.0;
    /// assert!([-2.0, 0.3, 0.4].into_iter().zip([-2.0, 0.0, 2.0]).all(|(x, y)| (table.at(x) - y * third).abs() < 1e-7));
    /// ```
    ///
    /// # Panics
    ///
    /// As [`nearest`](Self::nearest), and if the function is constant. One entry is enough.
    #[track_caller]
    #[must_use]
    pub fn range_addressable(
        function: fn(f64) -> f64,
        range: RangeInclusive<f64>,
        entries: usize,
    ) -> Self {
        assert!(entries >= 1, "a table has at least 1 entry, not {entries}");
        let points = Points::Unequal(equal_variation(function, &range, entries));
        Self::new(function, range, points, entries + 1, Reading::Mean)
    }

    #[track_caller]
    fn equal(
        function: fn(f64) -> f64,
        range: RangeInclusive<f64>,
        entries: usize,
        reading: Reading,
    ) -> Self {
        assert!(entries >= 2, "a table has at least 2 entries, not {entries}");
        let step = extent(&range) / (entries - 1) as f64;
        assert!(step > 0.0, "a table of {entries} entries needs a wider range than {range:?}");
        Self::new(function, range, Points::Equal(step), entries, reading)
    }

    #[track_caller]
    fn new(
        function: fn(f64) -> f64,
        range: RangeInclusive<f64>,
        points: Points,
        count: usize,
        reading: Reading,
    ) -> Self {
        let mut table = Self { function, range, points, values: Arc::new([]), reading };
        table.values = (0..count).map(|i| function(table.point(i, count))).collect();
        if let Some(i) = table.values.iter().position(|value| !value.is_finite()) {
            let point = table.point(i, count);
            panic!("a table's entries are finite; the function is {} at {point}", table.values[i]);
        }
        table
    }

    /// Returns point `i` of `count`. The last one is exactly the end of the range, despite rounding.
    fn point(&self, i: usize, count: usize) -> f64 {
        match &self.points {
            _ if i + 1 == count => *self.range.end(),
            Points::Equal(step) => (self.range.start() + i as f64 * step).min(*self.range.end()),
            Points::Unequal(points) => points[i],
        }
    }

    /// Returns the approximation at `x`. NaN stays NaN.
    #[must_use]
    pub fn at(&self, x: f64) -> f64 {
        if x.is_nan() {
            return x;
        }
        let (left, fraction) = self.place(x);
        let [low, high] = [self.values[left], self.values[left + 1]];
        match self.reading {
            Reading::Nearest if fraction < 0.5 => low,
            Reading::Nearest => high,
            Reading::Linear => low + fraction * (high - low),
            Reading::Mean => 0.5 * (low + high),
        }
    }

    /// Returns the error of the approximation at `x`: its value minus that of the function.
    #[must_use]
    pub fn error(&self, x: f64) -> f64 {
        self.at(x) - (self.function)(x)
    }

    /// Returns the largest absolute error within the range, measured at 256 points between each two points of the
    /// table.
    #[must_use]
    pub fn max_error(&self) -> f64 {
        const POINTS: usize = 256;
        let count = self.values.len();
        (0..=(count - 1) * POINTS)
            .map(|i| {
                let (left, fraction) = (i / POINTS, (i % POINTS) as f64 / POINTS as f64);
                let point = self.point(left, count);
                if fraction == 0.0 { point } else { point + fraction * self.width(left) }
            })
            .map(|x| self.error(x.min(*self.range.end())).abs())
            .fold(0.0, f64::max)
    }

    /// Returns the approximation at each element.
    #[track_caller]
    #[must_use]
    pub fn apply<'t, T: Scalar>(&self, x: Var<'t, T>) -> Var<'t, T> {
        self.read().apply([x])
    }

    /// Returns the table as a function of variables. Those of equal tables are equal.
    fn read<T: Scalar>(&self) -> Elementwise<T, 1> {
        Elementwise::with_constants(
            "table",
            self.clone(),
            |table, [x]: [T; 1]| T::of(table.at(x.as_f64())),
            |table, [x], _| [table.read_slopes().apply([x])],
        )
    }

    /// Returns the slope of the interpolation as a function of variables. Its derivative is 0 almost everywhere.
    fn read_slopes<T: Scalar>(&self) -> Elementwise<T, 1> {
        Elementwise::with_constants(
            "table_slope",
            self.clone(),
            |table, [x]: [T; 1]| T::of(table.slope(x.as_f64())),
            |_, [x], _| [x.tape().scalar(0.0)],
        )
    }

    /// Returns the derivative of the interpolation.
    fn slope(&self, x: f64) -> f64 {
        if x.is_nan() {
            x
        } else if self.range.contains(&x) {
            let (left, _) = self.place(x);
            (self.values[left + 1] - self.values[left]) / self.width(left)
        } else {
            0.0
        }
    }

    /// Returns the interval between two points in which `x` lies: the index of its left point, and the position of `x`
    /// within it, from 0 to 1. An `x` beyond the range is at the range's end.
    fn place(&self, x: f64) -> (usize, f64) {
        let last = self.values.len() - 2;
        match &self.points {
            Points::Equal(step) => {
                let place = ((x - self.range.start()) / step).clamp(0.0, (last + 1) as f64);
                let left = (place as usize).min(last);
                (left, place - left as f64)
            }
            Points::Unequal(points) => {
                let left = points.partition_point(|&point| point <= x).saturating_sub(1).min(last);
                (left, ((x - points[left]) / self.width(left)).clamp(0.0, 1.0))
            }
        }
    }

    /// Returns the distance from a point to the next.
    fn width(&self, left: usize) -> f64 {
        match &self.points {
            Points::Equal(step) => *step,
            Points::Unequal(points) => points[left + 1] - points[left],
        }
    }
}

/// Returns the extent of a range.
#[track_caller]
fn extent(range: &RangeInclusive<f64>) -> f64 {
    let extent = range.end() - range.start();
    assert!(
        extent > 0.0 && extent.is_finite(),
        "a table's range is from one finite number to a greater one, not {range:?}"
    );
    extent
}

/// Returns the ends of `count` ranges, in each of which the function's total variation is the same.
#[track_caller]
fn equal_variation(
    function: fn(f64) -> f64,
    range: &RangeInclusive<f64>,
    count: usize,
) -> Arc<[f64]> {
    /// The variation is measured at this many points, or more for a large table.
    const POINTS: usize = 1 << 16;

    let samples = POINTS.max(64 * count);
    let step = extent(range) / samples as f64;
    let at = |i: usize| range.start() + i as f64 * step;
    let mut variation = Vec::with_capacity(samples + 1);
    variation.push(0.0);
    for i in 0..samples {
        variation.push(variation[i] + (function(at(i + 1)) - function(at(i))).abs());
    }
    let total = variation[samples];
    assert!(
        total > 0.0 && total.is_finite(),
        "a range-addressable table needs a function that varies, by a finite amount, within {range:?}"
    );
    let end = |k: usize| match k {
        0 => *range.start(),
        _ if k == count => *range.end(),
        _ => {
            let target = total * k as f64 / count as f64;
            let left = variation.partition_point(|&v| v <= target) - 1;
            at(left) + step * (target - variation[left]) / (variation[left + 1] - variation[left])
        }
    };
    (0..=count).map(end).collect()
}

impl PartialEq for Table {
    /// Returns whether both tables have the same values everywhere. It compares their entries, not the functions that
    /// made them.
    fn eq(&self, other: &Self) -> bool {
        self.reading == other.reading
            && self.range == other.range
            && self.points == other.points
            && (Arc::ptr_eq(&self.values, &other.values) || self.values == other.values)
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("reading", &self.reading)
            .field("range", &self.range)
            .field("points", &self.values.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_equal_where_their_tables_are() {
        let table = |function, end: f64, entries| Table::linear(function, -end..=end, entries);
        let tanh = table(f64::tanh, 4.0, 16);
        let same = [tanh.clone(), table(f64::tanh, 4.0, 16)];
        let others = [
            table(f64::sin, 4.0, 16),
            table(f64::tanh, 2.0, 16),
            table(f64::tanh, 4.0, 17),
            Table::nearest(f64::tanh, -4.0..=4.0, 16),
            Table::range_addressable(f64::tanh, -4.0..=4.0, 15),
        ];
        for (others, expected) in [(&same[..], true), (&others[..], false)] {
            for other in others {
                assert_eq!(tanh.read::<f32>() == other.read(), expected);
                assert_eq!(tanh.read_slopes::<f64>() == other.read_slopes(), expected);
            }
        }
        assert_ne!(tanh.read::<f32>(), tanh.read_slopes());
    }
}
