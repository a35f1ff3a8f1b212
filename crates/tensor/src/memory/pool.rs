//! Pooled buffers, which later tensors reuse.
//!
//! A training step makes tensors of the same sizes again and again. A fresh allocation costs
//! several times the arithmetic done in it: page faults for a large tensor, the allocator for a
//! small one. So the last owner of a buffer returns it, with its reference count, to the thread
//! that made it. There it joins the free list of its size class, and the next tensor of about that
//! size finds it warm in the cache.
//!
//! A buffer that another thread drops waits for the thread that made it. That thread collects it when a list is
//! empty. So buffers that cross threads are reused, and no thread keeps more than it had in use at once. All threads
//! together keep a [limited](LIMIT_BYTES) amount. A thread that ends frees its buffers.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, MutexGuard};

use num_traits::Float;

use super::classes::{class_holding, class_len, class_within};
use super::limit::Limit;
use crate::cpu::simd::LINE;

/// An element type that each thread has a pool of buffers for.
pub trait Poolable: Float + 'static {
    /// Calls `lend` with this thread's pool of buffers. Returns `None` once the thread is shutting
    /// down.
    #[doc(hidden)]
    fn with_pool<R>(lend: impl FnOnce(&mut Pool<Self>) -> R) -> Option<R>;
}

macro_rules! poolable {
    ($t:ident) => {
        impl Poolable for $t {
            #[inline]
            fn with_pool<R>(lend: impl FnOnce(&mut Pool<Self>) -> R) -> Option<R> {
                thread_local! {
                    static POOL: RefCell<Pool<$t>> = const { RefCell::new(Pool::new()) };
                }
                POOL.try_with(|pool| lend(&mut pool.borrow_mut())).ok()
            }
        }
    };
}

poolable!(f32);
poolable!(f64);

/// The free lists of a thread by size class.
#[derive(Debug)]
pub struct Pool<T> {
    free: Vec<Vec<Arc<Pooled<T>>>>,
    /// Bytes reserved from the process's limit and not yet used by the free lists.
    room: usize,
    /// The home of the buffers that are made here. `None` before the first buffer.
    home: Option<Arc<Home<T>>>,
}

/// The most bytes that all threads keep for reuse. Memory beyond it returns to the system.
const LIMIT_BYTES: usize = 1 << 30;

static LIMIT: Limit = Limit::new(LIMIT_BYTES);

/// The bytes that a thread reserves of the limit at a time, so that threads seldom contend for it.
const SHARE_BYTES: usize = 1 << 16;

impl<T> Pool<T> {
    pub(crate) const fn new() -> Self {
        Self { free: Vec::new(), room: 0, home: None }
    }

    fn take(&mut self, class: usize) -> Option<Arc<Pooled<T>>> {
        let buffer = self.free.get_mut(class)?.pop()?;
        self.room += buffer.bytes();
        if self.room > 2 * SHARE_BYTES {
            self.give_back();
        }
        Some(buffer)
    }

    /// Keeps a buffer that was made here, unless the limit of the process is reached. Returns a buffer that was made
    /// elsewhere.
    fn put(&mut self, buffer: Arc<Pooled<T>>) -> Option<Arc<Pooled<T>>> {
        let home = |home: &Option<Arc<Home<T>>>| home.as_ref().map(Arc::as_ptr);
        if home(&self.home) != home(&buffer.home) {
            return Some(buffer);
        }
        let bytes = buffer.bytes();
        if bytes <= self.room || self.reserve(bytes) {
            self.room -= bytes;
            self.keep(buffer);
        }
        None
    }

    fn keep(&mut self, buffer: Arc<Pooled<T>>) {
        let class = class_within(buffer.as_slice().len());
        if self.free.len() <= class {
            self.free.resize_with(class + 1, Vec::new);
        }
        self.free[class].push(buffer);
    }

    #[cold]
    fn reserve(&mut self, bytes: usize) -> bool {
        let share = bytes.max(SHARE_BYTES);
        let is_granted = LIMIT.reserve(share);
        self.room += if is_granted { share } else { 0 };
        is_granted
    }

    /// Returns all reserved but unused bytes to the limit, except one share.
    #[cold]
    fn give_back(&mut self) {
        LIMIT.give_back(self.room - SHARE_BYTES);
        self.room = SHARE_BYTES;
    }

    /// Collects the buffers that other threads have dropped.
    fn take_in(&mut self) {
        let waiting = self.home.as_ref().and_then(|home| home.lock().as_mut().map(std::mem::take));
        for buffer in waiting.into_iter().flatten() {
            self.keep(buffer); // its bytes were reserved when it was dropped
        }
    }

    /// Frees all buffers.
    fn clear(&mut self) {
        self.take_in();
        LIMIT.give_back(self.room + bytes_of(self.free.iter().flatten()));
        self.free.clear();
        self.room = 0;
    }
}

impl<T: Poolable> Pool<T> {
    /// A buffer for an empty list: one that another thread has dropped, or a new one.
    #[cold]
    fn make(&mut self, class: usize) -> Arc<Pooled<T>> {
        self.take_in();
        self.take(class).unwrap_or_else(|| {
            let home = self.home.get_or_insert_with(|| Arc::new(Home::new()));
            Pooled::zeros(class_len(class), Some(home.clone()))
        })
    }
}

