//! The functions against exact results, at the special arguments, and in slices of any length.

mod oracle;
mod specials;
mod sweeps;

use std::fmt::Debug;

use oracle::{Exact, Wide};

use super::Lane;
use crate::cpu::simd::Math;
use crate::kernels::unary::{Unary, apply};

/// With FMA and without: the only other thing on which a result depends.
const BOTH: [Math; 2] = [Math { fma: true }, Math { fma: false }];

/// A function in all its forms.
struct Function {
    name: &'static str,
    lane_f32: fn(Math, f32) -> f32,
    lane_f64: fn(Math, f64) -> f64,
    slice_f32: fn(&[f32], &mut [f32]),
    slice_f64: fn(&[f64], &mut [f64]),
    exact: fn(f64) -> Exact,
    /// The result in `f64`, exact enough to judge every `f32` quickly.
    std: fn(f64) -> f64,
    /// The arguments between which the result in `f64` is finite.
    domain: [f64; 2],
    /// The bound that the function's documentation states.
    ulps: f64,
}

macro_rules! function {
    ($name:ident as $variant:ident, $($field:ident: $value:expr),+) => {
        Function {
            name: stringify!($name),
            lane_f32: |math, x| math.$name(x),
            lane_f64: |math, x| math.$name(x),
            slice_f32: |x, y| apply(Unary::$variant, x, y),
            slice_f64: |x, y| apply(Unary::$variant, x, y),
            exact: oracle::$name,
            $($field: $value),+
        }
    };
}

const EXP: Function = function!(exp as Exp, std: f64::exp, domain: [-f64::MAX, 709.78], ulps: 1.0);
const EXPM1: Function =
    function!(expm1 as Expm1, std: f64::exp_m1, domain: [-f64::MAX, 709.78], ulps: 2.0);
const LN: Function = function!(ln as Ln, std: f64::ln, domain: [0.0, f64::MAX], ulps: 1.0);
const LOG1P: Function =
    function!(log1p as Log1p, std: f64::ln_1p, domain: [-1.0, f64::MAX], ulps: 2.0);
const TANH: Function =
    function!(tanh as Tanh, std: f64::tanh, domain: [-f64::MAX, f64::MAX], ulps: 3.0);
const SIGMOID: Function = function!(
    sigmoid as Sigmoid,
    std: |x| (x.min(0.0)).exp() / (1.0 + (-x.abs()).exp()),
    domain: [-f64::MAX, f64::MAX],
    ulps: 3.0
);
const SOFTPLUS: Function = function!(
    softplus as Softplus,
    std: |x| x.max(0.0) + (-x.abs()).exp().ln_1p(),
    domain: [-f64::MAX, f64::MAX],
    ulps: 2.0
);
const ERF: Function =
    function!(erf as Erf, std: oracle::erf_f64, domain: [-f64::MAX, f64::MAX], ulps: 2.0);
const ALL: [Function; 8] = [EXP, EXPM1, LN, LOG1P, TANH, SIGMOID, SOFTPLUS, ERF];

/// The distance from `y` to `exact` in units of the last place, for a type of `digits` binary
/// digits whose least normal number is `2^least`.
fn ulps(y: f64, exact: Exact, digits: u32, least: i32) -> f64 {
    let Exact { value, exponent } = exact;
    if y == value.high || y.is_nan() && value.high.is_nan() {
        return 0.0; // also for zero, infinity and NaN, which have no unit
    }
    let half = -exponent / 2;
    let y = y * power_of_two(half) * power_of_two(-exponent - half);
    let leading = (value.high.abs().to_bits() >> 52) as i32 - 1023;
    let unit = power_of_two(leading.max(least - exponent) + 1 - digits as i32);
    ((y - value.high) - value.low).abs() / unit
}

/// `2^n` by bits, for speed: each sweep judges nine thousand million results.
fn power_of_two(n: i32) -> f64 {
    f64::from_bits(((n + 1023) as u64) << 52)
}

/// `function` of `x`, exact enough to judge `f32`; infinite where `f32` is.
fn exact_f32(function: &Function, x: f32) -> Exact {
    let value = (function.std)(x.into());
    let overflows = (value as f32).is_infinite();
    let value = Wide::from(if overflows { f64::from(value as f32) } else { value });
    Exact { value, exponent: 0 }
}

fn ulps_f32(y: f32, exact: Exact) -> f64 {
    ulps(y.into(), exact, f32::MANTISSA_DIGITS, f32::MIN_EXP - 1)
}

fn ulps_f64(y: f64, exact: Exact) -> f64 {
    ulps(y, exact, f64::MANTISSA_DIGITS, f64::MIN_EXP - 1)
}

#[test]
fn f32_within_the_stated_bounds() {
    // A prime stride through all bit patterns.
    for x in (0..=u32::MAX).step_by(4099).map(f32::from_bits) {
        for function in &ALL {
            let exact = exact_f32(function, x);
            for math in BOTH {
                let y = (function.lane_f32)(math, x);
                let error = ulps_f32(y, exact);
                assert!(error <= function.ulps, "{}({x:e}) = {y:e}: {error} ULP", function.name);
            }
        }
    }
}

