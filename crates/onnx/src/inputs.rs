//! The inputs of an exported function.

use bptt_autodiff::Var;
use bptt_layers::{Xoshiro256PlusPlus, rng};
use bptt_tensor::Shape;
use rand::RngExt as _;

use crate::dims::{Dim, Traced};
use crate::proto::{FLOAT, INT64};

/// An input of an exported function.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    pub(crate) name: String,
    pub(crate) dims: Vec<Dim>,
    pub(crate) kind: Kind,
}

/// What an input holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Numbers,
    Symbols {
        vocabulary_size: usize,
    },
    /// The lengths of sequences that are padded to this number of steps.
    Lengths {
        steps: Dim,
    },
}

/// A number of steps that is shorter than those of all traces.
const SHORTEST: usize = 440;

impl Kind {
    fn is_lengths(self) -> bool {
        matches!(self, Self::Lengths { .. })
    }

    /// `TensorProto.DataType` of its elements.
    pub(crate) fn data_type(self) -> i32 {
        if self == Self::Numbers { FLOAT } else { INT64 }
    }
}

/// The whole numbers of an input in a trace. They are random, so that data which follow from them differ from all others. Each
/// differs from those at its place in other traces, so that what follows from a few of them is no constant.
#[derive(Clone, Debug)]
pub(crate) struct Placeholder {
    /// The name of the input.
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) kind: Kind,
    pub(crate) values: Vec<usize>,
    /// The number of steps of lengths, and its place among the open extents.
    pub(crate) steps: usize,
}

impl Input {
    pub(crate) fn shape(&self, traced: &Traced) -> Shape {
        self.dims.iter().map(|&dim| traced.extent(dim)).collect()
    }

    /// The placeholder of an input of symbols or lengths.
    fn placeholder(&self, traced: &Traced, random: &mut Xoshiro256PlusPlus) -> Option<Placeholder> {
        let shape = self.shape(traced).to_vec();
        let steps = match self.kind {
            Kind::Lengths { steps } => traced.extent(steps),
            _ => 0,
        };
        let trace = traced.number;
        let (range, shift, least) = match self.kind {
            Kind::Numbers => return None,
            Kind::Symbols { vocabulary_size } => (vocabulary_size, trace, 0),
            // the longest differs, too
            Kind::Lengths { .. } => (SHORTEST + 17 * trace, 97 * trace, 1),
        };
        let count = shape.iter().product();
        let first = if self.kind.is_lengths() { SHORTEST } else { range };
        let mut value = || least + (random.random_range(0..first) + shift) % range;
        let values = (0..count).map(|_| value()).collect();
        Some(Placeholder { name: self.name.clone(), shape, kind: self.kind, values, steps })
    }
}

/// The placeholders of all inputs of symbols and lengths.
pub(crate) fn placeholders(inputs: &[Input], traced: &Traced) -> Vec<Placeholder> {
    let mut random = rng(0);
    inputs.iter().filter_map(|input| input.placeholder(traced, &mut random)).collect()
}

/// The inputs of a function that is being exported, by their names.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'i, 't> {
    pub(crate) numbers: &'i [(&'i str, Var<'t, f32>)],
    pub(crate) placeholders: &'i [Placeholder],
}

impl<'i, 't> Inputs<'i, 't> {
    /// Returns an input of numbers.
    ///
    /// # Panics
    ///
    /// If there is no such input.
    #[track_caller]
    #[must_use]
    pub fn numbers(&self, name: &str) -> Var<'t, f32> {
        let input = self.numbers.iter().find(|(other, _)| *other == name);
        input.unwrap_or_else(|| panic!("export: no input of numbers is called `{name}`")).1
    }

    /// Returns all inputs of numbers, in the order in which they were declared.
    pub fn all_numbers(&self) -> impl Iterator<Item = Var<'t, f32>> {
        self.numbers.iter().map(|&(_, input)| input)
    }

    /// Returns an input of symbols, in row-major order. Symbols are placeholders: a lookup in an
    /// [`Embedding`](bptt_layers::Embedding) follows them, and so does its padding.
    ///
    /// # Panics
    ///
    /// If there is no such input.
    #[track_caller]
    #[must_use]
    pub fn symbols(&self, name: &str) -> &'i [usize] {
        let is_symbols = |it: &&Placeholder| matches!(it.kind, Kind::Symbols { .. });
        &self.placeholder(name, "symbols", is_symbols).values
    }

    /// Returns an input of lengths. Lengths are placeholders: runs of layers and attention follow them.
    ///
    /// # Panics
    ///
    /// If there is no such input.
    #[track_caller]
    #[must_use]
    pub fn lengths(&self, name: &str) -> &'i [usize] {
        let is_lengths = |it: &&Placeholder| it.kind.is_lengths();
        &self.placeholder(name, "lengths", is_lengths).values
    }

    /// Returns the extents of an input of symbols in a trace, such as `[T, B]`.
    ///
    /// # Panics
    ///
    /// If there is no such input.
    #[track_caller]
    #[must_use]
    pub fn shape(&self, name: &str) -> Shape {
        self.placeholder(name, "symbols or lengths", |_| true).shape.iter().copied().collect()
    }

    #[track_caller]
    fn placeholder(
        &self,
        name: &str,
        what: &str,
        is_it: impl Fn(&&'i Placeholder) -> bool,
    ) -> &'i Placeholder {
        let named = self.placeholders.iter().filter(|it| it.name == name);
        let mut found = named.filter(is_it);
        found.next().unwrap_or_else(|| panic!("export: no input of {what} is called `{name}`"))
    }
}
