//! Parts of archives by their names, and other names.

use bptt_layers::weights::{Archive, WeightsProblem};
use bptt_tensor::Tensor;

fn archive(names: &[&str]) -> Archive<f32> {
    let mut archive = Archive::new();
    for (i, &name) in names.iter().enumerate() {
        archive.insert(name, Tensor::scalar(i as f32));
    }
    archive.set_text("lstm.kind", "text");
    archive
}

fn names(archive: &Archive<f32>) -> Vec<&str> {
    archive.names().collect()
}

#[test]
fn groups_end_at_dots_and_slashes() {
    let whole =
        archive(&["lstm.w_ih", "lstm/w_hh", "lstm_1/w", "lstm", "module.lstm.w", "a/b.c/d"]);
    assert_eq!(names(&whole.group("lstm")), ["", "w_hh", "w_ih"]);
    assert_eq!(whole.group("lstm").text("kind").unwrap(), "text");
    assert_eq!(names(&whole.group("module").group("lstm")), ["w"]);
    assert_eq!(names(&whole.group("module.lstm")), ["w"]);
    assert_eq!(names(&whole.group("a/b")), ["c/d"]);
    assert_eq!(names(&whole.group("a/b.c")), ["d"]);
}

#[test]
fn a_group_that_is_not_there_is_told_with_those_that_are() {
    let whole = archive(&["encoder.lstm.w", "encoder.gru.w", "encoder.b", "head.w"]);
    let error = whole.group("encoder").group("lstn").tensor("w").unwrap_err().to_string();
    assert_eq!(error, "weights: has no group `encoder.lstn`; nearest of 2: `lstm`, `gru`");
    let error = whole.group("encoder.lstn").tensor("w").unwrap_err().to_string();
    assert!(error.contains("nearest of 2: `encoder.lstm`"), "{error}");
    let error = whole.group("encoders").group("lstm").tensor("w").unwrap_err().to_string();
    assert!(
        error.ends_with("has no group `encoders.lstm`; nearest of 3: `encoder`, `head`, `lstm`"),
        "{error}"
    );
    // one that is there is asked for its tensors
    let error = whole.group("encoder.lstm").tensor("w_hh").unwrap_err().to_string();
    assert_eq!(error, "weights: group `encoder.lstm`: has no tensor `w_hh`; nearest of 1: `w`");
}

#[test]
fn a_pattern_finds_one_group() {
    let whole = archive(&["sequential_4/lstm_3/cell/w", "sequential_4/dense/w", "s.lstm.w"]);
    let found = |pattern: &str| {
        let part = whole.group_matching(pattern).unwrap();
        names(&part).into_iter().map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(found("sequential*/lstm*"), ["cell/w"]);
    assert_eq!(found("*/lstm_*"), ["cell/w"]);
    assert_eq!(found("seq*_4/d*e"), ["w"]);
}

#[test]
fn a_pattern_that_finds_no_group_or_several() {
    let whole = archive(&["sequential_4/lstm_3/w", "sequential_4/lstm_4/w", "s.lstm.w"]);
    let problem = *whole.group_matching("sequential*/gru*").unwrap_err().problem;
    let WeightsProblem::MissingGroup { present, .. } = problem else { panic!("{problem}") };
    assert_eq!(present.count, 3);
    let problem = *whole.group_matching("*/lstm*").unwrap_err().problem;
    let WeightsProblem::AmbiguousGroup { present, .. } = problem else { panic!("{problem}") };
    assert_eq!(present.nearest, ["sequential_4/lstm_3", "sequential_4/lstm_4"]);
    // a star is no separator
    assert!(whole.group_matching("sequential*lstm*").is_err());
}

#[test]
fn names_change_and_stay_apart() {
    let whole = archive(&["lstm_3/w", "dense_1/w"]);
    let renamed = whole.renamed(|name| name.replace("lstm_3", "lstm")).unwrap();
    assert_eq!(names(&renamed), ["dense_1/w", "lstm/w"]);
    assert_eq!(renamed.tensor("lstm/w").unwrap().item(), 0.0);
    assert_eq!(names(&whole.filtered(|name| name.starts_with("lstm"))), ["lstm_3/w"]);
    let problem = *whole.renamed(|_| "w".to_owned()).unwrap_err().problem;
    let WeightsProblem::Duplicate { name } = problem else { panic!("{problem}") };
    assert_eq!(name, "w");
}

/// Names that would not load are not saved.
#[test]
fn no_name_becomes_one_of_the_format() {
    let path = std::env::temp_dir().join(format!("bptt-reserved-{}", std::process::id()));
    let mut whole = archive(&["part.__metadata__", "w"]);
    whole.set_text("text.bptt.crc32", "0");
    for (part, reserved) in [("part", "__metadata__"), ("text", "bptt.crc32")] {
        let problem = *whole.group(part).save(&path).unwrap_err().problem;
        let WeightsProblem::Duplicate { name } = problem else { panic!("{problem}") };
        assert_eq!(name, reserved);
        assert!(!path.exists());
    }
}
