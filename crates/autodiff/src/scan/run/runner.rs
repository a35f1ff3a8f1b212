//! The ways of running a single step: by rows, or in parts.

use std::rc::Rc;

use bptt_tensor::rows::{Buffer, Lifetime, Role, RowProgram, Session};
use bptt_tensor::{Scalar, Tensor};

use crate::scan::compiled::Compiled;
use crate::scan::lower::{InputSlot, Lowered, OutputSlot};
use crate::scan::plan::{Packed, Plan};
use crate::scan::run::execute::prepare_for_steps;

/// What a stepper runs.
pub(super) enum Runner<T> {
    Rows {
        session: Box<Session<T>>,
        /// The buffer of each sequence, if the step reads it, and its length.
        inputs: Vec<Option<usize>>,
        outputs: Vec<usize>,
        state: Vec<usize>,
    },
    /// A step that cannot be lowered runs in parts.
    Steps {
        plan: Rc<Plan<T>>,
        packed: Packed<T>,
        invariants: Vec<Tensor<T>>,
        outputs: Vec<Tensor<T>>,
        state: Vec<Tensor<T>>,
    },
}

impl<T: Scalar> Runner<T> {
    /// Prepares a compiled step that starts from this state.
    pub(super) fn new(step: &Compiled<T>, state: &[Tensor<T>], invariants: Vec<Tensor<T>>) -> Self {
        let plan = step.plain();
        match plan.lowered() {
            Some(lowered) => Self::by_rows(lowered, step.sequences, state, &invariants),
            None => {
                let program = &plan.program;
                let entry = |&id: &u32| Tensor::zeros(program.shape(id));
                Self::Steps {
                    outputs: program.stacked.iter().map(entry).collect(),
                    packed: plan.pack(1, &invariants),
                    plan: plan.clone(),
                    invariants,
                    state: state.to_vec(),
                }
            }
        }
    }

    fn by_rows(
        lowered: &Lowered<T>,
        sequences: usize,
        state: &[Tensor<T>],
        invariants: &[Tensor<T>],
    ) -> Self {
        let (program, slots) = with_whole_state(lowered, state);
        let place = |slot: InputSlot| slots.iter().position(|&other| other == slot);
        let buffers_of = |role| {
            let buffers = program.buffers.iter().enumerate();
            let buffers = buffers.filter(|(_, buffer)| buffer.role == role);
            buffers.map(|(index, _)| index).collect::<Vec<usize>>()
        };
        let (inputs, outputs) = (buffers_of(Role::Input), buffers_of(Role::Output));
        let elements = |&buffer: &usize| lowered.rows * program.buffers[buffer].width;
        let empty: Vec<Tensor<T>> =
            inputs.iter().map(|buffer| Tensor::zeros([elements(buffer)])).collect();
        let values: Vec<&Tensor<T>> = slots
            .iter()
            .zip(&empty)
            .map(|(slot, empty)| match *slot {
                InputSlot::Sequence(_) => empty,
                InputSlot::Initial(j) => &state[j],
                InputSlot::Invariant(i) => &invariants[i],
            })
            .collect();
        // the final values are in the order of the state, and every variable of the state is an
        // input
        let carried: Vec<usize> = (0..state.len())
            .map(|j| place(InputSlot::Initial(j)).expect("every state is an input"))
            .collect();
        let mut stacked: Vec<(usize, usize)> = lowered
            .outputs
            .iter()
            .zip(outputs)
            .filter_map(|(slot, buffer)| match *slot {
                OutputSlot::Stacked(k) => Some((k, buffer)),
                OutputSlot::Final(_) | OutputSlot::Sum(_) => None,
            })
            .collect();
        stacked.sort_unstable();
        let packed = prepare_for_steps(lowered, invariants);
        Self::Rows {
            inputs: (0..sequences)
                .map(|i| place(InputSlot::Sequence(i)).map(|place| inputs[place]))
                .collect(),
            outputs: stacked.into_iter().map(|(_, buffer)| buffer).collect(),
            state: carried.iter().map(|&place| inputs[place]).collect(),
            session: Box::new(Session::new(program, lowered.rows, packed, &values, &carried)),
        }
    }
}

/// A lowered step, and its input slots, in which every variable of the state is an input, even one
/// that the step does not read. The final values then have inputs to replace.
fn with_whole_state<T: Scalar>(
    lowered: &Lowered<T>,
    state: &[Tensor<T>],
) -> (RowProgram<T>, Vec<InputSlot>) {
    let (mut program, mut slots) = (lowered.program.clone(), lowered.inputs.clone());
    for (j, value) in state.iter().enumerate() {
        if !slots.contains(&InputSlot::Initial(j)) {
            slots.push(InputSlot::Initial(j));
            let width = value.len() / lowered.rows;
            program.buffers.push(Buffer { lifetime: Lifetime::Step, width, role: Role::Input });
        }
    }
    (program, slots)
}
