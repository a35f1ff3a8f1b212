//! Fused functions of single elements.
//!
//! A sequence of functions runs over blocks that fit the first-level cache, one function after the
//! other. What passes from one to the next lies in a register, which is a block of its own, and
//! never meets memory.

use super::View;
use super::address::{Address, Clock};
use crate::Scalar;
use crate::function::{Binary, BinaryLoop, Unary, UnaryLoop};
use crate::simd::{Math, vectorize_math};

/// A fused sequence of functions of single elements.
#[derive(Clone, Debug)]
pub struct Pointwise {
    /// The number of columns that it is computed for.
    pub width: usize,
    /// The views that it reads and writes, with this width, or one column read for all.
    pub arrays: Vec<View>,
    /// What it computes.
    pub code: Vec<Code>,
    /// The number of registers in use.
    pub registers: usize,
}

/// One function of a [`Pointwise`] sequence. A target is none of its own sources.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Code {
    /// `y ← f(x)`
    Unary(Unary, Source, Target),
    /// `y ← f(a, b)`
    Binary(Binary, [Source; 2], Target),
    /// `y ← c ≠ 0 ? a : b`
    Select([Source; 3], Target),
}

impl Code {
    fn target(&self) -> Target {
        match *self {
            Self::Unary(_, _, y) | Self::Binary(_, _, y) | Self::Select(_, y) => y,
        }
    }

    fn sources(&self) -> &[Source] {
        match self {
            Self::Unary(_, x, _) => std::slice::from_ref(x),
            Self::Binary(_, x, _) => x,
            Self::Select(x, _) => x,
        }
    }
}

/// What a function reads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Source {
    /// What an earlier function left in a register.
    Register(usize),
    /// A view.
    Array(usize),
    /// A number.
    Literal(f64),
}

/// Where a function writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A register.
    Register(usize),
    /// A view.
    Array(usize),
}

/// Elements of a block.
const BLOCK: usize = 1024;

/// Columns of a block of several rows.
const COLUMNS: usize = 512;

/// What a thread needs to run such sequences, reused from one to the next.
#[derive(Debug)]
pub(super) struct Workspace<T> {
    registers: Vec<T>,
    arrays: Vec<(*mut T, usize)>,
}

impl<T: Scalar> Workspace<T> {
    /// Room for so many registers.
    pub(super) fn new(registers: usize) -> Self {
        Self {
            registers: vec![T::zero(); registers.checked_mul(BLOCK).expect("registers fit memory")],
            arrays: Vec::new(),
        }
    }
}

/// The rows of an operand within a block.
#[derive(Clone, Copy)]
enum Rows<T> {
    /// Rows at a distance.
    Runs(*mut T, usize),
    /// For each row one element, at a distance.
    Column(*mut T, usize),
    Literal(T),
}

/// A block: its number of rows and columns.
#[derive(Clone, Copy)]
struct Extent {
    rows: usize,
    columns: usize,
}

/// An operand of a row.
#[derive(Clone, Copy)]
enum Run<'a, T> {
    Slice(&'a [T]),
    Repeat(T),
}

impl<T: Scalar> Rows<T> {
    /// # Safety
    ///
    /// The row's elements may be read, and nobody writes them meanwhile.
    #[inline(always)]
    unsafe fn row<'a>(self, row: usize, columns: usize) -> Run<'a, T> {
        match self {
            Self::Runs(start, distance) => {
                // SAFETY: the caller's contract.
                Run::Slice(unsafe {
                    std::slice::from_raw_parts(start.wrapping_add(row * distance), columns)
                })
            }
            Self::Column(start, distance) => {
                // SAFETY: the caller's contract.
                Run::Repeat(unsafe { *start.wrapping_add(row * distance) })
            }
            Self::Literal(value) => Run::Repeat(value),
        }
    }
}

