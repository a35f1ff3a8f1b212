//! Runs save one at a time, and lose nothing that was saved.

use std::fs;
use std::path::Path;

use bptt_autodiff::Param;
use bptt_layers::Sgd;
use bptt_layers::run::{Files, Run, RunError, Training};
use bptt_layers::weights::Archive;
use bptt_tensor::Tensor;
use tempfile::TempDir;

fn place() -> (TempDir, Files) {
    let folder = TempDir::new().expect("a folder");
    let files = Files::beside(folder.path().join("model.safetensors"));
    (folder, files)
}

/// A training with a text in its checkpoint, and one in its best weights.
fn training([checkpoint, best]: [&str; 2]) -> Training<f32, Param<f32>, Sgd<f32>> {
    let model = Param::new(Tensor::ones([3]));
    let mut training = Training::new(model, Sgd::new(0.1), bptt_layers::rng(0));
    training.extra.set_text("text", checkpoint);
    let mut weights = Archive::of(&training.model);
    weights.set_text("text", best);
    training.best = Some(weights);
    training
}

fn text(path: &Path, name: &str) -> String {
    Archive::<f32>::load(path).expect("complete").text(name).expect("it has one").to_owned()
}

/// The texts of the checkpoint and the best weights.
fn texts(files: &Files) -> [String; 2] {
    [text(&files.checkpoint, "extra.text"), text(&files.best, "text")]
}

/// A run that is saved with these texts, and ends.
fn run(files: &Files, texts: [&str; 2]) {
    let mut run = Run::new(&files.best).expect("the place is free");
    run.save(&training(texts)).expect("writable");
}

fn names(folder: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(folder.path()).expect("a folder").map(|entry| entry.expect("there"));
    let mut names: Vec<_> =
        entries.map(|entry| entry.file_name().into_string().expect("UTF-8")).collect();
    names.sort();
    names
}

#[test]
fn the_checkpoint_stands_beside_the_weights() {
    let checkpoint = |out: &str| Files::beside(out).checkpoint;
    assert_eq!(checkpoint("a/m.safetensors"), Path::new("a/m.checkpoint.safetensors"));
    // "v1.2" has no extension to remove, so that no two runs share a checkpoint.
    assert_eq!(checkpoint("v1.2"), Path::new("v1.2.checkpoint.safetensors"));
}

#[test]
fn every_earlier_run_is_kept_under_a_number() {
    let (folder, files) = place();
    for pair in [["c1", "b1"], ["c2", "b2"], ["c3", "b3"]] {
        run(&files, pair);
    }
    assert_eq!(texts(&files), ["c3", "b3"]);
    for number in 1..=2 {
        let earlier = Files::beside(folder.path().join(format!("model.{number}.safetensors")));
        assert_eq!(texts(&earlier), [format!("c{number}"), format!("b{number}")]);
    }
    assert_eq!(names(&folder).len(), 7, "six files and the lock: {:?}", names(&folder));
}

#[test]
fn a_run_tells_where_the_earlier_one_is() {
    let (folder, files) = place();
    run(&files, ["c1", "b1"]);
    // A kill between two renames leaves half a run, which also occupies a number.
    fs::write(folder.path().join("model.1.checkpoint.safetensors"), "taken").expect("writable");
    let mut run = Run::new(&files.best).expect("the place is free");
    assert_eq!(run.kept(), None, "not before the new run is saved");
    run.save(&training(["c2", "b2"])).expect("writable");
    let kept = Files::beside(folder.path().join("model.2.safetensors"));
    assert_eq!(run.kept(), Some(&kept));
    assert_eq!(texts(&kept), ["c1", "b1"]);
    run.save(&training(["c3", "b3"])).expect("writable");
    assert_eq!(texts(&files), ["c3", "b3"], "the run's own files are replaced");
    assert_eq!(names(&folder).len(), 6, "{:?}", names(&folder));
}

#[test]
fn a_resumed_run_replaces_its_own_files() {
    let (folder, files) = place();
    run(&files, ["c1", "b1"]);
    let mut run = Run::resume(&files.best).expect("the place is free");
    run.save(&training(["c2", "b2"])).expect("writable");
    assert_eq!(texts(&files), ["c2", "b2"]);
    assert_eq!(names(&folder).len(), 3, "{:?}", names(&folder));
}

