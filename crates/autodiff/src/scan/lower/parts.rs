//! The parts of a step that cannot be lowered as a whole: regions of values that are computed row by
//! row, and between them the operations that cannot be.

use std::collections::{BTreeMap, HashMap};

use bptt_tensor::Scalar;

use crate::scan::ir::program::{Input, Kind, Node, Program, leaf_node};
use crate::scan::lower::lowered::Lowered;
use crate::scan::lower::{lower_rows, shapes};
use crate::tape::Class;

/// The parts of a step.
#[derive(Debug)]
pub(crate) struct Parts<T> {
    /// The values that depend on sequences alone. They are computed for many steps at once.
    pub(crate) ahead: Option<Region<T>>,
    /// The parts of a step, in the order in which they run.
    pub(crate) of_step: Vec<Part<T>>,
    /// The inputs and numbers that the parts of a step read, or that are outputs.
    pub(crate) leaves: Vec<u32>,
    /// The numbers of operations that are compiled, and of all operations. Views do not count.
    pub(crate) compiled: usize,
    pub(crate) operations: usize,
}

/// A part of a step.
#[derive(Debug)]
pub(crate) enum Part<T> {
    /// A value that an operation computes.
    Operation(u32),
    Region(Box<Region<T>>),
}

/// Values that are computed row by row, from values of the same step.
#[derive(Debug)]
pub(crate) struct Region<T> {
    pub(crate) lowered: Lowered<T>,
    /// The values that it reads, in the order of the sequences of its program.
    pub(crate) entries: Vec<u32>,
    /// The number of the step's invariants, which are the first of its own.
    pub(crate) invariants: usize,
    /// The values without rows that it reads, as invariants after those of the step.
    pub(crate) shared: Vec<u32>,
    /// The values that others read, in the order of its outputs.
    pub(crate) results: Vec<u32>,
    /// The number of operations, without views.
    pub(crate) operations: usize,
}

impl<T: Scalar> Parts<T> {
    /// Divides a step into parts.
    pub(crate) fn of(program: &Program<T>) -> Self {
        let step = Step::of(program);
        let ids = || (0..program.nodes.len() as u32).filter(|&id| step.is_computed(id));
        let by_rows: Vec<bool> = (0..program.nodes.len() as u32)
            .map(|id| step.is_computed(id) && step.region(&[id]).is_some())
            .collect();
        let ids_ahead = step.ahead(&by_rows);
        let ahead = step.region(&ids_ahead).filter(Region::is_worthwhile);
        let is_ahead = program.among(ids_ahead.into_iter().filter(|_| ahead.is_some()));
        let levels = levels(program, &by_rows);
        let mut values: BTreeMap<usize, [Vec<u32>; 2]> = BTreeMap::new();
        for id in ids().filter(|&id| !is_ahead[id as usize]) {
            let of_level = values.entry(levels[id as usize]).or_default();
            of_level[usize::from(!by_rows[id as usize])].push(id);
        }
        let mut of_step = Vec::new();
        for [by_rows, others] in values.into_values() {
            match step.region(&by_rows).filter(Region::is_worthwhile) {
                Some(region) => of_step.push(Part::Region(Box::new(region))),
                None => of_step.extend(by_rows.into_iter().map(Part::Operation)),
            }
            of_step.extend(others.into_iter().map(Part::Operation));
        }
        let mut is_read = program.among(program.outputs());
        for id in ids().filter(|&id| !is_ahead[id as usize]) {
            program.node(id).inputs.iter().for_each(|&input| is_read[input as usize] = true);
        }
        let regions = of_step.iter().filter_map(|part| match part {
            Part::Region(region) => Some(&**region),
            Part::Operation(_) => None,
        });
        let regions = regions.chain(&ahead);
        let compiled = regions.map(|region| region.operations).sum();
        let is_leaf = |&id: &u32| is_read[id as usize] && program.op(id).is_none();
        Self {
            ahead,
            of_step,
            leaves: (0..program.nodes.len() as u32).filter(is_leaf).collect(),
            compiled,
            operations: ids().filter(|&id| !step.is_view(id)).count(),
        }
    }
}

impl<T> Region<T> {
    /// Whether it saves more than it takes to run it apart.
    fn is_worthwhile(&self) -> bool {
        self.operations > 1 || !self.lowered.packs.is_empty()
    }
}

/// A step to be divided.
struct Step<'p, T> {
    program: &'p Program<T>,
    rows: Option<usize>,
    /// The number of invariants.
    invariants: usize,
    /// For each value, whether an output needs it, and whether it is an output.
    needed: Vec<bool>,
    is_output: Vec<bool>,
    readers: Vec<Vec<u32>>,
}

