//! Slopes by finite differences, and their verdict on a derivative, also where a function has a kink.
//!
//! A derivative is judged by the function's values alone. A step `h` gives
//!
//! ```text
//! five points:  (8 (f(h) − f(−h)) − (f(2h) − f(−2h))) / 12h    error h⁴ f⁽⁵⁾/30 + ε|f|/h
//! one side:     ±(4 f(±h) − f(±2h) − 3 f(0)) / 2h              error h² f‴/3  + ε|f|/h
//! ```

use std::cell::RefCell;
use std::collections::HashMap;

/// The step that is tried first. Layer normalisation of two features changes from −1 to 1 within `√10⁻⁵`. There,
/// truncation and rounding are both below 1e-9 with this step.
const STEP: f64 = 2e-5;

/// All steps, from the finest to the coarsest. A function that changes within 1e-8, or has a kink that near, needs fine
/// steps. A function with values so large that rounding drowns their differences needs coarse steps.
const STEPS: [f64; 10] = [2e-12, 2e-11, 2e-10, 2e-9, 2e-8, 2e-7, 2e-6, STEP, 2e-4, 2e-3];

/// The relative tolerance. It is a hundred times the truncation and rounding error of a function of order 1, and far
/// below the error of any wrong derivative.
pub(crate) const TOLERANCE: f64 = 1e-6;

/// Slopes below this size are compared as if they were this large.
const SMALLEST: f64 = 1e-3;

/// If rounding may hide more than this fraction of a slope, agreement with the slope is not counted.
const HIDING: f64 = 1e-3;

/// The rounding error of a value, relative to it: a few roundings of `f64`.
const ROUNDING: f64 = 16.0 * f64::EPSILON;

/// An error of one rounding in each operation changes a value by about its own rounding error. This many times that
/// change is a bound for the error.
const ERRORS: f64 = 10.0;

/// The verdict of differences on a derivative.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// The differences agree with it, up to this relative error.
    Agrees { error: f64 },
    /// The function is smooth here, and its slope is this one.
    Disagrees { slope: f64 },
    /// There is no slope to compare with. The function has a kink or jump nearer than differences resolve, or its
    /// values are so large that their rounding hides the slope.
    Excluded,
}

/// A function from the step along a line to the values of all outputs. With a seed, each operation has an error of one
/// [rounding](bptt_autodiff::Tape::perturbed).
type Values<'f> = dyn Fn(f64, Option<u64>) -> Vec<f64> + 'f;

/// Values by the bits of their step and the seed of their errors.
type Known = HashMap<(u64, Option<u64>), Vec<f64>>;

/// A function along a line, which computes each value once.
pub(crate) struct Line<'f> {
    f: &'f Values<'f>,
    smallest: f64,
    known: RefCell<Known>,
}

impl<'f> Line<'f> {
    pub(crate) fn new(f: &'f Values<'f>) -> Self {
        Self { f, smallest: SMALLEST, known: RefCell::default() }
    }

    /// Compares slopes below this size as if they were this large.
    pub(crate) fn smallest(self, smallest: f64) -> Self {
        Self { smallest, ..self }
    }

    fn value(&self, step: f64, errors: Option<u64>, output: usize) -> f64 {
        let mut known = self.known.borrow_mut();
        known.entry((step.to_bits(), errors)).or_insert_with(|| (self.f)(step, errors))[output]
    }

    /// A bound for the rounding error of the output at 0. It compares perturbed runs with one another only, since a
    /// perturbed run is a loop, and another run may be a scan.
    fn rounding(&self, output: usize) -> f64 {
        let value = |seed| self.value(0.0, Some(seed), output);
        ERRORS * (1..=4).map(|seed| (value(seed) - value(0)).abs()).fold(0.0, f64::max)
    }

    /// Whether `claimed` is the derivative of this output at 0.
    pub(crate) fn judge(&self, output: usize, claimed: f64) -> Verdict {
        for step in std::iter::once(STEP).chain(STEPS) {
            let around = self.around(step, output, 0.0);
            let (noise, error) = (around.noise(), around.distance(claimed));
            if noise <= HIDING && error <= TOLERANCE + noise.min(TOLERANCE) {
                return Verdict::Agrees { error };
            }
        }
        let Some(around) = self.resolved(output) else { return Verdict::Excluded };
        // also false for a claim that is NaN
        let is_hidden = around.distance(claimed) <= TOLERANCE + around.noise();
        if is_hidden { Verdict::Excluded } else { Verdict::Disagrees { slope: around.slope } }
    }

    /// The slope from the finest steps whose differences agree with one another, if there are such steps. Coarser steps
    /// may agree on a slope that the function only has farther away.
    fn resolved(&self, output: usize) -> Option<Around> {
        let mut resolved: Option<Around> = None;
        let mut finer: Option<Around> = None;
        let rounding = self.rounding(output);
        for step in STEPS {
            let around = self.around(step, output, rounding);
            let agrees = finer.is_some_and(|finer| {
                let noise = around.noise() + finer.noise();
                finer.is_smooth() && around.distance(finer.slope) <= TOLERANCE + noise
            });
            if agrees {
                resolved = Some(around); // of agreeing steps, the coarsest has the least noise
            } else if resolved.is_some() {
                break;
            }
            finer = (around.noise() <= HIDING).then_some(around);
        }
        resolved
    }

