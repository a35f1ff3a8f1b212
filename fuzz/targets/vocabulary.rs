//! A text is what the tokens of its vocabulary decode to, and a vocabulary what its characters are parsed as.
#![no_main]

use char_lm::vocabulary::Vocabulary;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|texts: (&str, &str)| {
    let (text, other) = texts;
    let Ok(vocabulary) = text.parse::<Vocabulary>() else {
        assert!(text.is_empty());
        return;
    };
    let tokens = vocabulary.encode(text).expect("the vocabulary is that of the text");
    assert_eq!(vocabulary.decode(&tokens), text);
    assert_eq!(vocabulary.to_string().parse(), Ok(vocabulary.clone()));
    if let Err(unknown) = vocabulary.encode(other) {
        assert_eq!(other.chars().nth(unknown.position - 1), Some(unknown.character));
        assert!(!text.contains(unknown.character));
    }
});
