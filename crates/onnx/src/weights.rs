//! The weights of recurrent operators in ONNX files.

mod constants;

use std::path::Path;

use bptt_layers::weights::Archive;
use bptt_tensor::Tensor;
use prost::Message;

use crate::error::ImportError;
use crate::proto;
use constants::Constants;

/// Reads the weights of an ONNX file: those of its operators `LSTM`, `GRU` and `RNN` in the layout of
/// [Keras](bptt_layers::weights::keras), and all other constants of `f32`, by their names.
///
/// Each operator is a group with the name of its node, without a slash at its beginning. A node without a name has that of its first
/// output that has one. A node in the body of a node `outer` has the name `outer/attribute/name`.
///
/// | operator | loads into |
/// |---|---|
/// | `LSTM` without peepholes | [`Lstm`](bptt_layers::Lstm) |
/// | `GRU` with `linear_before_reset` 1, or 0 | [`Gru`](bptt_layers::Gru) with [`Reset::After`](bptt_layers::Reset::After), or [`Reset::Before`](bptt_layers::Reset::Before) |
/// | `RNN` | [`Elman`](bptt_layers::Elman) |
/// | any of these with the direction `reverse`, or `bidirectional` | [`Reversed`](bptt_layers::Reversed), or [`Bidirectional`](bptt_layers::Bidirectional) |
///
/// Activations and the kind of reset are texts of the archive, so that [`keras::load`](bptt_layers::weights::keras::load) refuses a
/// model with other ones. A direction is not checked: a file of the direction `reverse` also loads into a layer that runs forward. ONNX's two
/// biases of a gate are added up. Constants may stand in other files of the same folder.
///
/// ```no_run
/// use bptt_layers::{Lstm, weights::keras};
///
/// let mut lstm = Lstm::new(&mut bptt_layers::rng(0), 40, 128);
/// let archive = bptt_onnx::weights("model.onnx")?;
/// println!("{:?}", archive.names().collect::<Vec<_>>());
/// keras::load(&mut lstm, &archive.group("encoder/LSTM"))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// - The file cannot be read, is no ONNX model, or is damaged.
/// - The weights of a recurrent operator are not constants of `f32`, or do not have the shapes of the operator.
/// - The operator has no counterpart: it has peepholes, clips, couples gates, has activations with parameters of their own, or different
///   activations of candidate and state.
/// - Two operators have the same name.
pub fn weights(path: impl AsRef<Path>) -> Result<Archive<f32>, ImportError> {
    let path = path.as_ref();
    let read = |source| ImportError::Read { path: path.to_owned(), source };
    let bytes = std::fs::read(path).map_err(read)?;
    let format = |reason: String| ImportError::Format { path: path.to_owned(), reason };
    let model = proto::Model::decode(&bytes[..]).map_err(|error| format(error.to_string()))?;
    let graph = model.graph.ok_or_else(|| format("it holds no graph".into()))?;
    let mut archive = Archive::new();
    collect(&graph, "", &Constants::new(path), &mut archive)?;
    Ok(archive)
}

/// Collects the weights of a graph, and of the graphs within it.
fn collect(
    graph: &proto::Graph,
    prefix: &str,
    outer: &Constants<'_>,
    archive: &mut Archive<f32>,
) -> Result<(), ImportError> {
    let constants = outer.of_graph(graph);
    let mut read = Vec::new();
    for node in &graph.node {
        let named = [&node.name].into_iter().chain(&node.output).find(|name| !name.is_empty());
        let own = named.map_or("", |name| name.trim_start_matches('/'));
        let name = format!("{prefix}{own}");
        if matches!(node.op_type.as_str(), "LSTM" | "GRU" | "RNN") {
            read.extend(node.input.iter().skip(1).take(3));
            Recurrent::new(node, &name)?.read(&constants, archive)?;
        }
        for attribute in &node.attribute {
            if let Some(body) = &attribute.g {
                collect(body, &format!("{name}/{}/", attribute.name), &constants, archive)?;
            }
        }
    }
    for name in constants::names(graph).filter(|name| !read.iter().any(|it| it == name)) {
        if let Some(numbers) = constants.tensor(name)? {
            archive.insert(format!("{prefix}{name}"), numbers);
        }
    }
    Ok(())
}

