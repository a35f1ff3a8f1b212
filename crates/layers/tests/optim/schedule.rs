//! Learning rates that follow from the number of steps.

use bptt_layers::Schedule;

use crate::support::message_of;

#[track_caller]
fn assert_rates(schedule: Schedule, expected: &[f64]) {
    for (step, &expected) in expected.iter().enumerate() {
        let rate = schedule.at(step);
        assert!((rate - expected).abs() <= 1e-15, "step {step}: {rate}, not {expected}");
    }
}

fn schedules() -> [Schedule; 4] {
    [
        Schedule::constant(0.7),
        Schedule::step(0.7, 3, 0.1),
        Schedule::cosine(0.7, 10, 0.1),
        Schedule::cosine(0.7, 1, 0.0),
    ]
}

#[test]
fn a_constant_stays() {
    assert_rates(Schedule::constant(0.3), &[0.3; 5]);
    assert_eq!(Schedule::constant(0.3).at(usize::MAX), 0.3);
}

#[test]
fn steps_multiply() {
    let expected = [0.8, 0.8, 0.8, 0.4, 0.4, 0.4, 0.2, 0.2, 0.2, 0.1];
    assert_rates(Schedule::step(0.8, 3, 0.5), &expected);
    assert_rates(Schedule::step(0.1, 1, 2.0), &[0.1, 0.2, 0.4, 0.8]);
    assert_rates(Schedule::step(0.1, 2, 0.0), &[0.1, 0.1, 0.0, 0.0]);
    assert_eq!(Schedule::step(0.8, 3, 0.5).at(usize::MAX), 0.0);
}

#[test]
fn a_cosine_falls_to_its_floor_and_stays() {
    let (quarter, half) = (0.5_f64.sqrt() * 0.4, 0.4);
    assert_rates(
        Schedule::cosine(1.0, 4, 0.2),
        &[1.0, 0.6 + quarter, 0.2 + half, 0.6 - quarter, 0.2, 0.2, 0.2],
    );
    for (start, floor) in [(0.1, 0.03), (1e-3, 1e-5), (0.7, 0.0), (0.3, 0.3)] {
        let schedule = Schedule::cosine(start, 1000, floor);
        assert_eq!(schedule.at(0), start);
        assert_eq!(schedule.at(1000), floor);
        assert_eq!(schedule.at(usize::MAX), floor);
        assert!((schedule.at(500) - (start + floor) / 2.0).abs() < 1e-15);
        for step in 0..=500 {
            let opposite = schedule.at(step) + schedule.at(1000 - step);
            assert!((opposite - (start + floor)).abs() < 1e-15, "step {step}");
        }
    }
}

#[test]
fn falling_schedules_never_rise() {
    for schedule in [Schedule::step(0.3, 7, 0.9), Schedule::cosine(0.3, 777, 1e-4)] {
        for step in 0..1000 {
            assert!(schedule.at(step + 1) <= schedule.at(step), "{schedule:?}, step {step}");
        }
    }
}

#[test]
fn a_warm_up_rises_in_a_line_to_where_the_rest_begins() {
    assert_rates(Schedule::constant(0.4).warm_up(3), &[0.1, 0.2, 0.3, 0.4, 0.4, 0.4]);
    assert_rates(Schedule::step(0.8, 1, 0.5).warm_up(1), &[0.4, 0.8, 0.4, 0.2]);
    for schedule in schedules() {
        let warmed = schedule.warm_up(20);
        for step in 0..20 {
            let rise = warmed.at(step + 1) - warmed.at(step);
            assert!((rise - 0.7 / 21.0).abs() < 1e-15, "{schedule:?}, step {step}");
        }
        for step in 0..30 {
            assert_eq!(warmed.at(20 + step), schedule.at(step), "{schedule:?}");
        }
        assert_eq!(schedule.warm_up(0), schedule);
        assert!(schedule.warm_up(usize::MAX).at(0) > 0.0);
    }
}

#[test]
fn schedules_without_sense_are_refused() {
    let refused = |build: fn() -> Schedule, expected: &str| {
        assert_eq!(message_of(|| _ = build()), expected);
    };
    let rate = "a learning rate is finite and at least 0, not";
    refused(|| Schedule::constant(-1.0), &format!("{rate} -1"));
    refused(|| Schedule::step(f64::INFINITY, 1, 0.5), &format!("{rate} inf"));
    refused(|| Schedule::cosine(f64::NAN, 1, 0.0), &format!("{rate} NaN"));
    let factor = "a factor of the learning rate is finite and at least 0, not";
    refused(|| Schedule::step(0.1, 1, -0.5), &format!("{factor} -0.5"));
    refused(|| Schedule::step(0.1, 1, f64::NAN), &format!("{factor} NaN"));
    refused(
        || Schedule::step(0.1, 0, 0.5),
        "a learning rate changes every 1 step or more, not every 0",
    );
    refused(
        || Schedule::cosine(0.1, 0, 0.0),
        "a learning rate falls over 1 step or more, not over 0",
    );
    let floor = "a floor is at least 0 and at most the learning rate 0.1, not";
    refused(|| Schedule::cosine(0.1, 1, 0.2), &format!("{floor} 0.2"));
    refused(|| Schedule::cosine(0.1, 1, -0.1), &format!("{floor} -0.1"));
    refused(|| Schedule::cosine(0.1, 1, f64::NAN), &format!("{floor} NaN"));
}

#[test]
fn what_stands_still_stands_still_whatever_the_factor() {
    assert_eq!(Schedule::step(0.0, 1, 2.0).at(5000), 0.0);
}
