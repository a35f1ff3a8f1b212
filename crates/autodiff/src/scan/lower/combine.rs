//! Values that one instruction computes together: a sum of a matrix product and another term, and
//! an elementwise product within a sum.

use std::collections::HashMap;

use bptt_tensor::rows::{MulKind, Reduction};
use bptt_tensor::{Binary, Scalar};

use crate::scan::ir::program::{Input, Kind};
use crate::scan::lower::classify::{Classified, RowClass};
use crate::scan::lower::schedule::{Schedule, Slot};
use crate::scan::lower::shapes;
use crate::tape::Op;

/// The values that have no instruction of their own.
pub(crate) struct Combined {
    /// Sums that are computed by one of their terms, a matrix product which accumulates onto the
    /// other term. Maps the sum to the product.
    products_of_sums: HashMap<u32, u32>,
    /// Maps such a product to its sum.
    sums_of_products: HashMap<u32, StartedSum>,
    /// For each value, whether it is an elementwise product that is contracted: its reader, a sum,
    /// multiplies on its own.
    contracted: Vec<bool>,
}

/// A sum that is computed by a matrix product.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StartedSum {
    pub(crate) sum: u32,
    /// The term to which the product is added.
    pub(crate) start: u32,
}

/// Combines the values of a step.
pub(crate) fn combine<T: Scalar>(step: &Classified<T>, schedule: &Schedule) -> Combined {
    let count = step.program.nodes.len();
    let mut combined = Combined {
        products_of_sums: HashMap::new(),
        sums_of_products: HashMap::new(),
        contracted: vec![false; count],
    };
    let needed = || (0..count as u32).filter(|&id| step.needed[id as usize]);
    for id in needed() {
        if let Some((product, start)) = combined.product_of(step, schedule, id) {
            combined.products_of_sums.insert(id, product);
            combined.sums_of_products.insert(product, StartedSum { sum: id, start });
        }
    }
    let is_kept = kept(step);
    for id in needed().filter(|&id| !is_kept[id as usize]) {
        combined.contracted[id as usize] = combined.can_contract(step, schedule, id);
    }
    combined
}

/// For each value, whether it has its own place in memory: outputs, states, and joins with their
/// parts.
fn kept<T: Scalar>(step: &Classified<T>) -> Vec<bool> {
    let program = &step.program;
    let mut kept = program.among(program.stacked.iter().chain(&program.next).copied());
    for (id, class) in step.classes.iter().enumerate() {
        if matches!(class, RowClass::Join { .. }) && step.needed[id] {
            program.nodes[id].inputs.iter().for_each(|&part| kept[part as usize] = true);
        }
    }
    kept
}

impl Combined {
    /// Whether a sum is computed by one of its terms.
    pub(crate) fn is_started(&self, id: u32) -> bool {
        self.products_of_sums.contains_key(&id)
    }

    /// The sum that a matrix product computes, if it computes one.
    pub(crate) fn sum_of(&self, product: u32) -> Option<StartedSum> {
        self.sums_of_products.get(&product).copied()
    }

    /// Whether a value is an elementwise product that its reader, a sum, computes.
    pub(crate) fn is_contracted(&self, id: u32) -> bool {
        self.contracted[id as usize]
    }

    /// The time at which a value is computed. A sum that a product computes has the time of the
    /// product.
    pub(crate) fn order(&self, schedule: &Schedule, id: u32) -> (Slot, u32) {
        let id = self.products_of_sums.get(&id).copied().unwrap_or(id);
        (schedule.slot(id), id)
    }

    /// The terms of a sum, if a product can compute it: the product and the other term, which is a
    /// bias or computed by an earlier product.
    fn product_of<T: Scalar>(
        &self,
        step: &Classified<T>,
        schedule: &Schedule,
        sum: u32,
    ) -> Option<(u32, u32)> {
        let Some(Op::Binary(Binary::Add)) = step.program.op(sum) else { return None };
        let [a, b] = step.program.node(sum).inputs[..] else { return None };
        let shape = step.program.shape(sum);
        let is_product = |id: u32| matches!(step.class(id), RowClass::Product { .. });
        let has_shape = |id: u32| step.program.shape(id) == shape;
        let computes = |product: u32, start: u32| {
            let is_read_here = step.uses[product as usize] == 1;
            let is_earlier = (is_product(start) || self.is_started(start))
                && has_shape(start)
                && self.order(schedule, start) < self.order(schedule, product);
            is_product(product)
                && is_read_here
                && has_shape(product)
                && start != product
                && (is_earlier || step.is_bias(start, shape))
        };
        [(b, a), (a, b)].into_iter().find(|&(product, start)| computes(product, start))
    }

    /// Whether a value is a product whose only reader is a sum that can multiply on its own. The
    /// sum is of the product and another value, or over each row or over all rows; over rows, both
    /// factors must be as wide as the product.
    fn can_contract<T: Scalar>(&self, step: &Classified<T>, schedule: &Schedule, id: u32) -> bool {
        let (own, readers) = (schedule.slot(id), &step.readers[id as usize][..]);
        let Some((kind, factors)) = step.factors(id) else { return false };
        if step.multiplied[id as usize] {
            return false;
        }
        let is_wide = || {
            let width = step.spaces.width(own.space);
            let is_whole = |&factor: &u32| columns_of(step, factor, id) == Some(width);
            width > 1 && (step.spaces.axes(own.space).len() > 1 || factors.iter().all(is_whole))
        };
        let is_summand = |&reader: &u32| *step.class(reader) == RowClass::Summand;
        if let Some(sums) = schedule.row_sums.get(&id) {
            let is_read_here = sums.terms.len() == 1 && sums.slot == own;
            return is_wide() && is_read_here && readers.iter().all(is_summand);
        }
        let mut readers = readers.iter().copied().filter(|reader| !is_summand(reader));
        let (Some(sum), None) = (readers.next(), readers.next()) else { return false };
        match step.class(sum) {
            _ if schedule.slot(sum) != own => false,
            RowClass::Reduce { reduction: Reduction::Sum, .. } => is_wide(),
            _ => self.multiplies(step, sum, kind),
        }
    }

    /// Whether a sum of two values may multiply the factors of one of them. It must be an
    /// elementwise function. If it multiplies those of the other term, both products are of one
    /// kind.
    fn multiplies<T: Scalar>(&self, step: &Classified<T>, sum: u32, kind: MulKind) -> bool {
        let is_alike = |&term: &u32| {
            let other = step.factors(term).filter(|_| self.is_contracted(term));
            other.is_none_or(|(other, _)| other == kind)
        };
        matches!(step.program.op(sum), Some(Op::Binary(Binary::Add)))
            && *step.class(sum) == RowClass::Pointwise
            && !self.is_started(sum)
            && step.program.node(sum).inputs.iter().all(is_alike)
    }
}

/// The number of columns of a factor of a product; `None` if it is one number.
fn columns_of<T: Scalar>(step: &Classified<T>, factor: u32, product: u32) -> Option<usize> {
    let (node, axes) = (step.program.node(factor), step.program.shape(product).len());
    match node.kind {
        Kind::Literal(_) => None,
        Kind::Input(Input::Invariant(_)) => shapes::invariant_width(&node.shape, axes, step.rows),
        _ => Some(step.width(factor)),
    }
}
