//! Spaces: the axes of a row over which the functions of a fused sequence run.

use bptt_tensor::rows::Axes;
use bptt_tensor::{Scalar, Shape};

use crate::scan::ir::program::Program;
use crate::scan::lower::layout::inner;

/// The spaces of the values of a program, numbered from the smallest on. Axes of extent 1 are left
/// out, so that `[B, e, 1, d]` and `[B, e, d]` have one space.
#[derive(Debug)]
pub(crate) struct Spaces {
    spaces: Vec<Axes>,
    of: Vec<usize>,
}

impl Spaces {
    pub(crate) fn of<T: Scalar>(program: &Program<T>) -> Self {
        let own: Vec<Axes> = program.nodes.iter().map(|node| axes(&node.shape)).collect();
        let mut spaces = own.clone();
        spaces.sort_unstable_by_key(|axes| (axes.iter().product::<usize>(), axes.clone()));
        spaces.dedup();
        let place = |axes: &Axes| spaces.iter().position(|other| other == axes);
        let of = own.iter().map(|axes| place(axes).expect("the space of a value")).collect();
        Self { spaces, of }
    }

    /// The space of a value.
    pub(crate) fn space(&self, id: u32) -> usize {
        self.of[id as usize]
    }

    /// The extents of the axes of a space.
    pub(crate) fn axes(&self, space: usize) -> &Axes {
        &self.spaces[space]
    }

    /// The number of elements of a row.
    pub(crate) fn width(&self, space: usize) -> usize {
        self.spaces[space].iter().product()
    }
}

/// Whether a row of this shape has several axes. The loop over time computes such values and their
/// sums while they are in the cache.
pub(crate) fn is_matrix(shape: &Shape) -> bool {
    axes(shape).len() > 1
}

fn axes(shape: &Shape) -> Axes {
    let axes: Axes = inner(shape).iter().copied().filter(|&extent| extent != 1).collect();
    if axes.is_empty() { Axes::from_slice(&[1]) } else { axes }
}
