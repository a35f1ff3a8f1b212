//! Connected handwriting, without marks between letters.

use std::iter::repeat_n;

use bptt_tensor::{Scalar, Tensor};
use rand::{Rng, RngExt};

use crate::batch::Batch;

/// The movements of a pen that writes letters without lifting it or stopping between them. A model has to find the
/// letters without being told where each begins, as with connectionist temporal classification (Graves et al. 2006).
///
/// A letter is a few straight strokes, and a stroke lasts 2 to 4 steps. At the end of a sequence the pen rests. Each
/// stroke occurs in several letters or joins with the next, so that a step alone tells no letter.
///
/// ```
/// use bptt_tasks::Handwriting;
///
/// let batch = Handwriting::new().batch::<f32>(&mut bptt_layers::rng(0), [60, 16]);
/// assert_eq!(&batch.inputs.shape()[..], [60, 16, 2]);
/// assert!(batch.targets[3].iter().all(|&letter| (1..=Handwriting::LETTERS.len()).contains(&letter)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Handwriting {
    noise: f64,
}

/// The movement of one step, to the right and up.
type Stroke = [f64; 2];

const N: Stroke = [0.0, 1.0];
const E: Stroke = [1.0, 0.0];
const S: Stroke = [0.0, -1.0];
const W: Stroke = [-1.0, 0.0];
const NE: Stroke = [0.7, 0.7];
const SE: Stroke = [0.7, -0.7];
const SW: Stroke = [-0.7, -0.7];
const NW: Stroke = [-0.7, 0.7];

/// The strokes of the letters. No two words have the same strokes, even where strokes of equal direction merge.
const STROKES: [&[Stroke]; 6] =
    [&[S, NE, NW], &[S, W], &[S, E], &[N, SE, N], &[SE, NE], &[E, SW, E]];

impl Handwriting {
    /// The letters of the classes 1, 2, and so on. Class 0 is free for the blank of the loss.
    pub const LETTERS: [char; 6] = ['D', 'J', 'L', 'N', 'V', 'Z'];

    /// Creates the task with noise of a standard deviation of 0.1.
    #[must_use]
    pub fn new() -> Self {
        Self { noise: 0.1 }
    }

    /// Sets the standard deviation of the noise, which is added to each movement.
    #[must_use]
    pub fn noise(self, deviation: f64) -> Self {
        Self { noise: deviation }
    }

    /// Draws movements `[T, B, 2]`, to the right and up, and the letters of each sequence: as many as end within `T`.
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
    ) -> Batch<Tensor<T>, Vec<Vec<usize>>> {
        let mut inputs = Tensor::normal([steps, batch, 2], 0.0, self.noise, rng);
        let mut targets = vec![Vec::new(); batch];
        for (b, letters) in targets.iter_mut().enumerate() {
            let mut t = 0;
            loop {
                let letter = rng.random_range(0..STROKES.len());
                let durations =
                    STROKES[letter].iter().map(|stroke| (stroke, rng.random_range(2..=4)));
                let movements: Vec<_> =
                    durations.flat_map(|(s, steps)| repeat_n(s, steps)).collect();
                if t + movements.len() > steps {
                    break;
                }
                for movement in movements {
                    let at = (t * batch + b) * 2;
                    for (x, &part) in inputs.as_mut_slice()[at..].iter_mut().zip(movement) {
                        *x += T::of(part);
                    }
                    t += 1;
                }
                letters.push(letter + 1);
            }
        }
        Batch { inputs, targets }
    }
}

impl Default for Handwriting {
    fn default() -> Self {
        Self::new()
    }
}
