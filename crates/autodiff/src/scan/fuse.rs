//! Functions of single elements that are computed together, block by block: what passes from one to
//! the next never meets memory.

use std::collections::HashMap;

use bptt_tensor::Scalar;
use bptt_tensor::Unary;
use bptt_tensor::rows::{Code, Pointwise, Source, Target, View};

use super::form::{Form, NotRows};
use super::lower::Lowering;
use super::program::{Input, Kind};
use crate::operation::Op;

/// Fuses the functions with these ids, which stand in one slot, in order.
pub(super) fn fuse<T: Scalar>(
    lowering: &mut Lowering<'_, T>,
    ids: &[u32],
) -> Result<Pointwise, NotRows> {
    let width = lowering.slots[ids[0] as usize].width;
    let mut group = Group {
        pointwise: Pointwise { width, arrays: vec![], code: vec![], registers: 0 },
        free: vec![],
        registers: HashMap::new(),
    };
    for (position, &id) in ids.iter().enumerate() {
        let inputs = lowering.program.node(id).inputs.clone();
        let mut sources = Vec::with_capacity(inputs.len());
        for &input in &inputs {
            sources.push(group.source(lowering, id, input)?);
        }
        // a register is free again behind its last reader, but for that reader's own target
        let target = group.target(lowering, id);
        for &input in &inputs {
            let rest = &ids[position + 1..];
            if !lowering.readers[input as usize].iter().any(|reader| rest.contains(reader))
                && let Some(register) = group.registers.remove(&input)
            {
                group.free.push(register);
            }
        }
        let code = match lowering.program.op(id) {
            Some(Op::Unary(f)) => Code::Unary(*f, sources[0], target),
            Some(Op::BroadcastTo(_)) => Code::Unary(Unary::Identity, sources[0], target),
            Some(Op::Binary(f)) => Code::Binary(*f, [sources[0], sources[1]], target),
            Some(Op::Select(_)) => Code::Select([sources[0], sources[1], sources[2]], target),
            _ => unreachable!("only functions of single elements have this form"),
        };
        group.pointwise.code.push(code);
    }
    Ok(group.pointwise)
}

struct Group {
    pointwise: Pointwise,
    free: Vec<usize>,
    registers: HashMap<u32, usize>,
}

impl Group {
    fn source<T: Scalar>(
        &mut self,
        lowering: &mut Lowering<'_, T>,
        reader: u32,
        id: u32,
    ) -> Result<Source, NotRows> {
        if let Some(&register) = self.registers.get(&id) {
            return Ok(Source::Register(register));
        }
        let view = match lowering.program.node(id).kind {
            Kind::Literal(value) => return Ok(Source::Literal(value)),
            Kind::Input(Input::Invariant(_)) => {
                let axes = lowering.program.shape(reader).len();
                lowering.invariant_view(id, axes)
            }
            _ => lowering.home(id)?,
        };
        Ok(Source::Array(self.array(view)))
    }

    fn target<T: Scalar>(&mut self, lowering: &Lowering<'_, T>, id: u32) -> Target {
        debug_assert_eq!(lowering.forms[id as usize], Form::Pointwise);
        if let Some(view) = lowering.try_home(id) {
            return Target::Array(self.array(view));
        }
        let register = self.free.pop().unwrap_or_else(|| {
            self.pointwise.registers += 1;
            self.pointwise.registers - 1
        });
        self.registers.insert(id, register);
        Target::Register(register)
    }

    fn array(&mut self, view: View) -> usize {
        let arrays = &mut self.pointwise.arrays;
        arrays.iter().position(|other| *other == view).unwrap_or_else(|| {
            arrays.push(view);
            arrays.len() - 1
        })
    }
}
