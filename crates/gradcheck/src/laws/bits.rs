//! Laws that hold in every bit.

use bptt_autodiff::Tape;
use bptt_tensor::Tensor;

use crate::evidence::Evidence;
use crate::laws::orders::functional;
use crate::subject::Subject;
use crate::violation::{Named, Nearness, Violation, compare};

/// The numbers of threads whose results are compared.
pub(crate) const THREADS: [usize; 3] = [1, 2, 3];

/// The outputs, and the gradients of a functional of them.
pub(crate) fn results(subject: &dyn Subject) -> Vec<Named> {
    let tape = Tape::new();
    let recorded = subject.record(&tape, subject.at());
    let y = recorded.flat();
    let loss = functional(y, &Tensor::ones(y.shape()));
    let gradients = tape.vjp(&[(loss, tape.constant(Tensor::scalar(1.0)))], &recorded.sources);
    let values = recorded.outputs.iter().map(|(place, y)| Named::new(&place.name, y.value()));
    let places = subject.sources().iter();
    let gradients =
        places.zip(gradients).map(|(place, g)| Named::new(format!("∂{}", place.name), g.value()));
    values.chain(gradients).collect()
}

pub(crate) fn repeatable(subject: &dyn Subject, evidence: &mut Evidence) -> Result<(), Violation> {
    let first = results(subject);
    let second = results(subject);
    compare(("the second run", &second), ("the first run", &first), Nearness::Bits)?;
    evidence.note(0.0);
    Ok(())
}

/// Runs `results` in pools of 1, 2 and 3 threads.
pub(crate) fn threads(
    results: &(dyn Fn() -> Vec<Named> + Sync),
    evidence: &mut Evidence,
) -> Result<(), Violation> {
    let in_pool = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.expect("a pool of threads").install(results)
    };
    let one = in_pool(THREADS[0]);
    for threads in &THREADS[1..] {
        compare(("several threads", &in_pool(*threads)), ("one thread", &one), Nearness::Bits)?;
    }
    evidence.note(0.0);
    Ok(())
}
