//! Functions over matrices in the loop over time.

use bptt_tensor::Scalar;

use crate::scan::ir::binding::Binding;
use crate::scan::ir::program::Program;
use crate::scan::lower::spaces::is_matrix;
use crate::tape::Class;

/// The values that the loop computes because they are functions over a matrix of each row. If the
/// state is a matrix, functions of it would need the matrices of all steps after the loop, and
/// others read matrices that the loop brings into the cache in any case.
pub(crate) struct MatricesOfLoop(Vec<bool>);

impl MatricesOfLoop {
    pub(crate) fn of<T: Scalar>(program: &Program<T>, bindings: &[Binding]) -> Self {
        let needed = program.ancestors(program.outputs());
        let all = 0..program.nodes.len();
        let of_matrix: Vec<bool> =
            all.clone().map(|id| needed[id] && runs_over_matrix(program, id as u32)).collect();
        let of_state = |id: usize| of_matrix[id] && bindings[id] == Binding::Carried;
        let is_empty = !all.clone().any(of_state);
        Self(
            all.map(|id| of_matrix[id] && !is_empty && bindings[id] != Binding::Invariant)
                .collect(),
        )
    }

    pub(crate) fn contains(&self, id: usize) -> bool {
        self.0[id]
    }

    /// For each value, whether these values or the next state depend on it.
    pub(crate) fn in_loop<T>(&self, program: &Program<T>) -> Vec<bool> {
        let own = (0..program.nodes.len() as u32).filter(|&id| self.contains(id as usize));
        program.ancestors(program.next.iter().copied().chain(own))
    }
}

fn runs_over_matrix<T: Scalar>(program: &Program<T>, id: u32) -> bool {
    let node = program.node(id);
    match program.class(id) {
        Class::Elementwise(_) | Class::Broadcast => is_matrix(&node.shape),
        Class::Join { axis } => axis > 1 && is_matrix(&node.shape),
        Class::Reduction(..) | Class::SumTo => is_matrix(program.shape(node.inputs[0])),
        Class::Product(_) if program.shape(node.inputs[1]).len() > 2 => {
            node.inputs.iter().any(|&input| is_matrix(program.shape(input)))
        }
        _ => false,
    }
}