impl<'p, T: Scalar> Step<'p, T> {
    fn of(program: &'p Program<T>) -> Self {
        let needed = program.ancestors(program.outputs());
        let mut readers = vec![Vec::new(); program.nodes.len()];
        for (id, node) in (0..).zip(&program.nodes) {
            let inputs = node.inputs.iter().filter(|_| needed[id as usize]);
            inputs.for_each(|&input| readers[input as usize].push(id));
        }
        let invariants = program.nodes.iter().map(|node| match node.kind {
            Kind::Input(Input::Invariant(i)) => i + 1,
            _ => 0,
        });
        Self {
            program,
            rows: shapes::rows_of(program),
            invariants: invariants.max().unwrap_or(0),
            needed,
            is_output: program.among(program.outputs()),
            readers,
        }
    }

    /// Whether an output needs a value that an operation computes.
    fn is_computed(&self, id: u32) -> bool {
        self.needed[id as usize] && self.program.op(id).is_some()
    }

    fn is_view(&self, id: u32) -> bool {
        matches!(self.program.class(id), Class::View(_))
    }

    fn has_rows(&self, id: u32) -> bool {
        self.program.shape(id).first() == self.rows.as_ref()
    }

    /// The values that depend on sequences alone, among those that are computed row by row.
    fn ahead(&self, by_rows: &[bool]) -> Vec<u32> {
        let mut is_ahead = vec![false; by_rows.len()];
        for (id, node) in (0..).zip(&self.program.nodes) {
            let is_known = |&input: &u32| match self.program.node(input).kind {
                Kind::Literal(_) | Kind::Input(Input::Invariant(_)) => true,
                Kind::Input(Input::Sequence(_)) => self.has_rows(input),
                Kind::Input(_) => false,
                Kind::Op(_) => is_ahead[input as usize],
            };
            is_ahead[id as usize] = by_rows[id as usize] && node.inputs.iter().all(is_known);
        }
        (0..).zip(is_ahead).filter_map(|(id, is)| is.then_some(id)).collect()
    }

    /// The region of these values, in ascending order; `None` if they cannot be lowered together.
    fn region(&self, ids: &[u32]) -> Option<Region<T>> {
        let rows = self.rows.filter(|_| !ids.is_empty())?;
        let Cut { program, entries, shared, results } = self.cut(ids);
        let lowered = lower_rows(&program, rows).ok()?;
        // a shared matrix would be packed anew in each step
        let packs_shared = lowered.packs.iter().any(|&(matrix, _)| matrix >= self.invariants);
        let operations = ids.iter().filter(|&&id| !self.is_view(id)).count();
        let invariants = self.invariants;
        let region = Region { lowered, entries, invariants, shared, results, operations };
        (!packs_shared).then_some(region)
    }

    /// Cuts these values out, as a step without a state.
    fn cut(&self, ids: &[u32]) -> Cut<T> {
        let mut cut = Cut {
            program: Program { nodes: Vec::new(), stacked: vec![], next: vec![], sums: vec![] },
            entries: Vec::new(),
            shared: Vec::new(),
            results: Vec::new(),
        };
        let is_inside = |reader: &u32| ids.binary_search(reader).is_ok();
        let mut places = HashMap::new();
        for &id in ids {
            let node = self.program.node(id);
            for &input in &node.inputs {
                places.entry(input).or_insert_with(|| self.leaf(&mut cut, input));
            }
            let inputs = node.inputs.iter().map(|input| places[input]).collect();
            let place = cut.program.push(Node { inputs, ..node.clone() });
            places.insert(id, place);
            if self.is_output[id as usize] || !self.readers[id as usize].iter().all(is_inside) {
                cut.program.stacked.push(place);
                cut.results.push(id);
            }
        }
        cut
    }

    /// Adds a value that the values cut out read.
    fn leaf(&self, cut: &mut Cut<T>, id: u32) -> u32 {
        let node = self.program.node(id);
        let kind = match node.kind {
            Kind::Literal(value) => Kind::Literal(value),
            Kind::Input(Input::Invariant(i)) => Kind::Input(Input::Invariant(i)),
            _ if self.has_rows(id) => {
                cut.entries.push(id);
                Kind::Input(Input::Sequence(cut.entries.len() - 1))
            }
            _ => {
                cut.shared.push(id);
                Kind::Input(Input::Invariant(self.invariants + cut.shared.len() - 1))
            }
        };
        cut.program.push(leaf_node(kind, node.shape.clone()))
    }
}

/// Values cut out of a step, with what they read and what others read of them, as in a [`Region`].
struct Cut<T> {
    program: Program<T>,
    entries: Vec<u32>,
    shared: Vec<u32>,
    results: Vec<u32>,
}

/// The level of each value. A level is a region, and then single operations. The region reads
/// operations of earlier levels only. The operations also read the region and each other.
fn levels<T>(program: &Program<T>, by_rows: &[bool]) -> Vec<usize> {
    let mut levels: Vec<usize> = Vec::with_capacity(by_rows.len());
    for (id, node) in program.nodes.iter().enumerate() {
        let level = |&input: &u32| {
            let is_other = program.op(input).is_some() && !by_rows[input as usize];
            levels[input as usize] + usize::from(by_rows[id] && is_other)
        };
        levels.push(node.inputs.iter().map(level).max().unwrap_or(0));
    }
    levels
}
