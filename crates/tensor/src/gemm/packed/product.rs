//! One product: the order of its blocks, and its division among threads.

use std::ops::Range;

use super::factor::{Accumulate, Factor, Strided};
use super::strip::{Strip, pack};
use super::tile::{Ahead, Band, Kernel};
use crate::cpu::parallel::for_each;
use crate::cpu::simd::LINE;
use crate::cpu::team;
use crate::memory::pool::Buffer;
use crate::scalar::Scalar;

/// Multiplications below which one thread computes the whole product.
pub(crate) const SMALL: usize = 1 << 22;

/// Elements of B below which a product of few rows runs on one thread. It takes as long as reading B, which the
/// caches hold. In panels it is then read up to twice as fast as in place.
pub(super) const SMALL_RHS: usize = 1 << 19;

/// The fewest elements of B for which a [team](team) shares a product. To begin a round takes as long as
/// reading half as many.
pub(super) const SHARED_RHS: usize = 1 << 15;

/// Rows of B in a block. Such a part of a panel has 128 KiB, and is read from the second-level
/// cache. Half as many rows are a twentieth slower, since each block reads and writes C once more.
pub(super) const BLOCK_DEPTH: usize = 1024;

/// Tiles, one below the other, that are computed with one panel before the next. Their part of A
/// fits the second-level cache.
const BLOCK_TILES: usize = 8;

/// Enough pieces that no thread waits long for another's last piece.
const PIECES: usize = 32;

/// The fewest panels in a piece of work.
const PIECE_PANELS: usize = 4;

/// The number of panels from which on packing A pays.
const REREAD: usize = 8;

/// Bytes of B that stay in the second-level cache, so that no prefetching is needed.
const RESIDENT: usize = 1 << 20;

/// With fewer rows in all tiles of a block, the next panel is not prefetched: memory is busy with the present one.
const FEWEST_ROWS_TO_PREFETCH: usize = 6;

/// Elements of the largest tile: 12 rows of two AVX-512 registers.
const LARGEST_TILE: usize = 12 * 2 * LINE / size_of::<f32>();

/// `C ← accumulate + A B` with a packed B.
pub(super) struct PackedProduct<T: 'static> {
    /// `[K, N]`
    extents: [usize; 2],
    b: Panels<T>,
    kernel: Kernel<T>,
    rows: Tiles,
    panels: usize,
    /// The number of panels without padding.
    full: usize,
    a: Strided<T>,
    /// A copy of A in the order of the tiles, if the elements of A's rows are not contiguous.
    pub(super) packed_a: Option<*const T>,
    /// The source of the only panel of B, if it is not packed yet, and the distance between the
    /// source's rows. The first tile packs the panel.
    pub(super) source: Option<(*const T, usize)>,
    /// The matrix that is packed next, to be prefetched.
    pub(super) next: Option<Strided<T>>,
    accumulate: Accumulate<T>,
    c: *mut T,
    c_stride: usize,
}

/// The panels of B.
#[derive(Clone, Copy)]
pub(super) struct Panels<T> {
    /// The first panel.
    pub(super) first: *const T,
    /// The distances from one panel to the next, and between the rows of a panel.
    pub(super) strides: [usize; 2],
    /// The last panel, if some of its columns are padding. Its rows are contiguous.
    pub(super) ragged: *const T,
}

impl<T> Panels<T> {
    /// Panels that follow one another, of a matrix of extents `[K, N]`.
    pub(super) fn packed(first: *const T, [k, n]: [usize; 2], width: usize) -> Self {
        let ragged = first.wrapping_add(n / width * k * width);
        Self { first, strides: [k * width, width], ragged }
    }
}

// SAFETY: the caller of a product on several threads guarantees that the addresses stay valid, and
// each thread writes its own elements of C.
unsafe impl<T: Sync> Sync for PackedProduct<T> {}

/// The rows of A, divided into as few tiles as possible.
#[derive(Clone, Copy)]
pub(super) struct Tiles {
    pub(super) count: usize,
    /// Rows of a tile. The first `taller` tiles have one more.
    height: usize,
    taller: usize,
}

impl Tiles {
    pub(super) fn new(rows: usize, most: usize) -> Self {
        let count = rows.div_ceil(most);
        Self { count, height: rows / count.max(1), taller: rows % count.max(1) }
    }

    /// The first row of a tile.
    pub(super) fn first(&self, tile: usize) -> usize {
        tile * self.height + tile.min(self.taller)
    }

