//! Where every value lies, and how long.

use bptt_tensor::rows::{Role, Span, View};
use bptt_tensor::{Binary, Scalar, Shape};

use super::form::{self, Form, width};
use super::lower::{Fused, Lowering, Sink};
use super::program::{Input, Kind};
use super::schedule::{Slot, Stage};
use crate::operation::Op;

impl<T: Scalar> Lowering<'_, T> {
    /// Outputs lie where the caller wants them.
    pub(super) fn place_outputs(&mut self) {
        for (k, &id) in self.program.stacked.iter().enumerate() {
            self.outputs.push(Sink::Stacked(k));
            self.settle(id, Span::Sequence, Role::Output);
        }
    }

    /// The next state lies where the step after finds it.
    pub(super) fn place_state(&mut self) {
        for &id in &self.program.next {
            let stays = self.program.op(id).is_none();
            if self.homes[id as usize].is_none() && !stays {
                let late = self.reading_stages(id).any(|stage| stage == Stage::After);
                let span = if late { Span::Sequence } else { Span::Pair };
                self.settle(id, span, Role::Internal);
            }
        }
    }

    /// A sum with a product is the product, started from the other term: a bias, or what an earlier
    /// product computed.
    pub(super) fn fuse_sums(&mut self) {
        for id in 0..self.program.nodes.len() as u32 {
            let Some(Op::Binary(Binary::Add)) = self.program.op(id) else { continue };
            let [a, b] = self.program.node(id).inputs[..] else { continue };
            let starts = |product: u32, start: u32| {
                let shape = self.program.shape(id);
                let is_product = matches!(self.forms[product as usize], Form::Product { .. })
                    && self.uses[product as usize] == 1
                    && self.program.shape(product) == shape;
                let is_computed = |id: u32| {
                    matches!(self.forms[id as usize], Form::Product { .. }) || self.is_fused(id)
                };
                let is_earlier = is_computed(start)
                    && self.program.shape(start) == shape
                    && self.order(start) < self.order(product);
                is_product && start != product && (is_earlier || self.is_bias(start, shape))
            };
            let fused = match () {
                () if !self.needed[id as usize] => continue,
                () if starts(b, a) => Fused { product: b, start: a },
                () if starts(a, b) => Fused { product: a, start: b },
                () => continue,
            };
            self.fused.insert(id, fused);
            self.starts.insert(fused.product, (fused.start, id));
        }
    }

    /// Whether a value is one row that is added to all of this shape.
    pub(super) fn is_bias(&self, id: u32, shape: &Shape) -> bool {
        let own = self.program.shape(id);
        matches!(self.program.node(id).kind, Kind::Input(Input::Invariant(_)))
            && !form::is_per_row(own, shape.len(), self.rows)
            && own.elements() == width(shape)
    }

    /// Whether a value is a sum that one of its terms computes.
    pub(super) fn is_fused(&self, id: u32) -> bool {
        self.fused.contains_key(&id)
    }

    /// When a value is computed: a fused sum with its product.
    fn order(&self, id: u32) -> (Slot, u32) {
        let id = self.fused.get(&id).map_or(id, |fused| fused.product);
        (self.slots[id as usize], id)
    }

    /// How long a value has to last.
    fn span_of(&self, id: u32) -> Span {
        let stage = self.order(id).0.stage;
        let summed = self.is_summed(id);
        match stage {
            _ if summed || self.reading_stages(id).any(|reader| reader != stage) => Span::Segment,
            Stage::Step => Span::Step,
            Stage::Before | Stage::After => Span::Piece,
        }
    }

    /// Whether a value, itself or as part of others that are no copy, is summed over all steps.
    fn is_summed(&self, id: u32) -> bool {
        let mut pending = vec![id];
        while let Some(id) = pending.pop() {
            if self.summed.contains(&id) {
                return true;
            }
            let views = self.readers[id as usize].iter().filter(|&&reader| {
                matches!(self.forms[reader as usize], Form::View { .. } | Form::Join { .. })
            });
            pending.extend(views);
        }
        false
    }

    /// The stages in which a value is read, itself or as part of others that are no copy.
    fn reading_stages(&self, id: u32) -> impl Iterator<Item = Stage> {
        let mut stages = Vec::new();
        let mut pending = self.readers[id as usize].clone();
        while let Some(reader) = pending.pop() {
            match self.forms[reader as usize] {
                Form::View { .. } | Form::Join { .. } => {
                    pending.extend(&self.readers[reader as usize]);
                }
                Form::Term => stages.push(Stage::After),
                _ => stages.push(self.order(reader).0.stage),
            }
        }
        stages.into_iter()
    }

    /// Values that are joined are computed side by side.
    pub(super) fn place_joins(&mut self) {
        for id in (0..self.program.nodes.len() as u32).rev() {
            let Form::Join { columns } = &self.forms[id as usize] else { continue };
            if !self.needed[id as usize] {
                continue;
            }
            let parts = self.program.node(id).inputs.clone();
            let home = self.homes[id as usize].unwrap_or_else(|| {
                let stage = |id: u32| self.slots[id as usize].stage;
                let one_stage = parts.iter().all(|&part| stage(part) == stage(id));
                let span = if one_stage { self.span_of(id) } else { Span::Segment };
                self.settle(id, span, Role::Internal)
            });
            for (&part, &column) in parts.iter().zip(columns) {
                let width = width(self.program.shape(part));
                let view = View { column: home.column + column, width, ..home };
                debug_assert!(self.homes[part as usize].is_none(), "normalised");
                self.homes[part as usize] = Some(view);
            }
        }
    }

    pub(super) fn place_others(&mut self) {
        for id in 0..self.program.nodes.len() as u32 {
            if self.homes[id as usize].is_some() || !self.needed[id as usize] {
                continue;
            }
            let in_memory = match self.forms[id as usize] {
                Form::Product { .. } => !self.starts.contains_key(&id), // else the sum's place is its own
                Form::SumRow => true,
                Form::Pointwise => self.is_fused(id) || !self.stays_in_registers(id),
                Form::Input
                | Form::Literal
                | Form::View { .. }
                | Form::Join { .. }
                | Form::Term => false,
            };
            if in_memory {
                self.settle(id, self.span_of(id), Role::Internal);
            }
        }
    }

    /// Whether a function's value is read by functions of its own group only.
    fn stays_in_registers(&self, id: u32) -> bool {
        self.readers[id as usize].iter().all(|&reader| {
            self.forms[reader as usize] == Form::Pointwise
                && !self.is_fused(reader)
                && self.slots[reader as usize] == self.slots[id as usize]
        })
    }
}
