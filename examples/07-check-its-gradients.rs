//! A proof of a cell's gradients, and a report on a cell that is wrong.

use bptt::prelude::*;

/// `h ← tanh(x W_ih + h ⊙ w_hh)`. A cell that `leaks` also reads the other sequences of the batch.
#[derive(Module)]
struct MyCell<T> {
    w_ih: Param<T>,
    w_hh: Param<T>,
    #[module(skip)]
    leaks: bool,
}

impl<T: Scalar> MyCell<T> {
    fn new(rng: &mut impl Rng, input_size: usize, hidden_size: usize, leaks: bool) -> Self {
        let w_ih = Param::new(Init::Xavier.tensor(rng, [input_size, hidden_size]));
        Self { w_ih, w_hh: Param::new(Tensor::ones([hidden_size])), leaks }
    }
}

impl<T: Scalar> Cell<T> for MyCell<T> {
    type State<'t> = Var<'t, T>;

    fn step<'t>(&self, x: Var<'t, T>, h: Var<'t, T>) -> (Var<'t, T>, Var<'t, T>) {
        let memory = if self.leaks { h + h.mean_keep(&[0]) } else { h };
        let h = (x.matmul(&self.w_ih) + memory * &self.w_hh).tanh();
        (h, h)
    }
}

impl<T: Scalar> StateSizes for MyCell<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.w_hh.shape()[0]]
    }
}

fn main() {
    // In a test, `check` panics with a report of the broken laws.
    bptt_gradcheck::cell(|rng, input, hidden| MyCell::new(rng, input, hidden, false)).check();
    println!("the first cell keeps every law");

    // `run` returns the report instead.
    let report =
        bptt_gradcheck::cell(|rng, input, hidden| MyCell::new(rng, input, hidden, true)).run();
    let broken: Vec<_> = report.failures().map(|failure| failure.law().to_string()).collect();
    println!("the second breaks: {}", broken.join(", "));
    assert!(!report.holds());
}
