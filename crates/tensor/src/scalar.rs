//! The element types: `f32` and `f64`.

use std::fmt::{Debug, Display};
use std::iter::Sum;

use num_traits::{Float, FromPrimitive, NumAssign};

use crate::cpu::registers::Registers;
use crate::gemm::blas::Gemm;
use crate::memory::pool::Poolable;
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
    + Gemm
    + Poolable
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
