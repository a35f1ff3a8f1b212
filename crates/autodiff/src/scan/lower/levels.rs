//! The levels of a stage. A level is one round of matrix products and functions of whole rows, with the functions of rows
//! that follow it.

use std::collections::BinaryHeap;

use bptt_tensor::Scalar;

use crate::scan::lower::classify::{Classified, RowClass};
use crate::scan::lower::stages::Stage;

/// The level of each value.
///
/// A product comes as early as possible. So does a function of rows, unless waiting for its readers
/// saves memory. Waiting saves no memory if an operand would otherwise stay in registers.
pub(crate) fn levels<T: Scalar>(step: &Classified<T>, stages: &[Stage]) -> Vec<usize> {
    let Classified { program, classes, .. } = step;
    let mut earliest: Vec<usize> = Vec::with_capacity(classes.len());
    for (id, node) in program.nodes.iter().enumerate() {
        let before = node.inputs.iter().map(|&input| input as usize);
        let before = before.filter(|&input| stages[input] == stages[id]);
        let level = before.map(|input| earliest[input]).max().unwrap_or(0);
        earliest.push(level + usize::from(classes[id].is_barrier()));
    }
    let mut readers = vec![Vec::new(); classes.len()];
    for (id, node) in program.nodes.iter().enumerate() {
        node.inputs.iter().for_each(|&input| readers[step.source(input) as usize].push(id));
    }
    let in_memory = in_memory(step);
    let mut levels = Levels {
        step,
        stages,
        levels: earliest.clone(),
        earliest,
        limits: vec![usize::MAX; classes.len()],
        waits: classes.iter().map(RowClass::is_fused).collect(),
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

/// For each value, whether it is in memory in any case: outputs, and operands of products.
fn in_memory<T: Scalar>(step: &Classified<T>) -> Vec<bool> {
    let Classified { program, classes, .. } = step;
    let mut in_memory = vec![false; classes.len()];
    let read = (0..classes.len()).filter(|&id| classes[id].is_barrier());
    let read = read.flat_map(|id| program.nodes[id].inputs.iter().copied());
    for id in program.outputs().chain(read) {
        in_memory[step.source(id) as usize] = true;
    }
    in_memory
}

/// The levels during the search for values that wait.
struct Levels<'a, T> {
    step: &'a Classified<T>,
    stages: &'a [Stage],
    earliest: Vec<usize>,
    levels: Vec<usize>,
    /// The latest level at which each value may be computed for its readers in its stage.
    limits: Vec<usize>,
    waits: Vec<bool>,
}

impl<T: Scalar> Levels<'_, T> {
    /// Finds the levels of these values. Where a level changes, also finds the levels of the
    /// operands. Returns the visited values, each after its readers.
    fn settle(&mut self, mut pending: BinaryHeap<usize>) -> Vec<usize> {
        let mut settled = Vec::with_capacity(pending.len());
        while let Some(id) = pending.pop() {
            if settled.last() == Some(&id) {
                continue; // several readers queued it, and it is done
            }
            settled.push(id);
            let class = &self.step.classes[id];
            let may_wait = (self.waits[id] || class.passes_on()) && self.limits[id] != usize::MAX;
            self.levels[id] = if may_wait { self.limits[id] } else { self.earliest[id] };
            let limit = self.levels[id] - usize::from(class.is_barrier());
            for &input in &self.step.program.nodes[id].inputs {
                let input = input as usize;
                if self.stages[input] == self.stages[id] && limit < self.limits[input] {
                    self.limits[input] = limit;
                    pending.push(input);
                }
            }
        }
        settled
    }

    /// Whether a value should not wait, because one of its operands would have to be kept in memory meanwhile.
    fn is_dear(&self, id: usize, in_memory: &[bool]) -> bool {
        let Self { step, stages, levels, .. } = self;
        let is_early = |&input: &u32| {
            let input = step.source(input) as usize;
            step.classes[input].is_fused()
                && !in_memory[input]
                && stages[input] == stages[id]
                && levels[input] < levels[id]
        };
        self.waits[id]
            && levels[id] > self.earliest[id]
            && step.program.nodes[id].inputs.iter().any(is_early)
    }
}
