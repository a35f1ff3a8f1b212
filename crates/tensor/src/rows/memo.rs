//! What the stage before the loop computed, kept for entries that come again.

use std::collections::HashMap;

use super::buffer::Lifetime;
use super::program::RowProgram;
use crate::scalar::Scalar;

/// The results of the stage before the loop, by the entries that it read.
pub(super) struct Memo<T> {
    /// The most entries that are kept.
    capacity: usize,
    /// The buffers of the entries.
    entries: Vec<usize>,
    /// The buffers that the stage writes for others.
    results: Vec<usize>,
    /// The results, one buffer after the other, by the bits of the entries.
    known: HashMap<Box<[u64]>, Box<[T]>>,
    /// The bits of the current entries.
    key: Vec<u64>,
}

impl<T: Scalar> Memo<T> {
    /// An empty memo for up to `capacity` different values of these buffers.
    pub(super) fn new(program: &RowProgram<T>, entries: Vec<usize>, capacity: usize) -> Self {
        // the others are read by the stage alone
        let is_result = |&buffer: &usize| {
            let lifetime = program.buffers[buffer].lifetime;
            !matches!(lifetime, Lifetime::Piece | Lifetime::Block | Lifetime::Chunk)
        };
        let written = program.before.iter().flat_map(|it| it.written()).map(|view| view.buffer);
        let mut results: Vec<usize> = written.filter(is_result).collect();
        results.sort_unstable();
        results.dedup();
        Self { capacity, entries, results, known: HashMap::new(), key: Vec::new() }
    }

    /// Forgets all results.
    pub(super) fn clear(&mut self) {
        self.known.clear();
    }

    /// Copies the results for the current entries to their buffers. Returns whether they are known.
    pub(super) fn recall(&mut self, buffers: &mut impl Buffers<T>) -> bool {
        let Self { entries, results, known, key, .. } = self;
        key.clear();
        for &entry in &*entries {
            key.extend(buffers.buffer(entry).iter().map(|x| x.as_f64().to_bits()));
        }
        let Some(mut rest) = known.get(&key[..]).map(|values| &values[..]) else { return false };
        for &result in &*results {
            let buffer = buffers.buffer_mut(result);
            let (values, others) = rest.split_at(buffer.len());
            buffer.copy_from_slice(values);
            rest = others;
        }
        true
    }

    /// Keeps the results that the stage has just computed for the entries of the last
    /// [`recall`](Self::recall), if there is room.
    pub(super) fn keep(&mut self, buffers: &impl Buffers<T>) {
        if self.known.len() < self.capacity {
            let values = self.results.iter().flat_map(|&it| buffers.buffer(it)).copied().collect();
            self.known.insert(self.key[..].into(), values);
        }
    }
}

/// The elements of buffers, by their index in the program.
pub(super) trait Buffers<T> {
    fn buffer(&self, index: usize) -> &[T];

    fn buffer_mut(&mut self, index: usize) -> &mut [T];
}
