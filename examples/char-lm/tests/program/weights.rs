//! Files of weights that are not what they should be.

use bptt::RngExt;
use bptt::prelude::*;
use bptt::run::Files;
use bptt::weights::{self, Archive};
use tempfile::TempDir;

use crate::support::{
    argument, bytes, char_lm, file, load, periodic, refusal, resumed, small, trained,
};

fn generate(weights: &str) -> String {
    refusal(&["generate", "--weights", weights])
}

#[test]
fn a_missing_file_is_named() {
    let folder = TempDir::new().expect("a folder");
    let path = argument(&folder.path().join("none.safetensors"));
    let missing = format!("error: {path} is not a file: train a model first");
    for message in [generate(&path), refusal(&["eval", "--weights", &path])] {
        assert!(message.starts_with(&missing), "{message}");
    }
    let text = file(&folder, "text.txt", periodic().as_bytes());
    let message = refusal(&["--resume", "--text", &text, "--out", &path]);
    assert!(message.contains("none.checkpoint.safetensors does not exist: there is no run"));
    // what never ends is refused, rather than waited for
    #[cfg(unix)]
    assert!(generate("/dev/zero").contains("/dev/zero is not a file"));
}

#[test]
fn a_file_of_something_else_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let message = generate(&file(&folder, "text.txt", periodic().as_bytes()));
    assert!(message.contains("text.txt: is not a complete safetensors file"), "{message}");
    let foreign = folder.path().join("foreign.safetensors");
    weights::save(&Param::new(Tensor::<f32>::ones([3])), &foreign).expect("writable");
    let message = generate(&argument(&foreign));
    assert!(message.contains("has a tensor"), "{message}");
    let message = generate(&argument(&trained(&folder).1.checkpoint));
    assert!(message.contains("has a tensor"), "a checkpoint: {message}");
}

/// The error of `generate` for a saved model with `change` made to its file.
fn changed(folder: &TempDir, change: impl FnOnce(&mut Archive<f32>)) -> String {
    let files = trained(folder).1;
    let mut archive = load(&files.best);
    change(&mut archive);
    archive.save(&files.best).expect("writable");
    generate(&argument(&files.best))
}

/// Replaces a part of the settings.
fn set(file: &mut Archive<f32>, from: &str, to: &str) {
    let before = file.text("settings").expect("it has some").to_owned();
    assert!(before.contains(from), "{before}");
    file.set_text("settings", before.replace(from, to));
}

#[test]
fn a_file_of_other_sizes_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let message = changed(&folder, |file| {
        file.insert("model.recurrent.layers.1.w_hh", Tensor::zeros([16, 60]));
    });
    assert!(message.contains("`recurrent.layers.1.w_hh` has shape [16, 60], but"), "{message}");
    let message = changed(&folder, |file| {
        file.insert("model.recurrent.layers.2.w_hh", Tensor::zeros([16, 64]));
    });
    assert!(message.contains("`recurrent.layers.2.w_hh` that has no place here"), "{message}");
    let message = changed(&folder, |file| file.set_text("vocabulary", "characters\nabc"));
    assert!(message.contains("has shape [29, 8], but [3, 8]"), "{message}");
}

/// Neither a value that its flag would refuse, nor sizes that no memory holds.
#[test]
fn settings_without_meaning_are_refused() {
    let folder = TempDir::new().expect("a folder");
    for (from, to) in [
        ("--layers 2", "--layers 0"),
        ("--window 16", "--window -1"),
        ("--dropout 0", "--dropout 2"),
        ("--clip 1", "--help"),
        ("--cell lstm", "--cell rnn"),
    ] {
        let message = changed(&folder, |file| set(file, from, to));
        assert!(message.contains("text `settings` cannot be understood"), "{to}: {message}");
    }
    for (from, to) in
        [("--layers 2", "--layers 1000000000000"), ("--hidden 16", "--hidden 16000000000000")]
    {
        let message = changed(&folder, |file| set(file, from, to));
        assert!(message.contains("B of memory are needed, and "), "{to}: {message}");
    }
    let message = changed(&folder, |file| file.set_text("vocabulary", ""));
    assert!(message.contains("text `vocabulary` cannot be understood"), "{message}");
}

#[test]
fn values_that_are_not_finite_are_refused() {
    let folder = TempDir::new().expect("a folder");
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let message = changed(&folder, |file| {
            let mut weights = file.tensor("model.output.w").expect("it has it").clone();
            weights.as_mut_slice()[7] = value;
            file.insert("model.output.w", weights);
        });
        assert!(message.contains("the weights `output.w` are not finite"), "{message}");
    }
}

