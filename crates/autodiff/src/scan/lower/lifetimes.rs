//! Liveness: the lifetime of each value.

use bptt_tensor::Scalar;
use bptt_tensor::rows::Lifetime;

use crate::scan::lower::classify::{Classified, RowClass};
use crate::scan::lower::combine::Combined;
use crate::scan::lower::schedule::{Schedule, Slot};
use crate::scan::lower::stages::Stage;

/// The lifetimes of the values of a step.
pub(crate) struct Lifetimes<'a, T> {
    step: &'a Classified<T>,
    schedule: &'a Schedule,
    combined: &'a Combined,
    /// The first and last slot in which each value is read, directly or through views and joins
    /// that are not copies.
    readings: Vec<Option<(Slot, Slot)>>,
}

impl<'a, T: Scalar> Lifetimes<'a, T> {
    pub(crate) fn new(
        step: &'a Classified<T>,
        schedule: &'a Schedule,
        combined: &'a Combined,
    ) -> Self {
        let mut readings: Vec<Option<(Slot, Slot)>> = vec![None; step.program.nodes.len()];
        for id in (0..step.program.nodes.len() as u32).rev() {
            let summed = schedule.row_sums.get(&id).map(|sums| (sums.slot, sums.slot));
            let readers =
                step.readers[id as usize].iter().filter_map(|&reader| match step.class(reader) {
                    class if class.passes_on() => readings[reader as usize],
                    RowClass::Summand => None,
                    _ => {
                        let slot = combined.order(schedule, reader).0;
                        Some((slot, slot))
                    }
                });
            let join = |a: (Slot, Slot), b: (Slot, Slot)| (a.0.min(b.0), a.1.max(b.1));
            readings[id as usize] = readers.chain(summed).reduce(join);
        }
        Self { step, schedule, combined, readings }
    }

    /// The lifetime of a value in memory.
    pub(crate) fn of(&self, id: u32) -> Lifetime {
        let stage = self.combined.order(self.schedule, id).0.stage;
        let is_near = self.is_always_read(id, |slot| slot.stage == stage);
        match stage {
            _ if self.step.multiplied[id as usize] || !is_near => Lifetime::Segment,
            Stage::Step => Lifetime::Step,
            Stage::Before | Stage::After => Lifetime::Piece,
        }
    }

    /// The lifetime of a value that is read only by the fused sequence that computes it: a chunk of
    /// its phase, or a block of all phases. `None` if others read it, too.
    pub(crate) fn in_registers(&self, id: u32) -> Option<Lifetime> {
        let own = self.schedule.slot(id);
        if self.combined.is_started(id) || self.step.multiplied[id as usize] {
            return None;
        }
        if !self.step.class(id).is_known_late() && self.is_always_read(id, |slot| slot == own) {
            return Some(Lifetime::Chunk);
        }
        self.is_always_read(id, |slot| slot.is_fused_with(own)).then_some(Lifetime::Block)
    }

    /// Whether a value is read only in slots with this property. The property must hold for all
    /// slots between any two for which it holds.
    fn is_always_read(&self, id: u32, when: impl Fn(Slot) -> bool) -> bool {
        self.readings[id as usize].is_none_or(|(first, last)| when(first) && when(last))
    }
}
