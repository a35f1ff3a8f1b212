//! Where every value lies, and how long.

use bptt_tensor::rows::{Lifetime, MulKind, Reduction, Role, View};
use bptt_tensor::{Binary, Scalar, Shape, Unary};

use crate::scan::ir::program::{Input, Kind};
use crate::scan::lower::classify::{self, RowClass, width};
use crate::scan::lower::emit::{Absorbed, Lowering, OutputSlot};
use crate::scan::lower::schedule::{Slot, Stage, is_fused};
use crate::tape::Op;

impl<T: Scalar> Lowering<'_, T> {
    /// Outputs lie where the caller wants them.
    pub(crate) fn place_outputs(&mut self) {
        for (k, &id) in self.program.stacked.iter().enumerate() {
            self.outputs.push(OutputSlot::Stacked(k));
            self.settle(id, Lifetime::Sequence, Role::Output);
        }
    }

    /// The next state lies where the step after finds it.
    pub(crate) fn place_state(&mut self) {
        for &id in &self.program.next {
            let stays = self.program.op(id).is_none();
            if self.homes[id as usize].is_none() && !stays {
                let parts = match self.classes[id as usize] {
                    RowClass::Join { .. } => &self.program.node(id).inputs[..],
                    _ => &[],
                };
                let is_late =
                    parts.iter().chain([&id]).any(|&id| self.lifetime_of(id) != Lifetime::Step);
                let lifetime = if is_late { Lifetime::Sequence } else { Lifetime::Pair };
                self.settle(id, lifetime, Role::Internal);
            }
        }
    }

    /// A sum with a product is the product, started from the other term: a bias, or what an earlier
    /// product computed.
    pub(crate) fn absorb_sums(&mut self) {
        for id in 0..self.program.nodes.len() as u32 {
            let Some(Op::Binary(Binary::Add)) = self.program.op(id) else { continue };
            let [a, b] = self.program.node(id).inputs[..] else { continue };
            let starts = |product: u32, start: u32| {
                let shape = self.program.shape(id);
                let is_product = matches!(self.classes[product as usize], RowClass::Product { .. })
                    && self.uses[product as usize] == 1
                    && self.program.shape(product) == shape;
                let is_computed = |id: u32| {
                    matches!(self.classes[id as usize], RowClass::Product { .. })
                        || self.is_absorbed(id)
                };
                let is_earlier = is_computed(start)
                    && self.program.shape(start) == shape
                    && self.order(start) < self.order(product);
                is_product && start != product && (is_earlier || self.is_bias(start, shape))
            };
            let absorbed = match () {
                () if !self.needed[id as usize] => continue,
                () if starts(b, a) => Absorbed { product: b, start: a },
                () if starts(a, b) => Absorbed { product: a, start: b },
                () => continue,
            };
            self.absorbed.insert(id, absorbed);
            self.starts.insert(absorbed.product, (absorbed.start, id));
        }
    }

    /// Whether a value is one row that is added to all of this shape.
    pub(crate) fn is_bias(&self, id: u32, shape: &Shape) -> bool {
        let own = self.program.shape(id);
        matches!(self.program.node(id).kind, Kind::Input(Input::Invariant(_)))
            && !classify::is_per_row(own, shape.len(), self.rows)
            && own.elements() == width(shape)
    }

    /// Whether a value is a sum that one of its terms computes.
    pub(crate) fn is_absorbed(&self, id: u32) -> bool {
        self.absorbed.contains_key(&id)
    }

    /// When a value is computed: an absorbed sum with its product.
    fn order(&self, id: u32) -> (Slot, u32) {
        let id = self.absorbed.get(&id).map_or(id, |absorbed| absorbed.product);
        (self.slots[id as usize], id)
    }

    /// How long a value has to last.
    fn lifetime_of(&self, id: u32) -> Lifetime {
        let stage = self.order(id).0.stage;
        let is_near = self.is_always_read(id, |slot| slot.stage == stage);
        match stage {
            _ if self.multiplied[id as usize] || !is_near => Lifetime::Segment,
            Stage::Step => Lifetime::Step,
            Stage::Before | Stage::After => Lifetime::Piece,
        }
    }

    /// Finds when each value is read first and last, directly or through views and joins that are not copies.
    pub(crate) fn find_readings(&mut self) {
        let mut readings: Vec<Option<(Slot, Slot)>> = vec![None; self.program.nodes.len()];
        for id in (0..self.program.nodes.len() as u32).rev() {
            let added = self.added.get(&id).map(|added| (added.slot, added.slot));
            let readers = self.readers[id as usize].iter().filter_map(|&reader| {
                match self.classes[reader as usize] {
                    RowClass::View { .. } | RowClass::Join { .. } => readings[reader as usize],
                    RowClass::Summand => None,
                    _ => Some((self.order(reader).0, self.order(reader).0)),
                }
            });
            let join = |a: (Slot, Slot), b: (Slot, Slot)| (a.0.min(b.0), a.1.max(b.1));
            readings[id as usize] = readers.chain(added).reduce(join);
        }
        self.readings = readings;
    }

    /// Whether a value is read only in slots with this property. All slots between two with the property must have
    /// it, too.
    fn is_always_read(&self, id: u32, when: impl Fn(Slot) -> bool) -> bool {
        self.readings[id as usize].is_none_or(|(first, last)| when(first) && when(last))
    }

    /// Values that are joined are computed side by side.
    pub(crate) fn place_joins(&mut self) {
        for id in (0..self.program.nodes.len() as u32).rev() {
            let RowClass::Join { columns } = &self.classes[id as usize] else { continue };
            if !self.needed[id as usize] {
                continue;
            }
            let parts = self.program.node(id).inputs.clone();
            let home = self.homes[id as usize].unwrap_or_else(|| {
                let stage = |id: u32| self.slots[id as usize].stage;
                let own = self.lifetime_of(id);
                let lasts = |&part: &u32| stage(part) == stage(id) && self.lifetime_of(part) == own;
                let lifetime = if parts.iter().all(lasts) { own } else { Lifetime::Segment };
                self.settle(id, lifetime, Role::Internal)
            });
            for (&part, &column) in parts.iter().zip(columns) {
                let width = width(self.program.shape(part));
                let view = View { column: home.column + column, width, ..home };
                debug_assert!(self.homes[part as usize].is_none(), "normalised");
                self.homes[part as usize] = Some(view);
            }
        }
    }

    pub(crate) fn place_others(&mut self) {
        for id in 0..self.program.nodes.len() as u32 {
            if self.homes[id as usize].is_some() || !self.needed[id as usize] {
                continue;
            }
            if self.is_merged(id) {
                self.merged[id as usize] = true;
                continue;
            }
            let in_memory = match &self.classes[id as usize] {
                RowClass::Product { .. } => !self.starts.contains_key(&id), // else the sum's place is its own
                form => is_fused(form) && self.fused_lifetime(id).is_none(),
            };
            if in_memory {
                self.settle(id, self.lifetime_of(id), Role::Internal);
            }
        }
    }

    /// The factors of a product of two values, or of a square.
    pub(crate) fn factors(&self, id: u32) -> Option<(MulKind, [u32; 2])> {
        match (self.program.op(id), &self.program.node(id).inputs[..]) {
            (Some(Op::Binary(Binary::Mul)), &[a, b]) => Some((MulKind::Plain, [a, b])),
            (Some(Op::Binary(Binary::ChainMul)), &[a, b]) => Some((MulKind::Chain, [a, b])),
            (Some(Op::Unary(Unary::Square)), &[x]) => Some((MulKind::Plain, [x, x])),
            _ => None,
        }
    }

    /// Whether a value is a product that is wanted for nothing but one sum, which multiplies on its own:
    /// with another value, or of each row or all rows if both factors are as wide as the product.
    fn is_merged(&self, id: u32) -> bool {
        let (own, readers) = (self.slots[id as usize], &self.readers[id as usize][..]);
        let Some((_, factors)) = self.factors(id) else { return false };
        if self.multiplied[id as usize] {
            return false;
        }
        let is_wide = own.width > 1 && factors.iter().all(|&factor| self.is_wide(factor, id));
        match (self.added.get(&id), readers) {
            (Some(added), _) => {
                let is_term = |&sum: &u32| self.classes[sum as usize] == RowClass::Summand;
                is_wide
                    && readers.iter().all(is_term)
                    && added.partials.len() == 1
                    && added.slot == own
            }
            (None, &[sum]) if self.slots[sum as usize] != own => false,
            (None, &[sum]) if self.classes[sum as usize] == RowClass::Reduce(Reduction::Sum) => {
                is_wide
            }
            (None, &[sum]) => self.adds(sum),
            (None, _) => false,
        }
    }

    /// Whether a factor of a product has as many columns.
    fn is_wide(&self, factor: u32, product: u32) -> bool {
        let (node, axes) = (self.program.node(factor), self.program.shape(product).len());
        let columns = match node.kind {
            Kind::Literal(_) => None,
            Kind::Input(Input::Invariant(_)) => {
                classify::invariant_width(&node.shape, axes, self.rows)
            }
            _ => Some(width(&node.shape)),
        };
        columns == Some(self.slots[product as usize].width)
    }

    /// Whether a sum of two values may multiply one of them on its own: it is computed as a function of
    /// single elements, and does so with none yet.
    fn adds(&self, sum: u32) -> bool {
        matches!(self.program.op(sum), Some(Op::Binary(Binary::Add)))
            && self.classes[sum as usize] == RowClass::Pointwise
            && !self.is_absorbed(sum)
            && self.program.node(sum).inputs.iter().all(|&term| !self.merged[term as usize])
    }

    /// How long a value lasts that is read by the fused sequence alone that computes it, if it is: for
    /// the phase, or for the sequence.
    pub(crate) fn fused_lifetime(&self, id: u32) -> Option<Lifetime> {
        let own = self.slots[id as usize];
        if self.is_absorbed(id) || self.multiplied[id as usize] {
            return None;
        }
        let is_reduced = matches!(self.classes[id as usize], RowClass::Reduce(_));
        if !is_reduced && self.is_always_read(id, |slot| slot == own) {
            return Some(Lifetime::Chunk);
        }
        self.is_always_read(id, |slot| slot.is_fused_with(own)).then_some(Lifetime::Block)
    }
}