impl<T> Drop for Pool<T> {
    fn drop(&mut self) {
        self.clear();
        if let Some(home) = &self.home {
            let late = home.lock().take();
            LIMIT.give_back(bytes_of(late.iter().flatten()));
        }
    }
}

fn bytes_of<'a, T: 'a>(buffers: impl Iterator<Item = &'a Arc<Pooled<T>>>) -> usize {
    buffers.map(|buffer| buffer.bytes()).sum()
}

/// The buffers of a thread that other threads have dropped.
#[derive(Debug)]
struct Home<T> {
    /// `None` once the thread has ended.
    waiting: Mutex<Option<Vec<Arc<Pooled<T>>>>>,
    /// Keeps a buffer in the pool of the current thread. A field rather than a call through
    /// [`Poolable`], since `Drop` must work for any `T`: a struct with a tensor in it then needs no
    /// bound on its type parameter.
    recycle: fn(Arc<Pooled<T>>),
}

impl<T: Poolable> Home<T> {
    fn new() -> Self {
        fn recycle<T: Poolable>(buffer: Arc<Pooled<T>>) {
            let of_another = T::with_pool(|pool| pool.put(buffer)).flatten();
            if let Some(buffer) = of_another
                && let Some(home) = buffer.home.clone()
            {
                home.receive(buffer);
            }
        }
        Self { waiting: Mutex::new(Some(Vec::new())), recycle: recycle::<T> }
    }
}

impl<T> Home<T> {
    fn lock(&self) -> MutexGuard<'_, Option<Vec<Arc<Pooled<T>>>>> {
        self.waiting.lock().expect("nothing panics while it is locked")
    }

    /// Keeps a buffer of the thread, unless the thread has ended or the limit of the process is reached.
    fn receive(&self, buffer: Arc<Pooled<T>>) {
        if let Some(waiting) = &mut *self.lock()
            && LIMIT.reserve(buffer.bytes())
        {
            waiting.push(buffer);
        }
    }
}

/// The memory of a buffer, with a reference to the pool that made it.
#[derive(Debug)]
pub(crate) struct Pooled<T> {
    memory: Vec<T>,
    /// The index of the first element in `memory`.
    start: usize,
    /// The home of the pool that made the buffer. `None` for memory that a caller brought, which no
    /// pool keeps.
    home: Option<Arc<Home<T>>>,
}

impl<T: Poolable> Pooled<T> {
    /// Returns a buffer of `len` zeros, which starts at a cache line unless it is short. A register
    /// is as wide as a line, and a load or store across two lines takes twice as long.
    fn zeros(len: usize, home: Option<Arc<Home<T>>>) -> Arc<Self> {
        let spare = LINE / size_of::<T>() - 1;
        if len <= spare {
            return Arc::new(Self { memory: vec![T::zero(); len], start: 0, home });
        }
        let mut memory = vec![T::zero(); len + spare];
        let start = memory.as_ptr().align_offset(LINE).min(spare);
        memory.truncate(start + len);
        Arc::new(Self { memory, start, home })
    }
}

impl<T> Pooled<T> {
    fn as_slice(&self) -> &[T] {
        &self.memory[self.start..]
    }

    fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.memory[self.start..]
    }

    #[inline]
    fn bytes(&self) -> usize {
        (self.memory.len() - self.start) * size_of::<T>()
    }
}

/// A shared buffer. When its last owner is dropped, it returns to the pool that made it.
#[derive(Debug)]
pub(crate) struct Buffer<T>(Option<Arc<Pooled<T>>>);

impl<T: Poolable> Buffer<T> {
    /// A buffer of at least `len` elements with *unspecified* values. The caller must write every
    /// element before reading it.
    #[inline(never)]
    pub(crate) fn take(len: usize) -> Self {
        let class = class_holding(len);
        let pooled = |pool: &mut Pool<T>| pool.take(class).unwrap_or_else(|| pool.make(class));
        let mut buffer =
            T::with_pool(pooled).unwrap_or_else(|| Pooled::zeros(class_len(class), None));
        if cfg!(debug_assertions)
            && let Some(pooled) = Arc::get_mut(&mut buffer)
        {
            // NaN reveals a kernel that reads an element before it writes it
            pooled.as_mut_slice()[..len].fill(T::nan());
        }
        Self(Some(buffer))
    }

    pub(crate) fn from_vec(elements: Vec<T>) -> Self {
        Self(Some(Arc::new(Pooled { memory: elements, start: 0, home: None })))
    }

    /// The elements for writing, if the buffer has one owner.
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
            && let Some(home) = &pooled.home
        {
            (home.recycle)(buffer);
        }
    }
}

/// Frees the memory that this thread keeps for reuse. Other threads keep theirs. All threads
/// together keep at most a gibibyte.
pub fn release_pooled_memory() {
    f32::with_pool(Pool::clear);
    f64::with_pool(Pool::clear);
}

/// The bytes that all threads keep for reuse, or have reserved for that purpose. Each thread
/// reserves at most some KiB beyond the bytes that it keeps.
#[doc(hidden)]
#[must_use]
pub fn pooled_bytes() -> usize {
    LIMIT.reserved()
}

#[cfg(test)]
mod tests {
    use super::*;

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
