//! A film of a moving dot.

use bptt_tensor::{Scalar, Tensor};
use rand::{Rng, RngExt};

use crate::batch::Batch;

/// A film of a dot, and a label for each frame: how the dot moved since the frame before.
///
/// The dot moves one pixel a frame, or rests. It leaves the picture on one side and returns on the other. It chooses anew
/// with a probability of 0.3 at each frame, and [`Move::ALL`] are equally likely. In the first frame it rests. One frame
/// alone tells nothing about its label.
///
/// ```
/// let film = bptt_tasks::MovingDot::new(6, 6).batch::<f32>(&mut bptt_layers::rng(0), [10, 4]);
/// assert_eq!(&film.inputs.shape()[..], [10, 4, 6, 6, 1]);
/// assert_eq!(film.targets.len(), 40);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MovingDot {
    height: usize,
    width: usize,
    noise: f64,
}

/// How the dot moved. The class of a frame is the place in [`Move::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// Not at all.
    Rest,
    /// By one row, towards row 0.
    Up,
    /// By one row.
    Down,
    /// By one column, towards column 0.
    Left,
    /// By one column.
    Right,
}

impl Move {
    /// The classes.
    pub const ALL: [Self; 5] = [Self::Rest, Self::Up, Self::Down, Self::Left, Self::Right];

    /// Returns where the move leads from a row and column, in a picture of this height and width.
    fn from(self, [y, x]: [usize; 2], [height, width]: [usize; 2]) -> [usize; 2] {
        match self {
            Self::Rest => [y, x],
            Self::Up => [(y + height - 1) % height, x],
            Self::Down => [(y + 1) % height, x],
            Self::Left => [y, (x + width - 1) % width],
            Self::Right => [y, (x + 1) % width],
        }
    }
}

/// The probability that the dot chooses anew at a frame.
const CHOICE: f64 = 0.3;

impl MovingDot {
    /// Creates the task with pictures of this size and no noise.
    ///
    /// # Panics
    ///
    /// If a side is shorter than 3 pixels, where two directions lead to the same place.
    #[track_caller]
    #[must_use]
    pub fn new(height: usize, width: usize) -> Self {
        assert!(height >= 3 && width >= 3, "a picture of {height} by {width} is less than 3 by 3");
        Self { height, width, noise: 0.0 }
    }

    /// Sets the standard deviation of normal noise, which is added to each pixel.
    #[must_use]
    pub fn noise(self, deviation: f64) -> Self {
        Self { noise: deviation, ..self }
    }

    /// Draws frames `[T, B, H, W, 1]`, 1 at the dot and 0 elsewhere, and their labels `[T, B]`.
    ///
    /// # Panics
    ///
    /// If the noise is negative.
    #[track_caller]
    #[must_use]
    pub fn batch<T: Scalar>(
        &self,
        rng: &mut impl Rng,
        [steps, batch]: [usize; 2],
    ) -> Batch<Tensor<T>, Vec<usize>> {
        let size @ [height, width] = [self.height, self.width];
        let mut inputs = Tensor::normal([steps, batch, height, width, 1], 0.0, self.noise, rng);
        let mut targets = vec![0; steps * batch];
        let pixels = inputs.as_mut_slice();
        for b in 0..batch {
            let mut class = 0;
            let mut place = [rng.random_range(0..height), rng.random_range(0..width)];
            for t in 0..steps {
                if t > 0 {
                    if t == 1 || rng.random_bool(CHOICE) {
                        class = rng.random_range(0..Move::ALL.len());
                    }
                    place = Move::ALL[class].from(place, size);
                }
                let frame = t * batch + b;
                targets[frame] = class;
                let pixel = &mut pixels[(frame * height + place[0]) * width + place[1]];
                *pixel += T::one();
            }
        }
        Batch { inputs, targets }
    }

    /// Returns the share of frames that the best answer without a memory labels right: rest, which is that of the first
    /// frame and of a fifth of the others.
    #[must_use]
    pub fn memoryless_accuracy(&self, steps: usize) -> f64 {
        (1.0 + (steps as f64 - 1.0) / 5.0) / steps as f64
    }
}
