//! Creates the cell of a name, whatever its type.

use std::fmt::Debug;

use bptt::prelude::*;

use super::CellKind;
use crate::my_cell::MyCell;

/// What every cell is: its equations, the sizes of its state, and its parameters.
pub trait AnyCell<T: Scalar>:
    Cell<T> + StateSizes + Module<T> + Debug + Send + Sync + 'static
{
}

impl<T: Scalar, C> AnyCell<T> for C where
    C: Cell<T> + StateSizes + Module<T> + Debug + Send + Sync + 'static
{
}

/// What is done with a cell that is chosen by name. Each cell has a type of its own, so this is a function of any type.
pub trait Visitor<T: Scalar>: Sized {
    /// What is returned.
    type Output;

    /// Visits a cell.
    fn cell<C: AnyCell<T>>(self, cell: C) -> Self::Output;

    /// Visits a cell whose equations say where noise applies, as those of the library do. By default, it is visited as
    /// any other.
    fn noisy_cell<C: AnyCell<T> + NoisyCell<T>>(self, cell: C) -> Self::Output {
        self.cell(cell)
    }
}

/// The sizes of a cell.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Sizes {
    /// The features of an input.
    pub input_size: usize,
    /// The features of the output, a multiple of the [granularity](CellKind::granularity).
    pub hidden_size: usize,
    /// The inputs that [`CellKind::Window`] reads at each step.
    pub window: usize,
}

impl CellKind {
    /// Creates the cell, with weights drawn from `rng`, and hands it to a visitor.
    ///
    /// # Panics
    ///
    /// If the hidden size is not a multiple of the [granularity](Self::granularity), or if the window is 0.
    pub fn build<T: Scalar, V: Visitor<T>>(
        self,
        rng: &mut impl Rng,
        sizes: Sizes,
        visitor: V,
    ) -> V::Output {
        let Sizes { input_size: i, hidden_size: h, window } = sizes;
        let grain = self.granularity();
        assert!(h % grain == 0, "{self}: the hidden size {h} is not a multiple of {grain}");
        match self {
            Self::Elman => visitor.noisy_cell(Elman::new(rng, i, h)),
            Self::Irnn => visitor.noisy_cell(Elman::irnn(rng, i, h)),
            Self::FullyRecurrent => visitor.noisy_cell(FullyRecurrent::new(rng, i, h)),
            Self::OutputToHidden => visitor.noisy_cell(OutputToHidden::new(rng, i, h, h)),
            Self::IndRnn => visitor.noisy_cell(IndRnn::new(rng, i, h)),
            Self::EchoState => visitor.noisy_cell(EchoState::new(rng, i, h)),
            Self::Window => visitor.noisy_cell(Window::new(rng, i, h, window)),
            Self::Lstm1997 => visitor.noisy_cell(Lstm1997::new(rng, i, h)),
            Self::MemoryBlocks => visitor.noisy_cell(MemoryBlocks::new(rng, i, h / grain, grain)),
            Self::Lstm => visitor.noisy_cell(Lstm::new(rng, i, h)),
            Self::PeepholeLstm => visitor.noisy_cell(PeepholeLstm::new(rng, i, h)),
            Self::CoupledLstm => visitor.noisy_cell(CoupledLstm::new(rng, i, h)),
            Self::LayerNormLstm => visitor.noisy_cell(LayerNormLstm::new(rng, i, h)),
            Self::ProjectedLstm => visitor.noisy_cell(ProjectedLstm::new(rng, i, 2 * h, h)),
            Self::Gru => visitor.noisy_cell(Gru::new(rng, i, h)),
            Self::LayerNormGru => visitor.noisy_cell(LayerNormGru::new(rng, i, h)),
            Self::MinimalGated => visitor.noisy_cell(MinimalGatedUnit::new(rng, i, h)),
            Self::MinGru => visitor.noisy_cell(MinGru::new(rng, i, h)),
            Self::MinLstm => visitor.noisy_cell(MinLstm::new(rng, i, h)),
            Self::Mine => visitor.cell(MyCell::new(rng, i, h)),
        }
    }
}
