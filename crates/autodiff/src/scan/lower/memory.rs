//! The buffers of a program, and the places of values in them.

use std::collections::HashMap;

use bptt_tensor::Scalar;
use bptt_tensor::rows::{Buffer, Lifetime, Role, View};

use crate::scan::lower::classify::Classified;
use crate::scan::lower::lowered::OutputSlot;

/// The buffers of the values that a program computes.
pub(crate) struct Memory {
    pub(crate) buffers: Vec<Buffer>,
    /// The meaning of each output buffer, in order.
    pub(crate) outputs: Vec<OutputSlot>,
    /// The place of each value that is in memory.
    homes: Vec<Option<View>>,
    /// The buffers of sums over all steps.
    pub(crate) totals: HashMap<usize, usize>,
    /// The buffers of partial sums, by their terms.
    pub(crate) partials: HashMap<usize, usize>,
    /// The buffers of the last state.
    pub(crate) finals: Vec<usize>,
}

impl Memory {
    /// Creates memory without buffers, for this number of values.
    pub(crate) fn new(values: usize) -> Self {
        Self {
            buffers: Vec::new(),
            outputs: Vec::new(),
            homes: vec![None; values],
            totals: HashMap::new(),
            partials: HashMap::new(),
            finals: Vec::new(),
        }
    }

    /// The place of a value, if it is in memory.
    pub(crate) fn home(&self, id: u32) -> Option<View> {
        self.homes[id as usize]
    }

    /// All columns of a buffer.
    pub(crate) fn whole(&self, buffer: usize) -> View {
        View { buffer, column: 0, width: self.buffers[buffer].width, delay: None }
    }

    pub(crate) fn total(&self, sum: usize) -> usize {
        self.totals[&sum]
    }

    pub(crate) fn partials(&self, term: usize) -> usize {
        self.partials[&term]
    }

    pub(crate) fn add(&mut self, lifetime: Lifetime, width: usize, role: Role) -> usize {
        self.buffers.push(Buffer { lifetime, width, role });
        self.buffers.len() - 1
    }

    /// Places a value in all columns of a buffer.
    pub(crate) fn put(&mut self, id: u32, buffer: usize) -> View {
        let view = self.whole(buffer);
        self.set_home(id, view);
        view
    }

    pub(crate) fn set_home(&mut self, id: u32, view: View) {
        self.homes[id as usize] = Some(view);
    }

    /// Gives a value a buffer of its own.
    pub(crate) fn settle<T: Scalar>(
        &mut self,
        step: &Classified<T>,
        id: u32,
        lifetime: Lifetime,
        role: Role,
    ) -> View {
        let buffer = self.add(lifetime, step.width(id), role);
        self.put(id, buffer)
    }
}
