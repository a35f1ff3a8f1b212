//! Texts that training takes, and those that it refuses.

use tempfile::TempDir;

use crate::support::{argument, char_lm, corpus, file, refusal, stdout};

/// One step of a tiny model, saved in `folder`, on the text that `arguments` name.
fn one_step(folder: &TempDir, arguments: &[&str]) -> String {
    let out = argument(&folder.path().join("model.safetensors"));
    let tiny = ["--steps", "1", "--hidden", "2", "--embedding", "2", "--out", &out];
    stdout(&char_lm(&[&tiny, arguments].concat())).to_owned()
}

#[test]
fn text_and_baseline_of_a_file_are_told() {
    let folder = TempDir::new().expect("a folder");
    let text = file(&folder, "text.txt", "abcde".repeat(80).as_bytes());
    let told = one_step(&folder, &["--text", &text, "--batch", "4", "--window", "20"]);
    let size = "text   360 characters to learn from, 40 to predict, 5 distinct (files: 1)\n";
    assert!(told.starts_with(size), "{told}");
    // After three characters there is one successor, seen 71 or 72 times: almost certain.
    assert!(told.contains("\n4-gram, Witten–Bell    0.0"), "{told}");
}

#[test]
fn the_default_text_is_this_repository() {
    let folder = TempDir::new().expect("a folder");
    let told = one_step(&folder, &["--batch", "512", "--window", "8"]);
    let documents = ::char_lm::corpus::read_documents(&[]).expect("the repository");
    assert!(told.contains(&format!("(files: {})", documents.len())), "{told}");
}

#[test]
fn a_missing_file_is_named() {
    let folder = TempDir::new().expect("a folder");
    let path = argument(&folder.path().join("none.txt"));
    let expected = format!("error: {path} does not exist: check the path given to --text\n");
    assert_eq!(refusal(&["--text", &path]), expected);
}

#[test]
fn a_folder_is_not_a_text() {
    let folder = TempDir::new().expect("a folder");
    let path = argument(folder.path());
    let message = refusal(&["--text", &path]);
    assert!(message.starts_with(&format!("error: {path} is a folder")), "{message}");
}

#[test]
fn an_empty_file_is_refused_even_beside_others() {
    let folder = TempDir::new().expect("a folder");
    let path = file(&folder, "text.txt", b"");
    let message = refusal(&["--text", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"), &path]);
    assert!(message.starts_with(&format!("error: {path} is empty")), "{message}");
}

#[test]
fn the_first_byte_that_is_not_text_is_located() {
    let folder = TempDir::new().expect("a folder");
    let path = file(&folder, "text.txt", b"caf\xc3\xa9 caf\xe9");
    let message = refusal(&["--text", &path]);
    assert!(message.contains("not UTF-8 text: the first invalid byte is at offset 9"), "{message}");
}

#[test]
fn text_shorter_than_its_sequences_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let path = file(&folder, "text.txt", "x".repeat(100).as_bytes());
    let message = refusal(&["--text", &path, "--batch", "3", "--window", "30"]);
    assert!(message.contains("need 91 characters, and there are 90"), "{message}");
    one_step(&folder, &["--text", &path, "--batch", "2", "--window", "30"]);

    // One character to learn from is enough for one step, but then none is left to predict.
    let path = file(&folder, "text.txt", b"xy");
    let message = refusal(&["--text", &path, "--batch", "1", "--window", "1"]);
    let expected = "the validation part, the last tenth of every file, needs 2 characters, and";
    assert!(message.contains(expected), "{message}");
}

#[test]
fn a_value_without_meaning_is_a_mistake_of_usage() {
    let output = char_lm(&["--hidden", "0"]);
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("'--hidden <N>': it must be at least 1"), "{message}");
}

/// A byte-order mark and a carriage return stand around text; they are none.
#[test]
fn text_of_other_editors_is_the_same_text() {
    let text = "ab\rc\n".repeat(80) + "\u{feff}";
    let told = [text.clone(), format!("\u{feff}{}", text.replace('\n', "\r\n"))].map(|text| {
        let folder = TempDir::new().expect("a folder");
        let text = file(&folder, "text.txt", text.as_bytes());
        let told = one_step(&folder, &["--text", &text, "--batch", "4", "--window", "20"]);
        let name = argument(folder.path());
        told.replace(&name, "")
    });
    assert_eq!(told[0], told[1]);
    // a mark and a carriage return elsewhere are characters like others
    assert!(
        told[0].contains("361 characters to learn from, 40 to predict, 6 distinct"),
        "{told:?}"
    );
    let folder = TempDir::new().expect("a folder");
    let path = file(&folder, "text.txt", "\u{feff}".as_bytes());
    assert!(refusal(&["--text", &path]).starts_with(&format!("error: {path} is empty")));
}

/// What never ends or comes only once is refused, rather than waited for.
#[cfg(unix)]
#[test]
fn pipes_and_devices_are_refused() {
    let folder = TempDir::new().expect("a folder");
    let pipe = argument(&folder.path().join("model.checkpoint.safetensors"));
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("it is there");
    assert!(made.success());
    for path in [pipe.as_str(), "/dev/zero", "/dev/null"] {
        let expected = format!("error: {path} is not a regular file: save it as one first");
        for arguments in [["--text", path].as_slice(), &["generate", "--weights", path]] {
            let message = refusal(arguments);
            assert!(message.starts_with(&expected), "{message}");
        }
    }
    let out = argument(&folder.path().join("model.safetensors"));
    let text = file(&folder, "text.txt", "ab".repeat(2000).as_bytes());
    let message = refusal(&["--resume", "--out", &out, "--text", &text]);
    assert!(message.contains("is not a regular file"), "{message}");
}

#[test]
fn sizes_that_no_memory_holds_are_refused() {
    let folder = TempDir::new().expect("a folder");
    let text = file(&folder, "text.txt", "abcde\n".repeat(4000).as_bytes());
    let most = u64::MAX.to_string();
    for (flag, value) in [
        ("--hidden", "100000"),
        ("--layers", "1000000000"),
        ("--hidden", &most),
        ("--layers", &most),
        ("--embedding", &most),
    ] {
        let message = refusal(&["--text", &text, flag, value]);
        assert!(message.starts_with("error: about "), "{flag} {value}: {message}");
        assert!(message.contains("B of memory are needed, and "), "{flag} {value}: {message}");
    }
    for flag in ["--batch", "--window"] {
        let message = refusal(&["--text", &text, flag, &most]);
        assert!(message.starts_with("error: too little text: "), "{flag}: {message}");
    }
}

/// All 1 112 064 characters that there are, which make logits of a terabyte.
#[test]
fn all_of_unicode_is_a_vocabulary() {
    let folder = TempDir::new().expect("a folder");
    let all: String = ('\0'..=char::MAX).collect();
    let text = file(&folder, "text.txt", all.as_bytes());
    let message = refusal(&["--text", &text, "--batch", "1000", "--hidden", "1"]);
    assert!(
        message.contains("TB of memory are needed") && message.contains("different"),
        "{message}"
    );
    let corpus = corpus(&all);
    assert_eq!(corpus.vocabulary.len(), 1_112_064);
    assert_eq!(corpus.vocabulary.decode(&corpus.train).chars().count(), 1_000_858);
    assert!(corpus.validation.iter().copied().eq(1_000_858..1_112_064));
    let described = corpus.vocabulary.to_string();
    assert_eq!(described.parse(), Ok(corpus.vocabulary));
}
