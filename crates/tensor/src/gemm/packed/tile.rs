//! The innermost loops: tiles of C that are held in registers.

use super::factor::Accumulate;
use crate::cpu::registers::{Registers, Vector};
use crate::cpu::simd::{InstructionSet, LINE, prefetch};

/// A few rows of C, computed with one or more whole panels of B: the work of one call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Band<T> {
    /// The extent of the sum.
    pub(super) depth: usize,
    /// The first row of A.
    pub(super) a: *const T,
    /// The distances between A's rows and between its columns.
    pub(super) a_strides: [usize; 2],
    /// The first panel.
    pub(super) b: *const T,
    /// The distances from one panel to the next, and between the rows of a panel.
    pub(super) b_strides: [usize; 2],
    pub(super) panels: usize,
    /// The source of a single panel that is packed while it is multiplied, and the distance between
    /// the source's rows.
    pub(super) source: Option<(*const T, usize)>,
    pub(super) ahead: Option<Ahead<T>>,
    pub(super) accumulate: Accumulate<T>,
    pub(super) c: *mut T,
    /// The distance between C's rows.
    pub(super) c_stride: usize,
}

impl<T> Band<T> {
    /// Whether the panels are read in place, in rows that are longer than a panel.
    #[inline(always)]
    fn is_in_place<V: Vector>(&self) -> bool {
        self.b_strides[1] > WIDTH * V::LANES
    }
}

/// Cache lines that a band prefetches for later bands, one for each term of the sum. Bands of fewer than
/// [`AHEAD_ROWS`] rows have no loop that prefetches.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ahead<T> {
    /// The first address, during the first panel. During the next, it is one panel further.
    pub(super) first: *const T,
    /// The distance between the addresses of successive terms.
    pub(super) step: usize,
}

/// The kernels of one instruction set.
pub(super) struct Kernel<T: 'static> {
    /// The columns of a panel.
    pub(super) width: usize,
    /// Functions for bands of one row, of two, and so on.
    bands: &'static [unsafe fn(&Band<T>)],
}

impl<T> Clone for Kernel<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Kernel<T> {}

impl<T: Registers> Kernel<T> {
    /// The kernels of an instruction set, with as many rows as its registers allow. The sums take
    /// 24 of 32, 12 of 16 and 8 of 16 registers.
    pub(super) fn of(set: InstructionSet) -> Self {
        match set {
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Avx512 => Self {
                width: WIDTH * T::Avx512::LANES,
                bands: &[
                    avx512::<T, 1>,
                    avx512::<T, 2>,
                    avx512::<T, 3>,
                    avx512::<T, 4>,
                    avx512::<T, 5>,
                    avx512::<T, 6>,
                    avx512::<T, 7>,
                    avx512::<T, 8>,
                    avx512::<T, 9>,
                    avx512::<T, 10>,
                    avx512::<T, 11>,
                    avx512::<T, 12>,
                ],
            },
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Avx2 => Self {
                width: WIDTH * T::Avx2::LANES,
                bands: &[
                    avx2::<T, 1>,
                    avx2::<T, 2>,
                    avx2::<T, 3>,
                    avx2::<T, 4>,
                    avx2::<T, 5>,
                    avx2::<T, 6>,
                ],
            },
            InstructionSet::Portable => Self {
                width: WIDTH * T::Portable::LANES,
                bands: &[portable::<T, 1>, portable::<T, 2>, portable::<T, 3>, portable::<T, 4>],
            },
        }
    }

    /// The most rows of a band.
    pub(super) fn height(&self) -> usize {
        self.bands.len()
    }

    /// Computes a band of `rows` rows.
    ///
    /// # Safety
    ///
    /// The processor must support the kernel's instruction set. A, the panels, the rows to
    /// accumulate and C must be readable, and C writable, at the band's extents and strides. A
    /// source must be readable and its panel writable, and no other thread may use that panel.
    pub(super) unsafe fn run(&self, rows: usize, band: &Band<T>) {
        // SAFETY: the caller's contract.
        unsafe { self.bands[rows - 1](band) }
    }
}

