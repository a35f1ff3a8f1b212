//! Exported models in tract, beside the library.

use crate::exported::{Data, Exported, error};
use tract_onnx::prelude::*;

/// The models with operators `LSTM`, `GRU` and `RNN` that tract computes: forward, of `tanh`, and without lengths. It ignores a
/// direction and activations.
const STANDARD: [&str; 5] = [
    "standard_lstm",
    "standard_lstm_without_biases",
    "standard_gru",
    "standard_gru_before",
    "standard_elman",
];

/// The numbers of steps and of sequences are symbols until a model runs. tract does not optimize the models, since its optimizer
/// does not end for `linear`.
#[test]
fn models_agree_with_tract() {
    let mut differing = Vec::new();
    for exported in crate::all() {
        let operators = exported.model.operators();
        let is_standard = ["LSTM", "GRU", "RNN"].iter().any(|it| operators.contains(it));
        let divides_by_zero = exported.name == "perhaps_no_steps"; // in a sum over no steps
        if is_standard && !STANDARD.contains(&exported.name.as_str()) || divides_by_zero {
            continue;
        }
        let error = in_tract(&exported).unwrap_or_else(|it| panic!("{}: {it:?}", exported.name));
        // tract's own approximations of functions go a little beyond 1e-6 in two cells
        if error.is_nan() || error > 2e-6 {
            differing.push(format!("{}: {error:e}", exported.name));
        }
    }
    assert!(differing.is_empty(), "{differing:#?}");
}

/// The largest difference of a model from the library.
fn in_tract(Exported { name, model, cases }: &Exported) -> TractResult<f32> {
    let model = tract_onnx::onnx().model_for_read(&mut &model.to_bytes()[..])?;
    let model = model.into_typed()?.into_runnable()?;
    let mut worst = 0.0;
    for case in cases {
        let outputs = model.run(case.inputs.iter().map(tensor).collect())?;
        assert_eq!(outputs.len(), case.outputs.len(), "{name}");
        for (found, expected) in outputs.iter().zip(&case.outputs) {
            assert_eq!(found.shape(), &expected.shape()[..], "{name}");
            let found: Vec<f32> = found.to_plain_array_view::<f32>()?.iter().copied().collect();
            let error = error(&found, expected);
            worst = if error <= worst || worst.is_nan() { worst } else { error };
        }
    }
    Ok(worst)
}

fn tensor(data: &Data) -> TValue {
    let tensor = match data {
        Data::Numbers(it) => Tensor::from_shape(it.shape(), it.as_slice()),
        Data::Whole(values, shape) => {
            let values: Vec<i64> = values.iter().map(|&value| value as i64).collect();
            Tensor::from_shape(shape, &values)
        }
    };
    tensor.expect("its elements").into_tvalue()
}
