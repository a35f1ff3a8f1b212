//! The operands of instructions: values that the program computes, and inputs and constants, which
//! get their buffers here.

use std::collections::HashMap;

use bptt_tensor::rows::{Array, Delay, Lifetime, Role, View};
use bptt_tensor::{Scalar, Shape};

use crate::scan::ir::program::{Input, Kind};
use crate::scan::lower::classify::{Classified, RowClass};
use crate::scan::lower::layout::{Layout, Place, inner, span, strides_over};
use crate::scan::lower::lowered::{InputSlot, LoweringError};
use crate::scan::lower::memory::Memory;
use crate::scan::lower::shapes::{self, width};

/// All buffers of a program.
pub(crate) struct Operands<'a, T> {
    step: &'a Classified<T>,
    pub(crate) memory: Memory,
    /// The source of each input buffer, in order.
    pub(crate) inputs: Vec<InputSlot>,
    input_buffers: HashMap<(InputSlot, Lifetime), usize>,
    /// The buffers of numbers, by their bits.
    constants: HashMap<u64, usize>,
}

impl<'a, T: Scalar> Operands<'a, T> {
    pub(crate) fn new(step: &'a Classified<T>, memory: Memory) -> Self {
        Self {
            step,
            memory,
            inputs: Vec::new(),
            input_buffers: HashMap::new(),
            constants: HashMap::new(),
        }
    }

    /// The view of a value. Adds a buffer for an input or a constant.
    pub(crate) fn view(&mut self, id: u32) -> Result<View, LoweringError> {
        if let Some(view) = self.memory.home(id) {
            return Ok(view);
        }
        let step = self.step;
        let node = step.program.node(id);
        let own = if node.shape.is_empty() { 1 } else { width(&node.shape) };
        match (&node.kind, step.class(id)) {
            (&Kind::Input(Input::Sequence(i)), _) => {
                Ok(self.input(InputSlot::Sequence(i), Lifetime::Sequence, own))
            }
            (&Kind::Input(Input::Ahead { sequence, edge }), _) => {
                let view = self.input(InputSlot::Sequence(sequence), Lifetime::Sequence, own);
                let edge = self.input(InputSlot::Invariant(edge), Lifetime::Step, own).buffer;
                Ok(View { delay: Some(Delay { ahead: true, edge }), ..view })
            }
            (&Kind::Input(Input::Carry(j)), _) => {
                let before = self.input(InputSlot::Initial(j), Lifetime::Step, own);
                if step.program.next[j] == id {
                    return Ok(before); // the step does not change the state
                }
                let after = self.view(step.program.next[j])?;
                if after != self.memory.whole(after.buffer) {
                    return Err(LoweringError::limit(
                        "a state that is part of a wider value",
                        node.line,
                    ));
                }
                let delay = Some(Delay { ahead: false, edge: before.buffer });
                Ok(View { delay, ..after })
            }
            (_, RowClass::View(Place { source, layout })) => {
                let of = self.view(*source)?;
                if !layout.is_dense(&node.shape) {
                    let columns = format!("columns of {} with gaps", node.shape);
                    return Err(LoweringError::limit(columns, node.line));
                }
                Ok(View { column: of.column + layout.column, width: own, ..of })
            }
            _ => Err(LoweringError::limit("a value without a place in memory", node.line)),
        }
    }

    /// The view of an operand of a function of rows, whose result has this number of axes.
    pub(crate) fn view_beside(&mut self, axes: usize, id: u32) -> Result<View, LoweringError> {
        match self.step.program.node(id).kind {
            Kind::Literal(value) => Ok(self.constant(value)),
            Kind::Input(Input::Invariant(i)) => Ok(self.invariant(id, i, axes)),
            _ => self.view(id),
        }
    }

