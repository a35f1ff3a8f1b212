//! The operands of a product, by address.

/// A strided matrix: element `[i, j]` is at `i · strides[0] + j · strides[1]` from `first`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Strided<T> {
    pub(crate) first: *const T,
    pub(crate) strides: [usize; 2],
}

// SAFETY: an address, which is read only in unsafe functions whose contracts make it valid.
unsafe impl<T: Sync> Sync for Strided<T> {}

impl<T: Copy> Strided<T> {
    /// The submatrix from `[i, j]` on. Computes an address without reading it.
    pub(super) fn from(self, i: usize, j: usize) -> Self {
        let offset = i * self.strides[0] + j * self.strides[1];
        Self { first: self.first.wrapping_add(offset), ..self }
    }

    pub(super) fn transposed(self) -> Self {
        let [i, j] = self.strides;
        Self { strides: [j, i], ..self }
    }
}

/// The rows that a product is added to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Accumulate<T> {
    Zero,
    /// Rows of N elements, and the distance between rows. With a distance of 0, one row is added to
    /// all: a bias.
    Rows(*const T, usize),
    /// C itself: the product is added to the elements of C.
    C,
}

impl<T> Accumulate<T> {
    /// The part for the rows of C from `row` on.
    pub(super) fn below(&self, row: usize) -> Self {
        match *self {
            Self::Rows(first, stride) => Self::Rows(first.wrapping_add(row * stride), stride),
            Self::Zero => Self::Zero,
            Self::C => Self::C,
        }
    }

    /// The part for the block of B that starts at this row and column.
    pub(super) fn block(&self, row: usize, column: usize) -> Self {
        match *self {
            _ if row > 0 => Self::C,
            Self::Rows(first, stride) => Self::Rows(first.wrapping_add(column), stride),
            Self::Zero => Self::Zero,
            Self::C => Self::C,
        }
    }
}

/// The left operand of a product, the rows to which the product is added, and its destination.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Factor<T> {
    pub(crate) rows: usize,
    pub(crate) a: Strided<T>,
    pub(crate) accumulate: Accumulate<T>,
    /// The address of C and the distance between its rows. The elements of a row are contiguous.
    pub(crate) c: (*mut T, usize),
}

// SAFETY: addresses, which are used only in unsafe functions whose contracts make them valid, and give each thread its
// own elements of C.
unsafe impl<T: Send + Sync> Sync for Factor<T> {}

impl<T: Copy> Factor<T> {
    /// The factor for the block of B that starts at this row and column.
    pub(super) fn block(&self, row: usize, column: usize) -> Self {
        let c = (self.c.0.wrapping_add(column), self.c.1);
        Self { a: self.a.from(0, row), accumulate: self.accumulate.block(row, column), c, ..*self }
    }
}