    /// Copies tiles of a matrix, as deep as `copy` has room for.
    ///
    /// # Safety
    ///
    /// The tiles of `a` must be readable.
    pub(super) unsafe fn pack<T: Scalar>(
        &self,
        tiles: Range<usize>,
        a: Strided<T>,
        copy: &mut [T],
    ) {
        let [first, end] = [tiles.start, tiles.end].map(|tile| self.first(tile));
        let depth = copy.len() / (end - first).max(1);
        let mut rest = copy;
        let mut strips = Vec::with_capacity(tiles.len());
        for tile in tiles {
            let columns = self.first(tile)..self.first(tile + 1);
            let width = columns.len();
            let elements;
            (elements, rest) = rest.split_at_mut(width * depth);
            strips.push(Strip { columns, width, elements });
        }
        // SAFETY: the caller's contract; the strips are as deep as A is wide.
        unsafe { pack(a.transposed(), &mut strips) };
    }
}

/// Whether packing A pays: its rows are not contiguous, and enough panels read them.
pub(super) fn is_worth_packing<T>(a: &Strided<T>, panels: usize) -> bool {
    a.strides[1] != 1 && panels >= REREAD
}

impl<T: Scalar> PackedProduct<T> {
    /// A product with panels of extents `[K, N]`. The panels must outlive the product, and be
    /// writable if there is a [`source`](Self::source).
    pub(super) fn new(
        kernel: Kernel<T>,
        extents: [usize; 2],
        b: Panels<T>,
        left: Factor<T>,
    ) -> Self {
        let Factor { rows, a, accumulate, c: (c, c_stride) } = left;
        let rows = Tiles::new(rows, kernel.height());
        let full = extents[1] / kernel.width;
        let panels = extents[1].div_ceil(kernel.width);
        let (packed_a, source, next) = (None, None, None);
        Self {
            extents,
            b,
            kernel,
            rows,
            panels,
            full,
            a,
            packed_a,
            source,
            next,
            accumulate,
            c,
            c_stride,
        }
    }

    /// Like [`on_threads`](Self::on_threads), but packs A first if [that pays](is_worth_packing). B
    /// must be one block deep.
    ///
    /// # Safety
    ///
    /// As for [`PackedRhs::multiply`](super::rhs::PackedRhs::multiply).
    pub(super) unsafe fn gathered(mut self) {
        let depth = self.extents[0];
        debug_assert!(depth <= BLOCK_DEPTH);
        let mut copy; // outlives the product
        if is_worth_packing(&self.a, self.panels) {
            let len = self.rows.first(self.rows.count) * depth;
            copy = Buffer::take(len);
            let copy = &mut copy.as_mut_slice().expect("a new buffer has one owner")[..len];
            // SAFETY: the caller's contract.
            unsafe { self.rows.pack(0..self.rows.count, self.a, copy) };
            self.packed_a = Some(copy.as_ptr());
        }
        // SAFETY: the caller's contract.
        unsafe { self.on_threads() };
    }

    /// Computes the whole product, on several threads if it is large. The pieces depend on the
    /// shapes alone.
    ///
    /// # Safety
    ///
    /// As for [`PackedRhs::multiply`](super::rhs::PackedRhs::multiply).
    pub(super) unsafe fn on_threads(&self) {
        let [k, n] = self.extents;
        let share = |panels| unsafe {
            // SAFETY: the caller's contract; no two ranges of panels share an element of C.
            self.part(0..self.rows.count, panels);
        };
        if k * n >= SHARED_RHS && team::shared_out(self.panels, &share) {
            return;
        }
        if self.rows.first(self.rows.count) * k * n < SMALL && k * n < SMALL_RHS {
            // SAFETY: the caller's contract.
            return unsafe { self.whole() };
        }
        let above = self.rows.count.div_ceil(BLOCK_TILES);
        let panels = self.panels.div_ceil(PIECES.div_ceil(above)).max(PIECE_PANELS);
        let beside = self.panels.div_ceil(panels);
        for_each(above * beside, &|piece| {
            let [tile, end] = [0, 1].map(|next| (piece / beside + next) * self.rows.count / above);
            let panel = piece % beside * panels;
            // SAFETY: the caller's contract; no two pieces share an element of C.
            unsafe { self.part(tile..end, panel..self.panels.min(panel + panels)) }
        });
    }

    /// Computes the whole product on this thread.
    ///
    /// # Safety
    ///
    /// As for [`PackedRhs::multiply`](super::rhs::PackedRhs::multiply).
    pub(super) unsafe fn whole(&self) {
        // SAFETY: the caller's contract.
        unsafe { self.part(0..self.rows.count, 0..self.panels) }
    }

    /// Computes the given tiles of the given panels.
    ///
    /// # Safety
    ///
    /// As for [`PackedRhs::multiply`](super::rhs::PackedRhs::multiply).
    unsafe fn part(&self, tiles: Range<usize>, panels: Range<usize>) {
        for tile in tiles.clone().step_by(BLOCK_TILES) {
            let tiles = tile..tiles.end.min(tile + BLOCK_TILES);
            let mut k = 0;
            loop {
                let end = self.extents[0].min(k + BLOCK_DEPTH);
                // SAFETY: the caller's contract.
                unsafe { self.block(tiles.clone(), panels.clone(), k..end) };
                k = end;
                if k == self.extents[0] {
                    break; // after at least one block, which is empty if K is 0
                }
            }
        }
    }

