//! Helpers that the tests share: objectives of plain functions, the latch problem, and every trainer.

use std::f64::consts::TAU;

use bptt_autodiff::{Param, Tape, Var};
use bptt_layers::{Elman, Layer, Linear, Sgd, rng};
use bptt_tensor::Tensor;
use bptt_trainers::{
    EvolutionStrategy, MultiGridSearch, Objective, Progress, RandomGuessing, SimulatedAnnealing,
    Trainer,
};

pub(crate) type Parameters = Param<f64>;

/// The objective of a function of the elements of a parameter.
pub(crate) fn of(
    loss: impl Fn(&[f64]) -> f64,
) -> impl for<'t> Fn(&Parameters, &'t Tape<f64>) -> Objective<'t, f64> {
    move |w, tape| Objective::loss(tape.constant(Tensor::scalar(loss(w.value().as_slice()))))
}

pub(crate) fn at(elements: &[f64]) -> Parameters {
    Param::new(Tensor::from_slice([elements.len()], elements))
}

/// Makes a step that must succeed.
pub(crate) fn step(
    trainer: &mut dyn Trainer<f64, Parameters>,
    w: &mut Parameters,
    loss: &dyn Fn(&[f64]) -> f64,
) -> Progress {
    trainer.step(w, &of(loss)).expect("a step")
}

/// A function with local minima near all points of whole numbers, and the least, 0, at the origin.
pub(crate) fn rastrigin(w: &[f64]) -> f64 {
    w.iter().map(|x| 10.0 + x * x - 10.0 * (TAU * x).cos()).sum()
}

pub(crate) const BAD_START: [f64; 2] = [3.0, -4.0];

pub(crate) fn annealing() -> SimulatedAnnealing<f64> {
    SimulatedAnnealing::new().temperature(20.0).cycles(10).adjustments(4).cooling(0.7).range(6.0)
}

pub(crate) type Network = (Elman<f64>, Linear<f64>);

pub(crate) fn network(seed: u64, units: usize) -> Network {
    let mut rng = rng(seed);
    (Elman::new(&mut rng, 1, units), Linear::new(&mut rng, units, 1))
}

/// The errors on the latch problem: a sign, and then noise. The output at the end is to be the sign.
pub(crate) struct Latch {
    pub(crate) xs: Tensor<f64>,
    pub(crate) signs: Tensor<f64>,
}

impl Latch {
    pub(crate) fn new(seed: u64, [steps, sequences]: [usize; 2]) -> Self {
        let mut xs = Tensor::normal([steps, sequences, 1], 0.0, 0.2, &mut rng(seed));
        let sign = |i: usize| if i.is_multiple_of(2) { 1.0 } else { -1.0 };
        for (i, x) in xs.as_mut_slice()[..sequences].iter_mut().enumerate() {
            *x += sign(i);
        }
        Self { xs, signs: Tensor::from_fn([sequences, 1], sign) }
    }

    pub(crate) fn outputs<'t>(&self, model: &Network, tape: &'t Tape<f64>) -> Var<'t, f64> {
        let (hidden, _) = model.0.forward(tape.constant(self.xs.clone()));
        model.1.forward(hidden.index_first(self.xs.shape()[0] - 1)).tanh()
    }

    pub(crate) fn objective<'t>(&self, model: &Network, tape: &'t Tape<f64>) -> Objective<'t, f64> {
        Objective::squares(self.outputs(model, tape) - &self.signs)
    }

    pub(crate) fn is_solved_by(&self, model: &Network) -> bool {
        let outputs = self.outputs(model, &Tape::inference()).value();
        outputs.iter().zip(self.signs.iter()).all(|(output, sign)| output * sign > 0.0)
    }
}

/// Trainers with their names.
pub(crate) type Searches = Vec<(Box<dyn Trainer<f64, Parameters>>, &'static str)>;

pub(crate) fn searches(seed: u64) -> Searches {
    let optimizer = Sgd::new(1e-3).momentum(0.5);
    vec![
        (Box::new(RandomGuessing::new().range(5.0).guesses(3).seed(seed)), "guessing"),
        (Box::new(annealing().cycles(3).adjustments(2).seed(seed)), "annealing"),
        (Box::new(MultiGridSearch::new().tries(4).seed(seed)), "multi-grid"),
        (Box::new(EvolutionStrategy::new(optimizer).pairs(3).seed(seed)), "evolution"),
    ]
}
