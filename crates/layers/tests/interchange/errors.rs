//! Archives that do not fit a model are refused, and the model stays as it was.

use bptt_autodiff::Param;
use bptt_layers::weights::keras::{self, Keras};
use bptt_layers::weights::pytorch::{self, PyTorch};
use bptt_layers::weights::{Archive, Layout, Part, WeightsError, WeightsProblem};
use bptt_layers::{Activation, Elman, Gru, Linear, Lstm, Module, Reset, Stack};
use bptt_tensor::{Scalar, Tensor};

use crate::{random, randomized, values};

#[derive(Clone, Module)]
struct Model<T> {
    lstm: Stack<Lstm<T>>,
    head: Linear<T>,
}

impl<T: Scalar> PyTorch<T> for Model<T> {
    fn in_pytorch(&self) -> Layout<'_, T> {
        Layout::new().group("lstm", self.lstm.in_pytorch()).group("head", self.head.in_pytorch())
    }
}

impl<T: Scalar> Keras<T> for Model<T> {
    fn in_keras(&self) -> Layout<'_, T> {
        let names = ["lstm", "lstm_1"];
        let layers = names.iter().zip(self.lstm.layers());
        layers.fold(Layout::new().group("dense", self.head.in_keras()), |model, (name, layer)| {
            model.group(name, layer.in_keras())
        })
    }
}

fn model<T: Scalar>() -> Model<T> {
    let rng = &mut random(0);
    Model {
        lstm: Stack::new(vec![Lstm::new(rng, 3, 4), Lstm::new(rng, 4, 4)]),
        head: Linear::new(rng, 4, 2),
    }
}

/// The archive with one tensor renamed.
fn renamed(archive: &Archive<f64>, from: &str, to: &str) -> Archive<f64> {
    let mut changed = Archive::new();
    for name in archive.names() {
        let tensor = archive.tensor(name).expect("its name").clone();
        changed.insert(if name == from { to } else { name }, tensor);
    }
    changed
}

/// Returns the problem of an archive that a model must refuse.
#[track_caller]
fn refused(
    archive: &Archive<f64>,
    load: fn(&mut Model<f64>, &Archive<f64>) -> Result<(), WeightsError>,
) -> WeightsProblem {
    let mut into = randomized(model(), 1);
    let before = values(&into);
    let error = load(&mut into, archive).expect_err("a misfit");
    assert_eq!(values(&into), before);
    *error.problem
}

#[test]
fn a_missing_tensor() {
    let archive = renamed(&pytorch::archive(&model()), "lstm.bias_hh_l1", "elsewhere");
    let problem = refused(&archive, |model, archive| pytorch::load(model, archive));
    let WeightsProblem::MissingTensor { tensor, .. } = problem else { panic!("{problem}") };
    assert_eq!(tensor, "lstm.bias_hh_l1");

    let archive = renamed(&keras::archive(&model()), "lstm_1/lstm_cell/bias", "elsewhere");
    let problem = refused(&archive, |model, archive| keras::load(model, archive));
    let WeightsProblem::MissingTensor { tensor, .. } = problem else { panic!("{problem}") };
    assert_eq!(tensor, "lstm_1/lstm_cell/bias");
}

#[test]
fn a_superfluous_tensor() {
    let mut archive = pytorch::archive(&model());
    archive.insert("lstm.weight_ih_l2", Tensor::zeros([16, 4]));
    let problem = refused(&archive, |model, archive| pytorch::load(model, archive));
    let WeightsProblem::UnexpectedTensor { tensor } = problem else { panic!("{problem}") };
    assert_eq!(tensor, "lstm.weight_ih_l2");

    // the same variable under two names
    let mut archive = keras::archive(&model());
    archive.insert("lstm/bias", Tensor::zeros([16]));
    let problem = refused(&archive, |model, archive| keras::load(model, archive));
    let WeightsProblem::UnexpectedTensor { tensor } = problem else { panic!("{problem}") };
    assert!(["lstm/bias", "lstm/lstm_cell/bias"].contains(&&*tensor), "{tensor}");
}

/// The shapes in the message are those of the file.
#[test]
fn a_tensor_of_another_shape() {
    let mut archive = pytorch::archive(&model());
    archive.insert("lstm.weight_ih_l0", Tensor::zeros([3, 16]));
    let problem = refused(&archive, |model, archive| pytorch::load(model, archive));
    let WeightsProblem::WrongShape { found, expected, .. } = problem else { panic!("{problem}") };
    assert_eq!((&found[..], &expected[..]), (&[3, 16][..], &[16, 3][..]));
}

/// The shape of a GRU's biases in Keras shows where its reset acts.
#[test]
fn a_gru_that_resets_elsewhere() {
    let gru = |reset| Gru::<f64>::new(&mut random(0), 3, 4).reset(reset);
    let error = keras::load(&mut gru(Reset::Before), &keras::archive(&gru(Reset::After)));
    let problem = *error.expect_err("a misfit").problem;
    let WeightsProblem::WrongShape { found, expected, .. } = problem else { panic!("{problem}") };
    assert_eq!((&found[..], &expected[..]), (&[2, 12][..], &[12][..]));
}

