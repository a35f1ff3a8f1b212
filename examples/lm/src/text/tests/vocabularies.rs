//! A vocabulary is what its text describes, and what it encodes decodes.

use std::sync::LazyLock;

use super::super::{InvalidVocabulary, Vocabulary};
use super::*;

static BYTE_PAIRS: LazyLock<Vocabulary> =
    LazyLock::new(|| byte_pairs("the cat, the hat, the bat's "));

fn byte_pairs(text: &str) -> Vocabulary {
    Vocabulary::byte_pairs(std::iter::once(text.to_owned()), 300).expect("a tokenizer")
}

fn words(text: &str) -> Vocabulary {
    let files = Files::new(&[text]);
    files.open(&files.parts(Units::Words)).expect("a corpus").vocabulary
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn its_text_describes_it_completely(text in texts(), any in "\\PC{1,20}") {
        let characters = |text: &str| Vocabulary::characters(text.chars()).expect("characters");
        for vocabulary in [characters(&text), characters(&any), Vocabulary::bytes(), words(&text)] {
            let again: Vocabulary = vocabulary.to_string().parse().expect("its own text");
            prop_assert_eq!(again.to_string(), vocabulary.to_string());
            prop_assert_eq!(again, vocabulary);
        }
    }

    #[test]
    fn any_text_is_kept_by_bytes_and_byte_pairs(text in any::<String>()) {
        for vocabulary in [&Vocabulary::bytes(), &BYTE_PAIRS] {
            let tokens = vocabulary.encode(&text).expect("any text");
            prop_assert_eq!(vocabulary.decode(&tokens), &text[..]);
        }
    }

    #[test]
    fn tokens_are_decoded_as_they_come(tokens in prop::collection::vec(0_u32..256, 0..40)) {
        for vocabulary in [&Vocabulary::bytes(), &BYTE_PAIRS] {
            let bytes: Vec<u8> = match vocabulary.units() {
                Units::Bytes => tokens.iter().map(|&token| token as u8).collect(),
                _ => continue,
            };
            prop_assert_eq!(vocabulary.decode(&tokens), String::from_utf8_lossy(&bytes));
        }
        let mut decoder = BYTE_PAIRS.decoder();
        let mut text: String = tokens.iter().map(|&token| decoder.push(token)).collect();
        text += &decoder.finish();
        prop_assert_eq!(text, BYTE_PAIRS.decode(&tokens));
    }

    #[test]
    fn words_encode_to_what_they_were_decoded_from(text in texts(), picks in prop::collection::vec(any::<prop::sample::Index>(), 0..30)) {
        let vocabulary = words(&text);
        let tokens: Vec<u32> = picks.iter().map(|pick| pick.index(vocabulary.len()) as u32).collect();
        prop_assert_eq!(vocabulary.encode(&vocabulary.decode(&tokens)).expect("words"), tokens);
    }

    #[test]
    fn any_text_is_a_vocabulary_or_refused(units in "characters|bytes|words|byte-pairs|", rest in "(\\PC|\n){0,40}") {
        let text = format!("{units}\n{rest}");
        if let Ok(vocabulary) = text.parse::<Vocabulary>() {
            prop_assert_eq!(vocabulary.to_string(), text);
        }
    }
}

#[test]
fn byte_pairs_are_learned_the_same_each_time() {
    let vocabulary = byte_pairs(&"to be or not to be, that is the question: é ".repeat(9));
    assert_eq!(vocabulary, byte_pairs(&"to be or not to be, that is the question: é ".repeat(9)));
    assert!((257..=300).contains(&vocabulary.len()), "{}", vocabulary.len());
    let again: Vocabulary = vocabulary.to_string().parse().expect("its own text");
    assert_eq!(again.to_string(), vocabulary.to_string());
    let tokens = vocabulary.encode(" to be é").expect("any text");
    let texts: Vec<_> = tokens.iter().map(|&token| vocabulary.token_text(token)).collect();
    assert_eq!(texts, [" to", " be", " é"]);
}

#[test]
fn incomplete_characters_wait() {
    let bytes = Vocabulary::bytes();
    let mut decoder = bytes.decoder();
    let texts: Vec<_> = "é".bytes().chain([0xe6, b'a']).map(|b| decoder.push(b.into())).collect();
    assert_eq!(texts, ["", "é", "", "\u{fffd}a"]);
    let _ = decoder.push(0xe6);
    assert_eq!(decoder.finish(), "\u{fffd}");
    assert_eq!(bytes.token_text(0xe6), "\\xe6");
}

#[test]
fn other_texts_are_refused() {
    for text in [
        "",
        "chars\nabc",
        "characters",
        "characters\n",
        "characters\nba",
        "characters\naa",
        "bytes\na",
        "words\n",
        "words\na",
        "words\n<unk>",
        "words\n<unk>\n<eos>\n",
        "words\n<unk>\n<eos>\na b",
        "words\n<unk>\n<eos>\n<unk>",
        "byte-pairs\n",
        "byte-pairs\n{}",
    ] {
        let error = text.parse::<Vocabulary>().expect_err(text);
        assert!(!error.to_string().is_empty());
    }
}

#[test]
fn a_tokenizer_that_loses_text_is_refused() {
    let text = BYTE_PAIRS.to_string();
    let json = text.strip_prefix("byte-pairs\n").expect("its units");
    assert_eq!(Vocabulary::tokenizer(json).as_ref(), Ok(&*BYTE_PAIRS));
    for (before, after) in [
        ("\"add_prefix_space\":false", "\"add_prefix_space\":true"),
        ("\"normalizer\":null", "\"normalizer\":{\"type\":\"Lowercase\"}"),
        ("\"dropout\":null", "\"dropout\":0.1"),
        ("\"continuing_subword_prefix\":null", "\"continuing_subword_prefix\":\"##\""),
        ("\"end_of_word_suffix\":null", "\"end_of_word_suffix\":\"</w>\""),
        ("\"!\":0,", ""),
        ("\"!\":0,", "\"!\":4000000000,"),
        ("\"!\":0,", "\"!\":1,"),
        ("\"type\":\"ByteLevel\"", "\"type\":\"Whitespace\""),
    ] {
        let changed = json.replace(before, after);
        assert_ne!(changed, json, "{before}");
        let error = Vocabulary::tokenizer(&changed).expect_err(after);
        assert!(matches!(error, InvalidVocabulary::Tokenizer(_)), "{error}");
    }
}

#[test]
fn an_added_token_is_its_own_bytes() {
    let text = BYTE_PAIRS.to_string();
    let json = text.strip_prefix("byte-pairs\n").expect("its units");
    let with = |content: &str| {
        let added = format!(
            "\"added_tokens\":[{{\"id\":0,\"content\":\"{content}\",\"single_word\":false,\"lstrip\":false,\
             \"rstrip\":false,\"normalized\":false,\"special\":false}}]"
        );
        json.replace("\"added_tokens\":[]", &added)
    };
    for content in ["<end>", "!", "Ġ!"] {
        let vocabulary = Vocabulary::tokenizer(&with(content)).expect(content);
        let text = format!("the cat{content} Ġ\0");
        assert_eq!(vocabulary.decode(&vocabulary.encode(&text).expect("any text")), text);
    }
    let space = with("Ġ"); // in the encoding, the token of a space
    let zero = with("Ā").replace("\"Ā\":188", "\"!!\":188"); // without it, nothing encodes the byte 0
    for json in [space, zero] {
        let error = Vocabulary::tokenizer(&json).expect_err("not lossless");
        assert!(matches!(error, InvalidVocabulary::Tokenizer(_)), "{error}");
    }
}
