//! Parts are what a simple reader of whole texts makes of them.

use super::*;
use crate::text::sources::program_files;

/// Returns the words of a text as the reader of a scripting language takes them.
fn words(text: &str) -> Vec<&str> {
    let lines = text.strip_suffix('\n').unwrap_or(text).split('\n');
    let words = lines.flat_map(|line| line.split_whitespace().chain(["<eos>"]));
    if text.is_empty() { Vec::new() } else { words.collect() }
}

/// Returns the tokens' texts.
fn units(corpus: &Corpus, part: &Part) -> Vec<String> {
    let tokens = part.tokens.to_vec();
    tokens.iter().map(|&token| corpus.vocabulary.token_text(token).into_owned()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn blocks_and_stores_make_no_difference(texts in prop::collection::vec(texts(), 2..4), block in 1_usize..9) {
        let files = Files::new(&texts);
        for units in [Units::Characters, Units::Bytes, Units::Words, Units::BytePairs] {
            let size = (units == Units::BytePairs).then_some(260);
            for settings in [files.parts(units), files.split(units)] {
                let settings = TextSettings { vocabulary_size: size, test_share: 0.2, ..settings };
                let whole = files.open(&settings).expect("a corpus");
                let stored = files.open_stored(&settings, block).expect("a corpus");
                prop_assert_eq!(&stored, &whole);
                prop_assert_eq!(stored.fingerprint(), whole.fingerprint());
                let again = files.open_stored(&settings, block).expect("a store");
                prop_assert_eq!(&again, &whole);
            }
        }
    }

    #[test]
    fn characters_and_byte_pairs_decode_to_the_text(texts in prop::array::uniform2(texts())) {
        let files = Files::new(&texts);
        for units in [Units::Characters, Units::BytePairs] {
            let corpus = files.open(&files.parts(units)).expect("a corpus");
            for (part, text) in [&corpus.train, &corpus.validation].into_iter().zip(&texts) {
                prop_assert_eq!(decoded(&corpus, part), read(text));
                prop_assert_eq!(part.characters, read(text).chars().count() as u64);
                prop_assert_eq!(part.words, words(&read(text)).len() as u64);
            }
        }
    }

    #[test]
    fn bytes_are_those_of_the_file(contents in prop::array::uniform2(prop::collection::vec(any::<u8>(), 1..60))) {
        let files = Files::new(&contents);
        let corpus = files.open(&files.parts(Units::Bytes)).expect("a corpus");
        prop_assert_eq!(corpus.vocabulary.len(), 256);
        for (part, bytes) in [&corpus.train, &corpus.validation].into_iter().zip(&contents) {
            prop_assert!(part.tokens.to_vec().iter().copied().eq(bytes.iter().map(|&byte| u32::from(byte))));
        }
    }

    #[test]
    fn words_are_those_between_white_space(texts in prop::array::uniform2(texts())) {
        let files = Files::new(&texts);
        let corpus = files.open(&files.parts(Units::Words)).expect("a corpus");
        let [train, validation] = texts.map(|text| read(&text));
        let known = words(&train);
        prop_assert_eq!(&units(&corpus, &corpus.train), &known);
        prop_assert_eq!(corpus.train.words, corpus.train.tokens.len() as u64);
        let validation = words(&validation).into_iter().map(|word| {
            if word == "<eos>" || known.contains(&word) { word } else { "<unk>" }
        });
        prop_assert_eq!(units(&corpus, &corpus.validation), validation.collect::<Vec<_>>());
    }
}

#[test]
fn a_generated_language_is_a_text() {
    let language = Some("embedded-reber".parse().expect("a language"));
    let sizes =
        TextSettings { train_symbols: 500, validation_symbols: 90, ..TextSettings::default() };
    let settings = TextSettings { language, test_symbols: 0, ..sizes };
    let files = Files::new::<&str>(&[]);
    let corpus = files.open(&settings).expect("a corpus");
    assert_eq!(corpus.vocabulary.to_string(), "characters\nBEPSTVX");
    let generated = settings.language.as_ref().expect("the language").generate(1, 500);
    assert_eq!(decoded(&corpus, &corpus.train), generated);
    assert!(corpus.test.is_none() && corpus.validation.tokens.len() >= 90);
    assert_eq!(files.open_stored(&settings, 7).expect("a corpus"), corpus);
}

#[test]
fn the_fingerprint_sees_every_change() {
    let of = |texts: [&str; 2], units| {
        let files = Files::new(&texts);
        files.open(&files.parts(units)).expect("a corpus").fingerprint()
    };
    let original = of(["abcabc", "ab"], Units::Characters);
    assert_eq!(original, of(["abcabc", "ab"], Units::Characters));
    assert_ne!(original, of(["abcacb", "ab"], Units::Characters), "order");
    assert_ne!(original, of(["abdabd", "ab"], Units::Characters), "characters of the same ranks");
    assert_ne!(original, of(["abcab", "cab"], Units::Characters), "division");
    assert_ne!(original, of(["abcabc", "ab"], Units::Bytes), "units");
}

#[test]
fn without_files_the_text_is_the_repository() {
    let corpus = Files::new::<&str>(&[]).open(&TextSettings::default()).expect("the repository");
    assert!(corpus.train.tokens.len() > 1_000_000 && corpus.test.is_none());
    let share = corpus.validation.tokens.len() as f64 / corpus.train.tokens.len() as f64;
    assert!((share - 1.0 / 9.0).abs() < 1e-3, "{share}");
}

/// A run with a cell of one's own keeps its source, which must not become part of the text that the run is resumed with.
#[test]
fn folders_of_runs_are_no_part_of_the_repository() {
    let folder = TempDir::new().expect("a folder");
    let files = ["a.rs", "guide/b.md", "runs/mine/my_cell.rs", "target/c.rs", ".hidden/d.rs"];
    for file in files.into_iter().chain(["runs/mine/model.lock", "model.lock"]) {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
        fs::write(path, "text").expect("writable");
    }
    let found = program_files(folder.path()).expect("there are two");
    assert_eq!(found, ["a.rs", "guide/b.md"].map(|file| folder.path().join(file)));
}
