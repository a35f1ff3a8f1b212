//! Which files of a source tree are its text.

use std::fs;
use std::path::PathBuf;

use char_lm::corpus::{read_documents, read_sources, repository};
use char_lm::error::Error;
use tempfile::TempDir;

#[test]
fn sources_are_sorted_and_what_is_built_or_hidden_is_skipped() {
    let folder = TempDir::new().expect("a folder");
    let files = [
        "README.md",
        "b/src/lib.rs",
        "a/tests/t.rs",
        "a/notes.txt",
        "a/target.rs",
        "a/empty.rs",
        "target/release/build.rs",
        "b/target/build.rs",
        ".git/hook.rs",
        "b/.hidden/x.md",
    ];
    for name in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a file in a folder")).expect("writable");
        fs::write(path, if name == "a/empty.rs" { "" } else { name }).expect("writable");
    }
    fs::create_dir(folder.path().join("folder.md")).expect("writable");

    let documents = read_sources(folder.path()).expect("text");
    let texts: Vec<_> = documents.iter().map(|document| document.text.as_str()).collect();
    assert_eq!(texts, ["README.md", "a/target.rs", "a/tests/t.rs", "b/src/lib.rs"]);
    for document in &documents {
        assert_eq!(document.path, folder.path().join(&document.text));
    }
}

#[test]
fn a_tree_without_text_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let error = read_sources(folder.path()).expect_err("no text");
    assert!(matches!(error, Error::NoRepository { .. }), "{error}");
    assert!(error.to_string().contains("give the text to learn from with --text FILE"));
    let missing = read_sources(&folder.path().join("none")).expect_err("no folder");
    assert!(matches!(missing, Error::NoRepository { .. }), "{missing}");
}

#[test]
fn the_default_documents_include_this_very_file() {
    let documents = read_documents(&[]).expect("the repository");
    let this = repository().join("examples/char-lm/tests/program/repository.rs");
    assert!(documents.iter().any(|document| document.path == this));
    assert!(documents.is_sorted_by_key(|document| &document.path));
}

#[test]
fn named_files_keep_their_order() {
    let folder = TempDir::new().expect("a folder");
    let paths: [PathBuf; 2] = ["z.txt", "a.txt"].map(|name| folder.path().join(name));
    for path in &paths {
        fs::write(path, "text").expect("writable");
    }
    let documents = read_documents(&paths).expect("two texts");
    assert!(documents.iter().map(|document| &document.path).eq(&paths));
}
