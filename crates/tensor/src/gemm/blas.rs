//! Products of matrices at any strides, by `matrixmultiply`.

/// The product of BLAS, for the element types that it has one for.
pub trait Gemm: Sized {
    /// `C ← αAB + βC` on strided matrices; β = 0 never reads C.
    ///
    /// # Safety
    ///
    /// `a`, `b` and `c` with their row and column strides must address `m×k`, `k×n` and `m×n`
    /// elements that may be read, read and written; `c` must not overlap the others or itself.
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
                // SAFETY: the caller's contract is the one of matrixmultiply.
                unsafe { $gemm(m, k, n, alpha, a, rsa, csa, b, rsb, csb, beta, c, rsc, csc) }
            }
        }
    };
}

gemm!(f32, matrixmultiply::sgemm);
gemm!(f64, matrixmultiply::dgemm);
