//! Gradients in single precision agree with those in double precision.

use bptt_autodiff::{Param, Tape, Var};
use bptt_tensor::{Scalar, Tensor};
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

/// A few times the 6e-8 that single precision resolves, for every one of some ten roundings in a
/// row.
const TOLERANCE: f64 = 2e-6;

/// The gradients of a net's parameters `[w, u, b, v]`, in precision `T`.
fn gradients<T: Scalar>(classify: bool) -> Vec<Tensor<f64>> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(7);
    let mut draw = |shape: &[usize]| {
        let exact = Tensor::<f64>::uniform(shape, -0.8, 0.8, &mut rng);
        // what single precision holds exactly, so that both nets are the same function
        Tensor::from_fn(shape, |i| T::of(f64::from(exact.as_slice()[i] as f32)))
    };
    let params = [&[5, 4][..], &[4, 4], &[4], &[4, 3]].map(|shape| Param::new(draw(shape)));
    let [w, u, b, v] = &params;
    let tape = Tape::new();
    let mut h = tape.constant(Tensor::zeros([6, 4]));
    for _ in 0..3 {
        h = (tape.constant(draw(&[6, 5])).matmul(w) + h.matmul(u) + b).tanh();
    }
    let logits = h.matmul(v);
    let loss: Var<'_, T> = if classify {
        -logits.log_softmax(1).slice(1, 0..1).mean_all()
    } else {
        (logits.sigmoid() - 0.25).square().mean_all()
    };
    let gradients = tape.backward(loss);
    params
        .iter()
        .map(|param| {
            let gradient = &gradients[param];
            Tensor::from_fn(gradient.shape(), |i| gradient.as_slice()[i].as_f64())
        })
        .collect()
}

#[test]
fn single_precision_agrees_with_double() {
    for classify in [false, true] {
        for (single, double) in gradients::<f32>(classify).iter().zip(gradients::<f64>(classify)) {
            let largest =
                double.map(f64::abs).max(&(0..double.rank() as isize).collect::<Vec<_>>()).item();
            let error = single.sub(&double).map(f64::abs);
            for &error in error.as_slice() {
                assert!(error <= TOLERANCE * largest, "{error:e} in gradients up to {largest:e}");
            }
        }
    }
}
