//! `lm`: see `lm --help`.

fn main() {}
