//! Errors of the baselines.

/// A baseline that cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BaselineError {
    /// The order of an n-gram model is 0.
    #[error("an n-gram has at least one token; choose an order from 1, such as 5")]
    OrderZero,
    /// The text is too long to be counted in 32 bits.
    #[error(
        "{tokens} tokens are too many for an n-gram model, which counts fewer than 2³²; count a part of the text"
    )]
    TooLong {
        /// Length of the text.
        tokens: usize,
    },
}
