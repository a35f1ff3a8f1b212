//! Hopfield's completely connected net (1982): memories are the valleys of an energy that never rises.
//!
//! `N` units `s = ±1` store `P` patterns `ξ` by Hebb's rule, and are updated one at a time:
//!
//! ```text
//! W = (1/N) Σ ξ ξᵀ, with 0 on the diagonal     s_i ← sign(Σ_j W_ij s_j)     E = −½ sᵀ W s
//! ```
//!
//! A unit that flips lowers `E` by `2 |Σ_j W_ij s_j|`, since `W` is symmetric. So the net comes to rest. If few patterns are
//! stored, it rests at the nearest. Beyond `P ≈ 0.138 N` they are no longer valleys (Amit, Gutfreund and Sompolinsky 1985).
//!
//! The figures show the energy during recalls, and how much of a pattern is left as more are stored.

use bptt::rand::seq::SliceRandom;

use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "hopfield",
    shows: "a completely connected net recalls patterns from noise, and loses them if too many are stored",
    sources: &[(Text::Crowley, "History")],
    run,
};

const UNITS: usize = 500;

fn run(session: &mut Session) -> Result<()> {
    let rng = &mut bptt::rng(0);
    let patterns = random_patterns(UNITS / 20, rng);
    let weights = storing(&patterns);
    let (mut rises, mut recalled) = (0, 0);
    let mut lines = Lines::new("energy of five recalls", "change of a unit", "E / N");
    for (p, pattern) in patterns.as_slice().chunks(UNITS).enumerate() {
        let mut state = pattern.to_vec();
        state.iter_mut().for_each(|s| *s *= if rng.random_bool(0.2) { -1.0 } else { 1.0 });
        let mut energies = Vec::new();
        settle(&weights, &mut state, rng, |it| energies.push(energy(&weights, it) / UNITS as f64));
        rises += energies.windows(2).filter(|pair| pair[1] > pair[0]).count();
        recalled += usize::from(product(&state, pattern) > 0.99 * UNITS as f64);
        if p < 5 {
            lines = lines.line("", energies.into_iter().enumerate().map(|(t, e)| (t as f64, e)));
        }
    }
    session.figure("energy", &lines.picture())?;
    session.check("the energy falls with each change", rises == 0);
    session.check("each of 0.05 N patterns is recalled from 20 % noise", recalled == UNITS / 20);

    let loads: Vec<f64> = (2..=24).map(|percent| f64::from(percent) / 100.0).collect();
    let left = session.seeds(loads.len(), |at| left_of_patterns(loads[at as usize], at));
    let picture = Lines::new("what is left of a stored pattern", "patterns / N", "overlap")
        .line("mean of 30 patterns", loads.into_iter().zip(left.iter().copied()))
        .dashed("0.138", [(0.138, 0.3), (0.138, 1.0)]);
    session.figure("capacity", &picture.picture())?;
    let of = |percent: usize| left.get(percent - 2).map_or(f64::NAN, |&it| it); // none if it was stopped
    for percent in [10, 13, 15, 20] {
        session.number(&format!("overlap with 0.{percent} N patterns"), of(percent));
    }
    session.check("with 0.1 N patterns, more than 98 % of their units are right", of(10) > 0.96);
    session.check("with 0.2 N patterns, less than 80 % of them are right", of(20) < 0.6);
    Ok(())
}

/// Returns `W`, `[N, N]`, for patterns `[P, N]`.
fn storing(patterns: &Tensor<f64>) -> Tensor<f64> {
    let mut weights = patterns.t_matmul(patterns) / UNITS as f64;
    weights.as_mut_slice().iter_mut().step_by(UNITS + 1).for_each(|diagonal| *diagonal = 0.0);
    weights
}

/// Updates the units one at a time until none changes. Calls `watch` after each change.
fn settle(
    weights: &Tensor<f64>,
    state: &mut [f64],
    rng: &mut impl Rng,
    mut watch: impl FnMut(&[f64]),
) {
    let mut order: Vec<usize> = (0..UNITS).collect();
    let mut is_at_rest = false;
    while !is_at_rest {
        is_at_rest = true;
        order.shuffle(rng);
        for &i in &order {
            let input = product(&weights.as_slice()[i * UNITS..][..UNITS], state);
            if input * state[i] < 0.0 {
                state[i] = -state[i];
                is_at_rest = false;
                watch(state);
            }
        }
    }
}

/// `−½ sᵀ W s`
fn energy(weights: &Tensor<f64>, state: &[f64]) -> f64 {
    let rows = weights.as_slice().chunks(UNITS);
    -0.5 * rows.zip(state).map(|(row, s)| s * product(row, state)).sum::<f64>()
}

/// Stores `load` patterns for each unit. Returns the mean overlap of the net at rest with the patterns that it began from.
fn left_of_patterns(load: f64, seed: u64) -> f64 {
    let rng = &mut bptt::rng(100 + seed);
    let patterns = random_patterns((load * UNITS as f64).round() as usize, rng);
    let weights = storing(&patterns);
    let some = patterns.as_slice().chunks(UNITS).take(30);
    let left = some.clone().map(|pattern| {
        let mut state = pattern.to_vec();
        settle(&weights, &mut state, rng, |_| ());
        product(&state, pattern) / UNITS as f64
    });
    left.sum::<f64>() / some.len() as f64
}

fn random_patterns(count: usize, rng: &mut impl Rng) -> Tensor<f64> {
    Tensor::bernoulli([count, UNITS], 0.5, rng).map(|bit| 2.0 * bit - 1.0)
}

/// `Σ a b`. Between states it is N if they are equal, and about 0 if they are unrelated.
fn product(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
