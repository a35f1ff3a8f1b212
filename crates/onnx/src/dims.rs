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
pub(crate) const MOST_OPEN: usize = 6;

/// The largest number of steps that a padding adds, or a convolution takes away.
const MOST_OFFSET: usize = 8;

/// The open extents of traces, by attempt. The traces of an attempt differ in magnitude, so that a threshold between them shows, and
/// have to agree. Extents are primes that are more than an offset away from multiples of 32 and of 50, which are common sizes. A
/// size that is taken for an open extent spoils an attempt.
pub(crate) const PRIMES: [[[usize; MOST_OPEN]; 3]; 3] = [
    [
        [109, 139, 211, 311, 367, 431],
        [911, 971, 1033, 1069, 1129, 1229],
        [461, 521, 587, 617, 661, 719],
    ],
    [
        [179, 239, 271, 331, 373, 439],
        [941, 1009, 1109, 1163, 1259, 1321],
        [491, 563, 631, 683, 727, 787],
    ],
    [
        [137, 181, 233, 337, 433, 467],
        [1289, 1361, 1427, 1459, 1487, 1559],
        [523, 619, 659, 691, 809, 877],
    ],
];

/// The open extents of a trace, with their names.
#[derive(Clone, Debug)]
pub(crate) struct Traced {
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
    /// The extents of a trace.
    ///
    /// # Panics
    ///
    /// If there are more than [`MOST_OPEN`] names.
    #[track_caller]
    pub(crate) fn new(names: &[&'static str], primes: [usize; MOST_OPEN]) -> Self {
        assert!(
            names.len() <= MOST_OPEN,
            "export: a function has at most {MOST_OPEN} open extents, not {names:?}"
        );
        Self { open: names.iter().copied().zip(primes).collect() }
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
        match self.near(extent) {
            Some((place, offset)) if open == 0 => Product { number: 1, offset, open: 1 << place },
            _ => Product { number, offset: 0, open },
        }
    }

    /// The place of an open extent that is at most an offset away, and the offset.
    fn near(&self, extent: usize) -> Option<(usize, i64)> {
        let is_near = |&(_, prime): &(&str, usize)| extent.abs_diff(prime) <= MOST_OFFSET;
        let place = self.open.iter().position(is_near)?;
        Some((place, extent as i64 - self.open[place].1 as i64))
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
                (1.0..1e5).contains(&times) && (times * product as f64) as f32 == number as f32;
            is_it.then(|| times as usize * product)
        });
        let is_near = |&number: &f64| number.fract() == 0.0 && number > 0.0 && number < 1e6;
        let near = Some(number).filter(is_near).map(|number| number as usize);
        multiples.max().or_else(|| near.filter(|&extent| self.near(extent).is_some()))
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
    /// The place of the open extent that it is.
    pub(crate) fn single(self) -> Option<usize> {
        let is_single = self.number == 1 && self.offset == 0 && self.open.count_ones() == 1;
        is_single.then(|| self.open.trailing_zeros() as usize)
    }

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
        for primes in PRIMES.into_iter().flatten() {
            let traced = Traced::new(&["steps", "batch"], primes);
            let [steps, batch] = [Dim::STEPS, Dim::BATCH].map(|dim| traced.extent(dim));
            let name = |extent| traced.name(traced.product(extent));
            for size in [0, 1, 64, 100, 128, 150, 200, 256, 300, 500, 512, 768, 1000, 1024, 1500] {
                assert!(!traced.product(size).is_open(), "{size}");
                assert_eq!(traced.extent_of(size as f64), None);
            }
            assert_eq!(name(batch), "batch");
            assert_eq!(name(3 * steps * batch), "3*steps*batch");
            assert_eq!([name(steps + 1), name(batch - 2)], ["steps+1", "batch-2"]);
            for extent in [batch, 5 * steps, steps * batch, 30 * steps * batch, steps + 3] {
                assert_eq!(traced.extent_of(f64::from(extent as f32)), Some(extent));
            }
            for number in [-1.0, 0.5, steps as f64 + 0.5, 1e12, 1e30, f64::INFINITY, f64::NAN] {
                assert_eq!(traced.extent_of(number), None, "{number}");
            }
            let single = |extent| traced.product(extent).single();
            assert_eq!(
                [single(batch), single(steps * batch), single(steps + 1)],
                [Some(1), None, None]
            );
        }
    }

    /// No prime stands in two traces. Those of one trace are further apart than two offsets.
    #[test]
    fn traces_have_primes_of_their_own() {
        let mut all = PRIMES.concat().concat();
        all.sort_unstable();
        let is_prime = |&n: &usize| (2..n).all(|divisor| !n.is_multiple_of(divisor));
        assert!(all.iter().all(is_prime));
        assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
        let is_far = |size: usize| all.iter().all(|n| (n + MOST_OFFSET) % size > 2 * MOST_OFFSET);
        assert!(is_far(32) && is_far(50));
        for trace in PRIMES.concat() {
            assert!(trace.windows(2).all(|pair| pair[1] - pair[0] > 2 * MOST_OFFSET));
        }
    }
}
