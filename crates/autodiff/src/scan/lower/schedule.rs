//! When each value of a step is computed: before the loop over time for all steps, in the loop, or
//! after it, again for all steps; and in which order within.

use std::collections::BinaryHeap;

use bptt_tensor::{Scalar, Unary};

use crate::scan::ir::binding::{Binding, bindings};
use crate::scan::ir::program::Program;
use crate::scan::lower::classify::{RowClass, source, width};
use crate::tape::Op;

/// The stages, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Stage {
    Before,
    Step,
    After,
}

/// The stage of each value.
///
/// What the next state needs and the state determines stays in the loop. Of what depends on inputs
/// alone, products leave it; functions of single elements stay beside their first reader, as reading
/// their operands there is no dearer than reading their result. What nobody in the loop reads comes
/// after it.
pub(crate) fn stages<T: Scalar>(program: &Program<T>, classes: &[RowClass]) -> Vec<Stage> {
    let bindings = bindings(program);
    let in_loop = program.ancestors(program.next.iter().copied());
    let is_state = program.states();
    let mut first_reader = vec![Stage::After; program.nodes.len()];
    for &id in &program.next {
        first_reader[id as usize] = Stage::Step;
    }
    let mut stages = first_reader.clone();
    for id in (0..program.nodes.len()).rev() {
        let heavy = matches!(classes[id], RowClass::Product { .. } | RowClass::Reduce(_));
        stages[id] = match bindings[id] {
            Binding::Carried if in_loop[id] => Stage::Step,
            Binding::Carried if is_copy_of_state(program, &is_state, id as u32) => Stage::Step,
            Binding::Carried => Stage::After,
            _ if heavy && first_reader[id] == Stage::Step => Stage::Before,
            _ => first_reader[id],
        };
        for &input in &program.nodes[id].inputs {
            let reader = &mut first_reader[input as usize];
            *reader = stages[id].min(*reader);
        }
    }
    stages
}

/// Whether a value keeps the state for readers after the loop.
fn is_copy_of_state<T>(program: &Program<T>, is_state: &[bool], id: u32) -> bool {
    matches!(program.op(id), Some(Op::Unary(Unary::Identity)))
        && program.node(id).inputs.iter().all(|&input| is_state[input as usize])
}

/// The place of a value within its stage: products of a level come before the functions of rows of that
/// level, which are fused, in phases of equal width.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Slot {
    pub(crate) stage: Stage,
    pub(crate) level: usize,
    /// 0 for a product. A function of rows comes later than what it reads of another width, and than
    /// sums of rows.
    pub(crate) turn: usize,
    pub(crate) width: usize,
}

impl Slot {
    /// Whether the same fused sequence computes what has these slots.
    pub(crate) fn is_fused_with(self, other: Self) -> bool {
        self.turn > 0 && other.turn > 0 && (self.stage, self.level) == (other.stage, other.level)
    }
}

/// The slot of each value.
pub(crate) fn slots<T: Scalar>(
    program: &Program<T>,
    classes: &[RowClass],
    stages: &[Stage],
) -> Vec<Slot> {
    let levels = levels(program, classes, stages);
    let mut slots: Vec<Slot> = Vec::with_capacity(program.nodes.len());
    for (id, node) in program.nodes.iter().enumerate() {
        let (stage, level) = (stages[id], levels[id]);
        let width = match classes[id] {
            RowClass::Reduce(_) => width(program.shape(node.inputs[0])),
            _ if node.shape.is_empty() => 1,
            _ => width(&node.shape),
        };
        let turn = |&input: &u32| {
            let slot = slots[input as usize];
            let is_beside = slot.turn > 0 && (slot.stage, slot.level) == (stage, level);
            let is_later =
                slot.width != width || matches!(classes[input as usize], RowClass::Reduce(_));
            if is_beside { slot.turn + usize::from(is_later) } else { 0 }
        };
        let turn = match node.inputs.iter().map(turn).max() {
            _ if is_barrier(&classes[id]) => 0,
            // inputs, literals, views and joins take no time
            turn => turn.unwrap_or(0).max(usize::from(is_fused(&classes[id]))),
        };
        slots.push(Slot { stage, level, turn, width });
    }
    slots
}

