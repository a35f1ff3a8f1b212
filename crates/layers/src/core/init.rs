//! Initial values of parameters.

use std::cell::Cell;

use bptt_tensor::{Scalar, Shape, Tensor, Transpose};
use rand::Rng;

/// A distribution of initial values.
///
/// For a weight `[I, O]`, multiplied from the right, `I` is the fan-in and `O` the fan-out.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Init {
    /// All zeros.
    Zeros,
    /// All equal.
    Constant(f64),
    /// Uniform between two bounds.
    Uniform {
        /// The lower bound, inclusive.
        low: f64,
        /// The upper bound, exclusive.
        high: f64,
    },
    /// Normal.
    Gaussian {
        /// The mean.
        mean: f64,
        /// The standard deviation.
        std: f64,
    },
    /// Uniform on `±√(6 / (fan-in + fan-out))` (Glorot and Bengio 2010): keeps the variance of
    /// activations and gradients through a linear layer about the same.
    Xavier,
    /// A matrix with orthonormal rows or columns, whichever are fewer, times a gain (Saxe, McClelland and Ganguli
    /// 2014). It is drawn uniformly among all such matrices. With gain 1, a recurrent product keeps the norm of the
    /// state.
    Orthogonal {
        /// The factor.
        gain: f64,
    },
    /// A multiple of the identity matrix (Le, Jaitly and Hinton 2015).
    Identity {
        /// The factor.
        scale: f64,
    },
}

impl Init {
    /// Draws a tensor of this shape.
    ///
    /// # Panics
    ///
    /// If the distribution is one of matrices (`Xavier`, `Orthogonal` or `Identity`) and the shape does not have two
    /// axes.
    #[track_caller]
    #[must_use]
    pub fn tensor<T: Scalar>(self, rng: &mut impl Rng, shape: impl Into<Shape>) -> Tensor<T> {
        self.draw(rng, shape.into())
    }

    #[track_caller]
    #[inline(never)]
    pub(crate) fn draw<T: Scalar>(self, mut rng: &mut dyn Rng, shape: Shape) -> Tensor<T> {
        if is_blank() {
            return blank_zeros(shape);
        }
        match self {
            Self::Zeros => Tensor::zeros(shape),
            Self::Constant(value) => Tensor::full(shape, T::of(value)),
            Self::Uniform { low, high } => Tensor::uniform(shape, low, high, &mut rng),
            Self::Gaussian { mean, std } => Tensor::normal(shape, mean, std, &mut rng),
            Self::Xavier => {
                let (rows, columns) = self.matrix(&shape);
                let bound = (6.0 / (rows + columns).max(1) as f64).sqrt();
                Tensor::uniform(shape, -bound, bound, &mut rng)
            }
            Self::Orthogonal { gain } => {
                let (rows, columns) = self.matrix(&shape);
                orthogonal(&mut rng, rows, columns, gain)
            }
            Self::Identity { scale } => {
                let (_, columns) = self.matrix(&shape);
                let entry = |i| if i / columns == i % columns { T::of(scale) } else { T::zero() };
                Tensor::from_fn(shape, entry)
            }
        }
    }

    /// Draws `count` independent matrices `[rows, columns]`, and concatenates them to the fused weight of `count`
    /// gates, `[rows, count · columns]`.
    ///
    /// # Panics
    ///
    /// If `count` is zero.
    #[track_caller]
    #[must_use]
    pub fn gates<T: Scalar>(
        self,
        rng: &mut impl Rng,
        count: usize,
        extents: [usize; 2],
    ) -> Tensor<T> {
        self.draw_gates(rng, count, extents)
    }

