//! Zoneout: noise that keeps values of the state instead of dropping them.

use bptt_autodiff::{Tree, Var};
use bptt_tensor::{Scalar, Tensor};
use rand::Rng;

use super::noise::layer_of_noisy_cell;
use crate::core::cell::{Cell, StateSizes};
use crate::core::module::Module;
use crate::sequence::options::RunOptions;

/// A cell with zoneout (Krueger et al. 2017): in [training](crate::Recurrence::training), each element of the
/// state keeps its value of the step before with probability `z`.
///
/// ```text
/// s = d ⊙ s₋ + (1 − d) ⊙ s̃     d ~ Bernoulli(z), drawn for each step, sequence and element
/// s = z s₋ + (1 − z) s̃         in evaluation: the expectation
/// ```
///
/// `s̃` is the state that the cell computes. Each variable of the state has its own rate `z`. An output that is itself
/// a variable of the state, such as `h`, changes with that variable. Other outputs do not change. As a [`Cell`], for
/// instance in a stepper, it computes the expectation, as in evaluation.
///
/// ```
/// use bptt_autodiff::Tape;
/// use bptt_layers::{Layer, Lstm, Recurrence, Zoneout};
/// use bptt_tensor::Tensor;
///
/// let mut rng = bptt_layers::rng(0);
/// let layer = Zoneout::new(Lstm::<f32>::new(&mut rng, 3, 4), &[0.05, 0.5]); // of h and of c
/// let tape = Tape::new();
/// let xs = tape.constant(Tensor::ones([7, 2, 3]));
/// let (training, _) = Recurrence::new(&layer).training(&mut rng).run(xs, layer.start(&tape, 2));
/// let (evaluation, _) = layer.forward(xs);
/// assert_ne!(training.value(), evaluation.value());
/// ```
#[derive(Clone, Debug, Module)]
pub struct Zoneout<C> {
    /// The cell.
    pub cell: C,
    #[module(skip)]
    rates: Vec<f64>,
}

impl<C: StateSizes> Zoneout<C> {
    /// Wraps a cell, with a rate for each variable of the state, in the order of its leaves.
    ///
    /// # Panics
    ///
    /// If there is not one rate for each variable, or if a rate is not between 0 and 1.
    #[track_caller]
    #[must_use]
    pub fn new(cell: C, rates: &[f64]) -> Self {
        let variables = cell.state_sizes().len();
        assert!(
            rates.len() == variables && rates.iter().all(|rate| (0.0..=1.0).contains(rate)),
            "zoneout: a state of {variables} variables needs a rate between 0 and 1 for each, not {rates:?}"
        );
        Self { cell, rates: rates.to_vec() }
    }

    /// Draws the noise of a run over a sequence with these extents `[T, B, I]`.
    fn sample<T: Scalar>(
        &self,
        mut rng: &mut dyn Rng,
        [steps, batch, _]: [usize; 3],
        options: RunOptions<'_, T>,
    ) -> Sampled<'_, T, C> {
        let sizes = self.cell.state_sizes().into_iter().zip(&self.rates);
        let masks = sizes.map(|(size, &rate)| {
            let mut draw = || Tensor::bernoulli([steps, batch, size], rate, &mut rng);
            (rate > 0.0).then(|| options.of_steps(draw()))
        });
        Sampled { cell: &self.cell, masks: masks.collect() }
    }
}

impl<T: Scalar, C: Cell<T>> Cell<T> for Zoneout<C> {
    type State<'t> = C::State<'t>;

    #[track_caller]
    fn step<'t>(&self, x: Var<'t, T>, state: Self::State<'t>) -> (Var<'t, T>, Self::State<'t>) {
        let mut rates = self.rates.iter();
        blend(&self.cell, x, &state, |before, new| {
            match *rates.next().expect("a rate for each variable") {
                0.0 => new,
                rate => before * rate + new * (1.0 - rate),
            }
        })
    }
}

layer_of_noisy_cell!(Zoneout, Cell);

/// A cell with one draw of its noise.
struct Sampled<'c, T, C> {
    cell: &'c C,
    /// For each variable of the state, 1 where it keeps its value, `[T, B, S]`.
    masks: Vec<Option<Tensor<T>>>,
}

impl<T: Scalar, C: Cell<T>> Cell<T> for Sampled<'_, T, C> {
    type State<'t> = C::State<'t>;

    #[track_caller]
    fn step<'t>(&self, x: Var<'t, T>, state: Self::State<'t>) -> (Var<'t, T>, Self::State<'t>) {
        let mut masks = self.masks.iter();
        blend(self.cell, x, &state, |before, new| {
            match masks.next().expect("a mask for each variable") {
                None => new,
                Some(mask) => x.tape().at_step(mask).select(before, new),
            }
        })
    }
}

/// Runs a step of the cell and blends each variable of the new state with the one before. An output that is a variable
/// of the state is blended with it.
#[track_caller]
fn blend<'t, T: Scalar, C: Cell<T>>(
    cell: &C,
    x: Var<'t, T>,
    state: &C::State<'t>,
    mut blend: impl FnMut(Var<'t, T>, Var<'t, T>) -> Var<'t, T>,
) -> (Var<'t, T>, C::State<'t>) {
    let (mut y, next) = cell.step(x, state.clone());
    let computed = y;
    let pairs = state.leaves().into_iter().zip(next.leaves());
    let blended: Vec<_> = pairs
        .map(|(before, new)| {
            let blended = blend(before, new);
            if computed.is(new) {
                y = blended;
            }
            blended
        })
        .collect();
    (y, state.with_leaves(&blended))
}
