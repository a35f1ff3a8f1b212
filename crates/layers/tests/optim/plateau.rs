//! Learning rates that fall when the loss no longer does.

use bptt_layers::Plateau;
use bptt_layers::weights::{Archive, WeightsProblem};
use bptt_tensor::Tensor;

use crate::support::message_of;

/// Learning rates are powers of 2, so that halving is exact.
fn halving() -> Plateau {
    Plateau::new(1.0).factor(0.5).patience(1).threshold(0.0)
}

#[track_caller]
fn assert_rates(mut plateau: Plateau, losses_and_rates: &[(f64, f64)]) {
    for (number, &(loss, rate)) in losses_and_rates.iter().enumerate() {
        assert_eq!(plateau.observe(loss), rate, "loss number {number}, {loss}");
        assert_eq!(plateau.learning_rate(), rate);
    }
}

#[test]
fn the_rate_falls_after_more_losses_than_patience_that_did_not_improve() {
    assert_rates(
        halving(),
        &[
            (3.0, 1.0),
            (3.0, 1.0), // no improvement: 1
            (2.0, 1.0),
            (2.5, 1.0), // 1
            (2.1, 0.5), // 2, and from the beginning
            (2.1, 0.5), // 1
            (1.9, 0.5),
            (1.9, 0.5),  // 1
            (1.9, 0.25), // 2
            (1.9, 0.25), // 1
            (1.9, 0.125),
        ],
    );
    assert_rates(halving().patience(0), &[(1.0, 1.0), (1.0, 0.5), (0.5, 0.5), (2.0, 0.25)]);
}

#[test]
fn without_options_a_tenth_follows_the_eleventh_loss() {
    let mut plateau = Plateau::new(1.0);
    assert_eq!(plateau.observe(1.0), 1.0);
    for _ in 0..10 {
        assert_eq!(plateau.observe(0.99995), 1.0); // less than a ten-thousandth below
    }
    assert_eq!(plateau.observe(0.99995), 0.1);
    for _ in 0..20 {
        assert_eq!(plateau.clone().observe(0.9998), 0.1);
    }
}

#[test]
fn an_improvement_exceeds_the_threshold_relative_to_the_best_loss() {
    let quarter = halving().patience(0).threshold(0.25);
    // losses just above and at the threshold do not improve, and are not the best
    assert_rates(
        quarter.clone(),
        &[(4.0, 1.0), (3.5, 0.5), (3.0, 0.25), (2.9, 0.25), (2.2, 0.125), (2.1, 0.125)],
    );
    // below 0 too
    assert_rates(
        quarter.clone(),
        &[(-4.0, 1.0), (-3.9, 0.5), (-5.0, 0.25), (-5.1, 0.25), (-6.0, 0.125), (-6.5, 0.125)],
    );
    assert_rates(quarter, &[(0.0, 1.0), (0.0, 0.5), (-0.1, 0.5)]);
}

#[test]
fn losses_in_a_cooldown_do_not_count() {
    assert_rates(
        halving().cooldown(2),
        &[
            (1.0, 1.0),
            (1.0, 1.0),
            (1.0, 0.5),
            (1.0, 0.5), // cools
            (0.5, 0.5), // cools, and is the best
            (0.8, 0.5), // 1
            (0.8, 0.25),
            (0.8, 0.25), // cools
            (0.8, 0.25), // cools
            (0.8, 0.25), // 1
            (0.8, 0.125),
        ],
    );
}

#[test]
fn the_rate_falls_to_its_minimum_and_never_rises() {
    let floor = halving().patience(0).minimum(0.375);
    assert_rates(floor, &[(1.0, 1.0), (1.0, 0.5), (1.0, 0.375), (1.0, 0.375)]);
    assert_rates(halving().patience(0).minimum(3.0), &[(1.0, 1.0), (1.0, 1.0)]);
}

