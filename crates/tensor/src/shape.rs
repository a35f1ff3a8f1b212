//! Shapes, and the rules by which operations combine them.
//!
//! Every rule stands here once and returns a [`ShapeError`] rather than panicking, because two
//! callers need it: a tensor method, which turns the error into a panic at its own caller's line,
//! and a recorded operation, which has to know its output's shape before there are any values.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::{Deref, Range};

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
pub struct Shape(SmallVec<[usize; INLINE]>);

/// Ranks up to this one need no allocation.
const INLINE: usize = 4;

impl Shape {
    /// The number of elements of a tensor of this shape: the product of the extents.
    ///
    /// # Panics
    ///
    /// If there are more than a `usize` counts.
    #[must_use]
    #[track_caller]
    pub fn elements(&self) -> usize {
        elements(self)
    }

    /// The index along each axis of the element at a row-major position.
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

    /// This shape with `axis` given another extent.
    #[must_use]
    pub fn with(&self, axis: usize, extent: usize) -> Self {
        let mut shape = self.clone();
        shape.0[axis] = extent;
        shape
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
        Self(SmallVec::from_slice(&extents))
    }
}

impl From<&[usize]> for Shape {
    #[inline]
    fn from(extents: &[usize]) -> Self {
        // written out because these are too few numbers for a call of `memcpy` to pay, and this
        // stands in the path of every operation
        let inline = match *extents {
            [] => [0; INLINE],
            [a] => [a, 0, 0, 0],
            [a, b] => [a, b, 0, 0],
            [a, b, c] => [a, b, c, 0],
            [a, b, c, d] => [a, b, c, d],
            _ => return Self(SmallVec::from_slice(extents)),
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
        Self(extents.into_iter().collect())
    }
}

/// Whether two lists of extents are equal. Compared one by one: they are too short for a call of
/// `memcmp` to pay, and this stands in the path of every operation.
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

/// Shapes that an operation cannot combine: which operation, which shapes, at which axis, and
/// what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShapeError {
    operation: &'static str,
    shapes: SmallVec<[Shape; 1]>,
    axis: Option<usize>,
    problem: String,
}

impl ShapeError {
    /// An error of `operation` on operands of these shapes; `problem` says what does not fit and
    /// how to mend it.
    #[must_use]
    pub fn new(operation: &'static str, shapes: &[&[usize]], problem: impl Into<String>) -> Self {
        Self {
            operation,
            shapes: shapes.iter().map(|&shape| Shape::from(shape)).collect(),
            axis: None,
            problem: problem.into(),
        }
    }

    /// Names the axis at which the shapes disagree.
    #[must_use]
    pub fn at_axis(mut self, axis: usize) -> Self {
        self.axis = Some(axis);
        self
    }

    /// The operation that was asked for.
    #[must_use]
    pub fn operation(&self) -> &'static str {
        self.operation
    }

    /// The axis at which the shapes disagree, where one can be named.
    #[must_use]
    pub fn axis(&self) -> Option<usize> {
        self.axis
    }
}

