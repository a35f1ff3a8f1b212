//! Whole comparisons, on models with random weights that are written as a converter writes them.

use std::fs;
use std::path::Path;
use std::time::Duration;

use bptt::Tensor;
use bptt::weights::{Archive, WeightsProblem, pytorch};
use serde_json::json;
use tempfile::TempDir;

use crate::comparison::{compare, median};
use crate::error::Error;
use crate::models::Published;
use crate::models::g2p_en::G2pEn;

/// Asserts that numbers are those of a tensor, up to a difference.
#[track_caller]
pub(crate) fn assert_near(found: &[f32], expected: &Tensor<f32>, difference: f32) {
    assert_eq!(found.len(), expected.len());
    let differences = found.iter().zip(expected.as_slice()).map(|(a, b)| (a - b).abs());
    let largest = differences.fold(0.0, f32::max);
    assert!(largest <= difference, "{largest}");
}

const WORDS: [&str; 2] = ["tensor", "o'clock"];

/// A folder of `g2p_en` as its converter writes it, with the model's own answers.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut archive = pytorch::archive(&G2pEn::network(&mut bptt::rng(0)));
    let names: Vec<String> = (0..74).map(|symbol| format!("P{symbol}")).collect();
    archive.set_text("phonemes", json!(names));
    archive.save(folder.path().join("model.safetensors")).unwrap();
    let mut model = G2pEn::load(&archive).unwrap();
    let case = |word: &str| {
        let answer = model.predict(&word.to_owned());
        json!({
            "input": word, "decisions": answer.decisions, "numbers": answer.numbers, "units": 1, "seconds": 0.5,
        })
    };
    let cases: Vec<_> = WORDS.into_iter().map(case).collect();
    let reference =
        json!({"package": "g2p_en 0", "runtime": "NumPy 0", "unit": "word", "cases": cases});
    write_reference(folder.path(), &reference);
    folder
}

fn write_reference(folder: &Path, reference: &serde_json::Value) {
    fs::write(folder.join("reference.json"), reference.to_string()).unwrap();
}

/// Changes what the reference says of the second input.
fn change(folder: &Path, change: impl Fn(&mut serde_json::Value)) {
    let text = fs::read_to_string(folder.join("reference.json")).unwrap();
    let mut reference: serde_json::Value = serde_json::from_str(&text).unwrap();
    change(&mut reference["cases"][1]);
    write_reference(folder, &reference);
}

fn table(folder: &Path) -> (String, Result<(), Error>) {
    let mut out = Vec::new();
    let result = compare::<G2pEn>(folder, Duration::ZERO, &mut out);
    (String::from_utf8(out).unwrap(), result)
}

#[test]
fn a_model_agrees_with_itself() {
    let (table, result) = table(folder().path());
    result.unwrap();
    assert!(table.starts_with("g2p_en 0 with NumPy 0\n"), "{table}");
    assert!(table.contains("decisions that agree  2 of 2"), "{table}");
    assert!(table.contains("largest difference    0.0e0"), "{table}");
    assert!(table.contains("time of the original  500.0000 ms"), "{table}");
}

#[test]
fn another_decision_is_an_error_after_the_table() {
    let folder = folder();
    change(folder.path(), |case| case["decisions"][0] = json!("another"));
    let (table, result) = table(folder.path());
    assert!(table.contains("decisions that agree  1 of 2"), "{table}");
    let error = result.unwrap_err();
    assert!(matches!(error, Error::Decisions { differing: 1, all: 2, first: 1 }), "{error}");
}

#[test]
fn another_number_is_a_difference() {
    let folder = folder();
    change(folder.path(), |case| {
        let number = case["numbers"][3].as_f64().unwrap();
        case["numbers"][3] = json!(number - 2.0);
    });
    let (table, result) = table(folder.path());
    result.unwrap();
    assert!(table.contains("largest difference    2.0e0"), "{table}");
}

#[test]
fn a_nan_is_an_error() {
    let folder = folder();
    let path = folder.path().join("model.safetensors");
    let mut archive = Archive::<f32>::load(&path).unwrap();
    archive.insert("output.bias", Tensor::full([74], f32::NAN));
    archive.save(&path).unwrap();
    for number in 0..2 {
        // a NaN is the largest of no logits, so the first symbol is decided on until the answer is as long as can be
        let text = fs::read_to_string(folder.path().join("reference.json")).unwrap();
        let mut reference: serde_json::Value = serde_json::from_str(&text).unwrap();
        let case = &mut reference["cases"][number];
        case["decisions"] = json!(vec!["P0"; 20]);
        case["numbers"] = json!(vec![0.0; 20 * 74]);
        write_reference(folder.path(), &reference);
    }
    assert!(matches!(table(folder.path()).1, Err(Error::NotANumber)));
}

#[test]
fn another_count_of_numbers_is_an_error() {
    let folder = folder();
    change(folder.path(), |case| case["numbers"] = json!([1.0]));
    let (_, result) = table(folder.path());
    assert!(matches!(result, Err(Error::Count { number: 1, expected: 1, .. })), "{result:?}");
}

#[test]
fn errors_name_the_file_and_the_converter() {
    let folder = folder();
    let reference = folder.path().join("reference.json");
    fs::write(&reference, r#"{"package": "g2p_en 0"}"#).unwrap();
    let error = table(folder.path()).1.unwrap_err();
    assert!(matches!(error, Error::Reference { .. }), "{error}");
    assert!(error.to_string().contains("reference.json"), "{error}");
    assert!(error.to_string().contains("converter"), "{error}");
    let none = json!({"package": "", "runtime": "", "unit": "", "cases": []});
    write_reference(folder.path(), &none);
    assert!(matches!(table(folder.path()).1, Err(Error::NoInput(_))));
    fs::remove_file(&reference).unwrap();
    assert!(matches!(table(folder.path()).1, Err(Error::Read { .. })));
}

#[test]
fn weights_of_another_model_are_an_error() {
    let folder = folder();
    let path = folder.path().join("model.safetensors");
    let archive = Archive::<f32>::load(&path).unwrap();
    archive.filtered(|name| name != "output.bias").save(&path).unwrap();
    let error = table(folder.path()).1.unwrap_err();
    assert!(error.to_string().contains("output.bias"), "{error}");
    let mut other = archive.clone();
    other.set_text("phonemes", r#"["a", "b"]"#);
    other.save(&path).unwrap();
    let Err(Error::Weights(error)) = table(folder.path()).1 else { panic!("another error") };
    assert!(matches!(*error.problem, WeightsProblem::UnreadableText { .. }), "{error}");
}

#[test]
fn medians() {
    assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
    assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
}
