//! Gradients: of any order, and of products with a Hessian.

use bptt::prelude::*;

fn main() {
    // Equations are written on variables of a tape, which records them.
    let tape = Tape::new();
    let x = tape.variable(Tensor::from_vec([2], vec![1.0, 2.0]));
    let y = x.square() * x; // x³, element by element
    let sum = y.sum_all();

    // `backward` returns the gradients of a number as tensors.
    let gradients = tape.backward(sum);
    assert_eq!(gradients.wrt(x).to_vec(), [3.0, 12.0]); // 3 x²

    // `grad` returns them as variables, which can be differentiated again.
    let [first] = tape.grad(sum, [x]);
    let [second] = tape.grad(first.sum_all(), [x]);
    let [third] = tape.grad(second.sum_all(), [x]);
    assert_eq!(second.value().to_vec(), [6.0, 12.0]); // 6 x
    assert_eq!(third.value().to_vec(), [6.0, 6.0]);

    // The product of the Hessian with a vector never forms the Hessian.
    let v = tape.constant(Tensor::from_vec([2], vec![1.0, -1.0]));
    let product = tape.hvp(sum, &[(x, v)])[0];
    assert_eq!(product.value().to_vec(), [6.0, -12.0]);

    // A parameter belongs to a model, not to a tape. Beside a variable it is an operand.
    let w = Param::new(Tensor::from_vec([2, 1], vec![0.5, -1.0]));
    let inputs = tape.constant(Tensor::from_vec([1, 2], vec![3.0, 1.0]));
    let loss = (inputs.matmul(&w) - 1.0).square().sum_all(); // (3·0.5 − 1 − 1)² = 0.25
    let gradients = tape.backward(loss);
    assert_eq!(gradients[&w].to_vec(), [-3.0, -1.0]);

    // `stop_gradient` makes a constant of a variable.
    let stopped = (x.stop_gradient() * x).sum_all();
    assert_eq!(tape.backward(stopped).wrt(x).to_vec(), [1.0, 2.0]);

    println!(
        "x³ at 1 and 2: {:?}, {:?}, {:?}",
        first.value().to_vec(),
        second.value().to_vec(),
        third.value().to_vec()
    );
}
