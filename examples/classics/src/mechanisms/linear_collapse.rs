//! Linear layers collapse: without a nonlinearity, many layers compute what one layer computes.
//!
//! `((x W₁ + b₁) W₂ + b₂) W₃ + b₃ = x W + b` with `W = W₁ W₂ W₃` and `b = (b₁ W₂ + b₂) W₃ + b₃`. The one layer
//! follows from the outputs of the three at zero and at the unit vectors. A recurrent net without a nonlinearity
//! collapses likewise over time: its last state is a weighted sum of its inputs. With `tanh` neither is possible.
//!
//! The figure shows an output of three linear layers, and of three with `tanh`, as one input moves.

use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "linear-collapse",
    shows: "three linear layers, and a linear recurrent net, compute what one linear layer computes",
    sources: &[(Text::Tan, "1.2 Activation Function")],
    run,
};

const INPUTS: usize = 4;

fn run(session: &mut Session) -> Result<()> {
    let rng = &mut bptt::rng(0);
    let layers: Vec<Linear<f64>> = (0..3).map(|_| Linear::new(rng, INPUTS, INPUTS)).collect();
    let deep = |activation: Activation<f64>| {
        let layers = layers.clone();
        move |x: &Tensor<f64>| {
            let tape = Tape::inference();
            let through = |x, layer: &Linear<f64>| activation.apply(layer.forward(x));
            layers.iter().fold(tape.constant(x.clone()), through).value()
        }
    };
    let recurrent = |activation: Activation<f64>| {
        let cell = Elman::new(&mut bptt::rng(1), 1, 8).activation(activation);
        move |x: &Tensor<f64>| {
            let tape = Tape::inference();
            let xs = tape.constant(x.clone()).transpose(0, 1).reshape([INPUTS, x.shape()[0], 1]); // an input a step
            Recurrence::new(&cell).last(xs, cell.start(&tape, x.shape()[0])).0.value()
        }
    };
    let xs = Tensor::normal([1000, INPUTS], 0.0, 2.0, rng);
    for (name, linear, tanh) in [
        (
            "three layers",
            error(deep(Activation::Identity), &xs),
            error(deep(Activation::Tanh), &xs),
        ),
        (
            "recurrent net",
            error(recurrent(Activation::Identity), &xs),
            error(recurrent(Activation::Tanh), &xs),
        ),
    ] {
        session.number(&format!("{name}, linear: difference from one layer"), linear);
        session.number(&format!("{name}, tanh: difference from one layer"), tanh);
        session.check(&format!("{name}, linear: equal up to rounding"), linear < 1e-13);
        session.check(&format!("{name}, tanh: not equal"), tanh > 0.1);
    }
    let line = |net: &dyn Fn(&Tensor<f64>) -> Tensor<f64>| {
        let at = |i: usize| f64::from(i as u32 / INPUTS as u32) / 50.0 - 3.0;
        let xs = Tensor::from_fn([301, INPUTS], |i| if i % INPUTS == 0 { at(i) } else { 0.5 });
        let ys = net(&xs);
        (0..301).map(move |i| (at(i * INPUTS), ys[[i, 0]])).collect::<Vec<_>>()
    };
    let picture = Lines::new("three layers", "first input", "first output")
        .line("linear", line(&deep(Activation::Identity)))
        .line("tanh", line(&deep(Activation::Tanh)))
        .picture();
    session.figure("output", &picture)
}

/// Returns the largest difference between a net and the one layer that agrees with it at zero and at the unit vectors.
fn error(net: impl Fn(&Tensor<f64>) -> Tensor<f64>, xs: &Tensor<f64>) -> f64 {
    let b = net(&Tensor::zeros([1, INPUTS]));
    let unit = Tensor::from_fn([INPUTS, INPUTS], |i| f64::from(u8::from(i / INPUTS == i % INPUTS)));
    let w = &net(&unit) - &b;
    let difference = &net(xs) - &(&xs.matmul(&w) + &b);
    difference.as_slice().iter().fold(0.0, |largest, d| d.abs().max(largest))
}
