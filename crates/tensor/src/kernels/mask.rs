//! Random masks, drawn many elements at a time.
//!
//! A mask of noise has as many elements as the states of all steps of a sequence, so a step of training draws millions.
//! Eight generators side by side fill the registers of the processor, and pieces of the mask have generators of their
//! own, for the threads. Pieces depend on the number of elements alone, so a mask is the same for any number of threads
//! and for every instruction set.

use crate::cpu::parallel::{CHUNK, for_chunks};
use crate::cpu::simd::vectorize;
use crate::scalar::Scalar;

/// Generators side by side.
const LANES: usize = 8;

/// Elements of a draw. A word of 64 bits decides two.
const DRAWN: usize = 2 * LANES;

/// Sets each element to 1 with probability `p`, rounded to a multiple of 2⁻³², and else to 0. Elements are independent.
#[inline(never)]
pub(super) fn bernoulli<T: Scalar>(out: &mut [T], p: f64, seed: u64) {
    let Ok(bound) = u32::try_from((p * 2f64.powi(32)).round() as u64) else {
        return out.fill(T::one());
    };
    for_chunks(out, &|start, piece| {
        // a caller with few elements has one piece
        for (i, chunk) in piece.chunks_mut(CHUNK).enumerate() {
            let generators = Generators::new(seed, start / CHUNK + i);
            vectorize(
                #[inline(always)]
                || fill(chunk, bound, generators),
            );
        }
    });
}

#[inline(always)]
fn fill<T: Scalar>(out: &mut [T], bound: u32, mut generators: Generators) {
    let (chunks, rest) = out.as_chunks_mut::<DRAWN>();
    for chunk in chunks {
        *chunk = draw(bound, &mut generators);
    }
    if !rest.is_empty() {
        rest.copy_from_slice(&draw(bound, &mut generators)[..rest.len()]);
    }
}

/// The low halves of the next words decide the first elements, and the high halves the others.
#[inline(always)]
fn draw<T: Scalar>(bound: u32, generators: &mut Generators) -> [T; DRAWN] {
    let words = generators.next();
    let mut drawn = [T::zero(); DRAWN];
    for (lane, word) in words.into_iter().enumerate() {
        for (half, place) in [(word as u32, lane), ((word >> 32) as u32, LANES + lane)] {
            drawn[place] = if half < bound { T::one() } else { T::zero() };
        }
    }
    drawn
}

/// Generators xoshiro256++ (Blackman and Vigna 2019), whose words of state are beside each other.
struct Generators {
    state: [[u64; LANES]; 4],
}

impl Generators {
    /// The generators of a piece. Their words of state are those of splitmix64 from the seed on: each piece has its own.
    fn new(seed: u64, piece: usize) -> Self {
        const WORDS: usize = 4 * LANES;
        let word = |i: usize| splitmix(seed, piece * WORDS + i);
        let lanes = |row: usize| std::array::from_fn(|lane| word(4 * lane + row));
        Self { state: std::array::from_fn(lanes) }
    }

    #[inline(always)]
    fn next(&mut self) -> [u64; LANES] {
        let [mut a, mut b, mut c, mut d] = self.state;
        let mut words = [0; LANES];
        for i in 0..LANES {
            words[i] = a[i].wrapping_add(d[i]).rotate_left(23).wrapping_add(a[i]);
            let shifted = b[i] << 17;
            c[i] ^= a[i];
            d[i] ^= b[i];
            b[i] ^= c[i];
            a[i] ^= d[i];
            c[i] ^= shifted;
            d[i] = d[i].rotate_left(45);
        }
        self.state = [a, b, c, d];
        words
    }
}

/// Word `index` of the generator splitmix64 (Steele, Lea and Flood 2014).
fn splitmix(seed: u64, index: usize) -> u64 {
    let state = seed.wrapping_add((index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

#[cfg(test)]
mod tests {
    use rand::rngs::Xoshiro256PlusPlus;
    use rand::{Rng, SeedableRng};

    use super::*;

    /// Each lane is the generator of the crate `rand`, which takes its first state from splitmix64 as well.
    #[test]
    fn lanes_are_generators_with_states_of_their_own() {
        let mut first = Xoshiro256PlusPlus::seed_from_u64(7);
        let state = |piece: usize, lane: usize| {
            let words = (0..4).flat_map(|i| splitmix(7, 32 * piece + 4 * lane + i).to_le_bytes());
            Xoshiro256PlusPlus::from_seed(words.collect::<Vec<_>>().try_into().expect("32 bytes"))
        };
        for piece in [0, 3] {
            let mut generators = Generators::new(7, piece);
            let mut lanes: Vec<_> = (0..LANES).map(|lane| state(piece, lane)).collect();
            for _ in 0..20 {
                let words = generators.next();
                for (word, lane) in words.iter().zip(&mut lanes) {
                    assert_eq!(*word, lane.next_u64());
                }
                assert!(piece > 0 || words[0] == first.next_u64());
            }
        }
    }

    /// All bits of a word decide: the low half one element, the high half another.
    #[test]
    fn an_element_is_a_comparison_of_half_a_word() {
        let p = 0.3;
        let mut out = vec![0.0f32; 3 * CHUNK + 5];
        bernoulli(&mut out, p, 9);
        for piece in 0..4 {
            let mut generators = Generators::new(9, piece);
            for chunk in out[piece * CHUNK..].chunks(CHUNK).next().expect("a piece").chunks(DRAWN) {
                let words = generators.next();
                let halves = words.iter().map(|word| word & 0xffff_ffff);
                let halves = halves.chain(words.iter().map(|word| word >> 32));
                for (element, half) in chunk.iter().zip(halves) {
                    let is_one = (half as f64) < p * 2f64.powi(32);
                    assert_eq!(*element, if is_one { 1.0 } else { 0.0 });
                }
            }
        }
    }
}
