//! The names that an archive has, for messages.

use std::fmt;

/// Names in an archive, for the message about a missing name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Present {
    /// The most similar to the missing name, at most eight.
    pub nearest: Vec<String>,
    /// The number of all names.
    pub count: usize,
}

/// The number of names that a message lists.
const LISTED: usize = 8;

impl Present {
    /// Names that differ only by a prefix come first, then those in which the fewest characters differ.
    pub(super) fn near<'a>(wanted: &str, names: impl IntoIterator<Item = &'a String>) -> Self {
        let mut names: Vec<_> = (names.into_iter())
            .map(|name| {
                let moved = name.ends_with(wanted) || wanted.ends_with(name.as_str());
                (!moved, strsim::levenshtein(wanted, name), name)
            })
            .collect();
        let count = names.len();
        names.sort_unstable();
        names.truncate(LISTED);
        Self { nearest: names.into_iter().map(|(_, _, name)| name.clone()).collect(), count }
    }
}

impl fmt::Display for Present {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nearest.is_empty() {
            return f.write_str("it has none at all");
        }
        write!(f, "nearest of {}: `{}`", self.count, self.nearest.join("`, `"))
    }
}
