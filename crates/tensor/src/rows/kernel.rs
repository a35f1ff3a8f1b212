//! Functions that the caller defines.

use std::array;
use std::fmt;
use std::sync::Arc;

use crate::cpu::simd::vectorize;
use crate::scalar::Scalar;

/// A function of several arrays, over slices. It sets every element of the output.
///
/// In a [phase](super::Phase) it is elementwise. The slices have the same, arbitrary length, because an array is computed
/// in parts of any size, by any thread. An element of the output depends on the elements of the inputs at the same
/// position.
///
/// In [`Instruction::Apply`](super::Instruction::Apply), the slices are a whole row of each operand.
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
