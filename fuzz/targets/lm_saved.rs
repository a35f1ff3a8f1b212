//! The texts of a weights file are the settings and the vocabulary of a model, or are refused. What they claim makes no
//! model that the weights are too few for.
#![no_main]

use std::path::Path;

use bptt::Tensor;
use bptt::weights::Archive;
use libfuzzer_sys::fuzz_target;
use lm::training::Saved;

fuzz_target!(|texts: (&str, &str)| {
    let (config, vocabulary) = texts;
    if config.contains("pcfg:") {
        return; // a path could name any file of the machine
    }
    let mut archive = Archive::<f32>::new();
    for (name, text) in
        [("config", config), ("vocabulary", vocabulary), ("step", "1"), ("nats", "1")]
    {
        archive.set_text(name, text);
    }
    let path = Path::new("model.safetensors");
    let saved = match Saved::of(&archive, path) {
        Ok(saved) => saved,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let (model, tokens) = (&saved.config.model, saved.vocabulary.len());
    if let Some(1..=1000) = tokens.checked_mul(model.embedding_size) {
        archive.insert("model.embedding.table", Tensor::zeros([tokens, model.embedding_size]));
    }
    let saved = Saved::of(&archive, path).expect("as before");
    saved.model().expect_err("a model has more than an embedding");
    let again = Saved::of(&saved.archive(), path).expect("its own archive");
    assert_eq!(again.config.to_toml(), saved.config.to_toml());
});
