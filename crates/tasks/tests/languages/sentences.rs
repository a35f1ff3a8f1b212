//! What is generated, and what is legal.

use crate::recognisers::{agreement, embedded_reber, reber, recogniser};
use crate::{ALL, language};

/// The languages that have a recogniser.
fn recognised() -> impl Iterator<Item = &'static str> {
    ALL.into_iter().filter(|text| !text.starts_with("markov"))
}

/// Strings from the literature: Cleeremans et al. 1989; the course notes of Orr, Schraudolph and Cummins.
#[test]
fn published_sentences() {
    for (text, is_sentence) in [
        ("BTXSE", true),
        ("BPVVE", true),
        ("BTSSXXTVVE", true),
        ("BTXXVPSE", true),
        ("BPVPXVPXVPXVVE", true),
        ("BTSXXVPSE", true),
        ("BTSSPXSE", false),
        ("BPTVVB", false),
        ("BTXXVVSE", false),
        ("BPVSPSE", false),
        ("BTSSSE", false),
    ] {
        assert_eq!(is_stream("reber", text), is_sentence, "{text}");
        assert_eq!(reber(text) == Some(""), is_sentence, "{text}");
        for (embedded, is_sentence) in [
            (format!("BT{text}TE"), is_sentence),
            (format!("BP{text}PE"), is_sentence),
            (format!("BP{text}TE"), false),
        ] {
            assert_eq!(is_stream("embedded-reber", &embedded), is_sentence, "{embedded}");
            assert_eq!(embedded_reber(&embedded) == Some(""), is_sentence, "{embedded}");
        }
    }
    for sentence in ["ni.", "NTn.", "nwtNi.", "nwNTi.", "nwNwntTi."] {
        assert!(is_stream("pcfg", sentence) && agreement(sentence) == Some(""), "{sentence}");
    }
    for other in ["nI.", "nwNti.", "nwNii.", "nt.", "nw."] {
        assert!(!is_stream("pcfg", other) && agreement(other) != Some(""), "{other}");
    }
}

/// Whether a text is a sequence of whole sentences.
fn is_stream(name: &str, text: &str) -> bool {
    let language = language(name);
    let mut reader = language.reader();
    text.chars().all(|symbol| reader.read(symbol).is_some()) && reader.is_between_sentences()
}

/// The lengths of the sentences of a text by a recogniser, if it consists of such.
fn split<'a>(sentence: fn(&'a str) -> Option<&'a str>, mut text: &'a str) -> Option<Vec<usize>> {
    let mut lengths = Vec::new();
    while !text.is_empty() {
        let rest = sentence(text)?;
        lengths.push(text.len() - rest.len());
        text = rest;
    }
    Some(lengths)
}

/// A stream consists of sentences. The reader finds the same ones as the recogniser.
#[test]
fn generated_sentences_are_recognised() {
    for name in recognised() {
        let language = language(name);
        let text = language.generate(5, 5000);
        let lengths = split(recogniser(name), &text).unwrap_or_else(|| panic!("{name}: {text}"));
        let mut reader = language.reader();
        let mut read = vec![0];
        for symbol in text.chars() {
            assert!(reader.read(symbol).is_some(), "{name}");
            *read.last_mut().unwrap() += 1;
            if reader.is_between_sentences() {
                read.push(0);
            }
        }
        assert_eq!(read.pop(), Some(0), "{name}");
        assert_eq!(read, lengths, "{name}");
    }
}

/// A text with one symbol changed, left out or doubled is a stream for the reader if and only if it is one for the
/// recogniser.
#[test]
fn damaged_sentences_are_judged_alike() {
    for name in recognised() {
        let language = language(name);
        let text = language.generate(9, 60);
        let (mut legal, mut illegal) = (0, 0);
        for index in 0..text.len() {
            let changed = language.alphabet().iter().map(char::to_string);
            for put in changed.chain([String::new(), text[index..=index].repeat(2)]) {
                let damaged = [&text[..index], &put, &text[index + 1..]].concat();
                let expected = split(recogniser(name), &damaged).is_some();
                assert_eq!(is_stream(name, &damaged), expected, "{name}: {damaged}");
                if expected { legal += 1 } else { illegal += 1 }
            }
        }
        assert!(legal > 0 && illegal > 0, "{name}: {legal} and {illegal}");
    }
}

