//! Dropout that drops the same units at every step.

use bptt_autodiff::Var;
use bptt_tensor::{Scalar, Shape};
use rand::Rng;

use super::noise::{Sampled, layer_of_noisy_cell};
use crate::core::cell::{Cell, StateSizes};
use crate::core::module::Module;
use crate::core::noise::{Mask, NoisyCell};
use crate::feedforward::dropout::Dropout;
use crate::sequence::options::RunOptions;

/// A cell with variational dropout (Gal and Ghahramani 2016): in [training](crate::Recurrence::training), units of
/// the input and of the state are dropped where matrix products read them. The same units of a sequence are dropped
/// at every step.
///
/// ```text
/// h̃ = h₋ ⊙ m     m = 0 with probability p, else 1/(1 − p), drawn for each sequence
/// ```
///
/// Products with weights read `h̃` in place of `h₋`. These include peepholes, and `r ⊙ h₋` of a GRU, which is
/// multiplied by a weight matrix. The carried state has no noise, such as the `c` of an LSTM and the `h₋` in a GRU's
/// `z ⊙ h₋`. Each variable of the state has its own rate `p`. The rate is 0 for a variable that no product reads.
///
/// As a [`Cell`], for instance in a stepper, it runs without noise, as in evaluation.
///
/// ```
/// use bptt_autodiff::Tape;
/// use bptt_layers::{Dropout, Layer, Lstm, Recurrence, VariationalDropout};
/// use bptt_tensor::Tensor;
///
/// let mut rng = bptt_layers::rng(0);
/// let lstm = Lstm::<f32>::new(&mut rng, 3, 4);
/// let [quarter, none] = [0.25, 0.0].map(Dropout::new);
/// let layer = VariationalDropout::new(lstm, quarter, &[quarter, none]); // of x, of h and of c
/// let tape = Tape::new();
/// let xs = tape.constant(Tensor::ones([7, 2, 3]));
/// let (training, _) = Recurrence::new(&layer).training(&mut rng).run(xs, layer.start(&tape, 2));
/// let (evaluation, _) = layer.forward(xs);
/// assert_ne!(training.value(), evaluation.value());
/// ```
#[derive(Clone, Debug, Module)]
pub struct VariationalDropout<C> {
    /// The cell.
    pub cell: C,
    #[module(skip)]
    of_input: Dropout,
    #[module(skip)]
    of_state: Vec<Dropout>,
}

impl<C: StateSizes> VariationalDropout<C> {
    /// Wraps a cell, with dropout of the input and of each variable of the state, in the order of its leaves.
    ///
    /// # Panics
    ///
    /// If there is not one dropout for each variable of the state.
    #[track_caller]
    #[must_use]
    pub fn new(cell: C, of_input: Dropout, of_state: &[Dropout]) -> Self {
        let (variables, given) = (cell.state_sizes().len(), of_state.len());
        assert!(
            given == variables,
            "variational dropout: a state of {variables} variables needs a rate for each, not {given}"
        );
        Self { cell, of_input, of_state: of_state.to_vec() }
    }

    /// Draws the masks of a run over a sequence with these extents `[T, B, I]`.
    fn sample<T: Scalar>(
        &self,
        mut rng: &mut dyn Rng,
        [_, batch, input_size]: [usize; 3],
        options: RunOptions<'_, T>,
    ) -> Sampled<'_, T, C> {
        let mut mask = |dropout: &Dropout, size| {
            let mask = dropout.mask(&mut rng, Shape::from([batch, size]));
            mask.map(|mask| options.of_sequences(mask))
        };
        let input = mask(&self.of_input, input_size);
        let variables = self.of_state.iter().zip(self.cell.state_sizes());
        let read = variables.map(|(dropout, size)| mask(dropout, size).map(Mask::new)).collect();
        Sampled { cell: &self.cell, input, read, written: Vec::new() }
    }
}

impl<T: Scalar, C: Cell<T>> Cell<T> for VariationalDropout<C> {
    type State<'t> = C::State<'t>;

    #[track_caller]
    fn step<'t>(&self, x: Var<'t, T>, state: Self::State<'t>) -> (Var<'t, T>, Self::State<'t>) {
        self.cell.step(x, state)
    }
}

layer_of_noisy_cell!(VariationalDropout, NoisyCell, expect_effects);