#[test]
fn losses_that_are_not_finite_do_not_improve() {
    let (nan, infinity) = (f64::NAN, f64::INFINITY);
    assert_rates(halving(), &[(nan, 1.0), (nan, 0.5), (1.0, 0.5), (nan, 0.5), (infinity, 0.25)]);
    assert_rates(halving(), &[(infinity, 1.0), (infinity, 0.5)]);
    assert_rates(halving(), &[(-infinity, 1.0), (-infinity, 1.0), (-5.0, 0.5)]);
}

#[test]
fn a_plateau_goes_on_from_a_saved_state() {
    let configured = || Plateau::new(0.3).factor(0.7).patience(2).cooldown(3);
    let losses: Vec<f64> = (0..60).map(|i| 1.0 / f64::from(1 + i / 9) + f64::from(i % 4)).collect();
    let mut uninterrupted = configured();
    for pause in 0..losses.len() {
        // before the first loss, while waiting and while cooling
        let mut checkpoint = Archive::<f32>::new();
        checkpoint.insert_group("plateau", &uninterrupted.state());
        let mut resumed = configured();
        resumed.restore(&checkpoint.group("plateau")).unwrap();
        assert_eq!(resumed.learning_rate(), uninterrupted.learning_rate());
        let mut expected = uninterrupted.clone();
        for &loss in &losses[pause..] {
            assert_eq!(resumed.observe(loss), expected.observe(loss));
        }
        uninterrupted.observe(losses[pause]);
    }
    assert!(uninterrupted.learning_rate() < 0.1);
}

#[test]
fn a_state_of_something_else_is_refused() {
    let mut plateau = halving();
    plateau.observe(0.25);
    let state = plateau.state::<f64>();
    let mut refused = |change: &dyn Fn(&mut Archive<f64>)| {
        let mut state = state.clone();
        state.set_text("learning_rate", 0.5);
        state.set_text("best", 0.125);
        change(&mut state);
        let problem = plateau.restore(&state).unwrap_err().problem;
        assert_eq!(plateau.state::<f64>().text("best").unwrap(), "0.25");
        assert_eq!(plateau.learning_rate(), 1.0);
        problem
    };
    for (name, content) in [
        ("learning_rate", "NaN"),
        ("learning_rate", "-1"),
        ("learning_rate", "inf"),
        ("best", "NaN"),
        ("best", "low"),
        ("waited", "-1"),
        ("cooling", ""),
    ] {
        let problem = refused(&|state| state.set_text(name, content));
        assert!(
            matches!(*problem, WeightsProblem::UnreadableText { ref text, .. } if text == name)
        );
    }
    let problem = refused(&|state| state.set_text("worst", 3));
    assert!(matches!(*problem, WeightsProblem::UnexpectedText { ref text } if text == "worst"));
    let problem = refused(&|state| state.insert("w", Tensor::zeros([2])));
    assert!(matches!(*problem, WeightsProblem::UnexpectedTensor { ref tensor } if tensor == "w"));
    let problem = refused(&|state| *state = Archive::new());
    assert!(matches!(*problem, WeightsProblem::MissingText { .. }));
}

#[test]
fn settings_without_sense_are_refused() {
    let refused = |build: fn() -> Plateau, expected: &str| {
        assert_eq!(message_of(|| _ = build()), expected);
    };
    refused(|| Plateau::new(-1.0), "a learning rate is finite and at least 0, not -1");
    let share = "is at least 0 and less than 1, not";
    refused(|| halving().factor(1.0), &format!("a factor {share} 1"));
    refused(|| halving().factor(f64::NAN), &format!("a factor {share} NaN"));
    refused(|| halving().threshold(1.0), &format!("a threshold {share} 1"));
    refused(|| halving().threshold(-0.1), &format!("a threshold {share} -0.1"));
    refused(
        || halving().minimum(f64::INFINITY),
        "a minimum of the learning rate is finite and at least 0, not inf",
    );
}