/// The level of each value.
///
/// A product comes as early as it can. So do functions of rows, except that they wait for their readers
/// where this saves memory: where nothing that they read lies in registers alone.
fn levels<T: Scalar>(program: &Program<T>, classes: &[RowClass], stages: &[Stage]) -> Vec<usize> {
    let mut earliest: Vec<usize> = Vec::with_capacity(classes.len());
    for (id, node) in program.nodes.iter().enumerate() {
        let before = node.inputs.iter().map(|&input| input as usize);
        let before = before.filter(|&input| stages[input] == stages[id]);
        let level = before.map(|input| earliest[input]).max().unwrap_or(0);
        earliest.push(level + usize::from(is_barrier(&classes[id])));
    }
    let mut readers = vec![Vec::new(); classes.len()];
    for (id, node) in program.nodes.iter().enumerate() {
        node.inputs.iter().for_each(|&input| readers[source(classes, input) as usize].push(id));
    }
    let in_memory = in_memory(program, classes);
    let mut levels = Levels {
        program,
        classes,
        stages,
        levels: earliest.clone(),
        earliest,
        limits: vec![usize::MAX; classes.len()],
        waits: classes.iter().map(is_fused).collect(),
    };
    let mut candidates = levels.settle((0..classes.len()).collect());
    loop {
        let is_dear = |id: &usize| levels.is_dear(*id, &in_memory);
        let dear: Vec<usize> = candidates.into_iter().filter(is_dear).collect();
        if dear.is_empty() {
            return levels.levels;
        }
        dear.iter().for_each(|&id| levels.waits[id] = false);
        let settled = levels.settle(dear.into());
        let readers = settled.iter().flat_map(|&id| &readers[id]).copied();
        candidates = readers.chain(settled.iter().copied()).collect();
    }
}

/// Whether each value has a place in memory whoever else reads it: outputs, and what products read.
fn in_memory<T: Scalar>(program: &Program<T>, classes: &[RowClass]) -> Vec<bool> {
    let mut in_memory = vec![false; classes.len()];
    let read = (0..classes.len()).filter(|&id| is_barrier(&classes[id]));
    let read = read.flat_map(|id| program.nodes[id].inputs.iter().copied());
    for id in program.outputs().chain(read) {
        in_memory[source(classes, id) as usize] = true;
    }
    in_memory
}

/// The levels, during the search for values that wait.
struct Levels<'a, T> {
    program: &'a Program<T>,
    classes: &'a [RowClass],
    stages: &'a [Stage],
    earliest: Vec<usize>,
    levels: Vec<usize>,
    /// The latest level at which each value may be computed for its readers in its stage.
    limits: Vec<usize>,
    waits: Vec<bool>,
}

impl<T: Scalar> Levels<'_, T> {
    /// Finds the levels of these values and, where they change, of the values that they read. Returns the visited
    /// values, each after its readers.
    fn settle(&mut self, mut pending: BinaryHeap<usize>) -> Vec<usize> {
        let mut settled = Vec::with_capacity(pending.len());
        while let Some(id) = pending.pop() {
            if settled.last() == Some(&id) {
                continue; // it was queued by several readers, and is done
            }
            settled.push(id);
            let passes_on =
                matches!(self.classes[id], RowClass::View { .. } | RowClass::Join { .. });
            let may_wait = (self.waits[id] || passes_on) && self.limits[id] != usize::MAX;
            self.levels[id] = if may_wait { self.limits[id] } else { self.earliest[id] };
            let limit = self.levels[id] - usize::from(is_barrier(&self.classes[id]));
            for &input in &self.program.nodes[id].inputs {
                let input = input as usize;
                if self.stages[input] == self.stages[id] && limit < self.limits[input] {
                    self.limits[input] = limit;
                    pending.push(input);
                }
            }
        }
        settled
    }

    /// Whether a value should not wait, since one of the values that it reads would have to be kept in memory for it.
    fn is_dear(&self, id: usize, in_memory: &[bool]) -> bool {
        let Self { program, classes, stages, levels, .. } = self;
        let is_early = |&input: &u32| {
            let input = source(classes, input) as usize;
            is_fused(&classes[input])
                && !in_memory[input]
                && stages[input] == stages[id]
                && levels[input] < levels[id]
        };
        self.waits[id]
            && levels[id] > self.earliest[id]
            && program.nodes[id].inputs.iter().any(is_early)
    }
}

/// Whether a value waits for all rows that it reads.
fn is_barrier(form: &RowClass) -> bool {
    matches!(form, RowClass::Product { .. } | RowClass::Summand)
}

/// Whether a value is computed by a fused sequence.
pub(crate) fn is_fused(form: &RowClass) -> bool {
    matches!(form, RowClass::Pointwise | RowClass::Reduce(_))
}