#[test]
fn probabilities_of_what_may_follow_sum_to_one() {
    for name in ALL {
        let language = language(name);
        let mut reader = language.reader();
        for symbol in language.generate(2, 2000).chars() {
            let sum: f64 = reader.choices().map(|(_, probability)| probability).sum();
            assert!((sum - 1.0).abs() < 1e-14, "{name}: {sum}");
            let mut symbols: Vec<char> = reader.choices().map(|(symbol, _)| symbol).collect();
            symbols.sort_unstable();
            assert!(symbols.windows(2).all(|pair| pair[0] < pair[1]), "{name}: {symbols:?}");
            assert!(symbols.iter().all(|symbol| language.alphabet().contains(symbol)), "{name}");
            reader.read(symbol).expect("a legal symbol");
        }
    }
}

/// In a long sample each symbol follows as often as it should, within five standard deviations. So what is drawn has the
/// probabilities that are read.
#[test]
fn symbols_are_drawn_as_often_as_is_probable() {
    for name in ALL {
        let language = language(name);
        let mut reader = language.reader();
        let mut excess = vec![(0.0, 0.0); language.alphabet().len()];
        for drawn in language.generate(3, 50_000).chars() {
            for (symbol, probability) in reader.choices() {
                let index = language.alphabet().binary_search(&symbol).expect("of the alphabet");
                let (sum, variance) = &mut excess[index];
                *sum += f64::from(u8::from(symbol == drawn)) - probability;
                *variance += probability * (1.0 - probability);
            }
            reader.read(drawn).expect("a legal symbol");
        }
        for (symbol, (sum, variance)) in language.alphabet().iter().zip(excess) {
            assert!(sum.abs() <= 5.0 * f64::sqrt(variance), "{name}: {symbol} {sum} {variance}");
        }
    }
}

#[test]
fn texts_follow_from_the_seed() {
    for name in ALL {
        let language = language(name);
        let text = language.generate(4, 1000);
        assert!(text.len() >= 1000, "{name}");
        assert_eq!(text, language.generate(4, 1000), "{name}");
        assert_ne!(text, language.generate(5, 1000), "{name}");
        assert!(text.starts_with(&language.generate(4, 200)), "{name}");
        assert_eq!(language.generate(4, 0), "");
    }
    assert_eq!(language("reber").generate(0, 20), "BTSSSSXSEBTSSSSSXXTTTTTTTTTVVE");
    assert_eq!(
        language("markov:order=1,symbols=3,seed=0").generate(0, 20),
        "bcbbcbccbbbbbbbccbbcbbbbcbbccbbcbccbcbcbcbbbbbbbbccccbbccbbccca"
    );
}

#[test]
fn surprisals() {
    let surprisals = language("embedded-reber").surprisals("BPBTXSEPEB");
    let ln2 = 2f64.ln();
    assert_eq!(surprisals, [0.0, ln2, 0.0, ln2, ln2, ln2, 0.0, 0.0, 0.0, 0.0]);
    let surprisals = language("anbn:max=4,ratio=1").surprisals("aabab");
    assert_eq!(surprisals[..2], [0.0, -0.75f64.ln()]);
    assert!((surprisals[2] - 3f64.ln()).abs() < 1e-15);
    // `aab` goes on with `b` alone: all that follows the mistake is lost.
    assert_eq!(surprisals[3..], [f64::INFINITY; 2]);
    assert_eq!(language("reber").surprisals("B?")[1], f64::INFINITY);
    assert!(language("reber").surprisals("").is_empty());
}
