//! Allocation: the buffer and columns of each value.

use bptt_tensor::Scalar;
use bptt_tensor::rows::{Lifetime, Role, View};

use crate::scan::lower::classify::{Classified, RowClass};
use crate::scan::lower::combine::Combined;
use crate::scan::lower::lifetimes::Lifetimes;
use crate::scan::lower::lowered::OutputSlot;
use crate::scan::lower::memory::Memory;
use crate::scan::lower::registers::allocate_registers;
use crate::scan::lower::schedule::Schedule;
use crate::scan::lower::sink_reductions::SumTerm;
use crate::scan::lower::timeline::Timeline;

/// Allocates the values that a step computes.
pub(crate) fn allocate<T: Scalar>(
    step: &Classified<T>,
    schedule: &Schedule,
    combined: &Combined,
    timeline: &Timeline,
) -> Memory {
    let lifetimes = Lifetimes::new(step, schedule, combined);
    let mut memory = Memory::new(step.program.nodes.len());
    memory.allocate_row_sums(step);
    memory.allocate_outputs(step);
    memory.allocate_states(step, &lifetimes);
    memory.allocate_joins(step, schedule, &lifetimes);
    memory.allocate_others(step, combined, &lifetimes);
    allocate_registers(&mut memory, step, combined, timeline, &lifetimes);
    memory.allocate_product_sums(step);
    memory.allocate_finals(step);
    memory
}

impl Memory {
    fn add_total<T: Scalar>(&mut self, step: &Classified<T>, sum: usize) {
        if !self.totals.contains_key(&sum) {
            let width = step.program.shape(step.program.sums[sum]).elements();
            self.outputs.push(OutputSlot::Sum(sum));
            let total = self.add(Lifetime::Total, width, Role::Output);
            self.totals.insert(sum, total);
        }
    }

    fn allocate_row_sums<T: Scalar>(&mut self, step: &Classified<T>) {
        for (index, term) in step.terms.iter().enumerate() {
            if let SumTerm::Rows { sum, .. } = *term {
                self.add_total(step, sum);
                let width = self.buffers[self.total(sum)].width;
                let partials = self.add(Lifetime::Partial, width, Role::Internal);
                self.partials.insert(index, partials);
            }
        }
    }

    fn allocate_product_sums<T: Scalar>(&mut self, step: &Classified<T>) {
        for term in &step.terms {
            if let SumTerm::Product { sum, .. } = *term {
                self.add_total(step, sum);
            }
        }
    }

    /// Gives outputs the caller's buffers.
    fn allocate_outputs<T: Scalar>(&mut self, step: &Classified<T>) {
        for (k, &id) in step.program.stacked.iter().enumerate() {
            self.outputs.push(OutputSlot::Stacked(k));
            self.settle(step, id, Lifetime::Sequence, Role::Output);
        }
    }

    /// Gives the next state the buffers from which the next step reads it.
    fn allocate_states<T: Scalar>(&mut self, step: &Classified<T>, lifetimes: &Lifetimes<'_, T>) {
        for &id in &step.program.next {
            let stays = step.program.op(id).is_none();
            if self.home(id).is_none() && !stays {
                let parts = match step.class(id) {
                    RowClass::Join { .. } => &step.program.node(id).inputs[..],
                    _ => &[],
                };
                let is_late =
                    parts.iter().chain([&id]).any(|&id| lifetimes.of(id) != Lifetime::Step);
                let lifetime = if is_late { Lifetime::Sequence } else { Lifetime::Pair };
                self.settle(step, id, lifetime, Role::Internal);
            }
        }
    }

    /// Gives the parts of a join adjacent columns of one buffer, so that no copy is needed.
    fn allocate_joins<T: Scalar>(
        &mut self,
        step: &Classified<T>,
        schedule: &Schedule,
        lifetimes: &Lifetimes<'_, T>,
    ) {
        for id in (0..step.program.nodes.len() as u32).rev() {
            let RowClass::Join { columns } = step.class(id) else { continue };
            if !step.needed[id as usize] {
                continue;
            }
            let parts = &step.program.node(id).inputs;
            let home = self.home(id).unwrap_or_else(|| {
                let stage = |id: u32| schedule.slot(id).stage;
                let own = lifetimes.of(id);
                let lasts = |&part: &u32| stage(part) == stage(id) && lifetimes.of(part) == own;
                let lifetime = if parts.iter().all(lasts) { own } else { Lifetime::Segment };
                self.settle(step, id, lifetime, Role::Internal)
            });
            for (&part, &column) in parts.iter().zip(columns) {
                let view = View { column: home.column + column, width: step.width(part), ..home };
                debug_assert!(self.home(part).is_none(), "legalized");
                self.set_home(part, view);
            }
        }
    }

    /// Gives buffers to all other values that outlive a fused sequence.
    fn allocate_others<T: Scalar>(
        &mut self,
        step: &Classified<T>,
        combined: &Combined,
        lifetimes: &Lifetimes<'_, T>,
    ) {
        for id in 0..step.program.nodes.len() as u32 {
            if self.home(id).is_some() || !step.needed[id as usize] || combined.is_contracted(id) {
                continue;
            }
            let in_memory = match step.class(id) {
                RowClass::Product { .. } => combined.sum_of(id).is_none(), // else it has the place of the sum
                RowClass::Apply => true,
                class => class.is_fused() && lifetimes.in_registers(id).is_none(),
            };
            if in_memory {
                self.settle(step, id, lifetimes.of(id), Role::Internal);
            }
        }
    }

    /// Gives the last state buffers of its own, to which it is copied.
    fn allocate_finals<T: Scalar>(&mut self, step: &Classified<T>) {
        for (j, &id) in step.program.next.iter().enumerate() {
            self.outputs.push(OutputSlot::Final(j));
            let buffer = self.add(Lifetime::Step, step.width(id), Role::Output);
            self.finals.push(buffer);
        }
    }
}
