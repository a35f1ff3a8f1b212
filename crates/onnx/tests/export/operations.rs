//! Operations that no cell of the library uses, one by one.

use bptt_autodiff::Var;
use bptt_layers::*;
use bptt_onnx::{Dim, FunctionExport};
use bptt_tensor::Tensor;

use crate::exported::{Data, Exported, of_function};

/// A function of two tensors `[T, B, 4]`. The second has no zeros.
type Function = for<'t> fn(Var<'t, f32>, Var<'t, f32>) -> Var<'t, f32>;

pub(crate) fn all() -> Vec<Exported> {
    let functions: &[(&str, Function)] = &[
        ("expm1", |x, _| x.expm1()),
        ("expm1_near_0", |x, _| (x * 1e-4).expm1() * 1e4),
        ("expm1_far", |x, _| (x * 40.0).clamp(-100.0, 80.0).expm1() * 1e-30),
        ("log1p", |x, _| x.abs().log1p()),
        ("log1p_near_0", |x, _| (x * 1e-4).log1p() * 1e4),
        ("log1p_far", |x, _| (x.abs() * 1e30).log1p()),
        ("remainder", |x, y| (x * 10.0).rem(y)),
        ("remainder_of_multiples", |x, y| {
            (x.floor() * y).rem(y) * 0.0 + (x * 4.0).floor().rem(1.5)
        }),
        ("cumsum", |x, _| x.cumsum(0)),
        ("cumsum_reversed", |x, _| x.reverse_cumsum(-1)),
        ("logsumexp", |x, _| x.logsumexp(-1)),
        ("softmax_over_steps", |x, _| x.softmax(0)),
        ("log_softmax", |x, _| (x * 5.0).log_softmax(-1)),
        ("powf", |x, _| x.abs().powf(1.7)),
        ("pow", |x, y| y.abs().pow(x)),
        ("clamp", |x, _| x.clamp(-0.5, 0.25)),
        ("erf", |x, _| x.erf()),
        ("norm", |x, _| x.norm(&[0, 2])),
        ("norm_keep", |x, _| x.norm_keep(&[-1]) + x),
        ("max", |x, _| x.max(&[0])),
        ("min", |x, _| x.min(&[0, 1])),
        ("mean", |x, y| (x - x.mean(&[0, 1])) / y.mean(&[2]).abs().sum_all()),
        ("sum_to", |x, _| (x + 1.0).sum_to([1, 4])),
        ("broadcast", |x, _| x.index_first(0).broadcast_to(x.shape())),
        ("round", |x, _| (x * 4.0).round() * 0.5 + (x * 2.0).round()),
        ("halves", |x, _| ((x * 4.0).floor() * 0.5).round()),
        ("floor_ceil_sign", |x, _| x.floor() + x.ceil() * 10.0 + x.sign() * 100.0),
        ("comparisons", |x, y| x.gt(y) + x.le(y) * 2.0 + x.floor().equal(y.floor()) * 4.0),
        ("not_equal", |x, y| x.floor().not_equal(y.floor())),
        ("select", |x, y| x.lt(0.0).select(x, y)),
        ("maximum_minimum", |x, y| x.maximum(y) - x.minimum(0.1)),
        ("log_sigmoid", |x, _| (x * 20.0).log_sigmoid()),
        ("softplus", |x, _| (x * 20.0).softplus()),
        ("chain", |x, y| x.relu().chain_mul(y) + x.relu().chain_div(y)),
        ("square_sqrt_recip", |x, y| x.square().sqrt() + y.recip()),
        ("sin_cos", |x, _| x.sin() * x.cos()),
        ("concat", |x, y| Var::concat(&[x, y, x], 2)),
        ("stack", |x, y| Var::stack(&[x, y], 1)),
        ("without_the_first_step", |x, _| Var::concat(&[x, x.slice(0, ..1)], 0).slice(0, 1..)),
        ("late", |x, _| {
            let before = x.slice(0, ..1) * 0.0;
            Var::concat(&[before, x.slice(0, ..x.shape()[0] - 1)], 0) + x
        }),
        ("one_step_more", |x, _| {
            let more = Var::concat(&[x, x.slice(0, ..1)], 0);
            let shape = more.shape();
            more.reshape([shape[0] * shape[1], 4]).reshape(shape).permute(&[1, 0, 2])
        }),
        ("perhaps_no_steps", |x, _| {
            let [steps, batch, _] = x.shape()[..] else { unreachable!("it has three axes") };
            x.slice(0, 1..).permute(&[2, 1, 0]).reshape([2, 2, batch, steps - 1]).sum(&[3])
        }),
        ("mean_of_many", |x, _| {
            (x.sum_keep(&[-1]) * x.tape().constant(Tensor::full([1500], 0.1))).mean_all()
        }),
        ("no_features", |x, _| x.slice(2, ..0).reshape([0, 3]).sum(&[0])),
    ];
    functions.iter().map(|&(name, function)| of_operation(name, function)).collect()
}

fn of_operation(name: &str, function: Function) -> Exported {
    let dims = [Dim::STEPS, Dim::BATCH, Dim::Of(4)];
    let export = FunctionExport::new().numbers("x", dims).numbers("y", dims).outputs(["z"]);
    let data = |[steps, batch]: [usize; 2], rng: &mut Xoshiro256PlusPlus| {
        let x = Tensor::normal([steps, batch, 4], 0.0, 1.0, rng);
        let y = Tensor::uniform([steps, batch, 4], 0.5, 2.0, rng);
        let signs = Tensor::normal([steps, batch, 4], 0.0, 1.0, rng).map(f32::signum);
        vec![Data::Numbers(x), Data::Numbers(y * signs)]
    };
    of_function(name, export, &[], data, |_, given| {
        vec![function(given.numbers[0], given.numbers[1])]
    })
}
