//! A cell of your own, as its equations, trained to count.

use bptt::prelude::*;

/// The update gate network (Collins et al. 2017): `h ← g ⊙ h + (1 − g) ⊙ c`.
#[derive(Module)]
struct MyCell<T> {
    w_ih: Param<T>, // [I, 2H]: the gate, then the candidate
    w_hh: Param<T>, // [H, 2H]
    b: Param<T>,    // [2H]
}

impl<T: Scalar> MyCell<T> {
    fn new(rng: &mut impl Rng, input_size: usize, hidden_size: usize) -> Self {
        let mut weights = |rows| Param::new(Init::Xavier.tensor(rng, [rows, 2 * hidden_size]));
        let b = Param::new(Tensor::zeros([2 * hidden_size]));
        Self { w_ih: weights(input_size), w_hh: weights(hidden_size), b }
    }
}

/// One step. The gradient through time follows from it.
impl<T: Scalar> Cell<T> for MyCell<T> {
    type State<'t> = Var<'t, T>;

    fn step<'t>(&self, x: Var<'t, T>, h: Var<'t, T>) -> (Var<'t, T>, Var<'t, T>) {
        let [g, c] = (x.matmul(&self.w_ih) + h.matmul(&self.w_hh) + &self.b).split(-1);
        let g = g.sigmoid();
        let h = g * h + (1.0 - g) * c.tanh();
        (h, h) // the output, and the next state
    }
}

/// With the width of its state, the cell is a layer: it can be stacked, masked, run in both directions.
impl<T: Scalar> StateSizes for MyCell<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.w_hh.shape()[0]]
    }
}

fn main() {
    let mut rng = bptt::rng(0);
    let mut model = (MyCell::<f32>::new(&mut rng, 1, 16), Linear::new(&mut rng, 16, 1));
    let mut optimizer = Adam::new(0.01);
    let mut losses = Vec::new();
    for _ in 0..400 {
        let bits: Vec<f32> = (0..12 * 16).map(|_| rng.random_range(0..2) as f32).collect();
        let bits = Tensor::from_vec([12, 16, 1], bits); // [T, B, 1]
        let tape = Tape::new();
        let (ys, _state) = model.forward(tape.constant(bits.clone()));
        let shares = bits.mean(&[0]); // the share of ones, the target after the last step
        let loss = loss::mean_squared_error(ys.index_first(11), &shares).mean();
        losses.push(loss.item());
        let gradients = tape.backward(loss);
        drop(tape);
        optimizer.step(&mut model, &gradients);
    }
    println!("loss: {:.4} at first, {:.6} at last", losses[0], losses[399]);
    assert!(losses[399] < 0.01 * losses[0]);
}
