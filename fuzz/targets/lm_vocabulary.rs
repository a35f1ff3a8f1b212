//! A text describes a vocabulary or is refused. A vocabulary equals the one that its own text describes, and decodes
//! what it encodes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lm::text::{Units, Vocabulary};

fuzz_target!(|text: &str| {
    let vocabulary = match text.parse::<Vocabulary>() {
        Ok(vocabulary) => vocabulary,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    assert_eq!(vocabulary.to_string().parse(), Ok(vocabulary.clone()));
    for text in [text, "the cat's  12 é\n\n漢"] {
        let tokens = match vocabulary.encode(text) {
            Ok(tokens) => tokens,
            Err(unknown) => {
                assert_eq!(text.chars().nth(unknown.position - 1), Some(unknown.character));
                continue;
            }
        };
        assert!(tokens.iter().all(|&token| (token as usize) < vocabulary.len()));
        let decoded = vocabulary.decode(&tokens);
        if vocabulary.units() == Units::Words {
            assert_eq!(vocabulary.encode(&decoded), Ok(tokens));
        } else {
            assert_eq!(decoded, text);
        }
    }
});
