//! The layers of a net, by the name of their cell.

use bptt::prelude::*;
use programs::cells::{AnyCell, CellKind, Sizes, Visitor};

/// The inputs that a [`Window`] reads.
const WINDOW: usize = 8;

/// Returns what a cell is, in a few words.
#[must_use]
pub fn about(kind: CellKind) -> String {
    match kind {
        CellKind::Window => format!("Window over the last {WINDOW} inputs, without memory"),
        _ => kind.about(),
    }
}

/// Returns the sizes of a cell.
pub(super) fn sizes(input_size: usize, hidden_size: usize) -> Sizes {
    Sizes { input_size, hidden_size, window: WINDOW }
}

/// Creates a layer.
pub(super) fn layer<T: Scalar>(
    kind: CellKind,
    rng: &mut impl Rng,
    input_size: usize,
    hidden_size: usize,
) -> BoxedLayer<T> {
    kind.build(rng, sizes(input_size, hidden_size), Boxed)
}

/// Makes a layer of a cell.
struct Boxed;

impl<T: Scalar> Visitor<T> for Boxed {
    type Output = BoxedLayer<T>;

    fn cell<C: AnyCell<T>>(self, cell: C) -> BoxedLayer<T> {
        BoxedLayer::new(cell)
    }
}