#[test]
fn the_file_and_the_group_are_named() {
    let folder = tempfile::tempdir().expect("a place for files");
    let path = folder.path().join("model.safetensors");
    pytorch::archive(&model::<f64>()).save(&path).expect("a file");
    let encoder = Archive::load(&path).expect("a file").group("lstm");
    let error = pytorch::load(&mut Linear::<f64>::new(&mut random(0), 2, 2), &encoder)
        .expect_err("a misfit");
    let expected = format!("{}: group `lstm`: has no tensor `weight`", path.display());
    assert!(error.to_string().starts_with(&expected), "{error}");
}

#[test]
fn double_precision_holds_single_precision() {
    let folder = tempfile::tempdir().expect("a place for files");
    let path = folder.path().join("model.safetensors");
    let single = randomized(model::<f32>(), 1);
    pytorch::archive(&single).save(&path).expect("a file");
    let mut double = model::<f64>();
    pytorch::load(&mut double, &Archive::load(&path).expect("a file")).expect("the same model");
    for (single, double) in values(&single).iter().zip(values(&double)) {
        let widened: Vec<_> = single.as_slice().iter().map(|&x| f64::from(x)).collect();
        assert_eq!(double.as_slice(), widened);
    }
}

#[test]
#[should_panic(
    expected = "the layout has no place for the parameter `w_ho` or a part of it; build the model \
        without it if the other framework does not have it, or lay it out"
)]
fn a_parameter_that_the_other_does_not_have() {
    let rng = &mut random(0);
    let elman = Elman::<f64>::new(rng, 3, 4).output(rng, 2, Activation::Identity);
    let _ = pytorch::archive(&elman);
}

#[test]
#[should_panic(
    expected = "PyTorch's GRU resets after the product; build this one with `Reset::After`"
)]
fn an_equation_that_the_other_does_not_have() {
    let gru = Gru::<f64>::new(&mut random(0), 3, 4).reset(Reset::Before).bias(false);
    let _ = pytorch::archive(&gru);
}

#[derive(Module)]
struct Twins<T>(Linear<T>, Linear<T>);

impl<T: Scalar> PyTorch<T> for Twins<T> {
    fn in_pytorch(&self) -> Layout<'_, T> {
        self.0.in_pytorch().and(self.1.in_pytorch())
    }
}

#[test]
#[should_panic(expected = "the layout has two tensors `weight`; put them into groups of their own")]
fn two_tensors_of_one_name() {
    let linear = || Linear::<f64>::new(&mut random(0), 3, 4);
    let _ = pytorch::archive(&Twins(linear(), linear()));
}

#[derive(Module)]
struct Halved<T>(Param<T>);

impl<T: Scalar> PyTorch<T> for Halved<T> {
    fn in_pytorch(&self) -> Layout<'_, T> {
        let half = self.0.shape()[1] / 2;
        Layout::new().tensor("weight", [Part::columns(&self.0, 0..half)])
    }
}

#[test]
#[should_panic(
    expected = "the layout has no place for the parameter `0` or a part of it; build the model \
        without it if the other framework does not have it, or lay it out"
)]
fn columns_that_are_left_out() {
    let _ = pytorch::archive(&Halved(Param::new(Tensor::<f64>::zeros([3, 4]))));
}

#[test]
#[should_panic(
    expected = "PyTorch's gated cells compute with `Sigmoid` and `Tanh`, not with Sigmoid and \
        [Relu]; build this one without other activations"
)]
fn functions_that_pytorch_does_not_compute() {
    let gru = Gru::<f64>::new(&mut random(0), 3, 4);
    let _ = pytorch::archive(&gru.candidate_activation(Activation::Relu));
}

#[test]
#[should_panic(
    expected = "PyTorch's RNN computes with `Tanh` or `Relu`, not with Sigmoid; build this one with \
        one of them"
)]
fn a_function_that_an_rnn_of_pytorch_does_not_compute() {
    let elman = Elman::<f64>::new(&mut random(0), 3, 4).activation(Activation::Sigmoid);
    let _ = pytorch::archive(&elman);
}

/// A parameter with a missing tensor is not loaded at all. The names are those of the file.
#[test]
fn matching_tensors_are_loaded_and_the_rest_reported() {
    let theirs = randomized(model::<f64>(), 2);
    let archive = renamed(&pytorch::archive(&theirs), "lstm.bias_hh_l1", "elsewhere");
    let before = randomized(model(), 1);
    let mut into = before.clone();
    let unmatched = pytorch::load_matching(&mut into, &archive).expect("what there is");
    assert_eq!(
        (&*unmatched.missing, &*unmatched.left_over),
        (&["lstm.bias_hh_l1".to_owned()][..], &["elsewhere".to_owned()][..],)
    );
    let values = |model: &Model<f64>| Archive::of(model);
    for (name, _) in into.parameters() {
        let from = if name == "lstm.layers.1.b" { &before } else { &theirs };
        assert_eq!(values(&into).tensor(&name).ok(), values(from).tensor(&name).ok(), "{name}");
    }

    let archive = renamed(&keras::archive(&theirs), "lstm_1/lstm_cell/bias", "elsewhere");
    let mut into = before.clone();
    let unmatched = keras::load_matching(&mut into, &archive).expect("what there is");
    assert_eq!(unmatched.missing, ["lstm_1/lstm_cell/bias"]);
    assert_eq!(unmatched.left_over, ["elsewhere"]);
    assert_eq!(into.lstm.layers()[0].w_ih.value(), theirs.lstm.layers()[0].w_ih.value());
}
