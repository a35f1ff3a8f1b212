//! Dispatch to the best instruction set at run time.
//!
//! The crate is compiled for the baseline processor of its target. On x86-64, [`vectorize`]
//! compiles a loop three times: for AVX-512, for AVX2 with FMA, and for the baseline processor. It
//! runs the best version that this machine supports. The loops are plain Rust, which the compiler
//! vectorises; there are no vector intrinsics here. The loops of [`crate::gemm::packed`] are laid
//! out for the registers by hand, so that module reads [`InstructionSet`] itself.
//!
//! The paths differ only in [`Math::mul_add`]. A loop without it gives the same bits on every
//! machine. A loop with it gives one result on machines with FMA, and another on machines without.

use num_traits::Float;

/// The arithmetic of the instruction set that a loop is compiled for. [`vectorize_math`] passes it
/// to the loop.
///
/// Next to [`mul_add`](Self::mul_add), it has the functions of [`vecmath`](crate::vecmath). Once
/// they are inlined, the field is a constant, so a branch on it costs nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Math {
    /// Whether the instruction set has fused multiply-add.
    pub(crate) fma: bool,
}

impl Math {
    /// The arithmetic of the baseline processor of the target.
    pub(crate) const PORTABLE: Self =
        Self { fma: cfg!(any(target_arch = "aarch64", target_feature = "fma")) };

    /// `a·b + c`, rounded once where there is an instruction for that. Elsewhere the product is
    /// rounded as well, since `f32::mul_add` would emulate the single rounding in software.
    #[inline(always)]
    pub(crate) fn mul_add<T: Float>(self, a: T, b: T, c: T) -> T {
        if self.fma { a.mul_add(b, c) } else { a * b + c }
    }

    /// Like [`mul_add`](Self::mul_add) with the product
    /// [`Binary::ChainMul`](crate::Binary::ChainMul): `c` where `a` or `b` is 0.
    #[inline(always)]
    pub(crate) fn chain_mul_add<T: Float>(self, a: T, b: T, c: T) -> T {
        if (a != T::zero()) & (b != T::zero()) { self.mul_add(a, b, c) } else { c }
    }
}

/// Runs `f`, compiled for the best instruction set of this machine.
///
/// Mark the closure `#[inline(always)]`, and every function that it calls per element: a function
/// that is not inlined is compiled for the baseline processor, which is correct but slow.
#[inline(always)]
pub(crate) fn vectorize<R>(f: impl FnOnce() -> R) -> R {
    vectorize_math(
        #[inline(always)]
        |_| f(),
    )
}

/// Like [`vectorize`], for loops that take elementary functions or multiply and add:
///
/// ```ignore
/// vectorize_math(
///     #[inline(always)]
///     |math| {
///         for (y, &x) in y.iter_mut().zip(x) {
///             *y = math.tanh(math.mul_add(scale, x, shift));
///         }
///     },
/// );
/// ```
#[inline(always)]
pub(crate) fn vectorize_math<R>(f: impl FnOnce(Math) -> R) -> R {
    match InstructionSet::best() {
        // SAFETY: the best set is one that the processor has.
        #[cfg(target_arch = "x86_64")]
        InstructionSet::Avx512 => unsafe { x86::avx512(f) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        InstructionSet::Avx2 => unsafe { x86::avx2(f) },
        InstructionSet::Portable => f(Math::PORTABLE),
    }
}

/// The instruction sets that loops are compiled for, worst first. A processor that supports one
/// supports all before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum InstructionSet {
    Portable = 1,
    /// With FMA and F16C.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// With VL, DQ and BW.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl InstructionSet {
    /// The best instruction set that this machine supports.
    #[cfg(not(target_arch = "x86_64"))]
    #[inline(always)]
    pub(crate) fn best() -> Self {
        Self::Portable
    }

    /// The best instruction set that this machine supports.
    ///
    /// The answer is cached, since operations on a few elements need it as well. A call then costs
    /// one load and one comparison.
    #[cfg(target_arch = "x86_64")]
    #[inline]
    pub(crate) fn best() -> Self {
        use std::sync::atomic::{AtomicU8, Ordering};

        const PORTABLE: u8 = InstructionSet::Portable as u8;
        const AVX2: u8 = InstructionSet::Avx2 as u8;
        const AVX512: u8 = InstructionSet::Avx512 as u8;
        static BEST: AtomicU8 = AtomicU8::new(0);
        match BEST.load(Ordering::Relaxed) {
            AVX512 => Self::Avx512,
            AVX2 => Self::Avx2,
            PORTABLE => Self::Portable,
            _ => {
                let best = x86::detect();
                BEST.store(best as u8, Ordering::Relaxed); // every thread finds the same
                best
            }
        }
    }

    /// All instruction sets that this machine supports.
    #[cfg(test)]
    pub(crate) fn available() -> impl Iterator<Item = Self> {
        let all = [
            Self::Portable,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512,
        ];
        all.into_iter().filter(|&set| set <= Self::best())
    }
}

/// The bytes of a cache line. No vector register is larger.
pub(crate) const LINE: usize = 64;

/// Prefetches the cache line of an address into the second-level cache. The address need not be
/// readable.
#[inline(always)]
pub(crate) fn prefetch<T>(address: *const T) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: every processor of the target has the instruction, which reads nothing.
    unsafe {
        core::arch::x86_64::_mm_prefetch::<{ core::arch::x86_64::_MM_HINT_T1 }>(address.cast());
    }
    #[cfg(any(not(target_arch = "x86_64"), miri))]
    let _ = address; // there is no portable prefetch instruction
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{InstructionSet, Math};

    #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,fma")]
    pub(super) fn avx512<R>(f: impl FnOnce(Math) -> R) -> R {
        f(Math { fma: true })
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn avx2<R>(f: impl FnOnce(Math) -> R) -> R {
        f(Math { fma: true })
    }

    #[cold]
    pub(super) fn detect() -> InstructionSet {
        let avx2 = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("f16c");
        let avx512 = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512bw");
        match (avx2, avx512) {
            _ if cfg!(miri) => InstructionSet::Portable, // the interpreter knows few intrinsics
            (true, true) => InstructionSet::Avx512,
            (true, false) => InstructionSet::Avx2,
            _ => InstructionSet::Portable,
        }
    }
}
