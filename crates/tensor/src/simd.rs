//! Run-time choice of the instruction set.
//!
//! The crate is compiled for the least processor of its target. On x86-64, [`vectorize`] compiles a
//! loop three times instead — for AVX-512, for AVX2 with FMA and for the least processor — and runs
//! the best of them that this machine has. There are no intrinsics: the compiler vectorises plain
//! loops, and this module only tells it for which registers.
//!
//! The paths differ in nothing but [`Math::mul_add`]. A loop without it gives the same bits on
//! every machine; a loop with it, on every machine that has FMA, and on every one that has not.

use num_traits::Float;

/// The arithmetic of the instruction set that a loop is compiled for, handed out by
/// [`vectorize_math`].
///
/// Next to [`mul_add`](Self::mul_add), it has the functions of [`vecmath`](crate::vecmath). Once
/// they are inlined, the field is a constant, and asking for it costs nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Math {
    /// Whether the instruction set has fused multiply-add.
    pub(crate) fma: bool,
}

impl Math {
    /// That of the least processor of the target.
    const PORTABLE: Self = Self { fma: cfg!(any(target_arch = "aarch64", target_feature = "fma")) };

    /// `a·b + c`, rounded once where there is an instruction for that. Elsewhere the product is
    /// rounded as well, since `f32::mul_add` would emulate the single rounding in software.
    #[inline(always)]
    pub(crate) fn mul_add<T: Float>(self, a: T, b: T, c: T) -> T {
        if self.fma { a.mul_add(b, c) } else { a * b + c }
    }
}

/// Runs `f`, compiled for the best instruction set of this machine.
///
/// Mark the closure `#[inline(always)]`, and every function that it calls per element: what is not
/// inlined is compiled for the least processor, which is right, but slow.
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
    #[cfg(target_arch = "x86_64")]
    return x86::vectorize(f);
    #[cfg(not(target_arch = "x86_64"))]
    f(Math::PORTABLE)
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::Math;

    #[inline]
    pub(super) fn vectorize<R>(f: impl FnOnce(Math) -> R) -> R {
        match best() {
            // SAFETY: `best` returns a set only if the processor has all its features.
            AVX512 => unsafe { avx512(f) },
            // SAFETY: as above.
            AVX2 => unsafe { avx2(f) },
            _ => f(Math::PORTABLE),
        }
    }

    #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,fma")]
    fn avx512<R>(f: impl FnOnce(Math) -> R) -> R {
        f(Math { fma: true })
    }

    #[target_feature(enable = "avx2,fma")]
    fn avx2<R>(f: impl FnOnce(Math) -> R) -> R {
        f(Math { fma: true })
    }

    const UNKNOWN: u8 = 0;
    const PORTABLE: u8 = 1;
    const AVX2: u8 = 2;
    const AVX512: u8 = 3;

    /// The best instruction set of this machine.
    ///
    /// Remembered, since tensors of four elements ask as well: one load and one comparison.
    #[inline]
    fn best() -> u8 {
        static BEST: AtomicU8 = AtomicU8::new(UNKNOWN);
        match BEST.load(Ordering::Relaxed) {
            UNKNOWN => {
                let best = detect();
                BEST.store(best, Ordering::Relaxed); // every thread finds the same
                best
            }
            best => best,
        }
    }

    #[cold]
    fn detect() -> u8 {
        let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        let avx512 = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512bw");
        match (avx2, avx512) {
            (true, true) => AVX512,
            (true, false) => AVX2,
            _ => PORTABLE,
        }
    }
}
