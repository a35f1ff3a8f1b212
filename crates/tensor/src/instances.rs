//! The kernels that are compiled in this crate: for `f32`, and with the feature `f64` for that too.
//!
//! A generic function is compiled again in each crate that calls it. One marked `#[inline(never)]`
//! is not, if a dependency has compiled it with the same types. The functions listed here are
//! marked so: a crate that depends on this one links them, and compiles nothing that they call.

use crate::gemm::packed::PackedRhs;
use crate::rows::{RowProgram, Session};
use crate::scalar::Scalar;
use crate::tensor::Tensor;

/// Returns the addresses of the functions. Naming a function here compiles it.
#[inline(never)]
#[must_use]
pub fn instances() -> Vec<Vec<*const ()>> {
    Vec::from([
        of::<f32>(),
        #[cfg(feature = "f64")]
        of::<f64>(),
    ])
}

fn of<T: Scalar>() -> Vec<*const ()> {
    vec![
        Tensor::<T>::add_slice as *const (),
        Tensor::<T>::argmax as *const (),
        Tensor::<T>::argsort as *const (),
        Tensor::<T>::as_mut_slice as *const (),
        Tensor::<T>::axpy as *const (),
        Tensor::<T>::binary as *const (),
        Tensor::<T>::concat_all as *const (),
        Tensor::<T>::cumsum as *const (),
        Tensor::<T>::draw_mask as *const (),
        Tensor::<T>::draw_normal as *const (),
        Tensor::<T>::draw_uniform as *const (),
        Tensor::<T>::filled as *const (),
        Tensor::<T>::gather_along as *const (),
        Tensor::<T>::gather_rows as *const (),
        Tensor::<T>::get_mut as *const (),
        Tensor::<T>::gemm as *const (),
        Tensor::<T>::is_finite as *const (),
        Tensor::<T>::log_softmax as *const (),
        Tensor::<T>::logsumexp as *const (),
        Tensor::<T>::logsumexp_keep as *const (),
        Tensor::<T>::matmul_packed as *const (),
        Tensor::<T>::matmul_with as *const (),
        Tensor::<T>::max as *const (),
        Tensor::<T>::mean as *const (),
        Tensor::<T>::min as *const (),
        Tensor::<T>::norm as *const (),
        Tensor::<T>::one_hot as *const (),
        Tensor::<T>::of_kernel as *const (),
        Tensor::<T>::part as *const (),
        Tensor::<T>::permute as *const (),
        Tensor::<T>::pad as *const (),
        Tensor::<T>::scatter_add_rows as *const (),
        Tensor::<T>::choose as *const (),
        Tensor::<T>::set_slice as *const (),
        Tensor::<T>::reverse_cumsum as *const (),
        Tensor::<T>::roll as *const (),
        Tensor::<T>::scatter_along as *const (),
        Tensor::<T>::top_indices as *const (),
        Tensor::<T>::softmax as *const (),
        Tensor::<T>::stack_all as *const (),
        Tensor::<T>::stretch as *const (),
        Tensor::<T>::sum as *const (),
        Tensor::<T>::sum_all as *const (),
        Tensor::<T>::sum_stretched as *const (),
        Tensor::<T>::transpose as *const (),
        Tensor::<T>::unary as *const (),
        Tensor::<T>::unfilled as *const (),
        PackedRhs::<T>::new as *const (),
        RowProgram::<T>::run as *const (),
        Session::<T>::new as *const (),
        Session::<T>::step as *const (),
    ]
}
