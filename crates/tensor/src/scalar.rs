//! The element types: `f32` and `f64`.

use std::cell::RefCell;
use std::fmt::{Debug, Display};
use std::iter::Sum;

use num_traits::{Float, FromPrimitive, NumAssign};

use crate::packed::Registers;
use crate::pool::Pool;
use crate::vecmath::Lane;

/// A real number that tensors are made of: `f32` or `f64`.
///
/// The trait bundles what `num-traits` knows of floating-point numbers with the entry points of
/// the kernels that differ by type. It is sealed: a kernel exists for each type it names.
pub trait Scalar:
    Float
    + NumAssign
    + FromPrimitive
    + Sum
    + Default
    + Debug
    + Display
    + Send
    + Sync
    + Lane
    + Kernels
    + Registers
{
    /// The type's name, as it stands in messages and weight files: `"f32"` or `"f64"`.
    const NAME: &'static str;

    /// The nearest value of this type to a literal in an equation.
    #[must_use]
    fn of(value: f64) -> Self;

    /// This value in double precision, which holds it without loss.
    #[must_use]
    fn as_f64(self) -> f64;
}

/// What the kernels need of an element type. Sealed: nameable only within this crate.
pub trait Kernels: Sized + 'static {
    /// Lends this thread's pool of buffers; `None` once the thread is shutting down.
    #[doc(hidden)]
    fn with_pool<R>(lend: impl FnOnce(&mut Pool<Self>) -> R) -> Option<R>;

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

macro_rules! scalar {
    ($t:ident, $gemm:path) => {
        impl Scalar for $t {
            const NAME: &'static str = stringify!($t);

            #[inline]
            fn of(value: f64) -> Self {
                value as $t
            }

            #[inline]
            fn as_f64(self) -> f64 {
                f64::from(self)
            }
        }

        impl Kernels for $t {
            #[inline]
            fn with_pool<R>(lend: impl FnOnce(&mut Pool<Self>) -> R) -> Option<R> {
                thread_local! {
                    static POOL: RefCell<Pool<$t>> = const { RefCell::new(Pool::new()) };
                }
                POOL.try_with(|pool| lend(&mut pool.borrow_mut())).ok()
            }

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

scalar!(f32, matrixmultiply::sgemm);
scalar!(f64, matrixmultiply::dgemm);
