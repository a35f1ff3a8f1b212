//! Reading a table, as an operation.

use bptt_autodiff::{OpClass, Operation, Pullback};
use bptt_tensor::{Scalar, Shape, ShapeError, Tensor};

use super::Table;

/// `y = table(x)`
#[derive(Debug, PartialEq)]
pub(super) struct Read(pub(super) Table);

impl<T: Scalar> Operation<T> for Read {
    fn name(&self) -> &'static str {
        "table"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        Ok(inputs[0].into())
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].map(|x| T::of(self.0.at(x.as_f64())))
    }

    fn class(&self) -> OpClass<T> {
        let table = self.0.clone();
        elementwise(move |x| table.at(x))
    }

    fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
        let (x, g) = (at.input(0), at.cotangent());
        at.add(0, || g.chain_mul(x.tape().apply(Slope(self.0.clone()), &[x])));
    }

    fn equals(&self, other: &dyn Operation<T>) -> bool {
        other.downcast_ref() == Some(self)
    }
}

/// The slope of the interpolation.
#[derive(Debug, PartialEq)]
struct Slope(Table);

impl<T: Scalar> Operation<T> for Slope {
    fn name(&self) -> &'static str {
        "table_slope"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        Ok(inputs[0].into())
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].map(|x| T::of(self.0.slope(x.as_f64())))
    }

    fn class(&self) -> OpClass<T> {
        let table = self.0.clone();
        elementwise(move |x| table.slope(x))
    }

    /// The derivative is zero almost everywhere.
    fn gradient(&self, _: &mut Pullback<'_, '_, T>) {}

    fn equals(&self, other: &dyn Operation<T>) -> bool {
        other.downcast_ref() == Some(self)
    }
}

/// The class of a function of one element.
fn elementwise<T: Scalar>(function: impl Fn(f64) -> f64 + Send + Sync + 'static) -> OpClass<T> {
    OpClass::elementwise(move |inputs: &[&[T]], output: &mut [T]| {
        for (y, x) in output.iter_mut().zip(inputs[0]) {
            *y = T::of(function(x.as_f64()));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_equal_where_their_tables_are() {
        let table = |function, end: f64, entries| Table::linear(function, -end..=end, entries);
        let tanh = table(f64::tanh, 4.0, 16);
        let same = [tanh.clone(), table(f64::tanh, 4.0, 16)];
        let others = [
            table(f64::sin, 4.0, 16),
            table(f64::tanh, 2.0, 16),
            table(f64::tanh, 4.0, 17),
            Table::nearest(f64::tanh, -4.0..=4.0, 16),
            Table::range_addressable(f64::tanh, -4.0..=4.0, 15),
        ];
        let equal = |operation: &dyn Operation<f32>, other: &dyn Operation<f32>| {
            (operation.equals(other), other.equals(operation))
        };
        for (others, expected) in [(&same[..], true), (&others[..], false)] {
            for other in others.iter().cloned() {
                let read = equal(&Read(tanh.clone()), &Read(other.clone()));
                let slope = equal(&Slope(tanh.clone()), &Slope(other));
                assert_eq!([read, slope], [(expected, expected); 2]);
            }
        }
        assert_eq!(equal(&Read(tanh.clone()), &Slope(tanh)), (false, false));
    }
}
