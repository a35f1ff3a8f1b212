//! Functions of rows that are computed together, a few rows and columns at a time: what passes from one
//! to the next never meets memory.

use std::collections::{BTreeMap, HashMap};

use bptt_tensor::rows::{Buffer, Lifetime, MulKind, Phase, Role, RowOp, View};
use bptt_tensor::{Scalar, Unary};

use crate::scan::ir::indexed::Indexed;
use crate::scan::ir::program::{Input, Kind};
use crate::scan::lower::classify::{LoweringError, RowClass, source, width};
use crate::scan::lower::emit::Lowering;
use crate::scan::lower::schedule::Slot;
use crate::tape::{Class, Function, Op};

/// What a fused sequence does with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// Computes it.
    Compute(u32),
    /// Adds its rows to a buffer of partial sums.
    AddRows { id: u32, partials: usize },
}

/// Fuses phases, each of the width of its slot.
pub(crate) fn fuse<T: Scalar>(
    lowering: &mut Lowering<'_, T>,
    phases: &BTreeMap<Slot, Vec<Item>>,
) -> Result<Vec<Phase<T>>, LoweringError> {
    let mut group = Group::new();
    // a place is free again behind its last reader, but for that reader's own target
    let mut last_readers = HashMap::new();
    for &item in phases.values().flatten() {
        for input in reads(lowering, item) {
            last_readers.insert(source(lowering.classes, input), item);
        }
    }
    for (slot, items) in phases {
        for buffer in std::mem::take(&mut group.released) {
            group.free(lowering, buffer);
        }
        for &item in items {
            let inputs = reads(lowering, item);
            group.add(lowering, item)?;
            for input in inputs {
                let input = source(lowering.classes, input);
                if last_readers.get(&input) == Some(&item) {
                    last_readers.remove(&input); // an item may read it twice
                    group.release(lowering, input);
                }
            }
        }
        group.end_phase(slot.width);
    }
    Ok(group.phases)
}

/// The values that an item reads.
fn reads<T>(lowering: &Lowering<'_, T>, item: Item) -> Vec<u32> {
    let reads = match item {
        Item::Compute(id) => lowering.program.node(id).inputs.to_vec(),
        Item::AddRows { id, .. } => vec![id],
    };
    let of = |id: u32| match lowering.merged[id as usize] {
        true => lowering.program.node(id).inputs.to_vec(),
        false => vec![id],
    };
    reads.into_iter().flat_map(of).collect()
}

/// A fused sequence under construction.
struct Group<T> {
    phases: Vec<Phase<T>>,
    /// Instructions of the current phase.
    arrays: Indexed<View>,
    ops: Vec<RowOp<T>>,
    /// Buffers whose contents are no longer read, by lifetime and width.
    free: HashMap<(Lifetime, usize), Vec<usize>>,
    /// The number of buffers of earlier sequences that this one has not used yet.
    unused: HashMap<(Lifetime, usize), usize>,
    /// Buffers of blocks that are free from the next phase on. In this phase they are still in use, since values that
    /// are read for all columns are read again for every chunk.
    released: Vec<usize>,
}

impl<T: Scalar> Group<T> {
    fn new() -> Self {
        Self {
            phases: Vec::new(),
            arrays: Indexed::default(),
            ops: Vec::new(),
            free: HashMap::new(),
            unused: HashMap::new(),
            released: Vec::new(),
        }
    }

    fn add(&mut self, lowering: &mut Lowering<'_, T>, item: Item) -> Result<(), LoweringError> {
        let op = match item {
            Item::AddRows { id, partials } => {
                let width = width(lowering.program.shape(id));
                let sums = View { buffer: partials, column: 0, width, delay: None };
                let sums = self.array(sums);
                match self.factors(lowering, id)? {
                    Some((product, factors)) => RowOp::AddProducts(product, factors, sums),
                    None => {
                        let rows = lowering.home(id)?;
                        RowOp::AddRows(self.array(rows), sums)
                    }
                }
            }
            Item::Compute(id) => self.compute(lowering, id)?,
        };
        self.ops.push(op);
        Ok(())
    }

    fn end_phase(&mut self, width: usize) {
        let arrays = std::mem::take(&mut self.arrays).into_items();
        self.phases.push(Phase { width, arrays, ops: std::mem::take(&mut self.ops) });
    }

