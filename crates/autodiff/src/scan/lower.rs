//! From a step to a program over rows: its buffers and the instructions that compute them.

use std::collections::{BTreeMap, HashMap};

use bptt_tensor::Scalar;
use bptt_tensor::rows::{Buffer, Delay, Instruction, Onto, Role, RowProgram, Span, Sum, View};

use super::form::{self, Form, NotRows, width};
use super::fuse;
use super::normal::{Normal, normalise};
use super::program::{Input, Kind, Program};
use super::schedule::{Slot, Stage, slots, stages};

/// A step as a program over rows, and what its buffers are.
#[derive(Clone, Debug)]
pub(super) struct Lowered {
    pub(super) program: RowProgram,
    pub(super) inputs: Vec<Feed>,
    pub(super) outputs: Vec<Sink>,
    /// Sums that are equal to others: from, and to.
    pub(super) copies: Vec<(usize, usize)>,
    /// The matrices to pack: an invariant, and whether it is read transposed.
    pub(super) packs: Vec<(usize, bool)>,
    pub(super) rows: usize,
}

/// What fills an input buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Feed {
    Sequence(usize),
    /// The state that the first step starts from.
    Initial(usize),
    Invariant(usize),
}

/// What an output buffer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sink {
    Stacked(usize),
    Final(usize),
    Sum(usize),
}

/// Lowers a step.
///
/// # Errors
///
/// If its rows are not independent of each other, or an operation has no form for rows.
pub(super) fn lower<T: Scalar>(program: &Program<T>) -> Result<Lowered, NotRows> {
    let rows = form::rows_of(program)?;
    let Normal { program, terms, inside_sums } = normalise(program, rows)?;
    let forms = form::forms(&program, rows, &inside_sums)?;
    let stages = stages(&program, &forms);
    let slots = slots(&program, &forms, &stages);
    let mut lowering = Lowering {
        uses: program.uses(),
        readers: readers(&program),
        needed: program.ancestors(program.outputs()),
        summed: terms.iter().flat_map(|term| term.left.into_iter().chain([term.right])).collect(),
        homes: vec![None; program.nodes.len()],
        fused: HashMap::new(),
        starts: HashMap::new(),
        buffers: Vec::new(),
        inputs: Vec::new(),
        outputs: Vec::new(),
        packs: Vec::new(),
        feeds: HashMap::new(),
        program: &program,
        forms: &forms,
        slots: &slots,
        rows,
    };
    lowering.fuse_sums();
    lowering.place_outputs();
    lowering.place_state();
    lowering.place_joins();
    lowering.place_others();
    let mut row_program = RowProgram::default();
    for stage in [Stage::Before, Stage::Step, Stage::After] {
        let instructions = lowering.instructions(stage)?;
        match stage {
            Stage::Before => row_program.before = instructions,
            Stage::Step => row_program.step = instructions,
            Stage::After => row_program.after = instructions,
        }
    }
    // equal sums are computed once
    let first_of = |sum: usize| {
        program.sums.iter().position(|id| *id == program.sums[sum]).expect("it is one of them")
    };
    let copies = (0..program.sums.len()).map(|sum| (first_of(sum), sum));
    let copies: Vec<(usize, usize)> = copies.filter(|(first, sum)| first != sum).collect();
    for term in terms.iter().filter(|term| first_of(term.sum) == term.sum) {
        let total = lowering.total(term.sum);
        let left = term.left.map(|left| lowering.summed(left)).transpose()?;
        let right = lowering.summed(term.right)?;
        row_program.sums.push(Sum { left, right, total });
    }
    for (j, &id) in program.next.iter().enumerate() {
        let view = lowering.home(id)?;
        let buffer = Buffer { span: Span::Step, width: view.width, role: Role::Output };
        lowering.outputs.push(Sink::Final(j));
        row_program.finals.push((view, lowering.buffer(buffer)));
    }
    row_program.buffers = lowering.buffers;
    let (inputs, outputs, packs) = (lowering.inputs, lowering.outputs, lowering.packs);
    Ok(Lowered { program: row_program, inputs, outputs, copies, packs, rows })
}

