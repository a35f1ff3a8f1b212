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
fn differences_are_named() {
    let changed = config("--layers 3 --epochs 2 --dropout 0.5");
    let mut names = config("").differences(&changed);
    names.sort();
    assert_eq!(names, ["model.layers", "regularization.dropout", "training.epochs"]);
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
