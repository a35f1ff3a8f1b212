//! Everything a file can do wrong has its error.

use super::super::Vocabulary;
use super::super::encode::encode;
use super::super::sources::Sources;
use super::*;

fn failure(files: &Files, settings: &TextSettings) -> TextError {
    files.open_stored(settings, 3).expect_err("an error")
}

#[test]
fn files_that_are_no_texts_are_refused() {
    let files = Files::new(&["", "text"]);
    let of = |path: PathBuf| {
        failure(&files, &TextSettings { text: vec![path], ..TextSettings::default() })
    };
    assert!(matches!(of(files.folder.path().join("none")), TextError::Missing { .. }));
    assert!(matches!(of(files.folder.path().to_path_buf()), TextError::Folder { .. }));
    assert!(matches!(of("/dev/null".into()), TextError::NotAFile { .. }));
    assert!(matches!(of(files.paths[0].clone()), TextError::Empty { .. }));
    assert!(matches!(of(files.paths[1].join("below")), TextError::Read { .. }));
}

#[test]
fn the_first_byte_that_is_not_utf_8_is_named() {
    for offset in 0..12 {
        for invalid in [&b"\xff"[..], b"\xc3", b"\xe6\xbc", b"\xed\xa0\x80"] {
            let mut text = "aé\r\n漢 b, é".as_bytes().to_vec();
            while std::str::from_utf8(&text[..offset]).is_err() {
                text.insert(0, b'a');
            }
            text.truncate(offset);
            text.extend_from_slice(invalid);
            for more in [&b""[..], b" a", b"\n"] {
                let files = Files::new(&[&[&text[..], more].concat()[..], b"a"]);
                for units in [Units::Characters, Units::Words, Units::BytePairs] {
                    let error = failure(&files, &files.parts(units));
                    let TextError::NotUtf8 { offset: found, .. } = error else { panic!("{error}") };
                    assert_eq!(found, offset as u64, "{text:?}");
                }
            }
        }
    }
}

#[test]
fn an_unknown_character_is_named_with_its_place() {
    let files = Files::new(&["abab\r\nab\u{e9}bab\n\u{e9}"]);
    let vocabulary = Vocabulary::characters("ab\n".chars()).expect("characters");
    let limits = Limits { block: 3, in_memory: 0 };
    let of = |share| {
        let settings = TextSettings { validation_share: share, ..files.split(Units::Characters) };
        Corpus::open_within(&settings, Some(&vocabulary), &files.store(), limits).expect_err("é")
    };
    let file = files.paths[0].display();
    let message = of(0.1).to_string();
    assert!(
        message.starts_with(&format!(
            "{file}:2:3: 'é' (U+00E9) is not among the 3 characters that the model knows"
        )),
        "{message}"
    );
    let error = Vocabulary::characters("abc".chars()).expect("characters").encode("ad");
    assert_eq!(
        error.expect_err("d").to_string(),
        "character number 2, 'd' (U+0064), is not among the 3 that the model knows; remove it, or \
         train on text that contains it"
    );
}

#[test]
fn a_file_that_changes_while_it_is_read_is_refused() {
    for changed in ["0123", "01234567890", "9876543210"] {
        for units in [Units::Bytes, Units::Characters, Units::Words] {
            let files = Files::new(&["0123456789"]);
            let sources = Sources::find(&files.split(units)).expect("a file");
            std::thread::sleep(std::time::Duration::from_millis(20)); // a later time of modification
            fs::write(&files.paths[0], changed).expect("writable");
            let vocabulary = match units {
                Units::Bytes => Vocabulary::bytes(),
                _ => Vocabulary::characters('0'..='9').expect("characters"),
            };
            let error = sources
                .spans()
                .map(|span| encode(std::slice::from_ref(span), &vocabulary, 3, |_| Ok(())))
                .collect::<Result<Vec<_>, _>>()
                .expect_err(changed);
            assert!(matches!(error, TextError::Changed { .. }), "{error}");
        }
    }
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let files = Files::new(&["some text", "more"]);
    let whole = files.split(Units::Words);
    let cases = [
        (TextSettings { train: Some("a".into()), ..whole.clone() }, "use one or the other"),
        (TextSettings { validation_share: 0.7, test_share: 0.4, ..whole.clone() }, "at most 1"),
        (TextSettings { test_share: f64::NAN, ..whole.clone() }, "from 0 to 1"),
        (TextSettings { validation_share: -0.1, ..whole.clone() }, "from 0 to 1"),
        (TextSettings { validation_share: 1.0, ..whole.clone() }, "no training text"),
        (TextSettings { tokenizer: Some("a".into()), ..whole.clone() }, "--units byte-pairs"),
        (TextSettings { vocabulary_size: Some(1), ..whole.clone() }, "at least 2"),
        (
            TextSettings { vocabulary_size: Some(255), ..files.split(Units::BytePairs) },
            "256 to 1000000 for byte pairs",
        ),
        (
            TextSettings { vocabulary_size: Some(usize::MAX), ..files.split(Units::BytePairs) },
            "256 to 1000000 for byte pairs",
        ),
        (
            TextSettings {
                language: Some("pcfg".parse().expect("a language")),
                train_symbols: usize::MAX,
                ..TextSettings::default()
            },
            "lower --train-symbols",
        ),
        (
            TextSettings { language: Some("pcfg".parse().expect("a language")), ..whole.clone() },
            "without files",
        ),
        (
            TextSettings {
                tokenizer: Some(files.paths[0].clone()),
                ..files.split(Units::BytePairs)
            },
            "0.txt: the tokenizer cannot be used",
        ),
        (TextSettings { train: None, ..files.parts(Units::Words) }, "no training text"),
    ];
    for (settings, reason) in cases {
        let message = failure(&files, &settings).to_string();
        assert!(message.contains(reason), "should say \"{reason}\": {message}");
    }
}
