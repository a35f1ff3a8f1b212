//! The weights of recurrent operators in ONNX files.

use std::fs;
use std::path::{Path, PathBuf};

use bptt_autodiff::Tape;
use bptt_layers::weights::keras::{self, Keras};
use bptt_layers::*;
use bptt_onnx::{ImportError, LayerExport, weights};
use bptt_tensor::Tensor;
use serde_json::Value;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import").join(name)
}

/// Compares a layer with the outputs of a file's model in ONNX Runtime.
fn assert_agrees(name: &str, layer: &impl Layer<f32>) {
    let text = fs::read_to_string(file(&format!("{name}.json"))).expect("it is in the repository");
    let golden: Value = serde_json::from_str(&text).expect("it is JSON");
    let numbers = |key: &str| -> Vec<f32> {
        let numbers = golden[key].as_array().expect("an array").iter();
        numbers.map(|number| number.as_f64().expect("a number") as f32).collect()
    };
    let tape = Tape::inference();
    let xs = tape.constant(Tensor::from_vec([4, 2, 2], numbers("xs")));
    let ys = layer.forward(xs).0.value();
    let golden = numbers("ys");
    assert_eq!(ys.len(), golden.len());
    for (found, expected) in ys.iter().zip(golden) {
        assert!((found - expected).abs() <= 1e-6, "{name}: {found} and {expected}");
    }
}

#[test]
fn a_stack_in_both_directions_of_pytorch() {
    let rng = &mut rng(0);
    let archive = weights(file("pytorch_lstm.onnx")).expect("it can be read");
    let layers = [(2, "node_LSTM_111"), (6, "node_LSTM_219")].map(|(input_size, node)| {
        let mut lstm = || Lstm::new(rng, input_size, 3);
        let mut layer = Bidirectional::new(lstm(), lstm());
        keras::load(&mut layer, &archive.group(node)).expect("it has these weights");
        layer
    });
    let stack = Stack::new(layers.into());
    assert_agrees("pytorch_lstm", &stack);
}

/// The weights stand in another file.
#[test]
fn a_gru_of_pytorch() {
    let mut gru = Gru::new(&mut rng(0), 2, 3);
    let archive = weights(file("pytorch_gru.onnx")).expect("it can be read");
    keras::load(&mut gru, &archive.group("node_gru__1")).expect("it has these weights");
    assert_agrees("pytorch_gru", &gru);
}

#[test]
fn a_net_of_relu_of_pytorch() {
    let mut elman = Elman::new(&mut rng(0), 2, 3).activation(Activation::Relu);
    let archive = weights(file("pytorch_rnn.onnx")).expect("it can be read");
    keras::load(&mut elman, &archive.group("RNN")).expect("it has these weights");
    assert_agrees("pytorch_rnn", &elman);
    let error = keras::load(&mut Elman::new(&mut rng(0), 2, 3), &archive.group("RNN"));
    let error = error.expect_err("this net has tanh").to_string();
    assert!(error.contains("relu") && error.contains("tanh"), "{error}");
}

#[test]
fn a_gru_that_resets_before_the_product() {
    let mut gru = Gru::new(&mut rng(0), 2, 3).reset(Reset::Before);
    let archive = weights(file("gru_before.onnx")).expect("it can be read");
    keras::load(&mut gru, &archive.group("GRU")).expect("it has these weights");
    assert_agrees("gru_before", &gru);
    assert!(keras::load(&mut Gru::new(&mut rng(0), 2, 3), &archive.group("GRU")).is_err());
}

#[test]
fn an_lstm_of_a_hard_sigmoid() {
    let hard = Activation::HardSigmoid { slope: 0.2 };
    let mut lstm = Lstm::new(&mut rng(0), 2, 3).gate_activation(hard);
    let archive = weights(file("hard.onnx")).expect("it can be read");
    keras::load(&mut lstm, &archive.group("LSTM")).expect("it has these weights");
    assert_agrees("hard", &lstm);
}

