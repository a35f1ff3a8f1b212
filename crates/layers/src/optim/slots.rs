//! The state of optimizers, the slots of each parameter, and the walk over the parameters.

use std::collections::{BTreeMap, BTreeSet};

use bptt_autodiff::Gradients;
use bptt_tensor::{Scalar, Tensor};

use crate::core::module::{Module, ParameterPath};
use crate::core::module::{described, join};
use crate::core::pieces;
use crate::core::pieces::PIECE;
use crate::weights::archive::Archive;
use crate::weights::error::WeightsError;

/// Writes each piece of a value. A value that a tape still holds is written to new memory, piece by piece, so that the
/// tape keeps its own.
fn write<T: Scalar, P: Send>(
    value: &mut Tensor<T>,
    pieces: Vec<P>,
    write: impl Fn(&mut [T], P) + Sync,
) {
    if let Some(elements) = value.get_mut() {
        let pieces = elements.chunks_mut(PIECE).zip(pieces).collect();
        return pieces::for_each(pieces, |(piece, given)| write(piece, given));
    }
    let mut new = Tensor::unspecified(value.shape());
    let copies = new.as_mut_slice().chunks_mut(PIECE).zip(value.as_slice().chunks(PIECE));
    pieces::for_each(copies.zip(pieces).collect(), |((new, old), given)| {
        new.copy_from_slice(old);
        write(new, given);
    });
    *value = new;
}

/// Calls `rule(θ, g, slots)` for each element.
fn for_each_element<T: Scalar, const N: usize>(
    value: &mut [T],
    gradient: &[T],
    slots: [&mut [T]; N],
    rule: impl Fn(&mut T, T, [&mut T; N]),
) {
    let value = &mut value[..gradient.len()]; // equal lengths: the loop checks no bounds
    let mut slots = slots.map(|slot| &mut slot[..gradient.len()]);
    for (i, &g) in gradient.iter().enumerate() {
        rule(&mut value[i], g, slots.each_mut().map(|slot| &mut slot[i]));
    }
}

/// The name under which the number of steps is saved.
const STEP: &str = "step";

/// Refuses an option that changes the slots, unless there are none yet.
#[track_caller]
pub(super) fn expect_empty(option: &str, empty: bool) {
    assert!(
        empty,
        "the {option} changes the state of an optimizer, and this one has a state already: \
         set it before the first step and before restoring a state",
    );
}

/// Updates a piece of a parameter from its gradient, and the same piece of each slot.
type PieceRule<'a, T> = Box<dyn Fn(&mut [T], &[T], Vec<&mut [T]>) + Sync + 'a>;

/// The slots and the number of steps of each parameter, by its name. A slot is a tensor of the parameter's shape.
#[derive(Clone, Debug)]
pub(super) struct Slots<T: Scalar> {
    initial: T,
    parameters: BTreeMap<String, Memory<T>>,
}

#[derive(Clone, Debug)]
struct Memory<T: Scalar> {
    step: u64,
    slots: Vec<Tensor<T>>,
}

impl<T: Scalar> Slots<T> {
    /// Creates empty slots. Their tensors will start at `initial`.
    pub(super) fn new(initial: f64) -> Self {
        Self { initial: T::of(initial), parameters: BTreeMap::new() }
    }

    /// Refuses an option that changes the slots, if there are any.
    #[track_caller]
    pub(super) fn expect_empty(&self, option: &str) {
        expect_empty(option, self.parameters.is_empty());
    }

    /// Calls `rule(t)(θ, g, slots)` for each element of each parameter that has a gradient, where `t` is 1 at the
    /// parameter's first step. `rule(t)` is called once for a parameter.
    pub(super) fn update<R, const N: usize>(
        &mut self,
        model: &mut dyn Module<T>,
        gradients: &Gradients<T>,
        rule: impl Fn(u64) -> R,
    ) where
        R: Fn(&mut T, T, [&mut T; N]) + Sync,
    {
        self.walk(model, gradients, N, &|step| {
            let rule = rule(step);
            Box::new(move |value, gradient, slots| {
                let slots = slots.try_into().expect("a parameter has a slot for each memory");
                for_each_element(value, gradient, slots, &rule);
            })
        });
    }

