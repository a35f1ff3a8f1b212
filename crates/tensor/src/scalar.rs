//! The element types: `f32` and `f64`.

use std::fmt::{Debug, Display};
use std::iter::Sum;

use num_traits::{Float, FromPrimitive, NumAssign};

use crate::cpu::registers::Registers;
use crate::gemm::blas::Gemm;
use crate::memory::pool::Poolable;
use crate::vecmath::Lane;

/// The element type of a tensor: `f32` or `f64`.
///
/// The trait bundles the floating-point traits of `num-traits` with the kernels that differ by
/// type. It is sealed, because those kernels exist for these two types only.
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
    + Gemm
    + Poolable
    + Registers
{
    /// The type's name in messages and weight files: `"f32"` or `"f64"`.
    const NAME: &'static str;

    /// Converts a literal of an equation to the nearest value of this type.
    #[must_use]
    fn of(value: f64) -> Self;

    /// Converts this value to double precision, without loss.
    #[must_use]
    fn as_f64(self) -> f64;
}

macro_rules! scalar {
    ($t:ident) => {
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
    };
}

scalar!(f32);
scalar!(f64);
