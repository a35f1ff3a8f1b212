//! Buffers that outlive the tensors they served.
//!
//! A training step makes the same tensors again and again; a fresh allocation for each costs
//! several times the arithmetic done in it (page faults for large ones, the allocator for small
//! ones). So the last owner of a buffer returns it, with its reference count, to a free list of
//! its thread and size class, where the next tensor of about that size finds it warm.

use std::sync::Arc;

use crate::Scalar;
use crate::scalar::Kernels;
use crate::simd::LINE;

/// Free lists by size class. There are four classes to each doubling, so that at most a fifth of
/// a buffer lies idle.
#[derive(Debug)]
pub struct Pool<T> {
    free: Vec<Vec<Arc<Pooled<T>>>>,
    held_bytes: usize,
}

/// What a thread keeps at most for reuse; beyond it, memory returns to the system.
const LIMIT_BYTES: usize = 1 << 30;

const SMALLEST: usize = 4;

impl<T> Pool<T> {
    pub(crate) const fn new() -> Self {
        Self { free: Vec::new(), held_bytes: 0 }
    }

    fn take(&mut self, class: usize) -> Option<Arc<Pooled<T>>> {
        let buffer = self.free.get_mut(class)?.pop()?;
        self.held_bytes -= size_of_val(buffer.as_slice());
        Some(buffer)
    }

    fn put(&mut self, buffer: Arc<Pooled<T>>) {
        let len = buffer.as_slice().len();
        let bytes = size_of_val(buffer.as_slice());
        if len < SMALLEST || self.held_bytes + bytes > LIMIT_BYTES {
            return;
        }
        let class = class_within(len);
        if self.free.len() <= class {
            self.free.resize_with(class + 1, Vec::new);
        }
        self.held_bytes += bytes;
        self.free[class].push(buffer);
    }
}

/// The largest class whose buffers need no more than `len` elements.
fn class_within(len: usize) -> usize {
    let log = len.ilog2();
    (log as usize - 2) * 4 + ((len >> (log - 2)) & 3)
}

/// The number of elements of a buffer of this class: 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, …
fn class_len(class: usize) -> usize {
    (4 + class % 4) << (class / 4)
}

/// The smallest class whose buffers hold `len` elements.
fn class_holding(len: usize) -> usize {
    if len <= SMALLEST {
        return 0;
    }
    let class = class_within(len);
    class + usize::from(class_len(class) < len)
}

/// Elements, and the way back to the pool of their type.
#[derive(Debug)]
pub(crate) struct Pooled<T> {
    memory: Vec<T>,
    /// Where the elements start in it.
    start: usize,
    /// Stored rather than found through [`Scalar`]: dropping must work for any `T`, so that a
    /// struct with a tensor in it needs no bound on its type parameter.
    recycle: fn(Arc<Pooled<T>>),
}

impl<T: Scalar> Pooled<T> {
    fn new(memory: Vec<T>, start: usize) -> Arc<Self> {
        fn recycle<T: Scalar>(buffer: Arc<Pooled<T>>) {
            T::with_pool(|pool| pool.put(buffer));
        }
        Arc::new(Self { memory, start, recycle: recycle::<T> })
    }

    /// So many zeros. They start at a cache line, unless they are few: registers are as wide as one, and
    /// reading and writing across two takes twice as long.
    fn zeros(len: usize) -> Arc<Self> {
        let spare = LINE / size_of::<T>() - 1;
        if len <= spare {
            return Self::new(vec![T::zero(); len], 0);
        }
        let mut memory = vec![T::zero(); len + spare];
        let start = memory.as_ptr().align_offset(LINE).min(spare);
        memory.truncate(start + len);
        Self::new(memory, start)
    }
}

impl<T> Pooled<T> {
    fn as_slice(&self) -> &[T] {
        &self.memory[self.start..]
    }

    fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.memory[self.start..]
    }
}

/// A shared buffer that returns to its thread's pool with its last owner.
#[derive(Debug)]
pub(crate) struct Buffer<T>(Option<Arc<Pooled<T>>>);

impl<T: Scalar> Buffer<T> {
    /// A buffer of at least `len` elements with *unspecified* values: whoever takes it writes
    /// every element it will read.
    pub(crate) fn take(len: usize) -> Self {
        let class = class_holding(len);
        let mut buffer = T::with_pool(|pool| pool.take(class))
            .flatten()
            .unwrap_or_else(|| Pooled::zeros(class_len(class)));
        if cfg!(debug_assertions)
            && let Some(pooled) = Arc::get_mut(&mut buffer)
        {
            // a kernel that reads what it has not written shows itself
            pooled.as_mut_slice()[..len].fill(T::nan());
        }
        Self(Some(buffer))
    }

    pub(crate) fn from_vec(elements: Vec<T>) -> Self {
        Self(Some(Pooled::new(elements, 0)))
    }

    /// The elements for writing, if nobody else reads them.
    #[inline]
    pub(crate) fn as_mut_slice(&mut self) -> Option<&mut [T]> {
        let shared = self.0.as_mut().expect("only drop empties a buffer");
        Arc::get_mut(shared).map(Pooled::as_mut_slice)
    }
}

impl<T> Buffer<T> {
    #[inline]
    pub(crate) fn as_slice(&self) -> &[T] {
        self.0.as_ref().expect("only drop empties a buffer").as_slice()
    }
}

impl<T> Clone for Buffer<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Drop for Buffer<T> {
    fn drop(&mut self) {
        if let Some(mut buffer) = self.0.take()
            && let Some(pooled) = Arc::get_mut(&mut buffer)
        {
            (pooled.recycle)(buffer);
        }
    }
}

/// Returns the memory that this thread keeps for reuse to the system: up to a gibibyte for each element
/// type. Other threads keep theirs.
pub fn release_pooled_memory() {
    f32::with_pool(|pool| *pool = Pool::new());
    f64::with_pool(|pool| *pool = Pool::new());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_ordered_and_waste_at_most_a_fifth() {
        for class in 0..100 {
            assert!(class_len(class) < class_len(class + 1));
            assert_eq!(class_within(class_len(class)), class);
        }
        for len in 4..5000 {
            let held = class_len(class_holding(len));
            assert!(held >= len, "{len} does not fit its class");
            assert!(
                len == 4 || class_len(class_holding(len) - 1) < len,
                "{len} fits a smaller class"
            );
            assert!(class_len(class_within(len)) <= len);
            assert!(
                (held - len) as f64 <= 0.2 * held as f64 + 1.0,
                "{len} wastes too much of {held}"
            );
        }
    }

    #[test]
    fn buffers_start_at_a_cache_line() {
        for len in [16, 17, 100, 1000, 4096, 100_000] {
            let buffers = [0; 3].map(|_| Buffer::<f32>::take(len));
            for buffer in &buffers {
                assert_eq!(buffer.as_slice().as_ptr().addr() % 64, 0, "of {len} elements");
            }
        }
        release_pooled_memory();
    }

    #[test]
    fn a_dropped_buffer_is_used_again_and_a_shared_one_is_not() {
        let first = Buffer::<f64>::take(1000);
        let address = first.as_slice().as_ptr();
        let shared = first.clone();
        drop(first);
        let other = Buffer::<f64>::take(1000);
        assert_ne!(other.as_slice().as_ptr(), address);
        drop(shared);
        assert_eq!(Buffer::<f64>::take(990).as_slice().as_ptr(), address);
        release_pooled_memory();
    }
}
