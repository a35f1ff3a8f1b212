//! Windows of parallel text streams, for truncated back-propagation through time.

use crate::error::Error;

/// A text cut into `B` contiguous streams of equal length, read in windows of `T` steps.
///
/// ```text
/// stream 0   c₀        c₁        …  c_{L-1}   | c_L
/// stream 1   c_L       c_{L+1}   …  c_{2L-1}  | c_{2L}
///            └──── window 0 ────┘└ window 1 ┘
/// ```
///
/// Window `k + 1` continues every stream where window `k` ended. A state carried from window to window has read its
/// stream from the start. It must be reset before window 0. Windows are addressed by number: step `s` of a training
/// loop takes window `s mod windows_per_pass`, so the step determines the position.
#[derive(Clone, Copy, Debug)]
pub struct Batches<'a> {
    tokens: &'a [u32],
    batch: usize,
    window: usize,
    /// Steps in every stream, `L ≥ T`.
    steps: usize,
}

/// A window: consecutive characters of every stream, time-major.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// `T`; the last window of a pass may be shorter.
    pub steps: usize,
    /// The tokens that the model reads, `[T, B]`.
    pub inputs: Vec<usize>,
    /// The token that follows each, `[T, B]`.
    pub targets: Vec<usize>,
}

impl<'a> Batches<'a> {
    /// Cuts `tokens` into `batch` streams, leaving over fewer than `batch` characters at the end.
    ///
    /// # Errors
    ///
    /// A stream would be shorter than one window and the character that follows it.
    ///
    /// # Panics
    ///
    /// If `batch` or `window` is zero.
    pub fn new(tokens: &'a [u32], batch: usize, window: usize) -> Result<Self, Error> {
        assert!(batch > 0 && window > 0, "a batch of {batch} and a window of {window}");
        let steps = tokens.len().saturating_sub(1) / batch;
        if steps < window {
            let needed = batch.saturating_mul(window).saturating_add(1);
            return Err(Error::TooShort { available: tokens.len(), needed, batch, window });
        }
        Ok(Self { tokens, batch, window, steps })
    }

    /// Cuts `tokens` like [`new`](Self::new), but into fewer streams and shorter windows if the text is short. It is
    /// for the measurement of a loss, where the sizes only matter for speed.
    ///
    /// # Errors
    ///
    /// If there are fewer than two characters.
    ///
    /// # Panics
    ///
    /// If `batch` or `window` is zero.
    pub fn at_most(tokens: &'a [u32], batch: usize, window: usize) -> Result<Self, Error> {
        if tokens.len() < 2 {
            return Err(Error::TooShortToJudge { available: tokens.len() });
        }
        let predictable = tokens.len() - 1;
        let window = window.min(predictable);
        let batch = batch.min(predictable / window);
        Self::new(tokens, batch, window)
    }

    /// The number of parallel streams, `B`.
    #[must_use]
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// The number of windows in one pass over the text, at least one.
    #[must_use]
    pub fn windows_per_pass(&self) -> usize {
        self.steps.div_ceil(self.window)
    }

    /// Returns the characters that one pass reads or predicts. All but the first are targets, for the model and the
    /// baseline alike.
    #[must_use]
    pub fn tokens(&self) -> &'a [u32] {
        &self.tokens[..=self.batch * self.steps]
    }

    /// Returns window number `index` of a pass.
    ///
    /// # Panics
    ///
    /// If `index` is not below [`windows_per_pass`](Self::windows_per_pass).
    #[must_use]
    pub fn window(&self, index: usize) -> Window {
        assert!(index < self.windows_per_pass(), "window {index} of {}", self.windows_per_pass());
        let start = index * self.window;
        let end = (start + self.window).min(self.steps);
        let positions =
            (start..end).flat_map(|step| (0..self.batch).map(move |b| b * self.steps + step));
        Window {
            steps: end - start,
            inputs: positions.clone().map(|position| self.tokens[position] as usize).collect(),
            targets: positions.map(|position| self.tokens[position + 1] as usize).collect(),
        }
    }

    /// Returns the windows of one pass, in order.
    pub fn windows(&self) -> impl Iterator<Item = Window> + use<'a> {
        let batches = *self;
        (0..batches.windows_per_pass()).map(move |index| batches.window(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_run_along_parallel_streams() {
        let text: Vec<u32> = (0..12).collect();
        let batches = Batches::new(&text, 2, 3).expect("long enough"); // streams 0..5 and 5..10
        assert_eq!(batches.windows_per_pass(), 2);
        let (first, last) = (batches.window(0), batches.window(1));
        assert_eq!(first.inputs, [0, 5, 1, 6, 2, 7]);
        assert_eq!(first.targets, [1, 6, 2, 7, 3, 8]);
        assert_eq!(last.steps, 2, "the rest of the streams");
        assert_eq!(last.inputs, [3, 8, 4, 9]);
        assert_eq!(last.targets, [4, 9, 5, 10]);
        assert_eq!(batches.windows().collect::<Vec<_>>(), [first, last]);
    }

    #[test]
    fn a_pass_predicts_every_character_but_the_first_once() {
        let text: Vec<u32> = (100..200).collect();
        for (batch, window) in [(1, 1), (1, 99), (3, 7), (7, 14), (99, 1), (4, 5)] {
            let batches = Batches::new(&text, batch, window).expect("long enough");
            let mut targets: Vec<_> =
                batches.windows().flat_map(|w| w.targets).map(|token| token as u32).collect();
            targets.sort_unstable();
            assert_eq!(targets, batches.tokens()[1..], "{batch} × {window}");
            assert!(text.len() - batches.tokens().len() < batch, "{batch} × {window}");
        }
    }

    #[test]
    fn one_window_for_every_stream_is_the_least() {
        let text = [0; 33];
        assert_eq!(Batches::new(&text, 4, 8).expect("just enough").windows_per_pass(), 1);
        let error = Batches::new(&text[..32], 4, 8).expect_err("one short").to_string();
        assert_eq!(
            error,
            "too little text: 4 parallel sequences of 8 characters and the one that follows need \
             33 characters, and there are 32; give more text, or lower --batch or --window"
        );
        assert!(matches!(
            Batches::new(&[], usize::MAX, 2),
            Err(Error::TooShort { available: 0, .. })
        ));
    }

    #[test]
    fn judging_fits_itself_to_the_text() {
        let text = [0; 33];
        let sizes = |length: usize| {
            let batches = Batches::at_most(&text[..length], 4, 8).expect("two characters");
            (batches.batch(), batches.window(0).steps)
        };
        assert_eq!(sizes(33), (4, 8));
        assert_eq!(sizes(32), (3, 8));
        assert_eq!(sizes(6), (1, 5));
        assert_eq!(sizes(2), (1, 1));
        for available in [0, 1] {
            let error = Batches::at_most(&text[..available], 4, 8).expect_err("nothing to predict");
            assert!(matches!(error, Error::TooShortToJudge { available: n } if n == available));
        }
    }
}
