//! Products that pack both operands part by part, just before use.

use std::ops::Range;

use super::factor::{Factor, Strided};
use super::product::{BLOCK_DEPTH, PackedProduct, Panels, SMALL, Tiles, is_worth_packing};
use super::strip::{Strip, pack};
use super::tile::Kernel;
use crate::cpu::pieces::Pieces;
use crate::cpu::simd::InstructionSet;
use crate::memory::pool::Buffer;
use crate::scalar::Scalar;

/// `C ← accumulate + A B` for several A of few rows. A block of all of them stays in the cache
/// while panels of B pass through it.
pub(super) struct Streamed<'a, T: 'static> {
    pub(super) set: InstructionSet,
    /// `[K, N]`
    pub(super) extents: [usize; 2],
    /// Rows of a block of B, at most [`BLOCK_DEPTH`].
    pub(super) depth: usize,
    pub(super) lefts: &'a [Factor<T>],
    pub(super) b: Strided<T>,
}

/// Tiles of A in one piece of packing.
const PART: usize = 4;

/// The pieces of work. Each block of B has the parts of A to be packed, and then the panels.
struct Work<'a, T: 'static> {
    product: &'a Streamed<'a, T>,
    kernel: Kernel<T>,
    panels: usize,
    /// For each A, its first row among all packed rows; `None` if it is read in place.
    firsts: Vec<Option<usize>>,
    /// Parts to be packed: the index of an A, and its tiles.
    parts: Vec<(usize, Range<usize>)>,
    /// The packed rows: one copy for even blocks, one for odd blocks.
    copies: [*mut T; 2],
}

// SAFETY: the caller of `multiply` guarantees that the addresses stay valid; the order of the
// pieces gives each thread its own elements of the copies and of C.
unsafe impl<T: Sync> Sync for Work<'_, T> {}

impl<T: Scalar> Streamed<'_, T> {
    /// Computes all products, on several threads if they are large.
    ///
    /// # Safety
    ///
    /// B, every A and all rows to accumulate must be readable, and every C readable and writable,
    /// at these extents. A C must overlap none of them, nor another C.
    pub(super) unsafe fn multiply(&self) {
        let [k, n] = self.extents;
        let rows: usize = self.lefts.iter().map(|left| left.rows).sum();
        let threads = if rows * k * n < SMALL { 1 } else { rayon::current_num_threads() };
        // SAFETY: the caller's contract.
        unsafe { self.on(threads) }
    }

    /// Like [`multiply`](Self::multiply), on this thread.
    ///
    /// # Safety
    ///
    /// As for [`multiply`](Self::multiply).
    pub(super) unsafe fn on_this_thread(&self) {
        // SAFETY: the caller's contract.
        unsafe { self.on(1) }
    }

    /// Computes all products on this many threads.
    ///
    /// # Safety
    ///
    /// As for [`multiply`](Self::multiply).
    unsafe fn on(&self, threads: usize) {
        debug_assert!(self.depth <= BLOCK_DEPTH, "a block is multiplied at once");
        let [k, n] = self.extents;
        let kernel = Kernel::<T>::of(self.set);
        let panels = n.div_ceil(kernel.width);
        let (mut firsts, mut parts, mut rows) = (Vec::new(), Vec::new(), 0);
        for (index, left) in self.lefts.iter().enumerate() {
            let is_packed = is_worth_packing(&left.a, panels);
            firsts.push(is_packed.then_some(rows));
            if is_packed {
                rows += left.rows;
                let tiles = Tiles::new(left.rows, kernel.height()).count;
                let part = |first| (index, first..tiles.min(first + PART));
                parts.extend((0..tiles).step_by(PART).map(part));
            }
        }
        let len = rows * self.depth.min(k);
        let mut copies = [len, if k > self.depth { len } else { 0 }].map(Buffer::take);
        let addresses = copies
            .each_mut()
            .map(|copy| copy.as_mut_slice().expect("a new buffer has one owner").as_mut_ptr());
        let work = Work { product: self, kernel, panels, firsts, parts, copies: addresses };
        let count = work.blocks() * work.pieces_of_block();
        // SAFETY: the caller's contract.
        let piece = |pieces: &Pieces<'_>, piece: usize| unsafe { work.piece(pieces, piece) };
        Pieces::run(count, threads, |thread| work.of_thread(thread, threads), &piece);
    }
}

