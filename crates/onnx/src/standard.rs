//! Recurrences that an operator of ONNX computes: `LSTM`, `GRU` and `RNN`.
//!
//! The steps of a scan are compared with those of the library's cells. Where they are the same, an operator takes the place of the
//! scan.

use bptt_autodiff::{Graph, GraphNode, Operator, Param, ScanGraph, Tree};
use bptt_layers::{Activation, Cell, Elman, Gru, Lstm, Module, Recurrence, Reset, StateSizes, rng};
use bptt_tensor::{Shape, Tensor};

use crate::emitter::Emitter;
use crate::proto::{Attribute, INT32};

/// A cell of the library that is an operator of ONNX.
struct Standard {
    operator: &'static str,
    attributes: Vec<Attribute>,
    /// The order of its gates in ONNX, as places among the library's.
    gates: &'static [usize],
    /// The step of the cell.
    scan: ScanGraph<f32>,
    /// The parameters that the step reads, by their names.
    parameters: Vec<String>,
}

/// The sizes of a recurrence.
#[derive(Clone, Copy)]
struct Sizes {
    steps: usize,
    batch: usize,
    input: usize,
    hidden: usize,
    has_mask: bool,
}

impl Emitter<'_, '_> {
    /// Emits a recurrence as an operator of ONNX. None if it is no such recurrence. Returns the names of the outputs of all steps,
    /// then of the last states.
    pub(crate) fn standard(
        &mut self,
        scan: &ScanGraph<f32>,
        inputs: &[String],
        shapes: &[&[usize]],
    ) -> Option<Vec<String>> {
        let &[steps, batch, input] = shapes[0] else { return None };
        let &[_, hidden] = *shapes.get(scan.sequences)? else { return None };
        let has_mask = scan.sequences == 2;
        let sizes = Sizes { steps, batch, input, hidden, has_mask };
        let standard = standards(scan.states, sizes).into_iter().find(|it| it.is(scan))?;
        let lengths = match has_mask {
            true => {
                Some(self.shared.placeholders[*self.shared.masks.get(&inputs[1])?].name.clone())
            }
            false => None,
        };
        let (states, parameters) = inputs[scan.sequences..].split_at(scan.states);
        let value = |name: &String| {
            let place = standard.parameters.iter().position(|it| it == name)?;
            self.folded(&parameters[place])
        };
        let [w, r, b] = standard.weights(value, hidden)?.map(|weight| match weight {
            Some(weight) => {
                let name = self.shared.fresh("weights");
                self.shared.tensor(name, &weight)
            }
            None => String::new(),
        });
        let first_axis = self.shared.integers(&[0]);
        let sequence_lens = lengths.as_ref().map_or_else(String::new, |lengths| {
            self.shared.compute("Cast", &[lengths], Attribute::to(INT32))
        });
        let mut operands = vec![inputs[0].clone(), w, r, b, sequence_lens];
        for state in states {
            operands.push(self.node("Unsqueeze", &[state, &first_axis], Vec::new()));
        }
        let mut attributes = standard.attributes;
        attributes.push(Attribute::int("hidden_size", hidden as i64));
        if scan.is_reversed {
            attributes.push(Attribute::text("direction", "reverse"));
        }
        let operands: Vec<&str> = operands.iter().map(String::as_str).collect();
        let results: Vec<String> =
            (0..=scan.states).map(|_| self.shared.fresh("recurrence")).collect();
        self.add(standard.operator, &operands, results.clone(), attributes);
        // the axis of directions is 1 in the outputs of all steps, and 0 in the last states
        let axes = [1].into_iter().chain(std::iter::repeat(0));
        let without_directions = results.iter().zip(axes).map(|(result, axis)| {
            let axis = self.shared.integers(&[axis]);
            self.node("Squeeze", &[result, &axis], Vec::new())
        });
        let mut results: Vec<String> = without_directions.collect();
        if let Some(lengths) = lengths {
            for (last, first) in results[1..].iter_mut().zip(states) {
                *last = self.state_of(&lengths, last, first);
            }
        }
        Some(results)
    }

