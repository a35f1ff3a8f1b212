//! Files of weights that are not what they should be.

use bptt::RngExt;
use bptt::prelude::*;
use bptt::run::Files;
use bptt::weights::{self, Archive};
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
    assert!(
        resumed.contains("none.checkpoint.safetensors does not exist: there is no run to resume"),
        "{resumed}"
    );
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
    assert!(message.contains("has no text `settings`; it has none at all"), "{message}");

    let checkpoint = argument(&trained(&folder).checkpoint);
    let message = generate(&checkpoint);
    let weights = argument(&files(&folder).best);
    let expected = format!(
        "error: {checkpoint} is the checkpoint of a run: give the weights saved beside it, --weights {weights}\n"
    );
    assert_eq!(message, expected);
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
        file.insert("model.recurrent.layers.1.w_hh", Tensor::zeros([16, 60]));
    });
    assert!(message.contains("`recurrent.layers.1.w_hh` has shape [16, 60], but"), "{message}");

    let message = changed(&folder, |file| {
        file.insert("model.recurrent.layers.2.w_hh", Tensor::zeros([16, 64]));
    });
    assert!(message.contains("`recurrent.layers.2.w_hh` that has no place here"), "{message}");

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
fn settings_without_meaning_are_refused() {
    let folder = TempDir::new().expect("a folder");
    for (setting, value, rule) in [
        ("\"layers\":2", "0", "at least 1"),
        ("\"batch\":4", "0", "at least 1"),
        ("\"window\":16", "0", "at least 1"),
        ("\"dropout\":0.0", "2.0", "below 1"),
        ("\"clip\":1.0", "-1.0", "above 0"),
    ] {
        let (name, _) = setting.split_once(':').expect("a pair");
        let change = |file: &mut Archive<f32>, text| {
            let before = file.text(text).expect("it has some").to_owned();
            assert!(before.contains(setting), "{before}");
            file.set_text(text, before.replace(setting, &format!("{name}:{value}")));
        };
        let message = changed(&folder, |file| change(file, "settings"));
        let expected = format!("model.safetensors: setting `{}` is ", name.trim_matches('"'));
        assert!(message.contains(&expected) && message.contains(rule), "{message}");

        let files = trained(&folder);
        let mut archive = Archive::load(&files.checkpoint).expect("complete");
        change(&mut archive, "extra.plan");
        archive.save(&files.checkpoint).expect("writable");
        let error = resume(&corpus(&periodic()), &files).expect_err(name);
        assert!(matches!(error, Error::InvalidSetting { .. }), "{error}");
    }
    let message = changed(&folder, |file| file.set_text("vocabulary", ""));
    assert!(message.contains("text `vocabulary` cannot be understood"), "{message}");
}

/// Settings and sizes of a model that no memory holds, in a file of a few kilobytes.
#[test]
fn alleged_sizes_are_compared_before_a_model_of_them_is_made() {
    let folder = TempDir::new().expect("a folder");
    let alleged = |file: &mut Archive<f32>, from: &str, to: &str| {
        let settings = file.text("settings").expect("it has some").replace(from, to);
        file.set_text("settings", settings);
    };
    let message = changed(&folder, |file| {
        alleged(file, "\"layers\":2", "\"layers\":1000000000000");
    });
    assert!(message.contains("has no tensor `recurrent.layers.2.w_ih`"), "{message}");

    let message = changed(&folder, |file| alleged(file, "\"layers\":2", "\"layers\":1"));
    assert!(message.contains("`recurrent.layers.1.b` that has no place here"), "{message}");

    // Two vectors make the sizes of a matrix of 10¹³ elements.
    let message = changed(&folder, |file| {
        alleged(file, "\"embedding\":8", "\"embedding\":1000000");
        alleged(file, "\"hidden\":16", "\"hidden\":1000000");
        file.set_text("vocabulary", "a");
        file.insert("model.embedding.table", Tensor::zeros([1, 1_000_000]));
        file.insert("model.output.w", Tensor::zeros([1_000_000, 1]));
    });
    assert!(message.contains("`recurrent.layers.0.w_ih` has shape [8, 64], but"), "{message}");
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
        assert!(message.contains("tensor `model.output.w` has values that are not"), "{message}");
        let message = refusal(&["eval", "--weights", &argument(&files(&folder).best)]);
        assert!(message.contains("tensor `model.output.w` has values that are not"), "{message}");
    }
}

