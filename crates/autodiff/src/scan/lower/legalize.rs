//! Legalization: bringing a step into the form that the other passes expect.

use bptt_tensor::{Binary, Scalar, Shape};
use smallvec::SmallVec;

use crate::scan::ir::binding::{Binding, bindings};
use crate::scan::ir::program::op_node;
use crate::scan::ir::program::{Input, Kind, Node, Program};
use crate::scan::lower::layout::{Place, Places};
use crate::scan::lower::lowered::Accumulator;
use crate::scan::lower::matrices::MatricesOfLoop;
use crate::scan::lower::sink_reductions::{SumTerm, SunkReductions, sink_reductions};
use crate::scan::rewrite::rematerialize::rematerialize;
use crate::tape::primitive::Concat;
use crate::tape::{Class, Op, ViewOf};

/// A legalized step, in which every output and every joined part is a value of its own, with the
/// terms of its sums over all steps.
pub(crate) struct Legal<T> {
    pub(crate) program: Program<T>,
    pub(crate) terms: Vec<SumTerm>,
    /// Sums over all steps that are states of the step.
    pub(crate) accumulators: Vec<Accumulator>,
    /// Values that are decomposed into terms, and so are not computed themselves.
    pub(crate) inside_sums: Vec<u32>,
    /// Sums that equal other sums: pairs of the other sum and the copy.
    pub(crate) copies: Vec<(usize, usize)>,
    /// Values whose sums over all steps cannot be computed.
    pub(crate) refused: Vec<u32>,
}

pub(crate) fn legalize<T: Scalar>(program: &Program<T>, rows: usize) -> Legal<T> {
    let mut program = adjacent(&tile_pads(program, rows));
    pass_through_outputs(&mut program);
    let mut program = own_places(&rematerialize(&program));
    own_outputs(&mut program);
    let SunkReductions { terms, accumulators, inside_sums, copies, refused } =
        sink_reductions(&mut program, rows);
    Legal { program, terms, accumulators, inside_sums, copies, refused }
}

/// Replaces a pad by joins of its parts and of zeros between them. Parts that overlap are in
/// different joins, which are added.
fn tile_pads<T: Scalar>(program: &Program<T>, rows: usize) -> Program<T> {
    program.rebuild(|new, id, inputs| {
        let Some(Op::Pad(pad)) = program.op(id) else { return new.copy(program, id, inputs) };
        let shape = &pad.shape;
        if shape.len() < 2 || shape[0] != rows || pad.places.iter().any(|&(axis, _)| axis == 0) {
            return new.copy(program, id, inputs); // classification refuses it, if it is needed
        }
        let mut parts: Vec<(usize, usize, u32)> = pad
            .places
            .iter()
            .zip(inputs)
            .map(|(&(axis, start), part)| (axis, start, part))
            .collect();
        parts.sort_unstable();
        let mut sum = None;
        while !parts.is_empty() {
            let tiled = tile(new, shape, &mut parts);
            sum = Some(match sum {
                None => tiled,
                Some(sum) => {
                    new.push(op_node(Op::Binary(Binary::Add), [sum, tiled], shape.clone()))
                }
            });
        }
        sum.unwrap_or_else(|| new.zeros(shape))
    })
}

/// Joins parts of one axis that do not overlap, which it takes from the list, and zeros.
fn tile<T: Scalar>(
    new: &mut Program<T>,
    shape: &Shape,
    parts: &mut Vec<(usize, usize, u32)>,
) -> u32 {
    let axis = parts[0].0;
    let mut tiles: SmallVec<[u32; 3]> = SmallVec::new();
    let mut end = 0;
    parts.retain(|&(own, start, part)| {
        if own != axis || start < end {
            return true;
        }
        if start > end {
            tiles.push(new.zeros(&shape.with(axis, start - end)));
        }
        end = start + new.shape(part)[axis];
        tiles.push(part);
        false
    });
    if end < shape[axis] {
        tiles.push(new.zeros(&shape.with(axis, shape[axis] - end)));
    }
    new.push(op_node(Op::Concat(Concat { axis }), tiles, shape.clone()))
}

/// Copies views with gaps between their elements where a row without gaps is needed: as an operand
/// of a matrix product or a function of whole rows, and before a change of shape that has no strides.
fn adjacent<T: Scalar>(program: &Program<T>) -> Program<T> {
    let mut places = Places::default();
    program.rebuild(|new, id, mut inputs| {
        places.extend(new);
        let class = program.class(id);
        for input in &mut inputs {
            let needs_copy = match class {
                Class::Product(_) => has_gaps(new, &places, *input),
                Class::View(ViewOf::Whole) => {
                    let node =
                        Node { inputs: [*input].into_iter().collect(), ..program.node(id).clone() };
                    // else a matrix of all rows, which a product reads
                    let is_by_rows = new.shape(*input).first() == node.shape.first();
                    if is_by_rows {
                        places.view(new, &node).is_none()
                    } else {
                        has_gaps(new, &places, *input)
                    }
                }
                _ => has_gaps(new, &places, *input) && program.row_function(id).is_some(),
            };
            if needs_copy {
                *input = new.identity(*input);
            }
        }
        new.copy(program, id, inputs)
    })
}

