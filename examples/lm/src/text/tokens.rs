//! Sequences of tokens.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

use memmap2::Mmap;
use twox_hash::XxHash64;

/// A sequence of tokens, shared by its clones.
///
/// Each token takes one, two or four bytes, little-endian: the fewest that hold every token of the vocabulary.
#[derive(Clone)]
pub struct Tokens {
    bytes: Bytes,
    width: Width,
}

/// The bytes of tokens.
#[derive(Clone)]
enum Bytes {
    Memory(Arc<[u8]>),
    /// A range of a mapped file, and its checksum.
    Mapped {
        map: Arc<Mmap>,
        range: Range<usize>,
        checksum: u64,
    },
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Memory(bytes) => bytes,
            Self::Mapped { map, range, .. } => &map[range.clone()],
        }
    }
}

/// The bytes that one token takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    One = 1,
    Two = 2,
    Four = 4,
}

impl Width {
    /// Returns the least width that holds every token below `vocabulary_size`.
    pub(super) fn of(vocabulary_size: usize) -> Self {
        match vocabulary_size {
            0..=0x100 => Self::One,
            0x101..=0x1_0000 => Self::Two,
            _ => Self::Four,
        }
    }

    /// Appends `tokens` to `bytes`.
    pub(super) fn write(self, tokens: &[u32], bytes: &mut Vec<u8>) {
        match self {
            Self::One => bytes.extend(tokens.iter().map(|&token| token as u8)),
            Self::Two => {
                bytes.extend(tokens.iter().flat_map(|&token| (token as u16).to_le_bytes()));
            }
            Self::Four => bytes.extend(tokens.iter().flat_map(|&token| token.to_le_bytes())),
        }
    }
}

/// Returns a hash of the bytes, XXH64, the same on every machine.
pub(super) fn checksum(bytes: &[u8]) -> u64 {
    XxHash64::oneshot(0, bytes)
}

impl Tokens {
    pub(super) fn in_memory(bytes: Vec<u8>, width: Width) -> Self {
        Self { bytes: Bytes::Memory(bytes.into()), width }
    }

    pub(super) fn mapped(map: Arc<Mmap>, range: Range<usize>, width: Width, checksum: u64) -> Self {
        Self { bytes: Bytes::Mapped { map, range, checksum }, width }
    }

    /// Returns the checksum of the tokens' bytes.
    pub(super) fn checksum(&self) -> u64 {
        match &self.bytes {
            Bytes::Memory(bytes) => checksum(bytes),
            Bytes::Mapped { checksum, .. } => *checksum,
        }
    }

    /// Returns the number of tokens.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len() / self.width as usize
    }

    /// Returns whether there is no token.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Returns token number `index`.
    ///
    /// # Panics
    ///
    /// If `index` is not below [`len`](Self::len).
    #[must_use]
    pub fn get(&self, index: usize) -> u32 {
        let bytes = &*self.bytes;
        match self.width {
            Width::One => u32::from(bytes[index]),
            Width::Two => u32::from(u16::from_le_bytes([bytes[2 * index], bytes[2 * index + 1]])),
            Width::Four => {
                let token = &bytes[4 * index..4 * index + 4];
                u32::from_le_bytes(token.try_into().expect("four bytes"))
            }
        }
    }

    /// Returns the tokens at the positions of `range`.
    ///
    /// # Panics
    ///
    /// The iterator panics at a position that is not below [`len`](Self::len).
    #[must_use]
    pub fn iter(
        &self,
        range: Range<usize>,
    ) -> impl DoubleEndedIterator<Item = u32> + ExactSizeIterator + '_ {
        range.map(|index| self.get(index))
    }

    /// Returns all tokens in a vector.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u32> {
        self.iter(0..self.len()).collect()
    }
}

impl From<Vec<u32>> for Tokens {
    fn from(tokens: Vec<u32>) -> Self {
        let width = Width::of(tokens.iter().max().map_or(0, |&max| max as usize + 1));
        let mut bytes = Vec::with_capacity(tokens.len() * width as usize);
        width.write(&tokens, &mut bytes);
        Self::in_memory(bytes, width)
    }
}

impl PartialEq for Tokens {
    fn eq(&self, other: &Self) -> bool {
        self.iter(0..self.len()).eq(other.iter(0..other.len()))
    }
}

impl fmt::Debug for Tokens {
    /// Writes the number of tokens and the first few.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first: Vec<u32> = self.iter(0..self.len().min(8)).collect();
        f.debug_struct("Tokens").field("len", &self.len()).field("first", &first).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_take_the_fewest_bytes_that_hold_them() {
        for (max, width) in [
            (0, Width::One),
            (0xff, Width::One),
            (0x100, Width::Two),
            (0xffff, Width::Two),
            (0x1_0000, Width::Four),
            (u32::MAX, Width::Four),
        ] {
            let given = vec![0, max, max / 2, 1.min(max)];
            let tokens = Tokens::from(given.clone());
            assert_eq!(tokens.width, width, "{max}");
            assert_eq!(tokens.to_vec(), given);
            assert_eq!(tokens.iter(1..3).collect::<Vec<_>>(), given[1..3]);
            assert_eq!((tokens.len(), tokens.get(1)), (4, max));
        }
        assert!(Tokens::from(vec![]).is_empty());
    }

    #[test]
    fn the_width_makes_no_difference() {
        let wide = Tokens::in_memory(vec![7, 0, 0, 0, 9, 0, 0, 0], Width::Four);
        assert_eq!(wide, Tokens::from(vec![7, 9]));
        assert_ne!(wide, Tokens::from(vec![7, 8]));
        assert_ne!(wide, Tokens::from(vec![7]));
    }
}
