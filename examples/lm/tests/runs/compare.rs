//! `lm compare`

use std::fs;
use std::path::Path;

use lm::cli::{Cli, Command};
use lm::commands::compare::CompareArgs;
use lm::comparison::{Comparison, contenders};
use lm::config::Config;
use lm::error::Error;
use lm::model::CellChoice;
use programs::cells::CellKind;

use super::{command, from_call, weights, with_text, without_clocks};

const WORDS: [&str; 5] =
    ["compare", "--cells=lstm,mine", "--seeds=1,2", "--parameters=700", "--ngrams=3"];

fn args(folder: &Path, out: &str, words: &[&str]) -> CompareArgs {
    match command(folder, out, words).unwrap_or_else(|error| panic!("{error}")) {
        Command::Compare(args) => args,
        other => panic!("{other:?}"),
    }
}

fn finished(args: &CompareArgs) -> Comparison {
    args.run(|| false).unwrap_or_else(|error| panic!("{error}")).expect("it was not stopped")
}

#[test]
fn the_table_has_cells_baselines_and_tests() {
    let folder = with_text();
    let args = args(folder.path(), "out", &WORDS);
    let comparison = finished(&args);
    let markdown = comparison.to_markdown();
    let file = |name: &str| fs::read_to_string(args.out.join(name)).expect(name);
    assert_eq!(file("comparison.md"), markdown);

    let json: serde_json::Value = serde_json::from_str(&file("comparison.json")).expect("JSON");
    assert_eq!(json["cells"][1]["runs"][0]["nats"].as_f64(), comparison.cells[1].runs[0].nats);
    assert_eq!(json["figure"], "bits per character");

    let first = &comparison.cells[0].runs;
    let mean = f64::midpoint(first[0].validation[1].1, first[1].validation[1].1);
    assert!((comparison.cells[0].curve()[1].1 - mean).abs() < 1e-15);
    assert_eq!(comparison.cells[0].curve()[1].0, 8.0, "the second measurement");
    assert!(file("comparison.svg").contains("mine"));

    let [best, other] = &comparison.cells[..] else { panic!("two cells") };
    assert!(best.mean < other.mean && best.against_best.is_none());
    let losses = |it: &lm::comparison::Entrant| {
        it.runs.iter().map(|run| run.nats.expect("no divergence")).collect::<Vec<_>>()
    };
    let (one, two) = (losses(best), losses(other));
    let mean = (one[0] + one[1]) / 2.0;
    assert!((best.mean.expect("no divergence") - mean).abs() < 1e-15);
    let deviation = (one[0] - one[1]).abs() / 2f64.sqrt();
    assert!((best.standard_deviation.expect("of two") - deviation).abs() < 1e-15);
    // the sum of two differences is as far from 0 with all signs or with none turned, if both have one sign
    let one_sign = (two[0] - one[0]) * (two[1] - one[1]) > 0.0;
    let test = other.against_best.expect("a test");
    assert_eq!(test.sign_flip_p, Some(if one_sign { 0.5 } else { 1.0 }));

    for it in &comparison.cells {
        let names: Vec<_> = it.runs.iter().map(|run| run.name.clone()).collect();
        assert_eq!(names, [1, 2].map(|seed| format!("{}/seed-{seed}", it.cell)));
    }

    let rows: Vec<_> = markdown.lines().skip(2).take(4).collect();
    let names = rows.iter().map(|row| row[1..].split('|').next().expect("a name").trim());
    let names: Vec<_> = names.collect();
    for name in ["lstm", "mine", "Kneser–Ney 3-gram", "Witten–Bell 3-gram"] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    let nats = rows.iter().map(|row| {
        let nats = row.split('|').nth(4).expect("nats").trim();
        nats.split(' ').next().expect("a number").parse::<f64>().expect("a number")
    });
    assert!(nats.is_sorted(), "{markdown}");
    assert!(markdown.contains("With 2 seeds the sign-flip test cannot go below 0.5"), "{markdown}");
}

#[test]
fn an_interrupted_comparison_goes_on_to_the_same_bits() {
    let folder = with_text();
    let whole = args(folder.path(), "whole", &WORDS);
    let table = finished(&whole).to_markdown();

    let parts = args(folder.path(), "parts", &WORDS);
    // before the first step, within the first run, and within the third
    for calls in [0, 5, 30] {
        let stopped = parts.run(from_call(calls)).unwrap_or_else(|error| panic!("{error}"));
        assert!(stopped.is_none(), "{calls}");
        assert!(!parts.out.join("comparison.md").exists());
    }
    assert_eq!(weights(&parts.out).len(), 3, "the third run was stopped");
    assert_eq!(without_clocks(&finished(&parts).to_markdown()), without_clocks(&table));
    assert_eq!(weights(&parts.out), weights(&whole.out));
    assert_eq!(weights(&parts.out).len(), 4);
}

