//! A matrix in half precision as the right operand of products.
//!
//! A product of few rows takes as long as reading the matrix, which has half of the bytes of an `f32` matrix. Elements are
//! converted in registers. For many rows, each panel is converted once, just before use. The arithmetic is that of `T`.

use std::ops::Range;

use super::factor::{Accumulate, Factor};
use super::product::{BLOCK_DEPTH, PackedProduct, Panels, SHARED_RHS, SMALL, SMALL_RHS};
use super::tile::{IN_PLACE_ROWS, Kernel, WIDTH};
use crate::cpu::parallel::for_each;
use crate::cpu::registers::{Registers, Vector};
use crate::cpu::simd::{InstructionSet, LINE};
use crate::cpu::team;
use crate::half::HalfPrecision::F16;
use crate::scalar::Scalar;

/// Panels of a matrix `[K, N]`, packed as binary16 numbers.
#[derive(Clone)]
pub(super) struct HalfPanels<T> {
    set: InstructionSet,
    /// Runs a task with the vectors of the instruction set.
    run: unsafe fn(Task<'_, T>),
    /// `[K, N]`
    extents: [usize; 2],
    /// Columns of a panel.
    width: usize,
    /// `[panels, K, width]`. Columns beyond N are zero.
    lines: Vec<Line>,
}

const PATTERNS: usize = LINE / size_of::<u16>();

/// A cache line of numbers.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u16; PATTERNS]);

/// Vectors in a row of a panel, which is as wide as two panels in full precision.
const VECTORS: usize = 2 * WIDTH;

/// Columns of the widest panel: of AVX-512 registers of `f32`.
const WIDEST: usize = VECTORS * LINE / size_of::<f32>();

/// Partial sums of each element of C, which take the terms in turn.
const PARTS: usize = 2;

/// Rows of a panel that are converted at a time. They stay in the second-level cache. Fewer rows at a time would read and
/// write C more often.
const CONVERTED_DEPTH: usize = 256;

/// Panels in a piece of work for the thread pool.
const PIECE: usize = 4;

/// A task for vectors.
enum Task<'a, T> {
    /// Adds the terms of a strand to its sums.
    AddTerms(&'a Strand<T>),
    /// Converts rows of a panel `[rows, width]` into two panels `[2, rows, width / 2]`.
    Convert(*const u16, &'a mut [T]),
}

/// One row of C by one panel.
struct Strand<T> {
    depth: usize,
    /// The elements of A, and their distance.
    a: *const T,
    a_stride: usize,
    b: *const u16,
    /// The sums, as wide as the panel.
    sums: *mut T,
}

impl<T: Scalar> HalfPanels<T> {
    /// Rounds a matrix, whose elements `element` returns by row and column. Returns `None` if one of them is not finite in
    /// half precision.
    pub(super) fn new(
        set: InstructionSet,
        [k, n]: [usize; 2],
        element: impl Fn(usize, usize) -> T,
    ) -> Option<Self> {
        let width = 2 * Kernel::<T>::of(set).width;
        let len = n.div_ceil(width) * k * width;
        let mut lines = vec![Line([0; PATTERNS]); len.div_ceil(PATTERNS)];
        for row in 0..k {
            for column in 0..n {
                let element = element(row, column).as_f64();
                let pattern = F16.encode(element).filter(|_| element.is_finite())?;
                let place = (column / width * k + row) * width + column % width;
                lines[place / PATTERNS].0[place % PATTERNS] = pattern;
            }
        }
        Some(Self { set, run: runner(set), extents: [k, n], width, lines })
    }

    fn panels(&self) -> usize {
        self.extents[1].div_ceil(self.width)
    }

    /// `C ← accumulate + A B` on this thread.
    ///
    /// # Safety
    ///
    /// As for [`PackedRhs::multiply`](super::rhs::PackedRhs::multiply).
    pub(super) unsafe fn multiply(&self, left: &Factor<T>) {
        // SAFETY: the caller's contract.
        unsafe { self.part(left, 0..self.panels()) }
    }

    /// Like [`multiply`](Self::multiply), on several threads if the product is large.
    ///
    /// # Safety
    ///
    /// As for [`multiply`](Self::multiply).
    pub(super) unsafe fn multiply_on_threads(&self, left: &Factor<T>) {
        let (panels, elements) = (self.panels(), self.extents[0] * self.extents[1]);
        // SAFETY: the caller's contract; no two ranges of panels share an element of C.
        let share = |panels| unsafe { self.part(left, panels) };
        if elements >= SHARED_RHS && team::shared_out(panels, &share) {
            return;
        }
        if left.rows * elements < SMALL && elements < SMALL_RHS {
            return share(0..panels);
        }
        for_each(panels.div_ceil(PIECE), &|piece| {
            share(piece * PIECE..panels.min((piece + 1) * PIECE));
        });
    }

    /// Multiplies all rows of A by the given panels.
    ///
    /// # Safety
    ///
    /// As for [`multiply`](Self::multiply).
    unsafe fn part(&self, left: &Factor<T>, panels: Range<usize>) {
        // SAFETY: the caller's contract.
        unsafe {
            if left.rows > IN_PLACE_ROWS {
                return self.converted(left, panels);
            }
            for panel in panels {
                for row in 0..left.rows {
                    self.strand(left, panel, row);
                }
            }
        }
    }

    /// Multiplies all rows of A by the given panels, which are converted first, a few rows at a time.
    ///
    /// # Safety
    ///
    /// As for [`multiply`](Self::multiply).
    unsafe fn converted(&self, left: &Factor<T>, panels: Range<usize>) {
        let ([k, n], width, kernel) = (self.extents, self.width, Kernel::of(self.set));
        let mut converted = [T::zero(); CONVERTED_DEPTH * WIDEST];
        for panel in panels {
            let column = panel * width;
            for start in (0..k.max(1)).step_by(CONVERTED_DEPTH) {
                let extents @ [depth, _] = [CONVERTED_DEPTH.min(k - start), width.min(n - column)];
                let converted = &mut converted[..depth * width];
                // SAFETY: the caller's contract; the block lies in the panel, and its columns in C.
                unsafe {
                    (self.run)(Task::Convert(self.row(panel, start), converted));
                    let panels = Panels::packed(converted.as_ptr(), extents, kernel.width);
                    PackedProduct::new(kernel, extents, panels, left.block(start, column)).whole();
                }
            }
        }
    }

    /// Returns the address of row `k` of a panel.
    fn row(&self, panel: usize, k: usize) -> *const u16 {
        let place = (panel * self.extents[0] + k) * self.width;
        self.lines.as_ptr().cast::<u16>().wrapping_add(place)
    }

    /// Multiplies a row of A by a panel.
    ///
    /// # Safety
    ///
    /// As for [`multiply`](Self::multiply).
    unsafe fn strand(&self, left: &Factor<T>, panel: usize, row: usize) {
        let ([k, n], width) = (self.extents, self.width);
        let column = panel * width;
        let count = width.min(n - column);
        let mut sums = [T::zero(); WIDEST];
        // SAFETY: the caller's contract; the panel has `count` columns of C, and there are sums for its whole width.
        unsafe {
            let c = left.c.0.add(row * left.c.1 + column);
            match left.accumulate {
                Accumulate::Zero => {}
                Accumulate::Rows(first, stride) => {
                    let first = first.add(row * stride + column);
                    first.copy_to_nonoverlapping(sums.as_mut_ptr(), count);
                }
                Accumulate::C => c.copy_to_nonoverlapping(sums.as_mut_ptr(), count),
            }
            for start in (0..k).step_by(BLOCK_DEPTH) {
                (self.run)(Task::AddTerms(&Strand {
                    depth: BLOCK_DEPTH.min(k - start),
                    a: left.a.from(row, start).first,
                    a_stride: left.a.strides[1],
                    b: self.row(panel, start),
                    sums: sums.as_mut_ptr(),
                }));
            }
            c.copy_from_nonoverlapping(sums.as_ptr(), count);
        }
    }
}

/// Returns the function that runs a task with the vectors of an instruction set.
fn runner<T: Registers>(set: InstructionSet) -> unsafe fn(Task<'_, T>) {
    match set {
        #[cfg(target_arch = "x86_64")]
        InstructionSet::Avx512 => avx512::<T>,
        #[cfg(target_arch = "x86_64")]
        InstructionSet::Avx2 => avx2::<T>,
        InstructionSet::Portable => portable::<T>,
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,fma,f16c")]
unsafe fn avx512<T: Registers>(task: Task<'_, T>) {
    // SAFETY: the caller's contract.
    unsafe { run::<T::Avx512>(task) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn avx2<T: Registers>(task: Task<'_, T>) {
    // SAFETY: the caller's contract.
    unsafe { run::<T::Avx2>(task) }
}

unsafe fn portable<T: Registers>(task: Task<'_, T>) {
    // SAFETY: the caller's contract.
    unsafe { run::<T::Portable>(task) }
}

/// Runs a task with vectors of this type.
///
/// # Safety
///
/// As for [`add_terms`] and [`convert`].
#[inline(always)]
unsafe fn run<V: Vector>(task: Task<'_, V::Element>) {
    // SAFETY: the caller's contract.
    unsafe {
        match task {
            Task::AddTerms(strand) => add_terms::<V>(strand),
            Task::Convert(from, to) => convert::<V>(from, to),
        }
    }
}

/// Converts rows of a panel `[rows, width]` into two panels `[2, rows, width / 2]`.
///
/// # Safety
///
/// The processor must support the instruction set of `V`. There must be as many finite numbers as `to` has elements.
#[inline(always)]
unsafe fn convert<V: Vector>(mut from: *const u16, to: &mut [V::Element]) {
    let width = WIDTH * V::LANES;
    let (first, second) = to.split_at_mut(to.len() / 2);
    for (first, second) in first.chunks_exact_mut(width).zip(second.chunks_exact_mut(width)) {
        for row in [first, second] {
            for to in row.chunks_exact_mut(V::LANES) {
                // SAFETY: the caller's contract; the chunk is as long as the vector.
                unsafe { V::load_half(from).store(to.as_mut_ptr()) };
                from = from.wrapping_add(V::LANES);
            }
        }
    }
}

/// Adds the terms of a strand to its sums. The order of additions is that of a tile of one row in full precision.
///
/// # Safety
///
/// The processor must support the instruction set of `V`. The operands must be readable, and the sums writable, at the
/// strand's extents.
#[inline(always)]
unsafe fn add_terms<V: Vector>(strand: &Strand<V::Element>) {
    let &Strand { depth, mut a, a_stride, mut b, sums: to } = strand;
    // SAFETY: the caller's contract.
    unsafe {
        let mut sums = [[V::splat(num_traits::zero()); VECTORS]; PARTS];
        for (v, sum) in sums[0].iter_mut().enumerate() {
            *sum = V::load(to.add(v * V::LANES));
        }
        for _ in 0..depth / PARTS {
            for sums in &mut sums {
                add_term(sums, a, b);
                (a, b) = (a.wrapping_add(a_stride), b.wrapping_add(VECTORS * V::LANES));
            }
        }
        if depth % PARTS == 1 {
            add_term(&mut sums[0], a, b);
        }
        let [even, odd] = sums;
        for (v, (even, odd)) in even.into_iter().zip(odd).enumerate() {
            even.add(odd).store(to.add(v * V::LANES));
        }
    }
}

/// Adds one term to all sums: an element of A times a row of the panel.
#[inline(always)]
unsafe fn add_term<V: Vector>(sums: &mut [V; VECTORS], a: *const V::Element, b: *const u16) {
    // SAFETY: the caller's contract.
    unsafe {
        let x = V::splat(*a);
        for (v, sum) in sums.iter_mut().enumerate() {
            *sum = x.mul_add(V::load_half(b.add(v * V::LANES)), *sum);
        }
    }
}
