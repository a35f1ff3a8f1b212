//! Vector registers of each instruction set and element type.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

use num_traits::Float;

#[cfg(target_arch = "x86_64")]
use crate::cpu::horizontal;
use crate::cpu::simd::Math;

/// A vector register.
///
/// The methods are inlined into their callers, and compiled for the caller's instruction set. So
/// call them only in functions compiled for the register's instruction set.
pub trait Vector: Copy {
    /// The element type.
    type Element: Float + 'static;

    /// The number of elements in one register.
    const LANES: usize;

    /// `x` in every lane.
    ///
    /// # Safety
    ///
    /// The processor must have the register's instruction set.
    unsafe fn splat(x: Self::Element) -> Self;

    /// The elements at an address, of any alignment.
    ///
    /// # Safety
    ///
    /// As for [`splat`](Self::splat); and all lanes must be readable there.
    unsafe fn load(from: *const Self::Element) -> Self;

    /// The elements at an address, of any alignment, which are stored as finite
    /// [half-precision](crate::HalfPrecision::F16) numbers.
    ///
    /// # Safety
    ///
    /// As for [`load`](Self::load). On x86-64, the processor must also have F16C.
    unsafe fn load_half(from: *const u16) -> Self;

    /// Writes all elements to an address, of any alignment.
    ///
    /// # Safety
    ///
    /// As for [`splat`](Self::splat); and all lanes must be writable there.
    unsafe fn store(self, to: *mut Self::Element);

    /// `self + x`
    ///
    /// # Safety
    ///
    /// As for [`splat`](Self::splat).
    unsafe fn add(self, x: Self) -> Self;

    /// `self·x + y`, rounded once where there is an instruction for that.
    ///
    /// # Safety
    ///
    /// As for [`splat`](Self::splat).
    unsafe fn mul_add(self, x: Self, y: Self) -> Self;
}

/// The registers that hold elements of a type.
pub trait Registers: Float + 'static {
    /// The AVX-512 register.
    #[cfg(target_arch = "x86_64")]
    type Avx512: Vector<Element = Self>;
    /// The AVX2 register.
    #[cfg(target_arch = "x86_64")]
    type Avx2: Vector<Element = Self>;
    /// Arrays that the compiler places in the registers of the baseline processor.
    type Portable: Vector<Element = Self>;

    /// The sums of eight rows, by [`horizontal::avx`].
    ///
    /// # Safety
    ///
    /// The processor must have AVX.
    #[cfg(target_arch = "x86_64")]
    unsafe fn sums_of_rows_avx(rows: &[[Self; 8]; 8]) -> [Self; 8];
}

impl Registers for f32 {
    #[cfg(target_arch = "x86_64")]
    type Avx512 = __m512;
    #[cfg(target_arch = "x86_64")]
    type Avx2 = __m256;
    type Portable = [f32; 4];

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    unsafe fn sums_of_rows_avx(rows: &[[Self; 8]; 8]) -> [Self; 8] {
        // SAFETY: the caller's contract.
        unsafe { horizontal::avx::of_f32(rows) }
    }
}

impl Registers for f64 {
    #[cfg(target_arch = "x86_64")]
    type Avx512 = __m512d;
    #[cfg(target_arch = "x86_64")]
    type Avx2 = __m256d;
    type Portable = [f64; 2];

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    unsafe fn sums_of_rows_avx(rows: &[[Self; 8]; 8]) -> [Self; 8] {
        // SAFETY: the caller's contract.
        unsafe { horizontal::avx::of_f64(rows) }
    }
}