#[test]
fn finished_runs_are_reused_and_other_settings_refused() {
    let folder = with_text();
    let first = finished(&args(folder.path(), "out", &WORDS)).to_markdown();
    let again = args(folder.path(), "out", &WORDS);
    let again = again.run(from_call(0)).expect("nothing is left to train").expect("nor to stop");
    assert_eq!(again.to_markdown(), first, "with the same clocks");

    let more = [&WORDS[..], &["--steps=16"]].concat();
    let error = args(folder.path(), "out", &more).run(|| false).expect_err("another run");
    let expected = "seed-1 holds a run with another `training.steps`";
    assert!(error.to_string().contains(expected), "{error}");
    assert_eq!(error.exit_status(), 2);

    fs::write(folder.path().join("text.txt"), "another text ".repeat(200)).expect("written");
    let error =
        args(folder.path(), "out", &["compare", "--cells=lstm", "--seeds=1", "--hidden-size=8"])
            .run(|| false);
    assert!(error.is_err(), "the runs are of another text");
}

/// The equations of a cell of one's own are no setting. Runs of other equations are not reused.
#[test]
fn runs_of_another_cell_of_ones_own_are_refused() {
    let folder = with_text();
    let args = args(folder.path(), "out", &WORDS);
    finished(&args);
    let cell = args.out.join("mine/seed-2/my_cell.rs");
    assert!(!args.out.join("lstm/seed-2/my_cell.rs").exists());
    let source = fs::read_to_string(&cell).expect("the source");
    assert!(source.contains("struct MyCell"));
    fs::write(&cell, source.replace("+ 1.0", "+ 2.0")).expect("written");
    let error = args.run(|| panic!("no run begins")).expect_err("another cell");
    assert!(matches!(error, Error::ChangedCell { .. }), "{error}");
}

#[test]
fn a_budget_beyond_the_memory_is_refused() {
    let folder = with_text();
    let budget = ["compare", "--cells=lstm", "--parameters=1000000000000000"];
    let hidden = ["compare", "--cells=lstm", "--hidden-size=100000000000"];
    for words in [&budget[..], &hidden] {
        let error = args(folder.path(), "out", words).run(|| false).expect_err("too large");
        assert!(matches!(error, Error::Memory(_)), "{error}");
    }
}

#[test]
fn another_seed_extends_a_comparison() {
    let folder = with_text();
    let one = ["compare", "--cells=lstm,mine", "--seeds=1", "--parameters=700", "--ngrams=3"];
    finished(&args(folder.path(), "out", &one));
    let kept = weights(&folder.path().join("out"));
    let whole = args(folder.path(), "whole", &WORDS);
    finished(&whole);
    let extended = args(folder.path(), "out", &WORDS);
    finished(&extended);
    assert_eq!(weights(&extended.out), weights(&whole.out));
    assert!(kept.iter().all(|it| weights(&extended.out).contains(it)));
}

#[test]
fn a_run_that_diverges_is_last_and_the_others_go_on() {
    let folder = with_text();
    let words = [&WORDS[..], &["--learning-rate=1e30", "--optimizer=sgd", "--clip=1e30"]].concat();
    let comparison = finished(&args(folder.path(), "out", &words));
    assert!(comparison.cells.iter().all(|it| it.mean.is_none() && it.runs.len() == 2));
    let markdown = comparison.to_markdown();
    assert!(markdown.contains("mine/seed-2 diverged at "), "{markdown}");
}

/// Each size found is nearer to the budget than its neighbours.
#[test]
fn all_cells_have_the_size_nearest_to_the_budget() {
    use clap::ValueEnum;
    let folder = with_text();
    for settings in [&[][..], &["--layers=2", "--tied"], &["--head=mixture", "--learned-start"]] {
        let config =
            args(folder.path(), "out", &[&["compare", "--cells=lstm"], settings].concat()).config;
        let suits = |cell: &&CellChoice| !(config.model.tied && **cell == CellChoice::NeuralWindow);
        let cells: Vec<_> = CellChoice::value_variants().iter().filter(suits).copied().collect();
        let budget = 9000;
        let (found, _) = contenders(&config, &cells, Some(budget), 12).expect("a size for each");
        for (contender, &cell) in found.iter().zip(&cells) {
            let size = contender.config.model.hidden_size;
            assert_eq!(contender.config.model.cell, cell);
            let distance = |hidden_size: usize| count(&config, cell, hidden_size).abs_diff(budget);
            assert_eq!(contender.parameters, count(&config, cell, size));
            let grain = cell.granularity();
            for other in [size - grain, size + grain] {
                assert!(distance(size) <= distance(other), "{cell} of {size}, not {other}");
            }
        }
    }
}

