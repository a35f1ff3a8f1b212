//! Tensors that do not fit a model are refused, or reported.

use std::error::Error;
use std::io;

use bptt_autodiff::Param;
use bptt_layers::weights::{self, Archive, WeightsProblem};
use bptt_tensor::Tensor;

use crate::{model, place, values};

#[test]
fn a_missing_file_is_reported() {
    let error = place().refused(model::<f64>(0.0));
    let WeightsProblem::Read(cause) = &*error.problem else { panic!("{error}") };
    assert_eq!(cause.kind(), io::ErrorKind::NotFound);
    assert!(error.to_string().ends_with(&format!("cannot be read: {cause}")), "{error}");
    assert!(error.source().is_none() && error.problem.source().is_none(), "the cause comes twice");
}

#[test]
fn a_missing_tensor_is_reported() {
    let place = place();
    let mut small = model::<f64>(0.0);
    small.layers.pop();
    weights::save(&small, &place.path).unwrap();
    let problem = place.refused(model::<f64>(100.0)).problem;
    assert!(
        matches!(*problem, WeightsProblem::MissingTensor { ref tensor, .. } if tensor == "layers.1.w")
    );
}

#[test]
fn an_unexpected_tensor_is_reported() {
    let place = place();
    weights::save(&model::<f64>(0.0), &place.path).unwrap();
    let mut small = model::<f64>(100.0);
    small.layers.pop();
    let problem = place.refused(small).problem;
    assert!(
        matches!(*problem, WeightsProblem::UnexpectedTensor { ref tensor } if tensor == "layers.1.b")
    );
}

#[test]
fn a_wrong_shape_is_reported() {
    let place = place();
    weights::save(&model::<f64>(0.0), &place.path).unwrap();
    let mut wide = model::<f64>(100.0);
    wide.layers[0].b = Param::new(Tensor::zeros([4]));
    let message = place.refused(wide).to_string();
    assert!(message.contains("tensor `layers.0.b` has shape [3], but [4] is needed"), "{message}");
}

#[test]
fn missing_entries_are_reported_with_file_and_group() {
    let place = place();
    let mut archive = Archive::<f64>::new();
    archive.set_text("run.steps", "-3");
    archive.save(&place.path).unwrap();
    let group = Archive::<f64>::load(&place.path).unwrap().group("run");
    let file = place.path.display();
    assert_eq!(
        group.parse::<u64>("steps").unwrap_err().to_string(),
        format!("{file}: group `run`: text `steps` cannot be understood: `-3`")
    );
    assert!(
        matches!(*group.text("seed").unwrap_err().problem, WeightsProblem::MissingText { ref text, .. } if text == "seed")
    );
    let error = group.tensor("w").unwrap_err().to_string();
    assert!(error.starts_with(&format!("{file}: group `run`: has no tensor `w`")), "{error}");
    assert!(archive.tensor("w").unwrap_err().to_string().starts_with("weights: has no tensor"));
}

#[test]
fn the_nearest_names_are_reported() {
    let mut archive = Archive::<f32>::new();
    let error = archive.tensor("w").unwrap_err().to_string();
    assert!(error.ends_with("has no tensor `w`; it has none at all"), "{error}");
    for name in ["encoder.lstm.weight_ih_l0", "lstm.bias_ih_l0", "lstm.weight_hh_l0", "x"] {
        archive.insert(name, Tensor::zeros([1]));
    }
    (0..1000).for_each(|i| archive.insert(format!("unlike anything {i}"), Tensor::zeros([1])));
    let problem = *archive.tensor("lstm.weight_ih_l0").unwrap_err().problem;
    let WeightsProblem::MissingTensor { present, .. } = &problem else { panic!("{problem}") };
    assert_eq!(present.count, 1004);
    assert_eq!(present.nearest.len(), 8);
    let nearest = ["encoder.lstm.weight_ih_l0", "lstm.weight_hh_l0", "lstm.bias_ih_l0"];
    assert_eq!(present.nearest[..3], nearest);
    let expected = "nearest of 1004: `encoder.lstm.weight_ih_l0`, `lstm.weight_hh_l0`, ";
    assert!(problem.to_string().contains(expected), "{problem}");

    archive.set_text("step", 1);
    let error = archive.text("steps").unwrap_err().to_string();
    assert!(error.ends_with("nearest of 1: `step`"), "{error}");
}

#[test]
fn matching_tensors_are_loaded_and_the_rest_reported() {
    let mut archive = Archive::of(&model::<f64>(0.0));
    archive.insert("head.w", Tensor::zeros([2]));
    let mut smaller = Archive::new();
    for name in archive.names().filter(|name| !name.starts_with("layers.0.b")) {
        smaller.insert(name, archive.tensor(name).unwrap().clone());
    }
    let mut into = model::<f64>(100.0);
    let unmatched = smaller.assign_matching_to(&mut into).unwrap();
    assert_eq!(unmatched.missing, ["layers.0.b"]);
    assert_eq!(unmatched.left_over, ["head.w"]);
    let (before, whole) = (model::<f64>(100.0), model::<f64>(0.0));
    assert_eq!(into.layers[0].w.value(), whole.layers[0].w.value());
    assert_eq!(into.layers[0].b.value(), before.layers[0].b.value());
    assert_eq!(into.scale.value(), whole.scale.value());

    // what has the name must have the shape
    smaller.insert("scale", Tensor::zeros([2]));
    let mut into = model::<f64>(100.0);
    let problem = *smaller.assign_matching_to(&mut into).unwrap_err().problem;
    assert!(matches!(problem, WeightsProblem::WrongShape { .. }), "{problem}");
    assert_eq!(values(&into), values(&before));
}
