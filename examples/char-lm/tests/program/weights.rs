//! Files of weights that are not what they should be.

use bptt::prelude::*;
use bptt::weights::{self, Archive};
use char_lm::checkpoint::Files;
use char_lm::error::Error;
use char_lm::train::Trainer;
use tempfile::TempDir;

use crate::support::{
    argument, bytes, char_lm, corpus, file, files, periodic, plan, refusal, resume, run, small,
};

/// The files of a run of two steps.
fn trained(folder: &TempDir) -> Files {
    let corpus = corpus(&periodic());
    let files = files(folder);
    let mut trainer = Trainer::new(&corpus, plan("--steps 2")).expect("enough text");
    run(&mut trainer, &files, 2).expect("no divergence");
    files
}

fn generate(weights: &str) -> String {
    refusal(&["generate", "--weights", weights])
}

#[test]
fn a_missing_file_is_named() {
    let folder = TempDir::new().expect("a folder");
    let path = argument(&folder.path().join("none.safetensors"));
    let missing = format!("error: {path} does not exist: train a model first");
    for message in [generate(&path), refusal(&["eval", "--weights", &path])] {
        assert!(message.starts_with(&missing), "{message}");
    }
    let text = file(&folder, "text.txt", periodic().as_bytes());
    let resumed = refusal(&["--resume", "--text", &text, "--out", &path]);
    assert!(resumed.contains("none.checkpoint.safetensors does not exist"), "{resumed}");
}

#[test]
fn a_file_cut_off_anywhere_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let files = trained(&folder);
    let (best, checkpoint) = (bytes(&files.best), bytes(&files.checkpoint));
    let corpus = corpus(&periodic());
    for share in [0.0, 0.001, 0.1, 0.5, 0.9999] {
        let cut = |bytes: &[u8]| bytes[..(share * bytes.len() as f64) as usize].to_vec();
        let message = generate(&file(&folder, "cut", &cut(&best)));
        assert!(message.contains("cut: is not a complete safetensors file"), "{message}");
        std::fs::write(&files.checkpoint, cut(&checkpoint)).expect("writable");
        let error = resume(&corpus, &files).expect_err("incomplete");
        let message = error.to_string();
        assert!(matches!(error, Error::Weights(_)), "{message}");
        assert!(message.contains("is not a complete safetensors file"), "{message}");
    }
}

#[test]
fn a_file_of_something_else_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let text = file(&folder, "text.txt", periodic().as_bytes());
    let message = generate(&text);
    assert!(message.contains("text.txt: is not a complete safetensors file"), "{message}");

    let foreign = folder.path().join("foreign.safetensors");
    weights::save(&Param::new(Tensor::<f32>::ones([3])), &foreign).expect("writable");
    let message = generate(&argument(&foreign));
    assert!(message.contains("has no text `settings`; was it saved by another"), "{message}");

    let checkpoint = argument(&trained(&folder).checkpoint);
    let message = generate(&checkpoint);
    assert!(message.contains("has no text `settings`"), "a checkpoint is no model: {message}");
}

/// The saved model with `change` made to its file.
fn changed(folder: &TempDir, change: impl FnOnce(&mut Archive<f32>)) -> String {
    let files = trained(folder);
    let mut archive = Archive::load(&files.best).expect("complete");
    change(&mut archive);
    archive.save(&files.best).expect("writable");
    generate(&argument(&files.best))
}

#[test]
fn a_file_of_other_sizes_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let message = changed(&folder, |file| {
        file.insert("model.recurrent.layers.1.u", Tensor::zeros([16, 60]));
    });
    assert!(message.contains("`recurrent.layers.1.u` has shape [16, 60], but"), "{message}");

    let message = changed(&folder, |file| {
        file.insert("model.recurrent.layers.2.u", Tensor::zeros([16, 64]));
    });
    assert!(message.contains("`recurrent.layers.2.u` that has no place here"), "{message}");

    let message = changed(&folder, |file| file.set_text("vocabulary", "abc"));
    assert!(message.contains("`embedding.table` has shape [29, 8], but [3, 8]"), "{message}");

    let message = changed(&folder, |file| {
        let settings = file.text("settings").expect("it has some").replace("16", "16000000000000");
        file.set_text("settings", settings);
    });
    assert!(message.contains("`output.w` has shape [16, 29], but"), "{message}");

    let message = changed(&folder, |file| file.set_text("settings", "{}"));
    assert!(message.contains("text `settings` cannot be understood: `{}`"), "{message}");
}

#[test]
fn a_checkpoint_of_other_sizes_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let files = trained(&folder);
    let corpus = corpus(&periodic());
    for (name, shape) in
        [("model.output.w", [1, 1]), ("optimizer.output.w.average", [1, 1]), ("carried.0", [3, 16])]
    {
        let whole = bytes(&files.checkpoint);
        let mut archive = Archive::<f32>::load(&files.checkpoint).expect("complete");
        archive.insert(name, Tensor::zeros(shape));
        archive.save(&files.checkpoint).expect("writable");
        let error = resume(&corpus, &files).expect_err(name);
        assert!(matches!(error, Error::Weights(_)), "{name}: {error}");
        std::fs::write(&files.checkpoint, whole).expect("writable");
    }
    resume(&corpus, &files).expect("as it was");
}

#[test]
fn another_text_is_another_run() {
    let folder = TempDir::new().expect("a folder");
    let files = trained(&folder);
    let other = corpus(&periodic().replacen("quick", "quite", 1));
    let error = resume(&other, &files).expect_err("another text");
    let message = error.to_string();
    assert!(matches!(error, Error::ChangedText), "{message}");
    assert!(message.contains("give the same files to --text"), "{message}");
}

#[test]
fn characters_that_the_model_does_not_know_are_refused() {
    let folder = TempDir::new().expect("a folder");
    let weights = argument(&trained(&folder).best);
    let message = refusal(&["generate", "--weights", &weights, "--prime", "thé"]);
    assert!(message.contains("--prime: character number 3, 'é' (U+00E9)"), "{message}");
    let text = file(&folder, "other.txt", "THE QUICK".as_bytes());
    let message = refusal(&["eval", "--weights", &weights, "--text", &text]);
    assert!(message.contains("other.txt: character number 1, 'T' (U+0054)"), "{message}");
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let folder = TempDir::new().expect("a folder");
    let text = file(&folder, "text.txt", periodic().as_bytes());
    let message = |out: &str| {
        let place = ["--text", &text, "--out", out].map(str::to_owned);
        let output = char_lm(&[small("--steps 1").as_slice(), &place].concat());
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).expect("UTF-8")
    };
    let below_a_file = message(&format!("{text}/model.safetensors"));
    let expected = format!("error: cannot make the folder {text}: ");
    assert!(below_a_file.starts_with(&expected), "{below_a_file}");
    let place = argument(folder.path());
    let folder_itself = message(&place);
    let expected = format!("error: {place}: cannot be written: ");
    assert!(folder_itself.starts_with(&expected), "{folder_itself}");
}
