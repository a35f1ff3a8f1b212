//! An exchange of weights with PyTorch and Keras themselves, in both directions: `peer.py`.
//!
//! `BPTT_PYTHON=python cargo test -p bptt-layers --test interchange -- --ignored --nocapture`, with a Python
//! that has torch, keras and safetensors.

use std::env;
use std::path::Path;
use std::process::Command;

use bptt_autodiff::{Tape, Var};
use bptt_layers::weights::keras::{self, Keras};
use bptt_layers::weights::pytorch::{self, PyTorch, RecurrentLayer as _};
use bptt_layers::weights::{Archive, Layout};
use bptt_layers::{
    Activation, Bidirectional, Elman, Embedding, Gru, Layer, LayerNorm, Linear, Lstm, Module,
    ProjectedLstm, Reset, Stack,
};
use bptt_tensor::{Scalar, Tensor};

use crate::{difference, random, randomized};

/// A model that both sides build.
trait Model<T: Scalar>: Module<T> + Sized {
    /// The name of the framework for `peer.py`.
    const FRAMEWORK: &'static str;

    fn new() -> Self;
    /// Maps symbols `[T, B]` to outputs `[T, B, 2]`.
    fn run<'t>(&self, symbols: Var<'t, T>) -> Var<'t, T>;
    fn load(&mut self, archive: &Archive<T>);
    fn archive(&self) -> Archive<T>;

    fn outputs(&self, symbols: &Tensor<T>) -> Tensor<T> {
        self.run(Tape::new().constant(symbols.clone())).value()
    }
}

fn peer<T: Scalar>(action: &str, framework: &str, file: &Path) -> String {
    let python = env::var("BPTT_PYTHON").expect("BPTT_PYTHON is a Python with the frameworks");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interchange/peer.py");
    let precision = if T::NAME == "f32" { "float32" } else { "float64" };
    let run = Command::new(python)
        .arg(script)
        .args([action, framework, precision])
        .arg(file)
        .output()
        .expect("Python runs");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).expect("text")
}

/// A random model of the framework computes the same here, and a random model from here computes the same there.
fn exchange<T: Scalar, M: Model<T>>(tolerance: f64) {
    let folder = tempfile::tempdir().expect("a place for files");
    let name = format!("{} in {}", M::FRAMEWORK, T::NAME);

    let file = folder.path().join("theirs.safetensors");
    peer::<T>("make", M::FRAMEWORK, &file);
    let theirs = Archive::load(&file).expect("a file of theirs");
    let mut model = M::new();
    model.load(&theirs.group("model"));
    let symbols = theirs.tensor("symbols").expect("symbols");
    let here = model.outputs(symbols);
    let off = difference(&here, theirs.tensor("outputs").expect("outputs"));
    println!("{name}: their model is off by {off:e} here");
    assert!(off <= tolerance);

    let file = folder.path().join("ours.safetensors");
    let model = randomized(model, 1);
    let mut ours = Archive::new();
    ours.insert_group("model", &model.archive());
    ours.insert("symbols", symbols.clone());
    ours.insert("outputs", model.outputs(symbols));
    assert!(difference(&here, ours.tensor("outputs").expect("outputs")) > 100.0 * tolerance);
    ours.save(&file).expect("a file of ours");
    let off: f64 = peer::<T>("check", M::FRAMEWORK, &file).trim().parse().expect("a number");
    println!("{name}: our model is off by {off:e} there");
    assert!(off <= tolerance);
}

#[test]
#[ignore = "needs Python with torch and safetensors, as BPTT_PYTHON"]
fn pytorch() {
    exchange::<f64, TorchModel<f64>>(1e-14);
    exchange::<f32, TorchModel<f32>>(1e-6);
}

/// Keras multiplies matrices in single precision, unless `KERAS_BACKEND=tensorflow`.
#[test]
#[ignore = "needs Python with keras and safetensors, as BPTT_PYTHON"]
fn keras() {
    exchange::<f64, KerasModel<f64>>(1e-6);
    exchange::<f32, KerasModel<f32>>(1e-6);
}

fn embedded<'t, T: Scalar>(table: &Embedding<T>, symbols: Var<'t, T>) -> Var<'t, T> {
    let values = symbols.value();
    let indices: Vec<_> = values.as_slice().iter().map(|symbol| symbol.as_f64() as usize).collect();
    table.forward(symbols.tape(), &indices, values.shape().clone())
}

#[derive(Module)]
struct TorchModel<T> {
    embed: Embedding<T>,
    norm: LayerNorm<T>,
    rnn: Elman<T>,
    lstm: Stack<Bidirectional<Lstm<T>>>,
    projected: Stack<ProjectedLstm<T>>,
    gru: Bidirectional<Gru<T>>,
    gru_nobias: Gru<T>,
    cell: Lstm<T>,
    head: Linear<T>,
}

