//! Trainers by values of the loss alone.

mod annealing;
mod chain;
mod evolution;
mod guessing;
mod multi_grid;

use bptt_layers::Xoshiro256PlusPlus;
use rand::RngExt;

pub use annealing::SimulatedAnnealing;
pub use evolution::EvolutionStrategy;
pub use guessing::RandomGuessing;
pub use multi_grid::MultiGridSearch;

/// Whether a loss is less than another. A loss that is not finite is greater than all that are.
fn is_less(loss: f64, other: f64) -> bool {
    loss.is_finite() && (loss < other || !other.is_finite())
}

/// Draws uniformly from −1..1.
fn draw_signed(rng: &mut Xoshiro256PlusPlus) -> f64 {
    2.0 * rng.random::<f64>() - 1.0
}
