//! The schedule: the slot in which each value is computed.

use std::collections::BTreeMap;

use bptt_tensor::Scalar;

use crate::scan::lower::classify::{Classified, RowClass};
use crate::scan::lower::levels::levels;
use crate::scan::lower::sink_reductions::SumTerm;
use crate::scan::lower::stages::{Stage, stages};

/// The slots in which the values of a step are computed, and in which the rows of some are summed.
pub(crate) struct Schedule {
    pub(crate) slots: Vec<Slot>,
    /// The values whose rows are summed over all steps.
    pub(crate) row_sums: BTreeMap<u32, RowSums>,
}

/// The sum of the rows of one value, which a fused sequence after the loop adds up.
pub(crate) struct RowSums {
    pub(crate) slot: Slot,
    /// The terms of sums over all steps that equal this sum, by their positions in the list of all
    /// terms.
    pub(crate) terms: Vec<usize>,
}

/// Schedules a step.
pub(crate) fn schedule<T: Scalar>(step: &Classified<T>) -> Schedule {
    let slots = slots(step);
    let mut row_sums: BTreeMap<u32, RowSums> = BTreeMap::new();
    for (index, term) in step.terms.iter().enumerate() {
        if let SumTerm::Rows { id, .. } = *term {
            let new = || RowSums { slot: adding_slot(step, &slots, id), terms: vec![] };
            row_sums.entry(id).or_insert_with(new).terms.push(index);
        }
    }
    Schedule { slots, row_sums }
}

impl Schedule {
    pub(crate) fn slot(&self, id: u32) -> Slot {
        self.slots[id as usize]
    }
}

/// The slot in which the rows of a value are added up: the slot that computes it, or else the first
/// after the loop that reads it.
fn adding_slot<T: Scalar>(step: &Classified<T>, slots: &[Slot], id: u32) -> Slot {
    let (own, space) = (slots[id as usize], step.spaces.space(id));
    if own.stage == Stage::After {
        let is_late = step.class(id).is_known_late();
        return Slot { turn: (own.turn + usize::from(is_late)).max(1), space, ..own };
    }
    let slots = step.readers[id as usize].iter().map(|&reader| slots[reader as usize]);
    let after = slots.filter(|slot| slot.stage == Stage::After && slot.turn > 0);
    let first = Slot { stage: Stage::After, level: 0, turn: 1, space };
    after.min().map_or(first, |slot| Slot { turn: slot.turn.max(1), space, ..slot })
}

/// The time at which a value is computed. Within a level of a stage, products and functions of whole rows come first. The
/// functions of rows follow as one fused sequence, in phases that run over one space each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Slot {
    pub(crate) stage: Stage,
    pub(crate) level: usize,
    /// The phase of a function of rows; 0 for a product and a function of whole rows. A function is in a later phase than its
    /// operands of another space or another order, and than the reductions that it reads.
    pub(crate) turn: usize,
    /// The [space](crate::scan::lower::spaces) of a function.
    pub(crate) space: usize,
}

impl Slot {
    /// Whether the same fused sequence computes the values of both slots.
    pub(crate) fn is_fused_with(self, other: Self) -> bool {
        self.turn > 0 && other.turn > 0 && (self.stage, self.level) == (other.stage, other.level)
    }
}

/// The slot of each value.
fn slots<T: Scalar>(step: &Classified<T>) -> Vec<Slot> {
    let Classified { program, classes, .. } = step;
    let stages = stages(step);
    let levels = levels(step, &stages);
    let mut slots: Vec<Slot> = Vec::with_capacity(program.nodes.len());
    for (id, node) in program.nodes.iter().enumerate() {
        let (stage, level) = (stages[id], levels[id]);
        let space = step.spaces.space(step.run_over(id as u32));
        let is_straight = step.is_straight(id as u32);
        let turn = |&input: &u32| {
            let slot = slots[input as usize];
            let is_beside = slot.turn > 0 && (slot.stage, slot.level) == (stage, level);
            let is_late = classes[input as usize].is_known_late();
            let is_later = slot.space != space || is_late || !is_straight;
            if is_beside { slot.turn + usize::from(is_later) } else { 0 }
        };
        let turn = match node.inputs.iter().map(turn).max() {
            _ if classes[id].is_barrier() => 0,
            // inputs, literals, views and joins take no time
            turn => turn.unwrap_or(0).max(usize::from(classes[id].is_fused())),
        };
        slots.push(Slot { stage, level, turn, space });
    }
    delay(step, &mut slots);
    slots
}

/// Moves elementwise functions to the phase of their first reader, if all readers run over the same
/// space later. The values then pass through registers.
fn delay<T: Scalar>(step: &Classified<T>, slots: &mut [Slot]) {
    for id in (0..slots.len()).rev() {
        let own = slots[id];
        // readers through a view may read other elements
        let is_near = |&reader: &u32| {
            let slot = slots[reader as usize];
            let is_function =
                matches!(step.class(reader), RowClass::Pointwise | RowClass::Reduce { .. });
            is_function && slot.is_fused_with(own) && slot.space == own.space
        };
        let readers = &step.readers[id];
        if step.classes[id] == RowClass::Pointwise && readers.iter().all(is_near) {
            let turns = readers.iter().map(|&reader| slots[reader as usize].turn);
            slots[id].turn = turns.min().unwrap_or(own.turn);
        }
    }
}
