//! Dropout of the candidates that are written into a state.

use bptt_autodiff::Var;
use bptt_tensor::{Scalar, Shape};
use rand::Rng;

use super::noise::{Sampled, layer_of_noisy_cell};
use crate::core::cell::{Cell, StateSizes};
use crate::core::module::Module;
use crate::core::noise::{Mask, NoisyCell};
use crate::feedforward::dropout::Dropout;
use crate::sequence::options::RunOptions;

/// A cell with recurrent dropout without memory loss (Semeniuta, Severyn and Barth 2016). In
/// [training](crate::Recurrence::training), each step drops units of the candidate that it writes into the state.
///
/// ```text
/// c = f ⊙ c₋ + i ⊙ (g ⊙ m)         of an LSTM
/// h = (1 − z) ⊙ (n ⊙ m) + z ⊙ h₋     of a GRU
/// m = 0 with probability p, else 1/(1 − p), drawn for each step, sequence and unit
/// ```
///
/// If the dropout is [locked](Dropout::locked), `m` is the same at every step, which the paper tries as well.
/// The carried state is never dropped. Each variable of the state has its own rate `p`. The rate is 0 for a variable
/// into which no candidate is written, such as the `h` of an LSTM. A state that is bounded by 1 without dropout, such
/// as that of a GRU, is bounded by `1/(1 − p)` with it.
///
/// As a [`Cell`], for instance in a stepper, it runs without noise, as in evaluation.
///
/// ```
/// use bptt_autodiff::Tape;
/// use bptt_layers::{Dropout, Gru, Layer, Recurrence, RecurrentDropout};
/// use bptt_tensor::Tensor;
///
/// let mut rng = bptt_layers::rng(0);
/// let gru = Gru::<f32>::new(&mut rng, 3, 4);
/// let layer = RecurrentDropout::new(gru, &[Dropout::new(0.25)]);
/// let tape = Tape::new();
/// let xs = tape.constant(Tensor::ones([7, 2, 3]));
/// let (training, _) = Recurrence::new(&layer).training(&mut rng).run(xs, layer.start(&tape, 2));
/// let (evaluation, _) = layer.forward(xs);
/// assert_ne!(training.value(), evaluation.value());
/// ```
#[derive(Clone, Debug, Module)]
pub struct RecurrentDropout<C> {
    /// The cell.
    pub cell: C,
    #[module(skip)]
    of_candidates: Vec<Dropout>,
}

impl<C: StateSizes> RecurrentDropout<C> {
    /// Wraps a cell. The dropouts belong to the variables of its state, in the order of the leaves.
    ///
    /// # Panics
    ///
    /// If there is not one dropout for each variable of the state.
    #[track_caller]
    #[must_use]
    pub fn new(cell: C, of_candidates: &[Dropout]) -> Self {
        let (variables, given) = (cell.state_sizes().len(), of_candidates.len());
        assert!(
            given == variables,
            "recurrent dropout: a state of {variables} variables needs a rate for each, not {given}"
        );
        Self { cell, of_candidates: of_candidates.to_vec() }
    }

    /// Draws the masks of a run over a sequence with these extents `[T, B, I]`.
    fn sample<T: Scalar>(
        &self,
        mut rng: &mut dyn Rng,
        [steps, batch, _]: [usize; 3],
        options: RunOptions<'_, T>,
    ) -> Sampled<'_, T, C> {
        let variables = self.of_candidates.iter().zip(self.cell.state_sizes());
        let masks = variables.map(|(dropout, size)| {
            let extents = Shape::from([steps, batch, size]);
            let mask = dropout.mask_of_steps(&mut rng, &extents)?;
            Some(Mask::new(options.of_steps(mask.broadcast_to(&extents))))
        });
        let written = masks.collect();
        Sampled { cell: &self.cell, input: None, read: Vec::new(), written }
    }
}

impl<T: Scalar, C: Cell<T>> Cell<T> for RecurrentDropout<C> {
    type State<'t> = C::State<'t>;

    #[track_caller]
    fn step<'t>(&self, x: Var<'t, T>, state: Self::State<'t>) -> (Var<'t, T>, Self::State<'t>) {
        self.cell.step(x, state)
    }
}

layer_of_noisy_cell!(RecurrentDropout, NoisyCell, expect_effects);