/// Arguments evenly spaced where the functions bend, and over all magnitudes.
fn arguments() -> impl Iterator<Item = f64> {
    const COUNT: i32 = 10_000;
    let spaced = (-COUNT..COUNT).map(|i| f64::from(i) / f64::from(COUNT) + 1e-7);
    let bits = (0..COUNT as u64).map(|i| f64::from_bits(i.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
    spaced.flat_map(|t| [t, 1.0 + 0.5 * t, 30.0 * t, 760.0 * t]).chain(bits)
}

#[test]
fn f64_within_the_stated_bounds() {
    for function in &ALL {
        let [least, greatest] = function.domain;
        for x in arguments().filter(|&x| least < x && x < greatest) {
            let exact = (function.exact)(x);
            for math in BOTH {
                let y = (function.lane_f64)(math, x);
                let error = ulps_f64(y, exact);
                assert!(error <= function.ulps, "{}({x:e}) = {y:e}: {error} ULP", function.name);
            }
        }
    }
}

/// Checks the oracle against 32 digits from mpmath, stored as sums of two `f64`s.
#[test]
fn oracle_agrees_with_golden_digits() {
    let golden: &[(&Function, f64, f64, f64)] = &[
        (&EXP, 1.25, 3.4903429574618414, -4.604261945372796e-17),
        (&EXP, -0.3, 0.7408182206817179, -1.805530505953e-18),
        (&EXP, 300.5, 3.202519714603633e+130, 3.450128650899247e+112),
        (&EXP, -200.25, 1.0777796987123686e-87, -2.2331274453732505e-104),
        (&EXPM1, 0.25, 0.2840254166877415, -2.133257464457841e-17),
        (&EXPM1, -1e-05, -9.999950000166666e-06, -7.687946724313578e-22),
        (&EXPM1, -3.75, -0.9764822541439909, 3.2491698455250124e-17),
        (&EXPM1, 300.5, 3.202519714603633e+130, 3.450128650899247e+112),
        (&LN, 3.0, 1.0986122886681098, -9.07129723500153e-17),
        (&LN, 1.0009765625, 0.0009760859730554589, -2.8791156534096714e-20),
        (&LN, 1e-300, -690.7755278982137, -2.3670096176709832e-14),
        (&LN, 123456.789, 11.723646487185881, -4.1025541885795297e-16),
        (&LOG1P, 0.25, 0.22314355131420976, -9.091270597324799e-18),
        (&LOG1P, -1e-05, -1.0000050000333337e-05, 5.40138824458258e-22),
        (&LOG1P, -0.999, -6.907755278982136, -2.369515526854508e-16),
        (&LOG1P, 123456.789, 11.72365458715315, -8.830600027566711e-16),
        (&LOG1P, 1e+300, 690.7755278982137, 2.3747660028800243e-14),
        (&TANH, 1e-05, 9.999999999666668e-06, -4.5758701526937e-22),
        (&TANH, 0.6, 0.5370495669980353, -2.923064398544366e-17),
        (&TANH, -7.5, -0.9999993881955461, -2.4847492783280624e-17),
        (&SIGMOID, 0.5, 0.6224593312018546, -2.855738705812305e-17),
        (&SIGMOID, -0.5, 0.37754066879814546, -2.695376417313478e-17),
        (&SIGMOID, -40.25, 3.3086216207858244e-18, 1.2507219229637662e-34),
        (&SIGMOID, 30.0, 0.9999999999999064, 1.557128750770682e-17),
        (&SOFTPLUS, 0.5, 0.9740769841801067, -5.522109052790765e-18),
        (&SOFTPLUS, -0.5, 0.4740769841801067, -5.522109052790765e-18),
        (&SOFTPLUS, -40.25, 3.3086216207858244e-18, 1.3054568081114232e-34),
        (&SOFTPLUS, 12.0, 12.000006144193478, 1.7978828815933246e-16),
        (&ERF, 0.5, 0.5204998778130465, 1.900077467916287e-17),
        (&ERF, -0.3, -0.3286267594591274, -2.2908254446982777e-17),
        (&ERF, 1.25, 0.9229001282564583, -5.51775442986392e-17),
        (&ERF, 3.0, 0.9999779095030014, 5.363397058636269e-17),
        (&ERF, 1e-5, 1.1283791670579e-05, -3.369136869444807e-23),
        (&ERF, -5.5, -0.9999999999999927, 3.03759554483649e-17),
    ];
    for &(function, x, high, low) in golden {
        let Exact { value, exponent } = (function.exact)(x);
        let power = power_of_two(exponent);
        let error = (value.high * power - high) + (value.low * power - low);
        assert!(error.abs() <= 1e-29 * high.abs(), "{}({x}): off by {error:e}", function.name);
    }
}

/// Asserts that `kernel` gives an element the same bits at every position: in the vectors of a long
/// slice, in the remainder, or alone.
fn assert_independent_of_place<T: Lane + Debug>(name: &str, kernel: fn(&[T], &mut [T])) {
    let value = |i: i32| T::from(0.37 * f64::from(i) + 0.01).expect("a float converts to a float");
    let x: Vec<T> = (0..70).map(value).collect();
    let alone: Vec<T> = x
        .chunks(1)
        .map(|x| {
            let mut y = [T::nan()];
            kernel(x, &mut y);
            y[0]
        })
        .collect();
    for start in 0..20 {
        for end in start..=x.len() {
            let mut y = vec![T::nan(); end - start];
            kernel(&x[start..end], &mut y);
            assert_eq!(y, alone[start..end], "{name} of {start}..{end}");
        }
    }
}

#[test]
fn results_do_not_depend_on_the_place_in_the_slice() {
    for function in ALL {
        assert_independent_of_place(function.name, function.slice_f32);
        assert_independent_of_place(function.name, function.slice_f64);
    }
}

#[test]
#[should_panic(
    expected = "assertion `left == right` failed: a result must be as long as its argument\n  left: \
        2\n right: 1"
)]
fn slices_of_different_lengths_are_refused() {
    apply(Unary::Exp, &[1.0, 2.0], &mut [0.0]);
}