    fn compute(
        &mut self,
        lowering: &mut Lowering<'_, T>,
        id: u32,
    ) -> Result<RowOp<T>, LoweringError> {
        let inputs = lowering.program.node(id).inputs.clone();
        for (place, &input) in inputs.iter().enumerate() {
            let Some((product, [a, b])) = self.factors(lowering, input)? else { continue };
            let Some(&other) = inputs.get(1 - place) else {
                return Ok(RowOp::Dot(product, [a, b], self.target(lowering, id)));
            };
            let other = self.source(lowering, id, other)?;
            return Ok(RowOp::MulAdd(product, [a, b, other], self.target(lowering, id)));
        }
        let mut sources = Vec::with_capacity(inputs.len());
        for &input in &inputs {
            sources.push(self.source(lowering, id, input)?);
        }
        let target = self.target(lowering, id);
        if let RowClass::Reduce(reduction) = lowering.classes[id as usize] {
            return Ok(RowOp::Reduce(reduction, sources[0], target));
        }
        Ok(match lowering.program.class(id) {
            Class::Elementwise(Function::Unary(f)) => RowOp::Unary(f, sources[0], target),
            Class::Elementwise(Function::Binary(f)) => {
                RowOp::Binary(f, [sources[0], sources[1]], target)
            }
            Class::Elementwise(Function::Select) => {
                RowOp::Select([sources[0], sources[1], sources[2]], target)
            }
            Class::Elementwise(Function::Kernel(kernel)) => {
                let name = lowering.program.op(id).map_or("", Op::name);
                RowOp::Call(name, kernel, sources.into(), target)
            }
            Class::Broadcast => RowOp::Unary(Unary::Identity, sources[0], target),
            class => unreachable!("{class:?} is no function of rows"),
        })
    }

    /// The factors of a product that a sum computes on its own.
    fn factors(
        &mut self,
        lowering: &mut Lowering<'_, T>,
        id: u32,
    ) -> Result<Option<(MulKind, [usize; 2])>, LoweringError> {
        let merged = lowering.factors(id).filter(|_| lowering.merged[id as usize]);
        let Some((product, [a, b])) = merged else { return Ok(None) };
        Ok(Some((product, [self.source(lowering, id, a)?, self.source(lowering, id, b)?])))
    }

    fn target(&mut self, lowering: &mut Lowering<'_, T>, id: u32) -> usize {
        let target = lowering.try_home(id).unwrap_or_else(|| self.place(lowering, id));
        self.array(target)
    }

    fn source(
        &mut self,
        lowering: &mut Lowering<'_, T>,
        reader: u32,
        id: u32,
    ) -> Result<usize, LoweringError> {
        let view = match lowering.program.node(id).kind {
            Kind::Literal(value) => lowering.number(value),
            Kind::Input(Input::Invariant(_)) => {
                let axes = lowering.program.shape(reader).len();
                lowering.invariant_view(id, axes)
            }
            _ => lowering.home(id)?,
        };
        Ok(self.array(view))
    }

    /// Gives a value a place that lasts for the sequence.
    fn place(&mut self, lowering: &mut Lowering<'_, T>, id: u32) -> View {
        let lifetime = lowering.fused_lifetime(id).expect("what others read has a place");
        let width = width(lowering.program.shape(id));
        let buffer = match self.free.get_mut(&(lifetime, width)).and_then(Vec::pop) {
            Some(buffer) => buffer,
            None => self.unused(lowering, lifetime, width),
        };
        lowering.place(id, buffer)
    }

    /// A buffer that this sequence has not used yet: one of an earlier sequence, or a new one.
    fn unused(
        &mut self,
        lowering: &mut Lowering<'_, T>,
        lifetime: Lifetime,
        width: usize,
    ) -> usize {
        let known = lowering.fused.entry((lifetime, width)).or_default();
        let unused = self.unused.entry((lifetime, width)).or_insert(known.len());
        if *unused > 0 {
            *unused -= 1;
            return known[*unused];
        }
        let buffer = lowering.buffers.len();
        known.push(buffer);
        lowering.buffer(Buffer { lifetime, width, role: Role::Internal })
    }

    fn free(&mut self, lowering: &Lowering<'_, T>, buffer: usize) {
        let Buffer { lifetime, width, .. } = lowering.buffers[buffer];
        self.free.entry((lifetime, width)).or_default().push(buffer);
    }

    fn release(&mut self, lowering: &Lowering<'_, T>, id: u32) {
        let Some(View { buffer, .. }) = lowering.try_home(id) else { return };
        match lowering.buffers[buffer].lifetime {
            Lifetime::Chunk => self.free(lowering, buffer),
            Lifetime::Block => self.released.push(buffer),
            _ => {}
        }
    }

    fn array(&mut self, view: View) -> usize {
        self.arrays.place(view)
    }
}
