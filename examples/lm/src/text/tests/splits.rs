//! Where files are split.

use super::*;

#[test]
fn every_file_gives_its_last_tenth() {
    let files = Files::new(&["aaaaaaaaab".to_owned(), "c".repeat(19) + "d"]);
    let corpus = files.open(&files.split(Units::Characters)).expect("a corpus");
    assert_eq!(decoded(&corpus, &corpus.train), "a".repeat(9) + &"c".repeat(18));
    assert_eq!(decoded(&corpus, &corpus.validation), "bcd");
    assert_eq!(corpus.to_string(), "27 tokens to learn from, 3 to validate, 4 distinct");
}

#[test]
fn the_test_share_is_the_end() {
    let files = Files::new(&["0123456789"]);
    let settings =
        TextSettings { validation_share: 0.3, test_share: 0.2, ..files.split(Units::Characters) };
    let corpus = files.open(&settings).expect("a corpus");
    let test = corpus.test.as_ref().expect("a test part");
    let parts = [&corpus.train, &corpus.validation, test].map(|part| decoded(&corpus, part));
    assert_eq!(parts, ["01234", "567", "89"]);
    assert!(corpus.to_string().contains(", 2 to test"));
}

#[test]
fn words_are_split_at_lines_and_else_at_words() {
    let parts = |text: &str, units| {
        let files = Files::new(&[text]);
        let settings = TextSettings { validation_share: 0.5, ..files.split(units) };
        let corpus = files.open(&settings).expect("a corpus");
        [&corpus.train, &corpus.validation].map(|part| decoded(&corpus, part))
    };
    assert_eq!(parts("a b\na b a b a\n", Units::Words), ["a b\n", "a b a b a\n"]);
    assert_eq!(parts("ab ab ab ab", Units::Words), ["ab ab", "ab ab\n"]);
    assert_eq!(parts("ab\r\nab", Units::Words)[0], "ab", "not between \\r and \\n");
    assert_eq!(parts("ab\r\nab ab a", Units::BytePairs), ["ab\n", "ab ab a"]);
    assert_eq!(parts("ab\r\nab", Units::Characters), ["ab", "\nab"], "not inside a line's end");
    assert_eq!(parts("ééé", Units::Characters), ["é", "éé"], "not inside a character");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_parts_are_the_text(text in texts(), validation in 0.0..0.6, test in 0.0..0.4) {
        let files = Files::new(&[&text]);
        for units in [Units::Characters, Units::Words, Units::BytePairs] {
            let settings = TextSettings {
                validation_share: validation,
                test_share: test,
                ..files.split(units)
            };
            let Ok(corpus) = files.open(&settings) else { continue }; // no training part
            let parts = [Some(&corpus.train), Some(&corpus.validation), corpus.test.as_ref()];
            let parts: Vec<_> = parts.into_iter().flatten().collect();
            let characters = parts.iter().map(|part| part.characters).sum::<u64>();
            prop_assert_eq!(characters, read(&text).chars().count() as u64);
            if units != Units::Words {
                let whole: String = parts.into_iter().map(|part| decoded(&corpus, part)).collect();
                prop_assert_eq!(whole, read(&text));
            }
        }
    }
}
