//! A text names a language or is refused. As a grammar, it is also read or refused. A language accepts what it
//! generates.
#![no_main]

use std::fs;

use bptt::tasks::languages::Language;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    // A path could name any file of the machine.
    if !text.starts_with("pcfg:") {
        check(text);
    }
    let folder = tempfile::tempdir().expect("a folder for the grammar");
    let path = folder.path().join("grammar");
    fs::write(&path, text).expect("a grammar is written");
    check(&format!("pcfg:{}", path.display()));
});

fn check(name: &str) {
    let Ok(language) = name.parse::<Language>() else { return };
    assert_eq!(language.to_string().parse::<Language>().expect("canonical text"), language);
    assert!(language.entropy_rate() >= 0.0);
    let surprisals = language.surprisals(&language.generate(1, 20));
    assert!(surprisals.iter().all(|surprisal| surprisal.is_finite()));
}
