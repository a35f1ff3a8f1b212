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
    /// The numbers of operations that are compiled, and of all; views are none.
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
    /// The number of the step's invariants among its own. The values without rows that it reads
    /// follow them.
    pub(crate) invariants: usize,
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
        let ahead = step.ahead(&by_rows);
        let is_ahead =
            program.among(ahead.iter().flat_map(|region| region.members.iter().copied()));
        let levels = levels(program, &by_rows);
        let mut values: BTreeMap<usize, [Vec<u32>; 2]> = BTreeMap::new();
        for id in ids().filter(|&id| !is_ahead[id as usize]) {
            let of_level = values.entry(levels[id as usize]).or_default();
            of_level[usize::from(!by_rows[id as usize])].push(id);
        }
        let mut of_step = Vec::new();
        for [by_rows, others] in values.into_values() {
            match step.region(&by_rows).filter(|region| region.is_worthwhile) {
                Some(Candidate { region, .. }) => of_step.push(Part::Region(Box::new(region))),
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
        let regions = regions.chain(ahead.iter().map(|candidate| &candidate.region));
        let compiled = regions.map(|region| region.operations).sum();
        let is_leaf = |&id: &u32| is_read[id as usize] && program.op(id).is_none();
        Self {
            ahead: ahead.map(|candidate| candidate.region),
            of_step,
            leaves: (0..program.nodes.len() as u32).filter(is_leaf).collect(),
            compiled,
            operations: ids().filter(|&id| !step.is_view(id)).count(),
        }
    }
}

/// A region, with the values that it computes.
struct Candidate<T> {
    region: Region<T>,
    members: Vec<u32>,
    /// Whether it saves more than it takes to run it apart.
    is_worthwhile: bool,
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
    fn ahead(&self, by_rows: &[bool]) -> Option<Candidate<T>> {
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
        let ids: Vec<u32> = (0..).zip(is_ahead).filter_map(|(id, is)| is.then_some(id)).collect();
        self.region(&ids).filter(|candidate| candidate.is_worthwhile)
    }

    /// The region of these values, in ascending order; `None` if they cannot be lowered together.
    fn region(&self, ids: &[u32]) -> Option<Candidate<T>> {
        let mut region = Program { nodes: Vec::new(), stacked: vec![], next: vec![], sums: vec![] };
        let (mut places, mut entries, mut shared) = (HashMap::new(), Vec::new(), Vec::new());
        for &id in ids {
            let node = self.program.node(id);
            for &input in &node.inputs {
                if places.contains_key(&input) {
                    continue;
                }
                let leaf = self.program.node(input);
                let kind = match leaf.kind {
                    Kind::Literal(value) => Kind::Literal(value),
                    Kind::Input(Input::Invariant(i)) => Kind::Input(Input::Invariant(i)),
                    _ if self.has_rows(input) => {
                        entries.push(input);
                        Kind::Input(Input::Sequence(entries.len() - 1))
                    }
                    _ => {
                        shared.push(input);
                        Kind::Input(Input::Invariant(self.invariants + shared.len() - 1))
                    }
                };
                places.insert(input, region.push(leaf_node(kind, leaf.shape.clone())));
            }
            let inputs = node.inputs.iter().map(|input| places[input]).collect();
            places.insert(id, region.push(Node { inputs, ..node.clone() }));
        }
        let is_inside = |reader: &u32| ids.binary_search(reader).is_ok();
        let is_result = |&&id: &&u32| {
            self.is_output[id as usize] || !self.readers[id as usize].iter().all(is_inside)
        };
        let results: Vec<u32> = ids.iter().filter(is_result).copied().collect();
        region.stacked = results.iter().map(|id| places[id]).collect();
        let lowered = lower_rows(&region, self.rows?).ok()?;
        // a shared value would be packed anew in each step
        let packs_shared = lowered.packs.iter().any(|&(matrix, _)| matrix >= self.invariants);
        let has_product = !lowered.packs.is_empty();
        let operations = ids.iter().filter(|&&id| !self.is_view(id)).count();
        (!packs_shared && !ids.is_empty()).then(|| Candidate {
            region: Region {
                lowered,
                entries,
                invariants: self.invariants,
                shared,
                results,
                operations,
            },
            members: ids.to_vec(),
            is_worthwhile: has_product || operations > 1,
        })
    }
}

/// The level of each value. The values of a level that are computed row by row read others of levels
/// before. Those that are not read any of their level.
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