impl Pointwise {
    /// Calls `visit(view, is_written)` for each use of a view.
    ///
    /// # Panics
    ///
    /// If an index or a width does not fit, or a function writes what it reads.
    pub(super) fn check(&self, visit: impl Fn(View, bool)) {
        for code in &self.code {
            let target = match code.target() {
                Target::Register(register) => {
                    assert!(register < self.registers);
                    None
                }
                Target::Array(array) => {
                    assert_eq!(self.arrays[array].width, self.width);
                    visit(self.arrays[array], true);
                    Some(self.arrays[array])
                }
            };
            for source in code.sources() {
                match *source {
                    Source::Register(register) => {
                        assert!(register < self.registers);
                        assert!(code.target() != Target::Register(register), "{code:?}");
                    }
                    Source::Array(array) => {
                        let view = self.arrays[array];
                        assert!([1, self.width].contains(&view.width));
                        assert!(target.is_none_or(|target| !target.overlaps(view)), "{code:?}");
                        visit(view, false);
                    }
                    Source::Literal(_) => {}
                }
            }
        }
    }

    /// The views that are written.
    pub(super) fn written(&self) -> impl Iterator<Item = View> {
        self.code.iter().filter_map(|code| match code.target() {
            Target::Array(array) => Some(self.arrays[array]),
            Target::Register(_) => None,
        })
    }

    /// Runs the functions on `rows` rows from row `first`.
    ///
    /// # Safety
    ///
    /// The addresses, one for each array, hold `rows` rows of the array's width from `first` on, which
    /// may be read, and written where the code does, while nobody else uses them. The workspace has as
    /// many registers as the code.
    pub(super) unsafe fn run<T: Scalar>(
        &self,
        addresses: &[Address<T>],
        clock: Clock,
        first: usize,
        rows: usize,
        workspace: &mut Workspace<T>,
    ) {
        let Workspace { registers, arrays } = workspace;
        let mut together = true;
        arrays.clear();
        for (address, view) in addresses.iter().zip(&self.arrays) {
            let array = address.at(clock, first);
            together &= view.width == self.width && array.1 == self.width;
            arrays.push(array);
        }
        let arrays = &arrays[..];
        // rows without gaps are one long row
        let whole = if together {
            Extent { rows: 1, columns: rows * self.width }
        } else {
            Extent { rows, columns: self.width }
        };
        let columns = whole.columns.min(if together { BLOCK } else { COLUMNS });
        if columns == 0 {
            return;
        }
        let group = BLOCK / columns;
        let registers = registers.as_mut_ptr();
        vectorize_math(
            #[inline(always)]
            move |math| {
                for row in (0..whole.rows).step_by(group) {
                    for column in (0..whole.columns).step_by(columns) {
                        let extent = Extent {
                            rows: group.min(whole.rows - row),
                            columns: columns.min(whole.columns - column),
                        };
                        let block = Block { math, arrays, registers, extent, row, column };
                        for code in &self.code {
                            // SAFETY: the caller's contract; the block lies within the rows.
                            unsafe { block.run(self, code) };
                        }
                    }
                }
            },
        );
    }
}

/// One block in the making.
struct Block<'a, T> {
    math: Math,
    arrays: &'a [(*mut T, usize)],
    registers: *mut T,
    extent: Extent,
    row: usize,
    column: usize,
}

