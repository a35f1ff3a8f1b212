//! The functions that are compiled in this crate rather than again in every crate that uses them: for `f32`, and with
//! the feature `f64` for that too. See the module of this name in `bptt-tensor`.

use bptt_tensor::Scalar;

use crate::scan::FlatScan;
use crate::tape::Op;
use crate::{Gradients, Stepper, Tape, Var};

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
        Tape::<T>::entry as *const (),
        Tape::<T>::backward as *const (),
        Tape::<T>::first_non_finite as *const (),
        Tape::<T>::hvp as *const (),
        Tape::<T>::jvp as *const (),
        Tape::<T>::leaf as *const (),
        Tape::<T>::param as *const (),
        Tape::<T>::push as *const (),
        Tape::<T>::record as *const (),
        Tape::<T>::scalar as *const (),
        Tape::<T>::substitute as *const (),
        Tape::<T>::vjp as *const (),
        Gradients::<T>::get as *const (),
        Gradients::<T>::get_mut as *const (),
        FlatScan::<T>::new as *const (),
        FlatScan::<T>::output_shapes as *const (),
        FlatScan::<T>::plan as *const (),
        FlatScan::<T>::run as *const (),
        FlatScan::<T>::stepper as *const (),
        Stepper::<T>::gather_rows as *const (),
        Stepper::<T>::reset as *const (),
        Stepper::<T>::set_state as *const (),
        Stepper::<T>::step as *const (),
        Op::<T>::operation as *const (),
        Var::<T>::concat as *const (),
        Var::<T>::index_first as *const (),
        Var::<T>::max as *const (),
        Var::<T>::mean as *const (),
        Var::<T>::mean_all as *const (),
        Var::<T>::mean_keep as *const (),
        Var::<T>::min as *const (),
        Var::<T>::norm as *const (),
        Var::<T>::norm_keep as *const (),
        Var::<T>::stack as *const (),
        Var::<T>::sum as *const (),
        Var::<T>::sum_all as *const (),
        Var::<T>::transpose as *const (),
        Var::<T>::value as *const (),
    ]
}
