//! Errors of comparisons.

use super::budget::BudgetTooSmall;
use crate::model::CellChoice;

/// Why cells cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ComparisonError {
    /// A cell has more parameters than allowed at its smallest size.
    #[error("--parameters, for --cells {cell}: {source}")]
    Budget {
        /// The cell.
        cell: CellChoice,
        /// What does not fit.
        source: BudgetTooSmall,
    },
    /// The number of parameters does not depend on the hidden size.
    #[error(
        "with --tied, the highest layer has --embedding-size units, so that no --hidden-size makes one layer as large as another: give two --layers"
    )]
    FixedSize,
    /// A cell or a seed is given twice.
    #[error("--{flag} has {value} twice: leave one out")]
    Repeated {
        /// The flag.
        flag: &'static str,
        /// Its value.
        value: String,
    },
}