/// A recurrent operator.
struct Recurrent<'n> {
    node: &'n proto::Node,
    name: &'n str,
    /// Keras's names of the layer and its cell.
    layer: &'static str,
    cell: &'static str,
    /// For each gate in Keras's order, its place in ONNX's.
    gates: &'static [usize],
    /// The defaults of its activations, with Keras's names of their settings.
    activations: &'static [(&'static str, &'static str)],
}

impl<'n> Recurrent<'n> {
    fn new(node: &'n proto::Node, name: &'n str) -> Result<Self, ImportError> {
        const GATES: (&str, &str) = ("recurrent_activation", "Sigmoid");
        const CANDIDATE: (&str, &str) = ("activation", "Tanh");
        let (layer, cell, gates, activations): (_, _, &[usize], &[_]) = match node.op_type.as_str()
        {
            "LSTM" => ("lstm", "lstm_cell", &[0, 2, 3, 1], &[GATES, CANDIDATE, CANDIDATE]),
            "GRU" => ("gru", "gru_cell", &[0, 1, 2], &[GATES, CANDIDATE]),
            _ => ("simple_rnn", "simple_rnn_cell", &[0], &[CANDIDATE]),
        };
        let recurrent = Self { node, name, layer, cell, gates, activations };
        let has = |name: &str| recurrent.attribute(name).is_some();
        let whole = |name: &str| recurrent.attribute(name).map_or(0, |it| it.i);
        let problem = match () {
            () if node.input.len() > 7 && !node.input[7].is_empty() => {
                "has peepholes; write its cell by hand"
            }
            () if has("clip") => "clips its sums; write its cell by hand",
            () if recurrent.has_own_parameters() => {
                "has activations with parameters of their own; write its cell by hand"
            }
            () if whole("input_forget") != 0 => {
                "couples its input and forget gates; write its cell by hand"
            }
            () => return Ok(recurrent),
        };
        Err(recurrent.error(problem))
    }

    fn read(
        &self,
        constants: &Constants<'_>,
        archive: &mut Archive<f32>,
    ) -> Result<(), ImportError> {
        let [w, r, b] = [1, 2, 3].map(|input| self.input(input, constants));
        let (Some(w), Some(r), b) = (w?, r?, b?) else {
            return Err(self.error("has no weights; check the file"));
        };
        let direction = self.attribute("direction").map_or(&b"forward"[..], |it| &it.s);
        let directions = if direction == b"bidirectional" { 2 } else { 1 };
        let &[_, rows, hidden] = &r.shape()[..] else {
            return Err(self
                .error("has recurrent weights that are not [directions, gates · hidden, hidden]; check the file"));
        };
        let fits = Some(rows) == hidden.checked_mul(self.gates.len())
            && *r.shape() == [directions, rows, hidden]
            && w.shape().len() == 3
            && w.shape()[..2] == [directions, rows]
            && b.as_ref().is_none_or(|b| *b.shape() == [directions, 2 * rows]);
        if !fits {
            return Err(
                self.error("has weights of shapes that do not fit each other; check the file")
            );
        }
        if archive
            .names()
            .any(|it| it.strip_prefix(self.name).is_some_and(|it| it.starts_with('/')))
        {
            return Err(self.error("has the name of another; rename one of the nodes"));
        }
        for index in 0..directions {
            let of = |tensor: &Tensor<f32>| tensor.index_first(index);
            let layer = match directions {
                2 => format!("{}/{}_{}/", self.name, ["forward", "backward"][index], self.layer),
                _ => format!("{}/", self.name),
            };
            let cell = format!("{layer}{}/", self.cell);
            archive.insert(format!("{cell}kernel"), self.in_order(&of(&w)).transpose(0, 1));
            archive
                .insert(format!("{cell}recurrent_kernel"), self.in_order(&of(&r)).transpose(0, 1));
            if let Some(b) = &b {
                archive.insert(format!("{cell}bias"), self.biases(&of(b), rows));
            }
            for (setting, value) in self.settings(index)? {
                archive.set_text(&format!("{layer}{setting}"), value);
            }
        }
        Ok(())
    }

