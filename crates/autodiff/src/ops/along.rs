//! Operations along one axis: cumulative sums, sorting, and gathering and scattering by index.

use std::slice::{ChunksExact, ChunksExactMut};

use bptt_tensor::rows::lanes;
use bptt_tensor::{Scalar, Shape, ShapeError, Tensor, shape};

use crate::tape::primitive::{ArgSort, CumSum, GatherAlong, ScatterAlong};
use crate::tape::{Class, Op, OpClass, Operation, Pullback, RowFunction};

/// The blocks of a row that have the lanes along an axis after the first: `entries` of `inner` adjacent elements.
#[derive(Clone, Copy, Debug)]
struct Blocks {
    entries: usize,
    inner: usize,
}

impl Blocks {
    /// The blocks of values of this shape; `None` if the lanes are along the first axis.
    fn of(shape: &[usize], axis: usize) -> Option<Self> {
        let inner = shape[axis + 1..].iter().product();
        (axis > 0).then_some(Self { entries: shape[axis], inner })
    }

    fn of_row<T>(self, row: &[T]) -> ChunksExact<'_, T> {
        row.chunks_exact((self.entries * self.inner).max(1))
    }

    fn of_row_mut<T>(self, row: &mut [T]) -> ChunksExactMut<'_, T> {
        row.chunks_exact_mut((self.entries * self.inner).max(1))
    }

    /// The indices of elements as positions along the axis.
    fn positions<'i, T: Scalar>(
        self,
        operation: &'static str,
        indices: &'i [T],
    ) -> impl Iterator<Item = usize> + 'i {
        indices.iter().map(move |&index| lanes::position(operation, index, self.entries))
    }
}

impl<T: Scalar> Operation<T> for CumSum {
    fn name(&self) -> &'static str {
        if self.is_reversed { "reverse_cumsum" } else { "cumsum" }
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        Ok(inputs[0].into())
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        let axis = self.axis as isize;
        if self.is_reversed { inputs[0].reverse_cumsum(axis) } else { inputs[0].cumsum(axis) }
    }

    fn by_rows(&self, inputs: &[&[usize]]) -> Option<RowFunction<T>> {
        let is_reversed = self.is_reversed;
        let blocks = Blocks::of(inputs[0], self.axis)?;
        Some(RowFunction::new(move |inputs, sums| {
            for (block, sums) in blocks.of_row(inputs[0]).zip(blocks.of_row_mut(sums)) {
                lanes::cumsum(block, blocks.inner, is_reversed, sums);
            }
        }))
    }

    fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
        let (tape, g) = (at.tape, at.cotangent());
        let transpose = Self { is_reversed: !self.is_reversed, ..*self };
        at.add(0, || tape.record(Op::CumSum(transpose), &[g]));
    }
}

impl<T: Scalar> Operation<T> for ArgSort {
    fn name(&self) -> &'static str {
        match self {
            Self::All { .. } => "argsort",
            Self::Top { .. } => "topk",
        }
    }

    fn class(&self) -> OpClass<T> {
        Class::Positions.into()
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        match *self {
            Self::All { .. } => Ok(inputs[0].into()),
            Self::Top { k, axis } => shape::top("topk", inputs[0], axis, k),
        }
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        match *self {
            Self::All { axis } => inputs[0].argsort(axis as isize),
            Self::Top { k, axis } => inputs[0].top_indices(k, axis as isize),
        }
    }

    fn by_rows(&self, inputs: &[&[usize]]) -> Option<RowFunction<T>> {
        let (is_descending, axis, count) = match *self {
            Self::All { axis } => (false, axis, inputs[0][axis]),
            Self::Top { axis, k } => (true, axis, k),
        };
        let blocks = Blocks::of(inputs[0], axis).filter(|it| lanes::are_exact::<T>(it.entries))?;
        let places = Blocks { entries: count, ..blocks };
        Some(RowFunction::new(move |inputs, positions| {
            let mut scratch = lanes::Scratch::default();
            let elements = blocks.of_row(inputs[0]);
            for (block, positions) in elements.zip(places.of_row_mut(positions)) {
                lanes::order(block, blocks.inner, is_descending, positions, &mut scratch);
            }
        }))
    }

    /// Positions are constant almost everywhere.
    fn gradient(&self, _: &mut Pullback<'_, '_, T>) {}
}

impl<T: Scalar> Operation<T> for GatherAlong {
    fn name(&self) -> &'static str {
        "gather_along"
    }

    fn class(&self) -> OpClass<T> {
        Class::Movement.into()
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        shape::gather_along(inputs[0], self.axis, inputs[1])
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].gather_along(inputs[1], self.axis as isize)
    }

    fn by_rows(&self, inputs: &[&[usize]]) -> Option<RowFunction<T>> {
        let [blocks, places] =
            [Blocks::of(inputs[0], self.axis)?, Blocks::of(inputs[1], self.axis)?];
        Some(RowFunction::new(move |inputs, gathered| {
            let read = blocks.of_row(inputs[0]).zip(places.of_row(inputs[1]));
            for ((block, indices), gathered) in read.zip(places.of_row_mut(gathered)) {
                let positions = blocks.positions("gather_along", indices);
                lanes::gather(block, blocks.inner, positions, gathered);
            }
        }))
    }

    fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
        let (x, indices, g) = (at.input(0), at.input(1), at.cotangent());
        let extent = x.shape()[self.axis];
        at.add(0, || g.scatter_along(indices, self.axis as isize, extent));
    }
}

impl<T: Scalar> Operation<T> for ScatterAlong {
    fn name(&self) -> &'static str {
        "scatter_along"
    }

    fn class(&self) -> OpClass<T> {
        Class::Movement.into()
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        shape::scatter_along(inputs[0], self.axis, inputs[1], self.extent)
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].scatter_along(inputs[1], self.axis as isize, self.extent)
    }

    fn by_rows(&self, inputs: &[&[usize]]) -> Option<RowFunction<T>> {
        let blocks = Blocks::of(inputs[0], self.axis)?;
        let places = Blocks { entries: self.extent, ..blocks };
        Some(RowFunction::new(move |inputs, sums| {
            sums.fill(T::zero());
            let read = blocks.of_row(inputs[0]).zip(blocks.of_row(inputs[1]));
            for ((block, indices), sums) in read.zip(places.of_row_mut(sums)) {
                let positions = places.positions("scatter_along", indices);
                lanes::scatter(block, places.inner, positions, sums);
            }
        }))
    }

    fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
        let (indices, g) = (at.input(1), at.cotangent());
        at.add(0, || g.gather_along(indices, self.axis as isize));
    }
}
