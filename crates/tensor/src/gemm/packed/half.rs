//! A matrix in half precision as the right operand of products of few rows.
//!
//! Such a product takes as long as reading the matrix, which has half of the bytes. Its arithmetic is that of `T`:
//! elements are converted in registers.

use std::ops::Range;

use super::factor::{Accumulate, Factor};
use super::product::{BLOCK_DEPTH, LARGEST_TILE, SHARED_RHS, SMALL_RHS};
use crate::cpu::parallel::for_each;
use crate::cpu::registers::{Registers, Vector};
use crate::cpu::simd::{InstructionSet, LINE};
use crate::cpu::team;
use crate::half::HalfPrecision::F16;
use crate::scalar::Scalar;

/// Panels of a matrix `[K, N]`, packed as binary16 numbers.
#[derive(Clone)]
pub(super) struct HalfPanels {
    set: InstructionSet,
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

/// Vectors in a row of a panel.
const VECTORS: usize = 4;

/// Partial sums of each element, which take the terms in turn.
const PARTS: usize = 2;

/// Panels in a piece of work for the thread pool.
const PIECE: usize = 4;

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

impl HalfPanels {
    /// Rounds the elements of a matrix, by row and column. Returns `None` if one is not finite in half precision.
    pub(super) fn new<T: Scalar>(
        set: InstructionSet,
        [k, n]: [usize; 2],
        element: impl Fn(usize, usize) -> T,
    ) -> Option<Self> {
        let width = VECTORS * lanes::<T>(set);
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
        Some(Self { set, extents: [k, n], width, lines })
    }

    fn panels(&self) -> usize {
        self.extents[1].div_ceil(self.width)
    }

    /// `C ← accumulate + A B` on this thread.
    ///
    /// # Safety
    ///
    /// As for [`PackedRhs::multiply`](super::rhs::PackedRhs::multiply).
    pub(super) unsafe fn multiply<T: Scalar>(&self, left: &Factor<T>) {
        // SAFETY: the caller's contract.
        unsafe { self.part(left, 0..self.panels()) }
    }

    /// Like [`multiply`](Self::multiply), on several threads if the matrix is large.
    ///
    /// # Safety
    ///
    /// As for [`multiply`](Self::multiply).
    pub(super) unsafe fn multiply_on_threads<T: Scalar>(&self, left: &Factor<T>) {
        let (panels, elements) = (self.panels(), self.extents[0] * self.extents[1]);
        let left = Shared(left);
        // SAFETY: the caller's contract; no two ranges of panels share an element of C.
        let share = |panels| unsafe { self.part(left.get(), panels) };
        if elements >= SHARED_RHS && team::shared_out(panels, &share) {
            return;
        }
        if elements < SMALL_RHS {
            return share(0..panels);
        }
        for_each(panels.div_ceil(PIECE), &|piece| {
            share(piece * PIECE..panels.min((piece + 1) * PIECE));
        });
    }

    /// Multiplies by the given panels, row by row of A.
    ///
    /// # Safety
    ///
    /// As for [`multiply`](Self::multiply).
    unsafe fn part<T: Scalar>(&self, left: &Factor<T>, panels: Range<usize>) {
        let kernel = kernel::<T>(self.set);
        for panel in panels {
            for row in 0..left.rows {
                // SAFETY: the caller's contract.
                unsafe { self.strand(left, kernel, panel, row) };
            }
        }
    }

    /// Computes a row of C by a panel.
    ///
    /// # Safety
    ///
    /// As for [`multiply`](Self::multiply). The kernel is that of the instruction set.
    unsafe fn strand<T: Scalar>(
        &self,
        left: &Factor<T>,
        kernel: unsafe fn(&Strand<T>),
        panel: usize,
        row: usize,
    ) {
        let ([k, n], width) = (self.extents, self.width);
        let column = panel * width;
        let count = width.min(n - column);
        let mut sums = [T::zero(); LARGEST_TILE];
        // SAFETY: the caller's contract; the panel has `count` columns of C, and sums for all of its columns.
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
                let b = self.lines.as_ptr().cast::<u16>().add((panel * k + start) * width);
                kernel(&Strand {
                    depth: BLOCK_DEPTH.min(k - start),
                    a: left.a.from(row, start).first,
                    a_stride: left.a.strides[1],
                    b,
                    sums: sums.as_mut_ptr(),
                });
            }
            c.copy_from_nonoverlapping(sums.as_ptr(), count);
        }
    }
}

/// A left operand that threads share.
struct Shared<'a, T>(&'a Factor<T>);

// SAFETY: the caller of a product on several threads guarantees that the addresses stay valid, and each thread writes
// its own elements of C.
unsafe impl<T: Sync> Sync for Shared<'_, T> {}

impl<T> Shared<'_, T> {
    fn get(&self) -> &Factor<T> {
        self.0
    }
}

/// The elements of a register.
fn lanes<T: Registers>(set: InstructionSet) -> usize {
    match set {
        #[cfg(target_arch = "x86_64")]
        InstructionSet::Avx512 => T::Avx512::LANES,
        #[cfg(target_arch = "x86_64")]
        InstructionSet::Avx2 => T::Avx2::LANES,
        InstructionSet::Portable => T::Portable::LANES,
    }
}

/// The function that adds a strand's terms to its sums.
fn kernel<T: Registers>(set: InstructionSet) -> unsafe fn(&Strand<T>) {
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
unsafe fn avx512<T: Registers>(strand: &Strand<T>) {
    // SAFETY: the caller's contract.
    unsafe { add_terms::<T::Avx512>(strand) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn avx2<T: Registers>(strand: &Strand<T>) {
    // SAFETY: the caller's contract.
    unsafe { add_terms::<T::Avx2>(strand) }
}

unsafe fn portable<T: Registers>(strand: &Strand<T>) {
    // SAFETY: the caller's contract.
    unsafe { add_terms::<T::Portable>(strand) }
}

/// Adds the terms of a strand to its sums, as a tile of one row of matrices in full precision does.
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
