//! Weights of other frameworks: they compute the same here, and archives that do not fit are refused.

extern crate bptt_layers as bptt; // the code that the derive macros generate refers to the façade

mod attention;
mod errors;
mod keras;
mod layout;
mod python;
mod sources;

use bptt_layers::Module;
use bptt_layers::Xoshiro256PlusPlus;
use bptt_tensor::{Scalar, Tensor};

fn random(seed: u64) -> Xoshiro256PlusPlus {
    bptt_layers::rng(seed)
}

/// The module with all parameters drawn anew, biases too.
fn randomized<T: Scalar, M: Module<T>>(mut module: M, seed: u64) -> M {
    let rng = &mut random(seed);
    module.for_each_parameter_mut(|_, param| {
        param.set(Tensor::uniform(param.shape(), -0.8, 0.8, rng));
    });
    module
}

fn values<T: Scalar>(module: &dyn Module<T>) -> Vec<Tensor<T>> {
    module.parameters().into_iter().map(|(_, param)| param.value().clone()).collect()
}

/// The largest difference of two tensors.
#[track_caller]
fn difference<T: Scalar>(left: &Tensor<T>, right: &Tensor<T>) -> f64 {
    assert_eq!(left.shape(), right.shape());
    let pairs = left.as_slice().iter().zip(right.as_slice());
    let differences = pairs.map(|(&x, &y)| (x.as_f64() - y.as_f64()).abs());
    // a NaN is as far as can be
    differences.fold(0.0, |most: f64, d| if d <= most { most } else { d })
}
