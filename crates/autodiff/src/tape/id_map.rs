//! A map from identities to positions on a tape.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A map from 64-bit keys to positions on a tape.
pub(crate) type IdMap = HashMap<u64, u32, BuildHasherDefault<MixHasher>>;

/// Hashes the 64-bit keys of the leaf tables by one multiplication. Speed matters, since every use
/// of a parameter looks one up, and no adversary chooses the keys.
#[derive(Default)]
pub(crate) struct MixHasher(u64);

impl Hasher for MixHasher {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(byte.into());
        }
    }

    fn write_u64(&mut self, key: u64) {
        let mixed = (self.0 ^ key).wrapping_mul(0x9E37_79B9_7F4A_7C15); // 2⁶⁴ / golden ratio
        self.0 = mixed ^ (mixed >> 32);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
