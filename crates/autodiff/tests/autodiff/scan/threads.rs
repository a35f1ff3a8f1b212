//! A scan has the same bits on any number of threads.

use bptt_autodiff::{Param, Tape};
use bptt_tensor::Tensor;

use super::support::uniform;

/// Outputs and gradients of a recurrence large enough to be divided in every stage.
fn bits(threads: usize) -> Vec<u32> {
    let pool =
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool of threads");
    pool.install(|| {
        let weight = |shape: [usize; 2], seed| {
            let mut weight: Tensor<f32> = uniform(shape, seed);
            weight *= 0.1;
            Param::new(weight)
        };
        let (w, u, v) = (weight([70, 300], 1), weight([150, 300], 2), weight([150, 90], 3));
        let tape = Tape::new();
        let xs = tape.variable(uniform([40, 30, 70], 4));
        let h = tape.variable(uniform([30, 150], 5));
        let scanned = tape.scan(xs, h).run(|x, h| {
            let [gate, value] = (x.matmul(&w) + h.matmul(&u)).split(-1);
            let gate = gate.sigmoid();
            let next = gate * h + (1.0 - gate) * value.tanh();
            ((next * h).matmul(&v), next)
        });
        let gradients = tape.backward(scanned.outputs.square().sum_all());
        let tensors = [
            scanned.outputs.value(),
            gradients.wrt(xs).clone(),
            gradients.wrt(h).clone(),
            gradients[&w].clone(),
            gradients[&u].clone(),
            gradients[&v].clone(),
        ];
        tensors.iter().flat_map(Tensor::to_vec).map(f32::to_bits).collect()
    })
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    let one = bits(1);
    for threads in [2, 3, 4, 7, 8, 16] {
        assert!(bits(threads) == one, "{threads} threads compute other bits than one");
    }
}
