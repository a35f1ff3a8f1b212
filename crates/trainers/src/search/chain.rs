//! The Markov chain of simulated annealing.

use bptt_layers::weights::{Archive, WeightsError, WeightsProblem};
use bptt_layers::{Module, Xoshiro256PlusPlus};
use bptt_tensor::{Scalar, Tensor};
use rand::RngExt;

use super::{draw_signed, is_less};
use crate::evaluation::Trials;
use crate::vector::{self, Vector};

/// The weight `c` of an adjustment of the step vector, which the paper recommends.
const ADJUSTMENT: f64 = 2.0;

/// An adjusted move is at least this, so that it does not vanish in single precision.
const LEAST_MOVE: f64 = 1e-30;

/// The most cycles between adjustments. Single precision counts accepted moves to here.
pub(super) const MOST_CYCLES: usize = 1 << 24;

/// Parameters and their loss.
#[derive(Clone)]
pub(super) struct Point {
    pub(super) parameters: Vector,
    pub(super) loss: f64,
}

/// The state of a chain besides its present point.
#[derive(Clone, Debug)]
pub(super) struct Chain<T: Scalar> {
    /// The best parameters, `[P]`.
    pub(super) best: Tensor<T>,
    /// The step vector `v`, `[P]`.
    pub(super) moves: Tensor<T>,
    /// The number of accepted moves along each coordinate since the last adjustment, `[P]`.
    accepted: Tensor<T>,
    /// The number of cycles since the last adjustment.
    pub(super) cycles: usize,
    /// The number of adjustments since the temperature was reduced.
    pub(super) adjustments: usize,
}

impl<T: Scalar> Chain<T> {
    pub(super) fn new(start: Tensor<T>, first_move: f64) -> Self {
        let size = [start.len()];
        let moves = Tensor::full(size, T::of(first_move));
        Self { best: start, moves, accepted: Tensor::zeros(size), cycles: 0, adjustments: 0 }
    }

    /// Makes a move along each coordinate, and returns the best point by the data of these trials.
    pub(super) fn cycle<M: Module<T>>(
        &mut self,
        present: &mut Point,
        temperature: f64,
        range: f64,
        trials: &mut Trials<'_, T, M>,
        rng: &mut Xoshiro256PlusPlus,
    ) -> Point {
        let parameters = vector::of_tensor(&self.best);
        let mut best = Point { loss: trials.loss_at(&parameters), parameters };
        if is_less(present.loss, best.loss) {
            best = present.clone();
        }
        for h in 0..present.parameters.len() {
            let before = present.parameters[h];
            let moved = before + draw_signed(rng) * self.moves.as_slice()[h].as_f64();
            let draw = rng.random();
            if moved.abs() > range.max(before.abs()) {
                continue;
            }
            present.parameters[h] = moved;
            let reached = trials.loss_at(&present.parameters);
            if !accepts(reached, present.loss, temperature, draw) {
                present.parameters[h] = before;
                continue;
            }
            present.loss = reached;
            self.accepted.as_mut_slice()[h] += T::of(1.0);
            if is_less(reached, best.loss) {
                best = present.clone();
            }
        }
        self.best = vector::to_tensor(&best.parameters);
        self.cycles += 1;
        best
    }

    /// Adjusts the step vector, and begins to count anew. A move is at most as long as the range is wide.
    pub(super) fn adjust(&mut self, range: f64) {
        let cycles = self.cycles as f64;
        self.moves = Tensor::from_fn(self.moves.shape().clone(), |i| {
            let factor = match self.accepted.as_slice()[i].as_f64() / cycles {
                share if share > 0.6 => 1.0 + ADJUSTMENT * (share - 0.6) / 0.4,
                share if share < 0.4 => 1.0 / (1.0 + ADJUSTMENT * (0.4 - share) / 0.4),
                _ => 1.0,
            };
            T::of((self.moves.as_slice()[i].as_f64() * factor).max(LEAST_MOVE).min(2.0 * range))
        });
        self.accepted = Tensor::zeros(self.accepted.shape().clone());
        (self.cycles, self.adjustments) = (0, self.adjustments + 1);
    }

    pub(super) fn save(&self, state: &mut Archive<T>) {
        state.insert(BEST, self.best.clone());
        state.insert(MOVES, self.moves.clone());
        state.insert(ACCEPTED, self.accepted.clone());
        state.set_text(CYCLES, self.cycles);
        state.set_text(ADJUSTMENTS, self.adjustments);
    }

    /// Returns the chain that [`save`](Self::save) added for a model of `size` parameters, if it did.
    pub(super) fn saved(state: &Archive<T>, size: usize) -> Result<Option<Self>, WeightsError> {
        if !state.has_tensor(BEST) {
            return Ok(None);
        }
        let tensor = |name, is_sensible: &dyn Fn(f64) -> bool| {
            let tensor = state.shaped(name, &[size].into())?;
            expect_elements(name, tensor, is_sensible).map(|()| tensor.clone())
        };
        let cycles = state.parse_if(CYCLES, |&cycles| cycles <= MOST_CYCLES)?;
        let is_count = |x: f64| (0.0..=cycles as f64).contains(&x) && x.fract() == 0.0;
        Ok(Some(Self {
            best: tensor(BEST, &|x| !x.is_nan())?, // a logit of a probability of 0 is −∞
            moves: tensor(MOVES, &|x| x >= 0.0 && x.is_finite())?,
            accepted: tensor(ACCEPTED, &is_count)?,
            cycles,
            adjustments: state.parse_if(ADJUSTMENTS, |&adjustments| adjustments < usize::MAX)?,
        }))
    }

    /// Whether a chain is saved with a tensor of this name.
    pub(super) fn has_tensor(name: &str) -> bool {
        [BEST, MOVES, ACCEPTED].contains(&name)
    }

    /// Whether a chain is saved with a text of this name.
    pub(super) fn has_text(name: &str) -> bool {
        [CYCLES, ADJUSTMENTS].contains(&name)
    }
}

/// Checks the elements of a tensor of a state.
fn expect_elements<T: Scalar>(
    name: &str,
    tensor: &Tensor<T>,
    is_sensible: &dyn Fn(f64) -> bool,
) -> Result<(), WeightsError> {
    match tensor.iter().position(|x| !is_sensible(x.as_f64())) {
        None => Ok(()),
        Some(i) => {
            let content = tensor.as_slice()[i].as_f64().to_string();
            let problem = WeightsProblem::UnreadableText { text: format!("{name}[{i}]"), content };
            Err(WeightsError { file: None, group: String::new(), problem: Box::new(problem) })
        }
    }
}

/// The rule of Metropolis, with a uniform `draw` from 0..1.
fn accepts(reached: f64, loss: f64, temperature: f64, draw: f64) -> bool {
    reached.is_finite() && (reached <= loss || draw < ((loss - reached) / temperature).exp())
}

const BEST: &str = "best";
const MOVES: &str = "moves";
const ACCEPTED: &str = "accepted";
const CYCLES: &str = "cycles";
const ADJUSTMENTS: &str = "adjustments";
