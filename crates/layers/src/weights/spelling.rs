//! How frameworks spell names.

/// How a framework spells the paths of tensors.
#[derive(Debug)]
pub(super) struct Spelling {
    pub(super) separator: &'static str,
    /// The part of a name that distinguishes tensors.
    pub(super) essence: fn(&str) -> String,
}

impl Spelling {
    /// The parts of a name, innermost first.
    pub(super) fn path(&self, path: &[String]) -> String {
        let path: Vec<_> = path.iter().rev().map(String::as_str).collect();
        path.join(self.separator)
    }
}
