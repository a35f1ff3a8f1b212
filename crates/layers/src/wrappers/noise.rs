//! Cells with noise in training, run over a sequence.

use bptt_autodiff::Var;
use bptt_tensor::{Scalar, Tensor};

use crate::core::cell::Cell;
use crate::core::noise::{Mask, Noise, NoisyCell};

/// A cell with one draw of its noise.
pub(crate) struct Sampled<'c, T, C> {
    pub(crate) cell: &'c C,
    /// The factors of the input, `[B, I]`.
    pub(crate) input: Option<Tensor<T>>,
    /// The factors of each variable of the state where it is read, `[B, S]`.
    pub(crate) read: Vec<Option<Mask<T>>>,
    /// The factors of each candidate that is written into a variable of the state, `[T, B, S]`.
    pub(crate) written: Vec<Option<Mask<T>>>,
}

impl<T: Scalar, C: NoisyCell<T>> Cell<T> for Sampled<'_, T, C> {
    type State<'t> = C::State<'t>;

    #[track_caller]
    fn step<'t>(&self, x: Var<'t, T>, state: Self::State<'t>) -> (Var<'t, T>, Self::State<'t>) {
        let x = match &self.input {
            Some(mask) => x * mask,
            None => x,
        };
        let noise = Noise { read: &self.read, written: &self.written };
        self.cell.noisy_step(x, state, &noise)
    }
}

impl<T, C> Sampled<'_, T, C> {
    /// Checks, after a step was recorded, that all noise has an effect.
    ///
    /// # Panics
    ///
    /// If there is noise on a variable that the equations do not read, or do not write, through `Noise`.
    #[track_caller]
    pub(crate) fn expect_effects(&self) {
        let is_idle =
            |mask: &Option<Mask<T>>| mask.as_ref().is_some_and(|mask| !mask.is_used.get());
        if let Some(variable) = self.read.iter().position(is_idle) {
            panic!(
                "variational dropout: no product reads variable {variable} of the state; give it a rate of 0"
            );
        }
        if let Some(variable) = self.written.iter().position(is_idle) {
            panic!(
                "recurrent dropout: no candidate is written into variable {variable} of the state; give it a \
                 rate of 0"
            );
        }
    }
}

/// Implements [`Layer`](crate::Layer) for a wrapper `$noisy<C>` with a `cell: C`. In training, it runs the cell that
/// `sample(rng, [T, B, I], options)` draws, and `$check` checks that cell afterwards. In evaluation, it runs as a cell.
macro_rules! layer_of_noisy_cell {
    ($noisy:ident, $cell:ident $(, $check:ident)?) => {
        impl<T: Scalar, C: $cell<T> + StateSizes> $crate::sequence::layer::Layer<T> for $noisy<C> {
            type State<'t> = <C as Cell<T>>::State<'t>;

            fn start<'t>(&self, tape: &'t bptt_autodiff::Tape<T>, batch: usize) -> Self::State<'t> {
                self.cell.zero_state(tape, batch)
            }

            #[track_caller]
            fn run<'t>(
                &self,
                xs: Var<'t, T>,
                state: Self::State<'t>,
                options: $crate::sequence::options::RunOptions<'_, T>,
            ) -> (Var<'t, T>, Self::State<'t>) {
                let extents = options.extents(xs);
                match options.in_training(|rng| self.sample(rng, extents, options)) {
                    Some(sampled) => {
                        let outcome = $crate::sequence::run::run(&sampled, xs, state, options);
                        $(sampled.$check();)?
                        outcome
                    }
                    None => $crate::sequence::run::run(self, xs, state, options),
                }
            }
        }

        impl<T: Scalar, C: $cell<T> + StateSizes> $crate::sequence::stepwise::Stepwise<T> for $noisy<C> {
            #[track_caller]
            fn advance<'t>(
                &self,
                x: Var<'t, T>,
                state: Self::State<'t>,
            ) -> (Var<'t, T>, Self::State<'t>) {
                self.step(x, state)
            }
        }
    };
}
pub(crate) use layer_of_noisy_cell;
