//! Learning rates as functions of the number of steps.

use bptt_layers::Schedule;

use crate::support::message_of;

#[track_caller]
fn assert_rates(schedule: Schedule, expected: &[f64]) {
    for (step, &expected) in expected.iter().enumerate() {
        let rate = schedule.at(step);
        assert!((rate - expected).abs() <= 1e-15, "step {step}: {rate}, not {expected}");
    }
}

fn schedules() -> [Schedule; 7] {
    [
        Schedule::linear(0.7, 10, 0.1),
        Schedule::exponential(0.7, 0.9),
        Schedule::restarting(0.7, 3, 2, 0.1),
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
fn a_line_leads_to_its_end_and_stays() {
    assert_rates(Schedule::linear(1.0, 4, 0.2), &[1.0, 0.8, 0.6, 0.4, 0.2, 0.2, 0.2]);
    assert_rates(Schedule::linear(0.1, 2, 0.5), &[0.1, 0.3, 0.5, 0.5]);
    for (start, end) in [(0.1, 0.03), (1e-3, 0.0), (0.0, 0.7)] {
        let schedule = Schedule::linear(start, 1000, end);
        assert_eq!((schedule.at(0), schedule.at(1000)), (start, end));
        assert_eq!(schedule.at(usize::MAX), end);
    }
}

#[test]
fn an_exponential_falls_at_every_step() {
    assert_rates(Schedule::exponential(0.8, 0.5), &[0.8, 0.4, 0.2, 0.1]);
    assert!(
        (Schedule::exponential(1.0, 0.999).at(1000) - (1000.0 * 0.999_f64.ln()).exp()).abs()
            < 1e-15
    );
}

/// By the formula of PyTorch's `CosineAnnealingWarmRestarts`, of a first period of 2 steps, a factor of 2 and a floor of 0.2:
/// periods of 2, 4 and 8 steps.
#[test]
fn restarts_come_ever_later() {
    let eighths = |k: f64| 0.6 + 0.4 * (std::f64::consts::PI * k / 8.0).cos();
    let expected = [0.0, 4.0, 0.0, 2.0, 4.0, 6.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 0.0];
    assert_rates(Schedule::restarting(1.0, 2, 2, 0.2), &expected.map(eighths));
    assert!((eighths(2.0) - 0.882_842_712_474_619).abs() < 1e-15, "as PyTorch has it");
    let equal_periods = Schedule::restarting(0.7, 5, 1, 0.0);
    for step in 0..30 {
        assert_eq!(equal_periods.at(step), Schedule::cosine(0.7, 5, 0.0).at(step % 5));
    }
    assert_eq!(equal_periods.at(usize::MAX), equal_periods.at(usize::MAX % 5));
    for steps in [1, 7, usize::MAX] {
        let late = Schedule::restarting(0.7, steps, 3, 0.1).at(usize::MAX - 1);
        assert!((0.1..=0.7).contains(&late));
    }
}

/// By the formula of PyTorch's `OneCycleLR` with its defaults: of 10 steps, the peak is the third.
#[test]
fn one_cycle_rises_and_falls() {
    let fall = |k: f64| {
        let left = (1.0 + (std::f64::consts::PI * k / 7.0).cos()) / 2.0;
        left + (1.0 - left) * 4e-6
    };
    let falling = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0].map(fall);
    let expected = [&[0.04, 0.52, 1.0], &falling[..], &[4e-6; 3]].concat();
    assert_rates(Schedule::one_cycle(1.0, 10), &expected);
    assert!((falling[2] - 0.611_262_021_936_289_3).abs() < 1e-15, "as PyTorch has it");
    // the peak may stand between two steps
    for steps in 1..100 {
        let schedule = Schedule::one_cycle(0.5, steps);
        assert!((0..steps).all(|step| (2e-6..=0.5).contains(&schedule.at(step))), "{steps} steps");
        assert!((schedule.at(steps) - 2e-6).abs() < 1e-18);
        assert!(schedule.warm_up(3).at(0) <= schedule.at(0));
    }
}

#[test]
fn falling_schedules_never_rise() {
    let falling = [
        Schedule::step(0.3, 7, 0.9),
        Schedule::cosine(0.3, 777, 1e-4),
        Schedule::linear(0.3, 777, 1e-4),
        Schedule::exponential(0.3, 0.99),
    ];
    for schedule in falling {
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
        "a learning rate changes over 1 step or more, not over 0",
    );
    let floor = "a floor is at least 0 and at most the learning rate 0.1, not";
    refused(|| Schedule::cosine(0.1, 1, 0.2), &format!("{floor} 0.2"));
    refused(|| Schedule::cosine(0.1, 1, -0.1), &format!("{floor} -0.1"));
    refused(|| Schedule::cosine(0.1, 1, f64::NAN), &format!("{floor} NaN"));
}

#[test]
fn further_schedules_without_sense_are_refused() {
    let refused = |build: fn() -> Schedule, expected: &str| {
        assert_eq!(message_of(|| _ = build()), expected);
    };
    let rate = "a learning rate is finite and at least 0, not";
    refused(|| Schedule::linear(0.1, 5, -1.0), &format!("{rate} -1"));
    refused(|| Schedule::one_cycle(f64::NAN, 5), &format!("{rate} NaN"));
    let steps = "a learning rate changes over 1 step or more, not over 0";
    refused(|| Schedule::linear(0.1, 0, 0.0), steps);
    refused(|| Schedule::restarting(0.1, 0, 1, 0.0), steps);
    refused(|| Schedule::one_cycle(0.1, 0), steps);
    let floor = "a floor is at least 0 and at most the learning rate 0.1, not";
    refused(|| Schedule::restarting(0.1, 1, 1, 0.2), &format!("{floor} 0.2"));
    let growth = "a period is followed by one at least as long: growth is 1 or more, not 0";
    refused(|| Schedule::restarting(0.1, 1, 0, 0.0), growth);
}

#[test]
fn a_rate_of_zero_stays_zero_for_any_factor() {
    assert_eq!(Schedule::step(0.0, 1, 2.0).at(5000), 0.0);
}
