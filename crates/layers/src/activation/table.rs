//! Functions that are read from tables, as in hardware.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

use bptt_autodiff::{Operation, Pullback, Var};
use bptt_tensor::{Scalar, Shape, ShapeError, Tensor};

/// A function of one number, approximated by a table of its values at equally spaced points. It returns the nearest
/// entry, or interpolates linearly between two entries. Beyond the range it returns the outermost entry.
///
/// Hardware accelerators of recurrent networks compute `σ` and `tanh` in this way. With entries `h` apart, the error
/// within the range is at most `h/2 · max |f′|` for the nearest entry, and `h²/8 · max |f″|` for the interpolation. The
/// largest errors, of σ from −8 to 8 and tanh from −4 to 4:
///
/// | entries | σ, nearest | σ, linear | tanh, nearest | tanh, linear |
/// |--------:|-----------:|----------:|--------------:|-------------:|
/// |      16 |     1.3e-1 |    1.3e-2 |        2.6e-1 |       2.6e-2 |
/// |      64 |     3.2e-2 |    7.7e-4 |        6.3e-2 |       1.5e-3 |
/// |     256 |     7.8e-3 |    4.7e-5 |        1.6e-2 |       9.5e-5 |
/// |    1024 |     2.0e-3 |    2.9e-6 |        3.9e-3 |       5.9e-6 |
///
/// Beyond the range, the errors are at most `1 − σ(8) = 3.4e-4` and `1 − tanh(4) = 6.7e-4`.
///
/// ```
/// use bptt_layers::{Activation, Table};
///
/// let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
/// let table = Table::linear(sigmoid, -8.0..=8.0, 256);
/// assert!((table.at(0.3) - sigmoid(0.3)).abs() < table.max_error());
/// assert!(table.max_error() < 5e-5);
/// let activation = Activation::<f32>::Table(table);
/// ```
///
/// In either form, the gradient is that of the interpolation, since the gradient of the nearest entry would be 0. It is
/// constant between entries. At an entry it is that of the interval to the right, and at the last entry that of the
/// interval to the left. Beyond the range it is 0. The second derivative is 0 everywhere. A table is an operation that
/// a scan does not compile, so a step with one runs operation by operation. Tables with the same entries are equal, so
/// such a step is planned once.
#[derive(Clone)]
pub struct Table {
    function: fn(f64) -> f64,
    range: RangeInclusive<f64>,
    step: f64,
    entries: Arc<[f64]>,
    reading: Reading,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Reading {
    Nearest,
    Linear,
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
        Self::new(function, range, entries, Reading::Nearest)
    }

    /// Creates a table that interpolates linearly between its entries.
    ///
    /// # Panics
    ///
    /// As [`nearest`](Self::nearest).
    #[track_caller]
    #[must_use]
    pub fn linear(function: fn(f64) -> f64, range: RangeInclusive<f64>, entries: usize) -> Self {
        Self::new(function, range, entries, Reading::Linear)
    }

    #[track_caller]
    fn new(
        function: fn(f64) -> f64,
        range: RangeInclusive<f64>,
        entries: usize,
        reading: Reading,
    ) -> Self {
        assert!(entries >= 2, "a table has at least 2 entries, not {entries}");
        let extent = range.end() - range.start();
        assert!(
            extent > 0.0 && extent.is_finite(),
            "a table's range is from one finite number to a greater one, not {range:?}"
        );
        let step = extent / (entries - 1) as f64;
        assert!(step > 0.0, "a table of {entries} entries needs a wider range than {range:?}");
        // the last point is exactly the end of the range, despite rounding
        let place = |i: usize| match range.start() + i as f64 * step {
            place if i + 1 < entries => place.min(*range.end()),
            _ => *range.end(),
        };
        let entries: Arc<[f64]> = (0..entries).map(|i| function(place(i))).collect();
        if let Some(i) = entries.iter().position(|entry| !entry.is_finite()) {
            let place = place(i);
            panic!("a table's entries are finite; the function is {} at {place}", entries[i]);
        }
        Self { function, range, step, entries, reading }
    }

    /// Returns the approximation at `x`. NaN stays NaN.
    #[must_use]
    pub fn at(&self, x: f64) -> f64 {
        if x.is_nan() {
            return x;
        }
        let place = self.place(x);
        match self.reading {
            Reading::Nearest => self.entries[place.round() as usize],
            Reading::Linear => {
                let left = self.interval(place);
                self.entries[left] + (place - left as f64) * self.rise(left)
            }
        }
    }

