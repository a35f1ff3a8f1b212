//! Languages as text.

use bptt_tasks::languages::{Language, LanguageError};
use rand::RngExt;

use crate::{ALL, language};

/// `Display` writes every parameter, and what it writes is the same language.
#[test]
fn canonical_text() {
    for (text, canonical) in [
        ("reber", "reber"),
        ("continual-embedded-reber", "embedded-reber"),
        ("anbn", "anbn:max=10,ratio=1"),
        ("anbncn:ratio=0.5", "anbncn:max=10,ratio=0.5"),
        ("dyck:open=0.25,kinds=3", "dyck:kinds=3,depth=4,open=0.25"),
        ("markov", "markov:order=2,symbols=8,seed=1"),
        ("pcfg", "pcfg"),
    ] {
        assert_eq!(language(text).to_string(), canonical);
        assert_eq!(language(canonical), language(text));
    }
    for text in ALL {
        assert_eq!(language(text).to_string(), text);
    }
    assert_ne!(language("markov:seed=1"), language("markov:seed=2"));
}

#[test]
fn serialized_as_text() {
    let json = serde_json::to_string(&language("dyck:depth=2")).unwrap();
    assert_eq!(json, "\"dyck:kinds=2,depth=2,open=0.5\"");
    assert_eq!(serde_json::from_str::<Language>(&json).unwrap(), language("dyck:depth=2"));
    let error = serde_json::from_str::<Language>("\"rebr\"").unwrap_err();
    assert!(error.to_string().contains("use reber"), "{error}");
}

#[test]
fn errors_say_what_to_do() {
    for (text, message) in [
        ("rebr", "there is no language `rebr`: use reber, embedded-reber"),
        ("", "there is no language ``"),
        ("reber:x=1", "reber does not take `x`: leave the colon"),
        ("dyck:depht=2", "dyck does not take `depht`: use kinds, depth, open, each as key=value"),
        ("dyck:", "dyck does not take ``"),
        ("dyck:depth=2,depth=3", "`depth` stands twice"),
        ("dyck:depth", "depth= is not possible: give depth of at least 1"),
        ("dyck:kinds=31", "kinds=31 is not possible: give kinds from 1 to 30"),
        ("dyck:open=NaN", "open=NaN is not possible: give open from 0.001 to 0.999"),
        ("dyck:depth=18446744073709551615", "the grammar has 18446744073709551615 rules, and 1024"),
        ("dyck:depth=500,open=0.9", "100000 at most are possible"),
        ("markov:order=4294967295", "rules, and 1024 at most are possible"),
        ("markov:symbols=1", "give symbols from 2 to 26"),
        ("anbn:max=0", "give max from 1 to 1000"),
        ("anbn:ratio=1.5", "give ratio from 0.001 to 1"),
        ("pcfg:/nowhere", "cannot read the grammar /nowhere: "),
        ("pcfg:/", "it is not a regular file"),
    ] {
        let error = text.parse::<Language>().expect_err(text).to_string();
        assert!(error.contains(message), "{text}: {error}");
    }
}

/// Parses a grammar of a file.
fn parse(grammar: &str) -> Result<Language, LanguageError> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("own.txt");
    std::fs::write(&path, grammar).expect("written");
    format!("pcfg:{}", path.display()).parse()
}

#[test]
fn a_grammar_of_ones_own() {
    let language = parse(
        "# Sums.\n\nsum -> \"(\" operand '+' operand ')'\n\
         operand -> 'x' [0.4] | 'y' [.3] | '(' operand '+' operand ')' [0.3]\n",
    )
    .unwrap();
    assert_eq!(language.alphabet(), ['(', ')', '+', 'x', 'y']);
    // An operand has ℓ = 1 + 0.3 (2 + 2 ℓ) symbols.
    assert!((language.sentence_length() - (3.0 + 2.0 * 1.6 / 0.4)).abs() < 1e-13);
    assert_eq!(language.surprisals("(x+y)")[1], 0.4f64.ln().abs());
    assert!(language.surprisals("(x+y)").iter().sum::<f64>().is_finite());
    assert_eq!(
        language.to_string().parse::<Language>().unwrap_err().to_string().find("cannot"),
        Some(0)
    );
}

/// Even alternatives, and probabilities with a rounded sum.
#[test]
fn probabilities_are_normalized() {
    let language = parse("s -> 'a' [0.333333] | 'b' [0.333333] | 'c' [0.333333]").unwrap();
    assert!((language.entropy_rate() - 3f64.ln()).abs() < 1e-15);
    assert_eq!(language.entropy_rate(), parse("s -> 'a' | 'b' | 'c'").unwrap().entropy_rate());
}

#[test]
fn wrong_grammars_are_refused() {
    for (grammar, message) in [
        ("", "the grammar has no rule"),
        ("s 'a'", "line 1 of the grammar: a rule is written name -> alternatives"),
        ("# no name\n-> 'a'", "line 2 of the grammar: `` is not a name"),
        ("s -> 'a'\ns -> 'b'", "line 2 of the grammar: `s` has a rule already"),
        ("s -> 'a' t", "`t` has no rule"),
        ("s -> 'ab'", "'ab' is not a terminal"),
        ("s -> 'a", "'a is not a terminal"),
        ("s -> 'a' | ", "an alternative is empty"),
        ("s -> [1]", "an alternative is empty"),
        ("s -> t\nt -> 'a'", "an alternative begins with `t`"),
        ("s -> 'a' 'b' | 'a' 'c'", "two alternatives begin with 'a'"),
        ("s -> 'a' [half] | 'b' [half]", "[half] is not a probability"),
        ("s -> 'a' [0] | 'b' [1]", "[0] is not a probability"),
        ("s -> 'a' [NaN] | 'b' [1]", "[NaN] is not a probability"),
        ("s -> 'a' [0.5] | 'b'", "some alternatives have no probability"),
        ("s -> 'a' [0.5] | 'b' [0.4]", "the probabilities sum to 0.9"),
        // The expected number of `s` in an alternative of `s` is one, or more.
        ("s -> 'a' s", "no finite expected length"),
        ("s -> 'a' s s | 'b'", "no finite expected length"),
        ("s -> 'a' t\nt -> 'b' s s [0.6] | 'c' [0.4]", "no finite expected length"),
        ("s -> 'a' s [0.999999] | 'b' [0.000001]", "1000000 symbols on average"),
    ] {
        let error = parse(grammar).expect_err(grammar).to_string();
        assert!(error.contains(message), "{grammar}: {error}");
    }
}

/// No text makes the parser panic.
#[test]
fn any_text_is_a_language_or_an_error() {
    let words = [
        "reber", "dyck", "markov", "anbn", "pcfg", "kinds", "depth", "open", "order", "symbols",
        "seed", "max", ":", ":", ",", "=", "=", "2", "9", "-1", "0.5", "1e999", "é", " ",
    ];
    let mut rng = bptt_layers::rng(0);
    for _ in 0..20_000 {
        let length = rng.random_range(0..9);
        let text: String = (0..length).map(|_| words[rng.random_range(0..words.len())]).collect();
        if let Ok(language) = text.parse::<Language>() {
            assert_eq!(language.to_string().parse::<Language>().unwrap(), language, "{text}");
        }
    }
}
