//! Tensors as text.

use std::fmt;

use super::Tensor;

impl<T: fmt::Debug> fmt::Debug for Tensor<T> {
    /// Shape, type and the first elements: `Tensor<f32> [2, 3] {1.0, 2.0, 3.0, …}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 8;
        write!(f, "Tensor<{}> {} {{", std::any::type_name::<T>(), self.shape())?;
        if self.is_unknown() {
            return f.write_str("unknown}");
        }
        for (i, value) in self.iter().take(SHOWN).enumerate() {
            write!(f, "{}{value:?}", if i == 0 { "" } else { ", " })?;
        }
        f.write_str(if self.len() > SHOWN { ", …}" } else { "}" })
    }
}

/// The most elements that are printed whole. In a larger tensor, long axes are elided.
const SHOWN_WHOLE: usize = 1000;

/// The entries that an elided axis shows at either end.
const EDGE: usize = 3;

impl<T: fmt::Debug> fmt::Display for Tensor<T> {
    /// Nested brackets with aligned columns. Tensors of more than 1000 elements, and of none, show
    /// the first and last three entries of each axis. A precision sets the number of decimals.
    ///
    /// ```
    /// use bptt_tensor::Tensor;
    /// let x = Tensor::from([[1.0, -0.5], [2.25, 10.0]]);
    /// assert_eq!(x.to_string(), "[[ 1.0, -0.5],\n [2.25, 10.0]]");
    /// assert_eq!(format!("{x:.2}"), "[[ 1.00, -0.50],\n [ 2.25, 10.00]]");
    /// ```
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_unknown() {
            return write!(f, "unknown of shape {}", self.shape());
        }
        let shortens = self.len() > SHOWN_WHOLE || self.is_empty();
        let mut axes = Vec::with_capacity(self.rank());
        for &extent in &self.shape()[..] {
            let shortens = shortens && extent > 2 * EDGE;
            axes.push(if shortens { [EDGE, extent - EDGE] } else { [extent, extent] });
        }
        let mut text = Text { tensor: self, axes, precision: f.precision(), width: 0 };
        let mut width = 0;
        text.for_each_shown(0, 0, &mut |element| width = width.max(element.len()));
        text.width = width;
        text.write(f, 0, 0)
    }
}

/// The layout of a printed tensor.
struct Text<'a, T> {
    tensor: &'a Tensor<T>,
    /// For each axis, the entries `start..end` that are elided.
    axes: Vec<[usize; 2]>,
    precision: Option<usize>,
    /// The width of a column.
    width: usize,
}

impl<T: fmt::Debug> Text<'_, T> {
    /// The entries of an axis that are printed, with one `None` in place of the elided ones.
    fn entries(&self, axis: usize) -> impl Iterator<Item = Option<usize>> + use<T> {
        let ([start, end], extent) = (self.axes[axis], self.tensor.shape()[axis]);
        let left_out = (start < end && end < extent).then_some(None);
        (0..start).map(Some).chain(left_out).chain((end.max(start)..extent).map(Some))
    }

    fn element(&self, position: usize) -> String {
        let value = &self.tensor.as_slice()[position];
        match self.precision {
            Some(decimals) => format!("{value:.decimals$?}"),
            None => format!("{value:?}"),
        }
    }

    /// Visits every printed element below one position of the axes before `axis`.
    fn for_each_shown(&self, axis: usize, position: usize, visit: &mut impl FnMut(&str)) {
        let Some(extent) = self.tensor.shape().get(axis) else {
            return visit(&self.element(position));
        };
        for entry in self.entries(axis).flatten() {
            self.for_each_shown(axis + 1, position * extent + entry, visit);
        }
    }

    /// Writes the elements below one position of the axes before `axis`.
    fn write(&self, f: &mut fmt::Formatter<'_>, axis: usize, position: usize) -> fmt::Result {
        let Some(extent) = self.tensor.shape().get(axis) else {
            return write!(f, "{:>width$}", self.element(position), width = self.width);
        };
        // a line break after each row, and one empty line after each matrix
        let inner = self.tensor.rank() - axis - 1;
        let separator = format!(",{}{:indent$}", "\n".repeat(inner), "", indent = axis + 1);
        f.write_str("[")?;
        for (i, entry) in self.entries(axis).enumerate() {
            if i > 0 {
                f.write_str(if inner == 0 { ", " } else { &separator })?;
            }
            match entry {
                Some(entry) => self.write(f, axis + 1, position * extent + entry)?,
                None => f.write_str("...")?,
            }
        }
        f.write_str("]")
    }
}
