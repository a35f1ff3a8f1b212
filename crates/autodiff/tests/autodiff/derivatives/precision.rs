//! Gradients in single precision agree with those in double precision.

use bptt_autodiff::{Param, Tape, Var};
use bptt_tensor::{Scalar, Tensor};
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;

/// A few times the resolution of single precision, 6e-8, for each of some ten consecutive
/// roundings.
const TOLERANCE: f64 = 2e-6;

/// The gradients of a net's parameters `[w, u, b, v]`, in precision `T`.
fn gradients<T: Scalar>(classify: bool) -> Vec<Tensor<f64>> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(7);
    let mut draw = |shape: &[usize]| {
        let exact = Tensor::<f64>::uniform(shape, -0.8, 0.8, &mut rng);
        // numbers that are exact in single precision, so that both nets are the same function
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
            let error = (single - &double).map(f64::abs);
            for &error in error.as_slice() {
                assert!(error <= TOLERANCE * largest, "{error:e} in gradients up to {largest:e}");
            }
        }
    }
}

#[test]
fn the_slope_of_a_saturated_sigmoid_keeps_its_digits() {
    let z = [-80.0, -17.0, -1.0, 0.0, 0.5, 8.0, 17.0, 18.0, 80.0_f32];
    let exact = |z: f32| {
        let power = f64::from(-z.abs()).exp();
        let slope = power / (1.0 + power).powi(2);
        [slope, -slope * (f64::from(z) / 2.0).tanh()]
    };
    for is_scanned in [false, true] {
        let tape = Tape::<f32>::new();
        let x = tape.variable(Tensor::from_slice([1, 1, z.len()], &z));
        let y = match is_scanned {
            true => tape.scan(x, ()).run(|x, ()| (x.sigmoid() * 2.0, ())).outputs,
            false => x.sigmoid() * 2.0,
        };
        let [slope] = tape.grad(y.sum_all(), [x]);
        let [curvature] = tape.grad(slope.sum_all(), [x]);
        let backward = tape.backward(y.sum_all());
        let found = [slope.value(), curvature.value(), backward.wrt(x).clone()];
        for (i, &z) in z.iter().enumerate() {
            let [slope, curvature] = exact(z);
            for (found, exact) in found.iter().zip([slope, curvature, slope]) {
                let (found, exact) = (f64::from(found.as_slice()[i]), 2.0 * exact);
                let error = (found - exact).abs();
                assert!(error <= 1e-6 * exact.abs(), "at {z}: {found:e}, not {exact:e}");
            }
        }
    }
}
