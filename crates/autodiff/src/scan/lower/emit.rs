//! From a step to a program over rows: its buffers and the instructions that compute them.

use std::collections::{BTreeMap, HashMap};

use bptt_tensor::Scalar;
use bptt_tensor::rows::{
    Accumulate, Buffer, Delay, Instruction, Lifetime, Role, RowProgram, Sum, View,
};

use crate::scan::ir::indexed::Indexed;
use crate::scan::ir::program::{Input, Kind, Program};
use crate::scan::lower::classify::{self, LoweringError, RowClass, width};
use crate::scan::lower::fuse::{Item, fuse};
use crate::scan::lower::legalize::{Legal, legalize};
use crate::scan::lower::schedule::{Slot, Stage, is_fused, slots, stages};
use crate::scan::lower::sink_reductions::SumTerm;

/// A step as a program over rows, and what its buffers are.
#[derive(Clone, Debug)]
pub(crate) struct Lowered<T> {
    pub(crate) program: RowProgram<T>,
    pub(crate) inputs: Vec<InputSlot>,
    pub(crate) outputs: Vec<OutputSlot>,
    /// Sums that equal others, each after the place of the other among the outputs.
    pub(crate) copies: Vec<(usize, usize)>,
    /// The matrices to pack: an invariant, and whether it is read transposed.
    pub(crate) packs: Vec<(usize, bool)>,
    pub(crate) rows: usize,
}

/// What fills an input buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum InputSlot {
    Sequence(usize),
    /// The state that the first step starts from.
    Initial(usize),
    Invariant(usize),
}

/// What an output buffer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum OutputSlot {
    Stacked(usize),
    Final(usize),
    Sum(usize),
}

/// Lowers a step.
///
/// # Errors
///
/// If its rows are not independent of each other, or an operation has no form for rows.
pub(crate) fn lower<T: Scalar>(program: &Program<T>) -> Result<Lowered<T>, LoweringError> {
    let rows = classify::rows_of(program)?;
    let Legal { program, terms, inside_sums, copies } = legalize(program, rows)?;
    let is_product = |term: &&SumTerm| matches!(term, SumTerm::Product { .. });
    let summed = terms.iter().flat_map(SumTerm::values);
    let needed = program.ancestors(program.outputs().chain(summed));
    let classes = classify::classes(&program, rows, &needed, &inside_sums)?;
    let stages = stages(&program, &classes);
    let slots = slots(&program, &classes, &stages);
    let mut lowering = Lowering {
        uses: program.uses(),
        readers: readers(&program, &needed),
        needed,
        multiplied: multiplied(&program, &classes, terms.iter().filter(is_product)),
        added: BTreeMap::new(),
        readings: Vec::new(),
        homes: vec![None; program.nodes.len()],
        merged: vec![false; program.nodes.len()],
        absorbed: HashMap::new(),
        starts: HashMap::new(),
        buffers: Vec::new(),
        fused: HashMap::new(),
        inputs: Vec::new(),
        outputs: Vec::new(),
        packs: Indexed::default(),
        feeds: HashMap::new(),
        numbers: HashMap::new(),
        totals: vec![None; program.sums.len()],
        program: &program,
        classes: &classes,
        slots: &slots,
        rows,
    };
    lowering.absorb_sums();
    let mut sums = lowering.sums_of_rows(&terms); // first, for they say when values are read
    lowering.find_readings();
    lowering.place_outputs();
    lowering.place_state();
    lowering.place_joins();
    lowering.place_others();
    let [before, step, after] = [
        lowering.instructions(Stage::Before)?,
        lowering.instructions(Stage::Step)?,
        lowering.instructions(Stage::After)?,
    ];
    sums.extend(lowering.sums_of_products(&terms)?);
    let finals = lowering.finals()?;
    let Lowering { buffers, inputs, outputs, packs, .. } = lowering;
    let program = RowProgram { buffers, before, step, after, sums, finals };
    let places: HashMap<OutputSlot, usize> = outputs.iter().copied().zip(0..).collect();
    let copies =
        copies.into_iter().map(|(from, to)| (places[&OutputSlot::Sum(from)], to)).collect();
    Ok(Lowered { program, inputs, outputs, copies, packs: packs.into_items(), rows })
}

/// For each value, whether it is a factor of such a product, directly or through views and joins that are not copies.
fn multiplied<'a, T>(
    program: &Program<T>,
    classes: &[RowClass],
    products: impl Iterator<Item = &'a SumTerm>,
) -> Vec<bool> {
    let mut multiplied = program.among(products.flat_map(SumTerm::values));
    for (id, node) in program.nodes.iter().enumerate().rev() {
        if multiplied[id] && matches!(classes[id], RowClass::View { .. } | RowClass::Join { .. }) {
            node.inputs.iter().for_each(|&input| multiplied[input as usize] = true);
        }
    }
    multiplied
}