impl<T: Scalar> PyTorch<T> for TorchModel<T> {
    fn in_pytorch(&self) -> Layout<'_, T> {
        Layout::new()
            .group("embed", self.embed.in_pytorch())
            .group("norm", self.norm.in_pytorch())
            .group("rnn", self.rnn.in_pytorch())
            .group("lstm", self.lstm.in_pytorch())
            .group("projected", self.projected.in_pytorch())
            .group("gru", self.gru.in_pytorch())
            .group("gru_nobias", self.gru_nobias.in_pytorch())
            .group("cell", self.cell.layer_in_pytorch(""))
            .group("head", self.head.in_pytorch())
    }
}

impl<T: Scalar> Model<T> for TorchModel<T> {
    const FRAMEWORK: &'static str = "torch";

    fn new() -> Self {
        let rng = &mut random(0);
        let projected = |rng: &mut _, input| ProjectedLstm::new(rng, input, 5, 3);
        let gru = |rng: &mut _, input| Gru::new(rng, input, 4);
        Self {
            embed: Embedding::new(rng, 7, 5),
            norm: LayerNorm::new(5),
            rnn: Elman::new(rng, 5, 4).activation(Activation::Relu),
            lstm: Stack::new(
                [4, 8]
                    .map(|input| {
                        Bidirectional::new(Lstm::new(rng, input, 4), Lstm::new(rng, input, 4))
                    })
                    .into(),
            ),
            projected: Stack::new(vec![projected(rng, 8), projected(rng, 3)]),
            gru: Bidirectional::new(gru(rng, 3), gru(rng, 3)),
            gru_nobias: gru(rng, 8).bias(false),
            cell: Lstm::new(rng, 4, 3),
            head: Linear::new(rng, 3, 2),
        }
    }

    fn run<'t>(&self, symbols: Var<'t, T>) -> Var<'t, T> {
        let (xs, _) = self.rnn.forward(self.norm.forward(embedded(&self.embed, symbols)));
        let (xs, _) = self.projected.forward(self.lstm.forward(xs).0);
        let (xs, _) = self.gru_nobias.forward(self.gru.forward(xs).0);
        self.head.forward(self.cell.forward(xs).0)
    }

    fn load(&mut self, archive: &Archive<T>) {
        pytorch::load(self, archive).expect("the model's weights");
    }

    fn archive(&self) -> Archive<T> {
        pytorch::archive(self)
    }
}

#[derive(Module)]
struct KerasModel<T> {
    embedding: Embedding<T>,
    simple_rnn: Elman<T>,
    bidirectional: Bidirectional<Lstm<T>>,
    upper: Lstm<T>,
    bidirectional_1: Bidirectional<Gru<T>>,
    published: Gru<T>,
    dense: Linear<T>,
}

impl<T: Scalar> Keras<T> for KerasModel<T> {
    fn in_keras(&self) -> Layout<'_, T> {
        Layout::new()
            .group("embedding", self.embedding.in_keras())
            .group("simple_rnn", self.simple_rnn.in_keras())
            .group("bidirectional", self.bidirectional.in_keras())
            .group("upper", self.upper.in_keras())
            .group("bidirectional_1", self.bidirectional_1.in_keras())
            .group("published", self.published.in_keras())
            .group("dense", self.dense.in_keras())
    }
}

impl<T: Scalar> Model<T> for KerasModel<T> {
    const FRAMEWORK: &'static str = "keras";

    fn new() -> Self {
        let rng = &mut random(0);
        let lstm = |rng: &mut _| Lstm::new(rng, 4, 4);
        let gru = |rng: &mut _| Gru::new(rng, 3, 4);
        Self {
            embedding: Embedding::new(rng, 7, 5),
            simple_rnn: Elman::new(rng, 5, 4),
            bidirectional: Bidirectional::new(lstm(rng), lstm(rng)),
            upper: Lstm::new(rng, 8, 3).bias(false),
            bidirectional_1: Bidirectional::new(gru(rng), gru(rng)),
            published: Gru::new(rng, 8, 3).reset(Reset::Before),
            dense: Linear::new(rng, 3, 2),
        }
    }

    fn run<'t>(&self, symbols: Var<'t, T>) -> Var<'t, T> {
        let (xs, _) = self.simple_rnn.forward(embedded(&self.embedding, symbols));
        let (xs, _) = self.upper.forward(self.bidirectional.forward(xs).0);
        let (xs, _) = self.published.forward(self.bidirectional_1.forward(xs).0);
        self.dense.forward(xs)
    }

    fn load(&mut self, archive: &Archive<T>) {
        keras::load(self, archive).expect("the model's weights");
    }

    fn archive(&self) -> Archive<T> {
        keras::archive(self)
    }
}
