//! What all trainers do with losses.

use std::cell::Cell;

use bptt_layers::Sgd;
use bptt_tensor::Tensor;
use bptt_trainers::{
    EvolutionStrategy, MultiGridSearch, Objective, RandomGuessing, SimulatedAnnealing, TrainError,
    Trainer,
};

use crate::support::{BAD_START, at, of, rastrigin, searches, step};

#[test]
fn the_best_is_never_lost() {
    for (mut trainer, name) in searches(1).into_iter().filter(|(_, name)| *name != "evolution") {
        let (mut w, least) = (at(&BAD_START), Cell::new(f64::INFINITY));
        for _ in 0..100 {
            let progress = step(&mut *trainer, &mut w, &|w| {
                least.set(least.get().min(rastrigin(w)));
                rastrigin(w)
            });
            let best = match trainer.state(&w).tensor("best") {
                Ok(best) => rastrigin(best.as_slice()),
                Err(_) => rastrigin(w.value().as_slice()),
            };
            assert_eq!(best, least.get(), "{name}");
            assert_eq!(progress.loss_after, Some(rastrigin(w.value().as_slice())), "{name}");
        }
        assert!(least.get() < rastrigin(&BAD_START), "{name}");
    }
}

#[test]
fn passes_are_counted() {
    for (mut trainer, name) in searches(2) {
        let (mut w, count) = (at(&BAD_START), Cell::new(0));
        for _ in 0..10 {
            count.set(0);
            let progress = step(&mut *trainer, &mut w, &|w| {
                count.set(count.get() + 1);
                rastrigin(w)
            });
            assert_eq!(progress.passes, count.get(), "{name}");
        }
    }
}

/// Losses are compared on the data of the step, so a best that had a small loss on other data does not stay.
#[test]
fn each_step_has_data_of_its_own() {
    for (mut trainer, name) in searches(3) {
        let mut w = at(&[0.0, 0.0]);
        for (target, steps) in [(-2.0, 4), (2.0, 60)] {
            let loss =
                |w: &[f64]| w.iter().map(|x| (x - target).abs()).sum::<f64>() + 10.0 * target;
            for _ in 0..steps {
                let before = loss(w.value().as_slice());
                assert_eq!(step(&mut *trainer, &mut w, &loss).loss, before, "{name}");
                let state = trainer.state(&w);
                let best = loss(state.tensor("best").unwrap_or(w.value()).as_slice());
                assert!(best <= before || name == "evolution", "{name}");
            }
        }
        let state = trainer.state(&w);
        let best = state.tensor("best").unwrap_or(w.value());
        assert!(best.iter().sum::<f64>() > 1.0 || name == "evolution", "{name}: {best:?}");
    }
}

const BAD: [f64; 3] = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];

#[test]
fn losses_that_are_not_finite_are_never_accepted() {
    for bad in BAD {
        let loss = |w: &[f64]| if w[0] > 0.0 { bad } else { -w[0] + w[1].abs() };
        for (mut trainer, name) in searches(4).into_iter().filter(|(_, name)| *name != "evolution")
        {
            let mut w = at(&[-1.0, 0.5]);
            for _ in 0..60 {
                let progress = step(&mut *trainer, &mut w, &loss);
                assert!(progress.loss.is_finite(), "{name}");
                assert!(progress.loss_after.is_some_and(f64::is_finite), "{name}");
                assert!(loss(w.value().as_slice()).is_finite(), "{name}: {bad}");
            }
            let state = trainer.state(&w);
            let best = state.tensor("best").unwrap_or(w.value());
            assert!(loss(best.as_slice()) < 1.4, "{name}: {best:?}");
        }
    }
}

#[test]
fn guesses_leave_a_loss_that_is_not_finite() {
    for bad in BAD {
        let loss = |w: &[f64]| if w[0] > 0.0 { bad } else { 7.0 };
        for (mut trainer, name) in searches(5) {
            if ["annealing", "evolution"].contains(&name) {
                continue;
            }
            let mut w = at(&[1.0, 0.5]);
            let progresses = [(); 20].map(|()| step(&mut *trainer, &mut w, &loss));
            assert!(!progresses[0].loss.is_finite() && progresses[19].loss == 7.0, "{name}");
            assert!(w.value()[[0]] <= 0.0, "{name}");
        }
    }
}

#[test]
fn other_trainers_need_a_finite_loss_to_start_from() {
    for bad in BAD {
        for (mut trainer, name) in searches(6) {
            if ["guessing", "multi-grid"].contains(&name) {
                continue;
            }
            let mut w = at(&[1.0, 0.5]);
            let error = trainer.step(&mut w, &of(|w| if w[0] == 1.0 { bad } else { 7.0 }));
            assert_eq!(error, Err(TrainError::NonFinite { quantity: "the loss" }), "{name}");
            assert_eq!(w.value().to_vec(), [1.0, 0.5]);
        }
    }
}

#[test]
fn a_model_without_parameters_is_an_error() {
    let trainers: [Box<dyn Trainer<f64, ()>>; 4] = [
        Box::new(RandomGuessing::new()),
        Box::new(SimulatedAnnealing::new()),
        Box::new(MultiGridSearch::new()),
        Box::new(EvolutionStrategy::new(Sgd::new(0.1))),
    ];
    for mut trainer in trainers {
        let error =
            trainer.step(&mut (), &|_, tape| Objective::loss(tape.constant(Tensor::scalar(1.0))));
        assert_eq!(error, Err(TrainError::NoParameters));
    }
}
