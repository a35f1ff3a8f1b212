//! Dropout of weights.

use bptt_autodiff::{Param, Substitution, Tape, Var};
use bptt_tensor::{Scalar, Tensor};

use crate::core::module::Module;
use crate::feedforward::dropout::Dropout;
use crate::sequence::layer::Layer;
use crate::sequence::options::RunOptions;
use crate::sequence::stepwise::Stepwise;

/// A layer with weight dropout, or `DropConnect` (Wan et al. 2013), which the AWD-LSTM applies to recurrent weights
/// (Merity, Keskar and Socher 2018). In [training](crate::Recurrence::training), individual entries of weights are
/// dropped. A run drops the same entries at every step and for all sequences.
///
/// ```text
/// W̃ = W ⊙ M     M = 0 with probability p, else 1/(1 − p), drawn for each run and entry
/// ```
///
/// The equations read `W̃` in place of `W`. The layer may therefore be of any cell, and the noise does not touch its
/// state. In evaluation no entry is dropped.
///
/// ```
/// use bptt_autodiff::Tape;
/// use bptt_layers::{Dropout, Gru, Layer, Recurrence, WeightDropout};
/// use bptt_tensor::Tensor;
///
/// let mut rng = bptt_layers::rng(0);
/// let gru = Gru::<f32>::new(&mut rng, 3, 4);
/// let layer = WeightDropout::new(gru, Dropout::new(0.5), &["w_hh_rz", "w_hh_n"]);
/// let tape = Tape::new();
/// let xs = tape.constant(Tensor::ones([7, 2, 3]));
/// let (training, _) = Recurrence::new(&layer).training(&mut rng).run(xs, layer.start(&tape, 2));
/// let (evaluation, _) = layer.forward(xs);
/// assert_ne!(training.value(), evaluation.value());
/// ```
#[derive(Clone, Debug, Module)]
pub struct WeightDropout<L> {
    /// The layer.
    pub layer: L,
    #[module(skip)]
    dropout: Dropout,
    #[module(skip)]
    weights: Vec<String>,
}

impl<L> WeightDropout<L> {
    /// Wraps a layer, with dropout of the named weights. The names are paths of parameters within the layer, such as
    /// `w_hh` in an [`Lstm`](crate::Lstm), or `layers.0.w_hh` in the lowest layer of a stack.
    ///
    /// # Panics
    ///
    /// If the layer has no parameter with one of the names.
    #[track_caller]
    #[must_use]
    pub fn new<T: Scalar>(layer: L, dropout: Dropout, weights: &[&str]) -> Self
    where
        L: Module<T>,
    {
        let known: Vec<_> = layer.parameters().into_iter().map(|(name, _)| name).collect();
        if let Some(name) = weights.iter().find(|&&name| !known.iter().any(|known| known == name)) {
            panic!("weight dropout: the layer has no parameter `{name}`, but {known:?}");
        }
        Self { layer, dropout, weights: weights.iter().map(|&name| name.to_owned()).collect() }
    }

    /// Substitutes dropped weights for the parameters in training, until the result is dropped.
    #[track_caller]
    fn drop_weights<'t, T: Scalar>(
        &self,
        tape: &'t Tape<T>,
        options: RunOptions<'_, T>,
    ) -> Vec<Substitution<'t>>
    where
        L: Module<T>,
    {
        let parameters = self.layer.parameters();
        let weights = parameters.into_iter().filter(|(name, _)| self.weights.contains(name));
        let weights: Vec<&Param<T>> = weights.map(|(_, weight)| weight).collect();
        let masks: Vec<Option<Tensor<T>>> = options
            .in_training(|mut rng| {
                let mask = |weight: &&Param<T>| self.dropout.mask(&mut rng, weight.shape().clone());
                weights.iter().map(mask).collect()
            })
            .unwrap_or_default();
        let dropped = |(weight, mask): (&Param<T>, &Option<Tensor<T>>)| {
            let mask = mask.as_ref()?;
            Some(tape.substitute(weight, tape.param(weight) * mask))
        };
        weights.into_iter().zip(&masks).filter_map(dropped).collect()
    }
}

impl<T: Scalar, L: Layer<T> + Module<T>> Layer<T> for WeightDropout<L> {
    type State<'t> = L::State<'t>;

    fn start<'t>(&self, tape: &'t Tape<T>, batch: usize) -> Self::State<'t> {
        self.layer.start(tape, batch)
    }

    #[track_caller]
    fn run<'t>(
        &self,
        xs: Var<'t, T>,
        state: Self::State<'t>,
        options: RunOptions<'_, T>,
    ) -> (Var<'t, T>, Self::State<'t>) {
        let _dropped = self.drop_weights(xs.tape(), options);
        self.layer.run(xs, state, options)
    }
}

/// A step reads the weights without noise, as in evaluation.
impl<T: Scalar, L: Stepwise<T> + Module<T>> Stepwise<T> for WeightDropout<L> {
    #[track_caller]
    fn advance<'t>(&self, x: Var<'t, T>, state: Self::State<'t>) -> (Var<'t, T>, Self::State<'t>) {
        self.layer.advance(x, state)
    }
}
