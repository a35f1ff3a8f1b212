//! The extents of a tensor's axes.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

use smallvec::SmallVec;

/// The extents of a tensor's axes, outermost first.
///
/// A scalar has no axes (`[]`); an axis may have extent zero. Anything array-like converts:
///
/// ```
/// use bptt_tensor::Shape;
/// let shape = Shape::from([2, 3]);
/// assert_eq!(shape.len(), 2); // two axes
/// assert_eq!(shape.elements(), 6);
/// assert_eq!(shape.to_string(), "[2, 3]");
/// ```
#[derive(Default, Eq)]
pub struct Shape(pub(super) SmallVec<[usize; INLINE]>);

/// The largest rank that needs no allocation.
const INLINE: usize = 4;

impl Shape {
    /// The number of elements of a tensor of this shape: the product of the extents.
    ///
    /// # Panics
    ///
    /// If the number overflows `usize`.
    #[must_use]
    #[track_caller]
    pub fn elements(&self) -> usize {
        elements(self)
    }

    /// Converts a row-major position to an index, one number for each axis.
    #[must_use]
    pub fn index_of(&self, mut position: usize) -> Vec<usize> {
        let mut index = vec![0; self.len()];
        for (i, extent) in index.iter_mut().zip(&self[..]).rev() {
            *i = position % extent;
            position /= extent;
        }
        index
    }

    /// This shape without `axis`.
    #[must_use]
    pub fn without(&self, axis: usize) -> Self {
        let mut shape = self.clone();
        shape.0.remove(axis);
        shape
    }

    /// This shape with another extent of `axis`.
    #[must_use]
    pub fn with(&self, axis: usize, extent: usize) -> Self {
        let mut shape = self.clone();
        shape.0[axis] = extent;
        shape
    }

    // compiled here once, rather than wherever a shape is made

    #[inline(never)]
    fn push(&mut self, extent: usize) {
        self.0.push(extent);
    }

    #[cold]
    #[inline(never)]
    fn spilled(extents: &[usize]) -> Self {
        Self(SmallVec::from_slice(extents))
    }
}

impl Deref for Shape {
    type Target = [usize];

    fn deref(&self) -> &[usize] {
        &self.0
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0[..], f)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl<const N: usize> From<[usize; N]> for Shape {
    fn from(extents: [usize; N]) -> Self {
        Self::from(&extents[..])
    }
}

impl From<&[usize]> for Shape {
    #[inline]
    fn from(extents: &[usize]) -> Self {
        // written out, because every operation runs this, and a call of `memcpy` costs more than
        // copying a few numbers
        let inline = match *extents {
            [] => [0; INLINE],
            [a] => [a, 0, 0, 0],
            [a, b] => [a, b, 0, 0],
            [a, b, c] => [a, b, c, 0],
            [a, b, c, d] => [a, b, c, d],
            _ => return Self::spilled(extents),
        };
        Self(SmallVec::from_buf_and_len(inline, extents.len()))
    }
}

impl Clone for Shape {
    #[inline]
    fn clone(&self) -> Self {
        Self::from(&self[..])
    }
}

impl From<Vec<usize>> for Shape {
    fn from(extents: Vec<usize>) -> Self {
        Self(SmallVec::from_vec(extents))
    }
}

impl From<&Shape> for Shape {
    fn from(shape: &Shape) -> Self {
        shape.clone()
    }
}

impl FromIterator<usize> for Shape {
    fn from_iter<I: IntoIterator<Item = usize>>(extents: I) -> Self {
        let mut shape = Self::default();
        extents.into_iter().for_each(|extent| shape.push(extent));
        shape
    }
}

/// Whether two lists of extents are equal. Written as a loop, because every operation runs this,
/// and a call of `memcmp` costs more than comparing a few numbers.
#[inline]
#[must_use]
pub fn equal(a: &[usize], b: &[usize]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(x, y)| x == y)
}

impl PartialEq for Shape {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        equal(self, other)
    }
}

impl Hash for Shape {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self[..].hash(state);
    }
}

impl PartialEq<[usize]> for Shape {
    fn eq(&self, other: &[usize]) -> bool {
        self[..] == *other
    }
}

impl<const N: usize> PartialEq<[usize; N]> for Shape {
    fn eq(&self, other: &[usize; N]) -> bool {
        self[..] == other[..]
    }
}

/// The product of the extents, checked for overflow. Kernels rely on that for memory safety: a
/// product that wrapped around would let a huge shape pass for a small one.
#[track_caller]
pub(super) fn elements(extents: &[usize]) -> usize {
    let product = extents.iter().try_fold(1_usize, |product, &extent| product.checked_mul(extent));
    match product {
        Some(product) => product,
        None if extents.contains(&0) => 0,
        None => panic!("a tensor of shape {extents:?} has more elements than can be counted"),
    }
}