/// The values that read each value.
fn readers<T>(program: &Program<T>, needed: &[bool]) -> Vec<Vec<u32>> {
    let mut readers = vec![Vec::new(); program.nodes.len()];
    for (id, node) in (0..).zip(&program.nodes) {
        for &input in &node.inputs {
            if needed[id as usize] {
                readers[input as usize].push(id);
            }
        }
    }
    readers
}

pub(crate) struct Lowering<'a, T> {
    pub(crate) program: &'a Program<T>,
    pub(crate) classes: &'a [RowClass],
    pub(crate) slots: &'a [Slot],
    pub(crate) rows: usize,
    pub(crate) uses: Vec<usize>,
    pub(crate) readers: Vec<Vec<u32>>,
    pub(crate) needed: Vec<bool>,
    /// For each value, whether it is a factor of a product that is summed over all steps, directly or through views
    /// and joins that are not copies.
    pub(crate) multiplied: Vec<bool>,
    /// Values whose rows are summed over all steps.
    pub(crate) added: BTreeMap<u32, Added>,
    /// When each value is read first and last, directly or through views and joins that are not copies.
    pub(crate) readings: Vec<Option<(Slot, Slot)>>,
    /// Where values lie that memory is needed for.
    pub(crate) homes: Vec<Option<View>>,
    /// Products that a sum computes on its own.
    pub(crate) merged: Vec<bool>,
    /// Sums that are computed by one of their terms.
    pub(crate) absorbed: HashMap<u32, Absorbed>,
    /// Of such a term, what it starts from, and the sum that it computes.
    pub(crate) starts: HashMap<u32, (u32, u32)>,
    pub(crate) buffers: Vec<Buffer>,
    /// The buffers of fused sequences, by lifetime and width.
    pub(crate) fused: HashMap<(Lifetime, usize), Vec<usize>>,
    pub(crate) inputs: Vec<InputSlot>,
    pub(crate) outputs: Vec<OutputSlot>,
    pub(crate) packs: Indexed<(usize, bool)>,
    pub(crate) feeds: HashMap<(InputSlot, Lifetime), usize>,
    /// The buffers of numbers, by their bits.
    pub(crate) numbers: HashMap<u64, usize>,
    /// The buffer of each sum over all steps.
    pub(crate) totals: Vec<Option<usize>>,
}

/// A value whose rows are summed over all steps, in the stage after the loop.
#[derive(Clone, Debug)]
pub(crate) struct Added {
    /// When they are added up.
    pub(crate) slot: Slot,
    /// The buffers of partial sums.
    pub(crate) partials: Vec<usize>,
}

impl Added {
    fn items(&self, id: u32) -> impl Iterator<Item = Item> {
        self.partials.iter().map(move |&partials| Item::AddRows { id, partials })
    }
}

/// What a level of a stage computes: products, then the phases of a fused sequence.
#[derive(Default)]
struct Level {
    products: Vec<u32>,
    phases: BTreeMap<Slot, Vec<Item>>,
}

/// A sum that one of its terms, a product, computes from the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Absorbed {
    pub(crate) product: u32,
    pub(crate) start: u32,
}

