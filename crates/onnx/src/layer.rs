//! The export of a layer.

use bptt_autodiff::{Tape, Tree};
use bptt_layers::{Layer, Module, Recurrence};
use bptt_tensor::Shape;

use crate::dims::Dim;
use crate::error::ExportError;
use crate::function::FunctionExport;
use crate::model::OnnxModel;

/// Exports a layer that reads sequences of `input_size` numbers. [`LayerExport`] has options.
///
/// The model's inputs are the sequences `xs: [steps, batch, I]` and the first state, whose parts are named by their paths:
/// `first`, or `first.0`, `first.1`. Its outputs are `ys: [steps, batch, O]` and the last state: `last`, or `last.0`, `last.1`.
/// The first state of most layers is 0. Parameters have the names of [`Module::parameters`].
///
/// # Errors
///
/// As [`FunctionExport::export`].
///
/// # Panics
///
/// If the layer's equations panic, such as for another input size.
#[track_caller]
pub fn export<L: Layer<f32> + Module<f32>>(
    layer: &L,
    input_size: usize,
) -> Result<OnnxModel, ExportError> {
    LayerExport::new(layer, input_size).export()
}

/// The export of a layer, with options.
///
/// ```
/// use bptt_layers::{Bidirectional, Lstm};
/// use bptt_onnx::LayerExport;
///
/// let rng = &mut bptt_layers::rng(0);
/// let layer = Bidirectional::new(Lstm::<f32>::new(rng, 3, 4), Lstm::new(rng, 3, 4));
/// let model = LayerExport::new(&layer, 3).lengths().standard_operators().export()?;
/// assert_eq!(model.inputs()[..2], ["xs", "lengths"]);
/// assert_eq!(model.operators().iter().filter(|&&it| it == "LSTM").count(), 2);
/// # Ok::<(), bptt_onnx::ExportError>(())
/// ```
#[derive(Debug)]
#[must_use = "an export does nothing until `export`"]
pub struct LayerExport<'l, L> {
    layer: &'l L,
    input_size: usize,
    has_lengths: bool,
    is_batch_first: bool,
    has_standard_operators: bool,
}

impl<L> Clone for LayerExport<'_, L> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<L> Copy for LayerExport<'_, L> {}

impl<'l, L: Layer<f32> + Module<f32>> LayerExport<'l, L> {
    /// Creates the export of a layer that reads sequences of `input_size` numbers.
    pub fn new(layer: &'l L, input_size: usize) -> Self {
        Self {
            layer,
            input_size,
            has_lengths: false,
            is_batch_first: false,
            has_standard_operators: false,
        }
    }

    /// Adds an input `lengths: [batch]` of `i64`, the lengths of sequences that are padded; see [`Recurrence::lengths`].
    pub fn lengths(mut self) -> Self {
        self.has_lengths = true;
        self
    }

    /// Makes the sequences `xs: [batch, steps, I]` and `ys: [batch, steps, O]`.
    pub fn batch_first(mut self) -> Self {
        self.is_batch_first = true;
        self
    }

    /// Uses ONNX's operators `LSTM`, `GRU` and `RNN`; see [`FunctionExport::standard_operators`].
    pub fn standard_operators(mut self) -> Self {
        self.has_standard_operators = true;
        self
    }

    /// Exports the layer.
    ///
    /// # Errors
    ///
    /// As [`FunctionExport::export`].
    ///
    /// # Panics
    ///
    /// If the layer's equations panic, such as for another input size.
    #[track_caller]
    pub fn export(self) -> Result<OnnxModel, ExportError> {
        let layer = self.layer;
        let mut sequences = [Dim::STEPS, Dim::BATCH, Dim::Of(self.input_size)];
        if self.is_batch_first {
            sequences.swap(0, 1);
        }
        let mut function = FunctionExport::new().numbers("xs", sequences);
        if self.has_lengths {
            function = function.lengths("lengths", Dim::BATCH, Dim::STEPS);
        }
        let tape = Tape::inference();
        let start = layer.start(&tape, 2);
        for (name, dims) in start.paths("first").into_iter().zip(states(layer)?) {
            function = function.numbers(name, dims);
        }
        if self.has_standard_operators {
            function = function.standard_operators();
        }
        let outputs = ["ys".to_owned()].into_iter().chain(start.paths("last"));
        function.outputs(outputs).parameters(layer).export(|tape, inputs| {
            let first: Vec<_> = inputs.all_numbers().skip(1).collect();
            let state = layer.start(tape, 1).with_leaves(&first);
            let mut recurrence = Recurrence::new(layer);
            if self.has_lengths {
                recurrence = recurrence.lengths(inputs.lengths("lengths"));
            }
            if self.is_batch_first {
                recurrence = recurrence.batch_first();
            }
            let (ys, state) = recurrence.run(inputs.numbers("xs"), state);
            [ys].into_iter().chain(state.leaves()).collect()
        })
    }
}

/// The extents of the parts of a layer's state. Those that follow the batch are open.
fn states<L: Layer<f32>>(layer: &L) -> Result<Vec<Vec<Dim>>, ExportError> {
    let tape = Tape::inference();
    let [small, large] = [2, 3].map(|batch| -> Vec<Shape> {
        layer.start(&tape, batch).leaves().iter().map(|leaf| leaf.shape()).collect()
    });
    let extent = |(&a, &b): (&usize, &usize)| match (a, b) {
        (a, b) if a == b => Ok(Dim::Of(a)),
        (2, 3) => Ok(Dim::BATCH),
        _ => Err(ExportError::OpenExtent { operation: "the state".into(), line: None }),
    };
    small.iter().zip(&large).map(|(a, b)| a.iter().zip(b.iter()).map(extent).collect()).collect()
}
