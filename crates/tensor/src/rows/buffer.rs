//! Buffers, and the columns of them that instructions read and write.

/// How long a buffer holds a value, and so which axes it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lifetime {
    /// Every step of the sequence: `[T, B, W]`.
    Sequence,
    /// Every step of the segment being run: `[S, B, W]`.
    Segment,
    /// The rows that a thread computes at a time, before or after the loop: `[P, W]`.
    Piece,
    /// The few rows that fused phases compute at a time, for themselves alone: `[R, W]`.
    Block,
    /// The few columns of these that a [`Phase`] computes at a time, for itself alone.
    Chunk,
    /// A row for each piece of the stage after the loop, of sums over the piece's rows.
    Partial,
    /// A step and the one before it: `[2, B, W]`.
    Pair,
    /// One step: `[B, W]`.
    Step,
    /// One row, which all rows share: `[W]`.
    Row,
    /// No rows: a sum over all of them, of any shape with `W` elements.
    Total,
}

/// Who provides a buffer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Role {
    /// The caller, filled.
    Input,
    /// The caller, to be filled.
    Output,
    /// The program itself.
    Internal,
    /// The program: a constant, in one column of lifetime [`Lifetime::Row`].
    Constant(f64),
}

/// A place for values: `W` elements for each row that its lifetime has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Buffer {
    /// How long it holds a value.
    pub lifetime: Lifetime,
    /// The number of elements of a row.
    pub width: usize,
    /// Who provides it.
    pub role: Role,
}

/// Columns of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct View {
    /// The buffer's index in the program.
    pub buffer: usize,
    /// The first column.
    pub column: usize,
    /// The number of columns.
    pub width: usize,
    /// Read from a neighbouring step rather than this one.
    pub delay: Option<Delay>,
}

impl View {
    /// Whether the two have an element in common: a column of the same step.
    pub(super) fn overlaps(self, other: Self) -> bool {
        self.buffer == other.buffer
            && self.delay == other.delay
            && self.column < other.column.saturating_add(other.width)
            && other.column < self.column.saturating_add(self.width)
    }
}

/// A neighbouring step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Delay {
    /// The step that is run after this one, rather than before it: what a reverse pass reads of the
    /// forward pass's state before the step.
    pub ahead: bool,
    /// The buffer that stands in where there is no such step.
    pub edge: usize,
}