    /// Calls what `rule` returns for the number of a parameter's step with each piece of the parameter, as
    /// [`update`](Self::update) does for each element. It is compiled once for all optimizers.
    fn walk<'a>(
        &mut self,
        model: &mut dyn Module<T>,
        gradients: &Gradients<T>,
        count: usize,
        rule: &dyn Fn(u64) -> PieceRule<'a, T>,
    ) {
        model.visit_mut(&mut ParameterPath::default(), &mut |name, parameter| {
            let Some(gradient) = gradients.get(parameter) else { return };
            assert!(
                gradient.shape() == parameter.shape(),
                "the gradient of {} has shape {}, but the parameter has {}: a gradient that \
                 is changed keeps its shape",
                described(name),
                gradient.shape(),
                parameter.shape(),
            );
            if !self.parameters.contains_key(name) {
                let slots = vec![Tensor::full(parameter.shape(), self.initial); count];
                self.parameters.insert(name.to_owned(), Memory { step: 0, slots });
            }
            let memory = self.parameters.get_mut(name).expect("the parameter has a memory");
            for slot in &memory.slots {
                assert!(
                    slot.shape() == parameter.shape(),
                    "the optimizer has a state for {} with shape {}, but now it has {}: an optimizer \
                     serves one model",
                    described(name),
                    slot.shape(),
                    parameter.shape(),
                );
            }
            memory.step = memory.step.saturating_add(1); // it may have come from a file
            let rule = rule(memory.step);
            let mut slots: Vec<_> =
                memory.slots.iter_mut().map(|slot| slot.as_mut_slice().chunks_mut(PIECE)).collect();
            let mut pieces = Vec::with_capacity(gradient.len().div_ceil(PIECE));
            for gradient in gradient.as_slice().chunks(PIECE) {
                let slots = slots.iter_mut().map(|slot| slot.next());
                let slots: Option<Vec<_>> = slots.collect();
                pieces.push((gradient, slots.expect("a slot is as long as its parameter")));
            }
            write(parameter.value_mut(), pieces, |value, (gradient, slots)| {
                rule(value, gradient, slots);
            });
        });
    }

    /// Returns the tensors as `parameter.slot` and the steps as `parameter.step`.
    pub(super) fn state(&self, names: &[&str]) -> Archive<T> {
        let mut state = Archive::new();
        for (parameter, memory) in &self.parameters {
            state.set_text(&join(parameter, STEP), memory.step);
            for (slot, tensor) in names.iter().zip(&memory.slots) {
                state.insert(join(parameter, slot), tensor.clone());
            }
        }
        state
    }

    /// Restores a [`state`](Self::state). Parameters without a step are new.
    pub(super) fn restore(
        &mut self,
        names: &[&str],
        model: &dyn Module<T>,
        state: &Archive<T>,
    ) -> Result<(), WeightsError> {
        let mut parameters = BTreeMap::new();
        let (mut tensors, mut texts) = (BTreeSet::new(), BTreeSet::new());
        for (parameter, value) in model.parameters() {
            let key = join(&parameter, STEP);
            if !state.has_text(&key) {
                continue;
            }
            let mut memory = Memory { step: state.parse(&key)?, slots: Vec::new() };
            for slot in names {
                let name = join(&parameter, slot);
                memory.slots.push(state.shaped(&name, value.shape())?.clone());
                tensors.insert(name);
            }
            texts.insert(key);
            parameters.insert(parameter, memory);
        }
        state.expect_tensors(|name| tensors.contains(name))?;
        state.expect_texts(|name| texts.contains(name))?;
        self.parameters = parameters;
        Ok(())
    }
}
