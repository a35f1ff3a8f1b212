//! When each value of a step is computed: before the loop over time for all steps, in the loop, or
//! after it, again for all steps; and in which order within.

use bptt_tensor::{Scalar, Unary};

use super::binding::{Binding, bindings};
use super::form::{Form, width};
use super::program::{Input, Kind, Program};
use crate::operation::Op;

/// The stages, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Stage {
    Before,
    Step,
    After,
}

/// The stage of each value.
///
/// What the next state needs and the state determines stays in the loop. Of what depends on inputs
/// alone, products leave it; functions of single elements stay beside their first reader, as reading
/// their operands there is no dearer than reading their result. What nobody in the loop reads comes
/// after it.
pub(super) fn stages<T: Scalar>(program: &Program<T>, forms: &[Form]) -> Vec<Stage> {
    let bindings = bindings(program);
    let in_loop = program.ancestors(program.next.iter().copied());
    let mut first_reader = vec![Stage::After; program.nodes.len()];
    for &id in &program.next {
        first_reader[id as usize] = Stage::Step;
    }
    let mut stages = first_reader.clone();
    for id in (0..program.nodes.len()).rev() {
        let heavy = matches!(forms[id], Form::Product { .. } | Form::SumRow);
        stages[id] = match bindings[id] {
            Binding::Loop if in_loop[id] => Stage::Step,
            Binding::Loop if is_copy_of_state(program, id as u32) => Stage::Step,
            Binding::Loop => Stage::After,
            _ if heavy && first_reader[id] == Stage::Step => Stage::Before,
            _ => first_reader[id],
        };
        for &input in &program.nodes[id].inputs {
            let reader = &mut first_reader[input as usize];
            *reader = stages[id].min(*reader);
        }
    }
    stages
}

/// Whether a value keeps the state for readers after the loop.
fn is_copy_of_state<T>(program: &Program<T>, id: u32) -> bool {
    let is_state = |&input: &u32| matches!(program.node(input).kind, Kind::Input(Input::Carry(_)));
    matches!(program.op(id), Some(Op::Unary(Unary::Identity)))
        && program.node(id).inputs.iter().all(is_state)
}

/// The place of a value within its stage: barriers (products, sums) of a level come before the
/// functions of single elements of that level, which are computed together where they are equally wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Slot {
    pub(super) stage: Stage,
    pub(super) level: usize,
    /// 0 for a barrier; functions of single elements that read others of another width come later.
    pub(super) turn: usize,
    pub(super) width: usize,
}

/// The slot of each value.
pub(super) fn slots<T: Scalar>(
    program: &Program<T>,
    forms: &[Form],
    stages: &[Stage],
) -> Vec<Slot> {
    let mut slots: Vec<Slot> = Vec::with_capacity(program.nodes.len());
    for (id, node) in program.nodes.iter().enumerate() {
        let stage = stages[id];
        let own_width = if node.shape.is_empty() { 1 } else { width(&node.shape) };
        let same_stage =
            || node.inputs.iter().map(|&i| slots[i as usize]).filter(|s| s.stage == stage);
        let level = same_stage().map(|slot| slot.level).max().unwrap_or(0);
        let barrier = matches!(forms[id], Form::Product { .. } | Form::SumRow | Form::Term);
        slots.push(if barrier {
            Slot { stage, level: level + 1, turn: 0, width: own_width }
        } else {
            let turn =
                |slot: Slot| slot.turn + usize::from(slot.turn > 0 && slot.width != own_width);
            let turn = same_stage().filter(|s| s.level == level).map(turn).max().unwrap_or(0);
            // inputs, literals, views and joins take no time
            let least = usize::from(forms[id] == Form::Pointwise);
            Slot { stage, level, turn: turn.max(least), width: own_width }
        });
    }
    slots
}