#[cfg(target_arch = "x86_64")]
macro_rules! x86 {
    (
        $vector:ident of $t:ident, $splat:ident $load:ident $load_half:ident $store:ident $add:ident $mul_add:ident
    ) => {
        impl Vector for $vector {
            type Element = $t;

            const LANES: usize = size_of::<$vector>() / size_of::<$t>();

            #[inline(always)]
            unsafe fn splat(x: $t) -> Self {
                // SAFETY: the caller's contract.
                unsafe { $splat(x) }
            }

            #[inline(always)]
            unsafe fn load(from: *const $t) -> Self {
                // SAFETY: the caller's contract.
                unsafe { $load(from) }
            }

            #[inline(always)]
            unsafe fn load_half(from: *const u16) -> Self {
                // SAFETY: the caller's contract.
                unsafe { $load_half(from) }
            }

            #[inline(always)]
            unsafe fn store(self, to: *mut $t) {
                // SAFETY: the caller's contract.
                unsafe { $store(to, self) }
            }

            #[inline(always)]
            unsafe fn add(self, x: Self) -> Self {
                // SAFETY: the caller's contract.
                unsafe { $add(self, x) }
            }

            #[inline(always)]
            unsafe fn mul_add(self, x: Self, y: Self) -> Self {
                // SAFETY: the caller's contract.
                unsafe { $mul_add(self, x, y) }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod half {
    use std::arch::x86_64::*;

    #[inline(always)]
    pub(super) unsafe fn to_m512(from: *const u16) -> __m512 {
        // SAFETY: the contract of `Vector::load_half`.
        unsafe { _mm512_cvtph_ps(_mm256_loadu_si256(from.cast())) }
    }

    #[inline(always)]
    pub(super) unsafe fn to_m256(from: *const u16) -> __m256 {
        // SAFETY: as above.
        unsafe { _mm256_cvtph_ps(_mm_loadu_si128(from.cast())) }
    }

    #[inline(always)]
    pub(super) unsafe fn to_m512d(from: *const u16) -> __m512d {
        // SAFETY: as above.
        unsafe { _mm512_cvtps_pd(to_m256(from)) }
    }

    #[inline(always)]
    pub(super) unsafe fn to_m256d(from: *const u16) -> __m256d {
        // SAFETY: as above.
        unsafe { _mm256_cvtps_pd(_mm_cvtph_ps(_mm_loadl_epi64(from.cast()))) }
    }
}

#[cfg(target_arch = "x86_64")]
use half::{to_m256, to_m256d, to_m512, to_m512d};

#[cfg(target_arch = "x86_64")]
x86!(__m512 of f32, _mm512_set1_ps _mm512_loadu_ps to_m512 _mm512_storeu_ps _mm512_add_ps _mm512_fmadd_ps);
#[cfg(target_arch = "x86_64")]
x86!(__m512d of f64, _mm512_set1_pd _mm512_loadu_pd to_m512d _mm512_storeu_pd _mm512_add_pd _mm512_fmadd_pd);
#[cfg(target_arch = "x86_64")]
x86!(__m256 of f32, _mm256_set1_ps _mm256_loadu_ps to_m256 _mm256_storeu_ps _mm256_add_ps _mm256_fmadd_ps);
#[cfg(target_arch = "x86_64")]
x86!(__m256d of f64, _mm256_set1_pd _mm256_loadu_pd to_m256d _mm256_storeu_pd _mm256_add_pd _mm256_fmadd_pd);

impl<T: Float + 'static, const LANES: usize> Vector for [T; LANES] {
    type Element = T;

    const LANES: usize = LANES;

    #[inline(always)]
    unsafe fn splat(x: T) -> Self {
        [x; LANES]
    }

    #[inline(always)]
    unsafe fn load(from: *const T) -> Self {
        // SAFETY: the caller's contract.
        unsafe { from.cast::<Self>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn load_half(from: *const u16) -> Self {
        std::array::from_fn(|lane| {
            // SAFETY: the caller's contract.
            let pattern = u32::from(unsafe { from.add(lane).read_unaligned() });
            // in place in an f32, the exponent is too small by the difference of the biases
            let magnitude = f32::from_bits((pattern & 0x7fff) << 13) * 2f32.powi(127 - 15);
            let sign = (pattern & 0x8000) << 16;
            T::from(f32::from_bits(magnitude.to_bits() | sign)).expect("a number of a wider type")
        })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut T) {
        // SAFETY: the caller's contract.
        unsafe { to.cast::<Self>().write_unaligned(self) }
    }

    #[inline(always)]
    unsafe fn add(mut self, x: Self) -> Self {
        for lane in 0..LANES {
            self[lane] = self[lane] + x[lane];
        }
        self
    }

    #[inline(always)]
    unsafe fn mul_add(mut self, x: Self, y: Self) -> Self {
        for lane in 0..LANES {
            self[lane] = Math::PORTABLE.mul_add(self[lane], x[lane], y[lane]);
        }
        self
    }
}
