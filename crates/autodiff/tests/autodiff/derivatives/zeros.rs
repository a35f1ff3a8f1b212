//! A cotangent of 0 stays 0, and a slope of 0 gives 0. Elements that were not selected affect no
//! gradient of any order, on the tape and in a scan.

use bptt_autodiff::{Tape, Var};
use bptt_tensor::Tensor;

use super::support::V;

const NAN: f64 = f64::NAN;
const INFINITY: f64 = f64::INFINITY;

/// The gradient of the sum of `f` at some numbers.
fn slopes<const N: usize>(x: [f64; N], f: impl for<'t> Fn(V<'t>) -> V<'t>) -> Vec<f64> {
    let tape = Tape::new();
    let x = tape.variable(Tensor::from_slice([N], &x));
    let slopes = tape.grad(f(x).sum_all(), [x])[0].value();
    assert_eq!(tape.backward(f(x).sum_all()).wrt(x).to_vec(), slopes.to_vec());
    slopes.to_vec()
}

#[test]
fn a_root_that_was_not_selected_has_no_slope() {
    assert_eq!(slopes([-1.0, 0.0, 4.0], |x| x.gt(0.0).select(x.sqrt(), x)), [1.0, 1.0, 0.25]);
    assert_eq!(slopes([0.0, 1.0], |x| x.ln().slice(0, 1..2)), [0.0, 1.0]);
}

#[test]
fn a_slope_of_zero_stops_an_infinite_cotangent() {
    assert_eq!(slopes([0.0, 0.0], |x| x.square().sum_all().sqrt().square()), [0.0, 0.0]);
    let of_deviation = slopes([2.0; 3], |x| (x - x.mean_keep(&[0])).square().mean_all().sqrt());
    assert_eq!(of_deviation, [0.0; 3]);
    let of_cosine = slopes([0.0, 0.0], |x| {
        let length = x.square().sum_all().sqrt();
        (x * &Tensor::from_slice([2], &[1.0, 2.0])).sum_all() / length.maximum(1e-3)
    });
    assert_eq!(of_cosine, [1e3, 2e3]);
}

/// A function of a matrix, row by row.
type Function = for<'t> fn(V<'t>) -> V<'t>;

const FUNCTIONS: &[(&str, Function)] = &[
    ("neg", |x| -x),
    ("abs", |x| x.abs()),
    ("square", |x| x.square()),
    ("sqrt", |x| x.sqrt()),
    ("recip", |x| x.recip()),
    ("exp", |x| x.exp()),
    ("expm1", |x| x.expm1()),
    ("ln", |x| x.ln()),
    ("log1p", |x| x.log1p()),
    ("sin", |x| x.sin()),
    ("cos", |x| x.cos()),
    ("tanh", |x| x.tanh()),
    ("erf", |x| x.erf()),
    ("sigmoid", |x| x.sigmoid()),
    ("relu", |x| x.relu()),
    ("softplus", |x| x.softplus()),
    ("log_sigmoid", |x| x.log_sigmoid()),
    ("pow", |x| x.pow(x)),
    ("powf 2.5", |x| x.powf(2.5)),
    ("powf −0.5", |x| x.powf(-0.5)),
    ("mul", |x| x * (x * 0.5)),
    ("div", |x| 2.0 / x - x / (x + 1.0)),
    ("chain_mul", |x| x.chain_mul(x * 0.5)),
    ("chain_div", |x| x.chain_div(x + 1.0)),
    ("maximum", |x| x.maximum(x * x)),
    ("minimum", |x| x.minimum(x * x)),
    ("select", |x| x.gt(0.0).select(x.ln(), x.recip())),
    ("max", |x| x - x.max(&[1]).reshape([5, 1])),
    ("min", |x| x - x.min(&[1]).reshape([5, 1])),
    ("softmax", |x| x.softmax(1)),
    ("log_softmax", |x| x.log_softmax(1)),
    ("logsumexp", |x| x * x.logsumexp(1).reshape([5, 1])),
    ("mean", |x| x / x.square().mean_keep(&[1]).sqrt()),
    ("norm", |x| x / x.norm_keep(&[1])),
    ("several", |x| x.square().ln().tanh() / x.exp().sqrt().softplus()),
];

/// Rows of which the first is ordinary. On the elements of the others, functions may be undefined.
fn rows() -> Tensor<f64> {
    let worst = [0.0, 0.0, -1.0, -2.0, INFINITY, -INFINITY, NAN, NAN];
    Tensor::from_vec([5, 2], [&[0.25, 0.5], &worst[..]].concat())
}

/// A step that keeps the state where `f` was not selected.
fn step<'t>(f: Function, [chosen, x, safe, h]: [V<'t>; 4]) -> V<'t> {
    chosen.select(chosen.select(f(x) + h * 0.5, safe.square()), h)
}

/// First and second derivatives of `f` where a row was selected, and of `x²` elsewhere, in the loop
/// or in the scan.
fn of_chosen(f: Function, is_scanned: bool) -> [Vec<f64>; 2] {
    let tape = Tape::new();
    let chosen = Tensor::from_fn([2, 5, 1], |row| if row % 5 == 0 { 1.0 } else { 0.0 });
    let (chosen, row) = (tape.constant(chosen), tape.constant(rows()));
    let x = tape.variable(Tensor::from_fn([2, 5, 2], |i| rows().as_slice()[i % 10]));
    let safe = tape.variable(Tensor::full([2, 5, 2], 3.0));
    let h = row.gt(INFINITY); // zeros
    let ys = if is_scanned {
        let scan = tape.scan([chosen, x, safe], h);
        let run = scan.run(|x, h| {
            let next = step(f, [x[0], x[1], x[2], h]);
            (next + x[2], next)
        });
        run.outputs
    } else {
        let mut h = h;
        let mut entry = |t| {
            let [chosen, x, safe] = [chosen, x, safe].map(|x| x.index_first(t));
            h = step(f, [chosen, x, safe, h]);
            h + safe
        };
        Var::stack(&[entry(0), entry(1)], 0)
    };
    let loss = (ys * ys.square()).sum_all();
    let [of_x, of_safe] = tape.grad(loss, [x, safe]);
    let [twice] = tape.grad((of_x * of_x.sin()).sum_all() + of_safe.square().sum_all(), [x]);
    let gradients = tape.backward(loss);
    assert!(distance(&gradients.wrt(x).to_vec(), &of_x.value().to_vec()) < 1e-12);
    [of_x.value().to_vec(), twice.value().to_vec()]
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    let apart = |(a, b): (&f64, &f64)| (a - b).abs() / b.abs().max(1.0);
    a.iter().zip(b).map(apart).fold(0.0, |most, apart| if apart <= most { most } else { apart })
}

#[test]
fn elements_not_selected_reach_no_gradient() {
    for &(name, f) in FUNCTIONS {
        let looped = of_chosen(f, false);
        for (order, gradient) in looped.iter().enumerate() {
            for (row, elements) in gradient.chunks(2).enumerate() {
                let fits =
                    if row % 5 == 0 { elements[0].is_finite() } else { elements == [0.0; 2] };
                assert!(fits, "{name}, order {}, row {row}: {elements:?}", order + 1);
            }
        }
        let scanned = of_chosen(f, true);
        for (scanned, looped) in scanned.iter().zip(&looped) {
            assert!(distance(scanned, looped) < 1e-12, "{name}: {scanned:?}, not {looped:?}");
        }
    }
}
