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

impl Kind {
    fn is_lengths(self) -> bool {
        matches!(self, Self::Lengths { .. })
    }

    /// `TensorProto.DataType` of its elements.
    pub(crate) fn data_type(self) -> i32 {
        if self == Self::Numbers { FLOAT } else { INT64 }
    }
}

/// The whole numbers of an input in a trace. They are random, so that data which follow from them differ from all others, and other
/// ones in the next trace, so that what follows from a few of them is no constant.
///
/// Symbols are among the first and the last of a vocabulary, where special symbols are. So comparisons with these show.
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

    /// The placeholder of an input of symbols or lengths, in a trace with a number.
    fn placeholder(&self, index: usize, traced: &Traced, number: usize) -> Option<Placeholder> {
        let steps = match self.kind {
            Kind::Lengths { steps } => traced.extent(steps),
            _ => 0,
        };
        let shape = self.shape(traced).to_vec();
        let random = &mut rng(index as u64);
        let draw = |_| match self.kind {
            Kind::Numbers => 0,
            Kind::Symbols { vocabulary_size } => symbol(vocabulary_size, number, random),
            Kind::Lengths { .. } => 1 + (random.random_range(0..steps) + 7 * number) % steps,
        };
        let values = (0..shape.iter().product()).map(draw);
        (self.kind != Kind::Numbers).then(|| Placeholder {
            values: values.collect(),
            name: self.name.clone(),
            shape,
            kind: self.kind,
            steps,
        })
    }
}

/// The number of symbols at the beginning and at the end of a vocabulary that placeholders are.
const SYMBOLS: usize = 32;

/// A symbol that differs from the one that is drawn at its place in the next trace.
fn symbol(vocabulary_size: usize, trace: usize, random: &mut Xoshiro256PlusPlus) -> usize {
    let count = vocabulary_size.min(2 * SYMBOLS);
    let symbol = (random.random_range(0..count) + trace) % count;
    if symbol < SYMBOLS { symbol } else { vocabulary_size - count + symbol }
}

/// The placeholders of all inputs of symbols and lengths.
pub(crate) fn placeholders(inputs: &[Input], traced: &Traced, number: usize) -> Vec<Placeholder> {
    let inputs = inputs.iter().enumerate();
    inputs.filter_map(|(index, input)| input.placeholder(index, traced, number)).collect()
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

    /// Returns an input of symbols, in row-major order. They are placeholders for a lookup, such as that of an
    /// [`Embedding`](bptt_layers::Embedding). Do not compute with their values.
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

    /// Returns an input of lengths. They are placeholders for runs of layers and for attention. Do not compute with their values.
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

    /// Returns the extents of an input of symbols or lengths in a trace, such as `[T, B]`.
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
