//! `lm sweep`

use std::fs;
use std::path::Path;

use lm::cli::Command;
use lm::commands::sweep::SweepArgs;
use lm::sweep::{Axis, Draw, Ranking, Setting, grid, random};

use super::{command, from_call, weights, with_text, without_clocks};

const GRID: [&str; 3] = ["sweep", "--grid=hidden-size=4,8", "--grid=learning-rate=0.001,0.02"];

fn args(folder: &Path, out: &str, words: &[&str]) -> SweepArgs {
    match command(folder, out, words).unwrap_or_else(|error| panic!("{error}")) {
        Command::Sweep(args) => args,
        other => panic!("{other:?}"),
    }
}

fn finished(args: &SweepArgs) -> Ranking {
    args.run(|| false).unwrap_or_else(|error| panic!("{error}")).expect("it was not stopped")
}

fn settings(text: &[(&str, &str)]) -> Vec<Setting> {
    text.iter().map(|&(flag, value)| (flag.to_owned(), value.to_owned())).collect()
}

#[test]
fn a_grid_has_all_combinations() {
    let axis = |text: &str| text.parse::<Axis>().expect(text);
    let trials = grid(&[axis("a=1,2"), axis("b=x,y")]);
    let expected = [["1", "x"], ["1", "y"], ["2", "x"], ["2", "y"]];
    assert_eq!(trials, expected.map(|[a, b]| settings(&[("a", a), ("b", b)])));
}

#[test]
fn draws_are_those_of_the_seed_and_of_the_distribution() {
    let draw = |text: &str| text.parse::<Draw>().expect(text);
    let draws =
        [draw("rate=log:1e-4..1e-2"), draw("size=1..4"), draw("cell=lstm,gru"), draw("p=0..0.5")];
    let trials = random(&draws, 2000, 7);
    assert_eq!(random(&draws, 500, 7), trials[..500], "more trials begin with the same ones");
    assert_ne!(random(&draws, 500, 8), trials[..500]);
    let column = |place: usize| trials.iter().map(move |it: &Vec<Setting>| it[place].1.as_str());
    let number = |text: &str| text.parse::<f64>().expect("a number");
    let share = |place: usize, of: &dyn Fn(&str) -> bool| {
        column(place).filter(|it| of(it)).count() as f64 / 2000.0
    };
    assert!(column(0).map(number).all(|it| (1e-4..=1e-2).contains(&it)));
    assert!((share(0, &|it| number(it) < 1e-3) - 0.5).abs() < 0.05, "half of each decade");
    for size in ["1", "2", "3", "4"] {
        assert!((share(1, &|it| it == size) - 0.25).abs() < 0.05, "{size}");
    }
    assert!((share(2, &|it| it == "gru") - 0.5).abs() < 0.05);
    assert!(column(3).map(number).all(|it| (0.0..=0.5).contains(&it)));
    assert!((share(3, &|it| number(it) < 0.1) - 0.2).abs() < 0.05);
}

#[test]
fn the_table_is_sorted_and_the_same_in_parts() {
    let folder = with_text();
    let whole = args(folder.path(), "whole", &GRID);
    let ranking = finished(&whole);
    let losses: Vec<_> = ranking.trials().map(|(_, it)| it.nats.expect("no divergence")).collect();
    assert!(losses.len() == 4 && losses.is_sorted());
    let markdown = ranking.to_markdown();
    assert_eq!(fs::read_to_string(whole.out.join("sweep.md")).expect("written"), markdown);
    let lines = fs::read_to_string(whole.out.join("sweep.jsonl")).expect("written");
    for (line, (settings, outcome)) in lines.lines().zip(ranking.trials()) {
        let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(line["settings"][&settings[1].0], settings[1].1);
        assert_eq!(line["outcome"]["nats"].as_f64(), outcome.nats);
    }
    assert!(whole.out.join("hidden-size=4,learning-rate=0.02/model.safetensors").exists());

    let parts = args(folder.path(), "parts", &GRID);
    assert!(parts.run(from_call(20)).expect("saved").is_none());
    assert_eq!(without_clocks(&finished(&parts).to_markdown()), without_clocks(&markdown));
    assert_eq!(weights(&parts.out), weights(&whole.out));
}

#[test]
fn a_larger_grid_reuses_the_runs_of_a_smaller_one() {
    let folder = with_text();
    let small = ["sweep", "--grid=hidden-size=4", "--grid=learning-rate=0.02,0.001"];
    finished(&args(folder.path(), "out", &small));
    let kept = weights(&folder.path().join("out"));
    // two of the four runs are left; each run asks before each of its 12 steps
    let larger = args(folder.path(), "out", &GRID);
    assert!(larger.run(from_call(24)).expect("trained").is_some());
    assert!(kept.len() == 2 && kept.iter().all(|it| weights(&larger.out).contains(it)));
}

#[test]
fn random_trials_are_trained() {
    let folder = with_text();
    let words = [
        "sweep",
        "--random=learning-rate=log:1e-3..1e-1",
        "--random=hidden-size=2..6",
        "--trials=3",
        "--seed=5",
    ];
    let one = finished(&args(folder.path(), "one", &words));
    let two = finished(&args(folder.path(), "two", &words));
    assert_eq!(without_clocks(&one.to_markdown()), without_clocks(&two.to_markdown()));
    assert_eq!(one.trials().count(), 3);
}

#[test]
fn wrong_names_and_values_are_refused_before_the_first_run() {
    let folder = with_text();
    for (words, expected) in [
        (vec!["sweep"], "--grid"),
        (vec!["sweep", "--grid=hidden-size"], "NAME=VALUES"),
        (vec!["sweep", "--grid=hidden-size=4,,8"], "between the commas"),
        (vec!["sweep", "--random=dropout=0.5..0.1"], "a range rises"),
        (vec!["sweep", "--random=dropout=a..b"], "`a` is not a number"),
        (vec!["sweep", "--random=dropout=log:0..1"], "begins above 0"),
        (vec!["sweep", "--random=dropout=0..1", "--grid=layers=1,2"], "cannot be used"),
        (vec!["sweep", "--grid=layers=1,2", "--trials=3"], "cannot be used"),
    ] {
        let error = command(folder.path(), "out", &words).expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
    }
    for (words, expected) in [
        (vec!["sweep", "--grid=hiden-size=4"], "--hiden-size"),
        (vec!["sweep", "--grid=hidden-size=4,none"], "--hidden-size"),
        (vec!["sweep", "--random=dropout=0..3", "--trials=50"], "--dropout"),
        (vec!["sweep", "--grid=out=a,b"], "--out"),
        (vec!["sweep", "--grid=layers=1", "--grid=layers=2"], "`layers` is searched twice"),
        (vec!["sweep", "--grid=layers=1,2,1"], "the settings layers=1"),
        (
            vec!["sweep", "--grid=layers=2,1", "--hidden-size=7", "--cell=memory-blocks"],
            "an even --hidden-size",
        ),
        (vec!["sweep", "--grid=batch-size=2,9000", "--hidden-size=8"], "too little text"),
    ] {
        let error = args(folder.path(), "out", &words).run(|| false).expect_err(expected);
        assert!(error.to_string().contains(expected), "{error}");
    }
    assert!(!folder.path().join("out").exists(), "nothing was trained");
}
