//! Files that are not complete, or that have changed since they were written, are refused.

use std::fs;

use bptt_layers::weights::{self, Archive, WeightsProblem};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::{model, place};

#[test]
fn every_truncation_is_refused() {
    let place = place();
    weights::save(&model::<f64>(0.0), &place.path).unwrap();
    let whole = fs::read(&place.path).unwrap();
    for length in 0..whole.len() {
        place.put(&whole[..length]);
        let error = place.refused(model::<f64>(100.0));
        assert!(matches!(*error.problem, WeightsProblem::Malformed(_)), "{length} bytes: {error}");
    }
    place.put(&[&whole[..], &[0]].concat());
    assert!(matches!(*place.refused(model::<f64>(100.0)).problem, WeightsProblem::Malformed(_)));
}

#[test]
fn foreign_files_are_refused() {
    let place = place();
    let declared = |length: u64, rest: &str| [&length.to_le_bytes(), rest.as_bytes()].concat();
    let deep = "[".repeat(100_000);
    let files = [
        b"To be, or not to be, that is the question.".to_vec(),
        vec![0; 100],
        vec![255; 100],
        declared(2, "{}trailing"),
        declared(4, "null"),
        declared(100_000, &deep),
        declared(u64::MAX, "{}"),
        declared(1 << 40, "{}"),
        declared(
            66,
            r#"{"scale":{"dtype":"F64","shape":[1],"data_offsets":[8,0]}}        12345678"#,
        ),
        declared(
            120,
            &format!(
                "{:120}12345678",
                r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#
            ),
        ),
        declared(
            96,
            &format!(
                "{:96}",
                r#"{"scale":{"dtype":"F64","shape":[4611686018427387904,8],"data_offsets":[0,0]}}"#
            ),
        ),
    ];
    for bytes in files {
        place.put(&bytes);
        let error = place.refused(model::<f64>(0.0));
        assert!(matches!(*error.problem, WeightsProblem::Malformed(_)), "{error}");
    }
}

/// The bits are those of names, texts, numbers and the header.
#[test]
fn every_flipped_bit_is_noticed() {
    let place = place();
    let mut archive = Archive::of(&model::<f64>(0.0));
    archive.set_text("steps", "12\n");
    archive.save(&place.path).unwrap();
    let whole = fs::read(&place.path).unwrap();
    for bit in 0..8 * whole.len() {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        place.put(&bytes);
        let problem = *place.refused(model::<f64>(100.0)).problem;
        assert!(
            matches!(
                problem,
                WeightsProblem::Damaged
                    | WeightsProblem::Malformed(_)
                    | WeightsProblem::Duplicate { .. }
            ),
            "bit {} of byte {}: {problem}",
            bit % 8,
            bit / 8
        );
    }
}

/// A program that knows nothing of the checksum, and keeps it as a text, has written other numbers.
#[test]
fn a_checksum_of_other_contents_is_noticed() {
    let place = place();
    weights::save(&model::<f64>(0.0), &place.path).unwrap();
    let bytes = fs::read(&place.path).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let mut texts = header.metadata().clone().unwrap();
    for other in [None, Some(("a", "b")), Some(("z", "b"))] {
        texts.extend(other.map(|(name, text)| (name.to_owned(), text.to_owned())));
        let scale = 2.0_f64.to_le_bytes();
        let view = TensorView::new(Dtype::F64, vec![], &scale).unwrap();
        place.put(&safetensors::serialize([("scale", view)], Some(texts.clone())).unwrap());
        let error = place.refused(model::<f64>(0.0));
        assert!(matches!(*error.problem, WeightsProblem::Damaged), "{error}");
    }
}

#[test]
fn files_of_other_programs_need_no_checksum() {
    let place = place();
    let texts = [None, Some([("format".to_owned(), "pt".to_owned())].into())];
    for texts in texts {
        let view = TensorView::new(Dtype::F64, vec![0], &[]).unwrap();
        place.put(&safetensors::serialize([("w", view)], texts.clone()).unwrap());
        let archive = Archive::<f64>::load(&place.path).unwrap();
        assert_eq!(archive.has_text("format"), texts.is_some());
    }
    place.put(&[&2_u64.to_le_bytes()[..], b"{}"].concat());
    assert_eq!(Archive::<f64>::load(&place.path).unwrap().names().count(), 0);
}

#[test]
fn names_that_come_twice_are_refused() {
    let place = place();
    let tensor = r#"{"dtype":"F64","shape":[0],"data_offsets":[0,0]}"#;
    for (header, twice) in [
        (format!(r#"{{"w":{tensor},"v":{tensor},"w":{tensor}}}"#), "w"),
        (format!(r#"{{"w":{tensor},"\u0077":{tensor}}}"#), "w"),
        (format!(r#"{{"__metadata__":{{"steps":"1","steps":"2"}},"w":{tensor}}}"#), "steps"),
        (r#"{"__metadata__":{},"__metadata__":{}}"#.to_owned(), "__metadata__"),
    ] {
        place.put(&[&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat());
        let problem = *place.refused(model::<f64>(0.0)).problem;
        let WeightsProblem::Duplicate { name } = problem else { panic!("{problem}") };
        assert_eq!(name, twice);
    }
}
