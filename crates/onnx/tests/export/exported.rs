//! An exported model, with inputs and the library's outputs.

use bptt_autodiff::{Tape, Tree, Var};
use bptt_layers::*;
use bptt_onnx::{FunctionExport, LayerExport, OnnxModel};
use bptt_tensor::{Shape, Tensor};
use rand::RngExt as _;

/// An exported model.
pub(crate) struct Exported {
    pub(crate) name: String,
    pub(crate) model: OnnxModel,
    /// Runs of the library, for several numbers of steps and of sequences.
    pub(crate) cases: Vec<Case>,
}

/// The inputs of a run, and the library's outputs.
pub(crate) struct Case {
    pub(crate) inputs: Vec<Data>,
    pub(crate) outputs: Vec<Tensor<f32>>,
}

/// The data of an input.
#[derive(Clone)]
pub(crate) enum Data {
    Numbers(Tensor<f32>),
    Whole(Vec<usize>, Shape),
}

/// The numbers of steps and of sequences of all cases.
const SIZES: [[usize; 2]; 3] = [[7, 3], [2, 1], [1, 5]];

/// Exports a layer, with lengths as an input or without. Some lengths are 0.
pub(crate) fn of_layer<'l, L: Layer<f32> + Module<f32>>(
    name: impl Into<String>,
    layer: &'l L,
    input_size: usize,
    has_lengths: bool,
    options: impl Fn(LayerExport<'l, L>) -> LayerExport<'l, L>,
) -> Exported {
    let name = name.into();
    let mut export = options(LayerExport::new(layer, input_size));
    if has_lengths {
        export = export.lengths();
    }
    let model = export.export().unwrap_or_else(|error| panic!("{name}: {error}"));
    let random = &mut rng(7);
    let case = |[steps, batch]: [usize; 2]| {
        let tape = Tape::inference();
        let xs = Tensor::normal([steps, batch, input_size], 0.0, 1.0, random);
        let start = layer.start(&tape, batch);
        let lengths: Vec<usize> = (0..batch).map(|_| random.random_range(0..=steps)).collect();
        let mut state =
            |leaf: Var<'_, f32>| leaf.value() + Tensor::uniform(leaf.shape(), 0.0, 0.3, random);
        let first: Vec<Tensor<f32>> = start.leaves().into_iter().map(&mut state).collect();
        let vars: Vec<_> = first.iter().map(|leaf| tape.constant(leaf.clone())).collect();
        let recurrence = Recurrence::new(layer);
        let recurrence = if has_lengths { recurrence.lengths(&lengths) } else { recurrence };
        let (ys, last) = recurrence.run(tape.constant(xs.clone()), start.with_leaves(&vars));
        let lengths = has_lengths.then(|| Data::Whole(lengths, [batch].into()));
        let first = first.into_iter().map(Data::Numbers);
        Case {
            inputs: [Data::Numbers(xs)].into_iter().chain(lengths).chain(first).collect(),
            outputs: [ys].into_iter().chain(last.leaves()).map(|output| output.value()).collect(),
        }
    };
    Exported { cases: SIZES.map(case).into(), name, model }
}

/// The inputs of a function, in a trace or with values, in the order in which they were declared.
pub(crate) struct Given<'t> {
    pub(crate) numbers: Vec<Var<'t, f32>>,
    pub(crate) whole: Vec<(Vec<usize>, Shape)>,
}

/// Exports a function, whose inputs of whole numbers have these names: `lengths`, and others for symbols. `data` makes inputs for numbers of steps and of
/// sequences.
pub(crate) fn of_function(
    name: &str,
    export: FunctionExport,
    whole: &[&str],
    mut data: impl FnMut([usize; 2], &mut Xoshiro256PlusPlus) -> Vec<Data>,
    compute: impl for<'t> Fn(&'t Tape<f32>, Given<'t>) -> Vec<Var<'t, f32>>,
) -> Exported {
    let model = export.export(|tape, inputs| {
        let of = |name: &&str| {
            let values = match *name {
                "lengths" => inputs.lengths(name),
                _ => inputs.symbols(name),
            };
            (values.to_vec(), inputs.shape(name))
        };
        let whole = whole.iter().map(of).collect();
        compute(tape, Given { numbers: inputs.all_numbers().collect(), whole })
    });
    let model = model.unwrap_or_else(|error| panic!("{name}: {error}"));
    let random = &mut rng(7);
    let case = |sizes| {
        let inputs = data(sizes, random);
        let tape = Tape::inference();
        let mut given = Given { numbers: Vec::new(), whole: Vec::new() };
        for input in &inputs {
            match input {
                Data::Numbers(tensor) => given.numbers.push(tape.constant(tensor.clone())),
                Data::Whole(values, shape) => given.whole.push((values.clone(), shape.clone())),
            }
        }
        let outputs = compute(&tape, given).into_iter().map(|output| output.value()).collect();
        Case { inputs, outputs }
    };
    Exported { name: name.to_owned(), model, cases: SIZES.map(case).into() }
}

/// The largest difference from the library's outputs, relative to the largest element if that is above 1.
pub(crate) fn error(found: &[f32], expected: &Tensor<f32>) -> f32 {
    assert_eq!(found.len(), expected.len());
    let scale = expected.iter().fold(1.0_f32, |most, x| most.max(x.abs()));
    let errors = found.iter().zip(expected.iter()).map(|(a, b)| (a - b).abs() / scale);
    errors.fold(0.0, |most, error| if most.is_nan() || error <= most { most } else { error })
}
