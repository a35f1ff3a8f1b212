use std::path::Path;

use clap::Parser;

use super::*;

#[derive(Parser)]
#[command(no_binary_name = true)]
struct Flags {
    #[command(flatten)]
    config: Config,
}

fn config(flags: &str) -> Config {
    Flags::parse_from(flags.split_whitespace()).config
}

fn refused(text: &str) -> String {
    let path = Path::new("my.toml");
    Config::from_toml(text, path).expect_err("refused").to_string()
}

#[test]
fn a_configuration_survives_toml_to_the_last_bit() {
    let flags = "--text a.txt b.txt --cell min-gru --tied --learned-start=false --cutoffs 3,5 --dropout 0.1 \
                 --dropout-input 0.3 --dropout-output 0.2 --weight-decay 1e-7 --epochs 4 --validate-every 3 \
                 --random-windows --optimizer rms-prop --schedule plateau --average triggered --seed 9223372036854775807";
    for flags in ["", flags] {
        let mut config = config(flags);
        config.training.learning_rate = 0.1_f64.powi(3) / 3.0;
        let text = config.to_toml();
        let read = Config::from_toml(&text, Path::new("config.toml")).expect("its own text");
        assert_eq!(read, config, "{text}");
        assert!(read.differences(&config).is_empty());
    }
}

#[test]
fn the_files_that_are_given_are_configurations() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    let files: Vec<_> = folder.read_dir().unwrap().map(|file| file.unwrap().path()).collect();
    assert!(files.len() >= 4, "{files:?}");
    for file in files {
        Config::from_file(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }
}

#[test]
fn differences_are_named() {
    let changed = config("--layers 3 --epochs 2 --dropout 0.5");
    let mut names = config("").differences(&changed);
    names.sort();
    assert_eq!(names, ["model.layers", "regularization.dropout", "training.epochs"]);
}

#[test]
fn steps_displace_epochs() {
    let counts = |flags: &[_]| {
        let training = config("--epochs 3").with(flags.iter().copied()).expect("valid").training;
        (training.steps, training.epochs)
    };
    assert_eq!(counts(&[("seed", "2")]), (1500, Some(3)));
    assert_eq!(counts(&[("steps", "9")]), (9, None));
    assert_eq!(counts(&[("steps", "9"), ("epochs", "2")]), (9, Some(2)));
    assert_eq!(counts(&[("epochs", "2"), ("steps", "9")]), (9, Some(2)));
}

#[test]
fn mistakes_are_named_with_what_is_there() {
    let message = refused("[model]\nhiden_size = 3");
    assert!(
        message.starts_with("my.toml: there is no setting `model.hiden_size`; [model] has"),
        "{message}"
    );
    assert!(message.contains("hidden_size"), "{message}");
    let message = refused("[training]\nhidden_size = 3");
    assert!(message.contains("`training.hidden_size`"), "a setting of another section: {message}");
    let message = refused("[modell]\nlayers = 3");
    assert!(
        message.contains("the sections are text, model, regularization, training"),
        "{message}"
    );
    let message = refused("model = 3");
    assert!(message.contains("write [model] above its settings"), "{message}");
    let message = refused("[model]\nlayers = 0");
    assert!(message.contains("'--layers <N>'") && message.contains("from 1 to 1024"), "{message}");
    let message = refused("[model]\ncell = [1]");
    assert!(message.contains("--cell"), "{message}");
    let message = refused("[model]\nlayers = {}");
    assert!(message.contains("--layers"), "{message}");
    let message = refused("[model\n");
    assert!(message.starts_with("my.toml is not a configuration in TOML"), "{message}");
}

/// A configuration may come from a damaged file: no value of any setting leads to a panic or a size that overflows.
#[test]
fn each_value_of_each_setting_is_read_or_refused() {
    let complete = config(
        "--text a --vocabulary-size 9 --epochs 2 --validate-every 3 --dropout-input 0.5 --dropout-output 0.5",
    );
    let complete: toml::Table = complete.to_toml().parse().expect("its own text");
    let settings = complete.iter().flat_map(|(section, settings)| {
        settings.as_table().expect("a section").keys().map(move |name| (section, name))
    });
    let values = "0 1 -1 18446744073709551615 9223372036854775807 1e308 -1e-308 nan inf true [] [7] [[]] {} \"\" \"--x\" \
                  \"18446744073709551615\" \"9223372036854775808\" \
                  \"mixture\" \"neural-window\" 1979-05-27";
    for (section, name) in settings {
        for value in values.split_whitespace() {
            let text = format!("[{section}]\n{name} = {value}");
            match Config::from_toml(&text, Path::new("my.toml")) {
                Ok(config) => {
                    let again = Config::from_toml(&config.to_toml(), Path::new("my.toml"));
                    assert_eq!(again.expect(&text), config, "{text}");
                    assert!(config.memory(1000).0 > 0.0, "{text}");
                }
                Err(error) => assert!(error.to_string().starts_with("my.toml"), "{text}: {error}"),
            }
        }
    }
}
