//! Models and data for the tests.

use bptt_autodiff::{Param, Tape, Var};
use bptt_layers::{Linear, Module, ParameterPath};
use bptt_tensor::Tensor;
use bptt_trainers::Trainer;
use bptt_trainers::mixture::{
    ClassOutputs, ExpectationMaximization, GaussianOutputs, HmmError, InputNetwork, InputOutputHmm,
    InputTable, OutputDistribution, Sequences,
};
use rand::{Rng, RngExt};

pub(crate) type Tables = InputOutputHmm<f64, InputTable<f64>, ClassOutputs<InputTable<f64>>>;
pub(crate) type Networks = InputOutputHmm<f64, Vec<Linear<f64>>, ClassOutputs<Linear<f64>>>;
pub(crate) type Numbers<P> = InputOutputHmm<f64, P, GaussianOutputs<f64, P>>;

/// A network whose closed form, if it has one, is not known.
#[derive(Clone, Debug)]
pub(crate) struct Trained<N>(pub(crate) N);

impl<N: Module<f64>> Module<f64> for Trained<N> {
    fn visit<'a>(
        &'a self,
        path: &mut ParameterPath,
        visitor: &mut dyn FnMut(&str, &'a Param<f64>),
    ) {
        self.0.visit(path, visitor);
    }

    fn visit_mut<'a>(
        &'a mut self,
        path: &mut ParameterPath,
        visitor: &mut dyn FnMut(&str, &'a mut Param<f64>),
    ) {
        self.0.visit_mut(path, visitor);
    }
}

impl<N: InputNetwork<f64>> InputNetwork<f64> for Trained<N> {
    fn size(&self) -> usize {
        self.0.size()
    }

    fn values<'t>(
        &self,
        tape: &'t Tape<f64>,
        data: &Sequences<f64>,
    ) -> Result<Var<'t, f64>, HmmError> {
        self.0.values(tape, data)
    }
}

pub(crate) fn tables(rng: &mut impl Rng, states: usize, symbols: usize, classes: usize) -> Tables {
    let transitions = InputTable::new(rng, symbols, states * states);
    let outputs = ClassOutputs::new(InputTable::new(rng, symbols, states * classes), classes);
    let mut model = InputOutputHmm::new(transitions, outputs);
    model.start = Param::new(Tensor::normal([states], 0.0, 1.0, rng));
    model
}

/// A linear network for each state, and one of all outputs.
pub(crate) fn networks(
    rng: &mut impl Rng,
    states: usize,
    features: usize,
    classes: usize,
) -> Networks {
    let transitions = (0..states).map(|_| Linear::new(rng, features, states)).collect();
    let outputs = ClassOutputs::new(Linear::new(rng, features, states * classes), classes);
    InputOutputHmm::new(transitions, outputs)
}

pub(crate) fn symbols(rng: &mut impl Rng, count: usize, below: usize) -> Vec<usize> {
    (0..count).map(|_| rng.random_range(0..below)).collect()
}

pub(crate) fn symbol_data(
    rng: &mut impl Rng,
    symbol_counts: [usize; 2],
    lengths: &[usize],
) -> Sequences<f64> {
    let count = lengths.iter().max().unwrap() * lengths.len();
    let [inputs, outputs] = symbol_counts.map(|below| symbols(rng, count, below));
    Sequences::new(inputs, outputs, lengths).unwrap()
}

/// Features as inputs, and classes as outputs that depend on them and on what was before, with exceptions.
pub(crate) fn feature_data(
    rng: &mut impl Rng,
    features: usize,
    lengths: &[usize],
) -> Sequences<f64> {
    let (steps, batch) = (*lengths.iter().max().unwrap(), lengths.len());
    let inputs = Tensor::normal([steps, batch, features], 0.0, 1.0, rng);
    let sum = |p: usize| inputs.as_slice()[p * features..][..features].iter().sum::<f64>();
    let class = |p: usize| usize::from(sum(p) + sum(p.saturating_sub(batch)) > 0.0);
    let exception = |p: usize| class(p) ^ usize::from(rng.random_bool(0.2));
    let outputs: Vec<usize> = (0..steps * batch).map(exception).collect();
    Sequences::new(inputs, outputs, lengths).unwrap()
}

/// Numbers of two features around four places.
pub(crate) fn number_data(
    rng: &mut impl Rng,
    inputs: Tensor<f64>,
    lengths: &[usize],
) -> Sequences<f64> {
    let shape = [inputs.shape()[0], inputs.shape()[1], 2];
    let places = Tensor::from_fn(shape, |_| f64::from(rng.random_range(0..2_u8)) * 3.0);
    let outputs = places + &Tensor::normal(shape, 0.0, 0.5, rng);
    Sequences::new(inputs, outputs, lengths).unwrap()
}

pub(crate) fn total<P, O>(model: &InputOutputHmm<f64, P, O>, data: &Sequences<f64>) -> f64
where
    P: InputNetwork<f64>,
    O: OutputDistribution<f64>,
{
    model.posteriors(data).unwrap().log_likelihoods.iter().sum()
}

pub(crate) fn assert_close(actual: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(actual.len(), expected.len());
    for (place, (a, e)) in actual.iter().zip(expected).enumerate() {
        assert!((a - e).abs() <= tolerance * e.abs().max(1.0), "{a} is not {e} at {place}");
    }
}

pub(crate) fn softmax(logits: &[f64]) -> Vec<f64> {
    let sum: f64 = logits.iter().map(|x| x.exp()).sum();
    logits.iter().map(|x| x.exp() / sum).collect()
}

/// Makes steps, of which none lowers the likelihood. Returns the log-likelihood for each time step at first and at
/// last.
pub(crate) fn climb<R, P, O>(
    mut trainer: ExpectationMaximization<R>,
    model: &mut InputOutputHmm<f64, P, O>,
    data: &Sequences<f64>,
    steps: usize,
) -> [f64; 2]
where
    P: InputNetwork<f64>,
    O: OutputDistribution<f64>,
    R: Trainer<f64, InputOutputHmm<f64, P, O>>,
{
    let mut reached = Vec::new();
    for _ in 0..steps {
        reached.push(-trainer.step(model, data).unwrap().loss);
    }
    for (step, pair) in reached.windows(2).enumerate() {
        assert!(pair[1] >= pair[0] - 1e-13, "{} falls to {} in step {step}", pair[0], pair[1]);
    }
    [reached[0], reached[steps - 1]]
}

/// A noisy parity: the state flips after an input of 1, with an exception in 50, and is read with an error in 10.
pub(crate) fn noisy_parity(rng: &mut impl Rng, length: usize) -> Sequences<f64> {
    let inputs = symbols(rng, length, 2);
    let mut parity = 0;
    let mut output = |&input: &usize| {
        parity ^= input ^ usize::from(rng.random_bool(0.02));
        parity ^ usize::from(rng.random_bool(0.1))
    };
    let outputs: Vec<usize> = inputs.iter().map(&mut output).collect();
    Sequences::new(inputs, outputs, &[length]).unwrap()
}
