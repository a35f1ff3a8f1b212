//! The operands of a product, as addresses.

/// Elements at an address: `[i, j]` is at `i · strides[0] + j · strides[1]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Strided<T> {
    pub(crate) first: *const T,
    pub(crate) strides: [usize; 2],
}

// SAFETY: an address, which is read only within contracts that make it valid.
unsafe impl<T: Sync> Sync for Strided<T> {}

impl<T: Copy> Strided<T> {
    /// The elements from `[i, j]` on. Computes an address without reading it.
    pub(super) fn from(self, i: usize, j: usize) -> Self {
        let offset = i * self.strides[0] + j * self.strides[1];
        Self { first: self.first.wrapping_add(offset), ..self }
    }

    pub(super) fn transposed(self) -> Self {
        let [i, j] = self.strides;
        Self { strides: [j, i], ..self }
    }
}

/// What the sums of a product start from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Start<T> {
    Zero,
    /// Rows of N elements at a distance. A distance of 0 gives every row the same start.
    Rows(*const T, usize),
    /// C itself.
    Accumulate,
}

impl<T> Start<T> {
    /// What the rows from `row` on start from.
    pub(super) fn below(&self, row: usize) -> Self {
        match *self {
            Self::Rows(start, stride) => Self::Rows(start.wrapping_add(row * stride), stride),
            Self::Zero => Self::Zero,
            Self::Accumulate => Self::Accumulate,
        }
    }

    /// What a block of B starts from.
    pub(super) fn block(&self, row: usize, column: usize) -> Self {
        match *self {
            _ if row > 0 => Self::Accumulate,
            Self::Rows(start, stride) => Self::Rows(start.wrapping_add(column), stride),
            Self::Zero => Self::Zero,
            Self::Accumulate => Self::Accumulate,
        }
    }
}

/// The left operand of a product, and where the product goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Factor<T> {
    pub(crate) rows: usize,
    pub(crate) a: Strided<T>,
    pub(crate) start: Start<T>,
    /// The address of C, and the distance of its rows, which are contiguous.
    pub(crate) c: (*mut T, usize),
}

impl<T: Copy> Factor<T> {
    /// The factor of the block of B that starts at this row and column.
    pub(super) fn block(&self, row: usize, column: usize) -> Self {
        let c = (self.c.0.wrapping_add(column), self.c.1);
        Self { a: self.a.from(0, row), start: self.start.block(row, column), c, ..*self }
    }
}