impl<T: Scalar> Lowering<'_, T> {
    pub(crate) fn buffer(&mut self, buffer: Buffer) -> usize {
        self.buffers.push(buffer);
        self.buffers.len() - 1
    }

    fn feed(&mut self, feed: InputSlot, lifetime: Lifetime, width: usize) -> usize {
        if let Some(&buffer) = self.feeds.get(&(feed, lifetime)) {
            return buffer;
        }
        let buffer = self.buffer(Buffer { lifetime, width, role: Role::Input });
        self.inputs.push(feed);
        self.feeds.insert((feed, lifetime), buffer);
        buffer
    }

    /// A number of an equation.
    pub(crate) fn number(&mut self, value: f64) -> View {
        let buffer = *self.numbers.entry(value.to_bits()).or_insert_with(|| {
            self.buffers.push(Buffer {
                lifetime: Lifetime::Row,
                width: 1,
                role: Role::Constant(value),
            });
            self.buffers.len() - 1
        });
        self.whole(buffer)
    }

    fn total(&mut self, sum: usize) -> usize {
        if let Some(total) = self.totals[sum] {
            return total;
        }
        let width = self.program.shape(self.program.sums[sum]).elements();
        self.outputs.push(OutputSlot::Sum(sum));
        let total = self.buffer(Buffer { lifetime: Lifetime::Total, width, role: Role::Output });
        self.totals[sum] = Some(total);
        total
    }

    fn sums_of_rows(&mut self, terms: &[SumTerm]) -> Vec<Sum> {
        let mut sums = Vec::new();
        for term in terms {
            if let SumTerm::Rows { sum, id } = *term {
                sums.push(self.partials(sum, id));
            }
        }
        sums
    }

    fn sums_of_products(&mut self, terms: &[SumTerm]) -> Result<Vec<Sum>, LoweringError> {
        let mut sums = Vec::new();
        for term in terms {
            if let SumTerm::Product { sum, left, right } = *term {
                let total = self.total(sum);
                let (left, right) = (self.summed(left)?, self.summed(right)?);
                sums.push(Sum::Products { left, right, total });
            }
        }
        Ok(sums)
    }

    /// The state after the last step.
    fn finals(&mut self) -> Result<Vec<(View, usize)>, LoweringError> {
        let mut finals = Vec::new();
        for (j, &id) in self.program.next.iter().enumerate() {
            let view = self.home(id)?;
            let buffer = Buffer { lifetime: Lifetime::Step, width: view.width, role: Role::Output };
            self.outputs.push(OutputSlot::Final(j));
            finals.push((view, self.buffer(buffer)));
        }
        Ok(finals)
    }

    /// The sum of the rows of a value, which a fused sequence after the loop adds up: the one that
    /// computes the value, or else the first that reads it.
    fn partials(&mut self, sum: usize, id: u32) -> Sum {
        let total = self.total(sum);
        let partials =
            Buffer { lifetime: Lifetime::Partial, role: Role::Internal, ..self.buffers[total] };
        let partials = self.buffer(partials);
        let slot = self.adding_slot(id);
        self.added.entry(id).or_insert(Added { slot, partials: vec![] }).partials.push(partials);
        Sum::Partials { partials, total }
    }

    /// When the rows of a value are added up.
    fn adding_slot(&self, id: u32) -> Slot {
        let own = self.slots[id as usize];
        let width = width(self.program.shape(id));
        if own.stage == Stage::After {
            let is_sum = matches!(self.classes[id as usize], RowClass::Reduce(_));
            return Slot { turn: (own.turn + usize::from(is_sum)).max(1), width, ..own };
        }
        let slots = self.readers[id as usize].iter().map(|&reader| self.slots[reader as usize]);
        let after = slots.filter(|slot| slot.stage == Stage::After && slot.turn > 0);
        let first = Slot { stage: Stage::After, level: 0, turn: 1, width };
        after.min().map_or(first, |slot| Slot { turn: slot.turn.max(1), width, ..slot })
    }

    fn whole(&self, buffer: usize) -> View {
        View { buffer, column: 0, width: self.buffers[buffer].width, delay: None }
    }

    pub(crate) fn settle(&mut self, id: u32, lifetime: Lifetime, role: Role) -> View {
        let width = width(self.program.shape(id));
        let buffer = self.buffer(Buffer { lifetime, width, role });
        self.place(id, buffer)
    }

    /// A value is all of a buffer.
    pub(crate) fn place(&mut self, id: u32, buffer: usize) -> View {
        let view = self.whole(buffer);
        self.homes[id as usize] = Some(view);
        view
    }

    /// Where a value lies, if memory holds it.
    pub(crate) fn try_home(&self, id: u32) -> Option<View> {
        self.homes[id as usize]
    }

    /// Where a value lies.
    pub(crate) fn home(&mut self, id: u32) -> Result<View, LoweringError> {
        if let Some(view) = self.homes[id as usize] {
            return Ok(view);
        }
        let node = self.program.node(id);
        let own = if node.shape.is_empty() { 1 } else { width(&node.shape) };
        match (&node.kind, &self.classes[id as usize]) {
            (&Kind::Input(Input::Sequence(i)), _) => {
                let buffer = self.feed(InputSlot::Sequence(i), Lifetime::Sequence, own);
                Ok(self.whole(buffer))
            }
            (&Kind::Input(Input::Ahead { sequence, edge }), _) => {
                let buffer = self.feed(InputSlot::Sequence(sequence), Lifetime::Sequence, own);
                let edge = self.feed(InputSlot::Invariant(edge), Lifetime::Step, own);
                let delay = Some(Delay { ahead: true, edge });
                Ok(View { delay, ..self.whole(buffer) })
            }
            (&Kind::Input(Input::Carry(j)), _) => {
                let edge = self.feed(InputSlot::Initial(j), Lifetime::Step, own);
                if self.program.next[j] == id {
                    return Ok(self.whole(edge)); // the state stays as it was
                }
                let after = self.home(self.program.next[j])?;
                if after.column != 0 || after.width != self.buffers[after.buffer].width {
                    return Err(LoweringError("a state that is part of a wider value".into()));
                }
                Ok(View { delay: Some(Delay { ahead: false, edge }), ..after })
            }
            (_, &RowClass::View { source, column }) => {
                let of = self.home(source)?;
                Ok(View { column: of.column + column, width: own, ..of })
            }
            _ => Err(LoweringError(format!("value {id} has no place in memory"))),
        }
    }

    /// An invariant beside values of so many axes.
    pub(crate) fn invariant_view(&mut self, id: u32, axes: usize) -> View {
        let node = self.program.node(id);
        let Kind::Input(Input::Invariant(i)) = node.kind else {
            unreachable!("invariants are hoisted")
        };
        let buffer = if classify::is_per_row(&node.shape, axes, self.rows) {
            self.feed(InputSlot::Invariant(i), Lifetime::Step, width(&node.shape))
        } else {
            self.feed(InputSlot::Invariant(i), Lifetime::Row, node.shape.elements())
        };
        self.whole(buffer)
    }

    /// Where a term of a sum over all steps lies.
    fn summed(&mut self, id: u32) -> Result<View, LoweringError> {
        let view = self.home(id)?;
        match self.buffers[view.buffer].lifetime {
            Lifetime::Sequence | Lifetime::Segment => Ok(view),
            lifetime => {
                Err(LoweringError(format!("a sum over steps of a value that spans {lifetime:?}")))
            }
        }
    }

    fn instructions(&mut self, stage: Stage) -> Result<Vec<Instruction<T>>, LoweringError> {
        let mut levels: BTreeMap<usize, Level> = BTreeMap::new();
        for id in (0..self.program.nodes.len() as u32).filter(|&id| self.is_computed(id, stage)) {
            let slot = self.slots[id as usize];
            let level = levels.entry(slot.level).or_default();
            if slot.turn == 0 {
                level.products.push(id);
                continue;
            }
            let items = level.phases.entry(slot).or_default();
            items.push(Item::Compute(id));
            if let Some(added) = self.added.get(&id).filter(|added| added.slot == slot) {
                items.extend(added.items(id)); // as soon as it is there
            }
        }
        for (&id, added) in self.added.iter().filter(|(_, added)| added.slot.stage == stage) {
            if !self.is_computed(id, stage) || self.slots[id as usize] != added.slot {
                let level = levels.entry(added.slot.level).or_default();
                level.phases.entry(added.slot).or_default().extend(added.items(id));
            }
        }
        let mut instructions = Vec::new();
        for Level { products, phases } in levels.into_values() {
            for id in products {
                instructions.push(self.product(id)?);
            }
            if !phases.is_empty() {
                instructions.push(Instruction::Fused(fuse(self, &phases)?));
            }
        }
        self.check_lifetimes(stage, &instructions)?;
        Ok(instructions)
    }

    /// Whether an instruction of a stage computes a value on its own account.
    fn is_computed(&self, id: u32, stage: Stage) -> bool {
        let form = &self.classes[id as usize];
        let computed = matches!(form, RowClass::Product { .. }) || is_fused(form);
        computed
            && self.slots[id as usize].stage == stage
            && self.needed[id as usize]
            && !self.absorbed.contains_key(&id)
            && !self.merged[id as usize]
    }

    /// Refuses instructions for all steps that read what lasts for one.
    fn check_lifetimes(
        &self,
        stage: Stage,
        instructions: &[Instruction<T>],
    ) -> Result<(), LoweringError> {
        let short = |view: &View| {
            let buffer = self.buffers[view.buffer];
            matches!(buffer.lifetime, Lifetime::Pair | Lifetime::Step) && buffer.role != Role::Input
        };
        if stage != Stage::Step
            && instructions.iter().flat_map(Instruction::operands).any(|v| short(&v))
        {
            return Err(LoweringError("a value of one step is read for all steps".into()));
        }
        Ok(())
    }

    fn product(&mut self, id: u32) -> Result<Instruction<T>, LoweringError> {
        let node = self.program.node(id);
        let output = self.home(self.starts.get(&id).map_or(id, |&(_, sum)| sum))?;
        let input = self.home(node.inputs[0])?;
        let RowClass::Product { transposed } = self.classes[id as usize] else {
            unreachable!("products alone are not fused")
        };
        let weight = self.program.node(node.inputs[1]);
        let Kind::Input(Input::Invariant(weight)) = weight.kind else {
            return Err(LoweringError("a product with a number".into()));
        };
        let pack = (weight, transposed);
        let right = self.packs.place(pack);
        let accumulate = match self.starts.get(&id).copied() {
            None => Accumulate::Zero,
            Some((start, sum)) if self.is_bias(start, self.program.shape(sum)) => {
                Accumulate::Rows(self.invariant_view(start, self.program.shape(sum).len()))
            }
            Some((start, _)) => Accumulate::Rows(self.home(start)?),
        };
        Ok(Instruction::MatMul { left: input, right, accumulate, output })
    }
}
