//! Comparisons of an estimate with a gradient.

use bptt_analysis::gradients::Agreement;
use bptt_tensor::Tensor;

fn agreement(estimate: [f64; 4], gradient: [f64; 4]) -> Agreement {
    let [estimate, gradient] = [estimate, gradient].map(|g| Tensor::from_slice([4], &g));
    let halves = |whole: &Tensor<f64>| [whole.slice(0, 0..1), whole.slice(0, 1..4)];
    let ([e, stimate], [g, radient]) = (halves(&estimate), halves(&gradient));
    Agreement::of(&[&e, &stimate], &[&g, &radient])
}

#[test]
fn by_hand() {
    let found = agreement([0.0, -2.0, 2.0, 1.0], [2.0, 1.0, 2.0, 0.0]);
    assert_eq!((found.norm_ratio, found.sign_agreement), (1.0, 1.0 / 3.0));
    assert!((found.cosine - 2.0 / 9.0).abs() < 1e-15);
    assert!((found.relative_error - 14.0_f64.sqrt() / 3.0).abs() < 1e-15);
    let opposite = agreement([-1.0, -2.0, -3.0, 0.0], [1.0, 2.0, 3.0, 0.0]);
    assert_eq!((opposite.relative_error, opposite.sign_agreement), (2.0, 0.0));
    assert!((opposite.cosine + 1.0).abs() < 1e-15);
}

/// Gradients of zeros have an agreement too, and tiny ones have that of their multiples.
#[test]
fn zeros_and_tiny_numbers() {
    let (zeros, ones) = ([0.0; 4], [1.0; 4]);
    let of = |a: Agreement| [a.norm_ratio, a.relative_error, a.cosine, a.sign_agreement];
    assert_eq!(of(agreement(zeros, zeros)), [1.0, 0.0, 1.0, 1.0]);
    assert_eq!(of(agreement(zeros, ones)), [0.0, 1.0, 0.0, 0.0]);
    assert_eq!(of(agreement(ones, zeros)), [f64::INFINITY, f64::INFINITY, 0.0, 1.0]);
    assert_eq!(of(agreement([1e-200; 4], [2e-200; 4])), [0.5, 0.5, 1.0, 1.0]);
    let of_largest = Agreement::of(&[&Tensor::from([f32::MAX])], &[&Tensor::from([-f32::MAX])]);
    assert_eq!(of(of_largest), [1.0, 2.0, -1.0, 0.0]);
    assert!(agreement([f64::NAN, 1.0, 1.0, 1.0], ones).cosine.is_nan());
}

#[test]
#[should_panic(expected = "an estimate of shapes [[2]] cannot be compared")]
fn other_shapes_are_refused() {
    let [two, three] = [2, 3].map(|n| Tensor::<f64>::zeros([n]));
    let _ = Agreement::of(&[&two], &[&three]);
}
