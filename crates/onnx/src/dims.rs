//! Extents that a model leaves open.
//!
//! A computation is traced with large primes for the number of steps and of sequences. No other extent is a multiple of one
//! of them, so each extent of a traced value says how it follows from the two.

use crate::proto::{Dimension, Extent, FLOAT, TensorShape, TensorType, Type, ValueInfo};

/// The extents with which a computation is traced.
pub(crate) const STEPS: usize = 1_000_003;
pub(crate) const BATCH: usize = 10_007;

/// An extent of an input of an exported function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dim {
    /// The number of steps, which is open.
    Steps,
    /// The number of sequences, which is open.
    Batch,
    /// A number.
    Of(usize),
}

impl Dim {
    /// The extent in a trace.
    pub(crate) fn traced(self) -> usize {
        match self {
            Self::Steps => STEPS,
            Self::Batch => BATCH,
            Self::Of(extent) => extent,
        }
    }
}

/// An extent of a traced value: a number, times the number of steps, times the number of sequences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Product {
    pub(crate) number: usize,
    pub(crate) has_steps: bool,
    pub(crate) has_batch: bool,
}

impl Product {
    pub(crate) fn of(mut extent: usize) -> Self {
        let mut divide = |by: usize| {
            let divides = extent > 0 && extent.is_multiple_of(by);
            extent /= if divides { by } else { 1 };
            divides
        };
        let (has_steps, has_batch) = (divide(STEPS), divide(BATCH));
        Self { number: extent, has_steps, has_batch }
    }

    /// Reads a number of an equation, which single precision has rounded.
    pub(crate) fn of_number(number: f64) -> Self {
        let is_rounded = |to: f64| to as f32 == number as f32;
        let both = (STEPS * BATCH) as f64;
        for (of, has_steps, has_batch) in
            [(both, true, true), (STEPS as f64, true, false), (BATCH as f64, false, true)]
        {
            let times = (number / of).round();
            // a large number may be rounded to a multiple of a small one by chance
            if times >= 1.0 && is_rounded(times * of) && (has_steps || number < 1e7) {
                return Self { number: times as usize, has_steps, has_batch };
            }
        }
        Self { number: 0, has_steps: false, has_batch: false }
    }

    /// The extent in a trace.
    pub(crate) fn traced(self) -> usize {
        let factor = |has: bool, of: usize| if has { of } else { 1 };
        self.number * factor(self.has_steps, STEPS) * factor(self.has_batch, BATCH)
    }

    pub(crate) fn is_open(self) -> bool {
        self.has_steps || self.has_batch
    }

    /// Its name in the interface of a model, such as `batch`.
    fn name(self) -> String {
        let names = [(self.has_steps, "steps"), (self.has_batch, "batch")];
        let names = names.into_iter().filter(|(has, _)| *has).map(|(_, name)| name.to_owned());
        let number = (self.number != 1).then(|| self.number.to_string());
        number.into_iter().chain(names).collect::<Vec<_>>().join("*")
    }
}

/// Describes a value of the interface of a model. Open extents have names.
pub(crate) fn value_info(name: &str, shape: &[usize]) -> ValueInfo {
    described(name, shape, |product| Some(Extent::Parameter(product.name())))
}

/// Describes a value of the interface of a step. Open extents are unknown.
pub(crate) fn value_info_of_step(name: &str, shape: &[usize]) -> ValueInfo {
    described(name, shape, |_| None)
}

fn described(name: &str, shape: &[usize], open: impl Fn(Product) -> Option<Extent>) -> ValueInfo {
    let dimension = |&extent: &usize| {
        let product = Product::of(extent);
        let known = || Some(Extent::Value(extent as i64));
        Dimension { value: if product.is_open() { open(product) } else { known() } }
    };
    let shape = Some(TensorShape { dim: shape.iter().map(dimension).collect() });
    let tensor_type = Some(TensorType { elem_type: FLOAT, shape });
    ValueInfo { name: name.into(), r#type: Some(Type { tensor_type }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extents_are_read_from_their_factors() {
        let of = |extent| {
            let Product { number, has_steps, has_batch } = Product::of(extent);
            (number, has_steps, has_batch)
        };
        assert_eq!(of(0), (0, false, false));
        assert_eq!(of(650), (650, false, false));
        assert_eq!(of(BATCH), (1, false, true));
        assert_eq!(of(3 * STEPS * BATCH), (3, true, true));
        for extent in [BATCH, 5 * STEPS, STEPS * BATCH, 30 * STEPS * BATCH] {
            assert_eq!(Product::of_number(f64::from(extent as f32)), Product::of(extent));
        }
        for number in [0.0, -1.0, 0.5, 650.0, 1e9, 1e30, f64::INFINITY, f64::NAN] {
            assert!(!Product::of_number(number).is_open(), "{number}");
        }
        assert_eq!(Product::of(3 * STEPS * BATCH).name(), "3*steps*batch");
    }
}