impl fmt::Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.operation)?;
        for (i, shape) in self.shapes.iter().enumerate() {
            write!(f, "{} {shape}", if i == 0 { " of" } else { " and" })?;
        }
        if let Some(axis) = self.axis {
            write!(f, ", axis {axis}")?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl std::error::Error for ShapeError {}

/// The product of the extents. Checked, for kernels rely on it: a product that wrapped around would
/// let a huge shape pass for a small one.
#[track_caller]
fn elements(extents: &[usize]) -> usize {
    let product = extents.iter().try_fold(1_usize, |product, &extent| product.checked_mul(extent));
    match product {
        Some(product) => product,
        None if extents.contains(&0) => 0,
        None => panic!("a tensor of shape {extents:?} has more elements than can be counted"),
    }
}

/// Turns a shape error into a panic at the caller's line: in an equation, a wrong shape is a
/// mistake in the program, and its line is what one wants to know.
pub trait OrPanic<V> {
    /// The value, or a panic with the error's message at the caller of the calling function.
    fn or_panic(self) -> V;
}

impl<V> OrPanic<V> for Result<V, ShapeError> {
    #[track_caller]
    fn or_panic(self) -> V {
        match self {
            Ok(value) => value,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Which operands of a matrix product are read transposed (their last two axes swapped).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Transpose {
    /// Read the left operand transposed.
    pub left: bool,
    /// Read the right operand transposed.
    pub right: bool,
}

impl Transpose {
    /// `A · B`
    pub const NONE: Self = Self { left: false, right: false };
    /// `Aᵀ · B`
    pub const LEFT: Self = Self { left: true, right: false };
    /// `A · Bᵀ`
    pub const RIGHT: Self = Self { left: false, right: true };
}

/// Resolves an axis that may count from the end (`-1` is the last).
pub fn axis(operation: &'static str, shape: &[usize], axis: isize) -> Result<usize, ShapeError> {
    let rank = shape.len();
    let resolved = if axis < 0 { axis + rank as isize } else { axis };
    if resolved >= 0 && (resolved as usize) < rank {
        return Ok(resolved as usize);
    }
    let problem = match rank {
        0 => format!("axis {axis} does not exist: a scalar has no axes"),
        _ => format!("axis {axis} does not exist; use 0 to {}, or -1 for the last", rank - 1),
    };
    Err(ShapeError::new(operation, &[shape], problem))
}

/// Resolves several axes into ascending order; naming one twice is an error.
pub fn axes(
    operation: &'static str,
    shape: &[usize],
    axes: &[isize],
) -> Result<SmallVec<[usize; 4]>, ShapeError> {
    let mut resolved =
        axes.iter().map(|&a| axis(operation, shape, a)).collect::<Result<SmallVec<_>, _>>()?;
    resolved.sort_unstable();
    match resolved.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(ShapeError::new(operation, &[shape], "names this axis twice; drop one")
            .at_axis(pair[0])),
        None => Ok(resolved),
    }
}

/// NumPy broadcasting: shapes are aligned at the last axis, and an extent of one stretches.
pub fn broadcast(operation: &'static str, a: &[usize], b: &[usize]) -> Result<Shape, ShapeError> {
    if equal(a, b) {
        return Ok(a.into());
    }
    let rank = a.len().max(b.len());
    let extent = |shape: &[usize], i: usize| match (i + shape.len()).checked_sub(rank) {
        Some(own) => shape[own],
        None => 1,
    };
    let mut shape = SmallVec::with_capacity(rank);
    for i in 0..rank {
        shape.push(match (extent(a, i), extent(b, i)) {
            (x, y) if x == y => x,
            (1, y) => y,
            (x, 1) => x,
            (x, y) => {
                return Err(ShapeError::new(
                    operation,
                    &[a, b],
                    format!(
                        "{x} and {y} do not broadcast, counted from the last axis; make them \
                         equal, or one of them 1 (reshape inserts axes of extent 1)"
                    ),
                )
                .at_axis(i));
            }
        });
    }
    Ok(Shape(shape))
}

/// Checks that `shape` broadcasts to exactly `target`.
pub fn broadcast_to(
    operation: &'static str,
    shape: &[usize],
    target: &[usize],
) -> Result<Shape, ShapeError> {
    match broadcast(operation, shape, target) {
        Ok(result) if result[..] == *target => Ok(result),
        _ => Err(ShapeError::new(
            operation,
            &[shape, target],
            "the first does not stretch to the second: counted from the last axis, each extent \
             must be equal to the target's or 1",
        )),
    }
}

/// The shape of a matrix product of the last two axes.
///
/// The right operand is either one matrix (`[.., M, K] · [K, N]`, every leading row multiplies
/// it; a left vector `[K]` gives `[N]`) or a batch with the left operand's leading axes
/// (`[.., M, K] · [.., K, N]`).
pub fn matmul(a: &[usize], b: &[usize], transpose: Transpose) -> Result<Shape, ShapeError> {
    let fail = |problem: String| Err(ShapeError::new("matmul", &[a, b], problem));
    if a.is_empty() || b.len() < 2 || (a.len() < 2 && (b.len() > 2 || transpose.left)) {
        return fail(
            "a product takes matrices (a vector only at the left of one matrix); reshape a vector \
             to [K, 1] or [1, K]"
                .into(),
        );
    }
    let batched = b.len() > 2 || (transpose.left && a.len() > 2);
    if batched && a[..a.len() - 2] != b[..b.len() - 2] {
        return fail(
            "the leading axes must be the same, unless the right is one matrix and the left is \
             not transposed; broadcast_to makes them so"
                .into(),
        );
    }
    let inner = |shape: &[usize], transposed: bool, left: bool| {
        // the contracted axis: the last of the left, the last but one of the right
        shape.len() - if left != transposed { 1 } else { 2 }
    };
    let (ka, kb) = (inner(a, transpose.left, true), inner(b, transpose.right, false));
    if a[ka] != b[kb] {
        return Err(ShapeError::new(
            "matmul",
            &[a, b],
            format!(
                "the left's axis {ka} ({}) is multiplied with the right's axis {kb} ({}), so they \
                 must be equal; transpose an operand or check the layer's input size",
                a[ka], b[kb]
            ),
        )
        .at_axis(ka));
    }
    let mut shape = SmallVec::from_slice(&a[..a.len().saturating_sub(2)]);
    if a.len() >= 2 {
        shape.push(a[a.len() - if transpose.left { 1 } else { 2 }]);
    }
    shape.push(b[b.len() - if transpose.right { 2 } else { 1 }]);
    Ok(Shape(shape))
}

/// The shape left by a reduction over `axes` (resolved, ascending): they vanish, or stay with
/// extent one if `keep`.
#[must_use]
pub fn reduce(shape: &[usize], axes: &[usize], keep: bool) -> Shape {
    shape
        .iter()
        .enumerate()
        .filter_map(|(i, &extent)| match (axes.contains(&i), keep) {
            (false, _) => Some(extent),
            (true, true) => Some(1),
            (true, false) => None,
        })
        .collect()
}

/// Checks that there is an element to choose along each of these axes.
pub fn choosable(
    operation: &'static str,
    shape: &[usize],
    axes: &[usize],
) -> Result<(), ShapeError> {
    match axes.iter().find(|&&axis| shape[axis] == 0) {
        Some(&axis) => Err(ShapeError::new(
            operation,
            &[shape],
            "there is no element to choose from an axis of extent 0",
        )
        .at_axis(axis)),
        None => Ok(()),
    }
}

/// Checks that a reshape keeps the number of elements.
#[track_caller]
pub fn reshape(shape: &[usize], target: &[usize]) -> Result<Shape, ShapeError> {
    let (have, want) = (elements(shape), elements(target));
    if have == want {
        return Ok(target.into());
    }
    Err(ShapeError::new(
        "reshape",
        &[shape, target],
        format!("{have} elements do not fill {want}; the products of the extents must be equal"),
    ))
}

/// The shape of the part `range` of one axis.
pub fn slice(shape: &[usize], axis: usize, range: &Range<usize>) -> Result<Shape, ShapeError> {
    if range.start <= range.end && range.end <= shape[axis] {
        return Ok(Shape::from(shape).with(axis, range.end - range.start));
    }
    Err(ShapeError::new(
        "slice",
        &[shape],
        format!("{}..{} is not within 0..{}", range.start, range.end, shape[axis]),
    )
    .at_axis(axis))
}

/// The shape of tensors joined along `axis`; all other axes must agree.
pub fn concat(shapes: &[&[usize]], axis: usize) -> Result<Shape, ShapeError> {
    let Some((&first, rest)) = shapes.split_first() else {
        return Err(ShapeError::new("concat", &[], "needs at least one operand"));
    };
    let mut shape = Shape::from(first);
    for &other in rest {
        let differs = |&i: &usize| i != axis && first[i] != other[i];
        if other.len() != first.len() {
            return Err(ShapeError::new("concat", &[first, other], "the ranks differ"));
        }
        if let Some(i) = (0..first.len()).find(differs) {
            return Err(ShapeError::new(
                "concat",
                &[first, other],
                format!("{} and {} differ; only axis {axis} may", first[i], other[i]),
            )
            .at_axis(i));
        }
        shape.0[axis] += other[axis];
    }
    Ok(shape)
}

/// Checks that `axis` divides into `parts` equal pieces and returns the extent of one.
pub fn split(shape: &[usize], axis: usize, parts: usize) -> Result<usize, ShapeError> {
    if parts > 0 && shape[axis].is_multiple_of(parts) {
        return Ok(shape[axis] / parts);
    }
    Err(ShapeError::new(
        "split",
        &[shape],
        format!("{} does not divide into {parts} equal parts; use slice for others", shape[axis]),
    )
    .at_axis(axis))
}

/// Checks that `order` names every axis once and returns the permuted shape.
pub fn permute(shape: &[usize], order: &[usize]) -> Result<Shape, ShapeError> {
    let mut sorted: SmallVec<[usize; 4]> = SmallVec::from_slice(order);
    sorted.sort_unstable();
    if sorted.iter().copied().eq(0..shape.len()) {
        return Ok(order.iter().map(|&i| shape[i]).collect());
    }
    Err(ShapeError::new(
        "permute",
        &[shape],
        format!("the order {order:?} must name each of its axes once"),
    ))
}

/// The shape of rows taken by index from axis 0; every index must be within it.
pub fn gather_rows(shape: &[usize], indices: &[usize]) -> Result<Shape, ShapeError> {
    rows_exist("gather_rows", shape, indices)?;
    Ok(Shape::from(shape).with(0, indices.len()))
}

/// The shape `[rows, ..]` to which rows `[indices.len(), ..]` are added by index.
pub fn scatter_rows(shape: &[usize], indices: &[usize], rows: usize) -> Result<Shape, ShapeError> {
    let fail = |problem: String| Err(ShapeError::new("scatter_rows", &[shape], problem));
    match shape.first() {
        None => fail("a scalar has no rows".into()),
        Some(&given) if given != indices.len() => {
            fail(format!("{given} rows need as many indices, not {}", indices.len()))
        }
        Some(_) => {
            let whole = Shape::from(shape).with(0, rows);
            rows_exist("scatter_rows", &whole, indices)?;
            Ok(whole)
        }
    }
}

/// Checks that indices are within axis 0.
pub fn rows_exist(
    operation: &'static str,
    shape: &[usize],
    indices: &[usize],
) -> Result<(), ShapeError> {
    let Some(&rows) = shape.first() else {
        return Err(ShapeError::new(operation, &[shape], "a scalar has no rows"));
    };
    match indices.iter().find(|&&i| i >= rows) {
        Some(i) => Err(ShapeError::new(
            operation,
            &[shape],
            format!("index {i} is not within 0..{rows}; is an id larger than the vocabulary?"),
        )
        .at_axis(0)),
        None => Ok(()),
    }
}

/// Checks that two shapes are the same.
pub fn same(operation: &'static str, a: &[usize], b: &[usize]) -> Result<(), ShapeError> {
    if a == b {
        return Ok(());
    }
    Err(ShapeError::new(operation, &[a, b], "the shapes must be the same"))
}

/// The shape of tensors of one shape joined along a new axis, and that axis, which may count from
/// the end of the result.
pub fn stack(shapes: &[&[usize]], new_axis: isize) -> Result<(Shape, usize), ShapeError> {
    let Some((&first, rest)) = shapes.split_first() else {
        return Err(ShapeError::new("stack", &[], "needs at least one operand"));
    };
    rest.iter().try_for_each(|other| same("stack", first, other))?;
    let mut shape = Shape::from(first);
    shape.0.push(shapes.len());
    let new_axis = axis("stack", &shape, new_axis)?;
    shape.0[new_axis..].rotate_right(1);
    Ok((shape, new_axis))
}

/// Checks that `part` fits over the entries of `axis` from `start` on.
pub fn place(
    operation: &'static str,
    shape: &[usize],
    axis: usize,
    start: usize,
    part: &[usize],
) -> Result<(), ShapeError> {
    let fail = |axis: usize, problem: String| {
        Err(ShapeError::new(operation, &[shape, part], problem).at_axis(axis))
    };
    if part.len() != shape.len() {
        return Err(ShapeError::new(operation, &[shape, part], "the ranks differ"));
    }
    match (0..shape.len()).find(|&i| i != axis && shape[i] != part[i]) {
        Some(i) => fail(i, format!("{} and {} differ; only axis {axis} may", shape[i], part[i])),
        None if start + part[axis] > shape[axis] => {
            fail(axis, format!("{start}..{} is not within 0..{}", start + part[axis], shape[axis]))
        }
        None => Ok(()),
    }
}
