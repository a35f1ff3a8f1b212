//! What the functions need of an element type: ranges and coefficients.

use num_traits::FloatConst;

use super::bits::Bits;

/// One lane of a vector register: `f32` or `f64`.
///
/// The algorithms are written once for both types; the ranges and the number of terms of a
/// polynomial differ. The coefficients were computed for this crate: minimax polynomials by
/// Remez' exchange in 60 digits, weighted so that the *relative* error of the function named at
/// each is least, then rounded to the type.
pub trait Lane: Bits + FloatConst + 'static {
    /// `ln 2` without its last bits, so that `n · LN_2_HI` is exact for every exponent `n`.
    const LN_2_HI: Self;
    /// `ln 2 - LN_2_HI`.
    const LN_2_LO: Self;
    /// Below the first, `e^x` rounds to zero; above the second, to infinity.
    const EXP_RANGE: (Self, Self);
    /// From here on, `tanh` rounds to one.
    const TANH_ONE: Self;

    /// `q` in `e^r - 1 ≈ r + r² q(r)` for `|r| ≤ ½ ln 2`, constant term first.
    const EXPM1: &'static [Self];
    /// `R` in `ln((1 + s) / (1 - s)) ≈ 2s + s³ R(s²)` for `|s| ≤ 3 - √8`, constant term first.
    const LN: &'static [Self];
}

impl Lane for f32 {
    const LN_2_HI: f32 = 0.693_145_75;
    const LN_2_LO: f32 = 1.428_606_8e-6;
    const EXP_RANGE: (f32, f32) = (-104.0, 89.0);
    const TANH_ONE: f32 = 10.0;

    // Error at most 2^-31.9 of e^r - 1.
    const EXPM1: &'static [f32] =
        &[0.5, 0.166_666_66, 0.041_666_36, 0.008_333_39, 0.001_394_072, 0.000_198_458_85];
    // Error at most 2^-30.2 of the logarithm.
    const LN: &'static [f32] = &[0.666_667_76, 0.399_775_27, 0.298_722_8];
}

impl Lane for f64 {
    const LN_2_HI: f64 = 0.693_147_180_559_890_3;
    const LN_2_LO: f64 = 5.497_923_018_708_371e-14;
    const EXP_RANGE: (f64, f64) = (-746.0, 710.0);
    const TANH_ONE: f64 = 20.0;

    // Error at most 2^-61.7 of e^r - 1.
    const EXPM1: &'static [f64] = &[
        0.5,
        0.166_666_666_666_666_77,
        0.041_666_666_666_666_505,
        0.008_333_333_333_321_608,
        0.001_388_888_888_896_29,
        0.000_198_412_698_862_079_07,
        2.480_158_717_184_482e-5,
        2.755_724_410_422_608_4e-6,
        2.755_740_293_977_166e-7,
        2.510_908_138_592_093_6e-8,
        2.087_532_847_999_255_5e-9,
    ];
    // Error at most 2^-59.5 of the logarithm.
    const LN: &'static [f64] = &[
        0.666_666_666_666_673_5,
        0.399_999_999_994_128,
        0.285_714_287_428_879_94,
        0.222_221_985_138_175_15,
        0.181_835_678_085_362_13,
        0.153_139_517_463_998_84,
        0.147_970_314_707_659_56,
    ];
}
