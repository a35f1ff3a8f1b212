//! Initial states: learned, or carried from the run before.

use bptt_autodiff::{Param, Tape, Tree, Var};
use bptt_tensor::{Scalar, Tensor};

use crate::core::module::Module;
use crate::core::options::init_options;
use crate::sequence::initial_state::InitialState;
use crate::sequence::layer::Layer;
use crate::sequence::options::RunOptions;
use crate::sequence::shape::sequence_shape;
use crate::sequence::stepwise::Stepwise;

/// A layer whose initial state is learned. The state is shared by the batch. Sequences that [start
/// anew](crate::Recurrence::resets) within a run start from it as well.
///
/// Learning begins at the layer's own initial state, zeros, or at [a random guess](Self::start_init).
///
/// ```
/// use bptt_autodiff::Tape;
/// use bptt_layers::{Init, Layer, LearnedStart, Lstm};
/// use bptt_tensor::Tensor;
///
/// let mut rng = bptt_layers::rng(0);
/// let lstm = Lstm::<f64>::new(&mut rng, 3, 4);
/// let guess = Init::Gaussian { mean: 0.0, std: 0.1 };
/// let layer = LearnedStart::new(lstm).start_init(&mut rng, guess);
/// let tape = Tape::new();
/// let (ys, _state) = layer.forward(tape.constant(Tensor::ones([7, 2, 3])));
/// let gradients = tape.backward(ys.sum_all());
/// assert_eq!(gradients[&layer.initial[0]].shape(), &[1, 4]); // of h, for both sequences together
/// ```
#[derive(Clone, Debug, Module)]
pub struct LearnedStart<T, L> {
    /// The layer.
    pub layer: L,
    /// The initial state, each variable `[1, S]`.
    pub initial: Vec<Param<T>>,
}

impl<T: Scalar, L: Layer<T>> LearnedStart<T, L> {
    /// Wraps a layer. The learned state starts from the layer's own initial state.
    #[must_use]
    pub fn new(layer: L) -> Self {
        let tape = Tape::new();
        let start = layer.start(&tape, 1);
        let initial = start.leaves().into_iter().map(|leaf| Param::new(leaf.value())).collect();
        Self { layer, initial }
    }

    init_options! {
        start_init: "all variables of the initial state", |start| start.initial.iter_mut().map(|s| (s, 1));
    }
}

impl<T: Scalar, L: Layer<T>> Layer<T> for LearnedStart<T, L> {
    type State<'t> = L::State<'t>;

    fn start<'t>(&self, tape: &'t Tape<T>, batch: usize) -> Self::State<'t> {
        let shared = |param: &Param<T>| tape.param(param).broadcast_to([batch, param.shape()[1]]);
        let leaves: Vec<_> = self.initial.iter().map(shared).collect();
        self.layer.start(tape, batch).with_leaves(&leaves)
    }

    #[track_caller]
    fn run<'t>(
        &self,
        xs: Var<'t, T>,
        state: Self::State<'t>,
        options: RunOptions<'_, T>,
    ) -> (Var<'t, T>, Self::State<'t>) {
        let starts = InitialState::new(&self.initial);
        self.layer.run(xs, state, options.starting(&starts))
    }
}

impl<T: Scalar, L: Stepwise<T>> Stepwise<T> for LearnedStart<T, L> {
    #[track_caller]
    fn advance<'t>(&self, x: Var<'t, T>, state: Self::State<'t>) -> (Var<'t, T>, Self::State<'t>) {
        self.layer.advance(x, state)
    }
}

/// A state that outlives its tape, for sequences that come in pieces. The layer continues where it stopped, like a
/// *stateful* layer of Keras.
///
/// ```
/// use bptt_autodiff::Tape;
/// use bptt_layers::{CarriedState, Elman};
/// use bptt_tensor::Tensor;
///
/// let mut rng = bptt_layers::rng(0);
/// let layer = Elman::<f64>::new(&mut rng, 3, 4);
/// let mut carried = CarriedState::new();
/// for _piece in 0..3 {
///     let tape = Tape::new();
///     let ys = carried.run(&layer, tape.constant(Tensor::ones([5, 2, 3])));
///     // a loss of ys, tape.backward(…), an update: no gradient flows into the piece before
/// }
/// carried.reset(); // the next sequence starts anew
/// ```
#[derive(Clone, Debug)]
pub struct CarriedState<T> {
    values: Option<Vec<Tensor<T>>>,
}

impl<T: Scalar> CarriedState<T> {
    /// Creates a carried state without values: the layer starts from its initial state.
    #[must_use]
    pub fn new() -> Self {
        Self { values: None }
    }

    /// Creates a carried state with these values, one for each variable of the state, as [`values`](Self::values)
    /// returns them.
    #[must_use]
    pub fn from_values(values: Vec<Tensor<T>>) -> Self {
        Self { values: Some(values) }
    }

    /// Returns the carried values, for saving, or `None` at the start of a sequence.
    #[must_use]
    pub fn values(&self) -> Option<&[Tensor<T>]> {
        self.values.as_deref()
    }

    /// Forgets the carried state.
    pub fn reset(&mut self) {
        self.values = None;
    }

    /// Returns the state to continue from, as constants on this tape. At the start of a sequence, this is the layer's
    /// initial state.
    ///
    /// # Panics
    ///
    /// If the carried state is of another layer or batch.
    #[track_caller]
    #[must_use]
    pub fn state<'t, L: Layer<T>>(
        &self,
        layer: &L,
        tape: &'t Tape<T>,
        batch: usize,
    ) -> L::State<'t> {
        let start = layer.start(tape, batch);
        let Some(values) = &self.values else { return start };
        let expected: Vec<_> = start.leaves().iter().map(|leaf| leaf.shape()).collect();
        let carried: Vec<_> = values.iter().map(|value| value.shape().clone()).collect();
        assert!(
            carried == expected,
            "the carried state has shapes {carried:?}, but the layer's are {expected:?}: reset it"
        );
        let leaves = values.iter().map(|value| tape.constant(value.clone()));
        start.with_leaves(&leaves.collect::<Vec<_>>())
    }

    /// Keeps the values of a state for the next piece. They belong to no tape.
    pub fn keep<'t>(&mut self, state: &impl Tree<'t, T>) {
        self.values = Some(state.values());
    }

    /// Returns the outputs of the layer for the next piece of its sequences, `[T, B, I]`, and carries the last state.
    ///
    /// # Panics
    ///
    /// As [`state`](Self::state), and as the layer does.
    #[track_caller]
    #[must_use]
    pub fn run<'t, L: Layer<T>>(&mut self, layer: &L, xs: Var<'t, T>) -> Var<'t, T> {
        let [_, batch, _] = sequence_shape(xs);
        let (ys, state) = layer.run(xs, self.state(layer, xs.tape(), batch), RunOptions::default());
        self.keep(&state);
        ys
    }
}

impl<T: Scalar> Default for CarriedState<T> {
    fn default() -> Self {
        Self::new()
    }
}
