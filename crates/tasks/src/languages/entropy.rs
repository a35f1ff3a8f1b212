//! The expected length and the entropy of a sentence.

use super::grammar::{Rule, START};

/// The expectations of a sentence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Expected {
    /// In symbols.
    pub(super) length: f64,
    /// In nats.
    pub(super) entropy: f64,
}

/// Solves `ℓ = 1 + M ℓ` and `h = c + M h`, where `M_AB` is the expected number of `B` in an alternative of `A`, and
/// `c_A` the entropy of the choice. Returns `None` unless the spectral radius of `M` is less than one.
///
/// The last unknown is eliminated from all equations before it, then the last but one, until only that of a sentence is
/// left. Nothing but the pivots `1 - M_AA` is subtracted, so the solution is accurate. The pivots are all positive if
/// and only if the spectral radius is less than one (`I - M` is then a nonsingular M-matrix: Berman and Plemmons 1994).
pub(super) fn expected_of_a_sentence(rules: &[Rule]) -> Option<Expected> {
    let mut equations: Vec<Equation> =
        rules.iter().map(|rule| Equation::new(rule, rules.len())).collect();
    while let Some(last) = equations.pop() {
        let solved = last.solve()?;
        if equations.len() == START {
            return Some(solved.constant);
        }
        for equation in &mut equations {
            equation.substitute(&solved);
        }
    }
    None
}

/// `x_A = constant + Σ_B counts[B] x_B`, for `ℓ` and `h` at once.
struct Equation {
    constant: Expected,
    counts: Vec<f64>,
}

impl Equation {
    fn new(rule: &Rule, rules: usize) -> Self {
        let mut counts = vec![0.0; rules];
        let mut entropy = 0.0;
        for alternative in rule {
            entropy -= alternative.probability * alternative.probability.ln();
            for &next in &alternative.rest {
                counts[next] += alternative.probability;
            }
        }
        Self { constant: Expected { length: 1.0, entropy }, counts }
    }

    /// Solves the equation of the last unknown for it.
    fn solve(mut self) -> Option<Self> {
        let pivot = 1.0 - self.counts.pop()?;
        if pivot <= 0.0 {
            return None;
        }
        self.counts.iter_mut().for_each(|count| *count /= pivot);
        self.constant.length /= pivot;
        self.constant.entropy /= pivot;
        Some(self)
    }

    /// Puts the solution of the last unknown in its place.
    fn substitute(&mut self, solved: &Self) {
        let Some(factor) = self.counts.pop() else { return };
        if factor == 0.0 {
            return;
        }
        for (count, solved) in self.counts.iter_mut().zip(&solved.counts) {
            *count += factor * solved;
        }
        self.constant.length += factor * solved.constant.length;
        self.constant.entropy += factor * solved.constant.entropy;
    }
}
