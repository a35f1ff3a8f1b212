//! What names there are, beside those that are wanted.

use std::fmt;

/// The names of what an archive has, where one is wanted that it does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Present {
    /// The nearest to the one that is wanted, at most eight.
    pub nearest: Vec<String>,
    /// How many there are.
    pub count: usize,
}

/// So many names are listed.
const LISTED: usize = 8;

impl Present {
    /// Names that are longer or shorter by a path come first, then those in which fewest characters differ.
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
        write!(f, "of {} that it has, the nearest: `{}`", self.count, self.nearest.join("`, `"))
    }
}

/// What did not match when a model took what it could from an archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "what was not loaded is as it was before"]
#[non_exhaustive]
pub struct Unmatched {
    /// What the model needs and the archive does not have, by its name in the archive. A parameter of which
    /// something is missing stays as it was.
    pub missing: Vec<String>,
    /// What the archive has and the model does not.
    pub left_over: Vec<String>,
}