    /// Returns the largest error within the range, measured at 256 points between each two entries.
    #[must_use]
    pub fn max_error(&self) -> f64 {
        const POINTS: usize = 256;
        let intervals = self.entries.len() - 1;
        (0..=intervals * POINTS)
            .map(|i| self.range.start() + i as f64 / POINTS as f64 * self.step)
            .map(|x| x.min(*self.range.end()))
            .map(|x| (self.at(x) - (self.function)(x)).abs())
            .fold(0.0, f64::max)
    }

    /// Returns the approximation at each element.
    #[track_caller]
    #[must_use]
    pub fn apply<'t, T: Scalar>(&self, x: Var<'t, T>) -> Var<'t, T> {
        x.tape().apply(Read(self.clone()), &[x])
    }

    /// Returns the derivative of the interpolation.
    fn slope(&self, x: f64) -> f64 {
        if x.is_nan() {
            x
        } else if self.range.contains(&x) {
            self.rise(self.interval(self.place(x))) / self.step
        } else {
            0.0
        }
    }

    /// Returns the place of `x` among the entries, counted from 0.
    fn place(&self, x: f64) -> f64 {
        ((x - self.range.start()) / self.step).clamp(0.0, (self.entries.len() - 1) as f64)
    }

    /// Returns the entry to the left of a place, or the last but one at the last entry.
    fn interval(&self, place: f64) -> usize {
        (place as usize).min(self.entries.len() - 2)
    }

    /// Returns the difference between an entry and the next.
    fn rise(&self, left: usize) -> f64 {
        self.entries[left + 1] - self.entries[left]
    }
}

impl PartialEq for Table {
    /// Returns whether both tables have the same values everywhere. It compares their entries, not the functions that
    /// made them.
    fn eq(&self, other: &Self) -> bool {
        self.reading == other.reading
            && self.range == other.range
            && (Arc::ptr_eq(&self.entries, &other.entries) || self.entries == other.entries)
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("reading", &self.reading)
            .field("range", &self.range)
            .field("entries", &self.entries.len())
            .finish_non_exhaustive()
    }
}

/// `y = table(x)`
#[derive(Debug, PartialEq)]
struct Read(Table);

impl<T: Scalar> Operation<T> for Read {
    fn name(&self) -> &'static str {
        "table"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        Ok(inputs[0].into())
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].map(|x| T::of(self.0.at(x.as_f64())))
    }

    fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
        let (x, g) = (at.input(0), at.cotangent());
        at.add(0, || g.chain_mul(x.tape().apply(Slope(self.0.clone()), &[x])));
    }

    fn equals(&self, other: &dyn Operation<T>) -> bool {
        other.downcast_ref() == Some(self)
    }
}

/// The slope of the interpolation.
#[derive(Debug, PartialEq)]
struct Slope(Table);

impl<T: Scalar> Operation<T> for Slope {
    fn name(&self) -> &'static str {
        "table_slope"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        Ok(inputs[0].into())
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].map(|x| T::of(self.0.slope(x.as_f64())))
    }

    /// The derivative is zero almost everywhere.
    fn gradient(&self, _: &mut Pullback<'_, '_, T>) {}

    fn equals(&self, other: &dyn Operation<T>) -> bool {
        other.downcast_ref() == Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_equal_where_their_tables_are() {
        let table = |function, end: f64, entries| Table::linear(function, -end..=end, entries);
        let tanh = table(f64::tanh, 4.0, 16);
        let same = [tanh.clone(), table(f64::tanh, 4.0, 16)];
        let others = [
            table(f64::sin, 4.0, 16),
            table(f64::tanh, 2.0, 16),
            table(f64::tanh, 4.0, 17),
            Table::nearest(f64::tanh, -4.0..=4.0, 16),
        ];
        let equal = |operation: &dyn Operation<f32>, other: &dyn Operation<f32>| {
            (operation.equals(other), other.equals(operation))
        };
        for (others, expected) in [(&same[..], true), (&others[..], false)] {
            for other in others.iter().cloned() {
                let read = equal(&Read(tanh.clone()), &Read(other.clone()));
                let slope = equal(&Slope(tanh.clone()), &Slope(other));
                assert_eq!([read, slope], [(expected, expected); 2]);
            }
        }
        assert_eq!(equal(&Read(tanh.clone()), &Slope(tanh)), (false, false));
    }
}
