//! Extents that a model leaves open.
//!
//! A computation is traced twice, each time with other primes for the number of steps and of sequences. The factors of an extent
//! tell how it follows from the two. What the traces do not agree on depends on them in another way.

use crate::proto::{Dimension, Extent, FLOAT, TensorShape, TensorType, Type, ValueInfo};

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

/// The open extents of a trace.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Traced {
    pub(crate) steps: usize,
    pub(crate) batch: usize,
}

pub(crate) const TRACES: [Traced; 2] =
    [Traced { steps: 20_011, batch: 10_007 }, Traced { steps: 20_021, batch: 10_009 }];

/// An extent of a traced value: a number, times the number of steps, times the number of sequences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Product {
    pub(crate) number: usize,
    pub(crate) has_steps: bool,
    pub(crate) has_batch: bool,
}

impl Traced {
    pub(crate) fn extent(self, dim: Dim) -> usize {
        match dim {
            Dim::Steps => self.steps,
            Dim::Batch => self.batch,
            Dim::Of(extent) => extent,
        }
    }

    pub(crate) fn product(self, mut extent: usize) -> Product {
        let mut divide = |by: usize| {
            let divides = extent > 0 && extent.is_multiple_of(by);
            extent /= if divides { by } else { 1 };
            divides
        };
        let (has_steps, has_batch) = (divide(self.steps), divide(self.batch));
        Product { number: extent, has_steps, has_batch }
    }

    /// The open extent that a number of an equation is, which single precision has rounded if it is a multiple of both.
    pub(crate) fn extent_of(self, number: f64) -> Option<usize> {
        let both = self.steps * self.batch;
        let times = (number / both as f64).round();
        if (1.0..50.0).contains(&times) && (times * both as f64) as f32 == number as f32 {
            return Some(times as usize * both);
        }
        let is_exact = number.fract() == 0.0 && (1.0..f64::from(1 << 24)).contains(&number);
        is_exact.then_some(number as usize).filter(|&extent| self.product(extent).is_open())
    }
}

impl Product {
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
pub(crate) fn value_info(name: &str, shape: &[usize], traced: Traced) -> ValueInfo {
    described(name, shape, traced, |product| Some(Extent::Parameter(product.name())))
}

/// Describes a value of the interface of a step. Open extents are unknown.
pub(crate) fn value_info_of_step(name: &str, shape: &[usize], traced: Traced) -> ValueInfo {
    described(name, shape, traced, |_| None)
}

fn described(
    name: &str,
    shape: &[usize],
    traced: Traced,
    open: impl Fn(Product) -> Option<Extent>,
) -> ValueInfo {
    let dimension = |&extent: &usize| {
        let product = traced.product(extent);
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
        for traced in TRACES {
            let Traced { steps, batch } = traced;
            let of = |extent| {
                let Product { number, has_steps, has_batch } = traced.product(extent);
                (number, has_steps, has_batch)
            };
            assert_eq!(of(0), (0, false, false));
            assert_eq!(of(650), (650, false, false));
            assert_eq!(of(batch), (1, false, true));
            assert_eq!(of(3 * steps * batch), (3, true, true));
            assert_eq!(traced.product(3 * steps * batch).name(), "3*steps*batch");
            for extent in [batch, 5 * steps, steps * batch, 30 * steps * batch] {
                assert_eq!(traced.extent_of(f64::from(extent as f32)), Some(extent));
            }
            for number in [0.0, -1.0, 0.5, 650.0, 1e9, 1e12, 1e30, f64::INFINITY, f64::NAN] {
                assert_eq!(traced.extent_of(number), None, "{number}");
            }
        }
    }
}