    /// The last states, which are the first ones for sequences without steps: there, operators return zeros.
    fn state_of(&mut self, lengths: &str, last: &str, first: &str) -> String {
        let [zeros, axis] = [0, 1].map(|value| self.shared.integers(&[value]));
        let has_steps = self.shared.compute("Greater", &[lengths, &zeros], Vec::new());
        let has_steps = self.shared.compute("Unsqueeze", &[&has_steps, &axis], Vec::new());
        self.node("Where", &[&has_steps, last, first], Vec::new())
    }

    /// The values of a constant, or of constants beside each other.
    fn folded(&self, name: &str) -> Option<Tensor<f32>> {
        self.shared.constant(name).or_else(|| {
            let node = self.nodes.iter().find(|node| node.output == [name])?;
            let is_beside =
                node.op_type == "Concat" && node.attribute == [Attribute::int("axis", 1)];
            let parts = node.input.iter().map(|input| self.shared.constant(input));
            let parts = parts.collect::<Option<Vec<_>>>().filter(|_| is_beside)?;
            Some(Tensor::concat(&parts, 1))
        })
    }
}

impl Standard {
    fn new<C: Cell<f32> + Module<f32> + StateSizes>(
        operator: &'static str,
        attributes: Vec<Attribute>,
        gates: &'static [usize],
        cell: &C,
        sizes: Sizes,
    ) -> Self {
        let state: Shape = [sizes.batch, sizes.hidden].into();
        let mut shapes: Vec<Shape> = vec![[sizes.steps, sizes.batch, sizes.input].into()];
        shapes.extend(cell.state_sizes().iter().map(|_| state.clone()));
        let graph = Graph::trace(&shapes, |tape, inputs| {
            let state = cell.zero_state(tape, 1).with_leaves(&inputs[1..]);
            let mut recurrence = Recurrence::new(cell);
            if sizes.has_mask {
                recurrence = recurrence.masked(&Tensor::ones([sizes.steps, sizes.batch]));
            }
            vec![recurrence.run(inputs[0], state).0]
        });
        let recurrence = graph.nodes.iter().find_map(|node| match &node.operator {
            Operator::Scan(scan) => Some((scan, &node.inputs)),
            _ => None,
        });
        let (scan, inputs) = recurrence.expect("a cell is run by a scan");
        let named = cell.parameters();
        let name = |&input: &usize| match &graph.nodes[input].operator {
            Operator::Parameter(id, _) => {
                named.iter().find(|(_, param)| param.id() == *id).map(|(name, _)| name.to_string())
            }
            // a product of the state with two weights is computed with both beside each other
            Operator::Concat(1) => Some("w_hh".into()),
            _ => None,
        };
        let read_by_all = inputs.iter().skip(scan.sequences + scan.states);
        let parameters = read_by_all.map(name).collect::<Option<_>>();
        Self {
            operator,
            attributes,
            gates,
            scan: (**scan).clone(),
            parameters: parameters.expect("all steps read parameters alone"),
        }
    }

    /// Whether a scan has the cell's step.
    fn is(&self, scan: &ScanGraph<f32>) -> bool {
        let (a, b) = (&self.scan.step, &scan.step);
        (self.scan.sequences, self.scan.states) == (scan.sequences, scan.states)
            && a.outputs == b.outputs
            && a.nodes.len() == b.nodes.len()
            && a.nodes.iter().zip(&b.nodes).all(|(a, b)| {
                // a step of a standard cell holds no tensors, so the text of an operator is all of it
                let text = |node: &GraphNode<f32>| format!("{:?}", node.operator);
                (&a.inputs, &a.shape) == (&b.inputs, &b.shape) && text(a) == text(b)
            })
    }

