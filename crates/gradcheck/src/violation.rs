//! Violations: how a law is broken.

use std::fmt;

use bptt_tensor::{Shape, Tensor};

/// One element of a named tensor, and the time step that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The name of the input, parameter or output.
    pub name: String,
    /// The element's index.
    pub index: Vec<usize>,
    /// The time step at which a recurrence reads the input, uses the parameter or computes the output.
    pub step: Option<usize>,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:?}", self.name, self.index)?;
        match self.step {
            Some(step) => write!(f, " at step {step}"),
            None => Ok(()),
        }
    }
}

/// A number computed in two ways that disagree.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Mismatch {
    /// The input or parameter with respect to which the number is a derivative, or the value itself. It is `None` if
    /// the number belongs to all inputs and parameters together.
    pub of: Option<Entry>,
    /// The output that is differentiated.
    pub output: Option<Entry>,
    /// The number that was found, and the way in which it was computed.
    pub found: (&'static str, f64),
    /// The number that is expected, and the way in which it was computed.
    pub expected: (&'static str, f64),
}

impl Mismatch {
    /// The number of steps from the use of the input or parameter to the output.
    #[must_use]
    pub fn lag(&self) -> Option<isize> {
        lag(self.of.as_ref()?.step, self.output.as_ref()?.step)
    }
}

/// The number of steps from a use to an output.
pub(crate) fn lag(used: Option<usize>, given: Option<usize>) -> Option<isize> {
    Some(given? as isize - used? as isize)
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { of, output, found, expected } = self;
        match (of, output) {
            (Some(of), Some(output)) => write!(f, "∂ {output} / ∂ {of}")?,
            (Some(entry), None) | (None, Some(entry)) => write!(f, "{entry}")?,
            (None, None) => write!(f, "all inputs and parameters together")?,
        }
        if let Some(lag) = self.lag() {
            write!(f, ", lag {lag}")?;
        }
        let width = found.0.chars().count().max(expected.0.chars().count());
        for (way, value) in [found, expected] {
            write!(f, "\n    {way:width$}  {value:e}")?;
        }
        Ok(())
    }
}

/// How a law is broken.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Violation {
    /// A number was computed in two ways that disagree.
    Mismatch(Box<Mismatch>),
    /// A tensor has the wrong shape.
    Shape {
        /// The tensor's name.
        name: String,
        /// The shape found.
        found: Shape,
        /// The shape that it should have.
        expected: Shape,
    },
    /// The equations panicked with this message, or the law did because a requirement is not met.
    Panicked(String),
    /// Every derivative was excluded.
    NothingCompared,
}

impl From<Mismatch> for Violation {
    fn from(mismatch: Mismatch) -> Self {
        Box::new(mismatch).into()
    }
}

impl From<Box<Mismatch>> for Violation {
    fn from(mismatch: Box<Mismatch>) -> Self {
        Self::Mismatch(mismatch)
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mismatch(mismatch) => mismatch.fmt(f),
            Self::Shape { name, found, expected } => {
                write!(f, "{name} has the shape {found} where {expected} is expected")
            }
            Self::Panicked(message) => write!(f, "panicked: {message}"),
            Self::NothingCompared => {
                write!(
                    f,
                    "nothing was compared: every derivative was excluded, because of a kink, or because values are too large or not \
                     finite; draw the values from another domain"
                )
            }
        }
    }
}

/// A tensor with its name. Its first axis may be time.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) in_time: bool,
    pub(crate) value: Tensor<f64>,
}

impl Named {
    pub(crate) fn new(name: impl Into<String>, value: Tensor<f64>) -> Self {
        Self { name: name.into(), in_time: false, value }
    }

    pub(crate) fn in_time(name: impl Into<String>, value: Tensor<f64>) -> Self {
        Self { in_time: true, ..Self::new(name, value) }
    }

    pub(crate) fn entry(&self, element: usize) -> Entry {
        let index = index_of(self.value.shape(), element);
        let step = if self.in_time { index.first().copied() } else { None };
        Entry { name: self.name.clone(), index, step }
    }
}

/// The index of an element, from its position in memory.
pub(crate) fn index_of(shape: &[usize], mut element: usize) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (i, &extent) in index.iter_mut().zip(shape).rev() {
        *i = element % extent;
        element /= extent;
    }
    index
}

/// How closely two tensors must agree.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Nearness {
    /// The same bits.
    Bits,
    /// Equal up to this fraction of the largest element.
    Relative(f64),
}

/// The tolerance for laws that are exact in real arithmetic. In `f64`, sums of some thousand terms of order 1 have
/// rounding errors of `1e3 ε`, and later operations amplify them.
pub(crate) const EXACT: Nearness = Nearness::Relative(1e-10);

/// Compares tensors, and returns the largest error. Errors are relative to the largest element of the tensor, or to 1
/// if that is larger: smaller elements are sums of terms of order 1, and have the rounding of these terms.
pub(crate) fn compare(
    (found_by, found): (&'static str, &[Named]),
    (expected_by, expected): (&'static str, &[Named]),
    nearness: Nearness,
) -> Result<f64, Violation> {
    let mut worst = 0_f64;
    assert_eq!(found.len(), expected.len(), "both ways compute as many tensors");
    for (left, right) in found.iter().zip(expected) {
        let (shape, wanted) = (left.value.shape(), right.value.shape());
        if shape != wanted {
            return Err(Violation::Shape {
                name: left.name.clone(),
                found: shape.clone(),
                expected: wanted.clone(),
            });
        }
        let scale = right.value.as_slice().iter().fold(1.0, |most: f64, y| most.max(y.abs()));
        let pairs = left.value.as_slice().iter().zip(right.value.as_slice());
        for (element, (&x, &y)) in pairs.enumerate() {
            let error = if x == y { 0.0 } else { (x - y).abs() / scale }; // NaN if one is NaN, which is not near
            let near = match nearness {
                Nearness::Bits => x.to_bits() == y.to_bits(),
                Nearness::Relative(tolerance) => error <= tolerance,
            };
            if !near {
                return Err(Violation::from(Mismatch {
                    of: Some(left.entry(element)),
                    output: None,
                    found: (found_by, x),
                    expected: (expected_by, y),
                }));
            }
            worst = worst.max(error);
        }
    }
    Ok(worst)
}
