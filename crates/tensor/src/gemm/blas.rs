//! Products of matrices of any strides, by `matrixmultiply`.

/// The BLAS product (`sgemm`, `dgemm`) of an element type.
pub trait Gemm: Sized {
    /// `C ← αAB + βC` on strided matrices; β = 0 never reads C.
    ///
    /// # Safety
    ///
    /// With their row and column strides, `a` and `b` must address `m×k` and `k×n` readable
    /// elements, and `c` `m×n` writable ones. `c` must not overlap `a`, `b` or itself.
    #[doc(hidden)]
    #[expect(clippy::too_many_arguments, reason = "the signature of BLAS")]
    unsafe fn gemm(
        m: usize,
        k: usize,
        n: usize,
        alpha: Self,
        a: (*const Self, [isize; 2]),
        b: (*const Self, [isize; 2]),
        beta: Self,
        c: (*mut Self, [isize; 2]),
    );
}

macro_rules! gemm {
    ($t:ident, $gemm:path) => {
        impl Gemm for $t {
            #[inline]
            unsafe fn gemm(
                m: usize,
                k: usize,
                n: usize,
                alpha: Self,
                (a, [rsa, csa]): (*const Self, [isize; 2]),
                (b, [rsb, csb]): (*const Self, [isize; 2]),
                beta: Self,
                (c, [rsc, csc]): (*mut Self, [isize; 2]),
            ) {
                // SAFETY: the caller's contract is that of `matrixmultiply`.
                unsafe { $gemm(m, k, n, alpha, a, rsa, csa, b, rsb, csb, beta, c, rsc, csc) }
            }
        }
    };
}

gemm!(f32, matrixmultiply::sgemm);
gemm!(f64, matrixmultiply::dgemm);