#[test]
fn what_has_no_counterpart_is_an_error() {
    let error = |name: &str| weights(file(name)).expect_err("it has no counterpart").to_string();
    let clipped = error("clipped.onnx");
    assert!(clipped.starts_with("the LSTM `LSTM` clips its sums; "), "{clipped}");
    let sloped = error("sloped.onnx");
    assert!(sloped.contains("has activations with parameters of their own"), "{sloped}");
}

/// Without biases, no shape tells which reset a file has.
#[test]
fn the_reset_is_checked() {
    let archive = weights(file("unbiased_before.onnx")).expect("it can be read");
    let mut gru = Gru::new(&mut rng(0), 2, 3).reset(Reset::Before).bias(false);
    keras::load(&mut gru, &archive.group("GRU")).expect("it has these weights");
    assert_agrees("unbiased_before", &gru);
    let mut gru = Gru::new(&mut rng(0), 2, 3).bias(false);
    let error =
        keras::load(&mut gru, &archive.group("GRU")).expect_err("another reset").to_string();
    assert!(error.contains("reset_after"), "{error}");
}

#[test]
fn a_file_that_is_no_model_is_an_error() {
    let format = |name: &str| weights(file(name)).expect_err("no model").to_string();
    assert!(format("models.py").contains("models.py` is no ONNX model"), "{}", format("models.py"));
    let absent = weights(file("absent.onnx")).expect_err("there is none");
    assert!(matches!(&absent, ImportError::Read { path, .. } if path.ends_with("absent.onnx")));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join("without-its-weights.onnx");
    fs::copy(file("pytorch_gru.onnx"), &path).expect("it can be copied");
    let error = weights(&path).expect_err("the other file is elsewhere");
    assert!(
        matches!(&error, ImportError::Read { path, .. } if path.ends_with("pytorch_gru.weights"))
    );
}

/// A file that is cut short, or has other bytes, is read, or is an error.
#[test]
fn a_damaged_file_does_not_panic() {
    let bytes = fs::read(file("gru_before.onnx")).expect("it is in the repository");
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("damaged.onnx");
    let read = |bytes: &[u8]| {
        fs::write(&path, bytes).expect("it can be written");
        let _ = weights(&path);
    };
    for place in 0..bytes.len() {
        read(&bytes[..place]);
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut other = bytes.clone();
            other[place] = value;
            read(&other);
        }
    }
}

fn returns<L: Layer<f32> + Keras<f32> + Clone>(layer: &L, mut other: L, groups: &str) {
    let export = LayerExport::new(layer, 3).standard_operators();
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{groups}.onnx"));
    export.export().expect("it has a form").save(&path).expect("it can be saved");
    let archive = weights(&path).expect("it can be read");
    let node = archive.names().next().expect("a weight").split('/').next().expect("a group");
    keras::load(&mut other, &archive.group(node)).expect("it has these weights");
    for ((name, a), (_, b)) in layer.parameters().into_iter().zip(other.parameters()) {
        assert_eq!(a.value(), b.value(), "{name}");
    }
}

/// An exported layer loads into another one of its kind, to the bit.
#[test]
fn exported_weights_return() {
    let biases = Init::Gaussian { mean: 0.0, std: 0.5 };
    let lstm = |seed| {
        let rng = &mut rng(seed);
        Lstm::new(rng, 3, 4).bias_init(rng, biases)
    };
    let gru = |reset, seed| {
        let rng = &mut rng(seed);
        Gru::new(rng, 3, 4).reset(reset).bias_init(rng, biases)
    };
    returns(&lstm(1), lstm(2), "lstm");
    returns(&Reversed::new(lstm(1)), Reversed::new(lstm(2)), "reversed");
    returns(&gru(Reset::After, 1), gru(Reset::After, 2), "after");
    returns(&gru(Reset::Before, 1), gru(Reset::Before, 2), "before");
    let elman = |seed| Elman::new(&mut rng(seed), 3, 4);
    returns(&elman(1), elman(2), "elman");
}
