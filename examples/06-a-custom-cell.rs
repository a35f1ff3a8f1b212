//! A cell of your own, as its equations, trained to count.

use bptt::prelude::*;

/// The minimal gated unit (Zhou et al. 2016).
#[derive(Module)]
struct MyCell<T> {
    w_ih: Param<T>, // [I, 2H]: the gate, then the candidate
    w_hh_f: Param<T>,
    w_hh_c: Param<T>,
    b: Param<T>,
}

impl<T: Scalar> MyCell<T> {
    fn new(rng: &mut impl Rng, input_size: usize, hidden_size: usize) -> Self {
        let mut weights = |rows, columns| Param::new(Init::Xavier.tensor(rng, [rows, columns]));
        Self {
            w_ih: weights(input_size, 2 * hidden_size),
            w_hh_f: weights(hidden_size, hidden_size),
            w_hh_c: weights(hidden_size, hidden_size),
            b: Param::new(Tensor::zeros([2 * hidden_size])),
        }
    }
}

/// One step. The gradient through time follows from it.
impl<T: Scalar> Cell<T> for MyCell<T> {
    type State<'t> = Var<'t, T>;

    fn step<'t>(&self, x: Var<'t, T>, h: Var<'t, T>) -> (Var<'t, T>, Var<'t, T>) {
        let [f, c] = (x.matmul(&self.w_ih) + &self.b).split(-1);
        let f = (f + h.matmul(&self.w_hh_f)).sigmoid();
        let c = (c + (f * h).matmul(&self.w_hh_c)).tanh();
        let h = (1.0 - f) * h + f * c;
        (h, h) // the output, and the next state
    }
}

/// With the width of its state, the cell is a layer: it can be stacked, masked, run in both directions.
impl<T: Scalar> StateSizes for MyCell<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.w_hh_f.shape()[0]]
    }
}

fn main() {
    let mut rng = bptt::rng(0);
    let mut model = (MyCell::<f32>::new(&mut rng, 1, 16), Linear::new(&mut rng, 16, 1));
    let mut optimizer = Adam::new(0.01);
    let mut losses = Vec::new();
    for _ in 0..400 {
        let bits: Vec<f32> =
            (0..12 * 16).map(|_| f32::from(u8::from(rng.random_bool(0.5)))).collect();
        let bits = Tensor::from_vec([12, 16, 1], bits); // [T, B, 1]
        let tape = Tape::new();
        let (counts, _state) = model.forward(tape.constant(bits.clone()));
        // after the last step, the share of ones
        let loss = loss::mean_squared_error(counts.index_first(11), &bits.mean(&[0])).mean();
        losses.push(loss.item());
        let gradients = tape.backward(loss);
        drop(tape);
        optimizer.step(&mut model, &gradients);
    }
    println!("loss: {:.4} at first, {:.6} at last", losses[0], losses[399]);
    assert!(losses[399] < 0.01 * losses[0]);
}
