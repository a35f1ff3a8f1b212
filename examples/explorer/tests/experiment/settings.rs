//! Every limit of the settings, from both sides.

use explorer::experiment::{Experiment, Settings, SettingsError, TaskKind};
use programs::cells::CellKind;

fn with(change: impl FnOnce(&mut Settings)) -> Result<(), SettingsError> {
    let mut settings = Settings { hidden: vec![2], length: 4, batch: 2, ..Settings::default() };
    change(&mut settings);
    settings.check()
}

/// Checks that a setting is possible, or refused with these words.
#[track_caller]
fn check(refusal: &str, change: impl FnOnce(&mut Settings)) {
    let found = with(change).map_or_else(|error| error.to_string(), |()| String::new());
    assert_eq!(found, refusal);
}

#[test]
fn layers() {
    check("`hidden` cannot be 0: give 1 to 4 layers", |it| it.hidden = vec![]);
    check("", |it| it.hidden = vec![1; 4]);
    check("`hidden` cannot be 5: give 1 to 4 layers", |it| it.hidden = vec![1; 5]);
    check("`hidden` cannot be 0: give 1 to 256 units for each layer", |it| it.hidden = vec![8, 0]);
    check("", |it| it.hidden = vec![1, 256]);
    check("`hidden` cannot be 257: give 1 to 256 units for each layer", |it| {
        it.hidden = vec![1, 257];
    });
    check("`hidden` cannot be 3: give a multiple of 2, since each block has 2 cells", |it| {
        (it.cell, it.hidden) = (CellKind::MemoryBlocks, vec![2, 3]);
    });
    check("", |it| (it.cell, it.hidden) = (CellKind::MemoryBlocks, vec![2, 4]));
}

#[test]
fn numbers() {
    let rate = "give 0.000000001 to 10 as the learning rate";
    check(&format!("`rate` cannot be 0: {rate}"), |it| it.rate = 0.0);
    check(&format!("`rate` cannot be -1: {rate}"), |it| it.rate = -1.0);
    check(&format!("`rate` cannot be NaN: {rate}"), |it| it.rate = f64::NAN);
    check(&format!("`rate` cannot be 10.1: {rate}"), |it| it.rate = 10.1);
    check("", |it| it.rate = 1e-9);
    check("", |it| it.rate = 10.0);
    check("`batch` cannot be 0: give 1 to 256 sequences", |it| it.batch = 0);
    check("", |it| it.batch = 1);
    check("", |it| it.batch = 256);
    check("`batch` cannot be 257: give 1 to 256 sequences", |it| it.batch = 257);
    check("`length` cannot be 1: give 2 to 200 steps", |it| it.length = 1);
    check("", |it| it.length = 2);
    check("", |it| it.length = 200);
    check("`length` cannot be 201: give 2 to 200 steps", |it| it.length = 201);
    let noise = "give 0 to 2 as the standard deviation";
    check(&format!("`noise` cannot be -0.1: {noise}"), |it| it.noise = -0.1);
    check(&format!("`noise` cannot be NaN: {noise}"), |it| it.noise = f64::NAN);
    check(&format!("`noise` cannot be 2.1: {noise}"), |it| it.noise = 2.1);
    check("", |it| it.noise = 2.0);
    let clip = "give 0 to 1000000 as the largest norm, where 0 is no limit";
    check(&format!("`clip` cannot be -1: {clip}"), |it| it.clip = -1.0);
    check(&format!("`clip` cannot be inf: {clip}"), |it| it.clip = f64::INFINITY);
    check("", |it| it.clip = 0.0);
    check("", |it| it.clip = 1e6);
    check("", |it| it.updates = 100_000);
    check("`updates` cannot be 100001: give 0 to 100000 updates", |it| it.updates = 100_001);
    check("", |it| it.seed = u32::MAX);
}

#[test]
fn texts() {
    let text = |text: String| move |it: &mut Settings| (it.task, it.text) = (TaskKind::Text, text);
    let distinct = |count: u32| (0..count).filter_map(|i| char::from_u32('α' as u32 + i)).collect();
    check("`text` cannot be a text of 1 characters: give 2 to 400 characters", text("a".into()));
    check(
        "`text` cannot be a text of 1 different characters: give 2 to 64 different characters",
        text("aa".into()),
    );
    check("", text("ab".into()));
    check("", text("ab".repeat(200)));
    check(
        "`text` cannot be a text of 401 characters: give 2 to 400 characters",
        text("ab".repeat(200) + "a"),
    );
    check("", text(distinct(64)));
    check(
        "`text` cannot be a text of 65 different characters: give 2 to 64 different characters",
        text(distinct(65)),
    );
    for (control, written) in [('\n', "\\n"), ('\t', "\\t"), ('\0', "\\u{0}")] {
        let refusal =
            format!("`text` cannot be a text with `{written}`: give one line without tabs");
        check(&refusal, text(format!("ab{control}")));
    }
}

/// What each setting may be alone, but not with the others.
#[test]
fn work() {
    check("", |it| it.hidden = vec![256, 189]);
    let smaller = "give smaller layers, with at most 150000 weights in each gate";
    check(&format!("`hidden` cannot be 256,190: {smaller}"), |it| it.hidden = vec![256, 190]);
    // A text has an input for each of its characters.
    let text = |hidden| {
        let text = ('a'..='z').chain('A'..='Z').collect();
        move |it: &mut Settings| (it.task, it.text, it.hidden) = (TaskKind::Text, text, hidden)
    };
    check("", text(vec![256, 167]));
    check(&format!("`hidden` cannot be 256,168: {smaller}"), text(vec![256, 168]));
    check("", |it| (it.hidden, it.length) = (vec![128; 4], 100));
    check("`length` cannot be 101: give 2 to 100 steps, or fewer units", |it| {
        (it.hidden, it.length) = (vec![128; 4], 101);
    });
    check("", |it| (it.hidden, it.length, it.batch) = (vec![256], 200, 151));
    check("`batch` cannot be 152: give 1 to 151 sequences, or fewer steps or units", |it| {
        (it.hidden, it.length, it.batch) = (vec![256], 200, 152);
    });
}

#[test]
fn an_experiment_needs_possible_settings() {
    let error = Experiment::new(&Settings { batch: 0, ..Settings::default() }).map(|_| ());
    assert_eq!(error.map_err(|it| it.setting), Err("batch".to_owned()));
}

#[test]
fn settings_are_read_as_they_are_written() {
    let settings = Settings { rate: 0.1, noise: 1e-300, ..Settings::default() };
    let text = serde_json::to_string(&settings).expect("JSON");
    assert_eq!(serde_json::from_str::<Settings>(&text).expect("settings"), settings);
    assert_eq!(serde_json::from_str::<Settings>("{}").expect("settings"), Settings::default());
}
