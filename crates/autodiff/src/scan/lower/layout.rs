//! Layouts: where the elements of a value lie in a row of the value that holds them.

use bptt_tensor::rows::Axes;
use bptt_tensor::{Scalar, Shape};

use crate::scan::ir::program::{Kind, Node, Program};
use crate::tape::{Class, Op, ViewOf};

/// The layout of a value whose element `[b, i₁, i₂, ..]` is element `column + Σ iₖ strideₖ` of row
/// `b`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) column: usize,
    /// The strides of the axes after the batch. That of an axis of extent 1 is 0.
    pub(crate) strides: Axes,
}

/// The axes of a row.
pub(crate) fn inner(shape: &Shape) -> &[usize] {
    shape.get(1..).unwrap_or(&[])
}

impl Layout {
    /// The layout of a value that has a row of its own.
    pub(crate) fn dense(shape: &Shape) -> Self {
        Self { column: 0, strides: dense(inner(shape)) }
    }

    /// Whether the elements lie in the order of a dense row, without gaps.
    pub(crate) fn is_dense(&self, shape: &Shape) -> bool {
        self.strides == dense(inner(shape))
    }

    /// The layout of a part that begins at `start` of an axis and has this shape.
    pub(crate) fn slice(mut self, axis: usize, start: usize, shape: &Shape) -> Self {
        self.column += start * self.strides[axis - 1];
        if shape[axis] == 1 {
            self.strides[axis - 1] = 0;
        }
        self
    }

    /// The layout in another shape of the same elements; `None` if it has no strides.
    fn reshape(&self, from: &Shape, to: &Shape) -> Option<Self> {
        if from.contains(&0) || to.contains(&0) {
            return Some(Self { column: self.column, ..Self::dense(to) }); // no elements
        }
        // every axis of `to` divides a run of adjacent axes of `from`, from the last on
        let mut runs = runs(inner(from), &self.strides);
        let mut strides = Axes::from_elem(0, to.len() - 1);
        for (axis, &extent) in
            inner(to).iter().enumerate().rev().filter(|(_, extent)| **extent != 1)
        {
            let (left, stride) = runs.last_mut()?;
            if !left.is_multiple_of(extent) {
                return None;
            }
            strides[axis] = *stride;
            *stride *= extent;
            *left /= extent;
            if *left == 1 {
                runs.pop();
            }
        }
        Some(Self { column: self.column, strides })
    }
}

/// The strides of a row without gaps.
fn dense(axes: &[usize]) -> Axes {
    let mut strides = Axes::from_elem(0, axes.len());
    let mut next = 1;
    for (stride, &extent) in strides.iter_mut().zip(axes).rev() {
        if extent != 1 {
            *stride = next;
            next *= extent;
        }
    }
    strides
}

/// The distance from the first of some elements to beyond the last.
pub(crate) fn span(axes: &[usize], strides: &[usize]) -> usize {
    if axes.contains(&0) {
        return 0;
    }
    axes.iter().zip(strides).map(|(extent, stride)| (extent - 1) * stride).sum::<usize>() + 1
}

/// The strides of an operand over the axes of a [space](super::spaces), for a function that runs
/// over rows of the shape `over`. The operand's axes are aligned with the last of `over`.
pub(crate) fn strides_over(over: &Shape, axes: &[usize], strides: &[usize]) -> Axes {
    let over = inner(over);
    let stride = |axis: usize| match (axis + axes.len()).checked_sub(over.len()) {
        Some(own) if axes[own] != 1 => strides[own],
        _ => 0,
    };
    let all: Axes = (0..over.len()).filter(|&axis| over[axis] != 1).map(stride).collect();
    if all.is_empty() { Axes::from_slice(&[1]) } else { all }
}

/// Runs of axes over which the elements have one stride: the number of elements of each, and the
/// stride.
fn runs(axes: &[usize], strides: &[usize]) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (&extent, &stride) in axes.iter().zip(strides).filter(|(extent, _)| **extent != 1) {
        match runs.last_mut() {
            Some((elements, outer)) if *outer == stride * extent => {
                *elements *= extent;
                *outer = stride;
            }
            _ => runs.push((extent, stride)),
        }
    }
    runs
}

/// A value in a row of its own, or the part of another value that it views.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The value that holds the elements. It is no view.
    pub(crate) source: u32,
    pub(crate) layout: Layout,
}

/// The places of the values of a program, as far as it has been built.
#[derive(Debug, Default)]
pub(crate) struct Places {
    places: Vec<Place>,
}

impl Places {
    /// The places of all values of a program.
    pub(crate) fn of<T: Scalar>(program: &Program<T>) -> Self {
        let mut places = Self::default();
        places.extend(program);
        places
    }

    /// Adds the places of values that the program has gained.
    pub(crate) fn extend<T: Scalar>(&mut self, program: &Program<T>) {
        for id in self.places.len()..program.nodes.len() {
            let own =
                || Place { source: id as u32, layout: Layout::dense(program.shape(id as u32)) };
            let place = self.view(program, &program.nodes[id]).unwrap_or_else(own);
            self.places.push(place);
        }
    }

    pub(crate) fn place(&self, id: u32) -> &Place {
        &self.places[id as usize]
    }

    /// The place of a view of the same rows. `None` for any other value.
    pub(crate) fn view<T: Scalar>(&self, program: &Program<T>, node: &Node<T>) -> Option<Place> {
        let Kind::Op(op) = &node.kind else { return None };
        let &input = node.inputs.first()?;
        let (from, to) = (program.shape(input), &node.shape);
        if from.is_empty() || from.first() != to.first() {
            return None;
        }
        let Place { source, layout } = self.place(input);
        let layout = match (op, op.class()) {
            (_, Class::View(ViewOf::Whole)) => layout.reshape(from, to)?,
            (_, Class::View(ViewOf::Part { axis, start })) if axis > 0 => {
                layout.clone().slice(axis, start, to)
            }
            (Op::Permute(permute), _) if permute.0.first() == Some(&0) => {
                let strides = permute.0[1..].iter().map(|&axis| layout.strides[axis - 1]).collect();
                Layout { column: layout.column, strides }
            }
            _ => return None,
        };
        Some(Place { source: *source, layout })
    }
}
