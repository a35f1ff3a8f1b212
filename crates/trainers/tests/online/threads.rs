//! Results have the same bits for any number of threads.

use bptt_layers::{Elman, Linear, MinGru, Module, Stepwise, rng};
use bptt_tensor::Tensor;
use bptt_trainers::online::{OnlineLearner, RealTime, Snap1, Traces, Uoro};

use super::support::{contents, drawn, forward_in_time, inputs};

/// Kernels divide work from here on.
const LARGE: usize = 1 << 17;

#[track_caller]
fn check<L, O>(learner: impl Fn() -> O + Sync, layer: L)
where
    L: Stepwise<f64> + Module<f64> + Sync,
    O: OnlineLearner<f64, L>,
{
    let layer = drawn(layer, 30);
    let input = layer.parameters()[0].1.shape()[0];
    let xs = inputs([3, 2, input], 31);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut learner = learner();
            let (loss, gradients) = forward_in_time(&mut learner, &layer, &xs);
            let own = layer.parameters().into_iter().flat_map(|(_, own)| gradients[own].to_vec());
            let bits: Vec<_> = own.chain([loss]).map(f64::to_bits).collect();
            let state = learner.state();
            let sizes = state.names().map(|name| state.tensor(name).unwrap().len());
            assert!(sizes.max().unwrap() >= LARGE, "no kernel divides work");
            (bits, contents(&state))
        })
    };
    let (one, four) = (run(1), run(4));
    assert!(one == four, "the bits differ");
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let rng = &mut rng(0);
    let readout = Linear::new(rng, 64, 2);
    check(RealTime::new, (Elman::new(rng, 4, 64), readout)); // the influence of `W_hh` has 64·64² elements
    check(Snap1::new, Elman::new(rng, 1 << 14, 8));
    check(Traces::new, MinGru::new(rng, 1 << 13, 8));
    check(Uoro::new, Elman::new(rng, 1 << 14, 8));
}

#[test]
fn seeds_of_random_estimates() {
    let layer = drawn(Elman::new(&mut rng(0), 2, 3), 32);
    let run = |mut learner: Uoro<f64>| {
        let _ = learner.advance(&layer, &Tensor::ones([1, 2])).unwrap();
        contents(&learner.state())
    };
    assert!(run(Uoro::new()) == run(Uoro::new().seed(0)));
    assert!(run(Uoro::new()) != run(Uoro::new().seed(1)));
}
