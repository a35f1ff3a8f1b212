//! Extents that a model leaves open.
//!
//! A computation is traced several times, each time with other primes for its open extents. The factors of an extent tell how it
//! follows from them. What two traces do not agree on depends on them in another way.

use crate::proto::{Dimension, Extent, TensorShape, TensorType, Type, ValueInfo};

/// An extent of an input of an exported function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dim {
    /// An extent that is open. Inputs with an extent of the same name agree in it.
    Open(&'static str),
    /// A number.
    Of(usize),
}

impl Dim {
    /// The number of steps.
    pub const STEPS: Self = Self::Open("steps");
    /// The number of sequences.
    pub const BATCH: Self = Self::Open("batch");
}

/// The largest number of open extents of a function.
pub(crate) const MOST_OPEN: usize = 8;

/// How often a computation is traced at most, until two traces agree. A size of the model that is a multiple of a prime spoils one
/// trace.
pub(crate) const MOST_TRACES: usize = 4;

/// The largest number of steps that a padding adds, or a convolution takes away.
const MOST_OFFSET: usize = 16;

/// Primes that are more than two offsets apart.
const PRIMES: [usize; MOST_OPEN * MOST_TRACES] = [
    503, 541, 577, 613, 647, 683, 719, 757, 797, 839, 877, 911, 947, 983, 1019, 1061, 1097, 1151,
    1187, 1223, 1259, 1297, 1361, 1399, 1433, 1471, 1511, 1549, 1583, 1619, 1657, 1693,
];

/// The open extents of a trace, with their names.
#[derive(Clone, Debug)]
pub(crate) struct Traced {
    /// The number of the trace.
    pub(crate) number: usize,
    open: Vec<(&'static str, usize)>,
}

/// An extent of a traced value: a number, times open extents; or an open extent and a few more or less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Product {
    pub(crate) number: usize,
    /// What is added.
    pub(crate) offset: i64,
    /// A bit for each open extent.
    open: u8,
}

impl Traced {
    /// The extents of a trace, which has a number below [`MOST_TRACES`].
    ///
    /// # Panics
    ///
    /// If there are more than [`MOST_OPEN`] names.
    #[track_caller]
    pub(crate) fn new(names: &[&'static str], number: usize) -> Self {
        assert!(
            names.len() <= MOST_OPEN,
            "export: a function has at most {MOST_OPEN} open extents, not {names:?}"
        );
        let primes = PRIMES.iter().skip(number).step_by(MOST_TRACES);
        Self { number, open: names.iter().copied().zip(primes.copied()).collect() }
    }

    /// The number of open extents.
    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    /// The place of an open extent among all.
    pub(crate) fn place(&self, dim: Dim) -> Option<usize> {
        self.open.iter().position(|&(name, _)| dim == Dim::Open(name))
    }

    pub(crate) fn extent(&self, dim: Dim) -> usize {
        match dim {
            Dim::Of(extent) => extent,
            open => self.open[self.place(open).expect("all inputs' extents are known")].1,
        }
    }

    pub(crate) fn product(&self, extent: usize) -> Product {
        let (mut number, mut open) = (extent, 0);
        for (place, &(_, prime)) in self.open.iter().enumerate() {
            if number > 0 && number.is_multiple_of(prime) {
                number /= prime;
                open |= 1 << place;
            }
        }
        let near = |&(_, prime): &(&str, usize)| extent.abs_diff(prime) <= MOST_OFFSET;
        match self.open.iter().position(near) {
            Some(place) if open == 0 => {
                let offset = extent as i64 - self.open[place].1 as i64;
                Product { number: 1, offset, open: 1 << place }
            }
            _ => Product { number, offset: 0, open },
        }
    }

    /// The open extent that a number of an equation is. Single precision has rounded it if it is large.
    pub(crate) fn extent_of(&self, number: f64) -> Option<usize> {
        let subsets = 1_u32..1 << self.open.len();
        let product = |subset: u32| -> usize {
            let primes = self.open.iter().enumerate();
            primes
                .filter(|(place, _)| subset >> place & 1 == 1)
                .map(|(_, &(_, prime))| prime)
                .product()
        };
        let multiples = subsets.map(product).filter_map(|product| {
            let times = (number / product as f64).round();
            let is_it =
                (1.0..1000.0).contains(&times) && (times * product as f64) as f32 == number as f32;
            is_it.then(|| times as usize * product)
        });
        multiples.max()
    }

    /// Its name in the interface of a model, such as `3*steps`.
    fn name(&self, product: Product) -> String {
        let number = (product.number != 1).then(|| product.number.to_string());
        let names = product.places().map(|place| self.open[place].0.to_owned());
        let offset = (product.offset != 0).then(|| format!("{:+}", product.offset));
        number.into_iter().chain(names).collect::<Vec<_>>().join("*") + &offset.unwrap_or_default()
    }
}

impl Product {
    pub(crate) fn is_open(self) -> bool {
        self.open != 0
    }

