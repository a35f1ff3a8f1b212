//! The seeded random generator of programs, examples and tests.

use std::fmt;
use std::str::FromStr;

use rand::SeedableRng;
pub use rand::rngs::Xoshiro256PlusPlus;

/// Returns the random generator of a seed, for initial weights, dropout, noise, sampling and shuffles.
///
/// The generator is xoshiro256++ (Blackman and Vigna 2019). `SplitMix64` derives its four words of state from the seed.
/// It is fast and passes statistical tests; it is not for cryptography. A program can name its type without a
/// dependency on `rand`:
///
/// ```
/// use bptt_layers::{Linear, Xoshiro256PlusPlus};
///
/// fn model(rng: &mut Xoshiro256PlusPlus) -> Linear<f32> {
///     Linear::new(rng, 3, 2)
/// }
///
/// let (a, b) = (model(&mut bptt_layers::rng(7)), model(&mut bptt_layers::rng(7)));
/// assert_eq!(a.w.value(), b.w.value());
/// ```
///
/// # Stability
///
/// A seed gives the same stream of words on every platform and in every version of this crate. It also gives the same
/// initial weights and masks. A change of either is a breaking change.
#[must_use]
pub fn rng(seed: u64) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(seed)
}

/// A random generator as text.
pub(crate) struct Generator(pub(crate) Xoshiro256PlusPlus);

impl fmt::Display for Generator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(&self.0).map_err(|_| fmt::Error)?)
    }
}

impl FromStr for Generator {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        serde_json::from_str(text).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use rand::Rng;

    use super::rng;

    /// The expected words are from the reference implementations of `SplitMix64` and xoshiro256++ in C.
    #[test]
    fn the_stream_of_a_seed_is_fixed() {
        let mut rng = rng(0);
        let stream = [(); 3].map(|()| rng.next_u64());
        assert_eq!(
            stream,
            [5_987_356_902_031_041_503, 7_051_070_477_665_621_255, 6_633_766_593_972_829_180]
        );
    }
}
