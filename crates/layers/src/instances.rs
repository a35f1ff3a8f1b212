//! The functions that are compiled in this crate rather than again in every crate that uses them: for `f32`, and with
//! the feature `f64` for that too. See the module of this name in `bptt-tensor`.

use bptt_tensor::Scalar;

use crate::cells::options::part;
use crate::loss::{CrossEntropy, Loss};
use crate::sequence::run::run;
use crate::{
    Adadelta, Adagrad, Adam, Adamax, BatchNorm, Conv1d, Conv2d, Elman, Embedding, Gru, Init,
    LayerNorm, Linear, Lstm, NAdam, Optimizer, RAdam, RmsProp, Sgd,
};

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
        <Adadelta<T> as Optimizer<T>>::step as *const (),
        <Adagrad<T> as Optimizer<T>>::step as *const (),
        <Adam<T> as Optimizer<T>>::step as *const (),
        <Adamax<T> as Optimizer<T>>::step as *const (),
        <NAdam<T> as Optimizer<T>>::step as *const (),
        <RAdam<T> as Optimizer<T>>::step as *const (),
        <RmsProp<T> as Optimizer<T>>::step as *const (),
        <Sgd<T> as Optimizer<T>>::step as *const (),
        part::<T> as *const (),
        Init::draw::<T> as *const (),
        Init::draw_gates::<T> as *const (),
        CrossEntropy::of::<T> as *const (),
        CrossEntropy::of_log_probabilities::<T> as *const (),
        Loss::<T>::masked as *const (),
        Loss::<T>::mean as *const (),
        Loss::<T>::per_position as *const (),
        Loss::<T>::sum as *const (),
        Loss::<T>::weight as *const (),
        Loss::<T>::weighted as *const (),
        BatchNorm::<T>::forward as *const (),
        Conv1d::<T>::forward as *const (),
        Conv2d::<T>::forward as *const (),
        Embedding::<T>::look_up as *const (),
        LayerNorm::<T>::forward as *const (),
        Linear::<T>::forward as *const (),
        run::<T, Elman<T>> as *const (),
        run::<T, Gru<T>> as *const (),
        run::<T, Lstm<T>> as *const (),
    ]
}