impl<T: Scalar> Block<'_, T> {
    /// # Safety
    ///
    /// As for [`Pointwise::run`].
    #[inline(always)]
    unsafe fn run(&self, program: &Pointwise, code: &Code) {
        let extent = self.extent;
        match *code {
            Code::Unary(f, x, y) => {
                let (x, y) = (self.source(program, x), self.target(y));
                f.run(self.math, Map { x, y, extent });
            }
            Code::Binary(f, sources, y) => {
                let ([a, b], y) = (sources.map(|x| self.source(program, x)), self.target(y));
                f.run(Zip { a, b, y, extent });
            }
            Code::Select(sources, y) => {
                let (sources, (y, distance)) =
                    (sources.map(|x| self.source(program, x)), self.target(y));
                for row in 0..extent.rows {
                    // SAFETY: the caller's contract; a target is none of its sources.
                    unsafe {
                        let [c, a, b] = sources.map(|x| x.row(row, extent.columns));
                        select(c, a, b, row_mut(y, row * distance, extent.columns));
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn source(&self, program: &Pointwise, source: Source) -> Rows<T> {
        match source {
            Source::Register(register) => {
                Rows::Runs(self.registers.wrapping_add(register * BLOCK), self.extent.columns)
            }
            Source::Array(array) => {
                let (start, distance) = self.arrays[array];
                let start = start.wrapping_add(self.row * distance);
                if program.arrays[array].width == program.width {
                    Rows::Runs(start.wrapping_add(self.column), distance)
                } else {
                    Rows::Column(start, distance)
                }
            }
            Source::Literal(value) => Rows::Literal(T::of(value)),
        }
    }

    #[inline(always)]
    fn target(&self, target: Target) -> (*mut T, usize) {
        match target {
            Target::Register(register) => {
                (self.registers.wrapping_add(register * BLOCK), self.extent.columns)
            }
            Target::Array(array) => {
                let (start, distance) = self.arrays[array];
                (start.wrapping_add(self.row * distance + self.column), distance)
            }
        }
    }
}

struct Map<T> {
    x: Rows<T>,
    y: (*mut T, usize),
    extent: Extent,
}

impl<T: Scalar> UnaryLoop<T> for Map<T> {
    #[inline(always)]
    fn run(self, f: impl Fn(T) -> T) {
        for row in 0..self.extent.rows {
            // SAFETY: only `Block::run` makes one, from addresses under its contract.
            let (x, y) = unsafe {
                (
                    self.x.row(row, self.extent.columns),
                    row_mut(self.y.0, row * self.y.1, self.extent.columns),
                )
            };
            match x {
                Run::Slice(x) => {
                    for (y, &x) in y.iter_mut().zip(x) {
                        *y = f(x);
                    }
                }
                Run::Repeat(x) => y.fill(f(x)),
            }
        }
    }
}

struct Zip<T> {
    a: Rows<T>,
    b: Rows<T>,
    y: (*mut T, usize),
    extent: Extent,
}

impl<T: Scalar> BinaryLoop<T> for Zip<T> {
    type Output = ();

    #[inline(always)]
    fn run(self, f: impl Fn(T, T) -> T + Copy + Sync) {
        for row in 0..self.extent.rows {
            // SAFETY: only `Block::run` makes one, from addresses under its contract.
            let (a, b, y) = unsafe {
                (
                    self.a.row(row, self.extent.columns),
                    self.b.row(row, self.extent.columns),
                    row_mut(self.y.0, row * self.y.1, self.extent.columns),
                )
            };
            match (a, b) {
                (Run::Slice(a), Run::Slice(b)) => {
                    for ((y, &a), &b) in y.iter_mut().zip(a).zip(b) {
                        *y = f(a, b);
                    }
                }
                (Run::Slice(a), Run::Repeat(b)) => {
                    for (y, &a) in y.iter_mut().zip(a) {
                        *y = f(a, b);
                    }
                }
                (Run::Repeat(a), Run::Slice(b)) => {
                    for (y, &b) in y.iter_mut().zip(b) {
                        *y = f(a, b);
                    }
                }
                (Run::Repeat(a), Run::Repeat(b)) => y.fill(f(a, b)),
            }
        }
    }
}

#[inline(always)]
fn select<T: Scalar>(c: Run<'_, T>, a: Run<'_, T>, b: Run<'_, T>, y: &mut [T]) {
    let at = |run: Run<'_, T>, i: usize| match run {
        Run::Slice(x) => x[i],
        Run::Repeat(x) => x,
    };
    for (i, y) in y.iter_mut().enumerate() {
        *y = if at(c, i) == T::zero() { at(b, i) } else { at(a, i) };
    }
}

/// # Safety
///
/// The elements may be written, and nobody else uses them meanwhile.
#[inline(always)]
unsafe fn row_mut<'a, T>(start: *mut T, offset: usize, columns: usize) -> &'a mut [T] {
    // SAFETY: the caller's contract.
    unsafe { std::slice::from_raw_parts_mut(start.wrapping_add(offset), columns) }
}
