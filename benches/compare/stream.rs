//! The numbers that all sides of a comparison draw. `peers/rust` compiles this file too.

/// A stream of numbers by `SplitMix64` from seed 0 (Steele, Lea and Flood 2014), which `shared.py`
/// repeats: the `n`-th draw depends on `n` alone, so NumPy can make a whole array of them at once.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    state: u64,
}

impl Stream {
    fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Numbers between `−bound` and `bound`, of as many bits as an `f32` holds exactly.
    pub(crate) fn uniform(&mut self, bound: f32, count: usize) -> Vec<f32> {
        let number = |_| bound * ((self.draw() >> 40) as f32 / (1 << 23) as f32 - 1.0);
        (0..count).map(number).collect()
    }

    /// Symbols of a vocabulary.
    pub(crate) fn tokens(&mut self, vocabulary: usize, count: usize) -> Vec<usize> {
        (0..count).map(|_| (self.draw() >> 33) as usize % vocabulary).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first values that the algorithm's reference implementation gives for seed 0.
    #[test]
    fn draws_are_those_of_splitmix64() {
        let mut stream = Stream::default();
        let drawn = [stream.draw(), stream.draw()];
        assert_eq!(drawn, [0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4]);
    }
}
