//! The sigmoid applied again and again: what flattens, and how fast.
//!
//! By the chain rule the slope of `σⁿ = σ ∘ … ∘ σ` is a product of `n` slopes, `Π σ′(σᵏ(x))`. Since `σ′ = σ (1 − σ) ≤ ¼`,
//! it is at most `(¼)ⁿ`. Only the first factor can reach ¼, at `x = 0`. The values approach the fixed point `x* = σ(x*)`,
//! so each further factor approaches `σ′(x*) = x* (1 − x*) = 0.2247`.
//!
//! The figures show the curves, and the largest slope beside the bound.

use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "repeated-sigmoid",
    shows: "each further sigmoid divides the slope by more than four",
    sources: &[(Text::Int301, "Vanishing Gradients")],
    run,
};

const TIMES: usize = 16;

fn run(session: &mut Session) -> Result<()> {
    let xs: Vec<f64> = (-200..=200).map(|i| f64::from(i) / 20.0).collect();
    let tape = Tape::new();
    let x = tape.variable(Tensor::from_slice([xs.len()], &xs));
    let mut y = x;
    let mut curves = Lines::new("σ applied n times", "x", "σⁿ(x)");
    let mut slopes = Vec::new();
    for n in 1..=TIMES {
        y = y.sigmoid();
        if n <= 4 {
            let points = xs.iter().copied().zip(y.value().to_vec());
            curves = curves.line(&format!("n = {n}"), points.step_by(4));
        }
        let [slope] = tape.grad(y.sum_all(), [x]);
        slopes.push(slope.value().as_slice().iter().copied().fold(0.0, f64::max));
    }
    session.figure("curves", &curves.picture())?;

    let bound = |n: usize| 0.25_f64.powi(n as i32);
    let counted = |value: &dyn Fn(usize) -> f64| {
        (1..=TIMES).map(|n| (n as f64, value(n))).collect::<Vec<_>>()
    };
    let picture = Lines::new("slope of σ applied n times", "n", "largest slope")
        .log()
        .line("measured", counted(&|n| slopes[n - 1]))
        .dashed("bound (¼)ⁿ", counted(&bound));
    session.figure("slope", &picture.picture())?;

    for n in [1, 2, 3, 4, TIMES] {
        session.number(&format!("largest slope, n = {n}"), slopes[n - 1]);
    }
    session.check("one sigmoid has the slope ¼", slopes[0] == 0.25);
    let is_within = (2..=TIMES).all(|n| slopes[n - 1] < bound(n));
    session.check("from the second on, the slope is below the bound (¼)ⁿ", is_within);
    let fixed_point = (0..100).fold(0.5, |x: f64, _| 1.0 / (1.0 + (-x).exp()));
    let (limit, factor) =
        (fixed_point * (1.0 - fixed_point), slopes[TIMES - 1] / slopes[TIMES - 2]);
    session.number("factor of one more sigmoid", factor);
    session.check("the factor is σ′ at the fixed point", (factor - limit).abs() < 1e-6);

    let flat = slopes.iter().position(|&slope| slope < f64::from(f32::EPSILON)).unwrap_or(TIMES);
    session
        .claim(
            Text::Int301,
            "the data is flattened until, for large stretches, it has no detectable slope",
        )
        .confirmed(
            flat < TIMES,
            &format!("below the rounding of f32 for all x from n = {}", flat + 1),
        );
    Ok(())
}
