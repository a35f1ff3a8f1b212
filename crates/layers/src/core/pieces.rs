//! Work on many elements in pieces, several at a time. The pieces depend on the number of elements
//! alone, and so do results. A single piece is not worth waking another thread.

use rayon::prelude::*;

/// Elements of a piece; a few pieces fit the second-level cache.
pub(crate) const PIECE: usize = 1 << 15;

/// Calls `work` with each piece.
pub(crate) fn for_each<'a, P: Send + 'a>(pieces: Vec<P>, work: impl Fn(P) + Sync + 'a) {
    if pieces.len() <= 1 {
        pieces.into_iter().for_each(work);
    } else {
        let work = &work;
        let task = |piece| Box::new(move || work(piece)) as Task<'_>;
        run(pieces.into_iter().map(task).collect());
    }
}

type Task<'a> = Box<dyn FnOnce() + Send + 'a>;

/// Runs tasks on the threads of the pool. Its machinery is compiled here alone, whatever the pieces are.
fn run(tasks: Vec<Task<'_>>) {
    tasks.into_par_iter().for_each(|task| task());
}