/// A folder occupies the path of the new run's best weights, so that the second file cannot be written.
#[test]
fn a_run_that_cannot_be_saved_changes_nothing() {
    let (folder, files) = place();
    run(&files, ["c1", "b1"]);
    let obstacle = folder.path().join("model.safetensors.new");
    fs::create_dir(&obstacle).expect("a new folder");
    for _ in 0..2 {
        let mut run = Run::new(&files.best).expect("the place is free");
        let error = run.save(&training(["c2", "b2"])).expect_err("it is in the way");
        assert!(matches!(error, RunError::Weights(_)), "{error}");
        assert_eq!(texts(&files), ["c1", "b1"]);
        assert_eq!(names(&folder).len(), 4, "{:?}", names(&folder));
    }
    fs::remove_dir(obstacle).expect("it is empty");
    run(&files, ["c2", "b2"]);
    assert_eq!(texts(&files), ["c2", "b2"]);
}

#[test]
fn one_run_at_a_time_saves_to_a_place() {
    let (folder, files) = place();
    run(&files, ["c1", "b1"]);
    let first = Run::new(&files.best).expect("the place is free");
    for again in [Run::new(&files.best), Run::resume(&files.best)] {
        let error = again.expect_err("it is taken");
        let path = |name: &str| folder.path().join(name).display().to_string();
        let [best, lock] = [path("model.safetensors"), path("model.lock")];
        assert_eq!(
            error.to_string(),
            format!("another run saves to {best} and holds {lock}: let it end, or save elsewhere")
        );
    }
    Run::new(folder.path().join("other.safetensors")).expect("another place");
    drop(first);
    Run::resume(&files.best).expect("the place is free again");
}

#[test]
fn unfinished_files_of_killed_programs_are_removed() {
    let (folder, files) = place();
    run(&files, ["c1", "b1"]);
    let left = [
        "model.safetensors.0123456789abcdef.tmp",
        "model.checkpoint.safetensors.new",
        "model.checkpoint.safetensors.new.0123456789abcdef.tmp",
    ];
    let of_others =
        ["model.tmp", "model.new.safetensors", "other.safetensors.0123456789abcdef.tmp"];
    for name in left.iter().chain(&of_others) {
        fs::write(folder.path().join(name), "part").expect("writable");
    }
    drop(Run::resume(&files.best).expect("the place is free"));
    let names = names(&folder);
    assert!(left.iter().all(|name| !names.contains(&(*name).to_owned())), "{names:?}");
    assert!(of_others.iter().all(|name| names.contains(&(*name).to_owned())), "{names:?}");
    assert_eq!(texts(&files), ["c1", "b1"]);
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let (_folder, files) = place();
    fs::write(&files.best, "a file").expect("writable");
    let error = Run::new(files.best.join("model.safetensors")).expect_err("a file");
    let expected = format!("cannot create the folder {}: ", files.best.display());
    assert!(error.to_string().starts_with(&expected), "{error}");
}

#[test]
fn a_folder_is_no_file_of_weights() {
    let (folder, _) = place();
    for path in [folder.path(), Path::new("."), Path::new("/"), Path::new("")] {
        let error = Run::new(path).expect_err("no file").to_string();
        let file = path.join("model.safetensors");
        assert_eq!(error, format!("{path:?} is a folder or empty: name a file, such as {file:?}"));
    }
    assert!(names(&folder).is_empty());
}

#[test]
fn only_a_saved_run_is_resumed() {
    let (folder, files) = place();
    for out in [files.best, folder.path().join("none/model.safetensors")] {
        let error = Run::resume(&out).expect_err("nothing was saved");
        let expected = format!(
            "{} does not exist: there is no run to resume; check the path, or start a new run",
            out.with_extension("checkpoint.safetensors").display()
        );
        assert_eq!(error.to_string(), expected);
    }
    assert!(names(&folder).is_empty(), "{:?}", names(&folder));
}

/// Without best weights, the weights of the model are saved for use.
#[test]
fn the_weights_are_those_of_the_model_or_the_best() {
    let (_folder, files) = place();
    let mut training = training(["c", "b"]);
    training.best = None;
    training.model = Param::new(Tensor::zeros([3]));
    let mut run = Run::new(&files.best).expect("the place is free");
    run.save(&training).expect("writable");
    let weights = Archive::<f32>::load(&files.best).expect("complete");
    assert_eq!(weights.tensor("").expect("the parameter").as_slice(), [0.0; 3]);
    assert_eq!(weights.text_names().count(), 0);
}
