//! Stores are written as a whole, found again, and not trusted when damaged.

use std::io;
use std::os::unix::fs::MetadataExt;

use super::super::Vocabulary;
use super::super::sources::Sources;
use super::super::store::{self, Unusable};
use super::*;

const TEXT: &str = "some text\r\nof two lines, é\n";

/// Returns the only file of the store's folder.
fn store_of(files: &Files) -> PathBuf {
    let entries: Vec<_> = fs::read_dir(files.store()).expect("a folder").collect();
    let [Ok(entry)] = &entries[..] else { panic!("{entries:?}") };
    entry.path()
}

#[test]
fn an_unchanged_text_is_not_encoded_again() {
    let files = Files::new(&[TEXT]);
    let settings = files.split(Units::Words);
    let inode = || fs::metadata(store_of(&files)).expect("the store").ino();
    let corpus = files.open_stored(&settings, 4).expect("a corpus");
    let first = inode();
    assert_eq!(files.open_stored(&settings, 4).expect("a corpus"), corpus);
    assert_eq!(inode(), first);
    fs::write(&files.paths[0], TEXT.replace("some", "many")).expect("writable");
    let changed = files.open_stored(&settings, 4).expect("a corpus");
    assert_ne!(changed, corpus);
    assert_ne!(inode(), first, "replaced, in the same place");
    assert_eq!(decoded(&corpus, &corpus.train), "some text\n", "the mapped file stays as it was");
}

#[test]
fn other_settings_have_other_stores() {
    let files = Files::new(&[TEXT]);
    for units in [Units::Characters, Units::Bytes, Units::Words] {
        files.open_stored(&files.split(units), 4).expect("a corpus");
    }
    let settings = TextSettings { min_count: 2, ..files.split(Units::Words) };
    let corpus = files.open_stored(&settings, 4).expect("a corpus");
    let limits = Limits { block: 3, in_memory: 0 };
    let vocabulary = Some(&corpus.vocabulary);
    let of_model = Corpus::open_within(&settings, vocabulary, &files.store(), limits);
    assert_eq!(of_model.expect("a corpus"), corpus);
    assert_eq!(fs::read_dir(files.store()).expect("a folder").count(), 5);
}

#[test]
fn another_tokenizer_of_the_same_name_has_another_store() {
    let files = Files::new(&[TEXT]);
    let path = files.folder.path().join("tokenizer.json");
    let settings = TextSettings { tokenizer: Some(path.clone()), ..files.split(Units::BytePairs) };
    let mut corpus = |of: &str| {
        let vocabulary = Vocabulary::byte_pairs([of.to_owned()].into_iter(), 300).expect("pairs");
        let vocabulary = vocabulary.to_string();
        fs::write(&path, vocabulary.strip_prefix("byte-pairs\n").expect("its units"))
            .expect("written");
        files.open_stored(&settings, 4).expect("a corpus")
    };
    let [first, second] = ["some some some", "lines lines"].map(&mut corpus);
    assert_ne!(first.vocabulary, second.vocabulary);
}

#[test]
fn damage_is_seen() {
    let files = Files::new(&[TEXT]);
    let sources = Sources::find(&files.split(Units::Characters)).expect("a file");
    let vocabulary = Vocabulary::characters(read(TEXT).chars()).expect("characters");
    let path = files.folder.path().join("tokens");
    store::write(&path, "identity", &sources, &vocabulary, 9).expect("writable");
    let bytes = fs::read(&path).expect("readable");
    let open = |bytes: &[u8], identity| {
        fs::write(&path, bytes).expect("writable");
        store::open(&path, identity)
    };
    assert_eq!(open(&bytes, "identity").expect("a store").vocabulary, vocabulary);
    assert!(matches!(open(&bytes, "another"), Err(Unusable::Other)));
    for place in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[place] ^= 1 << (place % 8);
        for damaged in [&flipped, &bytes[..place], &[&bytes[..=place], &bytes[place..]].concat()] {
            assert!(matches!(open(damaged, "identity"), Err(Unusable::Damaged)), "{place}");
        }
    }
}

#[test]
fn a_damaged_store_is_written_again() {
    let files = Files::new(&[TEXT]);
    let settings = files.split(Units::Characters);
    let corpus = files.open(&settings).expect("a corpus");
    files.open_stored(&settings, 9).expect("a corpus");
    let path = store_of(&files);
    let bytes = fs::read(&path).expect("readable");
    fs::write(&path, &bytes[1..]).expect("writable");
    assert_eq!(files.open_stored(&settings, 9).expect("a corpus"), corpus);
    assert_eq!(fs::read(&path).expect("readable"), bytes);
}

#[test]
fn a_store_that_cannot_be_written_is_an_error() {
    let files = Files::new(&[TEXT]);
    fs::write(files.store(), "a file").expect("writable");
    let error = files.open_stored(&files.split(Units::Bytes), 9).expect_err("no folder");
    assert!(matches!(error, TextError::Store { .. }), "{error}");
    let full = io::Error::from(io::ErrorKind::StorageFull);
    let error = store::failed_to_write(&files.paths[0], full);
    assert!(matches!(error, TextError::DiskFull { .. }), "{error}");
}
