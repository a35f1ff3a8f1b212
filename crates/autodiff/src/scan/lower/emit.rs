//! Emission of the instructions of a program.

use bptt_tensor::Scalar;
use bptt_tensor::rows::{Accumulate, Instruction, Lifetime, Role, RowProgram, Sum, View};

use crate::scan::ir::indexed::Indexed;
use crate::scan::ir::program::{Input, Kind};
use crate::scan::lower::classify::{Classified, RowClass};
use crate::scan::lower::combine::Combined;
use crate::scan::lower::fuse::fuse;
use crate::scan::lower::lowered::{Lowered, LoweringError};
use crate::scan::lower::memory::Memory;
use crate::scan::lower::operands::Operands;
use crate::scan::lower::sink_reductions::SumTerm;
use crate::scan::lower::timeline::{Level, Timeline};

/// Emits the instructions of a step whose values are allocated.
///
/// # Errors
///
/// If an instruction cannot read the memory of a value.
pub(crate) fn emit<T: Scalar>(
    step: &Classified<T>,
    combined: &Combined,
    timeline: &Timeline,
    memory: Memory,
) -> Result<Lowered<T>, LoweringError> {
    let operands = Operands::new(step, memory);
    let mut emitter = Emitter { step, combined, operands, packs: Indexed::default() };
    let before = emitter.stage(&timeline.before)?;
    let in_loop = emitter.stage(&timeline.step)?;
    let after = emitter.stage(&timeline.after)?;
    emitter.check_lifetimes(before.iter().chain(&after))?;
    let sums = emitter.sums()?;
    let finals = emitter.finals()?;
    let Operands { memory, inputs, .. } = emitter.operands;
    let Memory { buffers, outputs, .. } = memory;
    Ok(Lowered {
        program: RowProgram { buffers, before, step: in_loop, after, sums, finals },
        inputs,
        outputs,
        copies: step.copies.clone(),
        accumulators: step.accumulators.clone(),
        packs: emitter.packs.into_items(),
        rows: step.rows,
    })
}

/// The emitted instructions, their operands so far, and the matrices that they multiply by.
struct Emitter<'a, T> {
    step: &'a Classified<T>,
    combined: &'a Combined,
    operands: Operands<'a, T>,
    packs: Indexed<(usize, bool)>,
}

impl<T: Scalar> Emitter<'_, T> {
    fn stage(&mut self, levels: &[Level]) -> Result<Vec<Instruction<T>>, LoweringError> {
        let mut instructions = Vec::new();
        for Level { barriers, phases } in levels {
            for &id in barriers {
                instructions.push(match *self.step.class(id) {
                    RowClass::Product { transposed, inner_rows } => {
                        self.product(id, transposed, inner_rows)?
                    }
                    RowClass::Apply => self.application(id)?,
                    _ => unreachable!("no other value needs whole rows of its operands"),
                });
            }
            if !phases.is_empty() {
                let phases = fuse(self.step, self.combined, &mut self.operands, phases)?;
                instructions.push(Instruction::Fused(phases));
            }
        }
        Ok(instructions)
    }

    fn product(
        &mut self,
        id: u32,
        transposed: bool,
        inner_rows: usize,
    ) -> Result<Instruction<T>, LoweringError> {
        let step = self.step;
        let node = step.program.node(id);
        let sum = self.combined.sum_of(id);
        let output = self.operands.view(sum.map_or(id, |started| started.sum))?;
        let left = self.operands.view(node.inputs[0])?;
        let Kind::Input(Input::Invariant(weight)) = step.program.node(node.inputs[1]).kind else {
            return Err(LoweringError::limit("a product with a number", node.line));
        };
        let right = self.packs.place((weight, transposed));
        let accumulate = match sum {
            None => Accumulate::Zero,
            Some(started) => {
                let shape = step.program.shape(started.sum);
                Accumulate::Rows(if step.is_bias(started.start, shape) {
                    self.operands.view_beside(shape.len(), started.start)?
                } else {
                    self.operands.view(started.start)?
                })
            }
        };
        Ok(Instruction::MatMul { left, right, accumulate, output, inner_rows })
    }

    /// A value that a function of whole rows computes.
    fn application(&mut self, id: u32) -> Result<Instruction<T>, LoweringError> {
        let step = self.step;
        let node = step.program.node(id);
        let mut inputs = Vec::with_capacity(node.inputs.len());
        for &input in &node.inputs {
            inputs.push(self.operands.view_beside(step.program.shape(input).len(), input)?);
        }
        Ok(Instruction::Apply {
            name: step.program.op(id).map_or(String::new(), |op| op.described(&node.shape)),
            function: step.program.row_function(id).expect("classified"),
            inputs,
            output: self.operands.view(id)?,
        })
    }

    /// Refuses an instruction for all steps that reads a value of a single step.
    fn check_lifetimes<'i>(
        &self,
        mut for_all_steps: impl Iterator<Item = &'i Instruction<T>>,
    ) -> Result<(), LoweringError> {
        let is_short = |view: View| {
            let buffer = self.operands.memory.buffers[view.buffer];
            matches!(buffer.lifetime, Lifetime::Pair | Lifetime::Step) && buffer.role != Role::Input
        };
        if for_all_steps.any(|instruction| instruction.operands().into_iter().any(is_short)) {
            return Err(LoweringError::limit("a value of one step is read for all steps", None));
        }
        Ok(())
    }

    /// The sums over all steps: those of rows, then those of products.
    fn sums(&mut self) -> Result<Vec<Sum>, LoweringError> {
        let (mut rows, mut products) = (Vec::new(), Vec::new());
        for (index, term) in self.step.terms.iter().enumerate() {
            let memory = &self.operands.memory;
            match *term {
                SumTerm::Rows { sum, .. } => {
                    let partials = memory.partials(index);
                    rows.push(Sum::Partials { partials, total: memory.total(sum) });
                }
                SumTerm::Product { sum, left, right, inner_rows } => {
                    let total = memory.total(sum);
                    let [left, right] = [left, right].map(|id| self.operands.view_of_all_steps(id));
                    products.push(Sum::Products { left: left?, right: right?, total, inner_rows });
                }
            }
        }
        rows.extend(products);
        Ok(rows)
    }

    /// The state after the last step.
    fn finals(&mut self) -> Result<Vec<(View, usize)>, LoweringError> {
        let next = self.step.program.next.iter();
        let finals: Vec<(u32, usize)> =
            next.copied().zip(self.operands.memory.finals.iter().copied()).collect();
        finals.into_iter().map(|(id, buffer)| Ok((self.operands.view(id)?, buffer))).collect()
    }
}