    /// The array of an operand of a function that runs over rows of the shape `over`.
    pub(crate) fn array(&mut self, over: &Shape, id: u32) -> Result<Array, LoweringError> {
        let (step, axes) = (self.step, over.len());
        let (node, shape) = (step.program.node(id), step.program.shape(id));
        let (view, place) = match node.kind {
            Kind::Literal(_) | Kind::Input(Input::Invariant(_)) => {
                let view = self.view_beside(axes, id)?;
                let of_row =
                    if shape.len() < axes { [&[1], &shape[..]].concat() } else { shape.to_vec() };
                let of_row = Shape::from(&of_row[..]);
                let layout = Layout::dense(&of_row);
                return Ok(Array {
                    view,
                    strides: strides_over(over, inner(&of_row), &layout.strides),
                });
            }
            _ => match step.class(id) {
                RowClass::View(place) => (self.view(place.source)?, place.layout.clone()),
                _ => (self.view(id)?, Layout::dense(shape)),
            },
        };
        let width = span(inner(shape), &place.strides);
        let view = View { column: view.column + place.column, width, ..view };
        Ok(Array { view, strides: strides_over(over, inner(shape), &place.strides) })
    }

    /// The array of a value, for the function that computes it.
    pub(crate) fn target(&mut self, id: u32) -> Result<Array, LoweringError> {
        let view = self.view(id)?;
        let over = self.step.program.shape(self.step.run_over(id));
        let kept = match self.step.class(id) {
            RowClass::Reduce { axes, .. } => {
                axes.iter().fold(over.clone(), |shape, &axis| shape.with(axis, 1))
            }
            _ => over.clone(),
        };
        let strides = Layout::dense(&kept).strides;
        Ok(Array { view, strides: strides_over(over, inner(&kept), &strides) })
    }

    /// The array of a part of an assembled value.
    pub(crate) fn place(&mut self, id: u32, part: usize) -> Result<Array, LoweringError> {
        let (view, step) = (self.view(id)?, self.step);
        let RowClass::Assemble { axis } = *step.class(id) else {
            unreachable!("the parts of an assembled value have places")
        };
        let parts = &step.program.node(id).inputs;
        let start = parts[..part].iter().map(|&part| step.program.shape(part)[axis]).sum();
        let shape = step.program.shape(parts[part]);
        let layout = Layout::dense(step.program.shape(id)).slice(axis, start, shape);
        let width = span(inner(shape), &layout.strides);
        let view = View { column: view.column + layout.column, width, ..view };
        Ok(Array { view, strides: strides_over(shape, inner(shape), &layout.strides) })
    }

    /// The array of the partial sums of a value's rows.
    pub(crate) fn partials(&self, id: u32, term: usize) -> Array {
        let shape = self.step.program.shape(id);
        let view = View { width: width(shape), ..self.memory.whole(self.memory.partials(term)) };
        let strides = Layout::dense(shape).strides;
        Array { view, strides: strides_over(shape, inner(shape), &strides) }
    }

    /// The view of a value that is summed over all steps.
    pub(crate) fn view_of_all_steps(&mut self, id: u32) -> Result<View, LoweringError> {
        let view = self.view(id)?;
        match self.memory.buffers[view.buffer].lifetime {
            Lifetime::Sequence | Lifetime::Segment => Ok(view),
            lifetime => {
                let sum = format!("a sum over steps of a value that spans {lifetime:?}");
                Err(LoweringError::limit(sum, self.step.program.node(id).line))
            }
        }
    }

    fn invariant(&mut self, id: u32, index: usize, axes: usize) -> View {
        let shape = self.step.program.shape(id);
        let slot = InputSlot::Invariant(index);
        if shapes::is_per_row(shape, axes, self.step.rows) {
            self.input(slot, Lifetime::Step, width(shape))
        } else {
            self.input(slot, Lifetime::Row, shape.elements())
        }
    }

    fn input(&mut self, slot: InputSlot, lifetime: Lifetime, width: usize) -> View {
        let Self { memory, inputs, .. } = self;
        let buffer = *self.input_buffers.entry((slot, lifetime)).or_insert_with(|| {
            inputs.push(slot);
            memory.add(lifetime, width, Role::Input)
        });
        memory.whole(buffer)
    }

    fn constant(&mut self, value: f64) -> View {
        let memory = &mut self.memory;
        let new = || memory.add(Lifetime::Row, 1, Role::Constant(value));
        let buffer = *self.constants.entry(value.to_bits()).or_insert_with(new);
        memory.whole(buffer)
    }
}
