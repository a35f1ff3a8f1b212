//! Functions of single elements that the caller brings.

use std::fmt;
use std::sync::Arc;

/// A function of the elements at one place of several arrays, as a loop over slices.
///
/// The slices have the same length, which is arbitrary. The kernel sets every element of the output, and reads no more
/// than the elements at the same place of the inputs: an array is computed in parts of any size, by any thread.
#[derive(Clone)]
pub struct Kernel<T> {
    name: &'static str,
    function: Arc<Function<T>>,
}

type Function<T> = dyn Fn(&[&[T]], &mut [T]) + Send + Sync;

impl<T> Kernel<T> {
    /// A kernel from its name and its loop.
    pub fn new(
        name: &'static str,
        function: impl Fn(&[&[T]], &mut [T]) + Send + Sync + 'static,
    ) -> Self {
        Self { name, function: Arc::new(function) }
    }

    /// The kernel's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Computes the output from the inputs.
    pub fn run(&self, inputs: &[&[T]], output: &mut [T]) {
        (self.function)(inputs, output);
    }
}

impl<T> PartialEq for Kernel<T> {
    /// Whether both are clones of one kernel.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.function, &other.function)
    }
}

impl<T> fmt::Debug for Kernel<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Kernel").field(&self.name).finish()
    }
}