fn count(config: &Config, cell: CellChoice, hidden_size: usize) -> usize {
    use bptt::Module;
    let mut model = config.model.clone();
    (model.cell, model.hidden_size) = (cell, hidden_size);
    let rng = &mut bptt::rng(1);
    let model = lm::model::LanguageModel::new(&model, &config.regularization, 12, rng);
    model.expect("valid").parameter_count()
}

#[test]
fn the_default_budget_is_that_of_the_first_cell() {
    let folder = with_text();
    let config = args(folder.path(), "out", &["compare", "--cells=lstm", "--hidden-size=8"]).config;
    let cells = [CellKind::Gru.into(), CellKind::Lstm.into()];
    let (found, budget) = contenders(&config, &cells, None, 12).expect("a size for each");
    assert_eq!(found[0].config.model.hidden_size, 8);
    assert_eq!(budget, count(&config, cells[0], 8));
}

#[test]
fn wrong_flags_are_refused_before_the_first_run() {
    let folder = with_text();
    let parse = |words: &[&str]| command(folder.path(), "out", words).map(drop);
    for (words, expected) in [
        (vec!["compare", "--cells="], "--cells"),
        (vec!["compare", "--cells=lstn"], "lstn"),
        (vec!["compare", "--cells=lstm", "--cell=gru"], "--cell"),
        (vec!["compare", "--cells=lstm", "--seed=4"], "--seed"),
        (vec!["compare", "--cells=lstm", "--parameters=9", "--hidden-size=4"], "--hidden-size"),
        (vec!["compare", "--cells=lstm", "--dropout=1"], "--dropout"),
    ] {
        let error = parse(&words).expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
    }
    for (words, expected) in [
        (vec!["compare", "--hidden-size=8", "--cells=lstm,lstm"], "--cells has lstm twice"),
        (vec!["compare", "--hidden-size=8", "--cells=lstm", "--seeds=3,3"], "--seeds has 3 twice"),
        (
            vec!["compare", "--hidden-size=8", "--cells=lstm,mine", "--dropout-state=0.1"],
            "the cell mine",
        ),
        (vec!["compare", "--hidden-size=8", "--cells=lstm", "--tied"], "--tied"),
        (
            vec!["compare", "--hidden-size=8", "--cells=lstm", "--batch-size=5000"],
            "too little text",
        ),
    ] {
        let error: Error = args(folder.path(), "out", &words).run(|| false).expect_err(expected);
        assert!(error.to_string().contains(expected), "{error}");
    }
    let small = args(folder.path(), "out", &["compare", "--cells=lstm,gru", "--parameters=20"]);
    let error = small.run(|| false).expect_err("a budget below one unit");
    assert!(
        error.to_string().starts_with("--parameters, for --cells lstm: a budget of 20"),
        "{error}"
    );
    assert!(!folder.path().join("out").exists(), "nothing was trained");
}

/// A run's `config.toml` names a cell, a seed and a hidden size, which the flags of `compare` replace.
#[test]
fn the_configuration_of_a_run_gives_the_shared_settings() {
    let folder = with_text();
    let mut config = args(folder.path(), "out", &["compare", "--cells=lstm"]).config;
    config.training.window = 5;
    let file = folder.path().join("config.toml");
    fs::write(&file, config.to_toml()).expect("written");
    let file = file.display().to_string();
    let read = |more: &[&str]| {
        let words = [&["lm", "compare", "--cells=gru", "--config", &file], more].concat();
        match Cli::read(words.into_iter().map(Into::into).collect()).map(|it| it.command) {
            Ok(Command::Compare(args)) => args.config,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(read(&["--parameters=700"]).training.window, 5);
    assert_eq!(read(&[]).model.hidden_size, config.model.hidden_size);
    assert_eq!(read(&["--hidden-size=3"]).model.hidden_size, 3);
}

#[test]
fn a_formal_language_has_a_floor() {
    let folder = with_text();
    let words = [
        "compare",
        "--cells=mine",
        "--seeds=1",
        "--hidden-size=3",
        "--language=reber",
        "--train-symbols=2000",
        "--validation-symbols=900",
    ];
    let comparison = finished(&args(folder.path(), "out", &words));
    let floor = comparison.baselines.last().expect("the floor");
    assert_eq!(floor.name, "exact floor of reber");
    let language: bptt::tasks::languages::Language = "reber".parse().expect("a language");
    assert!((floor.nats - language.entropy_rate()).abs() < 0.03, "{}", floor.nats);
    assert!(comparison.baselines.iter().all(|it| it.nats >= floor.nats));
    assert!(comparison.cells[0].mean > Some(floor.nats));
}
