//! Clipping of gradients.

mod common;

use bptt_autodiff::{Gradients, Param, Tape};
use bptt_layers::{NonFiniteGradient, clip_norm, clip_value, gradient_norm};
use bptt_tensor::{Scalar, Tensor};
use common::golden::{Golden, assert_close};

type Model<T> = (Param<T>, Param<T>);

/// A model with these gradients.
fn model<T: Scalar>([a, b]: &[Tensor<T>; 2]) -> (Model<T>, Gradients<T>) {
    let model = (Param::new(Tensor::zeros(a.shape())), Param::new(Tensor::zeros(b.shape())));
    let tape = Tape::new();
    let loss = (tape.param(&model.0) * a).sum_all() + (tape.param(&model.1) * b).sum_all();
    let gradients = tape.backward(loss);
    (model, gradients)
}

fn vectors<T: Scalar>(a: &[T], b: &[T]) -> [Tensor<T>; 2] {
    [a, b].map(|elements| Tensor::from_slice([elements.len()], elements))
}

#[test]
fn norms_are_clipped_as_in_pytorch() {
    let golden = Golden::load("clip_grad_norm_5");
    let (model, mut gradients) =
        model(&[golden.tensor("gradients.a"), golden.tensor("gradients.b")]);
    assert_close(
        "norm",
        &Tensor::scalar(gradient_norm(&model, &gradients)),
        &golden.tensor("norm"),
    );
    let norm = clip_norm(&model, &mut gradients, 5.0).unwrap();
    assert_close("norm", &Tensor::scalar(norm), &golden.tensor("norm"));
    assert_close("a", &gradients[&model.0], &golden.tensor("clipped.a"));
    assert_close("b", &gradients[&model.1], &golden.tensor("clipped.b"));
}

#[test]
fn a_small_norm_stays() {
    let (model, mut gradients) = model(&vectors(&[3.0, 0.0], &[4.0]));
    assert_eq!(clip_norm(&model, &mut gradients, 6.0), Ok(5.0));
    assert_eq!(gradients[&model.0].to_vec(), [3.0, 0.0]);
    assert_eq!(gradients[&model.1].to_vec(), [4.0]);
}

/// A sum in single precision is off by a part in thousands after this many elements.
#[test]
fn norms_are_summed_in_double_precision() {
    let n = 1 << 20;
    let (model, mut gradients) = model(&[Tensor::full([n], 1e-3_f32), Tensor::zeros([0])]);
    let norm = clip_norm(&model, &mut gradients, f64::INFINITY).unwrap();
    let expected = (n as f64).sqrt() * f64::from(1e-3_f32);
    assert!((norm - expected).abs() < 1e-9 * expected, "{norm} and {expected}");
}

#[test]
fn every_element_counts() {
    for n in 0..20 {
        let elements = vec![2.0; n];
        let (model, mut gradients) = model(&vectors(&elements, &[]));
        assert_eq!(clip_norm(&model, &mut gradients, 1e9), Ok((4.0 * n as f64).sqrt()));
    }
}

#[test]
fn values_are_clipped() {
    let (model, mut gradients) = model(&vectors(&[3.0, -0.5, -2.0], &[1.0]));
    clip_value(&model, &mut gradients, 1.0).unwrap();
    assert_eq!(gradients[&model.0].to_vec(), [1.0, -0.5, -1.0]);
    assert_eq!(gradients[&model.1].to_vec(), [1.0]);
}

#[test]
fn parameters_without_gradient_are_passed_over() {
    let model = (Param::new(Tensor::<f64>::ones([2])), Param::new(Tensor::ones([2])));
    let tape = Tape::new();
    let mut gradients = tape.backward(tape.param(&model.1).sum_all() * 2.0);
    assert_eq!(clip_norm(&model, &mut gradients, 1.0), Ok(8_f64.sqrt()));
    assert!(gradients.get(&model.0).is_none());
}

#[test]
fn gradients_that_are_not_finite_are_refused_and_stay() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let (model, mut gradients) = model(&vectors(&[7.0, 8.0], &[1.0, bad]));
        let refused = Err(NonFiniteGradient { parameter: "1".into() });
        assert_eq!(clip_norm(&model, &mut gradients, 1.0), refused);
        assert_eq!(clip_value(&model, &mut gradients, 1.0), refused.map(|_| ()));
        assert_eq!(gradients[&model.0].to_vec(), [7.0, 8.0]);
        assert_eq!(gradients[&model.1][[0]], 1.0);
    }
    for bad in [f32::NAN, f32::INFINITY] {
        let (model, gradients) = model(&vectors(&[7.0, 8.0], &[1.0, bad]));
        assert!(!gradient_norm(&model, &gradients).is_finite());
        let tape = Tape::new();
        let mut gradients = tape.backward((tape.param(&model.0) * f64::from(bad)).sum_all());
        let refused = clip_norm(&model.0, &mut gradients, 1.0).unwrap_err().to_string();
        assert!(
            refused.starts_with("the gradient of the model's parameter is not finite"),
            "{refused}"
        );
    }
    let message = NonFiniteGradient { parameter: "layers.0.w".into() }.to_string();
    assert!(message.starts_with("the gradient of `layers.0.w` is not finite"), "{message}");
    assert!(message.contains("lower the learning rate"), "{message}");
}

/// The squares of the gradients overflow, and in the last case the norm does, too.
#[test]
fn finite_gradients_are_clipped_however_large() {
    for (large, norm) in [(1e200, 5e200), (1e154, 5e154), (f64::MAX / 4.0, f64::INFINITY)] {
        let elements = vectors(&[3.0 * large, 0.0], &[-4.0 * large]);
        let (model, mut gradients) = self::model(&elements);
        clip_value(&model, &mut gradients, 1.0).unwrap();
        assert_eq!(gradients[&model.0].to_vec(), [1.0, 0.0]);
        assert_eq!(gradients[&model.1].to_vec(), [-1.0]);

        let (model, mut gradients) = self::model(&elements);
        let before = gradients[&model.0].clone();
        let measured = gradient_norm(&model, &gradients);
        assert_eq!(gradients[&model.0], before);
        let found = clip_norm(&model, &mut gradients, 10.0).unwrap();
        assert_eq!(measured, found);
        assert!(found == norm || (found / norm - 1.0).abs() < 1e-12, "{found} and {norm}");
        assert_close("a", &gradients[&model.0], &Tensor::from_slice([2], &[6.0, 0.0]));
        assert_close("b", &gradients[&model.1], &Tensor::from_slice([1], &[-8.0]));
    }
}

#[test]
#[should_panic(expected = "gradients are clipped to a norm greater than 0, not NaN")]
fn a_norm_has_to_be_positive() {
    let (model, mut gradients) = model(&vectors(&[1.0], &[1.0]));
    let _ = clip_norm(&model, &mut gradients, f64::NAN);
}

#[test]
#[should_panic(expected = "gradients are clipped to a value greater than 0, not 0")]
fn a_limit_has_to_be_positive() {
    let (model, mut gradients) = model(&vectors(&[1.0], &[1.0]));
    let _ = clip_value(&model, &mut gradients, 0.0);
}
