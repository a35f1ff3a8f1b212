//! Sums across the lanes of vectors. The compiler makes slow shuffles of them, so on x86-64 they are written by intrinsics.

use super::registers::Registers;
use super::simd::Math;

/// Sums each of eight rows: `((x₀ + x₄) + (x₂ + x₆)) + ((x₁ + x₅) + (x₃ + x₇))`. The sums have the same bits on every
/// machine.
///
/// # Safety
///
/// The processor must have the instruction set of this arithmetic.
#[inline(always)]
pub(crate) unsafe fn sums_of_rows<T: Registers>(math: Math, rows: &[[T; 8]; 8]) -> [T; 8] {
    #[cfg(target_arch = "x86_64")]
    if math.fma {
        // SAFETY: the caller's contract; every instruction set with FMA has AVX.
        return unsafe { T::sums_of_rows_avx(rows) };
    }
    let _ = math;
    let mut sums = [T::zero(); 8];
    for (sum, x) in sums.iter_mut().zip(rows) {
        *sum = ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]));
    }
    sums
}

#[cfg(target_arch = "x86_64")]
pub(super) mod avx {
    use std::arch::x86_64::*;

    // No closures here: the standard library would call them without AVX.

    /// [`sums_of_rows`](super::sums_of_rows). Parts of two rows are added at once, so that all lanes are used.
    #[target_feature(enable = "avx")]
    #[inline]
    pub(crate) fn of_f32(rows: &[[f32; 8]; 8]) -> [f32; 8] {
        let [even, odd] = [two_sums(rows, 0), two_sums(rows, 1)];
        let sums = _mm256_add_ps(
            _mm256_shuffle_ps::<0b10_00_10_00>(even, odd),
            _mm256_shuffle_ps::<0b11_01_11_01>(even, odd),
        ); // of rows 0, 2, 1, 3, 4, 6, 5, 7
        let mut result = [0.0; 8];
        // SAFETY: there are eight sums.
        unsafe { _mm256_storeu_ps(result.as_mut_ptr(), _mm256_permute_ps::<0b11_01_10_00>(sums)) };
        result
    }

    /// Two partial sums of each of the rows `row`, `row + 2`, `row + 4` and `row + 6`.
    #[target_feature(enable = "avx")]
    #[inline]
    fn two_sums(rows: &[[f32; 8]; 8], row: usize) -> __m256 {
        let a = _mm256_castps_pd(four_sums(rows, row));
        let b = _mm256_castps_pd(four_sums(rows, row + 2));
        let (low, high) = (_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b));
        _mm256_add_ps(_mm256_castpd_ps(low), _mm256_castpd_ps(high))
    }

    /// Four partial sums of each of the rows `row` and `row + 4`.
    #[target_feature(enable = "avx")]
    #[inline]
    fn four_sums(rows: &[[f32; 8]; 8], row: usize) -> __m256 {
        // SAFETY: the eight numbers of a row are readable.
        let (a, b) = unsafe {
            (_mm256_loadu_ps(rows[row].as_ptr()), _mm256_loadu_ps(rows[row + 4].as_ptr()))
        };
        _mm256_add_ps(_mm256_permute2f128_ps::<0x20>(a, b), _mm256_permute2f128_ps::<0x31>(a, b))
    }

    /// [`sums_of_rows`](super::sums_of_rows) of four rows at a time.
    #[target_feature(enable = "avx")]
    #[inline]
    pub(crate) fn of_f64(rows: &[[f64; 8]; 8]) -> [f64; 8] {
        let mut result = [0.0; 8];
        for first in [0, 4] {
            let [even, odd] = [two_sums_of_f64(rows, first), two_sums_of_f64(rows, first + 1)];
            let sums = _mm256_add_pd(_mm256_unpacklo_pd(even, odd), _mm256_unpackhi_pd(even, odd));
            // SAFETY: there are four more sums.
            unsafe { _mm256_storeu_pd(result.as_mut_ptr().add(first), sums) };
        }
        result
    }

    /// Two partial sums of each of the rows `row` and `row + 2`.
    #[target_feature(enable = "avx")]
    #[inline]
    fn two_sums_of_f64(rows: &[[f64; 8]; 8], row: usize) -> __m256d {
        let (a, b) = (four_sums_of_f64(&rows[row]), four_sums_of_f64(&rows[row + 2]));
        _mm256_add_pd(_mm256_permute2f128_pd::<0x20>(a, b), _mm256_permute2f128_pd::<0x31>(a, b))
    }

    /// Four partial sums of a row.
    #[target_feature(enable = "avx")]
    #[inline]
    fn four_sums_of_f64(row: &[f64; 8]) -> __m256d {
        let first = row.as_ptr();
        // SAFETY: the eight numbers of a row are readable.
        unsafe { _mm256_add_pd(_mm256_loadu_pd(first), _mm256_loadu_pd(first.add(4))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::simd::vectorize_math;

    #[test]
    fn sums_have_the_bits_of_the_plain_order() {
        fn check<T: Registers>() {
            let rows: [[T; 8]; 8] = std::array::from_fn(|row| {
                std::array::from_fn(|lane| {
                    T::from(((row * 8 + lane) as f64 * 0.37).sin() * 10f64.powi(lane as i32 % 3))
                        .unwrap()
                })
            });
            // SAFETY: no instruction set is needed without FMA.
            let plain = unsafe { sums_of_rows(Math { fma: false }, &rows) };
            let sums = vectorize_math(
                #[inline(always)]
                // SAFETY: the arithmetic is that of this machine.
                |math| unsafe { sums_of_rows(math, &rows) },
            );
            assert!(sums == plain, "other sums");
            for (sum, row) in plain.iter().zip(rows) {
                let expected = row.iter().fold(0.0, |sum, x| sum + x.to_f64().unwrap());
                let size = row.iter().fold(0.0, |sum, x| sum + x.to_f64().unwrap().abs());
                let rounding = 8.0 * T::epsilon().to_f64().unwrap() * size; // of seven additions
                assert!((sum.to_f64().unwrap() - expected).abs() <= rounding, "{expected}");
            }
        }
        check::<f32>();
        check::<f64>();
    }
}
