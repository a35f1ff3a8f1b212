//! Numbers that both sides of a comparison draw identically.

use bptt::prelude::*;

/// A stream of numbers by `SplitMix64` from seed 0 (Steele, Lea and Flood 2014), which `shared.py`
/// repeats: the `n`-th draw depends on `n` alone, so NumPy can make a whole array of them at once.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    state: u64,
}

impl Numbers {
    fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Numbers between `−bound` and `bound`, of as many bits as an `f32` holds exactly.
    pub(crate) fn uniform(&mut self, bound: f32, shape: impl Into<Shape>) -> Tensor<f32> {
        Tensor::from_fn(shape, |_| bound * ((self.draw() >> 40) as f32 / (1 << 23) as f32 - 1.0))
    }

    /// Symbols of a vocabulary.
    pub(crate) fn tokens(&mut self, vocabulary: usize, count: usize) -> Vec<usize> {
        (0..count).map(|_| (self.draw() >> 33) as usize % vocabulary).collect()
    }

    /// A parameter of a cell with so many units, within PyTorch's usual bound of `1/√H`.
    pub(crate) fn param(&mut self, hidden: usize, shape: impl Into<Shape>) -> Param<f32> {
        Param::new(self.uniform((hidden as f32).sqrt().recip(), shape))
    }

    /// Weights and biases of so many gates, concatenated: `W: [I, G·H]`, `R: [H, G·H]`, `b: [G·H]`.
    pub(crate) fn gates(&mut self, count: usize, input: usize, hidden: usize) -> [Param<f32>; 3] {
        let width = count * hidden;
        let shapes = [Shape::from([input, width]), [hidden, width].into(), [width].into()];
        shapes.map(|shape| self.param(hidden, shape))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first values that the algorithm's reference implementation gives for seed 0.
    #[test]
    fn draws_are_those_of_splitmix64() {
        let mut numbers = Numbers::default();
        let drawn = [numbers.draw(), numbers.draw()];
        assert_eq!(drawn, [0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4]);
    }
}
