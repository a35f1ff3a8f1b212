//! Tensors and parameters of numbers that both sides of a comparison draw identically.

use bptt::prelude::*;

use crate::stream::Stream;

/// The stream as tensors.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    stream: Stream,
}

impl Numbers {
    /// Numbers between `−bound` and `bound`.
    pub(crate) fn uniform(&mut self, bound: f32, shape: impl Into<Shape>) -> Tensor<f32> {
        let shape = shape.into();
        let numbers = self.stream.uniform(bound, shape.elements());
        Tensor::from_vec(shape, numbers)
    }

    /// Symbols of a vocabulary.
    pub(crate) fn tokens(&mut self, vocabulary: usize, count: usize) -> Vec<usize> {
        self.stream.tokens(vocabulary, count)
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
