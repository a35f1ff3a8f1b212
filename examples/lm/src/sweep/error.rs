//! Errors of a search.

/// Why settings cannot be searched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SweepError {
    /// A setting is searched twice.
    #[error("`{0}` is searched twice: give all of its values at once")]
    Repeated(String),
    /// Two trials would have the same settings.
    #[error("two trials have the settings {0}: leave one value out")]
    Same(String),
}
