use std::f64::consts::{FRAC_1_PI, TAU};

use super::*;

#[track_caller]
fn assert_close(actual: f64, expected: f64, tolerance: f64) {
    assert!((actual - expected).abs() <= tolerance, "{actual}, expected {expected}");
}

/// 2, 4, 4, 4, 5, 5, 7, 9: the mean is 40/8 = 5, the squares are 9 + 1 + 1 + 1 + 0 + 0 + 4 + 16 = 32.
#[test]
fn a_summary_by_hand() {
    let summary = Summary::new(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]).unwrap();
    assert_eq!((summary.count(), summary.mean()), (8, 5.0));
    assert_eq!(summary.standard_deviation(), Some((32.0_f64 / 7.0).sqrt()));
    assert_close(summary.standard_error().unwrap(), (4.0_f64 / 7.0).sqrt(), 1e-15);
}

#[test]
fn one_value_has_no_spread() {
    let one = Summary::new(&[3.0]).unwrap();
    assert_eq!((one.mean(), one.standard_deviation(), one.standard_error()), (3.0, None, None));
    assert_eq!(one.confidence_interval(0.95), None);
    let pair = Paired::new(&[3.0], &[1.0]).unwrap();
    assert_eq!((pair.t_test(), pair.sign_flip_p()), (None, Some(1.0)));
}

/// The distribution in closed form for 1 to 4 degrees of freedom, with `tan θ = t/√n` (Abramowitz and Stegun 1964,
/// 26.7.3 and 26.7.4).
#[test]
fn students_distribution_agrees_with_closed_forms() {
    for t in [0.0_f64, 1e-3, 0.5, 1.0, 2.0, 2.776, 5.0, 12.7, 40.0] {
        let angle = |n: f64| (t / n.sqrt()).atan();
        let [one, two, three, four] = [1.0, 2.0, 3.0, 4.0].map(angle);
        let expected = [
            1.0 - 2.0 * FRAC_1_PI * one,
            1.0 - two.sin(),
            1.0 - 2.0 * FRAC_1_PI * (three + three.sin() * three.cos()),
            1.0 - four.sin() * (1.0 + four.cos().powi(2) / 2.0),
        ];
        for (n, expected) in (1..).zip(expected) {
            assert_close(two_sided_p(t, f64::from(n)), expected, 1e-13);
            assert_close(two_sided_p(-t, f64::from(n)), expected, 1e-13);
        }
    }
}

/// The quantiles of 0.975 in closed form: tan(0.475 π) for 1 degree of freedom; for 2, 1 − t/√(2 + t²) = 0.05 gives
/// t = 0.95 √(2/(1 − 0.95²)).
#[test]
fn confidence_intervals_by_hand() {
    let half = |values: &[f64]| {
        let summary = Summary::new(values).unwrap();
        let (low, high) = summary.confidence_interval(0.95).unwrap();
        assert_close((low + high) / 2.0, summary.mean(), 1e-12);
        (high - low) / 2.0 / summary.standard_error().unwrap()
    };
    assert_close(half(&[1.0, 2.0]), (0.475 * TAU / 2.0).tan(), 1e-10);
    let t = 0.95 * (2.0_f64 / (1.0 - 0.95 * 0.95)).sqrt();
    assert_close(half(&[1.0, 2.0, 3.0]), t, 1e-10);
}

/// The hours of sleep that two drugs added in ten patients (Student, "The probable error of a mean", 1908). Table
/// values: t = 4.0621 with 9 degrees of freedom, p = 0.002833; the difference is 0.7001 to 2.4599 with 95 %.
#[test]
fn students_sleep() {
    let left = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];
    let right = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0];
    let paired = Paired::new(&left, &right).unwrap();
    assert_close(paired.summary().mean(), 1.58, 1e-14);
    let test = paired.t_test().unwrap();
    assert_eq!(test.degrees_of_freedom, 9.0);
    assert_close(test.t, 4.0621, 5e-5);
    assert_close(test.p, 0.002833, 5e-7);
    let (low, high) = paired.summary().confidence_interval(0.95).unwrap();
    assert_close(low, 0.700_114_2, 5e-8);
    assert_close(high, 2.459_885_8, 5e-8);
    // No patient slept less, one as long: of 2⁹ signs of the others, all plus and all minus are as extreme.
    assert_eq!(paired.sign_flip_p(), Some(2.0 / 512.0));
    assert_eq!(paired.signed_rank_p(), Some(2.0 / 512.0));
}

