//! Operations that move elements. They come in pairs: each is the transpose of the other, and so
//! the other's gradient.

use std::rc::Rc;

use bptt_tensor::{Scalar, Shape, ShapeError, Tensor, shape};

use crate::tape::primitive::{BroadcastTo, Concat, Pad, Permute, Reshape, Slice, SumTo};
use crate::tape::{Class, Op, OpClass, Operation, Pullback, Var, ViewOf};

impl<T: Scalar> Operation<T> for Reshape {
    fn name(&self) -> &'static str {
        "reshape"
    }

    fn class(&self) -> OpClass<T> {
        Class::View(ViewOf::Whole).into()
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        shape::reshape(inputs[0], &self.0)
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].reshape(&*self.0)
    }

    fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
        let (x, g) = (at.input(0), at.cotangent());
        at.add(0, || g.reshape(x.shape()));
    }
}

impl<T: Scalar> Operation<T> for Permute {
    fn name(&self) -> &'static str {
        "permute"
    }

    fn class(&self) -> OpClass<T> {
        Class::Movement.into()
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        shape::permute(inputs[0], &self.0)
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].permute(&self.0)
    }

    fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
        let g = at.cotangent();
        at.add(0, || {
            let mut inverse = self.0.to_vec();
            for (to, &from) in self.0.iter().enumerate() {
                inverse[from] = to;
            }
            g.permute(&inverse)
        });
    }
}

impl<T: Scalar> Operation<T> for BroadcastTo {
    fn name(&self) -> &'static str {
        "broadcast_to"
    }

    fn class(&self) -> OpClass<T> {
        Class::Broadcast.into()
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        shape::broadcast_to("broadcast_to", inputs[0], &self.0)
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].broadcast_to(&*self.0)
    }

    fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
        let g = at.cotangent();
        at.add(0, || g);
    }
}

impl<T: Scalar> Operation<T> for SumTo {
    fn name(&self) -> &'static str {
        "sum_to"
    }

    fn class(&self) -> OpClass<T> {
        Class::SumTo.into()
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        shape::broadcast_to("sum_to", &self.0, inputs[0]).map(|_| (&*self.0).into())
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].sum_to(&*self.0)
    }

    fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
        let g = at.cotangent();
        at.add_stretched(0, || g);
    }
}

impl<T: Scalar> Operation<T> for Slice {
    fn name(&self) -> &'static str {
        "slice"
    }

    fn class(&self) -> OpClass<T> {
        Class::View(ViewOf::Part { axis: self.axis, start: self.range.start }).into()
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        shape::slice(inputs[0], self.axis, &self.range)
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].slice(self.axis as isize, self.range.clone())
    }

    fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
        let g = at.cotangent();
        at.add_slice(0, self.axis, self.range.start, || g);
    }
}

impl Pad {
    /// Records the sum of parts in the shape of `whole`. Each part comes with its axis and its
    /// start.
    pub(crate) fn record<'t, T: Scalar>(
        whole: Var<'t, T>,
        parts: impl Iterator<Item = (usize, usize, Var<'t, T>)>,
    ) -> Var<'t, T> {
        let (places, parts): (_, Vec<_>) =
            parts.map(|(axis, start, part)| ((axis, start), part)).unzip();
        whole.tape.record(Op::Pad(Self { shape: whole.shape(), places }.into()), &parts)
    }
}

impl<T: Scalar> Operation<T> for Rc<Pad> {
    fn name(&self) -> &'static str {
        "pad"
    }

    fn class(&self) -> OpClass<T> {
        Class::Movement.into()
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        for (&part, &(axis, start)) in inputs.iter().zip(&self.places) {
            shape::slice(&self.shape, axis, &(start..start + part[axis]))?;
        }
        Ok(self.shape.clone())
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        let mut whole = Tensor::zeros(&self.shape);
        for (&part, &(axis, start)) in inputs.iter().zip(&self.places) {
            whole.add_slice(axis as isize, start, part);
        }
        whole
    }

    fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
        let g = at.cotangent();
        for (i, &(axis, start)) in self.places.iter().enumerate() {
            let extent = at.input(i).shape()[axis];
            at.add(i, || g.slice(axis as isize, start..start + extent));
        }
    }
}

impl<T: Scalar> Operation<T> for Concat {
    fn name(&self) -> &'static str {
        "concat"
    }

    fn class(&self) -> OpClass<T> {
        Class::Join { axis: self.axis }.into()
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        shape::concat(inputs, self.axis)
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        Tensor::concat(inputs, self.axis as isize)
    }

    fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
        let g = at.cotangent();
        let mut start = 0;
        for i in 0..at.inputs() {
            let end = start + at.input(i).shape()[self.axis];
            at.add(i, || g.slice(self.axis as isize, start..end));
            start = end;
        }
    }
}
