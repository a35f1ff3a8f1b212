//! Stacks of layers.

use bptt_autodiff::{Tape, Var};
use bptt_tensor::{Scalar, Shape};
use rand::Rng;

use crate::core::module::Module;
use crate::feedforward::dropout::Dropout;
use crate::sequence::layer::Layer;
use crate::sequence::options::RunOptions;
use crate::sequence::stepwise::Stepwise;

/// A stack of layers, each of which reads the outputs of the one below.
///
/// The layers are of one type, in any number. A tuple holds two layers of different types. Each layer is run over the
/// whole sequence before the next. In [training](crate::Recurrence::training) there may be [dropout](Self::dropout)
/// between the layers.
///
/// ```
/// use bptt_autodiff::Tape;
/// use bptt_layers::{Layer, Lstm, Stack};
/// use bptt_tensor::Tensor;
///
/// let mut rng = bptt_layers::rng(0);
/// let layers = vec![Lstm::<f32>::new(&mut rng, 3, 8), Lstm::new(&mut rng, 8, 8)];
/// let stack = Stack::new(layers);
/// let tape = Tape::new();
/// let (ys, states) = stack.forward(tape.constant(Tensor::ones([5, 2, 3])));
/// assert_eq!((ys.shape().to_vec(), states.len()), (vec![5, 2, 8], 2));
/// ```
#[derive(Clone, Debug, Module)]
pub struct Stack<L> {
    layers: Vec<L>,
    #[module(skip)]
    dropout: Dropout,
}

impl<L> Stack<L> {
    /// Stacks these layers, the lowest first.
    ///
    /// # Panics
    ///
    /// If there is no layer.
    #[track_caller]
    #[must_use]
    pub fn new(layers: Vec<L>) -> Self {
        assert!(!layers.is_empty(), "a stack needs at least one layer");
        Self { layers, dropout: Dropout::new(0.0) }
    }

    /// Sets the dropout in training, for the outputs of each layer but the highest. It is drawn for each step, or for
    /// each sequence if it is [locked](Dropout::locked).
    #[must_use]
    pub fn dropout(self, dropout: Dropout) -> Self {
        Self { dropout, ..self }
    }

    /// Returns the layers, the lowest first.
    #[must_use]
    pub fn layers(&self) -> &[L] {
        &self.layers
    }

    /// Returns the layers, the lowest first, to change their parameters.
    #[must_use]
    pub fn layers_mut(&mut self) -> &mut [L] {
        &mut self.layers
    }
}

impl<L> Stack<L> {
    #[track_caller]
    fn assert_states<S>(&self, states: &[S]) {
        let (layers, given) = (self.layers.len(), states.len());
        assert!(layers == given, "a stack of {layers} layers needs as many states, not {given}");
    }

    /// Applies the dropout between layers in training.
    #[track_caller]
    fn drop_out<'t, T: Scalar>(&self, ys: Var<'t, T>, options: RunOptions<'_, T>) -> Var<'t, T> {
        let extents = Shape::from(options.extents(ys));
        let draw = |mut rng: &mut dyn Rng| self.dropout.mask_of_steps(&mut rng, &extents);
        match options.in_training(draw).flatten() {
            Some(mask) => ys * &options.of_steps(mask.broadcast_to(&extents)),
            None => ys,
        }
    }
}

/// The state has an element for each layer.
impl<T: Scalar, L: Layer<T>> Layer<T> for Stack<L> {
    type State<'t> = Vec<L::State<'t>>;

    fn start<'t>(&self, tape: &'t Tape<T>, batch: usize) -> Self::State<'t> {
        self.layers.iter().map(|layer| layer.start(tape, batch)).collect()
    }

    #[track_caller]
    fn run<'t>(
        &self,
        xs: Var<'t, T>,
        mut states: Self::State<'t>,
        options: RunOptions<'_, T>,
    ) -> (Var<'t, T>, Self::State<'t>) {
        self.assert_states(&states);
        let (top, below) = self.layers.split_last().expect("a stack has a layer");
        let mut xs = xs;
        for (index, (layer, state)) in below.iter().zip(&mut states).enumerate() {
            let _scope = xs.tape().scope(index);
            let (ys, next) = layer.run(xs, state.clone(), options.every_step());
            xs = self.drop_out(ys, options);
            *state = next;
        }
        let state = states.pop().expect("a state for each layer");
        let _scope = xs.tape().scope(below.len());
        let (ys, state) = top.run(xs, state, options);
        states.push(state);
        (ys, states)
    }
}

impl<T: Scalar, L: Stepwise<T>> Stepwise<T> for Stack<L> {
    #[track_caller]
    fn advance<'t>(&self, x: Var<'t, T>, states: Self::State<'t>) -> (Var<'t, T>, Self::State<'t>) {
        self.assert_states(&states);
        let (mut x, mut next) = (x, Vec::with_capacity(states.len()));
        for (index, (layer, state)) in self.layers.iter().zip(states).enumerate() {
            let _scope = x.tape().scope(index);
            let (y, state) = layer.advance(x, state);
            x = y;
            next.push(state);
        }
        (x, next)
    }
}
