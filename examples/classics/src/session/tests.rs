use serde_json::{Value, json};

use super::*;

const PROGRAM: Program =
    Program { name: "some-task", shows: "it works", sources: &[], run: |_| Ok(()) };

/// The outcome of a program, as returned and as written.
fn outcome(is_quick: bool, program: impl FnOnce(&mut Session)) -> (Outcome, Value) {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = Settings { quick: is_quick, out: folder.path().join("new"), png: false };
    let signals = Signals::catch().expect("signals can be caught").into();
    let mut session = Session::new(&PROGRAM, &settings, &signals);
    program(&mut session);
    let outcome = session.finish(Ok(())).expect("the folder can be written to");
    let read = Outcome::read(&settings.out.join("some-task")).expect("it can be read");
    assert_eq!(read.expect("it is there").to_string(), outcome.to_string());
    let written = fs::read(settings.out.join("some-task/numbers.json")).expect("it is written");
    (outcome, serde_json::from_slice(&written).expect("JSON"))
}

#[test]
fn numbers_checks_and_claims_are_written() {
    let (outcome, written) = outcome(false, |session| {
        session.number("accuracy", 0.5);
        session.number("overflow", f64::INFINITY);
        let summary = session.sample("loss", &[1.0, 3.0]).expect("finite");
        assert_eq!(summary.mean(), 2.0);
        session.check("it works", true);
        session.claim(Text::Tan, "it never works").refuted(true, "it does");
        session.quote("words", "this is\na phrase");
    });
    assert!(outcome.holds());
    assert_eq!(written["quotes"], json!([{ "name": "words", "text": "this is\na phrase" }]));
    assert!(outcome.to_string().ends_with("  words:\n    this is\n    a phrase\n"));
    let [low, high] = [0, 1].map(|end| written["numbers"][2]["interval"][end].as_f64().unwrap());
    let half = 12.706_204_736_432_1; // of Student's distribution with one degree of freedom, times √2/√2
    assert!((low - (2.0 - half)).abs() < 1e-9 && (high - (2.0 + half)).abs() < 1e-9);
    assert_eq!(written["numbers"][0], json!({ "name": "accuracy", "value": 0.5 }));
    assert_eq!(written["complete"], json!(true));
    assert_eq!(written["checks"], json!([{ "statement": "it works", "holds": true }]));
    assert_eq!(
        written["claims"],
        json!([{
            "text": "Tan", "claim": "it never works", "verdict": "refuted", "evidence": "it does", "holds": true
        }])
    );
}

#[test]
fn a_failed_check_and_an_outdated_verdict_fail() {
    let (failed, _) = outcome(false, |session| session.check("it works", false));
    assert!(!failed.holds());
    let (failed, _) = outcome(false, |session| {
        session.claim(Text::Tan, "it works").confirmed(false, "it does not");
    });
    assert!(!failed.holds());
}

#[test]
fn an_error_fails_and_keeps_what_was_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = Settings { quick: false, out: folder.path().into(), png: false };
    let mut session = Session::new(&PROGRAM, &settings, &Signals::catch().expect("signals").into());
    session.number("accuracy", 0.5);
    let result = session.sample("loss", &[]).map(|_| ());
    session.finish(result).expect("the folder can be written to");
    let read = Outcome::read(&folder.path().join("some-task")).expect("JSON").expect("a file");
    assert!(!read.holds());
    let text = read.to_string();
    assert!(text.starts_with("  accuracy: 0.5000\n  error: "), "{text}");
}

/// A quick run judges a program that is not shortened, and no other.
#[test]
fn a_shortened_run_judges_nothing() {
    let (failed, _) = outcome(true, |session| session.check("it works", false));
    assert!(!failed.holds());
    let (shortened, written) = outcome(true, |session| {
        assert_eq!(session.budget(1000, 10), 10);
        session.check("it works", false);
        session.claim(Text::Tan, "it works").confirmed(false, "it does not");
    });
    assert!(shortened.holds());
    assert_eq!(written["claims"], json!([]));
    assert_eq!(written["complete"], json!(false));
    assert_eq!(written["checks"][0]["holds"], Value::Null);
    let (full, _) = outcome(false, |session| assert_eq!(session.budget(1000, 10), 1000));
    assert!(full.holds());
}

#[test]
fn seeds_come_in_their_order() {
    let _ = outcome(false, |session| {
        assert_eq!(session.seeds(100, |seed| seed * seed), Vec::from_iter((0..100).map(|n| n * n)));
        assert!(session.seeds(0, |seed| seed).is_empty());
        assert_eq!(session.steps(3).collect::<Vec<_>>(), [0, 1, 2]);
    });
}
