//! Exported models in ONNX Runtime, beside the library.

use std::fs;
use std::path::Path;
use std::process::Command;

use bptt_tensor::Tensor;
use serde_json::{Value, json};

use crate::exported::{Case, Data, Exported};

/// Writes the models and their cases, and lets a script compare them. The script says loudly if Python has no ONNX Runtime.
/// `PYTHON` is another Python.
#[test]
fn models_agree_with_onnx_runtime() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("onnx-runtime");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("the folder can be created");
    for Exported { name, model, cases } in crate::all() {
        model.save(folder.join(format!("{name}.onnx"))).expect("it can be saved");
        let cases: Value = cases.iter().map(written).collect();
        fs::write(folder.join(format!("{name}.json")), cases.to_string()).expect("it can be saved");
    }
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/export/onnx_runtime.py");
    match Command::new(&python).arg(script).arg(&folder).status() {
        Ok(status) => assert!(status.success(), "models differ: see above"),
        Err(error) => eprintln!("SKIPPED: `{python}` cannot be run: {error}"),
    }
}

fn written(case: &Case) -> Value {
    let tensor = |it: &Tensor<f32>| json!({ "shape": it.shape().to_vec(), "data": it.to_vec() });
    let input = |it: &Data| match it {
        Data::Numbers(it) => tensor(it),
        Data::Whole(values, shape) => json!({ "shape": shape.to_vec(), "whole": values }),
    };
    let inputs: Value = case.inputs.iter().map(input).collect();
    json!({ "inputs": inputs, "outputs": case.outputs.iter().map(tensor).collect::<Value>() })
}
