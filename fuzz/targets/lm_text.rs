//! A file of any bytes is a text in some units, or refused; a text decodes to what the file holds.
#![no_main]

use std::cell::LazyCell;
use std::fs;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use lm::text::{Corpus, TextSettings, Units, Vocabulary};
use tempfile::TempDir;

thread_local! {
    static FOLDER: LazyCell<TempDir> = LazyCell::new(|| TempDir::new().expect("a folder"));
    static BYTE_PAIRS: LazyCell<Vocabulary> = LazyCell::new(|| {
        let text = include_str!("../seeds/lm_vocabulary/byte-pairs");
        text.parse().expect("a tokenizer")
    });
}

fn check(settings: &TextSettings, bytes: &[u8], folder: &Path) {
    let opened = match settings.units {
        Units::BytePairs => {
            BYTE_PAIRS.with(|vocabulary| Corpus::open_with(settings, vocabulary, folder))
        }
        _ => Corpus::open(settings, folder),
    };
    let corpus = match opened {
        Ok(corpus) => corpus,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let parts = [Some(&corpus.train), Some(&corpus.validation), corpus.test.as_ref()];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    let tokens: Vec<u32> = parts.iter().flat_map(|part| part.tokens.to_vec()).collect();
    if settings.units == Units::Bytes {
        assert!(tokens.iter().copied().eq(bytes.iter().map(|&byte| u32::from(byte))));
        return;
    }
    let text = std::str::from_utf8(bytes).expect("it was accepted");
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    let characters = parts.iter().map(|part| part.characters).sum::<u64>();
    assert_eq!(characters, text.chars().count() as u64);
    if settings.units != Units::Words {
        assert_eq!(corpus.vocabulary.decode(&tokens), text);
    }
    if settings.units != Units::BytePairs {
        assert_eq!(corpus.vocabulary.to_string().parse(), Ok(corpus.vocabulary));
    }
}

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (validation, test, bytes) = input;
    FOLDER.with(|folder| {
        let path = folder.path().join("text");
        fs::write(&path, bytes).expect("writable");
        for units in [Units::Characters, Units::Bytes, Units::Words, Units::BytePairs] {
            let settings = TextSettings {
                text: vec![path.clone()],
                units,
                validation_share: f64::from(validation) / 255.0,
                test_share: f64::from(test) / 255.0,
                ..TextSettings::default()
            };
            check(&settings, bytes, folder.path());
        }
    });
});
