//! Hyperparameters out of range.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bptt_layers::Sgd;
use bptt_trainers::{EvolutionStrategy, MultiGridSearch, RandomGuessing, SimulatedAnnealing};

/// Returns the message with which `build` panics.
#[track_caller]
fn message<R>(build: impl FnOnce() -> R) -> String {
    let panic = catch_unwind(AssertUnwindSafe(|| drop(build()))).expect_err("should panic");
    match panic.downcast::<String>() {
        Ok(formatted) => *formatted,
        Err(panic) => (*panic.downcast::<&str>().expect("a message")).to_owned(),
    }
}

#[test]
fn hyperparameters_out_of_range_panic() {
    let annealing = SimulatedAnnealing::<f64>::new;
    let evolution = || EvolutionStrategy::new(Sgd::<f64>::new(0.1));
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let messages = [
            (message(|| RandomGuessing::new().range(bad)), "a range is"),
            (message(|| annealing().temperature(bad)), "a temperature is"),
            (message(|| annealing().first_move(bad)), "a move is"),
            (message(|| annealing().range(bad)), "a range is"),
            (message(|| MultiGridSearch::new().size(bad)), "a size is"),
            (message(|| MultiGridSearch::new().shrinking(bad)), "a shrinking is"),
            (message(|| evolution().deviation(bad)), "a deviation is"),
        ];
        for (message, expected) in messages {
            assert!(
                message.starts_with(expected) && message.contains(&bad.to_string()),
                "{message}"
            );
        }
    }
    let messages = [
        (message(|| MultiGridSearch::new().shrinking(1.0)), "less than 1"),
        (message(|| annealing().cooling(1.0)), "less than 1"),
        (message(|| annealing().cooling(-0.1)), "at least 0"),
        (message(|| annealing().cycles(0)), "not 0"),
        (message(|| annealing().cycles((1 << 24) + 1)), "not 16777217"),
        (message(|| annealing().adjustments(0)), "at least one"),
        (message(|| MultiGridSearch::new().tries(0)), "at least one"),
        (message(|| RandomGuessing::new().guesses(0)), "at least one"),
        (message(|| evolution().pairs(0)), "at least one"),
    ];
    for (message, expected) in messages {
        assert!(message.contains(expected), "{message}");
    }
}
