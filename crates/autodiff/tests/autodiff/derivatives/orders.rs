//! The first three derivatives of functions with well-known derivatives.

use std::f64::consts::FRAC_2_SQRT_PI;

use bptt_autodiff::Tape;
use bptt_tensor::Tensor;

use super::support::V;

/// Checks `f′`, `f″` and `f‴` at several points.
#[track_caller]
fn check(f: impl for<'t> Fn(V<'t>) -> V<'t>, derivatives: impl Fn(f64) -> [f64; 3]) {
    for at in [0.3, 0.9, 1.7] {
        let tape = Tape::new();
        let x = tape.variable(Tensor::scalar(at));
        let mut y = f(x);
        for (order, expected) in (1..).zip(derivatives(at)) {
            [y] = tape.grad(y, [x]);
            let error = (y.item() - expected).abs();
            let tolerance = 1e-12 * expected.abs().max(1.0);
            assert!(error <= tolerance, "order {order} at {at}: {} is not {expected}", y.item());
        }
    }
}

#[test]
fn three_orders_of_elementary_functions() {
    check(|x| x.exp(), |x| [x.exp(); 3]);
    check(|x| x.ln(), |x| [1.0 / x, -1.0 / (x * x), 2.0 / x.powi(3)]);
    check(|x| x.sin(), |x| [x.cos(), -x.sin(), -x.cos()]);
    check(|x| x.cos(), |x| [-x.sin(), -x.cos(), x.sin()]);
    check(|x| x.recip(), |x| [-x.powi(-2), 2.0 * x.powi(-3), -6.0 * x.powi(-4)]);
    check(|x| 1.0 / x, |x| [-x.powi(-2), 2.0 * x.powi(-3), -6.0 * x.powi(-4)]);
    check(|x| x.sqrt(), |x| [0.5 * x.powf(-0.5), -0.25 * x.powf(-1.5), 0.375 * x.powf(-2.5)]);
}

#[test]
fn three_orders_of_powers() {
    check(|x| x.powf(5.0), |x| [5.0 * x.powi(4), 20.0 * x.powi(3), 60.0 * x.powi(2)]);
    check(|x| x.powf(2.0), |x| [2.0 * x, 2.0, 0.0]);
    check(|x| x.square(), |x| [2.0 * x, 2.0, 0.0]);
    check(|x| x * x * x, |x| [3.0 * x * x, 6.0 * x, 6.0]);
    check(|x| x, |_| [1.0, 0.0, 0.0]);
}

#[test]
fn three_orders_of_activations() {
    check(
        |x| x.tanh(),
        |x| {
            let y = x.tanh();
            let slope = 1.0 - y * y;
            [slope, -2.0 * y * slope, slope * (6.0 * y * y - 2.0)]
        },
    );
    check(
        |x| x.erf(),
        |x| {
            let slope = FRAC_2_SQRT_PI * (-x * x).exp();
            [slope, -2.0 * x * slope, (4.0 * x * x - 2.0) * slope]
        },
    );
    let sigmoid = |x: f64| {
        let s = 1.0 / (1.0 + (-x).exp());
        let slope = s * (1.0 - s);
        [s, slope, slope * (1.0 - 2.0 * s), slope * (1.0 - 6.0 * s + 6.0 * s * s)]
    };
    check(|x| x.sigmoid(), |x| sigmoid(x)[1..].try_into().unwrap());
    check(|x| x.softplus(), |x| sigmoid(x)[..3].try_into().unwrap());
}

#[test]
fn mixed_partial_derivatives() {
    // x³y²: ∂x∂y = 6x²y, ∂x∂x∂y = 12xy
    let tape = Tape::new();
    let x = tape.variable(Tensor::scalar(2.0));
    let y = tape.variable(Tensor::scalar(5.0));
    let [dx, dy] = tape.grad(x * x * x * y * y, [x, y]);
    assert_eq!((dx.item(), dy.item()), (300.0, 80.0));
    let ([dxdy], [dydx]) = (tape.grad(dx, [y]), tape.grad(dy, [x]));
    assert_eq!((dxdy.item(), dydx.item()), (120.0, 120.0));
    assert_eq!(tape.grad(dxdy, [x])[0].item(), 120.0);
}

#[test]
fn products_with_a_gradient_and_a_hessian() {
    // x³y²: the gradient is [3x²y², 2x³y] and the Hessian [[6xy², 6x²y], [6x²y, 2x³]]
    let tape = Tape::new();
    let x = tape.variable(Tensor::scalar(2.0));
    let y = tape.variable(Tensor::scalar(5.0));
    let f = x * x * x * y * y;
    let direction = [(x, tape.scalar(1.0)), (y, tape.scalar(-1.0))];
    assert_eq!(tape.jvp(f, &direction).item(), 300.0 - 80.0);
    let products: Vec<f64> = tape.hvp(f, &direction).iter().map(|product| product.item()).collect();
    assert_eq!(products, [300.0 - 120.0, 120.0 - 16.0]);
}
