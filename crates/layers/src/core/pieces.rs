//! Parallel work on many elements, in pieces. The pieces depend on the number of elements alone, so results do not
//! depend on the number of threads. A single piece is run by the calling thread, since waking another would cost more.

use rayon::prelude::*;

/// The number of elements of a piece. A few pieces fit into the second-level cache.
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

/// Runs tasks on the threads of the pool. The tasks are boxed, so that the generic code of rayon is compiled once, not
/// for each type of piece.
fn run(tasks: Vec<Task<'_>>) {
    tasks.into_par_iter().for_each(|task| task());
}
