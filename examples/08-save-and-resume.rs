//! A run on disk: after an interruption it continues as if it had never stopped, to the bit.

use bptt::prelude::*;
use bptt::run::{Run, Training};

type MyTraining = Training<f32, (Lstm<f32>, Linear<f32>), Adam<f32>>;

/// Model, optimizer, learning rate and random generator. Every start of the program makes the same.
fn training() -> MyTraining {
    let mut rng = bptt::rng(0);
    let model = (Lstm::new(&mut rng, 1, 8), Linear::new(&mut rng, 8, 1));
    Training::new(model, Adam::new(0.02), rng).schedule(Schedule::cosine(0.02, 200, 1e-3))
}

/// Trains until so many steps are done, and returns the last loss. The model learns to output the sum of its inputs.
fn train(training: &mut MyTraining, steps: usize) -> f32 {
    let mut last = f32::NAN;
    while training.step < steps {
        let tape = Tape::new();
        let xs = tape.constant(Tensor::normal([5, 8, 1], 0.0, 0.5, &mut training.rng));
        let (ys, _state) = training.model.forward(xs);
        let loss = loss::mean_squared_error(ys.index_first(4), xs.sum(&[0])).mean();
        let gradients = tape.backward(loss);
        last = loss.item();
        drop(tape);
        training.update(&gradients); // sets the learning rate, and counts the step
    }
    last
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::temp_dir().join(format!("bptt-example-{}", std::process::id()));
    let out = folder.join("model.safetensors");

    let mut interrupted = training();
    train(&mut interrupted, 80);
    let mut run = Run::new(&out)?; // from now on, no other run can save there
    run.save(&interrupted)?; // the weights, and a checkpoint beside them
    drop((run, interrupted));

    let mut resumed = training();
    let run = Run::resume(&out)?;
    run.restore(&mut resumed)?;
    let loss = train(&mut resumed, 200);

    let mut whole = training();
    assert_eq!(train(&mut whole, 200).to_bits(), loss.to_bits());
    println!("the loss after 200 steps, resumed after 80 or not: {loss}");
    assert!(loss < 0.1);

    // The weights alone load into a model.
    let mut model = training().model;
    bptt::weights::load(&mut model, &out)?;
    std::fs::remove_dir_all(folder)?;
    Ok(())
}
