//! Slopes by differences, and what to make of them where a function has a kink.
//!
//! The numeric truth about a derivative comes from the function's values alone. A step `h` gives
//!
//! ```text
//! five points:  (8 (f(h) − f(−h)) − (f(2h) − f(−2h))) / 12h    error h⁴ f⁽⁵⁾/30 + ε|f|/h
//! one side:     ±(4 f(±h) − f(±2h) − 3 f(0)) / 2h              error h² f‴/3  + ε|f|/h
//! ```

use std::cell::RefCell;
use std::collections::HashMap;

/// The first step. A normalised layer of two features turns within `√10⁻⁵` from −1 to 1, and there
/// truncation and rounding are both below 1e-9.
const STEP: f64 = 2e-5;

/// Where the first step disagrees, the others are asked: smaller ones near a kink, larger ones where
/// values are so large that rounding drowns their differences.
const LADDER: [f64; 5] = [STEP, 2e-6, 2e-7, 2e-4, 2e-3];

/// Relative: a hundred times what truncation and rounding leave of a function
/// of order 1, and far below what any wrong derivative is off by.
pub(crate) const TOLERANCE: f64 = 1e-6;

/// Slopes below are compared as if they were of this size.
const SMALLEST: f64 = 1e-3;

/// Where rounding may hide more of a slope than this fraction, agreement with it says nothing.
const HIDING: f64 = 1e-3;

/// A few roundings of `f64` in every value.
const ROUNDING: f64 = 16.0 * f64::EPSILON;

/// What differences say of a derivative.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// They agree, but for this relative error.
    Agrees { error: f64 },
    /// The function is smooth here, and its slope another.
    Disagrees { slope: f64 },
    /// There is no slope to compare with: the function has a kink or jump nearer than differences resolve, or
    /// values so large that their rounding hides it.
    Excluded,
}

/// A function of one number, the step along a line, to several; each value is computed once.
pub(crate) struct Line<'f> {
    f: &'f dyn Fn(f64) -> Vec<f64>,
    smallest: f64,
    known: RefCell<HashMap<u64, Vec<f64>>>,
}

impl<'f> Line<'f> {
    pub(crate) fn new(f: &'f dyn Fn(f64) -> Vec<f64>) -> Self {
        Self { f, smallest: SMALLEST, known: RefCell::default() }
    }

    /// Compares slopes below as if they were of this size.
    pub(crate) fn smallest(self, smallest: f64) -> Self {
        Self { smallest, ..self }
    }

    fn at(&self, step: f64, output: usize) -> f64 {
        self.known.borrow_mut().entry(step.to_bits()).or_insert_with(|| (self.f)(step))[output]
    }

    /// Whether `claimed` is the derivative of this output at 0.
    pub(crate) fn judge(&self, output: usize, claimed: f64) -> Verdict {
        let mut slope = None;
        for step in LADDER {
            let around = self.around(step, output);
            let scale = around.slope.abs().max(self.smallest);
            let noise = around.noise / scale;
            let error = (around.slope - claimed).abs() / scale;
            if noise <= TOLERANCE {
                if error <= TOLERANCE + noise {
                    return Verdict::Agrees { error };
                }
                if slope.is_none() && around.gap / scale <= TOLERANCE + noise {
                    slope = Some(around.slope);
                }
            } else if noise <= HIDING && error <= TOLERANCE {
                return Verdict::Agrees { error };
            }
        }
        slope.map_or(Verdict::Excluded, |slope| Verdict::Disagrees { slope })
    }

    fn around(&self, h: f64, output: usize) -> Around {
        let f = |step: f64| self.at(step, output);
        let [f0, f1, f2, b1, b2] = [f(0.0), f(h), f(2.0 * h), f(-h), f(-2.0 * h)];
        let largest = [f1, f2, b1, b2].iter().fold(f0.abs(), |most, f| most.max(f.abs()));
        let right = (4.0 * f1 - f2 - 3.0 * f0) / (2.0 * h);
        let left = (3.0 * f0 + b2 - 4.0 * b1) / (2.0 * h);
        let slope = (8.0 * (f1 - b1) - (f2 - b2)) / (12.0 * h);
        let gap = (right - slope).abs().max((left - slope).abs());
        Around { slope, gap, noise: ROUNDING * largest / h }
    }
}