/// Darwin's maize, crossed and self-fertilized, in eighths of an inch (Fisher, *The Design of Experiments*, 1935, §17
/// and §21): t = 2.148, and 1726 of 2¹⁵ signs are as extreme.
#[test]
fn darwins_maize() {
    let differences = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48].map(f64::from);
    let paired = Paired::new(&differences, &[0.0; 15]).unwrap();
    let test = paired.t_test().unwrap();
    assert_close(test.t, 2.148, 5e-4);
    assert_close(test.p, 0.0497, 5e-5);
    assert_eq!(paired.sign_flip_p(), Some(1726.0 / 32768.0));
}

/// Ten differences, of which the eighth in size alone is negative. Of the subsets of the ranks 1 to 10, 25 have a sum
/// of at most 8: 1 of 0, 1 of 1, 1 of 2, 2 of 3, 2 of 4, 3 of 5, 4 of 6, 5 of 7 and 6 of 8.
#[test]
fn signed_ranks_by_hand() {
    let differences = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, -0.8, 0.9, 1.0];
    let paired = Paired::new(&differences, &[0.0; 10]).unwrap();
    assert_eq!(paired.signed_rank_p(), Some(2.0 * 25.0 / 1024.0));
    assert_eq!(signed_ranks(&[0.0, -3.0, 1.0, 3.0, 0.5]), [-3.5, 2.0, 3.5, 1.0]);
}

/// With the sign of 0.4 fixed, ±0.1 ± 0.2 ± 0.3 + 0.4 is 1, 0.8, 0.6, 0.4, 0.4, 0.2, 0 and −0.2. So 5 of 8 are as
/// extreme as 0.4. In binary, its two sums differ.
#[test]
fn rounding_makes_no_difference_to_ties() {
    assert_ne!(0.1 + 0.2 - 0.3 + 0.4, -0.1 - 0.2 + 0.3 + 0.4);
    assert_eq!(sign_flip_p(&[0.1, 0.2, -0.3, 0.4]), Some(5.0 / 8.0));
    assert_eq!(sign_flip_p(&[-0.1, -0.2, 0.3, 0.4]), Some(5.0 / 8.0));
}

#[test]
fn equal_models_do_not_differ() {
    let equal = Paired::new(&[1.0, 2.0], &[1.0, 2.0]).unwrap();
    let test = equal.t_test().unwrap();
    assert_eq!((test.t, test.p), (0.0, 1.0));
    assert_eq!((equal.sign_flip_p(), equal.signed_rank_p()), (Some(1.0), Some(1.0)));
    let constant = Paired::new(&[2.0, 3.0], &[1.0, 2.0]).unwrap().t_test().unwrap();
    assert_eq!((constant.t, constant.p), (f64::INFINITY, 0.0));
}

#[test]
fn what_has_no_statistics_is_an_error() {
    assert_eq!(Summary::new(&[]), Err(StatisticsError::Empty));
    let error = Paired::new(&[1.0, 2.0], &[1.0]).unwrap_err();
    assert_eq!(error, StatisticsError::Unpaired { left: 2, right: 1 });
    let error = Paired::new(&[1.0, f64::INFINITY], &[1.0, 2.0]).unwrap_err();
    assert_eq!(error, StatisticsError::NotFinite { index: 1, value: f64::INFINITY });
    let many = Paired::new(&[1.0; 21], &[0.0; 21]).unwrap();
    assert_eq!((many.sign_flip_p(), many.signed_rank_p()), (None, None));
}
