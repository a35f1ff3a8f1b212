//! Nested sums are flattened, and their terms sorted by binding time. First come products of the
//! inputs and the biases, which leave the loop together. Products of the state follow, which are
//! added to them in place. All other terms come last.

use bptt_tensor::{Binary, Scalar};

use crate::scan::ir::binding::{Binding, bindings};
use crate::scan::ir::program::Program;
use crate::scan::ir::program::op_node;
use crate::tape::{Class, Op};

const ADD: Binary = Binary::Add;

pub(crate) fn rewrite<T: Scalar>(program: &Program<T>) -> Program<T> {
    let uses = program.uses();
    let bindings = bindings(program);
    let is_add = |id: u32| matches!(program.op(id), Some(Op::Binary(ADD)));
    // inner sums are merged into the outermost
    let mut inner = vec![false; program.nodes.len()];
    for (id, node) in (0..).zip(&program.nodes) {
        for &input in &node.inputs {
            inner[input as usize] |=
                is_add(id) && uses[input as usize] == 1 && program.shape(input) == &node.shape;
        }
    }
    let mut places = vec![u32::MAX; program.nodes.len()];
    program.rebuild(|new, id, inputs| {
        let place = if !is_add(id) || inner[id as usize] {
            new.copy(program, id, inputs)
        } else {
            let mut terms = terms_of(program, id, |id| is_add(id) && inner[id as usize]);
            terms.sort_by_key(|&term| order(program, &bindings, term));
            let shape = program.shape(id);
            let full = terms.iter().position(|&term| program.shape(term) == shape);
            if let Some(full) = full {
                let first = terms.remove(full); // first, so that every partial sum has the whole shape
                terms.insert(0, first);
            }
            match full {
                None => new.copy(program, id, inputs),
                Some(_) => {
                    let is_once = |&term: &u32| bindings[term as usize] == Binding::Invariant;
                    let terms = terms.iter().map(|term| (places[*term as usize], is_once(term)));
                    gather(new, terms.collect())
                        .into_iter()
                        .reduce(|sum, term| {
                            new.push(op_node(Op::Binary(ADD), [sum, term], shape.clone()))
                        })
                        .expect("a sum has terms")
                }
            }
        };
        places[id as usize] = place;
        place
    })
}

/// Adds up invariant terms of one shape: several biases become one.
fn gather<T: Scalar>(new: &mut Program<T>, terms: Vec<(u32, bool)>) -> Vec<u32> {
    let mut gathered: Vec<u32> = Vec::with_capacity(terms.len());
    let mut constant: Vec<usize> = Vec::new(); // the positions of constants, one for each shape
    for (term, is_once) in terms {
        let fits = |&&place: &&usize| new.shape(gathered[place]) == new.shape(term);
        match constant.iter().find(fits).filter(|_| is_once) {
            Some(&place) => {
                let shape = new.shape(term).clone();
                gathered[place] =
                    new.push(op_node(Op::Binary(ADD), [gathered[place], term], shape));
            }
            None => {
                if is_once {
                    constant.push(gathered.len());
                }
                gathered.push(term);
            }
        }
    }
    gathered
}

/// The terms of the sum `id` and of the sums `inner` to it, in their order.
fn terms_of<T>(program: &Program<T>, id: u32, inner: impl Fn(u32) -> bool) -> Vec<u32> {
    let mut terms = Vec::new();
    let mut pending = vec![id];
    while let Some(sum) = pending.pop() {
        if sum == id || inner(sum) {
            pending.extend(program.node(sum).inputs.iter().rev());
        } else {
            terms.push(sum);
        }
    }
    terms
}

/// The rank of a term in its sum.
fn order<T: Scalar>(program: &Program<T>, bindings: &[Binding], term: u32) -> usize {
    let is_product = matches!(program.class(term), Class::Product(_));
    match (is_product, bindings[term as usize]) {
        (true, Binding::Parallel) => 0,
        (_, Binding::Invariant) => 1,
        (true, _) => 2,
        (false, _) => 3,
    }
}
