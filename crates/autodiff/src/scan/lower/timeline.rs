//! The timeline: the values to compute, in order.

use std::collections::BTreeMap;

use bptt_tensor::Scalar;

use crate::scan::lower::classify::{Classified, RowClass};
use crate::scan::lower::combine::Combined;
use crate::scan::lower::schedule::{RowSums, Schedule, Slot};
use crate::scan::lower::stages::Stage;

/// The levels of each stage, in order.
pub(crate) struct Timeline {
    pub(crate) before: Vec<Level>,
    pub(crate) step: Vec<Level>,
    pub(crate) after: Vec<Level>,
}

/// A level of a stage: matrix products and functions of whole rows, then a fused sequence of phases, each over the space
/// of its slot.
#[derive(Default)]
pub(crate) struct Level {
    pub(crate) barriers: Vec<u32>,
    pub(crate) phases: BTreeMap<Slot, Vec<Item>>,
}

/// An item of a fused sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// Computes the value.
    Compute(u32),
    /// Copies a part of an assembled value, given by its position, to its place.
    Place { id: u32, part: usize },
    /// Adds the value's rows to the partial sums of a term, given by its position in the list of
    /// all terms.
    AddRows { id: u32, term: usize },
}

/// Orders the values of a step that have an instruction of their own.
pub(crate) fn timeline<T: Scalar>(
    step: &Classified<T>,
    schedule: &Schedule,
    combined: &Combined,
) -> Timeline {
    let levels = |stage| levels(step, schedule, combined, stage);
    Timeline {
        before: levels(Stage::Before),
        step: levels(Stage::Step),
        after: levels(Stage::After),
    }
}

fn levels<T: Scalar>(
    step: &Classified<T>,
    schedule: &Schedule,
    combined: &Combined,
    stage: Stage,
) -> Vec<Level> {
    let is_computed = |id: u32| {
        let class = step.class(id);
        (matches!(class, RowClass::Product { .. } | RowClass::Apply) || class.is_fused())
            && schedule.slot(id).stage == stage
            && step.needed[id as usize]
            && !combined.is_started(id)
            && !combined.is_contracted(id)
    };
    let mut levels: BTreeMap<usize, Level> = BTreeMap::new();
    for id in (0..step.program.nodes.len() as u32).filter(|&id| is_computed(id)) {
        let slot = schedule.slot(id);
        let level = levels.entry(slot.level).or_default();
        if slot.turn == 0 {
            level.barriers.push(id);
            continue;
        }
        if let RowClass::Assemble { .. } = step.class(id) {
            for (part, &source) in step.program.node(id).inputs.iter().enumerate() {
                let slot = Slot { space: step.spaces.space(source), ..slot };
                level.phases.entry(slot).or_default().push(Item::Place { id, part });
            }
            continue;
        }
        let items = level.phases.entry(slot).or_default();
        items.push(Item::Compute(id));
        if let Some(sums) = schedule.row_sums.get(&id).filter(|sums| sums.slot == slot) {
            items.extend(sums.items(id)); // as soon as the value is computed
        }
    }
    for (&id, sums) in schedule.row_sums.iter().filter(|(_, sums)| sums.slot.stage == stage) {
        if !is_computed(id) || schedule.slot(id) != sums.slot {
            let level = levels.entry(sums.slot.level).or_default();
            level.phases.entry(sums.slot).or_default().extend(sums.items(id));
        }
    }
    levels.into_values().collect()
}

impl RowSums {
    fn items(&self, id: u32) -> impl Iterator<Item = Item> {
        self.terms.iter().map(move |&term| Item::AddRows { id, term })
    }
}

impl Item {
    /// The values that the item reads.
    pub(crate) fn reads<T: Scalar>(self, step: &Classified<T>, combined: &Combined) -> Vec<u32> {
        let reads = match self {
            Self::Compute(id) => step.program.node(id).inputs.to_vec(),
            Self::Place { id, part } => vec![step.program.node(id).inputs[part]],
            Self::AddRows { id, .. } => vec![id],
        };
        let of = |id: u32| match combined.is_contracted(id) {
            true => step.program.node(id).inputs.to_vec(),
            false => vec![id],
        };
        reads.into_iter().flat_map(of).collect()
    }
}
