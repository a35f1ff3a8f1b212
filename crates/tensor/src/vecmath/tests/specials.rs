//! Zeros, infinities, NaN, subnormal numbers, and the arguments from which on a function rounds to
//! its limit.

use super::*;

fn assert_same<T: Lane + Debug>(name: &str, x: T, y: T, expected: T) {
    // The reciprocals of 0 and -0 are ∞ and -∞, which compare as different.
    let same = y == expected && y.recip() == expected.recip();
    assert!(same || y.is_nan() && expected.is_nan(), "{name}({x:?}) = {y:?}, not {expected:?}");
}

fn specials<T: Lane + Debug>() {
    let of = |x: f64| T::from(x).expect("a float converts to a float");
    let (nan, infinity, huge) = (T::nan(), T::infinity(), T::max_value());
    let least = T::min_positive_value() * T::epsilon(); // the least subnormal number
    let [zero, half, one, ln_2] = [0.0, 0.5, 1.0, std::f64::consts::LN_2].map(of);
    for math in BOTH {
        for (x, y) in [
            (zero, one),
            (-zero, one),
            (least, one),
            (infinity, infinity),
            (-infinity, zero),
            (huge, infinity),
            (-huge, zero),
            (nan, nan),
        ] {
            assert_same("exp", x, math.exp(x), y);
        }
        for (x, y) in [
            (zero, zero),
            (-zero, -zero),
            (least, least),
            (-least, -least),
            (of(-1e-30), of(-1e-30)),
            (of(-60.0), -one),
            (infinity, infinity),
            (-infinity, -one),
            (huge, infinity),
            (-huge, -one),
            (nan, nan),
        ] {
            assert_same("expm1", x, math.expm1(x), y);
        }
        for (x, y) in [
            (zero, zero),
            (-zero, -zero),
            (least, least),
            (-least, -least),
            (of(-1e-30), of(-1e-30)),
            (-one, -infinity),
            (of(-1.5), nan),
            (infinity, infinity),
            (-infinity, nan),
            (nan, nan),
        ] {
            assert_same("log1p", x, math.log1p(x), y);
        }
        for (x, y) in [
            (zero, -infinity),
            (-zero, -infinity),
            (one, zero),
            (infinity, infinity),
            (-infinity, nan),
            (-one, nan),
            (-least, nan),
            (nan, nan),
        ] {
            assert_same("ln", x, math.ln(x), y);
        }
        for (x, y) in [
            (zero, zero),
            (least, least),
            (of(1e-30), of(1e-30)),
            (of(30.0), one),
            (huge, one),
            (infinity, one),
            (nan, nan),
        ] {
            assert_same("tanh", x, math.tanh(x), y);
            assert_same("tanh", -x, math.tanh(-x), -y);
        }
        for (x, y) in
            [(zero, zero), (least, least), (of(8.0), one), (huge, one), (infinity, one), (nan, nan)]
        {
            assert_same("erf", x, math.erf(x), y);
            assert_same("erf", -x, math.erf(-x), -y);
        }
        for (x, y) in [
            (zero, half),
            (-zero, half),
            (infinity, one),
            (-infinity, zero),
            (huge, one),
            (-huge, zero),
            (nan, nan),
        ] {
            assert_same("sigmoid", x, math.sigmoid(x), y);
        }
        for (x, y) in [
            (zero, ln_2),
            (-zero, ln_2),
            (infinity, infinity),
            (-infinity, zero),
            (huge, huge),
            (-huge, zero),
            (nan, nan),
        ] {
            assert_same("softplus", x, math.softplus(x), y);
        }
    }
}

#[test]
fn specials_f32() {
    specials::<f32>();
}

#[test]
fn specials_f64() {
    specials::<f64>();
}
