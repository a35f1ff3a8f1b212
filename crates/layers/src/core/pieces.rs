//! Work on many elements in pieces, several at a time. The pieces depend on the number of elements
//! alone, and so do results. A single piece is not worth waking another thread.

use rayon::prelude::*;

/// Elements of a piece; a few pieces fit the second-level cache.
pub(crate) const PIECE: usize = 1 << 15;

/// Calls `work` with each piece.
pub(crate) fn for_each<P: Send>(pieces: Vec<P>, work: impl Fn(P) + Sync) {
    if pieces.len() <= 1 {
        pieces.into_iter().for_each(work);
    } else {
        pieces.into_par_iter().for_each(&work);
    }
}
