//! Windows of parallel streams, for truncated back-propagation through time.

use super::error::TextError;
use super::tokens::Tokens;

/// Tokens cut into `B` contiguous streams of equal length `L`, read in windows of any length.
///
/// ```text
/// stream 0   t₀        t₁        …  t_{L-1}   | t_L
/// stream 1   t_L       t_{L+1}   …  t_{2L-1}  | t_{2L}
///            └─ window(0, T) ─┘└ window(T, …) ┘
/// ```
///
/// A window that starts where another ended continues every stream. A state carried from window to window has therefore
/// read its stream from the start, and must be reset before a window at 0. One pass predicts every token but the first
/// exactly once; fewer than `B` tokens are left over at the end.
#[derive(Clone, Debug)]
pub struct Streams {
    tokens: Tokens,
    batch: usize,
    steps: usize,
}

/// A window: consecutive tokens of every stream, time-major.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// The number of steps, `T`.
    pub steps: usize,
    /// The tokens that the model reads, `[T, B]`.
    pub inputs: Vec<usize>,
    /// The token that follows each, `[T, B]`.
    pub targets: Vec<usize>,
}

impl Streams {
    /// Cuts `tokens` into `batch` streams of at least `window` steps.
    ///
    /// # Errors
    ///
    /// If a stream would be shorter than `window` steps and the token that follows.
    ///
    /// # Panics
    ///
    /// If `batch` or `window` is zero.
    pub fn new(tokens: &Tokens, batch: usize, window: usize) -> Result<Self, TextError> {
        assert!(batch > 0 && window > 0, "a batch of {batch} and a window of {window}");
        let steps = tokens.len().saturating_sub(1) / batch;
        if steps < window {
            let needed = batch.saturating_mul(window).saturating_add(1);
            return Err(TextError::TooShort { available: tokens.len(), needed, batch, window });
        }
        Ok(Self { tokens: tokens.clone(), batch, steps })
    }

    /// Cuts `tokens` like [`new`](Self::new), but into fewer or shorter streams if there are few tokens. It is for the
    /// measurement of a loss, where the sizes only matter for speed.
    ///
    /// # Errors
    ///
    /// If there are fewer than two tokens.
    ///
    /// # Panics
    ///
    /// If `batch` or `window` is zero.
    pub fn at_most(tokens: &Tokens, batch: usize, window: usize) -> Result<Self, TextError> {
        if tokens.len() < 2 {
            return Err(TextError::TooShortToJudge { available: tokens.len() });
        }
        let predictable = tokens.len() - 1;
        let window = window.min(predictable);
        Self::new(tokens, batch.min(predictable / window), window)
    }

    /// Returns the number of parallel streams, `B`.
    #[must_use]
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// Returns the steps in one pass, `L`, the same for every stream.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Returns the number of tokens that one pass reads or predicts. All but the first are targets.
    #[must_use]
    pub fn covered(&self) -> usize {
        self.batch * self.steps + 1
    }

    /// Returns the window of `steps` steps that begins at step `start` of the pass.
    ///
    /// # Panics
    ///
    /// If the window does not end within the pass.
    #[must_use]
    pub fn window(&self, start: usize, steps: usize) -> Window {
        let end = start.checked_add(steps).filter(|&end| end <= self.steps);
        let end = end.unwrap_or_else(|| {
            panic!("a window of {steps} steps at {start} in streams of {} steps", self.steps)
        });
        let positions =
            (start..end).flat_map(|step| (0..self.batch).map(move |b| b * self.steps + step));
        Window {
            steps,
            inputs: positions.clone().map(|position| self.tokens.get(position) as usize).collect(),
            targets: positions.map(|position| self.tokens.get(position + 1) as usize).collect(),
        }
    }

    /// Returns the windows of one pass, in order, each of `window` steps. The last may be shorter.
    ///
    /// # Panics
    ///
    /// If `window` is zero.
    pub fn windows(&self, window: usize) -> impl Iterator<Item = Window> + '_ {
        let starts = (0..self.steps).step_by(window);
        starts.map(move |start| self.window(start, window.min(self.steps - start)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counting(len: u32) -> Tokens {
        Tokens::from((0..len).collect::<Vec<_>>())
    }

    #[test]
    fn windows_run_along_parallel_streams() {
        let streams = Streams::new(&counting(12), 2, 3).expect("long enough"); // streams 0..5 and 5..10
        assert_eq!((streams.batch(), streams.steps(), streams.covered()), (2, 5, 11));
        let windows: Vec<_> = streams.windows(3).collect();
        assert_eq!(windows, [streams.window(0, 3), streams.window(3, 2)]);
        assert_eq!(windows[0].inputs, [0, 5, 1, 6, 2, 7]);
        assert_eq!(windows[0].targets, [1, 6, 2, 7, 3, 8]);
        assert_eq!(windows[1].steps, 2, "the rest of the streams");
        assert_eq!(windows[1].inputs, [3, 8, 4, 9]);
        assert_eq!(windows[1].targets, [4, 9, 5, 10]);
    }

    #[test]
    fn one_window_for_every_stream_is_the_least() {
        assert_eq!(Streams::new(&counting(33), 4, 8).expect("just enough").steps(), 8);
        let error = Streams::new(&counting(32), 4, 8).expect_err("one short").to_string();
        assert_eq!(
            error,
            "too little text: 4 parallel streams of 8 tokens and the one that follows need 33 tokens, \
             and there are 32; give more text, or lower --batch-size or --window"
        );
        assert!(matches!(
            Streams::new(&counting(0), usize::MAX, 2),
            Err(TextError::TooShort { available: 0, .. })
        ));
    }

    #[test]
    fn judging_fits_itself_to_the_text() {
        let sizes = |length| {
            let streams = Streams::at_most(&counting(length), 4, 8).expect("two tokens");
            (streams.batch(), streams.steps())
        };
        assert_eq!(sizes(33), (4, 8));
        assert_eq!(sizes(32), (3, 10));
        assert_eq!(sizes(6), (1, 5));
        assert_eq!(sizes(2), (1, 1));
        for length in [0, 1] {
            let error = Streams::at_most(&counting(length), 4, 8).expect_err("nothing to predict");
            assert!(
                matches!(error, TextError::TooShortToJudge { available } if available == length as usize)
            );
        }
    }

    #[test]
    #[should_panic(expected = "a window of 3 steps at 3 in streams of 5 steps")]
    fn a_window_behind_the_pass_is_refused() {
        let _ = Streams::new(&counting(12), 2, 3).expect("long enough").window(3, 3);
    }

    proptest::proptest! {
        #[test]
        fn a_pass_predicts_every_token_but_the_first_once(len in 2_u32..200, batch in 1_usize..9, cuts in proptest::collection::vec(1_usize..20, 1..9)) {
            let tokens = counting(len);
            let Ok(streams) = Streams::new(&tokens, batch, 1) else { return Ok(()) };
            let (mut start, mut targets, mut cuts) = (0, Vec::new(), cuts.iter().cycle());
            while start < streams.steps() {
                let steps = *cuts.next().expect("endless");
                let steps = steps.min(streams.steps() - start);
                let window = streams.window(start, steps);
                proptest::prop_assert!(window.inputs.iter().zip(&window.targets).all(|(i, t)| i + 1 == *t));
                targets.extend(window.targets);
                start += steps;
            }
            targets.sort_unstable();
            proptest::prop_assert!(targets.into_iter().eq(1..streams.covered()));
            proptest::prop_assert!(tokens.len() - streams.covered() < batch);
        }
    }
}