impl<T: Scalar> Work<'_, T> {
    fn blocks(&self) -> usize {
        self.product.extents[0].div_ceil(self.product.depth).max(1)
    }

    fn pieces_of_block(&self) -> usize {
        self.parts.len() + self.panels
    }

    /// The rows of a block of B.
    fn block(&self, block: usize) -> Range<usize> {
        let Streamed { extents: [k, _], depth, .. } = *self.product;
        block * depth..k.min((block + 1) * depth)
    }

    /// The pieces that a thread begins with. They are the same in each block, so that the thread
    /// finds their part of C in its cache.
    fn of_thread(&self, thread: usize, threads: usize) -> impl Iterator<Item = usize> {
        let share = move |len: usize| thread * len / threads..(thread + 1) * len / threads;
        let [parts, panels] = [self.parts.len(), self.panels];
        (0..self.blocks()).flat_map(move |block| {
            let first = block * (parts + panels);
            share(parts).chain(share(panels).map(move |i| parts + i)).map(move |i| first + i)
        })
    }

    /// Runs one piece: packs a part of A, or multiplies with a panel of B.
    ///
    /// # Safety
    ///
    /// As for [`Streamed::multiply`].
    unsafe fn piece(&self, pieces: &Pieces<'_>, piece: usize) {
        let in_block = self.pieces_of_block();
        let parts = self.parts.len();
        let (block, place) = (piece / in_block, piece % in_block);
        let first = block * in_block;
        if place < parts {
            if block >= 2 {
                // these pieces read the copy that this part overwrites
                (parts..in_block).for_each(|i| pieces.need(first - 2 * in_block + i));
            }
            // SAFETY: the caller's contract; no two parts share an element of a copy.
            unsafe { self.pack(block, &self.parts[place]) };
        } else {
            (0..parts).for_each(|i| pieces.need(first + i));
            if block > 0 {
                pieces.need(piece - in_block); // it adds to the same columns of C
            }
            // SAFETY: the caller's contract; the parts of A are packed; no two panels share an element of C.
            unsafe { self.panel(block, place - parts) };
        }
    }

    /// The address of the packed rows of an A.
    fn copy(&self, block: usize, left: usize) -> Option<*mut T> {
        let depth = self.block(block).len();
        self.firsts[left].map(|row| self.copies[block % 2].wrapping_add(row * depth))
    }

    /// Packs one part: some tiles of an A.
    ///
    /// # Safety
    ///
    /// As for [`Streamed::multiply`]; no other thread uses these tiles of the copy meanwhile.
    unsafe fn pack(&self, block: usize, &(left, ref tiles): &(usize, Range<usize>)) {
        let Factor { rows, a, .. } = self.product.lefts[left];
        let (all, depths) = (Tiles::new(rows, self.kernel.height()), self.block(block));
        let [first, end] = [tiles.start, tiles.end].map(|tile| all.first(tile) * depths.len());
        if let Some(copy) = self.copy(block, left) {
            // SAFETY: the caller's contract; the copy has room for all tiles.
            unsafe {
                let copy = std::slice::from_raw_parts_mut(copy.add(first), end - first);
                all.pack(tiles.clone(), a.from(0, depths.start), copy);
            }
        }
    }

    /// Packs a panel of a block of B, and multiplies every A by it.
    ///
    /// # Safety
    ///
    /// As for [`Streamed::multiply`]; A is packed, and no other thread uses these columns of any C
    /// meanwhile.
    unsafe fn panel(&self, block: usize, panel: usize) {
        let Streamed { extents: [_, n], lefts, b, .. } = *self.product;
        let (rows, width) = (self.block(block), self.kernel.width);
        let column = panel * width;
        let extents = [rows.len(), width.min(n - column)];
        let b = b.from(rows.start, column);
        let is_by_rows = b.strides[1] == 1;
        let mut memory = Buffer::take(rows.len() * width);
        let memory = memory.as_mut_slice().expect("a new buffer has one owner");
        let is_copied_by_tile = is_by_rows && extents[1] == width;
        if !is_copied_by_tile {
            let elements = &mut memory[..rows.len() * width];
            let strip = Strip { columns: 0..extents[1], width, elements };
            // SAFETY: the caller's contract.
            unsafe { pack(b, &mut [strip]) };
        }
        let packed = Panels::packed(memory.as_mut_ptr(), extents, width);
        let lefts = lefts.iter().enumerate().filter(|(_, left)| left.rows > 0);
        for (place, (index, left)) in lefts.enumerate() {
            let left = left.block(rows.start, column);
            let mut product = PackedProduct::new(self.kernel, extents, packed, left);
            product.packed_a = self.copy(block, index).map(<*mut T>::cast_const);
            if place == 0 && is_by_rows {
                product.source = is_copied_by_tile.then_some((b.first, b.strides[0]));
                product.next = Some(b.from(0, width));
            }
            // SAFETY: the caller's contract.
            unsafe { product.whole() };
        }
    }
}
