use std::f64::consts::FRAC_2_SQRT_PI;

use bptt_tensor::Tensor;
use proptest::prelude::*;

use crate::common::*;

type Binary = (&'static str, fn(&Tensor<f64>, &Tensor<f64>) -> Tensor<f64>, fn(f64, f64) -> f64);

const BINARY: [Binary; 13] = [
    ("add", |x, y| x + y, |x, y| x + y),
    ("sub", |x, y| x - y, |x, y| x - y),
    ("mul", |x, y| x * y, |x, y| x * y),
    ("div", |x, y| x / y, |x, y| x / y),
    ("rem", |x, y| x.rem(y), |x, y| x - y * (x / y).floor()), // exact on a coarse grid
    ("maximum", |x, y| x.maximum(y), f64::max),
    ("minimum", |x, y| x.minimum(y), f64::min),
    ("gt", |x, y| x.gt(y), |x, y| f64::from(x > y)),
    ("ge", |x, y| x.ge(y), |x, y| f64::from(x >= y)),
    ("lt", |x, y| x.lt(y), |x, y| f64::from(x < y)),
    ("le", |x, y| x.le(y), |x, y| f64::from(x <= y)),
    ("equal", |x, y| x.equal(y), |x, y| f64::from(x == y)),
    ("not_equal", |x, y| x.not_equal(y), |x, y| f64::from(x != y)),
];

/// Values on a coarse grid, so that some are equal.
fn coarse(shape: &[usize], seed: u64) -> Tensor<f64> {
    values::<f64>(shape, seed).map(|x| (4.0 * x).round() / 4.0 + 0.0) // no −0
}

proptest! {
    #[test]
    fn binary_operations_broadcast([a, b] in broadcasting(), seed: u64) {
        let (a, b) = (coarse(&a, seed), coarse(&b, seed ^ 1));
        let shape = broadcast_shape(&[a.shape(), b.shape()]);
        for (name, operation, f) in BINARY {
            let expected =
                from_indices(&shape[..], |i| f(broadcast_at(&a, i), broadcast_at(&b, i)));
            println!("{name}");
            assert_same(&operation(&a, &b), &expected);
        }
    }

    #[test]
    fn broadcast_to_repeats([a, b] in broadcasting(), seed: u64) {
        let shape = broadcast_shape(&[&a, &b]);
        let a = values::<f32>(&a, seed);
        assert_same(&a.broadcast_to(&shape[..]), &from_indices(&shape[..], |i| broadcast_at(&a, i)));
    }

    #[test]
    fn select_chooses([c, a, b] in broadcasting(), seed: u64) {
        let c = coarse(&c, seed).map(|c| if c > 0.0 { c } else { 0.0 });
        let (a, b) = (coarse(&a, seed ^ 1), coarse(&b, seed ^ 2));
        let shape = broadcast_shape(&[c.shape(), a.shape(), b.shape()]);
        let expected = from_indices(&shape[..], |i| {
            broadcast_at(if broadcast_at(&c, i) == 0.0 { &b } else { &a }, i)
        });
        assert_same(&Tensor::select(&c, &a, &b), &expected);
    }

    #[test]
    fn in_place_operations_update(shape in shapes(), alpha in -2.0..2.0, seed: u64) {
        let (a, b) = (values::<f64>(&shape, seed), values::<f64>(&shape, seed ^ 1));
        let shared = a.clone();
        let mut x = a.clone();
        x += &b;
        assert_same(&x, &(&a + &b));
        x.axpy(alpha, &a);
        assert_same(&x, &(&a + &b + a.map(|a| alpha * a)));
        x *= alpha;
        assert_same(&x, &(&a + &b + a.map(|a| alpha * a)).map(|x| x * alpha));
        assert_same(&shared, &a); // untouched by the writes to its clone
    }
}

/// Operands are long enough for several chunks, and the chunks' edges cut runs.
#[test]
fn large_operands_broadcast_alike() {
    for [a, b] in [
        [vec![500, 301], vec![500, 301]],
        [vec![500, 301], vec![301]],
        [vec![500, 1], vec![500, 301]],
        [vec![], vec![500, 301]],
        [vec![1, 500, 301], vec![500, 301]],
        [vec![5, 1, 301], vec![5, 100, 1]],
    ] {
        let (a, b) = (values::<f64>(&a, 1), values::<f64>(&b, 2));
        let shape = broadcast_shape(&[a.shape(), b.shape()]);
        let expected = from_indices(&shape[..], |i| broadcast_at(&a, i) - broadcast_at(&b, i));
        assert_same(&(&a - &b), &expected);
        let expected = from_indices(&shape[..], |i| broadcast_at(&a, i));
        assert_same(&a.broadcast_to(&shape[..]), &expected);
    }
}

/// The functions against the standard library's, in units that suit every approximation.
/// `2/√π e^−x² Σ 2ᵏ x²ᵏ⁺¹ / (2k+1)!!`
fn erf(x: f64) -> f64 {
    let near = x.clamp(-6.0, 6.0);
    let (mut term, mut sum) = (near, near);
    for k in 1..200 {
        term *= near * near / (f64::from(k) + 0.5);
        sum += term;
    }
    FRAC_2_SQRT_PI * (-near * near).exp() * sum
}

#[test]
fn functions_have_their_values() {
    type Unary = (&'static str, fn(&Tensor<f64>) -> Tensor<f64>, fn(f64) -> f64);
    let functions: [Unary; 19] = [
        ("neg", |x| -x, |x| -x),
        ("abs", Tensor::abs, f64::abs),
        ("square", Tensor::square, |x| x * x),
        ("sqrt", Tensor::sqrt, f64::sqrt),
        ("recip", Tensor::recip, f64::recip),
        ("exp", Tensor::exp, f64::exp),
        ("ln", Tensor::ln, f64::ln),
        ("sin", Tensor::sin, f64::sin),
        ("cos", Tensor::cos, f64::cos),
        ("tanh", Tensor::tanh, f64::tanh),
        ("erf", Tensor::erf, erf),
        ("sigmoid", Tensor::sigmoid, |x| {
            if x < 0.0 { x.exp() / (1.0 + x.exp()) } else { 1.0 / (1.0 + (-x).exp()) }
        }),
        ("relu", Tensor::relu, |x| if x < 0.0 { 0.0 } else { x }),
        ("softplus", Tensor::softplus, |x| if x > 40.0 { x } else { x.exp().ln_1p() }),
        ("floor", Tensor::floor, f64::floor),
        ("ceil", Tensor::ceil, f64::ceil),
        ("round", Tensor::round, f64::round_ties_even),
        ("clamp", |x| x.clamp(-0.5, 2.0), |x| x.clamp(-0.5, 2.0)),
        ("sign", Tensor::sign, |x| if x == 0.0 { 0.0 } else { x.signum() }),
    ];
    let mut x: Vec<f64> = (-4000..=4000).map(|i| f64::from(i) / 100.0).collect();
    x.extend([-1e3, -745.0, -1e-300, -0.0, 1e-300, 1e-9, 700.0, f64::INFINITY, f64::NAN]);
    let x = Tensor::from_vec([x.len()], x);
    for (name, function, reference) in functions {
        let actual = function(&x);
        for ((&x, &y), expected) in
            x.as_slice().iter().zip(actual.as_slice()).zip(x.map(reference).as_slice())
        {
            let close = y == *expected || (y - expected).abs() <= 1e-14 * expected.abs().min(1e300);
            assert!(
                close || (y.is_nan() && expected.is_nan()),
                "{name}({x}) = {y}, not {expected}"
            );
        }
    }
    let powers = x.powf(3.0);
    assert_close(&powers, &x.map(|x| x.powf(3.0)), 1e-15);
}

#[test]
fn nan_is_not_lost() {
    let nan = Tensor::from_vec([3], vec![f32::NAN, 1.0, f32::NAN]);
    let other = Tensor::from_vec([3], vec![1.0, f32::NAN, f32::NAN]);
    for result in [nan.maximum(&other), nan.minimum(&other)] {
        assert!(result.as_slice().iter().all(|x| x.is_nan()), "{result:?}");
    }
    assert!(nan.relu()[[0]].is_nan());
    assert!(nan.sign()[[0]].is_nan());
    assert!(nan.softplus()[[0]].is_nan());
    assert!(nan.clamp(0.0, 1.0)[[0]].is_nan());
    assert!(nan.round()[[0]].is_nan());
    assert_eq!(nan.equal(&nan).to_vec(), [0.0, 1.0, 0.0]);
    assert_eq!(nan.not_equal(&nan).to_vec(), [1.0, 0.0, 1.0]);
}

#[test]
fn sign_of_zero_is_zero() {
    let x = Tensor::from_vec([4], vec![-3.0, -0.0, 0.0, 0.5]);
    assert_eq!(x.sign().to_vec(), [-1.0, 0.0, 0.0, 1.0]);
}

/// The values of NumPy's `mod`.
#[test]
fn rem_has_the_sign_of_the_divisor() {
    let x = Tensor::from([5.5, -5.5, 5.5, -5.5, 1e9, -1e-30, 0.0, -1.0, 1.0, f64::INFINITY]);
    let y = Tensor::from([2.0, 2.0, -2.0, -2.0, 0.7, 1.0, -3.0, f64::INFINITY, 0.0, 1.0]);
    let expected = [
        1.5,
        0.5,
        -0.5,
        -1.5,
        0.400_000_063_441_315_67, // exact, although the quotient is rounded
        1.0,
        0.0,
        f64::INFINITY,
        f64::NAN,
        f64::NAN,
    ];
    assert_same(&x.rem(&y), &Tensor::from(expected));
}

#[test]
fn softplus_neither_overflows_nor_vanishes_early() {
    let x = Tensor::from_vec([3], vec![1e4f32, -1e4, -80.0]);
    assert_eq!(x.softplus().to_vec()[..2], [1e4, 0.0]);
    assert!(x.softplus()[[2]] > 0.0);
}

#[test]
fn finiteness_is_of_all_elements() {
    let mut x = Tensor::<f32>::full([70_000], f32::MAX);
    assert!(x.is_finite());
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        x.as_mut_slice()[69_999] = bad;
        assert!(!x.is_finite());
    }
    assert!(Tensor::<f64>::zeros([0]).is_finite());
}
