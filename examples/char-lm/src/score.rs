//! How well characters were predicted.

use std::f64::consts::LN_2;
use std::fmt;

/// Mean of `-ln P` over the characters predicted.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Nats(pub f64);

impl Nats {
    /// The same as a mean of `-log₂ P`.
    #[must_use]
    pub fn bits(self) -> f64 {
        self.0 / LN_2
    }
}

impl fmt::Display for Nats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.4} nats, {:.4} bits per character", self.0, self.bits())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_chance_is_one_bit() {
        let score = Nats(-(0.5_f64.ln()));
        assert_eq!(score.bits(), 1.0);
        assert_eq!(score.to_string(), "0.6931 nats, 1.0000 bits per character");
    }
}
