//! Fusion: functions of rows are computed together, a few rows and columns at a time. Values that
//! pass from one function to the next stay in the cache.

use std::collections::BTreeMap;

use bptt_tensor::rows::{Array, MulKind, Phase, RowOp};
use bptt_tensor::{Scalar, Unary};
use smallvec::SmallVec;

use crate::scan::ir::indexed::Indexed;
use crate::scan::lower::classify::{Classified, RowClass};
use crate::scan::lower::combine::Combined;
use crate::scan::lower::lowered::LoweringError;
use crate::scan::lower::operands::Operands;
use crate::scan::lower::schedule::Slot;
use crate::scan::lower::timeline::Item;
use crate::tape::{Class, Function, Op};

/// The phases of a fused sequence, each over the space of its slot.
///
/// # Errors
///
/// If a function cannot read the memory of a value.
pub(crate) fn fuse<T: Scalar>(
    step: &Classified<T>,
    combined: &Combined,
    operands: &mut Operands<'_, T>,
    phases: &BTreeMap<Slot, Vec<Item>>,
) -> Result<Vec<Phase<T>>, LoweringError> {
    let mut fused = Vec::with_capacity(phases.len());
    for (slot, items) in phases {
        let mut phase = PhaseBuilder { step, combined, operands, arrays: Indexed::default() };
        let mut ops = Vec::with_capacity(items.len());
        for &item in items {
            ops.push(phase.op(item)?);
        }
        let (axes, arrays) = (step.spaces.axes(slot.space).clone(), phase.arrays.into_items());
        fused.push(with_columns(merged(Phase { axes, arrays, ops })));
    }
    Ok(fused)
}

/// A phase under construction.
struct PhaseBuilder<'a, 'o, T> {
    step: &'a Classified<T>,
    combined: &'a Combined,
    operands: &'a mut Operands<'o, T>,
    arrays: Indexed<Array>,
}

impl<T: Scalar> PhaseBuilder<'_, '_, T> {
    fn op(&mut self, item: Item) -> Result<RowOp<T>, LoweringError> {
        match item {
            Item::Compute(id) => self.compute(id),
            Item::Place { id, part } => {
                let source = self.step.program.node(id).inputs[part];
                let place = self.operands.place(id, part)?;
                Ok(RowOp::Unary(Unary::Identity, self.own(source)?, self.arrays.place(place)))
            }
            Item::AddRows { id, term } => {
                let sums = self.operands.partials(id, term);
                let sums = self.arrays.place(sums);
                Ok(match self.contracted(id)? {
                    Some((kind, factors)) => RowOp::AddProducts(kind, factors, sums),
                    None => RowOp::AddRows(self.own(id)?, sums),
                })
            }
        }
    }

    fn compute(&mut self, id: u32) -> Result<RowOp<T>, LoweringError> {
        let step = self.step;
        let inputs = &step.program.node(id).inputs;
        if let Some(op) = self.sum_of_products(id)? {
            return Ok(op);
        }
        let mut sources = Vec::with_capacity(inputs.len());
        for &input in inputs {
            sources.push(self.source(id, input)?);
        }
        let target = self.target(id)?;
        if let RowClass::Reduce { reduction, .. } = *step.class(id) {
            return Ok(RowOp::Reduce(reduction, sources[0], target));
        }
        Ok(match step.program.class(id) {
            Class::Elementwise(function) => match function {
                Function::Unary(f) => RowOp::Unary(f, sources[0], target),
                Function::Binary(f) => RowOp::Binary(f, [sources[0], sources[1]], target),
                Function::Select => RowOp::Select([sources[0], sources[1], sources[2]], target),
                Function::Kernel(kernel) => {
                    let name = step.program.op(id).map_or("", Op::name);
                    RowOp::Call(name, kernel, sources.into(), target)
                }
            },
            Class::Broadcast => RowOp::Unary(Unary::Identity, sources[0], target),
            class => unreachable!("{class:?} is no function of rows"),
        })
    }

    /// A value that multiplies the factors of one or both of its operands.
    fn sum_of_products(&mut self, id: u32) -> Result<Option<RowOp<T>>, LoweringError> {
        let inputs = &self.step.program.node(id).inputs;
        let mut products: SmallVec<[_; 3]> = SmallVec::new();
        for &input in inputs {
            products.push(self.contracted(input)?);
        }
        let op = match (&inputs[..], &products[..]) {
            (_, &[Some((kind, [a, b])), Some((_, [c, d]))]) => {
                RowOp::MulMulAdd(kind, [a, b, c, d], self.target(id)?)
            }
            (&[_, other], &[Some((kind, [a, b])), None])
            | (&[other, _], &[None, Some((kind, [a, b]))]) => {
                RowOp::MulAdd(kind, [a, b, self.source(id, other)?], self.target(id)?)
            }
            (_, &[Some((kind, factors))]) => RowOp::Dot(kind, factors, self.target(id)?),
            _ => return Ok(None),
        };
        Ok(Some(op))
    }

    /// The factors of a contracted product, which its sum computes.
    fn contracted(&mut self, id: u32) -> Result<Option<(MulKind, [usize; 2])>, LoweringError> {
        let factors = self.step.factors(id).filter(|_| self.combined.is_contracted(id));
        let Some((kind, [a, b])) = factors else { return Ok(None) };
        Ok(Some((kind, [self.source(id, a)?, self.source(id, b)?])))
    }

    fn target(&mut self, id: u32) -> Result<usize, LoweringError> {
        let array = self.operands.target(id)?;
        Ok(self.arrays.place(array))
    }

    /// A value as `reader` reads it.
    fn source(&mut self, reader: u32, id: u32) -> Result<usize, LoweringError> {
        self.over(self.step.run_over(reader), id)
    }

    /// All elements of a value.
    fn own(&mut self, id: u32) -> Result<usize, LoweringError> {
        self.over(id, id)
    }

    /// A value as a function reads it that runs over the rows of `over`.
    fn over(&mut self, over: u32, id: u32) -> Result<usize, LoweringError> {
        let array = self.operands.array(self.step.program.shape(over), id)?;
        Ok(self.arrays.place(array))
    }
}

/// The phase with a last axis of extent 1 if a target has gaps between the elements of the last axis.
fn with_columns<T: Scalar>(mut phase: Phase<T>) -> Phase<T> {
    let has_gaps = |op: &RowOp<T>| phase.arrays[op.target()].strides.last() > Some(&1);
    if phase.ops.iter().any(has_gaps) {
        phase.axes.push(1);
        phase.arrays.iter_mut().for_each(|array| array.strides.push(1));
    }
    phase
}

/// The phase with neighbouring axes merged that every array reads with one stride.
fn merged<T>(mut phase: Phase<T>) -> Phase<T> {
    for axis in (1..phase.axes.len()).rev() {
        let extent = phase.axes[axis];
        let is_one = |Array { strides, .. }: &Array| strides[axis - 1] == strides[axis] * extent;
        if phase.arrays.iter().all(is_one) {
            phase.axes[axis - 1] *= extent;
            phase.axes.remove(axis);
            for array in &mut phase.arrays {
                array.strides.remove(axis - 1);
            }
        }
    }
    phase
}
