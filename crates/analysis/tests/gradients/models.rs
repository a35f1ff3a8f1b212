//! Models with states of several forms.

use bptt_autodiff::{Param, State, Tape, Var};
use bptt_layers::{
    Cell, LearnedStart, Linear, Lstm, Module, Stack, StateSizes, Xoshiro256PlusPlus,
};
use bptt_tensor::{Scalar, Shape, Tensor};

pub(crate) type V<'t> = Var<'t, f64>;

pub(crate) type Random = Xoshiro256PlusPlus;

pub(crate) const INPUT: usize = 3;
pub(crate) const HIDDEN: usize = 4;

/// Returns a tensor of uniform numbers between −1 and 1.
pub(crate) fn uniform(shape: impl Into<Shape>, rng: &mut Random) -> Tensor<f64> {
    Tensor::uniform(shape, -1.0, 1.0, rng)
}

/// Returns the module with all parameters drawn anew, biases too.
pub(crate) fn randomized<M: Module<f64>>(mut module: M, rng: &mut Random) -> M {
    module.for_each_parameter_mut(|_, param| param.set(uniform(param.shape(), rng)));
    module
}

/// Two variables of different sizes that read each other, and an output that is neither.
#[derive(Clone, Debug, Module)]
#[module(scalar = f64)]
pub(crate) struct TwoLeaves {
    fast: Param<f64>,
    slow: Param<f64>,
    output: Param<f64>,
}

impl TwoLeaves {
    pub(crate) fn new(rng: &mut Random) -> Self {
        let mut weight = |rows, columns| Param::new(uniform([rows, columns], rng));
        Self { fast: weight(INPUT + 6, 4), slow: weight(4 + 2, 2), output: weight(6, 3) }
    }
}

impl Cell<f64> for TwoLeaves {
    type State<'t> = (V<'t>, V<'t>);

    fn step<'t>(&self, x: V<'t>, (fast, slow): Self::State<'t>) -> (V<'t>, Self::State<'t>) {
        let fast = V::concat(&[x, fast, slow], -1).matmul(&self.fast).tanh();
        let slow = slow * 0.9 + V::concat(&[fast, slow], -1).matmul(&self.slow).sigmoid() * 0.1;
        (V::concat(&[fast, slow], -1).matmul(&self.output), (fast, slow))
    }
}

impl StateSizes for TwoLeaves {
    fn state_sizes(&self) -> Vec<usize> {
        vec![4, 2]
    }
}

/// Attends to the last three hidden states, `[B, 3, H]`: `h = tanh(x W + (softmax(q Mᵀ) M) U)`.
#[derive(Clone, Debug, Module)]
#[module(scalar = f64)]
pub(crate) struct AttentionOverMemory {
    w: Param<f64>,
    u: Param<f64>,
    query: Param<f64>,
}

impl AttentionOverMemory {
    pub(crate) fn new(rng: &mut Random) -> Self {
        let mut weight = |rows| Param::new(uniform([rows, HIDDEN], rng));
        Self { w: weight(INPUT), u: weight(HIDDEN), query: weight(INPUT) }
    }
}

impl Cell<f64> for AttentionOverMemory {
    type State<'t> = V<'t>;

    fn step<'t>(&self, x: V<'t>, memory: V<'t>) -> (V<'t>, V<'t>) {
        let batch = x.shape()[0];
        let query = x.matmul(&self.query).reshape([batch, 1, HIDDEN]);
        let read = query.matmul_t(memory).softmax(-1).matmul(memory).reshape([batch, HIDDEN]);
        let h = (x.matmul(&self.w) + read.matmul(&self.u)).tanh();
        let newest = h.reshape([batch, 1, HIDDEN]);
        (h, V::concat(&[memory.slice(1, 1..3), newest], 1))
    }
}

impl StateSizes for AttentionOverMemory {
    fn state_sizes(&self) -> Vec<usize> {
        vec![HIDDEN]
    }

    fn zero_state<'t, T: Scalar>(
        &self,
        tape: &'t Tape<T>,
        batch: usize,
    ) -> <Self as Cell<T>>::State<'t>
    where
        Self: Cell<T>,
    {
        let zeros = Tensor::zeros([batch, 3, HIDDEN]);
        State::from_values(tape, &[zeros])
    }
}

/// A cell whose steps become smaller with their number, which is a variable without axes.
#[derive(Clone, Debug, Module)]
#[module(scalar = f64)]
pub(crate) struct Counting {
    w: Param<f64>,
    rate: Param<f64>,
}

impl Counting {
    pub(crate) fn new(rng: &mut Random) -> Self {
        Self {
            w: Param::new(uniform([INPUT + HIDDEN, HIDDEN], rng)),
            rate: Param::new(Tensor::scalar(0.3)),
        }
    }
}

impl Cell<f64> for Counting {
    type State<'t> = (V<'t>, V<'t>);

    fn step<'t>(&self, x: V<'t>, (h, count): Self::State<'t>) -> (V<'t>, Self::State<'t>) {
        let count = count + x.tape().param(&self.rate);
        let h = h + V::concat(&[x, h], -1).matmul(&self.w).tanh() / (count + 1.0);
        (h, (h, count))
    }
}

impl StateSizes for Counting {
    fn state_sizes(&self) -> Vec<usize> {
        vec![HIDDEN, 1]
    }

    fn zero_state<'t, T: Scalar>(
        &self,
        tape: &'t Tape<T>,
        batch: usize,
    ) -> <Self as Cell<T>>::State<'t>
    where
        Self: Cell<T>,
    {
        let zeros = [Tensor::zeros([batch, HIDDEN]), Tensor::scalar(T::zero())];
        State::from_values(tape, &zeros)
    }
}

/// Two LSTMs with a learned start, and an output layer.
pub(crate) type Deep = (LearnedStart<f64, Stack<Lstm<f64>>>, Linear<f64>);

pub(crate) fn deep(rng: &mut Random) -> Deep {
    let layers = vec![Lstm::new(rng, INPUT, HIDDEN), Lstm::new(rng, HIDDEN, HIDDEN)];
    let model = (LearnedStart::new(Stack::new(layers)), Linear::new(rng, HIDDEN, 2));
    randomized(model, rng)
}