    /// Computes a block of K of the given tiles and panels.
    ///
    /// # Safety
    ///
    /// As for [`PackedRhs::multiply`](super::rhs::PackedRhs::multiply).
    unsafe fn block(&self, tiles: Range<usize>, panels: Range<usize>, k: Range<usize>) {
        let full = panels.end.min(self.full);
        // several tiles share a panel, which all but the first find in the cache
        let together = if tiles.len() == 1 { full.saturating_sub(panels.start) } else { 1 };
        let mut panel = panels.start;
        while panel < panels.end {
            let count = if panel < full { together } else { 1 };
            for tile in tiles.clone() {
                let [row, end] = [tile, tile + 1].map(|tile| self.rows.first(tile));
                let a = match &self.packed_a {
                    Some(packed) => Strided {
                        first: packed.wrapping_add(row * k.len()),
                        strides: [1, end - row],
                    },
                    None => self.a.from(row, k.start),
                };
                let (b, b_strides) = self.panel(panel, k.start);
                let band = Band {
                    depth: k.len(),
                    a: a.first,
                    a_strides: a.strides,
                    b,
                    b_strides,
                    panels: count,
                    source: self.source.filter(|_| tile == 0),
                    ahead: self.ahead(tile, &tiles, panel, k.clone()),
                    accumulate: self
                        .accumulate
                        .block(k.start, panel * self.kernel.width)
                        .below(row),
                    c: self.c.wrapping_add(row * self.c_stride + panel * self.kernel.width),
                    c_stride: self.c_stride,
                };
                // SAFETY: the caller's contract; the band lies in the product.
                unsafe {
                    match panel < full {
                        true => self.kernel.run(end - row, &band),
                        false => self.ragged(end - row, &band),
                    }
                }
            }
            panel += count;
        }
    }

    /// The address of row `k` of a panel, and the distances between panels and between rows.
    fn panel(&self, panel: usize, k: usize) -> (*const T, [usize; 2]) {
        let Panels { first, strides, ragged } = self.b;
        if panel < self.full {
            (first.wrapping_add(panel * strides[0] + k * strides[1]), strides)
        } else {
            let width = self.kernel.width;
            (ragged.wrapping_add(k * width), [0, width])
        }
    }

    /// The memory that a tile prefetches while it is computed with a panel. It is a cache line of
    /// each row that is packed next, if any; else the tile's share of the next panel, unless B
    /// stays in the cache.
    fn ahead(
        &self,
        tile: usize,
        tiles: &Range<usize>,
        panel: usize,
        k: Range<usize>,
    ) -> Option<Ahead<T>> {
        if let Some(next) = self.next {
            // the first tile may have to pack the panel
            let tile = tile.checked_sub(usize::from(self.source.is_some()))?;
            let column = tile * LINE / size_of::<T>();
            let first = next.from(0, column).first;
            return (column < self.kernel.width).then_some(Ahead { first, step: next.strides[0] });
        }
        let [depth, columns] = self.extents;
        let rows = self.rows.first(tiles.end) - self.rows.first(tiles.start);
        if depth * columns * size_of::<T>() <= RESIDENT || rows < FEWEST_ROWS_TO_PREFETCH {
            return None;
        }
        let before = (tile - tiles.start) * k.len() * self.kernel.width / tiles.len();
        let first = self.panel(panel + 1, k.start).0.wrapping_add(before);
        Some(Ahead { first, step: self.kernel.width / tiles.len() })
    }

    /// Computes a band of the last panel, whose last columns are padding.
    ///
    /// # Safety
    ///
    /// As for [`Kernel::run`], for the columns that C has.
    unsafe fn ragged(&self, rows: usize, band: &Band<T>) {
        let width = self.extents[1] % self.kernel.width;
        let mut tile = [T::zero(); LARGEST_TILE];
        // SAFETY: the caller's contract; the tile has as many rows and columns as the band.
        unsafe {
            let c = |row: usize| band.c.add(row * band.c_stride);
            for (row, tile) in tile.chunks_exact_mut(self.kernel.width).enumerate().take(rows) {
                match band.accumulate {
                    Accumulate::Zero => {}
                    Accumulate::Rows(first, stride) => {
                        let start = first.add(row * stride);
                        start.copy_to_nonoverlapping(tile.as_mut_ptr(), width);
                    }
                    Accumulate::C => c(row).copy_to_nonoverlapping(tile.as_mut_ptr(), width),
                }
            }
            let c_stride = self.kernel.width;
            let accumulate = Accumulate::C;
            self.kernel.run(rows, &Band { accumulate, c: tile.as_mut_ptr(), c_stride, ..*band });
            for (row, tile) in tile.chunks_exact(self.kernel.width).enumerate().take(rows) {
                c(row).copy_from_nonoverlapping(tile.as_ptr(), width);
            }
        }
    }
}
