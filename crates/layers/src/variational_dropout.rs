//! Dropout that drops the same units at every step.

use bptt_autodiff::Var;
use bptt_tensor::{Scalar, Shape, Tensor};
use rand::Rng;

use crate::{Cell, Dropout, Module, State, StateSizes};

/// A cell with variational dropout (Gal and Ghahramani 2016): during training, what a step reads of the
/// input and of the state is dropped, the same units of a sequence at every step.
///
/// ```text
/// y, s = cell(x ⊙ m_x, s₋ ⊙ m_s)     m = 0 with probability p, else 1/(1 − p), drawn for each sequence
/// ```
///
/// Each variable of the state has its own rate `p`. A variable that a cell hands on from step to step by
/// itself, such as the `c` of an LSTM or the `h` of a GRU, is scaled anew at each step and grows: give it
/// rate 0. As a cell it is that of evaluation, without noise; training [samples](Self::sample) one for
/// each run over a sequence.
///
/// ```
/// use bptt_autodiff::Tape;
/// use bptt_layers::{Dropout, Layer, Lstm, VariationalDropout};
/// use bptt_tensor::Tensor;
/// use rand::SeedableRng;
/// use rand_xoshiro::Xoshiro256PlusPlus;
///
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(0);
/// let lstm = Lstm::<f32>::new(&mut rng, 3, 4);
/// let [quarter, none] = [0.25, 0.0].map(Dropout::new);
/// let cell = VariationalDropout::new(lstm, quarter, &[quarter, none]); // of x, of h and of c
/// let tape = Tape::new();
/// let xs = tape.constant(Tensor::ones([7, 2, 3]));
/// let (ys, _) = cell.sample(&mut rng, 2, 3).forward(xs);
/// assert_eq!(ys.shape(), [7, 2, 4]);
/// ```
#[derive(Clone, Debug, Module)]
#[module(scalar = _)]
pub struct VariationalDropout<C> {
    /// The cell.
    pub cell: C,
    #[module(skip)]
    of_input: Dropout,
    #[module(skip)]
    of_state: Vec<Dropout>,
}

impl<C: StateSizes> VariationalDropout<C> {
    /// This cell, with dropout of the input and of each variable of the state, in the order of its leaves.
    ///
    /// # Panics
    ///
    /// If there is not one dropout for each variable of the state.
    #[track_caller]
    #[must_use]
    pub fn new(cell: C, of_input: Dropout, of_state: &[Dropout]) -> Self {
        let (variables, given) = (cell.state_sizes().len(), of_state.len());
        assert!(
            given == variables,
            "variational dropout: a state of {variables} variables needs a rate for each, not {given}"
        );
        Self { cell, of_input, of_state: of_state.to_vec() }
    }

    /// The cell of training, for one run over a batch of so many sequences of inputs of this size.
    #[must_use]
    pub fn sample<T: Scalar>(
        &self,
        rng: &mut impl Rng,
        batch: usize,
        input_size: usize,
    ) -> SampledDropout<'_, T, C> {
        let mut mask = |dropout: &Dropout, size| dropout.mask(rng, Shape::from([batch, size]));
        let input = mask(&self.of_input, input_size);
        let sizes = self.of_state.iter().zip(self.cell.state_sizes());
        let state = sizes.map(|(dropout, size)| mask(dropout, size)).collect();
        SampledDropout { cell: &self.cell, input, state }
    }
}

impl<T: Scalar, C: Cell<T>> Cell<T> for VariationalDropout<C> {
    type State<'t> = C::State<'t>;

    #[track_caller]
    fn step<'t>(&self, x: Var<'t, T>, state: Self::State<'t>) -> (Var<'t, T>, Self::State<'t>) {
        self.cell.step(x, state)
    }
}

impl<C: StateSizes> StateSizes for VariationalDropout<C> {
    fn state_sizes(&self) -> Vec<usize> {
        self.cell.state_sizes()
    }
}

/// A cell with one draw of [`VariationalDropout`]'s masks, for one run over a batch of sequences.
#[derive(Clone, Debug)]
pub struct SampledDropout<'c, T, C> {
    cell: &'c C,
    input: Option<Tensor<T>>,
    state: Vec<Option<Tensor<T>>>,
}

impl<T: Scalar, C: Cell<T>> Cell<T> for SampledDropout<'_, T, C> {
    type State<'t> = C::State<'t>;

    #[track_caller]
    fn step<'t>(&self, x: Var<'t, T>, state: Self::State<'t>) -> (Var<'t, T>, Self::State<'t>) {
        let dropped = |value: Var<'t, T>, mask: &Option<Tensor<T>>| match mask {
            Some(mask) => value * mask,
            None => value,
        };
        let state = state.leaves().into_iter().zip(&self.state);
        let state: Vec<_> = state.map(|(leaf, mask)| dropped(leaf, mask)).collect();
        self.cell.step(dropped(x, &self.input), State::from_leaves(&state))
    }
}

impl<T, C: StateSizes> StateSizes for SampledDropout<'_, T, C> {
    fn state_sizes(&self) -> Vec<usize> {
        self.cell.state_sizes()
    }
}
