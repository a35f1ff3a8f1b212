//! The parameters of a model as one vector.

use bptt_layers::{Module, ParameterPath};
use bptt_tensor::{Scalar, Shape, Tensor};
use nalgebra::DVector;

/// A vector over all parameters of a model. Trainers compute in double precision.
pub(crate) type Vector = DVector<f64>;

/// Returns all parameters of a model as one vector `[P]`, in the order of declaration, each in row-major order.
///
/// ```
/// use bptt_layers::{Linear, Module};
/// use bptt_trainers::{parameters_to_vector, vector_to_parameters};
///
/// let mut model = Linear::<f32>::new(&mut bptt_layers::rng(0), 3, 2);
/// let vector = parameters_to_vector(&model);
/// assert_eq!(vector.shape(), &[model.parameter_count()]);
/// vector_to_parameters(&(&vector * 2.0), &mut model);
/// assert_eq!(parameters_to_vector(&model), vector * 2.0);
/// ```
#[must_use]
pub fn parameters_to_vector<T: Scalar>(model: &dyn Module<T>) -> Tensor<T> {
    let mut elements = Vec::with_capacity(model.parameter_count());
    for (_, parameter) in model.parameters() {
        elements.extend_from_slice(parameter.value().as_slice());
    }
    Tensor::from_vec([elements.len()], elements)
}

/// Sets all parameters of a model to the elements of a vector `[P]`, as [`parameters_to_vector`] returns it.
///
/// # Panics
///
/// If the vector does not have as many elements as the model's parameters together.
#[track_caller]
pub fn vector_to_parameters<T: Scalar>(vector: &Tensor<T>, model: &mut dyn Module<T>) {
    let count = model.parameter_count();
    assert!(
        vector.shape()[..] == [count],
        "vector_to_parameters: a vector of this model's parameters is [{count}], not {}",
        vector.shape()
    );
    let mut rest = vector.as_slice();
    model.visit_mut(&mut ParameterPath::default(), &mut |_, parameter| {
        let (elements, after) = rest.split_at(parameter.value().len());
        rest = after;
        parameter.set(Tensor::from_slice(parameter.shape().clone(), elements));
    });
}

/// Returns the parameters in double precision.
pub(crate) fn read<T: Scalar>(model: &dyn Module<T>) -> Vector {
    of_tensor(&parameters_to_vector(model))
}

/// Sets the parameters, rounded to their precision.
pub(crate) fn write<T: Scalar>(vector: &Vector, model: &mut dyn Module<T>) {
    vector_to_parameters(&to_tensor(vector), model);
}

/// Returns the parts of a vector over parameters of these shapes, rounded to their precision.
pub(crate) fn parts<T: Scalar>(
    vector: &Vector,
    shapes: impl Iterator<Item = Shape>,
) -> impl Iterator<Item = Tensor<T>> {
    let mut elements = vector.iter().map(|&element| T::of(element));
    shapes.map(move |shape| {
        let part = elements.by_ref().take(shape.elements()).collect();
        Tensor::from_vec(shape, part)
    })
}

/// Returns a tensor of zeros with a one at position `at`.
pub(crate) fn unit<T: Scalar>(shape: Shape, at: usize) -> Tensor<T> {
    let mut unit = Tensor::zeros(shape);
    unit.as_mut_slice()[at] = T::one();
    unit
}

/// Returns the elements of a tensor of any shape.
pub(crate) fn of_tensor<T: Scalar>(tensor: &Tensor<T>) -> Vector {
    Vector::from_iterator(tensor.len(), tensor.iter().map(|x| x.as_f64()))
}

/// Returns a vector as a tensor `[P]`, rounded to its precision.
pub(crate) fn to_tensor<T: Scalar>(vector: &Vector) -> Tensor<T> {
    Tensor::from_fn([vector.len()], |i| T::of(vector[i]))
}
