//! Buffers, and views of their columns, which instructions read and write.

/// The lifetime of a buffer's values, which determines its axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lifetime {
    /// Every step of the sequence: `[T, B, W]`.
    Sequence,
    /// Every step of the segment being run: `[S, B, W]`.
    Segment,
    /// A piece: the rows that a thread computes together, before or after the loop: `[P, W]`.
    Piece,
    /// A block, the few rows that fused phases compute together: `[R, W]`. Only these phases read
    /// it.
    Block,
    /// A chunk, the few columns of a block that a [phase](super::Phase) computes together. Only
    /// this phase reads it.
    Chunk,
    /// Partial sums: one row for each piece of the stage after the loop, which holds the sum over
    /// the piece's rows.
    Partial,
    /// A step and the one before it: `[2, B, W]`.
    Pair,
    /// One step: `[B, W]`.
    Step,
    /// One row, shared by all rows: `[W]`.
    Row,
    /// A sum over all rows, of any shape with `W` elements.
    Total,
}

/// The provider of a buffer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Role {
    /// The caller, who fills it before the run.
    Input,
    /// The caller; the program fills it.
    Output,
    /// The program itself.
    Internal,
    /// A constant of the program, in one column of lifetime [`Lifetime::Row`].
    Constant(f64),
}

/// Memory for values: `W` elements for each row of its lifetime.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Buffer {
    /// The lifetime of its values.
    pub lifetime: Lifetime,
    /// The number of elements of a row.
    pub width: usize,
    /// The provider.
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
    /// The neighbouring step to read from, in place of this one.
    pub delay: Option<Delay>,
}

impl View {
    /// Whether the two views share an element: a column of the same step.
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
    /// Whether the neighbour is the step that runs after this one, rather than before it. A reverse
    /// pass reads the forward pass's previous state this way.
    pub ahead: bool,
    /// The buffer that is read at the first or last step, which has no such neighbour.
    pub edge: usize,
}
