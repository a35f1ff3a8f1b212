//! Simulated annealing.

use bptt_trainers::{SimulatedAnnealing, vector_to_parameters};

use crate::support::{BAD_START, annealing, at, rastrigin, step};

#[test]
fn annealing_finds_the_least_of_many_minima() {
    let mut trainer = annealing().cooling(0.85).cycles(20).adjustments(5);
    let mut w = at(&BAD_START);
    for _ in 0..61 * 100 {
        step(&mut trainer, &mut w, &rastrigin); // the temperature falls every 100 steps
    }
    assert!(trainer.present_temperature() < 1e-3, "{}", trainer.present_temperature());
    vector_to_parameters(trainer.best().expect("a best point"), &mut w);
    assert!(rastrigin(w.value().as_slice()) < 0.01, "{w:?}");
}

#[test]
fn no_temperature_accepts_nothing_worse() {
    let (mut w, mut trainer) = (at(&BAD_START), annealing().temperature(1e-300));
    let mut loss = rastrigin(&BAD_START);
    for _ in 0..300 {
        let progress = step(&mut trainer, &mut w, &rastrigin);
        assert!(progress.loss == loss && progress.loss_after <= Some(loss));
        loss = rastrigin(w.value().as_slice());
        assert_eq!(progress.loss_after, Some(loss));
        let best = trainer.best().expect("a best point");
        assert_eq!(rastrigin(best.as_slice()), loss);
    }
    assert!(loss < rastrigin(&BAD_START));
}

/// The mean of values of a chain, and its standard error by the variance of the means of blocks, which are longer than
/// the chain remembers.
fn mean_of_blocks(values: &[f64], block: usize) -> [f64; 2] {
    let means: Vec<f64> = values
        .chunks_exact(block)
        .map(|block| block.iter().sum::<f64>() / block.len() as f64)
        .collect();
    let count = means.len() as f64;
    let mean = means.iter().sum::<f64>() / count;
    let variance = means.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (count - 1.0);
    [mean, (variance / count).sqrt()]
}

/// The chain samples `exp(−k x² / 2T)`, whose variance is `T / k`, and whose fourth moment is `3 (T / k)²`.
#[test]
fn annealing_samples_the_boltzmann_distribution() {
    let (stiffness, temperature) = (2.0, 0.5);
    let mut trainer = SimulatedAnnealing::new()
        .temperature(temperature)
        .first_move(1.5)
        .cycles(1 << 24)
        .adjustments(usize::MAX);
    let mut w = at(&[0.0]);
    let mut samples = Vec::new();
    for _ in 0..30_000 {
        step(&mut trainer, &mut w, &|w| 0.5 * stiffness * w[0] * w[0]);
        samples.push(w.value().item());
    }
    let variance = temperature / stiffness;
    for (power, expected) in [(1, 0.0), (2, variance), (4, 3.0 * variance * variance)] {
        let powers: Vec<f64> = samples.iter().map(|x| x.powi(power)).collect();
        let [mean, error] = mean_of_blocks(&powers, 300);
        assert!((mean - expected).abs() < 4.0 * error, "{power}: {mean} ± {error}, not {expected}");
        assert!(error < 0.05 * variance, "{power}: {mean} ± {error}");
    }
}

#[test]
fn about_half_of_the_moves_are_accepted() {
    let scales = [1.0, 1e4];
    let loss = |w: &[f64]| w.iter().zip(scales).map(|(x, scale)| scale * x * x).sum();
    let (mut w, mut trainer) = (at(&[0.0, 0.0]), annealing().temperature(1.0).adjustments(1000));
    let mut accepted = [0; 2];
    for cycle in 0..1000 {
        let before = w.value().to_vec();
        step(&mut trainer, &mut w, &loss);
        for (i, count) in accepted.iter_mut().enumerate() {
            *count += usize::from(cycle >= 200 && w.value()[[i]] != before[i]);
        }
    }
    assert!(accepted.iter().all(|count| (320..480).contains(count)), "{accepted:?} of 800");
    let moves = trainer.moves().expect("moves").to_vec();
    assert!((30.0..300.0).contains(&(moves[0] / moves[1])), "{moves:?}, best 100 to 1");
}

#[test]
fn the_temperature_falls_on_schedule_and_the_chain_returns_to_the_best() {
    let (mut w, mut trainer) = (at(&BAD_START), annealing());
    let mut returned = 0;
    for cycle in 1..=400 {
        step(&mut trainer, &mut w, &rastrigin);
        let expected = 20.0 * 0.7f64.powi(cycle / 40);
        assert!((trainer.present_temperature() - expected).abs() < 1e-12 * expected);
        let is_best = trainer.best() == Some(w.value());
        assert!(is_best || cycle % 40 != 0);
        returned += usize::from(is_best);
    }
    assert!(returned < 200, "the chain is at the best point in {returned} of 400 cycles");
}

#[test]
fn annealing_stays_in_its_range() {
    let mut trainer = SimulatedAnnealing::new().cycles(2).adjustments(usize::MAX).range(2.0);
    let mut w = at(&[0.0, 3.0, -5.0]);
    let mut bounds = [2.0, 3.0, 5.0];
    for _ in 0..300 {
        step(&mut trainer, &mut w, &|_| 0.0);
        for (x, bound) in w.value().iter().zip(&mut bounds) {
            assert!(x.abs() <= *bound, "{x} beyond {bound}");
            *bound = x.abs().max(2.0);
        }
    }
    assert_eq!(bounds, [2.0; 3]);
    assert!(trainer.moves().expect("moves").iter().all(|length| (1.0..=4.0).contains(length)));
}

/// The best point is chosen by the data of the step.
#[test]
fn a_present_point_that_became_the_best_is_kept() {
    let (mut w, mut trainer) = (at(&BAD_START), annealing());
    for _ in 0..5 {
        step(&mut trainer, &mut w, &rastrigin);
    }
    let before = w.value().to_vec();
    assert_ne!(trainer.best().expect("a best point").to_vec(), before);
    step(&mut trainer, &mut w, &|w| if w == before { 0.0 } else { 1.0 });
    assert_ne!(w.value().to_vec(), before);
    assert_eq!(trainer.best().expect("a best point").to_vec(), before);
}
