//! Elementwise functions that the caller defines.

use std::fmt;
use std::sync::Arc;

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