    /// ONNX's weights `W: [1, G·H, I]`, `R: [1, G·H, H]` and `B: [1, 2·G·H]`, of the library's, by their names.
    fn weights(
        &self,
        value: impl Fn(&String) -> Option<Tensor<f32>>,
        hidden: usize,
    ) -> Option<[Option<Tensor<f32>>; 3]> {
        let of = |name: &str| -> Option<Tensor<f32>> {
            self.parameters.iter().any(|it| it == name).then(|| value(&name.to_owned()))?
        };
        let recurrent = match of("w_hh") {
            Some(whole) => whole,
            None => Tensor::concat(&[of("w_hh_rz")?, of("w_hh_n")?], 1),
        };
        let matrix = |weight: &Tensor<f32>| self.in_order(weight).transpose(0, 1);
        let biases = of("b").map(|b| {
            let mut recurrent = Tensor::zeros(b.shape());
            if let Some(candidate) = of("b_hh_n") {
                let gates = recurrent.slice(0, ..2 * hidden);
                recurrent = Tensor::concat(&[gates, candidate], 0);
            }
            Tensor::concat(&[self.in_order(&b), recurrent], 0)
        });
        let all = [Some(matrix(&of("w_ih")?)), Some(matrix(&recurrent)), biases];
        Some(all.map(|weight| {
            weight.map(|weight| {
                let shape: Shape = [1].iter().chain(weight.shape().iter()).copied().collect();
                weight.reshape(shape)
            })
        }))
    }

    /// The gates along the last axis in ONNX's order.
    fn in_order(&self, weight: &Tensor<f32>) -> Tensor<f32> {
        let size = weight.shape()[weight.shape().len() - 1] / self.gates.len();
        let gate = |&gate: &usize| weight.slice(-1, gate * size..(gate + 1) * size);
        Tensor::concat(&self.gates.iter().map(gate).collect::<Vec<_>>(), -1)
    }
}

/// The cells with so many variables of state.
fn standards(states: usize, sizes: Sizes) -> Vec<Standard> {
    let biases = [true, false].into_iter();
    match states {
        2 => biases.map(|has_biases| lstm(has_biases, sizes)).collect(),
        1 => {
            let grus = biases.clone().flat_map(|has_biases| {
                [Reset::After, Reset::Before].map(|reset| gru(reset, has_biases, sizes))
            });
            let nets = biases.flat_map(|has_biases| {
                [(Activation::Tanh, "Tanh"), (Activation::Relu, "Relu")]
                    .map(|activation| elman(activation, has_biases, sizes))
            });
            grus.chain(nets).collect()
        }
        _ => Vec::new(),
    }
}

/// Cells are created small, and take parameters of the right sizes afterwards: initial values of large ones cost time.
fn lstm(has_biases: bool, sizes: Sizes) -> Standard {
    let Sizes { input, hidden, .. } = sizes;
    let mut cell = Lstm::new(&mut rng(0), 1, 1);
    (cell.w_ih, cell.w_hh) = (zeros([input, 4 * hidden]), zeros([hidden, 4 * hidden]));
    cell.b = has_biases.then(|| zeros([4 * hidden]));
    Standard::new("LSTM", Vec::new(), &[0, 3, 1, 2], &cell, sizes)
}

fn gru(reset: Reset, has_biases: bool, sizes: Sizes) -> Standard {
    let Sizes { input, hidden, .. } = sizes;
    let is_after = reset == Reset::After;
    let mut cell = Gru::new(&mut rng(0), 1, 1).reset(reset);
    cell.w_ih = zeros([input, 3 * hidden]);
    (cell.w_hh_rz, cell.w_hh_n) = (zeros([hidden, 2 * hidden]), zeros([hidden, hidden]));
    cell.b = has_biases.then(|| zeros([3 * hidden]));
    cell.b_hh_n = (has_biases && is_after).then(|| zeros([hidden]));
    let attribute = Attribute::int("linear_before_reset", i64::from(is_after));
    Standard::new("GRU", vec![attribute], &[1, 0, 2], &cell, sizes)
}

fn elman((activation, name): (Activation<f32>, &str), has_biases: bool, sizes: Sizes) -> Standard {
    let Sizes { input, hidden, .. } = sizes;
    let mut cell = Elman::new(&mut rng(0), 1, 1).activation(activation);
    (cell.w_ih, cell.w_hh) = (zeros([input, hidden]), zeros([hidden, hidden]));
    cell.b = has_biases.then(|| zeros([hidden]));
    Standard::new("RNN", vec![Attribute::texts("activations", &[name])], &[0], &cell, sizes)
}

fn zeros(shape: impl Into<Shape>) -> Param<f32> {
    Param::new(Tensor::zeros(shape))
}