#[test]
fn characters_that_the_model_does_not_know_are_refused() {
    let folder = TempDir::new().expect("a folder");
    let weights = argument(&trained(&folder).1.best);
    let message = refusal(&["generate", "--weights", &weights, "--prime", "thé"]);
    assert!(message.contains("--prime: character number 3, 'é' (U+00E9)"), "{message}");
    let text = file(&folder, "other.txt", "THE QUICK".as_bytes());
    let message = refusal(&["eval", "--weights", &weights, "--text", &text]);
    assert!(message.contains("other.txt:1:1: 'T' (U+0054)"), "{message}");
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let folder = TempDir::new().expect("a folder");
    let text = file(&folder, "text.txt", periodic().as_bytes());
    let out = format!("{text}/model.safetensors");
    let place = ["--text", &text, "--out", &out].map(str::to_owned);
    let output = char_lm(&[small("--steps 1").as_slice(), &place].concat());
    let message = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(message.starts_with(&format!("error: cannot create the folder {text}: ")), "{message}");
}

/// The error of a resumed run whose checkpoint has `change` made to it. The files then stay as they are.
fn refused(text: &str, files: &Files, change: impl FnOnce(&mut Archive<f32>)) -> String {
    let whole = bytes(&files.checkpoint);
    let mut archive = load(&files.checkpoint);
    change(&mut archive);
    archive.save(&files.checkpoint).expect("writable");
    let before = [bytes(&files.best), bytes(&files.checkpoint)];
    let message = refusal(&resumed(text, files));
    assert!([bytes(&files.best), bytes(&files.checkpoint)] == before, "{message}");
    std::fs::write(&files.checkpoint, whole).expect("writable");
    message
}

/// `archive` with one tensor named otherwise.
fn rename(archive: &mut Archive<f32>, from: &str, to: &str) {
    let mut renamed = Archive::new();
    for name in archive.names() {
        let tensor = archive.tensor(name).expect("it has it").clone();
        renamed.insert(if name == from { to } else { name }, tensor);
    }
    for name in archive.text_names() {
        renamed.set_text(name, archive.text(name).expect("it has it"));
    }
    *archive = renamed;
}

#[test]
fn a_checkpoint_with_other_tensors_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let (text, files) = trained(&folder);
    for name in load(&files.checkpoint).names() {
        let to = name.replacen('.', ".x", 1);
        let message = refused(&text, &files, |archive| rename(archive, name, &to));
        assert!(message.contains("has no") || message.contains("has a tensor"), "{message}");
    }
    for name in ["more.w", "model.more", "best.more", "best.model.more", "extra.carried.9"] {
        let message = refused(&text, &files, |archive| archive.insert(name, Tensor::zeros([1])));
        assert!(message.contains("has a tensor `") || message.contains("one run"), "{message}");
    }
    for name in ["model.output.w", "optimizer.output.w.average", "extra.carried.0"] {
        let message = refused(&text, &files, |archive| archive.insert(name, Tensor::zeros([1, 1])));
        assert!(message.contains("has shape [1, 1], but"), "{name}: {message}");
    }
}

#[test]
fn a_checkpoint_of_parts_of_several_runs_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let (text, files) = trained(&folder);
    for (name, value, reason) in [
        ("best.step", "3", "do not belong to one run"),
        ("best.vocabulary", "characters\nabc", "this is not the text of the run"),
        ("extra.steps", "0", "text `steps` cannot be understood"),
        ("extra.text", "7", "this is not the text of the run"),
    ] {
        let message = refused(&text, &files, |archive| archive.set_text(name, value));
        assert!(message.contains(reason), "{name}: {message}");
    }
    let other = file(&folder, "other.txt", periodic().replacen("quick", "quite", 1).as_bytes());
    let message = refused(&other, &files, |_| {});
    assert!(message.contains("this is not the text of the run"), "{message}");
}

/// A file that is cut off, and a single bit anywhere.
#[test]
fn no_damaged_checkpoint_is_resumed_from() {
    let folder = TempDir::new().expect("a folder");
    let (text, files) = trained(&folder);
    let whole = bytes(&files.checkpoint);
    let mut rng = bptt::rng(16);
    for _ in 0..40 {
        let mut damaged = whole.clone();
        let bit = rng.random_range(0..8 * whole.len());
        damaged[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(&files.checkpoint, damaged).expect("writable");
        refusal(&resumed(&text, &files));
    }
    for share in [0.0, 0.001, 0.5, 0.9999] {
        let length = (share * whole.len() as f64) as usize;
        std::fs::write(&files.checkpoint, &whole[..length]).expect("writable");
        let message = refusal(&resumed(&text, &files));
        assert!(message.contains("is not a complete safetensors file"), "{message}");
    }
}
