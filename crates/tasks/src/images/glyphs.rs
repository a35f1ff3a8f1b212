//! Letters and digits as pictures.

use std::sync::LazyLock;

use bptt_tensor::{Scalar, Tensor};
use rand::{Rng, RngExt};

use crate::batch::Batch;

/// Digits and capital letters, drawn in 7 rows of 5 pixels, shifted and with noise.
///
/// ```
/// use bptt_tasks::Glyphs;
///
/// let glyphs = Glyphs::new().shift(1).noise(0.05);
/// let batch = glyphs.batch::<f32>(&mut bptt_layers::rng(0), 16);
/// assert_eq!(&batch.inputs.shape()[..], [16, 9, 7, 1]);
/// assert_eq!(Glyphs::CHARACTERS[11], 'B');
/// assert_eq!(Glyphs::pixels('T')[1], [false, false, true, false, false]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Glyphs {
    shift: usize,
    noise: f64,
}

impl Glyphs {
    /// The height of a glyph in pixels.
    pub const HEIGHT: usize = 7;

    /// The width of a glyph in pixels.
    pub const WIDTH: usize = 5;

    /// The characters of the classes. The first ten are the digits.
    #[rustfmt::skip]
    pub const CHARACTERS: [char; 36] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9',
        'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M',
        'N', 'O', 'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z',
    ];

    /// Creates the task without shift or noise.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets by how many pixels a glyph may be off the middle, each way in both directions. The picture has a margin of
    /// this width.
    #[must_use]
    pub fn shift(self, pixels: usize) -> Self {
        Self { shift: pixels, ..self }
    }

    /// Sets the probability with which each pixel is inverted.
    ///
    /// # Panics
    ///
    /// If it is not within 0 to 1.
    #[track_caller]
    #[must_use]
    pub fn noise(self, probability: f64) -> Self {
        assert!((0.0..=1.0).contains(&probability), "{probability} is not a probability");
        Self { noise: probability, ..self }
    }

    /// Returns the height and width of a picture.
    #[must_use]
    pub fn size(&self) -> [usize; 2] {
        [Self::HEIGHT + 2 * self.shift, Self::WIDTH + 2 * self.shift]
    }

    /// Draws pictures `[B, H, W, 1]` of 1 for ink and 0 for paper, and their classes `[B]`.
    #[must_use]
    pub fn batch<T: Scalar>(
        &self,
        rng: &mut impl Rng,
        batch: usize,
    ) -> Batch<Tensor<T>, Vec<usize>> {
        let classes = Self::CHARACTERS.len();
        let targets: Vec<usize> = (0..batch).map(|_| rng.random_range(0..classes)).collect();
        let [height, width] = self.size();
        let pictures = targets.iter().flat_map(|&class| self.picture(rng, class));
        let pixels = pictures.map(|ink| T::of(f64::from(ink))).collect();
        Batch { inputs: Tensor::from_vec([batch, height, width, 1], pixels), targets }
    }

    /// Returns the pixels of a character, row by row from the top: true where there is ink.
    ///
    /// # Panics
    ///
    /// If it is none of [`CHARACTERS`](Self::CHARACTERS).
    #[track_caller]
    #[must_use]
    pub fn pixels(character: char) -> [[bool; 5]; 7] {
        match Self::CHARACTERS.iter().position(|&known| known == character) {
            Some(class) => PIXELS[class],
            None => panic!("there is no glyph of {character:?}: use 0 to 9 and A to Z"),
        }
    }

    fn picture(&self, rng: &mut impl Rng, class: usize) -> Vec<bool> {
        let [height, width] = self.size();
        let [top, left] = [(); 2].map(|()| rng.random_range(0..=2 * self.shift));
        let mut picture = vec![false; height * width];
        for (y, row) in PIXELS[class].iter().enumerate() {
            picture[(top + y) * width + left..][..row.len()].copy_from_slice(row);
        }
        picture.iter_mut().for_each(|ink| *ink ^= rng.random_bool(self.noise));
        picture
    }
}

/// The drawing has four bands of nine glyphs, with a column or row between them.
static PIXELS: LazyLock<[[[bool; 5]; 7]; 36]> = LazyLock::new(|| {
    let drawing: Vec<&[u8]> = include_str!("glyphs.txt").lines().map(str::as_bytes).collect();
    std::array::from_fn(|class| {
        let (top, left) = (class / 9 * 8, class % 9 * 6);
        std::array::from_fn(|y| std::array::from_fn(|x| drawing[top + y][left + x] == b'#'))
    })
});
