//! Pairs of layers, the second above the first.

use bptt_autodiff::{Tape, Var};
use bptt_tensor::Scalar;

use crate::sequence::layer::Layer;
use crate::sequence::options::RunOptions;
use crate::sequence::stepwise::Stepwise;

/// Two layers of different kinds. The second reads the outputs of the first. A [`Stack`](crate::Stack) holds layers of
/// one kind.
///
/// ```
/// use bptt_autodiff::Tape;
/// use bptt_layers::{Bidirectional, Elman, Layer, Linear};
/// use bptt_tensor::Tensor;
///
/// let rng = &mut bptt_layers::rng(0);
/// let both = Bidirectional::new(Elman::<f32>::new(rng, 3, 4), Elman::new(rng, 3, 4));
/// let model = (both, Linear::new(rng, 8, 2));
/// let tape = Tape::new();
/// let (ys, _state) = model.forward(tape.constant(Tensor::ones([7, 2, 3])));
/// assert_eq!(ys.shape(), [7, 2, 2]);
/// ```
impl<T: Scalar, A: Layer<T>, B: Layer<T>> Layer<T> for (A, B) {
    type State<'t> = (A::State<'t>, B::State<'t>);

    fn start<'t>(&self, tape: &'t Tape<T>, batch: usize) -> Self::State<'t> {
        (self.0.start(tape, batch), self.1.start(tape, batch))
    }

    #[track_caller]
    fn run<'t>(
        &self,
        xs: Var<'t, T>,
        (below, above): Self::State<'t>,
        options: RunOptions<'_, T>,
    ) -> (Var<'t, T>, Self::State<'t>) {
        let scope = xs.tape().scope(0);
        let (xs, below) = self.0.run(xs, below, options.every_step());
        drop(scope);
        let _scope = xs.tape().scope(1);
        let (ys, above) = self.1.run(xs, above, options);
        (ys, (below, above))
    }
}

impl<T: Scalar, A: Stepwise<T>, B: Stepwise<T>> Stepwise<T> for (A, B) {
    #[track_caller]
    fn advance<'t>(
        &self,
        x: Var<'t, T>,
        (below, above): Self::State<'t>,
    ) -> (Var<'t, T>, Self::State<'t>) {
        let scope = x.tape().scope(0);
        let (x, below) = self.0.advance(x, below);
        drop(scope);
        let _scope = x.tape().scope(1);
        let (y, above) = self.1.advance(x, above);
        (y, (below, above))
    }
}
