//! A text is the configuration of a run or is refused. A configuration equals the one that its own text gives, and
//! takes some memory.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use lm::config::Config;

fuzz_target!(|text: &str| {
    let path = Path::new("config.toml");
    let config = match Config::from_toml(text, path) {
        Ok(config) => config,
        Err(error) => return assert!(error.to_string().starts_with("config.toml")),
    };
    let again = Config::from_toml(&config.to_toml(), path).expect("its own text");
    assert_eq!(again, config);
    assert!(again.differences(&config).is_empty());
    assert!(config.memory(1000).0 > 0.0);
});
