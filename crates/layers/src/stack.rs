//! Layers of cells above one another.

use bptt_autodiff::{Tape, Var};
use bptt_tensor::Scalar;
use rand::Rng;

use crate::{Cell, Dropout, Module, StateSizes, scan};

/// Cells above one another, each reading the outputs of the one below.
///
/// The same function as the composed cell `(first, second)`, but run a layer at a time over the
/// whole sequence, for any number of layers.
///
/// ```
/// use bptt_autodiff::Tape;
/// use bptt_layers::{Lstm, Stack};
/// use bptt_tensor::Tensor;
/// use rand::SeedableRng;
/// use rand_xoshiro::Xoshiro256PlusPlus;
///
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(0);
/// let layers = vec![Lstm::<f32>::new(&mut rng, 3, 8), Lstm::new(&mut rng, 8, 8)];
/// let stack = Stack::new(layers);
/// let tape = Tape::new();
/// let xs = tape.constant(Tensor::ones([5, 2, 3]));
/// let (ys, states) = stack.forward(xs, stack.zero_states(&tape, 2));
/// assert_eq!((ys.shape().to_vec(), states.len()), (vec![5, 2, 8], 2));
/// ```
#[derive(Clone, Debug, Module)]
#[module(scalar = _)]
pub struct Stack<C> {
    layers: Vec<C>,
}

impl<C> Stack<C> {
    /// A stack of these cells, lowest first.
    ///
    /// # Panics
    ///
    /// If there is no cell.
    #[track_caller]
    #[must_use]
    pub fn new(layers: Vec<C>) -> Self {
        assert!(!layers.is_empty(), "a stack needs at least one layer");
        Self { layers }
    }

    /// The cells, lowest first.
    #[must_use]
    pub fn layers(&self) -> &[C] {
        &self.layers
    }

    /// Runs the layers over a sequence `[T, B, I]`, from one state for each layer. Gives the
    /// outputs of the highest layer, `[T, B, O]`, and the last state of each.
    ///
    /// # Panics
    ///
    /// If there is not one state for each layer; or as the cells' equations do.
    #[track_caller]
    #[must_use]
    pub fn forward<'t, T: Scalar>(
        &self,
        xs: Var<'t, T>,
        states: Vec<C::State<'t>>,
    ) -> (Var<'t, T>, Vec<C::State<'t>>)
    where
        C: Cell<T>,
    {
        self.run(xs, states, |xs| xs)
    }

    /// Like [`forward`](Self::forward), with dropout between the layers.
    ///
    /// # Panics
    ///
    /// If there is not one state for each layer; or as the cells' equations do.
    #[track_caller]
    #[must_use]
    pub fn forward_with_dropout<'t, T: Scalar>(
        &self,
        xs: Var<'t, T>,
        states: Vec<C::State<'t>>,
        dropout: Dropout,
        rng: &mut impl Rng,
    ) -> (Var<'t, T>, Vec<C::State<'t>>)
    where
        C: Cell<T>,
    {
        self.run(xs, states, |xs| dropout.apply(rng, xs))
    }

    /// `between` is applied to the outputs of every layer but the highest.
    #[track_caller]
    fn run<'t, T: Scalar>(
        &self,
        xs: Var<'t, T>,
        states: Vec<C::State<'t>>,
        mut between: impl FnMut(Var<'t, T>) -> Var<'t, T>,
    ) -> (Var<'t, T>, Vec<C::State<'t>>)
    where
        C: Cell<T>,
    {
        assert!(
            states.len() == self.layers.len(),
            "a stack of {} layers needs as many states, not {}",
            self.layers.len(),
            states.len()
        );
        let mut xs = xs;
        let mut last = Vec::with_capacity(states.len());
        for (i, (layer, state)) in self.layers.iter().zip(states).enumerate() {
            if i > 0 {
                xs = between(xs);
            }
            let (ys, state) = scan(layer, xs, state);
            xs = ys;
            last.push(state);
        }
        (xs, last)
    }

    /// States of zeros for a batch, one for each layer.
    #[must_use]
    pub fn zero_states<'t, T: Scalar>(&self, tape: &'t Tape<T>, batch: usize) -> Vec<C::State<'t>>
    where
        C: StateSizes<T>,
    {
        self.layers.iter().map(|layer| layer.zero_state(tape, batch)).collect()
    }
}
