//! Maps of features as cells without a state.

/// Implements [`Cell`] for a map of features without a state.
macro_rules! cell_without_state {
    ($map:ident) => {
        impl<T: Scalar> $crate::core::cell::Cell<T> for $map<T> {
            type State<'t> = ();

            #[track_caller]
            fn step<'t>(&self, x: Var<'t, T>, (): ()) -> (Var<'t, T>, ()) {
                (self.forward(x), ())
            }
        }

        impl<T> $crate::core::cell::StateSizes for $map<T> {
            fn state_sizes(&self) -> Vec<usize> {
                vec![]
            }
        }
    };
}
pub(super) use cell_without_state;