    /// Whether an activation has parameters that are not the defaults of `HardSigmoid`, the only one in Keras with any.
    fn has_own_parameters(&self) -> bool {
        let differ = |name: &str, default: f32| {
            self.attribute(name).is_some_and(|it| it.floats.iter().any(|&it| it != default))
        };
        differ("activation_alpha", 0.2) || differ("activation_beta", 0.5)
    }

    /// The gates along the first axis in Keras's order.
    fn in_order(&self, weight: &Tensor<f32>) -> Tensor<f32> {
        let size = weight.shape()[0] / self.gates.len();
        let gate = |&gate: &usize| weight.slice(0, gate * size..(gate + 1) * size);
        Tensor::concat(&self.gates.iter().map(gate).collect::<Vec<_>>(), 0)
    }

    /// The biases, from those of the input followed by those of the recurrent product.
    fn biases(&self, b: &Tensor<f32>, rows: usize) -> Tensor<f32> {
        let [input, recurrent] =
            [0, rows].map(|start| self.in_order(&b.slice(0, start..start + rows)));
        if self.is_after() { Tensor::stack(&[input, recurrent], 0) } else { input + recurrent }
    }

    /// The settings of a direction in Keras's words: its activations, and the kind of reset.
    fn settings(&self, direction: usize) -> Result<Vec<(&'static str, String)>, ImportError> {
        let count = self.activations.len();
        let given = self.attribute("activations").map_or(&[][..], |it| &it.strings);
        let names = given.get(direction * count..(direction + 1) * count);
        if names.is_none() && !given.is_empty() {
            return Err(
                self.error("has activations for some of its functions alone; check the file")
            );
        }
        let mut settings: Vec<(&str, String)> = Vec::new();
        for (place, &(setting, default)) in self.activations.iter().enumerate() {
            let name = names.map_or(default.into(), |it| String::from_utf8_lossy(&it[place]));
            let name = match &name.to_lowercase()[..] {
                "hardsigmoid" => "hard_sigmoid".to_owned(),
                other => other.to_owned(),
            };
            match settings.iter().find(|(known, _)| *known == setting) {
                Some((_, known)) if *known != name => {
                    return Err(self.error(
                        "has different activations of candidate and state; write its cell by hand",
                    ));
                }
                Some(_) => {}
                None => settings.push((setting, name)),
            }
        }
        if self.layer == "gru" {
            settings
                .push(("reset_after", (if self.is_after() { "True" } else { "False" }).to_owned()));
        }
        Ok(settings)
    }

    /// Whether the reset of a `GRU` comes after the product.
    fn is_after(&self) -> bool {
        self.attribute("linear_before_reset").is_some_and(|it| it.i != 0)
    }

    /// An input, which has to be a constant. None if it is left out.
    fn input(
        &self,
        input: usize,
        constants: &Constants<'_>,
    ) -> Result<Option<Tensor<f32>>, ImportError> {
        let Some(name) = self.node.input.get(input).filter(|name| !name.is_empty()) else {
            return Ok(None);
        };
        match constants.tensor(name)? {
            Some(tensor) => Ok(Some(tensor)),
            None => Err(self.error(
                "has weights that are no constants of f32; export the model with constants folded",
            )),
        }
    }

    fn attribute(&self, name: &str) -> Option<&'n proto::Attribute> {
        self.node.attribute.iter().find(|it| it.name == name)
    }

    fn error(&self, problem: &'static str) -> ImportError {
        let operator = self.node.op_type.clone();
        ImportError::Recurrence { node: self.name.to_owned(), operator, problem }
    }
}