/// The values that read each value.
fn readers<T>(program: &Program<T>) -> Vec<Vec<u32>> {
    let needed = program.ancestors(program.outputs());
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

pub(super) struct Lowering<'a, T> {
    pub(super) program: &'a Program<T>,
    pub(super) forms: &'a [Form],
    pub(super) slots: &'a [Slot],
    pub(super) rows: usize,
    pub(super) uses: Vec<usize>,
    pub(super) readers: Vec<Vec<u32>>,
    pub(super) needed: Vec<bool>,
    /// The terms of sums over all steps.
    pub(super) summed: Vec<u32>,
    /// Where values lie that memory is needed for.
    pub(super) homes: Vec<Option<View>>,
    /// Sums that are computed by one of their terms.
    pub(super) fused: HashMap<u32, Fused>,
    /// Of such a term, what it starts from, and the sum that it computes.
    pub(super) starts: HashMap<u32, (u32, u32)>,
    pub(super) buffers: Vec<Buffer>,
    pub(super) inputs: Vec<Feed>,
    pub(super) outputs: Vec<Sink>,
    pub(super) packs: Vec<(usize, bool)>,
    pub(super) feeds: HashMap<(Feed, Span), usize>,
}

/// A sum that one of its terms, a product, computes from the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fused {
    pub(super) product: u32,
    pub(super) start: u32,
}

