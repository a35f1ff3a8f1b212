//! Elementwise functions that the caller defines.

use std::array;
use std::fmt;
use std::sync::Arc;

use crate::cpu::simd::vectorize;
use crate::scalar::Scalar;

/// An elementwise function of several arrays, as a loop over slices.
///
/// The slices have the same, arbitrary length, because an array is computed in parts of any size,
/// by any thread. The kernel sets every element of the output from the elements of the inputs at
/// the same position.
#[derive(Clone)]
pub struct Kernel<T>(Arc<Function<T>>);

type Function<T> = dyn Fn(&[&[T]], &mut [T]) + Send + Sync;

impl<T> Kernel<T> {
    /// A kernel from its loop, which computes the output from the inputs.
    pub fn new(function: impl Fn(&[&[T]], &mut [T]) + Send + Sync + 'static) -> Self {
        Self(Arc::new(function))
    }

    /// A kernel from the function of the elements at one position.
    pub fn of_elements<const N: usize>(
        function: impl Fn([T; N]) -> T + Send + Sync + 'static,
    ) -> Self
    where
        T: Scalar,
    {
        Self::new(move |inputs, output| {
            let inputs: [&[T]; N] = array::from_fn(|i| &inputs[i][..output.len()]);
            vectorize(
                #[inline(always)]
                || {
                    for (i, y) in output.iter_mut().enumerate() {
                        *y = function(inputs.map(|x| x[i]));
                    }
                },
            );
        })
    }

    /// Computes the output from the inputs.
    pub fn run(&self, inputs: &[&[T]], output: &mut [T]) {
        (self.0)(inputs, output);
    }
}

impl<T> PartialEq for Kernel<T> {
    /// Whether both are clones of one kernel.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<T> fmt::Debug for Kernel<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kernel")
    }
}