    /// The slopes from values at most two steps of `h` away, with errors of at most `rounding`.
    fn around(&self, h: f64, output: usize, rounding: f64) -> Around {
        let f = |step: f64| self.value(step, None, output);
        let [f0, f1, f2, b1, b2] = [f(0.0), f(h), f(2.0 * h), f(-h), f(-2.0 * h)];
        let largest = [f1, f2, b1, b2].iter().fold(f0.abs(), |most, f| most.max(f.abs()));
        let right = (4.0 * f1 - f2 - 3.0 * f0) / (2.0 * h);
        let left = (3.0 * f0 + b2 - 4.0 * b1) / (2.0 * h);
        let slope = (8.0 * (f1 - b1) - (f2 - b2)) / (12.0 * h);
        let gap = (right - slope).abs().max((left - slope).abs());
        Around {
            slope,
            gap,
            rounding: rounding.max(ROUNDING * largest) / h,
            smallest: self.smallest,
        }
    }
}

/// The slopes from the values around a point.
#[derive(Clone, Copy)]
struct Around {
    slope: f64,
    /// The distance of the one-sided slopes from `slope`. It is large at a kink and at a jump. This includes a jump
    /// with equal slopes on both sides, such as that of a sign at 0.
    gap: f64,
    /// A bound for the rounding error of the slope.
    rounding: f64,
    /// Slopes below this size are compared as if they were this large.
    smallest: f64,
}

impl Around {
    /// A difference relative to the slope.
    fn relative(&self, difference: f64) -> f64 {
        difference.abs() / self.slope.abs().max(self.smallest)
    }

    fn noise(&self) -> f64 {
        self.relative(self.rounding)
    }

    fn distance(&self, slope: f64) -> f64 {
        self.relative(self.slope - slope)
    }

    /// Whether the slopes to either side are equal.
    fn is_smooth(&self) -> bool {
        self.relative(self.gap) <= TOLERANCE + self.noise()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(f: impl Fn(f64) -> f64, claimed: f64) -> Verdict {
        Line::new(&|step, _| vec![f(step)]).judge(0, claimed)
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
        // steep, large, and large compared with its changes
        agrees(|s: f64| (300.0 * s).sin(), 300.0);
        agrees(|s: f64| (10.0 + s).exp(), 10_f64.exp());
        agrees(|s: f64| 1e5 + s.sin(), 1.0);
        disagrees(|s: f64| (300.0 * s).sin(), 299.0, 300.0);
        disagrees(|s: f64| 1e3 + s.sin(), f64::NAN, 1.0);
        disagrees(|s: f64| s.sin(), f64::INFINITY, 1.0);
        // an error that is small compared with the values is found, unless their rounding hides it
        disagrees(|s: f64| 1e3 + s.sin(), 1.0 + 1e-5, 1.0);
        for claimed in [0.0, 1.0, 54.0] {
            assert_eq!(judge(|s: f64| 1e12 + s.sin(), claimed), Verdict::Excluded);
        }
        // a small slope is not zero
        disagrees(|s: f64| 1e-4 * s.sin(), 0.0, 1e-4);
    }

    #[test]
    fn sharp_turns() {
        // from −1 to 1 within √ε, over five orders of magnitude to either side of it
        for width in [1e-3, 1e-4, 1e-5, 1e-6, 1e-7] {
            let f = |z: f64| z / (z * z + width * width).sqrt();
            let slope = |z: f64| width * width / (z * z + width * width).powf(1.5);
            let (mut compared, mut found) = (0, 0);
            for i in -50..=50 {
                let at = f64::from(i % 2 * 2 - 1) * width * 10_f64.powf(0.1 * f64::from(i));
                match judge(|s| f(at + s), slope(at)) {
                    Verdict::Agrees { .. } => compared += 1,
                    Verdict::Disagrees { slope: found } => {
                        panic!("width {width}, at {at}: {found}, not {}", slope(at))
                    }
                    Verdict::Excluded => {}
                }
                let wrong = judge(|s| f(at + s), 2.0 * slope(at) + 1.0);
                found += usize::from(matches!(wrong, Verdict::Disagrees { .. }));
            }
            assert!(compared > 80 && found > 60, "width {width}: {compared}, {found}");
        }
    }

    #[test]
    fn kinks() {
        let relu = |x: f64| x.max(0.0);
        // at the kink and nearer than differences resolve there is no slope; farther away there is
        for at in [0.0, 1e-11, -1e-11] {
            assert_eq!(judge(|s| relu(at + s), 0.25), Verdict::Excluded);
        }
        for (at, slope) in [(1e-8, 1.0), (-1e-8, 0.0), (1e-5, 1.0), (-1e-5, 0.0), (3e-3, 1.0)] {
            agrees(|s| relu(at + s), slope);
            disagrees(|s| relu(at + s), 1.0 - slope, slope);
        }
        // jumps: flat to either side
        let jump = |x: f64| f64::from(u8::from(x > 0.0));
        assert_eq!(judge(jump, 1.0), Verdict::Excluded);
        agrees(|s| jump(s + 1e-5), 0.0);
        // the value at the jump is in the middle, like half of a gradient at a tie
        let sign = |x: f64| if x == 0.0 { 0.0 } else { x.signum() };
        for size in [1e-4, 1.0, 1e4] {
            assert_eq!(judge(|s| size * sign(s) + s, 0.25), Verdict::Excluded);
        }
        // the value at the jump is the mean, like a derivative at a kink
        assert_eq!(judge(|x| (jump(x) + 1.0 - jump(-x)) / 2.0, 1.0), Verdict::Excluded);
        // NaN
        assert_eq!(judge(|_| f64::NAN, 0.0), Verdict::Excluded);
    }
}
