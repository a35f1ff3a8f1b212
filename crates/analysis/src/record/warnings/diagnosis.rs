//! The signs of each illness.

use super::Warning;
use crate::record::entries::{LagDetails, ParameterDetails, Record, ValueDetails};

/// A gradient explodes if its norm is so many times the median of the steps before.
const SPIKE: f64 = 100.0;
/// The steps that the median is over, and the fewest that give one.
const SPIKE_WINDOW: usize = 100;
const SPIKE_STEPS: usize = 20;

/// A gradient explodes over lags if it becomes so many times larger.
const GROWTH: f64 = 100.0;

/// A gradient has vanished at this share of its peak. It is a warning if that is within the nearer half of the lags.
const VANISHED: f64 = 1e-3;

/// A gate is saturated if this share of its values is.
const SATURATED: f64 = 0.9;

/// The share of dead units that is a warning.
const DEAD: f64 = 0.05;

/// The limits of the update-to-weight ratio: thirty times the usual 10⁻³, and a thirtieth of it.
const LARGE_RATIO: f64 = 3e-2;
const SMALL_RATIO: f64 = 3e-5;
/// The last looks inside, all of which must show it.
const RATIO_LOOKS: usize = 3;

/// The loss is on a plateau if, over a quarter of the steps, it falls by less than this share of itself and the standard
/// error.
const FALL: f64 = 1e-3;
/// The share of the first loss below which nothing is left to learn.
const LEARNED: f64 = 0.05;
/// The fewest steps that show a plateau.
const PLATEAU_STEPS: usize = 200;

/// A look at the inside of the model.
#[derive(Clone, Copy)]
struct Look<'a> {
    step: u64,
    parameters: &'a [ParameterDetails],
    values: &'a [ValueDetails],
    lags: &'a [LagDetails],
}

/// Returns what is wrong with the training, the worst first.
pub(in crate::record) fn diagnose(records: &[Record]) -> Vec<Warning> {
    let looks = looks(records);
    let mut warnings: Vec<_> =
        not_finite(records, &looks).into_iter().chain(spike(records, &looks)).collect();
    if let Some(&last) = looks.last() {
        warnings.extend(last.lags.iter().filter_map(|lags| exploding(last.step, lags)));
        warnings.extend(vanishing(last.step, last.lags));
        warnings.extend(last.values.iter().filter_map(|value| saturated(last.step, value)));
        warnings.extend(last.values.iter().filter_map(|value| dead(last.step, value)));
    }
    warnings.extend(learning_rate(&looks));
    warnings.extend(plateau(records));
    warnings
}

fn looks(records: &[Record]) -> Vec<Look<'_>> {
    let look = |record| match record {
        &Record::Details { step, ref parameters, ref values, ref lags, .. } => {
            Some(Look { step, parameters, values, lags })
        }
        _ => None,
    };
    records.iter().filter_map(look).collect()
}

