//! The copy memory problem.

use rand::{Rng, RngExt};

use crate::batch::{Batch, Symbols};

/// The copy memory problem (Hochreiter and Schmidhuber 1997; in this form Arjovsky, Shah and Bengio 2016): symbols are
/// shown, a long wait follows, and at a cue they are asked for.
///
/// ```text
/// inputs    a b c - - - … - ? - - -      n symbols, blanks, the cue as the last of lag steps, n blanks
/// targets   - - - - - - … - - a b c      n + lag blanks, n symbols
/// ```
///
/// The blank is symbol [`BLANK`](Self::BLANK), and the cue is the last symbol, `kinds + 1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CopyMemory {
    lag: usize,
    length: usize,
    kinds: usize,
}

impl CopyMemory {
    /// The symbol of the wait.
    pub const BLANK: usize = 0;

    /// Creates the problem with 10 symbols of 8 kinds, as in the paper, and a wait of `lag` steps.
    ///
    /// # Panics
    ///
    /// If `lag` is 0, where the cue has no place.
    #[track_caller]
    #[must_use]
    pub fn new(lag: usize) -> Self {
        assert!(lag > 0, "a wait has at least one step, that of the cue");
        Self { lag, length: 10, kinds: 8 }
    }

    /// Sets the number of symbols to remember.
    #[must_use]
    pub fn length(self, length: usize) -> Self {
        Self { length, ..self }
    }

    /// Sets the number of kinds of symbols.
    ///
    /// # Panics
    ///
    /// If `kinds` is 0.
    #[track_caller]
    #[must_use]
    pub fn kinds(self, kinds: usize) -> Self {
        assert!(kinds > 0, "there is at least one kind of symbol");
        Self { kinds, ..self }
    }

    /// Returns the number of steps, `lag + 2 n`.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.lag + 2 * self.length
    }

    /// Returns the number of input symbols: the kinds, the blank and the cue. Targets are all of these but the cue.
    #[must_use]
    pub fn alphabet(&self) -> usize {
        self.kinds + 2
    }

    /// Draws inputs and the targets `[T, B]`.
    #[must_use]
    pub fn batch(&self, rng: &mut impl Rng, batch: usize) -> Batch<Symbols, Vec<usize>> {
        let count = self.length * batch;
        let shown: Vec<usize> = (0..count).map(|_| rng.random_range(1..=self.kinds)).collect();
        let mut symbols = vec![Self::BLANK; self.steps() * batch];
        let mut targets = symbols.clone();
        symbols[..count].copy_from_slice(&shown);
        let cue = (self.length + self.lag - 1) * batch;
        symbols[cue..cue + batch].fill(self.kinds + 1);
        let asked = targets.len() - count;
        targets[asked..].copy_from_slice(&shown);
        Batch { inputs: Symbols { symbols, lengths: vec![self.steps(); batch] }, targets }
    }

    /// Returns the cross-entropy per step of a model that knows when, but has forgotten what:
    /// `n ln kinds / (lag + 2 n)`. It is the baseline of the paper. A model without any memory does not know when either, and
    /// has a larger one.
    #[must_use]
    pub fn memoryless_loss(&self) -> f64 {
        self.length as f64 * (self.kinds as f64).ln() / self.steps() as f64
    }
}
