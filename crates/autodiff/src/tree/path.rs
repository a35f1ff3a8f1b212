//! Paths within trees of variables.

use std::fmt;

/// The path to a part of a [`Tree`](crate::Tree), for messages: `state.c`, `state.0` or `state[1]`.
///
/// It is a list of segments on the stack, which costs nothing unless it is printed.
#[derive(Clone, Copy, Debug)]
pub struct LeafPath<'a> {
    parent: Option<&'a LeafPath<'a>>,
    segment: Segment<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Segment<'a> {
    Root(&'a str),
    Field(&'a str),
    Index(usize),
}

impl<'a> LeafPath<'a> {
    /// The path of a whole tree.
    #[must_use]
    pub fn root(name: &'a str) -> Self {
        Self { parent: None, segment: Segment::Root(name) }
    }

    /// The path of a field: `.name`.
    #[must_use]
    pub fn field(&'a self, name: &'a str) -> Self {
        Self { parent: Some(self), segment: Segment::Field(name) }
    }

    /// The path of an element of a list: `[index]`.
    #[must_use]
    pub fn index(&'a self, index: usize) -> Self {
        Self { parent: Some(self), segment: Segment::Index(index) }
    }
}

impl fmt::Display for LeafPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
        }
        match self.segment {
            Segment::Root(name) => f.write_str(name),
            Segment::Field(name) => write!(f, ".{name}"),
            Segment::Index(index) => write!(f, "[{index}]"),
        }
    }
}
