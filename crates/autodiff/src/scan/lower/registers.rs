//! Register allocation: the small buffers of values that pass from one function of a fused sequence to another.

use std::collections::HashMap;

use bptt_tensor::Scalar;
use bptt_tensor::rows::{Buffer, Lifetime, Role, View};

use crate::scan::lower::classify::Classified;
use crate::scan::lower::combine::Combined;
use crate::scan::lower::lifetimes::Lifetimes;
use crate::scan::lower::memory::Memory;
use crate::scan::lower::timeline::{Item, Level, Timeline};

/// Gives a register to each value of a fused sequence that has no place in memory, until its last
/// reader.
pub(crate) fn allocate_registers<T: Scalar>(
    memory: &mut Memory,
    step: &Classified<T>,
    combined: &Combined,
    timeline: &Timeline,
    lifetimes: &Lifetimes<'_, T>,
) {
    let mut known = HashMap::new();
    for level in timeline.before.iter().chain(&timeline.step).chain(&timeline.after) {
        let sequence = Registers {
            memory,
            known: &mut known,
            free: HashMap::new(),
            unused: HashMap::new(),
            released: Vec::new(),
        };
        sequence.allocate(step, combined, level, lifetimes);
    }
}

/// Buffers of one kind: a lifetime and a width.
type RegisterKind = (Lifetime, usize);

/// The registers of one fused sequence.
struct Registers<'a> {
    memory: &'a mut Memory,
    /// The registers of all sequences.
    known: &'a mut HashMap<RegisterKind, Vec<usize>>,
    /// Registers whose contents are no longer read.
    free: HashMap<RegisterKind, Vec<usize>>,
    /// The number of known registers that this sequence has not used yet.
    unused: HashMap<RegisterKind, usize>,
    /// Registers of blocks that become free in the next phase. In this phase they are still in use,
    /// since values that are read for all columns are read again for every chunk.
    released: Vec<usize>,
}

impl Registers<'_> {
    fn allocate<T: Scalar>(
        mut self,
        step: &Classified<T>,
        combined: &Combined,
        level: &Level,
        lifetimes: &Lifetimes<'_, T>,
    ) {
        // a register becomes free after its last reader, so that reader's own target is another
        // register
        let mut last_readers = HashMap::new();
        for &item in level.phases.values().flatten() {
            for input in item.reads(step, combined) {
                last_readers.insert(step.source(input), item);
            }
        }
        for items in level.phases.values() {
            for buffer in std::mem::take(&mut self.released) {
                self.free(buffer);
            }
            for &item in items {
                if let Item::Compute(id) | Item::Place { id, .. } = item
                    && self.memory.home(id).is_none()
                {
                    let lifetime =
                        lifetimes.in_registers(id).expect("a value that others read has a home");
                    let register = self.take((lifetime, step.width(id)));
                    self.memory.put(id, register);
                }
                for input in item.reads(step, combined) {
                    let input = step.source(input);
                    if last_readers.get(&input) == Some(&item) {
                        last_readers.remove(&input); // an item may read a value twice
                        self.release(input);
                    }
                }
            }
        }
    }

    /// A register that is free, one of an earlier sequence, or a new one.
    fn take(&mut self, kind: RegisterKind) -> usize {
        if let Some(buffer) = self.free.get_mut(&kind).and_then(Vec::pop) {
            return buffer;
        }
        let known = self.known.entry(kind).or_default();
        let unused = self.unused.entry(kind).or_insert(known.len());
        if *unused > 0 {
            *unused -= 1;
            return known[*unused];
        }
        let (lifetime, width) = kind;
        let buffer = self.memory.add(lifetime, width, Role::Internal);
        known.push(buffer);
        buffer
    }

    fn free(&mut self, buffer: usize) {
        let Buffer { lifetime, width, .. } = self.memory.buffers[buffer];
        self.free.entry((lifetime, width)).or_default().push(buffer);
    }

    fn release(&mut self, id: u32) {
        let Some(View { buffer, .. }) = self.memory.home(id) else { return };
        match self.memory.buffers[buffer].lifetime {
            Lifetime::Chunk => self.free(buffer),
            Lifetime::Block => self.released.push(buffer),
            _ => {}
        }
    }
}
