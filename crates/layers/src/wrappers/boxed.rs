//! Layers whose kind is chosen at run time.

use std::fmt::{self, Debug};

use bptt_autodiff::{Param, Tape, Tree, Var};
use bptt_tensor::Scalar;

use crate::core::module::{Module, ParameterPath};
use crate::sequence::layer::Layer;
use crate::sequence::options::RunOptions;
use crate::sequence::shape::assert_batch;
use crate::sequence::stepwise::Stepwise;

/// A layer whose kind is chosen at run time, for instance by the name of a cell in a configuration.
///
/// Boxed layers of different kinds have one type, so that a [`Stack`](crate::Stack) or a `Vec` can hold them. A boxed
/// layer computes the same as the inner layer, bit for bit. Its parameters keep their names. Its state is the list of
/// the variables of the inner layer's state.
///
/// ```
/// use bptt_autodiff::Tape;
/// use bptt_layers::{BoxedLayer, Gru, Layer, Lstm, Stack, Xoshiro256PlusPlus};
/// use bptt_tensor::Tensor;
///
/// fn cell(name: &str, input_size: usize, rng: &mut Xoshiro256PlusPlus) -> BoxedLayer<f32> {
///     match name {
///         "lstm" => BoxedLayer::new(Lstm::new(rng, input_size, 8)),
///         "gru" => BoxedLayer::new(Gru::new(rng, input_size, 8)),
///         _ => panic!("no cell is called {name}"),
///     }
/// }
///
/// let mut rng = bptt_layers::rng(0);
/// let stack = Stack::new(vec![cell("gru", 3, &mut rng), cell("lstm", 8, &mut rng)]);
/// let tape = Tape::new();
/// let (ys, states) = stack.forward(tape.constant(Tensor::ones([5, 2, 3])));
/// assert_eq!(ys.shape(), [5, 2, 8]);
/// assert_eq!([states[0].len(), states[1].len()], [1, 2]); // h of the GRU; h and c of the LSTM
/// ```
pub struct BoxedLayer<T>(Box<dyn ErasedLayer<T>>);

impl<T: Scalar> BoxedLayer<T> {
    /// Boxes a layer.
    #[must_use]
    pub fn new(layer: impl Stepwise<T> + Module<T> + Debug + Send + Sync + 'static) -> Self {
        Self(Box::new(layer))
    }
}

/// Writes the inner layer by its own `Debug`.
impl<T> Debug for BoxedLayer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The parameters have the names of the inner layer.
impl<T: Scalar> Module<T> for BoxedLayer<T> {
    fn visit<'a>(&'a self, path: &mut ParameterPath, visitor: &mut dyn FnMut(&str, &'a Param<T>)) {
        self.0.visit(path, visitor);
    }

    fn visit_mut<'a>(
        &'a mut self,
        path: &mut ParameterPath,
        visitor: &mut dyn FnMut(&str, &'a mut Param<T>),
    ) {
        self.0.visit_mut(path, visitor);
    }
}

impl<T: Scalar> Layer<T> for BoxedLayer<T> {
    type State<'t> = Vec<Var<'t, T>>;

    fn start<'t>(&self, tape: &'t Tape<T>, batch: usize) -> Self::State<'t> {
        self.0.erased_start(tape, batch)
    }

    #[track_caller]
    fn run<'t>(
        &self,
        xs: Var<'t, T>,
        state: Self::State<'t>,
        options: RunOptions<'_, T>,
    ) -> (Var<'t, T>, Self::State<'t>) {
        assert_batch(xs, &state);
        self.0.erased_run(xs, &state, options)
    }
}

impl<T: Scalar> Stepwise<T> for BoxedLayer<T> {
    #[track_caller]
    fn advance<'t>(&self, x: Var<'t, T>, state: Self::State<'t>) -> (Var<'t, T>, Self::State<'t>) {
        self.0.erased_advance(x, &state)
    }
}

/// A [`Stepwise`] layer whose state is a list of variables, so that the trait is dyn-compatible.
trait ErasedLayer<T: Scalar>: Module<T> + Debug + Send + Sync {
    fn erased_start<'t>(&self, tape: &'t Tape<T>, batch: usize) -> Vec<Var<'t, T>>;

    fn erased_run<'t>(
        &self,
        xs: Var<'t, T>,
        state: &[Var<'t, T>],
        options: RunOptions<'_, T>,
    ) -> (Var<'t, T>, Vec<Var<'t, T>>);

    fn erased_advance<'t>(
        &self,
        x: Var<'t, T>,
        state: &[Var<'t, T>],
    ) -> (Var<'t, T>, Vec<Var<'t, T>>);
}

impl<T: Scalar, L: Stepwise<T> + Module<T> + Debug + Send + Sync> ErasedLayer<T> for L {
    fn erased_start<'t>(&self, tape: &'t Tape<T>, batch: usize) -> Vec<Var<'t, T>> {
        self.start(tape, batch).leaves()
    }

    fn erased_run<'t>(
        &self,
        xs: Var<'t, T>,
        state: &[Var<'t, T>],
        options: RunOptions<'_, T>,
    ) -> (Var<'t, T>, Vec<Var<'t, T>>) {
        let (ys, state) = self.run(xs, restored(self, state, xs.tape()), options);
        (ys, state.leaves())
    }

    fn erased_advance<'t>(
        &self,
        x: Var<'t, T>,
        state: &[Var<'t, T>],
    ) -> (Var<'t, T>, Vec<Var<'t, T>>) {
        let (y, state) = self.advance(x, restored(self, state, x.tape()));
        (y, state.leaves())
    }
}

/// Returns the state of a layer with these variables. Its tree is that of an initial state of 0 sequences.
fn restored<'t, T: Scalar, L: Layer<T>>(
    layer: &L,
    leaves: &[Var<'t, T>],
    tape: &'t Tape<T>,
) -> L::State<'t> {
    layer.start(tape, 0).with_leaves(leaves)
}
