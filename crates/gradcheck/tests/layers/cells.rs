//! Options of cells, and sizes of their outputs, besides those that all laws are checked of.

use bptt_autodiff::{Param, Var};
use bptt_gradcheck::{Law, cell};
use bptt_layers::{
    Activation, Cell, Elman, FullyRecurrent, Gru, IndRnn, Linear, Lstm, MemoryBlocks, MinLstm,
    Module, OutputToHidden, ProjectedLstm, StateSizes, Table, Window,
};
use bptt_tensor::{Scalar, Tensor};
use rand::RngExt;

use crate::support::{OF_PRODUCTS, Random};

fn outputs(rng: &mut Random) -> usize {
    rng.random_range(1..=4)
}

/// One row for each cell: its test, and how it is made. How kernels divide their work does not depend on
/// options.
macro_rules! cells {
    ($($name:ident: |$rng:ident, $input:ident, $hidden:ident| $make:expr;)*) => {$(
        #[test]
        fn $name() {
            cell(|$rng, $input, $hidden| $make)
                .named(stringify!($name))
                .without(&[Law::Threads])
                .cases(4)
                .check();
        }
    )*};
}

cells! {
    elman_of_any_outputs: |rng, i, h| {
        let o = outputs(rng);
        Elman::new(rng, i, h).output(rng, o, Activation::Softmax)
    };
    output_to_hidden_of_any_outputs: |rng, i, h| {
        let o = outputs(rng);
        OutputToHidden::new(rng, i, h, o)
    };
    projected_lstm_of_any_outputs: |rng, i, h| {
        let o = outputs(rng);
        ProjectedLstm::new(rng, i, h, o)
    };
    memory_blocks_of_any_outputs: |rng, i, h| {
        let o = outputs(rng);
        let output = Linear::new(rng, 3 * h, o);
        MemoryBlocks::new(rng, i, h, 3).cell_biases().output(output)
    };
    window_of_any_reach: |rng, i, h| {
        let reach = outputs(rng);
        Window::new(rng, i, h, reach)
    };
    lstm_of_other_functions: |rng, i, h| {
        Lstm::new(rng, i, h)
            .gate_activation(Activation::HardSigmoid { slope: 0.2 })
            .candidate_activation(Activation::Softplus)
            .state_activation(Activation::Table(Table::linear(f64::tanh, -4.0..=4.0, 17)))
    };
    gru_of_other_functions: |rng, i, h| {
        Gru::new(rng, i, h)
            .gate_activation(Activation::HardSigmoid { slope: 0.2 })
            .candidate_activation(Activation::Relu)
    };
    min_lstm_of_other_functions: |rng, i, h| {
        MinLstm::new(rng, i, h)
            .gate_activation(Activation::Softplus)
            .candidate_activation(Activation::Tanh)
    };
    smooth_ind_rnn: |rng, i, h| IndRnn::new(rng, i, h).activation(Activation::Softplus);
    fully_recurrent_with_masked_inputs: |rng, i, h| {
        let read = Tensor::bernoulli([i, h], 0.6, rng);
        FullyRecurrent::new(rng, i, h).input_connections(&read)
    };
}

/// What is fed back is stopped: the laws of slopes do not hold, those of running the cell do.
#[test]
fn truncated_memory_blocks() {
    let laws = [Law::Scan, Law::Pieces, Law::Recompute, Law::Reversed, Law::Padding];
    cell(|rng, i, h| MemoryBlocks::new(rng, i, h, 2).gate_biases(-1.0, -2.0).truncated(true))
        .only(&[&OF_PRODUCTS[..], &laws].concat())
        .without(&[Law::Threads])
        .cases(6)
        .check();
}

/// `h_t = tanh(x_t W_ih + Σ_k a_k ⊙ h_{t−k} + b)`: the state is a list of variables.
#[derive(Module)]
struct Delays<T> {
    w_ih: Param<T>,
    a: Vec<Param<T>>,
    b: Param<T>,
}

impl<T: Scalar> Cell<T> for Delays<T> {
    type State<'t> = Vec<Var<'t, T>>;

    fn step<'t>(&self, x: Var<'t, T>, mut state: Vec<Var<'t, T>>) -> (Var<'t, T>, Vec<Var<'t, T>>) {
        let z = x.matmul(&self.w_ih) + &self.b;
        let h = state.iter().zip(&self.a).fold(z, |z, (&h, a)| z + h * a).tanh();
        state.pop();
        state.insert(0, h);
        (h, state)
    }
}

impl<T> StateSizes for Delays<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.b.shape()[0]; self.a.len()]
    }
}

#[test]
fn a_list_of_variables() {
    cell(|rng, i, h| {
        let delays = outputs(rng);
        let mut normal = |shape: &[usize]| Param::new(Tensor::normal(shape, 0.0, 1.0, rng));
        let a = (0..delays).map(|_| normal(&[h])).collect();
        Delays { w_ih: normal(&[i, h]), a, b: normal(&[h]) }
    })
    .exchangeable_units()
    .check();
}
