//! Exported models in tract, beside the library.

use crate::cells::{Exported, error};
use tract_onnx::prelude::*;

/// The numbers of steps and of sequences are symbols until a model runs. tract does not optimize the models, since its optimizer
/// does not end for `linear`.
#[test]
fn models_agree_with_tract() {
    for Exported { name, model, cases } in crate::cells::all() {
        let bytes = model.to_bytes();
        let load = || {
            let model = tract_onnx::onnx().model_for_read(&mut &bytes[..])?;
            model.into_typed()?.into_runnable()
        };
        let model = load().unwrap_or_else(|error| panic!("{name}: {error:?}"));
        for case in cases {
            let inputs = case.inputs.iter().map(|input| {
                let shape = input.shape().to_vec();
                Tensor::from_shape(&shape, input.as_slice()).expect("its elements").into_tvalue()
            });
            let outputs = model.run(inputs.collect());
            let outputs = outputs.unwrap_or_else(|error| panic!("{name}: {error:?}"));
            assert_eq!(outputs.len(), case.outputs.len(), "{name}");
            for (found, expected) in outputs.iter().zip(&case.outputs) {
                assert_eq!(found.shape(), &expected.shape()[..], "{name}");
                let found = found.to_plain_array_view::<f32>().expect("they are `f32`");
                let error = error(&found.iter().copied().collect::<Vec<_>>(), expected);
                // tract's own approximations of functions go a little beyond 1e-6 in two cells
                assert!(error <= 2e-6, "{name}: {error}");
            }
        }
    }
}
