//! Runs save one at a time, and nothing that was saved is lost.

use std::fs;
use std::path::Path;

use bptt_layers::run::{Files, RunError};
use bptt_layers::weights::Archive;
use bptt_tensor::Tensor;
use tempfile::TempDir;

fn place() -> (TempDir, Files) {
    let folder = TempDir::new().expect("a folder");
    let files = Files::beside(folder.path().join("model.safetensors"));
    (folder, files)
}

/// An archive with a text that identifies it.
fn archive(text: &str) -> Archive<f32> {
    let mut archive = Archive::new();
    archive.insert("w", Tensor::ones([3]));
    archive.set_text("text", text);
    archive
}

fn text(path: &Path) -> String {
    Archive::<f32>::load(path).expect("complete").text("text").expect("it has one").to_owned()
}

/// The texts of the checkpoint and the best weights.
fn texts(files: &Files) -> [String; 2] {
    [text(&files.checkpoint), text(&files.best)]
}

/// A run that is saved as two files of these names, and ends.
fn run(files: &Files, [checkpoint, best]: [&str; 2]) {
    let mut saver = files.start().expect("the place is free");
    saver.save(&archive(checkpoint), &archive(best)).expect("writable");
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
    // No two runs share one: "v1.2" has no extension to take off.
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
    // Half a run, as a kill between two renames may leave it, takes its number too.
    fs::write(folder.path().join("model.1.checkpoint.safetensors"), "taken").expect("writable");
    let mut saver = files.start().expect("the place is free");
    assert_eq!(saver.kept(), None, "not before the new run is saved");
    saver.save(&archive("c2"), &archive("b2")).expect("writable");
    let kept = Files::beside(folder.path().join("model.2.safetensors"));
    assert_eq!(saver.kept(), Some(&kept));
    assert_eq!(texts(&kept), ["c1", "b1"]);
    saver.save(&archive("c3"), &archive("b3")).expect("writable");
    assert_eq!(texts(&files), ["c3", "b3"], "the run's own files are replaced");
    assert_eq!(names(&folder).len(), 6, "{:?}", names(&folder));
}

#[test]
fn a_resumed_run_replaces_its_own_files() {
    let (folder, files) = place();
    run(&files, ["c1", "b1"]);
    let mut saver = files.resume().expect("the place is free");
    saver.save(&archive("c2"), &archive("b2")).expect("writable");
    assert_eq!(texts(&files), ["c2", "b2"]);
    assert_eq!(names(&folder).len(), 3, "{:?}", names(&folder));
}

/// A folder stands where the new run's best weights are to be written, so that the second of its files
/// cannot be.
#[test]
fn a_run_that_cannot_be_saved_changes_nothing() {
    let (folder, files) = place();
    run(&files, ["c1", "b1"]);
    let obstacle = folder.path().join("model.safetensors.new");
    fs::create_dir(&obstacle).expect("a new folder");
    for _ in 0..2 {
        let mut saver = files.start().expect("the place is free");
        let error = saver.save(&archive("c2"), &archive("b2")).expect_err("it is in the way");
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
    let saver = files.start().expect("the place is free");
    for again in [files.start(), files.resume()] {
        let error = again.expect_err("it is taken");
        let path = |name: &str| folder.path().join(name).display().to_string();
        let [best, lock] = [path("model.safetensors"), path("model.lock")];
        assert_eq!(
            error.to_string(),
            format!("another run saves to {best} and holds {lock}: let it end, or save elsewhere")
        );
    }
    Files::beside(folder.path().join("other.safetensors")).start().expect("another place");
    drop(saver);
    files.resume().expect("the place is free again");
}

#[test]
fn what_killed_programs_left_is_removed() {
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
    drop(files.resume().expect("the place is free"));
    let names = names(&folder);
    assert!(left.iter().all(|name| !names.contains(&(*name).to_owned())), "{names:?}");
    assert!(of_others.iter().all(|name| names.contains(&(*name).to_owned())), "{names:?}");
    assert_eq!(texts(&files), ["c1", "b1"]);
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let (folder, files) = place();
    fs::write(&files.best, "a file").expect("writable");
    let error = Files::beside(files.best.join("model.safetensors")).start().expect_err("a file");
    let expected = format!("cannot make the folder {}: ", files.best.display());
    assert!(error.to_string().starts_with(&expected), "{error}");
    let error = Files::beside(folder.path().join("none/m.safetensors")).resume();
    assert!(matches!(error, Err(RunError::Lock { .. })), "{error:?}");
}