#[test]
fn a_checkpoint_of_other_sizes_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let files = trained(&folder);
    let corpus = corpus(&periodic());
    for (name, shape) in [
        ("model.output.w", [1, 1]),
        ("optimizer.output.w.average", [1, 1]),
        ("extra.carried.0", [3, 16]),
    ] {
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
    let message = refusal(&["eval", "--weights", &weights]);
    let mend = "Without --text, the text is that of the repository: give yours with --text FILE\n";
    assert!(message.ends_with(mend), "{message}");
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
    let expected = format!("error: cannot create the folder {text}: ");
    assert!(below_a_file.starts_with(&expected), "{below_a_file}");
    let place = folder.path().join("folder.safetensors");
    std::fs::create_dir(&place).expect("a new folder");
    let place = argument(&place);
    let folder_itself = message(&place);
    let file = format!("{place}/model.safetensors");
    let expected =
        format!("error: {place:?} is a folder or empty: name a file, such as {file:?}\n");
    assert_eq!(folder_itself, expected);
}

/// A checkpoint with `change` made to it, and why it is refused.
fn refused_checkpoint(folder: &TempDir, change: impl FnOnce(&mut Archive<f32>)) -> String {
    let files = files(folder);
    let whole = bytes(&files.checkpoint);
    let mut archive = Archive::load(&files.checkpoint).expect("complete");
    change(&mut archive);
    archive.save(&files.checkpoint).expect("writable");
    let text = corpus(&periodic());
    let message = resume(&text, &files).expect_err("it was changed").to_string();
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
fn a_checkpoint_with_any_other_name_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let files = trained(&folder);
    let archive = Archive::<f32>::load(&files.checkpoint).expect("complete");
    for name in archive.names() {
        for to in [name.replacen('.', ".x", 1), format!("x{name}")] {
            let message = refused_checkpoint(&folder, |archive| rename(archive, name, &to));
            assert!(message.contains("has no") || message.contains("has a tensor"), "{message}");
        }
    }
    for name in [
        "more.w",
        "model.more",
        "best.more",
        "best.model.more",
        "extra.carried.9",
        "extra.carried.x",
        "extra.more",
    ] {
        let message =
            refused_checkpoint(&folder, |archive| archive.insert(name, Tensor::zeros([1])));
        assert!(message.contains("has a tensor `"), "{name}: {message}");
    }
}

#[test]
fn a_checkpoint_of_parts_of_several_runs_is_refused() {
    let folder = TempDir::new().expect("a folder");
    trained(&folder);
    for loss in ["-1", "NaN", "inf", "-inf"] {
        let message = refused_checkpoint(&folder, |archive| archive.set_text("best.loss", loss));
        assert!(message.contains(&format!("`loss` cannot be understood: `{loss}`")), "{message}");
    }
    let optimizer = "optimizer.recurrent.layers.1.w_hh.step";
    for (name, value, reason) in [
        ("best.step", "3", "a later step than the last one done"),
        ("best.vocabulary", "abc", "belong to another text"),
        (optimizer, "1", "the optimizer and the run have done different numbers of steps"),
        ("step", "7", "the optimizer and the run have done different numbers of steps"),
    ] {
        let message = refused_checkpoint(&folder, |archive| archive.set_text(name, value));
        assert!(message.contains(reason), "{name}: {message}");
    }
    let message = refused_checkpoint(&folder, |archive| {
        let settings = archive.text("best.settings").expect("it has it").replace("16", "17");
        archive.set_text("best.settings", settings);
    });
    assert!(message.contains("belong to other settings"), "{message}");
}

/// Damage that is found before anything is written: the good weights stay.
#[test]
fn a_damaged_checkpoint_replaces_nothing() {
    let folder = TempDir::new().expect("a folder");
    let files = trained(&folder);
    let text = file(&folder, "text.txt", periodic().as_bytes());
    let mut archive = Archive::load(&files.checkpoint).expect("complete");
    rename(&mut archive, "best.model.output.b", "best.model.output.c");
    archive.save(&files.checkpoint).expect("writable");
    let before = [bytes(&files.best), bytes(&files.checkpoint)];
    let resume = ["--resume", "--text", &text, "--out", &argument(&files.best)];
    let message = refusal(&resume);
    assert!(message.contains("has no tensor `output.b`"), "{message}");
    assert!([bytes(&files.best), bytes(&files.checkpoint)] == before);
}

/// A single bit anywhere in the file.
#[test]
fn no_flipped_bit_is_resumed_from() {
    let folder = TempDir::new().expect("a folder");
    let files = trained(&folder);
    let corpus = corpus(&periodic());
    let whole = bytes(&files.checkpoint);
    let mut rng = bptt::rng(16);
    for _ in 0..200 {
        let mut damaged = whole.clone();
        let bit = rng.random_range(0..8 * whole.len());
        damaged[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(&files.checkpoint, damaged).expect("writable");
        assert!(resume(&corpus, &files).is_err(), "bit {bit}");
    }
}