impl<T: Scalar> Lowering<'_, T> {
    fn buffer(&mut self, buffer: Buffer) -> usize {
        self.buffers.push(buffer);
        self.buffers.len() - 1
    }

    fn feed(&mut self, feed: Feed, span: Span, width: usize) -> usize {
        if let Some(&buffer) = self.feeds.get(&(feed, span)) {
            return buffer;
        }
        let buffer = self.buffer(Buffer { span, width, role: Role::Input });
        self.inputs.push(feed);
        self.feeds.insert((feed, span), buffer);
        buffer
    }

    fn total(&mut self, sum: usize) -> usize {
        if let Some(place) = self.outputs.iter().position(|sink| *sink == Sink::Sum(sum)) {
            let outputs = self.buffers.iter().enumerate();
            let mut outputs = outputs.filter(|(_, buffer)| buffer.role == Role::Output);
            return outputs.nth(place).expect("an output for each sink").0;
        }
        let width = self.program.shape(self.program.sums[sum]).elements();
        self.outputs.push(Sink::Sum(sum));
        self.buffer(Buffer { span: Span::Total, width, role: Role::Output })
    }

    fn whole(&self, buffer: usize) -> View {
        View { buffer, column: 0, width: self.buffers[buffer].width, delay: None }
    }

    pub(super) fn settle(&mut self, id: u32, span: Span, role: Role) -> View {
        let width = width(self.program.shape(id));
        let buffer = self.buffer(Buffer { span, width, role });
        let view = self.whole(buffer);
        self.homes[id as usize] = Some(view);
        view
    }

    /// Where a value lies, if memory holds it.
    pub(super) fn try_home(&self, id: u32) -> Option<View> {
        self.homes[id as usize]
    }

    /// Where a value lies.
    pub(super) fn home(&mut self, id: u32) -> Result<View, NotRows> {
        if let Some(view) = self.homes[id as usize] {
            return Ok(view);
        }
        let node = self.program.node(id);
        let own = if node.shape.is_empty() { 1 } else { width(&node.shape) };
        match (&node.kind, &self.forms[id as usize]) {
            (&Kind::Input(Input::Sequence(i)), _) => {
                let buffer = self.feed(Feed::Sequence(i), Span::Sequence, own);
                Ok(self.whole(buffer))
            }
            (&Kind::Input(Input::Ahead { sequence, edge }), _) => {
                let buffer = self.feed(Feed::Sequence(sequence), Span::Sequence, own);
                let edge = self.feed(Feed::Invariant(edge), Span::Step, own);
                let delay = Some(Delay { ahead: true, edge });
                Ok(View { delay, ..self.whole(buffer) })
            }
            (&Kind::Input(Input::Carry(j)), _) => {
                let edge = self.feed(Feed::Initial(j), Span::Step, own);
                if self.program.next[j] == id {
                    return Ok(self.whole(edge)); // the state stays as it was
                }
                let after = self.home(self.program.next[j])?;
                if after.column != 0 || after.width != self.buffers[after.buffer].width {
                    return Err(NotRows("a state that is part of a wider value".into()));
                }
                Ok(View { delay: Some(Delay { ahead: false, edge }), ..after })
            }
            (_, &Form::View { column }) => {
                let of = self.home(node.inputs[0])?;
                Ok(View { column: of.column + column, width: own, ..of })
            }
            _ => Err(NotRows(format!("value {id} has no place in memory"))),
        }
    }

    /// An invariant beside values of so many axes.
    pub(super) fn invariant_view(&mut self, id: u32, axes: usize) -> View {
        let node = self.program.node(id);
        let Kind::Input(Input::Invariant(i)) = node.kind else {
            unreachable!("invariants are hoisted")
        };
        let buffer = if form::is_per_row(&node.shape, axes, self.rows) {
            self.feed(Feed::Invariant(i), Span::Step, width(&node.shape))
        } else {
            self.feed(Feed::Invariant(i), Span::Row, node.shape.elements())
        };
        self.whole(buffer)
    }

    /// Where a term of a sum over all steps lies.
    fn summed(&mut self, id: u32) -> Result<View, NotRows> {
        let view = self.home(id)?;
        match self.buffers[view.buffer].span {
            Span::Sequence | Span::Segment => Ok(view),
            span => Err(NotRows(format!("a sum over steps of a value that spans {span:?}"))),
        }
    }

    fn instructions(&mut self, stage: Stage) -> Result<Vec<Instruction>, NotRows> {
        let mut order: BTreeMap<(usize, usize, usize), Vec<u32>> = BTreeMap::new();
        for id in 0..self.program.nodes.len() as u32 {
            let Slot { stage: own, level, turn, width } = self.slots[id as usize];
            let computed = match self.forms[id as usize] {
                Form::Product { .. } | Form::SumRow => true,
                Form::Pointwise => !self.is_fused(id),
                _ => false,
            };
            if own == stage && computed && self.needed[id as usize] {
                order.entry((level, turn, width * usize::from(turn > 0))).or_default().push(id);
            }
        }
        let mut instructions = Vec::new();
        for ((_, turn, _), ids) in order {
            if turn > 0 {
                instructions.push(Instruction::Pointwise(fuse::fuse(self, &ids)?));
                continue;
            }
            for id in ids {
                instructions.push(self.barrier(id)?);
            }
        }
        self.check_spans(stage, &instructions)?;
        Ok(instructions)
    }

    /// Refuses instructions for all steps that read what lasts for one.
    fn check_spans(&self, stage: Stage, instructions: &[Instruction]) -> Result<(), NotRows> {
        let short = |view: &View| {
            let buffer = self.buffers[view.buffer];
            matches!(buffer.span, Span::Pair | Span::Step) && buffer.role != Role::Input
        };
        if stage != Stage::Step
            && instructions.iter().flat_map(Instruction::operands).any(|v| short(&v))
        {
            return Err(NotRows("a value of one step is read for all steps".into()));
        }
        Ok(())
    }

    fn barrier(&mut self, id: u32) -> Result<Instruction, NotRows> {
        let node = self.program.node(id);
        let output = self.home(self.starts.get(&id).map_or(id, |&(_, sum)| sum))?;
        let input = self.home(node.inputs[0])?;
        let Form::Product { transposed } = self.forms[id as usize] else {
            return Ok(Instruction::SumRow { input, output });
        };
        let weight = self.program.node(node.inputs[1]);
        let Kind::Input(Input::Invariant(weight)) = weight.kind else {
            return Err(NotRows("a product with a number".into()));
        };
        let pack = (weight, transposed);
        let right = self.packs.iter().position(|&other| other == pack).unwrap_or_else(|| {
            self.packs.push(pack);
            self.packs.len() - 1
        });
        let onto = match self.starts.get(&id).copied() {
            None => Onto::Zero,
            Some((start, sum)) if self.is_bias(start, self.program.shape(sum)) => {
                Onto::Rows(self.invariant_view(start, self.program.shape(sum).len()))
            }
            Some((start, _)) => Onto::Rows(self.home(start)?),
        };
        Ok(Instruction::Product { left: input, right, onto, output })
    }
}
