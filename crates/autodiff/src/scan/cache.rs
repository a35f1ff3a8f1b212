//! The cache of compiled steps. Each thread keeps the steps that it traced most recently.

use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use bptt_tensor::Scalar;

use crate::scan::compiled::Compiled;
use crate::scan::ir::program::{Kind, Node, Program};
use crate::scan::run::operation::ScanOperation;
use crate::tape::Op;

/// Whether a value is computed by an operation that equals no other, directly or in the step of an
/// inner scan.
fn is_unequalled<T: Scalar>(node: &Node<T>) -> bool {
    match &node.kind {
        Kind::Op(Op::Custom(op)) => match op.downcast_ref::<ScanOperation<T>>() {
            Some(scan) => scan.step().traced.nodes.iter().any(is_unequalled),
            None => !op.equals(&**op),
        },
        _ => false,
    }
}

/// The number of compiled steps that a thread keeps for each element type.
const KEPT: usize = 64;

thread_local! {
    /// For each element type, the steps traced most recently.
    static KNOWN: RefCell<HashMap<TypeId, Box<dyn Any>>> = RefCell::default();
}

/// Compiles a traced step, or returns the compiled step of an equal one.
pub(crate) fn compile<T: Scalar>(
    traced: Program<T>,
    sequences: usize,
    invariants: usize,
) -> Rc<Compiled<T>> {
    type Steps<T> = Vec<Rc<Compiled<T>>>;
    if traced.nodes.iter().any(is_unequalled) {
        // not cached, since no step equals it
        return Rc::new(Compiled::new(traced, sequences, invariants));
    }
    KNOWN.with_borrow_mut(|known| {
        let steps = known.entry(TypeId::of::<T>()).or_insert_with(|| Box::new(Steps::<T>::new()));
        let steps: &mut Steps<T> = steps.downcast_mut().expect("the type is the key");
        let equal = |step: &Rc<Compiled<T>>| step.sequences == sequences && step.traced == traced;
        let compiled = match steps.iter().position(equal) {
            Some(place) => steps.remove(place),
            None => Rc::new(Compiled::new(traced, sequences, invariants)),
        };
        steps.push(compiled.clone());
        if steps.len() > KEPT {
            steps.remove(0);
        }
        compiled
    })
}