/// Whether a value is a view with gaps between its elements.
fn has_gaps<T: Scalar>(program: &Program<T>, places: &Places, id: u32) -> bool {
    let place = places.place(id);
    place.source != id && !place.layout.is_dense(program.shape(id))
}

/// In place of a whole view of a computed value, makes the value itself an output.
fn pass_through_outputs<T: Scalar>(program: &mut Program<T>) {
    let places = Places::of(program);
    let source = |id: u32| {
        let Place { source, layout } = places.place(id);
        let (own, whole) = (program.shape(id), program.shape(*source));
        let is_whole = own.elements() == whole.elements() && layout.is_dense(own);
        if is_whole && is_computed(program, &places, *source) { *source } else { id }
    };
    let stacked = program.stacked.iter().map(|&id| source(id)).collect();
    let next = program.next.iter().map(|&id| source(id)).collect();
    (program.stacked, program.next) = (stacked, next);
}

/// Copies parts of joins that also need another place: as an output, or in another join. Also
/// copies states that are read after the loop. All other readers of a part read it within the join.
fn own_places<T: Scalar>(program: &Program<T>) -> Program<T> {
    let bindings = bindings(program);
    let in_loop = MatricesOfLoop::of(program, &bindings).in_loop(program);
    let (is_output, is_state) = (program.among(program.outputs()), program.states());
    let mut times_joined = vec![0; program.nodes.len()];
    for join in (0..program.nodes.len() as u32).filter(|&id| is_join(program, id)) {
        program.node(join).inputs.iter().for_each(|&part| times_joined[part as usize] += 1);
    }
    program.rebuild(|new, id, mut inputs| {
        let originals = &program.node(id).inputs;
        let is_join = is_join(program, id);
        let late = bindings[id as usize] == Binding::Carried && !in_loop[id as usize];
        for (input, original) in inputs.iter_mut().zip(originals) {
            let shared = times_joined[*original as usize] > 1
                || is_output[*original as usize]
                || !can_be_placed(&program.class(*original))
                || reads_product(program, *original);
            if is_join && shared || late && is_state[*original as usize] {
                *input = new.identity(*input);
            }
        }
        new.copy(program, id, inputs)
    })
}

/// Whether the instruction of a value can write it among the columns of a join.
fn can_be_placed<T>(class: &Class<T>) -> bool {
    class.is_pointwise() || matches!(class, Class::Product(_))
}

fn is_join<T: Scalar>(program: &Program<T>, id: u32) -> bool {
    matches!(program.class(id), Class::Join { axis: 1 })
}

/// Whether a sum reads a product, which may compute it in place.
fn reads_product<T: Scalar>(program: &Program<T>, id: u32) -> bool {
    let is_product = |&input: &u32| matches!(program.class(input), Class::Product(_));
    matches!(program.op(id), Some(Op::Binary(Binary::Add)))
        && program.node(id).inputs.iter().any(is_product)
}

/// Copies outputs that no operation computes, and outputs that are the same value as another
/// output.
fn own_outputs<T: Scalar>(program: &mut Program<T>) {
    let (bindings, places) = (bindings(program), Places::of(program));
    let mut stacked = program.stacked.clone();
    let mut is_taken = vec![false; program.nodes.len()];
    for id in &mut stacked {
        let is_other = std::mem::replace(&mut is_taken[*id as usize], true);
        if is_other || !is_computed(program, &places, *id) {
            *id = program.identity(*id);
        }
    }
    program.stacked = stacked;
    let mut next = program.next.clone();
    for (j, id) in next.iter_mut().enumerate() {
        if program.node(*id).kind == Kind::Input(Input::Carry(j)) {
            continue; // an unchanged state is never written
        }
        let in_loop = bindings.get(*id as usize) == Some(&Binding::Carried);
        if !is_computed(program, &places, *id) || !in_loop {
            *id = program.identity(*id);
        }
    }
    program.next = next;
}

/// Whether an operation computes a value's elements, rather than passing on those of another value.
fn is_computed<T: Scalar>(program: &Program<T>, places: &Places, id: u32) -> bool {
    program.op(id).is_some() && places.place(id).source == id
}