/// Vectors in a row of a panel.
pub(super) const WIDTH: usize = 2;

/// Rows of a source, or of panels in place, that are prefetched in advance. They lie too far apart for
/// the hardware prefetcher.
const ROWS_AHEAD: usize = 16;

/// The most rows of a product that reads its panels in place. Such a product takes as long as memory takes.
pub(super) const IN_PLACE_ROWS: usize = 3;

/// The fewest rows of a band that prefetches. With AVX2, 32 rows are bands of five and six.
const AHEAD_ROWS: usize = 4;

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,fma")]
unsafe fn avx512<T: Registers, const ROWS: usize>(band: &Band<T>) {
    // SAFETY: the caller's contract.
    unsafe { tiles::<T::Avx512, ROWS>(band) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2<T: Registers, const ROWS: usize>(band: &Band<T>) {
    // SAFETY: the caller's contract.
    unsafe { tiles::<T::Avx2, ROWS>(band) }
}

unsafe fn portable<T: Registers, const ROWS: usize>(band: &Band<T>) {
    // SAFETY: the caller's contract.
    unsafe { tiles::<T::Portable, ROWS>(band) }
}

/// Computes all tiles of a band. An addition takes four cycles, in which the processor can begin
/// seven others. So a band of few rows takes two panels at once, and a single row also has two
/// partial sums for each element. With panels in place and the 32 registers of AVX-512, a single row
/// takes four at once, since memory is read faster in longer runs.
#[inline(always)]
unsafe fn tiles<V: Vector, const ROWS: usize>(band: &Band<V::Element>) {
    let has_many_registers = size_of::<V>() == LINE;
    let quads = if ROWS == 1 && has_many_registers && band.is_in_place::<V>() {
        band.panels / 4 * 4
    } else {
        0
    };
    let pairs = if ROWS <= 3 { band.panels / 2 * 2 } else { 0 };
    // SAFETY: the caller's contract; the panels are the band's.
    unsafe {
        for panel in (0..quads).step_by(4) {
            tile::<V, ROWS, { 4 * WIDTH }, 2>(band, panel);
        }
        for panel in (quads..pairs).step_by(2) {
            match ROWS {
                1 => tile::<V, ROWS, { 2 * WIDTH }, 2>(band, panel),
                _ => tile::<V, ROWS, { 2 * WIDTH }, 1>(band, panel),
            }
        }
        for panel in pairs..band.panels {
            match ROWS {
                1 => tile::<V, ROWS, WIDTH, 2>(band, panel),
                _ => tile::<V, ROWS, WIDTH, 1>(band, panel),
            }
        }
    }
}

/// Computes one tile of `ROWS` rows by `VECTORS` vectors, which fill up to four panels. Each sum is
/// divided into `PARTS` partial sums, which take the terms in turn.
#[expect(clippy::needless_range_loop, reason = "constant extents, to be unrolled")]
#[inline(always)]
unsafe fn tile<V: Vector, const ROWS: usize, const VECTORS: usize, const PARTS: usize>(
    band: &Band<V::Element>,
    panel: usize,
) {
    let &Band { depth, a, a_strides, b_strides: [b_stride, b_row], c_stride, .. } = band;
    let column = panel * WIDTH * V::LANES;
    // SAFETY: the caller's contract; `VECTORS` vectors lie in the panel and those after it.
    unsafe {
        let b = band.b.add(panel * b_stride);
        let c = band.c.add(column);
        let mut sums = [[[V::splat(num_traits::zero()); VECTORS]; ROWS]; PARTS];
        for row in 0..ROWS {
            for v in 0..VECTORS {
                let lane = v * V::LANES;
                match band.accumulate {
                    Accumulate::Zero => {}
                    Accumulate::Rows(first, stride) => {
                        sums[0][row][v] = V::load(first.add(row * stride + column + lane));
                    }
                    Accumulate::C => sums[0][row][v] = V::load(c.add(row * c_stride + lane)),
                }
            }
        }
        let (mut a, mut b) = (a, b);
        let mut depth = depth;
        if let Some((mut source, distance)) = band.source {
            for _ in 0..depth / PARTS {
                for sums in &mut sums {
                    copy_row::<V>(source, distance, b);
                    add_term(sums, a, a_strides[0], b, b_stride);
                    source = source.wrapping_add(distance);
                    (a, b) = (a.wrapping_add(a_strides[1]), b.wrapping_add(b_row));
                }
            }
            depth %= PARTS;
            if depth > 0 {
                // with two parts, one term may be left, which is added below without prefetching
                copy_row::<V>(source, distance, b);
            }
        }
        if let Some(Ahead { first, step }) = band.ahead
            && ROWS >= AHEAD_ROWS
        {
            let mut line = first.wrapping_add(panel * b_stride);
            for _ in 0..depth {
                prefetch(line);
                line = line.wrapping_add(step);
                add_term(&mut sums[0], a, a_strides[0], b, b_stride);
                (a, b) = (a.wrapping_add(a_strides[1]), b.wrapping_add(b_row));
            }
            depth = 0;
        }
        if ROWS <= IN_PLACE_ROWS && band.is_in_place::<V>() {
            for _ in 0..depth / PARTS {
                for sums in &mut sums {
                    let ahead = b.wrapping_add(ROWS_AHEAD * b_row);
                    for v in 0..VECTORS {
                        prefetch(ahead.wrapping_add(v / WIDTH * b_stride + v % WIDTH * V::LANES));
                    }
                    add_term(sums, a, a_strides[0], b, b_stride);
                    (a, b) = (a.wrapping_add(a_strides[1]), b.wrapping_add(b_row));
                }
            }
            depth %= PARTS;
        }
        for _ in 0..depth / PARTS {
            for sums in &mut sums {
                add_term(sums, a, a_strides[0], b, b_stride);
                (a, b) = (a.wrapping_add(a_strides[1]), b.wrapping_add(b_row));
            }
        }
        for _ in 0..depth % PARTS {
            add_term(&mut sums[0], a, a_strides[0], b, b_stride);
            (a, b) = (a.wrapping_add(a_strides[1]), b.wrapping_add(b_row));
        }
        for row in 0..ROWS {
            for v in 0..VECTORS {
                let mut sum = sums[0][row][v];
                for part in 1..PARTS {
                    sum = sum.add(sums[part][row][v]);
                }
                sum.store(c.add(row * c_stride + v * V::LANES));
            }
        }
    }
}

/// Copies a row of the source into the panel. The caller reads it next.
#[inline(always)]
unsafe fn copy_row<V: Vector>(source: *const V::Element, distance: usize, to: *const V::Element) {
    for v in 0..WIDTH {
        let source = source.wrapping_add(v * V::LANES);
        prefetch(source.wrapping_add(ROWS_AHEAD * distance));
        // SAFETY: the caller's contract.
        unsafe { V::load(source).store(to.add(v * V::LANES).cast_mut()) };
    }
}

/// Adds one term to all sums of a tile: an element of each row of `a` times one row of the panels.
#[expect(clippy::needless_range_loop, reason = "constant extents, to be unrolled")]
#[inline(always)]
unsafe fn add_term<V: Vector, const ROWS: usize, const VECTORS: usize>(
    sums: &mut [[V; VECTORS]; ROWS],
    a: *const V::Element,
    a_stride: usize,
    b: *const V::Element,
    b_stride: usize,
) {
    // SAFETY: the caller's contract.
    unsafe {
        let mut terms = [V::splat(num_traits::zero()); VECTORS];
        for v in 0..VECTORS {
            terms[v] = V::load(b.add(v / WIDTH * b_stride + v % WIDTH * V::LANES));
        }
        for row in 0..ROWS {
            let x = V::splat(*a.add(row * a_stride));
            for v in 0..VECTORS {
                sums[row][v] = x.mul_add(terms[v], sums[row][v]);
            }
        }
    }
}
