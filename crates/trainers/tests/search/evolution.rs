//! The evolution strategy.

use std::cell::RefCell;

use bptt_layers::{Adam, Sgd};
use bptt_trainers::{EvolutionStrategy, TrainError, Trainer};

use crate::support::{Latch, at, network, of, step};

#[test]
fn an_evolution_strategy_trains_a_network() {
    let (task, mut model) = (Latch::new(4, [5, 20]), network(5, 4));
    let mut trainer = EvolutionStrategy::new(Adam::new(0.05)).pairs(10).deviation(0.05);
    let losses = [(); 80].map(|()| {
        let progress = trainer.step(&mut model, &|model, tape| task.objective(model, tape));
        progress.expect("a step").loss
    });
    assert!(losses[79] < 0.1 * losses[0], "{losses:?}");
    assert!(Latch::new(6, [5, 50]).is_solved_by(&model));
}

/// With the loss itself, the mean of estimates is the gradient of the smoothed loss. For `x³ + 2x` at 0, the loss has
/// the gradient 2, and the smoothed loss `2 + 3σ²`. An estimate of a pair has the variance `96σ⁴ + 48σ² + 8`.
#[test]
fn estimates_with_raw_losses_are_unbiased() {
    let (deviation, pairs, steps) = (2.0, 100, 200);
    let rate = 1e-9; // the parameter stays where it is
    let mut trainer =
        EvolutionStrategy::new(Sgd::new(rate)).deviation(deviation).pairs(pairs).raw_losses();
    let mut w = at(&[0.0]);
    for _ in 0..steps {
        step(&mut trainer, &mut w, &|w| w[0].powi(3) + 2.0 * w[0]);
    }
    let mean = -w.value().item() / (rate * f64::from(steps));
    let squared: f64 = deviation * deviation;
    let variance = 96.0 * squared * squared + 48.0 * squared + 8.0;
    let error = (variance / (f64::from(steps) * pairs as f64)).sqrt();
    let expected = 2.0 + 3.0 * squared;
    assert!(error < 0.03 * expected, "{error}");
    assert!((mean - expected).abs() < 4.0 * error, "{mean} ± {error}, not {expected}");
}

#[test]
fn ranks_depend_on_the_order_alone() {
    let step_with = |loss: &dyn Fn(f64) -> f64| {
        let mut trainer = EvolutionStrategy::new(Sgd::new(0.01)).pairs(7).deviation(0.3);
        let mut w = at(&[0.5, -1.0]);
        step(&mut trainer, &mut w, &|w| loss(w[0] * w[0] + w[1]));
        w.value().to_vec()
    };
    let moved = step_with(&|loss| loss);
    assert_eq!(moved, step_with(&|loss| 1e6 * loss.exp()));
    assert!(moved[1] < -1.0, "{moved:?}");
    assert_ne!(moved, step_with(&|loss| -loss));
    assert_eq!(step_with(&|_| 5.0), [0.5, -1.0], "a plateau has no slope");
}

/// With one pair, the better loss has the rank −½ and the worse ½, so that the estimate is `±ε / 2σ`.
#[test]
fn a_pair_has_the_ranks_of_one_half() {
    let deviation = 0.25;
    let mut trainer = EvolutionStrategy::new(Sgd::new(1.0)).pairs(1).deviation(deviation);
    let (mut w, points) = (at(&[0.0, 0.0]), RefCell::new(Vec::new()));
    step(&mut trainer, &mut w, &|w| {
        points.borrow_mut().push([w[0], w[1]]);
        w[0]
    });
    let [_, plus, minus] = points.borrow()[..] else {
        panic!("a step with one pair makes 3 passes")
    };
    assert_eq!(plus, minus.map(|x| -x));
    let better = if plus[0] < minus[0] { plus } else { minus };
    for (moved, perturbation) in w.value().iter().zip(better) {
        let expected = perturbation / deviation / (2.0 * deviation);
        assert!((moved - expected).abs() < 1e-12, "{moved}, not {expected}");
    }
}

#[test]
fn raw_losses_must_be_finite() {
    let mut trainer = EvolutionStrategy::new(Sgd::new(0.1)).raw_losses();
    let mut w = at(&[0.0]);
    let error = trainer.step(&mut w, &of(|w| if w[0] > 0.0 { f64::NAN } else { 1.0 }));
    let quantity = "the loss at perturbed parameters";
    assert_eq!(error, Err(TrainError::NonFinite { quantity }));
    assert_eq!(w.value().to_vec(), [0.0]);
}

#[test]
fn losses_that_are_not_finite_rank_last() {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let mut trainer = EvolutionStrategy::new(Sgd::new(0.1)).pairs(4);
        let mut w = at(&[0.0]);
        step(&mut trainer, &mut w, &|w| if w[0] > 0.0 { bad } else { -w[0] });
        assert!(w.value().item() < 0.0, "{bad}: {w:?}");
    }
}

/// Of two pairs, one loss is 0 and three are 1. These have the ranks 1, 2 and 3 of 0 … 3, so each has 2.
#[test]
fn equal_losses_share_a_rank() {
    let deviation = 0.5;
    let mut trainer = EvolutionStrategy::new(Sgd::new(1.0)).pairs(2).deviation(deviation);
    let (mut w, points) = (at(&[0.0]), RefCell::new(Vec::new()));
    step(&mut trainer, &mut w, &|w| {
        points.borrow_mut().push(w[0]);
        if points.borrow().len() == 2 { 0.0 } else { 1.0 }
    });
    let perturbation = points.borrow()[1] / deviation;
    let expected = (2.0 / 3.0) * perturbation / (4.0 * deviation);
    assert!((w.value().item() - expected).abs() < 1e-12, "{w:?}, not {expected}");
}