fn not_finite(records: &[Record], looks: &[Look<'_>]) -> Option<Warning> {
    let (step, quantity) = records.iter().find_map(|record| match *record {
        Record::Step { step, loss, .. } if !loss.is_finite() => Some((step, "loss")),
        Record::Step { step, gradient_norm: Some(norm), .. } if !norm.is_finite() => {
            Some((step, "gradient"))
        }
        Record::Validation { step, loss, .. } if !loss.is_finite() => {
            Some((step, "validation loss"))
        }
        _ => None,
    })?;
    let parameters =
        looks.iter().find(|look| look.step == step).map_or(&[][..], |it| it.parameters);
    let damaged = |it: &&ParameterDetails| it.weights.not_finite > 0;
    let hit = |it: &&ParameterDetails| it.gradient.as_ref().is_some_and(|it| it.not_finite > 0);
    let parameter = parameters.iter().find(damaged).or_else(|| parameters.iter().find(hit));
    Some(Warning::NotFinite { step, quantity, parameter: parameter.map(|it| it.name.clone()) })
}

/// Finds the step whose gradient is largest beside those before.
fn spike(records: &[Record], looks: &[Look<'_>]) -> Option<Warning> {
    let norms = records.iter().filter_map(|record| match *record {
        Record::Step { step, gradient_norm: Some(norm), .. } if norm.is_finite() => {
            Some((step, norm))
        }
        _ => None,
    });
    let norms: Vec<_> = norms.collect();
    let mut worst: Option<(u64, f64, f64)> = None;
    for (index, &(step, norm)) in norms.iter().enumerate().skip(SPIKE_STEPS) {
        let before = &norms[index.saturating_sub(SPIKE_WINDOW)..index];
        let usual = median(before.iter().map(|&(_, norm)| norm));
        let Some(usual) = usual.filter(|&norm| norm > 0.0) else { continue };
        let is_worse = worst.is_none_or(|(_, norm_of_worst, usual_of_worst)| {
            norm / usual > norm_of_worst / usual_of_worst
        });
        if norm > SPIKE * usual && is_worse {
            worst = Some((step, norm, usual));
        }
    }
    let (step, norm, usual) = worst?;
    let look = looks.iter().find(|look| look.step == step);
    let gradients = look.into_iter().flat_map(|look| look.parameters);
    let gradients = gradients.filter_map(|it| Some((it, it.gradient.as_ref()?.norm)));
    let parameter = gradients.max_by(|(_, a), (_, b)| a.total_cmp(b));
    let parameter = parameter.map(|(it, _)| it.name.clone());
    Some(Warning::ExplodingGradient { step, norm, usual, parameter })
}

fn exploding(step: u64, lags: &LagDetails) -> Option<Warning> {
    let first = lags.norms.iter().copied().find(|&norm| norm > 0.0)?;
    let (lag, largest) = peak(&lags.norms)?;
    let (growth, state) = (largest / first, lags.name.clone());
    (growth > GROWTH).then_some(Warning::ExplodingAtLag { step, state, lag, growth })
}

/// Judges by the state that the gradient reaches furthest: what one layer or variable forgets, another may keep.
fn vanishing(step: u64, states: &[LagDetails]) -> Option<Warning> {
    let reach = |state: &LagDetails| {
        let (_, largest) = peak(&state.norms)?;
        state.norms.iter().rposition(|&norm| norm >= VANISHED * largest)
    };
    let reached = states.iter().filter_map(|state| Some((reach(state)?, state)));
    let (last_seen, state) = reached.max_by_key(|&(reach, _)| reach)?;
    let (lag, lags, state) = (last_seen + 1, state.norms.len(), state.name.clone());
    (2 * lag <= lags).then_some(Warning::VanishingAtLag { step, state, lag, lags })
}

/// Returns the lag with the largest gradient, and its norm, if there is a gradient.
fn peak(norms: &[f64]) -> Option<(usize, f64)> {
    let finite = norms.iter().copied().enumerate().filter(|(_, norm)| norm.is_finite());
    finite.max_by(|(_, a), (_, b)| a.total_cmp(b)).filter(|&(_, norm)| norm > 0.0)
}

fn saturated(step: u64, value: &ValueDetails) -> Option<Warning> {
    let gate = value.gate.filter(|gate| gate.saturated() >= SATURATED)?;
    let (closed, open) = (gate.closed, gate.open);
    Some(Warning::SaturatedGate { step, gate: value.name.clone(), closed, open })
}

fn dead(step: u64, value: &ValueDetails) -> Option<Warning> {
    let ValueDetails { name, units, dead, .. } = value;
    (!dead.is_empty() && dead.len() as f64 >= DEAD * *units as f64).then(|| Warning::DeadUnits {
        step,
        value: name.clone(),
        dead: dead.clone(),
        units: *units,
    })
}

/// Judges by the last looks and by matrices: a bias may begin at zero.
fn learning_rate(looks: &[Look<'_>]) -> Option<Warning> {
    let ratios = |look: &Look<'_>| {
        let matrices = look.parameters.iter().filter(|it| it.rank > 1);
        let ratios = matrices.filter_map(|it| Some((it.name.clone(), it.update_ratio()?)));
        ratios.filter(|(_, ratio)| ratio.is_finite()).collect::<Vec<_>>()
    };
    let looks: Vec<_> = looks.iter().map(|look| (look.step, ratios(look))).collect();
    let looks: Vec<_> = looks.iter().filter(|(_, ratios)| !ratios.is_empty()).collect();
    let last = &looks[looks.len().checked_sub(RATIO_LOOKS)?..];
    let medians: Option<Vec<_>> =
        last.iter().map(|(_, ratios)| median(ratios.iter().map(|&(_, ratio)| ratio))).collect();
    let medians = medians?;
    let (&(step, ref ratios), &ratio) = (*last.last()?, medians.last()?);
    let order = |a: &&(String, f64), b: &&(String, f64)| a.1.total_cmp(&b.1);
    if medians.iter().all(|&ratio| ratio > LARGE_RATIO) {
        let (parameter, worst) = ratios.iter().max_by(order)?.clone();
        return Some(Warning::LearningRateTooLarge { step, ratio, parameter, worst });
    }
    if medians.iter().all(|&ratio| ratio < SMALL_RATIO) {
        let (parameter, worst) = ratios.iter().min_by(order)?.clone();
        return Some(Warning::LearningRateTooSmall { step, ratio, parameter, worst });
    }
    None
}

/// Compares the last quarter of the steps with the quarter before.
fn plateau(records: &[Record]) -> Option<Warning> {
    let losses = records.iter().filter_map(|record| match *record {
        Record::Step { step, loss, .. } if loss.is_finite() => Some((step, loss)),
        _ => None,
    });
    let losses: Vec<_> = losses.collect();
    if losses.len() < PLATEAU_STEPS {
        return None;
    }
    let steps = losses.len() / 4;
    let (earlier, last) = losses[losses.len() - 2 * steps..].split_at(steps);
    let [(before, error_before), (now, error_now)] = [earlier, last].map(mean);
    let error = error_before.hypot(error_now);
    let (since, first) = (earlier[0].0, losses[0].1);
    let has_stopped =
        before - now < FALL * before.abs() + error && now.abs() > LEARNED * first.abs();
    has_stopped.then_some(Warning::Plateau { since, steps, before, now })
}

/// Returns the mean of losses and its standard error.
fn mean(losses: &[(u64, f64)]) -> (f64, f64) {
    let count = losses.len() as f64;
    let mean = losses.iter().map(|it| it.1).sum::<f64>() / count;
    let squares: f64 = losses.iter().map(|it| (it.1 - mean).powi(2)).sum();
    (mean, squares.sqrt() / count)
}

/// Returns the middle number, if there is one.
fn median(numbers: impl Iterator<Item = f64>) -> Option<f64> {
    let mut numbers: Vec<_> = numbers.collect();
    let middle = numbers.len() / 2;
    (!numbers.is_empty()).then(|| *numbers.select_nth_unstable_by(middle, f64::total_cmp).1)
}