/// What the values around a point say.
struct Around {
    slope: f64,
    /// How far the slopes to either side are from it: not small at a kink; nor at a jump, also where both
    /// sides are alike, as they are of a sign at 0.
    gap: f64,
    /// What of the slope may be rounding.
    noise: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(f: impl Fn(f64) -> f64, claimed: f64) -> Verdict {
        Line::new(&|step| vec![f(step)]).judge(0, claimed)
    }

    #[track_caller]
    fn agrees(f: impl Fn(f64) -> f64, claimed: f64) {
        let verdict = judge(f, claimed);
        assert!(matches!(verdict, Verdict::Agrees { .. }), "{verdict:?}");
    }

    #[track_caller]
    fn disagrees(f: impl Fn(f64) -> f64, claimed: f64, right: f64) {
        match judge(f, claimed) {
            Verdict::Disagrees { slope } => {
                assert!((slope - right).abs() < 1e-5 * right.abs().max(1.0));
            }
            verdict => panic!("{verdict:?}"),
        }
    }

    #[test]
    fn smooth_functions() {
        for at in [-30.0, -1.0, 0.0, 1e-6, 0.5, 30.0] {
            let slope = |x: f64| 1.0 - x.tanh() * x.tanh();
            agrees(|s: f64| (at + s).tanh(), slope(at));
            disagrees(|s: f64| (at + s).tanh(), slope(at) + 1e-4, slope(at));
        }
        // steep, large, and large beside what changes
        agrees(|s: f64| (300.0 * s).sin(), 300.0);
        agrees(|s: f64| (10.0 + s).exp(), 10_f64.exp());
        agrees(|s: f64| 1e5 + s.sin(), 1.0);
        disagrees(|s: f64| (300.0 * s).sin(), 299.0, 300.0);
        disagrees(|s: f64| 1e3 + s.sin(), f64::NAN, 1.0);
        disagrees(|s: f64| s.sin(), f64::INFINITY, 1.0);
        // an error that is small beside the values is not lost in their rounding, and where it would be,
        // nothing is said
        disagrees(|s: f64| 1e3 + s.sin(), 1.0 + 1e-5, 1.0);
        for claimed in [0.0, 1.0, 54.0] {
            assert_eq!(judge(|s: f64| 1e12 + s.sin(), claimed), Verdict::Excluded);
        }
        // and what is small is not nothing
        disagrees(|s: f64| 1e-4 * s.sin(), 0.0, 1e-4);
    }

    #[test]
    fn kinks() {
        let relu = |x: f64| x.max(0.0);
        // at the kink and nearer than differences resolve there is no slope; farther away there is
        for at in [0.0, 1e-9, -1e-9] {
            assert_eq!(judge(|s| relu(at + s), 0.25), Verdict::Excluded);
        }
        for (at, slope) in [(1e-5, 1.0), (-1e-5, 0.0), (3e-3, 1.0)] {
            agrees(|s| relu(at + s), slope);
            disagrees(|s| relu(at + s), 1.0 - slope, slope);
        }
        // jumps: flat to either side
        let jump = |x: f64| f64::from(u8::from(x > 0.0));
        assert_eq!(judge(jump, 1.0), Verdict::Excluded);
        agrees(|s| jump(s + 1e-5), 0.0);
        // with the value in the middle at the jump, as half of a gradient at a tie
        let sign = |x: f64| if x == 0.0 { 0.0 } else { x.signum() };
        for size in [1e-4, 1.0, 1e4] {
            assert_eq!(judge(|s| size * sign(s) + s, 0.25), Verdict::Excluded);
        }
        // the mean at the jump, as a derivative has it at a kink
        assert_eq!(judge(|x| (jump(x) + 1.0 - jump(-x)) / 2.0, 1.0), Verdict::Excluded);
        // what is no number
        assert_eq!(judge(|_| f64::NAN, 0.0), Verdict::Excluded);
    }
}
