//! A linear model, trained by gradient descent: the loop that every other model has too.

use bptt::prelude::*;

fn main() {
    let mut rng = bptt::rng(0);
    // 64 inputs of 3 features, and the targets of the function to find: y = 2 x₀ − x₁ + ½
    let inputs = Tensor::<f64>::normal([64, 3], 0.0, 1.0, &mut rng);
    let weights = Tensor::from_vec([3, 1], vec![2.0, -1.0, 0.0]);
    let targets = inputs.matmul(&weights).map(|y| y + 0.5);

    let mut model = Linear::new(&mut rng, 3, 1);
    let mut optimizer = Sgd::new(0.1);
    let mut losses = Vec::new();
    for _ in 0..200 {
        let tape = Tape::new(); // one tape for each step
        let outputs = model.forward(tape.constant(inputs.clone()));
        let loss = loss::mean_squared_error(outputs, &targets).mean();
        losses.push(loss.item());
        let gradients = tape.backward(loss);
        drop(tape); // parameters that no tape holds change in place
        optimizer.step(&mut model, &gradients);
    }

    for (name, parameter) in model.parameters() {
        println!("{name}: {:.4?}", parameter.value().to_vec());
    }
    let difference = |(found, meant): (&f64, &f64)| (found - meant).abs();
    let found = model.w.value().as_slice().iter().zip(weights.as_slice());
    assert!(found.map(difference).all(|difference| difference < 1e-6));
    assert!(losses[199] < 1e-12, "from {} to {}", losses[0], losses[199]);
    println!("loss: {:.4} at first, {:.1e} at last", losses[0], losses[199]);
}
