//! Cotangents as tensors, accumulated in place.

use std::collections::HashMap;

use bptt_tensor::{Binary, Scalar, Tensor, Transpose};

use super::pass::Pass;
use crate::tape::{Contribution, Cotangent, Op, Slots, Var};

/// One tensor for each value, to which contributions are added immediately. Along an axis on which
/// the cotangent is constant, the tensor may have extent 1 or no axis.
pub(crate) struct InPlace<T> {
    slots: Vec<Option<Tensor<T>>>,
    /// Products that are not yet added to their slots.
    products: HashMap<u32, Products<T>>,
    /// Cotangents of [values that are read in slices](crate::tape::Op): slices, each with its
    /// start.
    slices: HashMap<u32, Vec<(usize, Tensor<T>)>>,
}

impl<T: Scalar> InPlace<T> {
    /// Starts the reverse pass from `loss`, whose own cotangent is 1.
    pub(crate) fn new(loss: Var<'_, T>) -> Self {
        let mut slots = vec![None; loss.id as usize + 1];
        slots[loss.id as usize] = Some(Tensor::ones(loss.shape()));
        Self { slots, products: HashMap::new(), slices: HashMap::new() }
    }

    /// Returns the cotangents that no rule has consumed, in the order of the tape.
    pub(crate) fn finish(mut self) -> Vec<Option<Tensor<T>>> {
        for (id, products) in std::mem::take(&mut self.products) {
            products.add_to(&mut self.slots[id as usize]);
        }
        self.slots
    }
}

impl<'t, T: Scalar> Slots<'t, T> for InPlace<T> {
    fn add(&mut self, to: Var<'t, T>, contribution: Contribution<'t, T>) {
        let slot = &mut self.slots[to.id as usize];
        let zeros = || Tensor::zeros(to.shape());
        if !matches!(contribution, Contribution::Dense(_)) {
            stretch(slot, to);
        }
        match contribution {
            Contribution::Dense(value) => {
                let value = value.value();
                match slot {
                    Some(sum) if sum.shape() == value.shape() => *sum += value,
                    Some(sum) => *sum = sum.binary(Binary::Add, &value),
                    None => *slot = Some(value),
                }
            }
            Contribution::Product(left, right, transpose) => {
                let (left, right) = (left.value(), right.value());
                if transpose == Transpose::LEFT && left.rank() == 2 {
                    let products = self.products.entry(to.id).or_default();
                    if products.push(left, right) >= Products::<T>::ENOUGH_ROWS {
                        std::mem::take(products).add_to(slot);
                    }
                } else {
                    add_product(slot, &left, &right, transpose);
                }
            }
            Contribution::Slice { axis: 0, start, part }
                if to.tape.nodes()[to.id as usize].op.is_read_in_slices() =>
            {
                self.slices.entry(to.id).or_default().push((start, part.value()));
            }
            Contribution::Slice { axis, start, part } => {
                let (axis, part) = (axis as isize, part.value());
                match slot {
                    Some(sum) => sum.add_slice(axis, start, &part),
                    None => *slot = Some(Tensor::padded(to.shape(), axis, start, &part)),
                }
            }
            Contribution::Rows { indices, rows } => {
                slot.get_or_insert_with(zeros).scatter_add_rows(&indices, &rows.value());
            }
        }
    }
}

impl<'t, T: Scalar> Pass<'t, T> for InPlace<T> {
    fn visit(&mut self, y: Var<'t, T>, rule: impl FnOnce(&mut Self, Cotangent<'t, T>)) {
        let slot = &mut self.slots[y.id as usize];
        let (is_leaf, is_read_in_slices) = {
            let op = &y.tape.nodes()[y.id as usize].op;
            (matches!(op, Op::Leaf(_)), op.is_read_in_slices())
        };
        if is_leaf {
            return stretch(slot, y); // the cotangent of a leaf is a result
        }
        let constant = |value| y.tape.constant(value);
        if is_read_in_slices {
            debug_assert!(slot.is_none(), "slices alone read it");
            if let Some(slices) = self.slices.remove(&y.id) {
                let _recorded = y.tape.aside();
                let slices = slices.into_iter().map(|(start, part)| (start, constant(part)));
                rule(self, Cotangent::Slices(slices.collect()));
            }
            return;
        }
        if let Some(products) = self.products.remove(&y.id) {
            stretch(slot, y);
            products.add_to(slot);
        }
        if let Some(cotangent) = slot.take() {
            let _recorded = y.tape.aside();
            rule(self, Cotangent::Dense(constant(cotangent)));
        }
    }
}

/// Brings a cotangent of `y` to the shape of `y`.
fn stretch<T: Scalar>(slot: &mut Option<Tensor<T>>, y: Var<'_, T>) {
    if let Some(cotangent) = slot
        && cotangent.shape() != y.tape.nodes()[y.id as usize].value.shape()
    {
        *cotangent = cotangent.broadcast_to(y.shape());
    }
}

/// The gradient `Σ_t X_tᵀ G_t` of a weight that many time steps share. The factors are collected,
/// and multiplied over the rows of many steps at once. A product over the few rows of one step
/// would spend most of its time on reading and writing the sum.
struct Products<T> {
    lefts: Vec<Tensor<T>>,
    rights: Vec<Tensor<T>>,
    rows: usize,
}

impl<T: Scalar> Products<T> {
    /// The number of rows from which on a product is no faster, so that collecting more factors
    /// would only take memory.
    const ENOUGH_ROWS: usize = 1024;

    /// Collects `leftᵀ · right` and returns the number of rows collected.
    fn push(&mut self, left: Tensor<T>, right: Tensor<T>) -> usize {
        self.rows += left.shape()[0];
        self.lefts.push(left);
        self.rights.push(right);
        self.rows
    }

    fn add_to(&self, slot: &mut Option<Tensor<T>>) {
        let joined = |parts: &[Tensor<T>]| match parts {
            [one] => one.clone(),
            _ => Tensor::concat(&parts.iter().collect::<Vec<_>>(), 0),
        };
        if !self.lefts.is_empty() {
            let (left, right) = (joined(&self.lefts), joined(&self.rights));
            add_product(slot, &left, &right, Transpose::LEFT);
        }
    }
}

impl<T> Default for Products<T> {
    fn default() -> Self {
        Self { lefts: Vec::new(), rights: Vec::new(), rows: 0 }
    }
}

fn add_product<T: Scalar>(
    slot: &mut Option<Tensor<T>>,
    left: &Tensor<T>,
    right: &Tensor<T>,
    transpose: Transpose,
) {
    match slot {
        Some(sum) => Tensor::gemm(T::one(), left, right, transpose, T::one(), sum),
        None => *slot = Some(left.matmul_with(right, transpose)),
    }
}
