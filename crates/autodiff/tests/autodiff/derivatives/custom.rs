//! The gradient rule of an operation runs only for gradients that are needed.

use std::cell::Cell;
use std::rc::Rc;

use bptt_autodiff::{Operation, Pullback, Tape};
use bptt_tensor::{Scalar, Shape, ShapeError, Tensor, shape};

/// `y = a b`, counting how often the gradient of either operand is computed.
#[derive(Clone, Debug, Default)]
struct Product {
    computed: Rc<[Cell<usize>; 2]>,
}

impl Product {
    fn computed(&self) -> [usize; 2] {
        [self.computed[0].get(), self.computed[1].get()]
    }
}

impl<T: Scalar> Operation<T> for Product {
    fn name(&self) -> &'static str {
        "product"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        shape::broadcast("product", inputs[0], inputs[1])
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0] * inputs[1]
    }

    fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
        let g = at.cotangent();
        for (i, computed) in self.computed.iter().enumerate() {
            let other = at.input(1 - i);
            at.add(i, || {
                computed.set(computed.get() + 1);
                g * other
            });
        }
    }
}

#[test]
fn gradients_of_constants_are_not_computed() {
    let product = Product::default();
    let tape = Tape::new();
    let (a, b) = (tape.variable(Tensor::scalar(3.0)), tape.constant(Tensor::scalar(4.0)));
    let y = tape.apply(product.clone(), &[a, b]);
    assert_eq!(*tape.backward(y).wrt(a), Tensor::scalar(4.0));
    assert_eq!(product.computed(), [1, 0]);
    assert_eq!(tape.grad(y, [b])[0].item(), 3.0);
    assert_eq!(product.computed(), [1, 1]);
    assert_eq!(tape.grad(y, [y])[0].item(), 1.0);
    assert_eq!(product.computed(), [1, 1], "the source itself needs no rule");
    let _ = tape.backward(b);
    assert_eq!(product.computed(), [1, 1], "a loss that depends on nothing needs none either");
}

#[test]
fn gradients_that_are_stopped_are_not_computed() {
    let product = Product::default();
    let tape = Tape::new();
    let [a, b] = [3.0, 4.0].map(|x| tape.variable(Tensor::scalar(x)));
    let y = tape.apply(product.clone(), &[a, b.stop_gradient() * 1.0]);
    assert_eq!(*tape.backward(y + b).wrt(a), Tensor::scalar(4.0));
    assert_eq!(product.computed(), [1, 0]);
}