    #[track_caller]
    #[inline(never)]
    pub(crate) fn draw_gates<T: Scalar>(
        self,
        rng: &mut dyn Rng,
        count: usize,
        [rows, columns]: [usize; 2],
    ) -> Tensor<T> {
        if is_blank() {
            return blank_zeros([rows, count * columns].into());
        }
        let gates: Vec<Tensor<T>> =
            (0..count).map(|_| self.draw(rng, [rows, columns].into())).collect();
        Tensor::concat(&gates.iter().collect::<Vec<_>>(), 1)
    }

    #[track_caller]
    fn matrix(self, shape: &Shape) -> (usize, usize) {
        match shape[..] {
            [rows, columns] => (rows, columns),
            _ => panic!("{self:?} is a distribution of matrices [I, O], not of shape {shape}"),
        }
    }
}

thread_local! {
    /// Whether this thread builds a model whose initial values a file will replace.
    static BLANK: Cell<bool> = const { Cell::new(false) };
}

pub(crate) fn is_blank() -> bool {
    BLANK.get()
}

/// Returns zeros in fresh memory, which the operating system provides only when it is written. No pool keeps this
/// memory after a file's values replace it.
pub(crate) fn blank_zeros<T: Scalar>(shape: Shape) -> Tensor<T> {
    let zeros = vec![T::zero(); shape.elements()];
    Tensor::from_vec(shape, zeros)
}

/// Runs `build` while every initializer returns zeros and draws no random numbers.
pub(crate) fn blank<R>(build: impl FnOnce() -> R) -> R {
    /// Restores the earlier setting even if `build` panics.
    struct Restore(bool);

    impl Drop for Restore {
        fn drop(&mut self) {
            BLANK.set(self.0);
        }
    }

    let _restore = Restore(BLANK.replace(true));
    build()
}

/// Returns a matrix with orthonormal rows, or with orthonormal columns where there are fewer of them. Gram–Schmidt on
/// Gaussian vectors makes every direction equally likely.
fn orthogonal<T: Scalar>(rng: &mut impl Rng, rows: usize, columns: usize, gain: f64) -> Tensor<T> {
    /// The number of vectors that one pair of matrix products makes orthogonal to all earlier vectors.
    const BLOCK: usize = 32;

    let (count, length) = (rows.min(columns), rows.max(columns));
    let drawn = Tensor::<f64>::normal([count, length], 0.0, 1.0, rng);
    let mut done: Vec<f64> = Vec::with_capacity(count * length);
    for start in (0..count).step_by(BLOCK) {
        let before = Tensor::from_slice([start, length], &done);
        let mut block = drawn.slice(0, start..count.min(start + BLOCK));
        // one pass loses orthogonality to rounding when a vector nearly lies in the span of those
        // before; a second restores it (Giraud, Langou and Rozložník 2005)
        for _ in 0..2 {
            let overlaps = block.matmul_with(&before, Transpose::RIGHT);
            let projection = overlaps.matmul(&before);
            let vectors = block.as_mut_slice();
            vectors.iter_mut().zip(projection.as_slice()).for_each(|(x, p)| *x -= p);
            orthonormalize(vectors, length);
        }
        done.extend_from_slice(block.as_slice());
    }
    Tensor::from_fn([rows, columns], |i| {
        let (row, column) = (i / columns, i % columns);
        let entry =
            if rows <= columns { done[row * length + column] } else { done[column * length + row] };
        T::of(gain * entry)
    })
}

/// Makes each vector of this length orthogonal to those before it, and of norm 1.
fn orthonormalize(vectors: &mut [f64], length: usize) {
    for start in (0..vectors.len()).step_by(length.max(1)) {
        let (before, rest) = vectors.split_at_mut(start);
        let vector = &mut rest[..length];
        for other in before.chunks_exact(length) {
            let overlap: f64 = vector.iter().zip(other).map(|(a, b)| a * b).sum();
            vector.iter_mut().zip(other).for_each(|(a, b)| *a -= overlap * b);
        }
        let norm = vector.iter().map(|a| a * a).sum::<f64>().sqrt();
        vector.iter_mut().for_each(|a| *a /= norm);
    }
}
