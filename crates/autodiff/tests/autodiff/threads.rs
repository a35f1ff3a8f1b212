//! Gradients have the same bits on any number of threads.

use bptt_autodiff::{Param, Tape};
use bptt_tensor::Tensor;
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;

/// The gradients of a net whose products, maps and reductions are all large enough to be divided.
fn gradients(threads: usize) -> Vec<Vec<u32>> {
    let pool =
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool of threads");
    pool.install(|| {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
        let mut draw = |shape| Tensor::<f32>::uniform(shape, -0.1, 0.1, &mut rng);
        let params = [[200, 300], [300, 200], [1, 200]].map(|shape| Param::new(draw(shape)));
        let [w, u, b] = &params;
        let tape = Tape::new();
        let x = tape.constant(draw([1000, 200]));
        let h = x.matmul(w).tanh();
        let logits = h.matmul(u) + b;
        let gradients = tape.backward((logits.log_softmax(1) * logits.sigmoid()).mean_all());
        params
            .iter()
            .map(|param| gradients[param].as_slice().iter().map(|x| x.to_bits()).collect())
            .collect()
    })
}

#[test]
fn gradients_do_not_depend_on_the_number_of_threads() {
    let one = gradients(1);
    assert!(one.iter().flatten().any(|&bits| bits != 0));
    for threads in [2, 3, 4, 8, 16] {
        assert!(gradients(threads) == one, "{threads} threads compute other bits than one");
    }
}

#[test]
fn parameters_are_shared_between_threads() {
    let w = Param::new(Tensor::full([3], 2.0));
    let slope = || {
        let tape = Tape::new();
        tape.backward(tape.param(&w).square().sum_all())[&w].to_vec()
    };
    let slopes =
        std::thread::scope(|scope| [(); 2].map(|()| scope.spawn(slope)).map(|t| t.join().unwrap()));
    assert_eq!(slopes, [[4.0; 3], [4.0; 3]]);
}