    /// The places of its open extents.
    pub(crate) fn places(self) -> impl Iterator<Item = usize> {
        (0..MOST_OPEN).filter(move |place| self.open >> place & 1 == 1)
    }
}

/// Describes a value of the interface of a model. Open extents have names.
pub(crate) fn value_info(
    name: &str,
    elem_type: i32,
    shape: &[usize],
    traced: &Traced,
) -> ValueInfo {
    let open = |product| Some(Extent::Parameter(traced.name(product)));
    described(name, elem_type, shape, traced, open)
}

/// Describes a value of the interface of a step. Open extents are unknown.
pub(crate) fn value_info_of_step(name: &str, shape: &[usize], traced: &Traced) -> ValueInfo {
    described(name, crate::proto::FLOAT, shape, traced, |_| None)
}

fn described(
    name: &str,
    elem_type: i32,
    shape: &[usize],
    traced: &Traced,
    open: impl Fn(Product) -> Option<Extent>,
) -> ValueInfo {
    let dimension = |&extent: &usize| {
        let product = traced.product(extent);
        let known = || Some(Extent::Value(extent as i64));
        Dimension { value: if product.is_open() { open(product) } else { known() } }
    };
    let shape = Some(TensorShape { dim: shape.iter().map(dimension).collect() });
    let tensor_type = Some(TensorType { elem_type, shape });
    ValueInfo { name: name.into(), r#type: Some(Type { tensor_type }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extents_are_read_from_their_factors() {
        for trace in 0..MOST_TRACES {
            let traced = Traced::new(&["steps", "batch"], trace);
            let [steps, batch] = [Dim::STEPS, Dim::BATCH].map(|dim| traced.extent(dim));
            let name = |extent| traced.name(traced.product(extent));
            assert!(!traced.product(0).is_open() && !traced.product(700).is_open());
            assert_eq!(name(batch), "batch");
            assert_eq!(name(3 * steps * batch), "3*steps*batch");
            assert_eq!([name(steps + 1), name(batch - 2)], ["steps+1", "batch-2"]);
            for extent in [batch, 5 * steps, steps * batch, 30 * steps * batch] {
                assert_eq!(traced.extent_of(f64::from(extent as f32)), Some(extent));
            }
            for number in [0.0, -1.0, 0.5, 700.0, 1e9, 1e12, 1e30, f64::INFINITY, f64::NAN] {
                assert_eq!(traced.extent_of(number), None, "{number}");
            }
        }
    }

    /// No prime stands in two traces, so that a multiple of one spoils one trace.
    #[test]
    fn traces_have_primes_of_their_own() {
        let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
        let traces = (0..MOST_TRACES).map(|trace| Traced::new(&names, trace));
        let mut all: Vec<usize> =
            traces.flat_map(|traced| traced.open).map(|(_, prime)| prime).collect();
        let is_prime = |n: &usize| (2..*n).all(|divisor| !n.is_multiple_of(divisor));
        assert!(all.iter().all(is_prime));
        all.sort_unstable();
        all.dedup();
        assert_eq!(all, PRIMES);
        assert!(PRIMES.windows(2).all(|pair| pair[1] - pair[0] > 2 * MOST_OFFSET));
    }
}
