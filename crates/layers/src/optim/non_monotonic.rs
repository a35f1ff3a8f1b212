use std::collections::VecDeque;
use std::fmt;
use std::num::ParseFloatError;
use std::str::FromStr;

use bptt_tensor::Scalar;

use crate::weights::archive::Archive;
use crate::weights::error::WeightsError;

/// The non-monotonic criterion of NT-ASGD (Merity, Keskar and Socher 2018), which tells when to begin to
/// [average](crate::WeightAverage) the weights.
///
/// ```text
/// triggered:  loss_t > min(loss_0 … loss_(t − n − 1))
/// ```
///
/// The criterion is triggered by the first loss above the minimum of all earlier losses but the last `n`. It then stays
/// triggered. The losses are those on validation data, and `n` is the *interval*. The paper has `n = 5`.
///
/// ```
/// use bptt_layers::NonMonotonic;
///
/// let mut criterion = NonMonotonic::new(2);
/// let triggered = [3.0, 2.0, 2.5, 2.6, 2.1].map(|loss| criterion.observe(loss));
/// assert_eq!(triggered, [false, false, false, false, true]); // 2.1 > min(3.0, 2.0)
/// ```
#[derive(Clone, Debug)]
pub struct NonMonotonic {
    interval: usize,
    memory: Memory,
}

#[derive(Clone, Debug, PartialEq)]
struct Memory {
    triggered: bool,
    /// The lowest of the losses before the recent ones.
    best: f64,
    /// The last losses, at most as many as the interval, the oldest first.
    recent: VecDeque<f64>,
}

impl NonMonotonic {
    /// Creates a criterion with the interval `n`.
    #[must_use]
    pub fn new(interval: usize) -> Self {
        let memory = Memory { triggered: false, best: f64::INFINITY, recent: VecDeque::new() };
        Self { interval, memory }
    }

    /// Observes a loss, and returns whether the criterion is triggered, now or before. A NaN does not trigger it.
    pub fn observe(&mut self, loss: f64) -> bool {
        let Memory { triggered, best, recent } = &mut self.memory;
        *triggered |= loss > *best;
        recent.push_back(loss);
        if recent.len() > self.interval {
            let oldest = recent.pop_front().expect("a loss was observed");
            *best = best.min(oldest);
        }
        *triggered
    }

    /// Returns whether the criterion is triggered.
    #[must_use]
    pub fn is_triggered(&self) -> bool {
        self.memory.triggered
    }

    /// Returns the state, which is the memory of the losses without the interval.
    #[must_use]
    pub fn state<T: Scalar>(&self) -> Archive<T> {
        let Memory { triggered, best, recent } = &self.memory;
        let mut state = Archive::new();
        state.set_text("triggered", triggered);
        state.set_text("best", best);
        state.set_text("recent", Losses(recent.clone()));
        state
    }

    /// Replaces the state by one that [`state`](Self::state) returned.
    ///
    /// # Errors
    ///
    /// If it is not the state of a criterion with this interval. The criterion then stays as it was.
    pub fn restore<T: Scalar>(&mut self, state: &Archive<T>) -> Result<(), WeightsError> {
        let is_short = |losses: &Losses| losses.0.len() <= self.interval;
        let Losses(recent) = state.parse_if("recent", is_short)?;
        let memory = Memory {
            triggered: state.parse("triggered")?,
            best: state.parse_if("best", |best: &f64| !best.is_nan())?,
            recent,
        };
        state.expect_tensors(|_| false)?;
        let own = self.state::<T>();
        state.expect_texts(|name| own.has_text(name))?;
        self.memory = memory;
        Ok(())
    }
}

/// Losses as text, with spaces between them.
struct Losses(VecDeque<f64>);

impl fmt::Display for Losses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&texts.join(" "))
    }
}

impl FromStr for Losses {
    type Err = ParseFloatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split_whitespace().map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}
