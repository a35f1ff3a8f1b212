//! The snippets of the guide, each on a file of its format: `sources.py`.
//!
//! `BPTT_PYTHON=python cargo test -p bptt-layers --test interchange sources -- --ignored`, with a Python that has
//! safetensors and what the snippet imports.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use bptt_autodiff::Tape;
use bptt_layers::weights::keras;
use bptt_layers::weights::pytorch::{self, PyTorch};
use bptt_layers::weights::{Archive, Layout, Part, WeightsProblem};
use bptt_layers::{Activation, Bidirectional, Layer, Linear, Lstm, Module};

use crate::{difference, random};

/// The result of the snippet below this heading for a file of this source, and the expected result.
fn converted(source: &str, heading: &str) -> [Archive<f32>; 2] {
    let folder = tempfile::tempdir().expect("a place for files");
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guide = fs::read_to_string(tests.join("../../docs/weights.md")).expect("the guide");
    let (_, section) = guide.split_once(&format!("### {heading}\n")).expect("the section");
    let (_, snippet) = section.split_once("```python\n").expect("a snippet");
    let (snippet, _) = snippet.split_once("```").expect("its end");
    fs::write(folder.path().join("snippet.py"), snippet).expect("a file");
    let make = tests.join("tests/interchange/sources.py");
    for arguments in [&[make.as_os_str(), source.as_ref()][..], &["snippet.py".as_ref()]] {
        let python = env::var("BPTT_PYTHON").expect("BPTT_PYTHON is a Python with the packages");
        let run = Command::new(python).args(arguments).current_dir(&folder).output();
        let run = run.expect("Python runs");
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    }
    ["model", "expected"].map(|name| {
        let path = folder.path().join(name).with_extension("safetensors");
        Archive::load(path).expect("a file")
    })
}

#[test]
#[ignore = "needs Python with numpy and safetensors, as BPTT_PYTHON"]
fn npz() {
    let [archive, expected] = converted("npz", "An `.npz` file");
    let mut linear = Linear::<f32>::new(&mut random(0), 3, 2);
    pytorch::load(&mut linear, &archive.group("fc")).expect("its arrays");
    let weight = expected.tensor("fc.weight").expect("what was put in");
    assert_eq!(linear.w.value(), &weight.transpose(0, 1));
}

#[test]
#[ignore = "needs Python with h5py and safetensors, as BPTT_PYTHON"]
fn h5_of_keras_2() {
    let [archive, expected] = converted("h5", "An `.h5` file of Keras 2");
    let lstm = || Lstm::<f32>::new(&mut random(0), 3, 2);
    let mut both = Bidirectional::new(lstm(), lstm());
    let problem = *keras::load(&mut both, &archive.group("both")).expect_err("hard gates").problem;
    assert!(matches!(problem, WeightsProblem::OtherSetting { .. }), "{problem}");

    let hard = || lstm().gate_activation(Activation::HardSigmoid { slope: 0.2 });
    let mut both = Bidirectional::new(hard(), hard());
    keras::load(&mut both, &archive.group("both")).expect("its variables");
    let bias = expected.tensor("bias").expect("what was put in");
    assert_eq!(both.backward.b.as_ref().map(|b| b.value()), Some(bias));
    let mut dense = Linear::new(&mut random(0), 4, 1);
    keras::load(&mut dense, &archive.group("dense")).expect("its variables");
}

#[derive(Module)]
#[module(scalar = f32)]
struct Onnx {
    lstm: Lstm<f32>,
}

/// As in the guide.
impl PyTorch<f32> for Onnx {
    fn in_pytorch(&self) -> Layout<'_, f32> {
        let Lstm { w_ih, w_hh, b, .. } = &self.lstm;
        let (input_size, hidden_size) = (w_ih.shape()[0], w_hh.shape()[0]);
        let gates = |param| {
            [0, 3, 1, 2]
                .map(|gate| Part::columns(param, gate * hidden_size..(gate + 1) * hidden_size))
        };
        let weight = |param, rows| {
            Part::beside(gates(param)).permuted(&[1, 0]).reshaped(&[1, 4 * hidden_size, rows])
        };
        let biases = b
            .iter()
            .map(|b| Part::beside([gates(b), gates(b)].concat()).reshaped(&[1, 8 * hidden_size]));
        Layout::new()
            .tensor("W", [weight(w_ih, input_size)])
            .tensor("R", [weight(w_hh, hidden_size)])
            .tensor("B", biases)
    }
}

#[test]
#[ignore = "needs Python with onnx and safetensors, as BPTT_PYTHON"]
fn initialisers_of_onnx() {
    let [archive, expected] = converted("onnx", "The initialisers of ONNX");
    let mut model = Onnx { lstm: Lstm::new(&mut random(0), 3, 2) };
    pytorch::load(&mut model, &archive).expect("its initialisers");
    let tape = Tape::new();
    let x = expected.tensor("x").expect("what it computed of").clone();
    let (y, _) = model.lstm.forward(tape.constant(x));
    assert!(difference(&y.value(), expected.tensor("y").expect("what it computed")) < 1e-6);
}

#[test]
#[ignore = "needs Python with torch and safetensors, as BPTT_PYTHON"]
fn state_dict_of_pytorch() {
    let [archive, expected] = converted("state_dict", "A state dict of PyTorch");
    let weight = expected.tensor("fc.weight").expect("what was put in");
    assert_eq!(archive.tensor("fc.weight").expect("the same"), weight);
}
