//! Cells with noise in training.

/// Implements [`Layer`](crate::Layer) for a cell `$noisy<C>` around a `cell: C`: in training it is run as what its
/// `sample(rng, [T, B, I])` draws, and else as itself.
macro_rules! layer_of_noisy_cell {
    ($noisy:ident) => {
        impl<T: Scalar, C: Cell<T> + StateSizes> $crate::Layer<T> for $noisy<C> {
            type State<'t> = <C as Cell<T>>::State<'t>;

            fn start<'t>(&self, tape: &'t bptt_autodiff::Tape<T>, batch: usize) -> Self::State<'t> {
                self.cell.zero_state(tape, batch)
            }

            #[track_caller]
            fn run<'t>(
                &self,
                xs: Var<'t, T>,
                state: Self::State<'t>,
                way: $crate::Way<'_, T>,
            ) -> (Var<'t, T>, Self::State<'t>) {
                let shape = $crate::way::sequence_shape(xs);
                match way.in_training(|rng| self.sample(rng, shape)) {
                    Some(sampled) => $crate::sequence::run(&sampled, xs, state, way),
                    None => $crate::sequence::run(self, xs, state, way),
                }
            }

            #[track_caller]
            fn last<'t>(
                &self,
                xs: Var<'t, T>,
                state: Self::State<'t>,
                way: $crate::Way<'_, T>,
            ) -> (Var<'t, T>, Self::State<'t>) {
                let shape = $crate::way::sequence_shape(xs);
                match way.in_training(|rng| self.sample(rng, shape)) {
                    Some(sampled) => $crate::sequence::last(&sampled, xs, state, way),
                    None => $crate::sequence::last(self, xs, state, way),
                }
            }

            fn leaves<'t>(&self, state: &Self::State<'t>) -> Vec<Var<'t, T>> {
                state.leaves()
            }

            fn rebuild<'t>(&self, leaves: &mut dyn Iterator<Item = Var<'t, T>>) -> Self::State<'t> {
                State::rebuild(leaves)
            }
        }

        impl<T: Scalar, C: Cell<T> + StateSizes> $crate::Stepwise<T> for $noisy<C> {
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
