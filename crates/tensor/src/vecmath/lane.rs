//! Constants of each element type: ranges and polynomial coefficients.

use num_traits::FloatConst;

use super::bits::Bits;

/// One lane of a vector register: `f32` or `f64`.
///
/// The algorithms are written once for both types; the ranges and the number of terms of a
/// polynomial differ. The coefficients were computed for this crate: minimax polynomials by Remez'
/// exchange in 60 digits, rounded to the type. The weights minimise the *relative* error of the
/// function named at each.
pub trait Lane: Bits + FloatConst + 'static {
    /// `ln 2` without its last bits, so that `n · LN_2_HI` is exact for every exponent `n`.
    const LN_2_HI: Self;
    /// `ln 2 - LN_2_HI`.
    const LN_2_LO: Self;
    /// Below the first, `e^x` rounds to zero; above the second, to infinity.
    const EXP_RANGE: (Self, Self);
    /// From here on, `tanh` rounds to one.
    const TANH_ONE: Self;
    /// From here on, `erf` rounds to one.
    const ERF_ONE: Self;

    /// `q` in `e^r - 1 ≈ r + r² q(r)` for `|r| ≤ ½ ln 2`, constant term first.
    const EXPM1: &'static [Self];
    /// `R` in `ln((1 + s) / (1 - s)) ≈ 2s + s³ R(s²)` for `|s| ≤ 3 - √8`, constant term first.
    const LN: &'static [Self];
    /// `q` in `erf x ≈ x + x q(x²)` for `|x| ≤ 1`, constant term first.
    const ERF: &'static [Self];
    /// `R` in `1 - erf x ≈ e^R(x)` for `1 ≤ x ≤ ERF_ONE`, constant term first.
    const ERFC: &'static [Self];
}

impl Lane for f32 {
    const LN_2_HI: f32 = 0.693_145_75;
    const LN_2_LO: f32 = 1.428_606_8e-6;
    const EXP_RANGE: (f32, f32) = (-104.0, 89.0);
    const TANH_ONE: f32 = 10.0;
    const ERF_ONE: f32 = 4.0;

    // Error at most 2^-31.9 of e^r - 1.
    const EXPM1: &'static [f32] =
        &[0.5, 0.166_666_66, 0.041_666_36, 0.008_333_39, 0.001_394_072, 0.000_198_458_85];
    // Error at most 2^-30.2 of the logarithm.
    const LN: &'static [f32] = &[0.666_667_76, 0.399_775_27, 0.298_722_8];
    // Error at most 2^-28.6 of the error function.
    const ERF: &'static [f32] = &[
        0.128_379_17,
        -0.376_126_26,
        0.112_835_854,
        -0.026_853_813,
        0.005_188_327_7,
        -8.010_194e-4,
        7.853_863e-5,
    ];
    // Error at most 2^-26.2 of the error function.
    const ERFC: &'static [f32] = &[
        1.884_681e-4,
        -1.129_580_3,
        -0.633_216_4,
        -0.108_422_1,
        0.025_210_34,
        -0.004_205_284_6,
        4.414_726_3e-4,
        -2.169_761_1e-5,
    ];
}

impl Lane for f64 {
    const LN_2_HI: f64 = 0.693_147_180_559_890_3;
    const LN_2_LO: f64 = 5.497_923_018_708_371e-14;
    const EXP_RANGE: (f64, f64) = (-746.0, 710.0);
    const TANH_ONE: f64 = 20.0;
    const ERF_ONE: f64 = 6.0;

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
    // Error at most 2^-56.3 of the error function.
    const ERF: &'static [f64] = &[
        0.128_379_167_095_512_6,
        -0.376_126_389_031_837_5,
        0.112_837_916_709_548_57,
        -0.026_866_170_645_072_896,
        0.005_223_977_624_780_864,
        -8.548_326_978_742_063e-4,
        1.205_533_103_689_457_6e-4,
        -1.492_559_350_676_931_2e-5,
        1.646_097_281_506_824_3e-6,
        -1.635_002_520_171_134_7e-7,
        1.465_787_970_053_758e-8,
        -1.136_566_541_350_748e-9,
        5.945_260_824_210_891e-11,
    ];
    // Error at most 2^-57.4 of the error function.
    const ERFC: &'static [f64] = &[
        -2.780_150_784_357_256_8e-8,
        -1.128_378_915_736_237_4,
        -0.636_620_734_068_656_6,
        -0.102_770_816_197_654_28,
        0.019_128_046_002_369_732,
        2.023_023_230_894_107e-4,
        -0.001_674_961_659_197_917,
        5.523_562_197_465_381e-4,
        2.201_264_921_697_032e-5,
        -1.107_871_877_160_560_2e-4,
        6.476_312_487_379_435e-5,
        -2.428_111_764_000_081_6e-5,
        6.784_429_967_310_491e-6,
        -1.469_776_492_382_225e-6,
        2.481_526_726_416_144e-7,
        -3.219_667_808_466_414e-8,
        3.108_386_054_762_601e-9,
        -2.105_412_635_296_209_6e-10,
        8.929_493_297_849_894e-12,
        -1.784_021_415_997_183_8e-13,
    ];
}
