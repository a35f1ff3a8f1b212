//! Layers above one another.

use bptt_autodiff::{Tape, Var};
use bptt_tensor::Scalar;

use crate::{Layer, Module, Way};

/// Layers above one another, each reading the outputs of the one below.
///
/// Of cells, the same function as the composed cell `(first, second)`, but run a layer at a time over the
/// whole sequence, for any number of layers. Dropout between the layers is a way of running it:
/// [`Recurrence::dropout`](crate::Recurrence::dropout).
///
/// ```
/// use bptt_autodiff::Tape;
/// use bptt_layers::{Layer, Lstm, Stack};
/// use bptt_tensor::Tensor;
/// use rand::SeedableRng;
/// use rand_xoshiro::Xoshiro256PlusPlus;
///
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(0);
/// let layers = vec![Lstm::<f32>::new(&mut rng, 3, 8), Lstm::new(&mut rng, 8, 8)];
/// let stack = Stack::new(layers);
/// let tape = Tape::new();
/// let (ys, states) = stack.forward(tape.constant(Tensor::ones([5, 2, 3])));
/// assert_eq!((ys.shape().to_vec(), states.len()), (vec![5, 2, 8], 2));
/// ```
#[derive(Clone, Debug, Module)]
#[module(scalar = _)]
pub struct Stack<L> {
    layers: Vec<L>,
}

impl<L> Stack<L> {
    /// A stack of these layers, lowest first.
    ///
    /// # Panics
    ///
    /// If there is no layer.
    #[track_caller]
    #[must_use]
    pub fn new(layers: Vec<L>) -> Self {
        assert!(!layers.is_empty(), "a stack needs at least one layer");
        Self { layers }
    }

    /// The layers, lowest first.
    #[must_use]
    pub fn layers(&self) -> &[L] {
        &self.layers
    }

    /// The layers, lowest first, for changing their parameters.
    #[must_use]
    pub fn layers_mut(&mut self) -> &mut [L] {
        &mut self.layers
    }
}

/// The state is one for each layer.
impl<T: Scalar, L: Layer<T>> Layer<T> for Stack<L> {
    type State<'t> = Vec<L::State<'t>>;

    fn start<'t>(&self, tape: &'t Tape<T>, batch: usize) -> Self::State<'t> {
        self.layers.iter().map(|layer| layer.start(tape, batch)).collect()
    }

    #[track_caller]
    fn run<'t>(
        &self,
        xs: Var<'t, T>,
        states: Self::State<'t>,
        way: Way<'_, T>,
    ) -> (Var<'t, T>, Self::State<'t>) {
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
                xs = way.between_layers(xs);
            }
            let (ys, state) = layer.run(xs, state, way);
            xs = ys;
            last.push(state);
        }
        (xs, last)
    }

    fn leaves<'t>(&self, states: &Self::State<'t>) -> Vec<Var<'t, T>> {
        self.layers.iter().zip(states).flat_map(|(layer, state)| layer.leaves(state)).collect()
    }

    fn rebuild<'t>(&self, leaves: &mut dyn Iterator<Item = Var<'t, T>>) -> Self::State<'t> {
        self.layers.iter().map(|layer| layer.rebuild(leaves)).collect()
    }
}
