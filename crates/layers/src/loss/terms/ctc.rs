//! Connectionist temporal classification, by the forward algorithm in log space.

use std::rc::Rc;

use bptt_autodiff::{Operation, Pullback, Var};
use bptt_tensor::{Scalar, Shape, ShapeError, Tensor};

use super::positions::{Positions, cost};

/// Returns the smallest number of steps that spell these targets: one for each, and one between equal neighbours.
pub(crate) fn steps_needed(targets: &[usize]) -> usize {
    targets.len() + targets.windows(2).filter(|pair| pair[0] == pair[1]).count()
}

/// `−ln p(l)` of each sequence.
#[derive(Clone, Debug)]
pub(crate) struct CtcTerms<'t, T> {
    pub(crate) logits: Var<'t, T>,
    pub(crate) lengths: Rc<[usize]>,
    pub(crate) targets: Rc<[Vec<usize>]>,
    pub(crate) blank: usize,
    pub(crate) zero_infinity: bool,
}

impl<'t, T: Scalar> CtcTerms<'t, T> {
    #[track_caller]
    pub(crate) fn losses(&self, positions: &Positions<T>) -> Var<'t, T> {
        let tape = self.logits.tape();
        if tape.is_checking() && !self.zero_infinity {
            self.assert_enough_steps(positions);
        }
        let (batch, places) = (self.targets.len(), self.places());
        let low = nowhere::<T>();
        let within = tape.constant(self.within());
        let skips = tape.constant(self.indicator(|b, s| self.may_skip_to(b, s)));
        let ends = tape.constant(self.indicator(|b, s| self.may_end_at(b, s)));
        let emissions = self.emissions(positions.kept(self.logits), within);
        // ln α [B, 2 + L], after two columns that no path reaches
        let start = Tensor::from_fn([batch, 2 + places], |i| {
            if i % (2 + places) == 2 { T::zero() } else { T::of(low) }
        });

        // the three parts overlap, so the scan runs their reverse operation by operation
        let scan = tape.scan((emissions, within), tape.constant(start));
        let scanned = scan.run(|(emission, within), paths| {
            let [two_before, before, here] =
                [0, 1, 2].map(|place| paths.slice(-1, place..place + places));
            let reached = log_sum([here, before, skips.select(two_before, low)]);
            let reached = reached + emission;
            let reached = reached.lt(low).select(low, reached);
            let here = within.select(reached, here);
            ((), Var::concat(&[paths.slice(-1, 0..2), here], -1))
        });
        let paths = scanned.state.slice(-1, 2..2 + places);
        let losses = cost(ends.select(paths, low).logsumexp(-1));
        if self.zero_infinity {
            return losses.ge(-low).select(0.0, losses);
        }
        // a checking tape would object to the infinite loss of a sequence that the mask drops
        let kept = tape.constant(Tensor::from_fn([batch], |b| T::of(positions.keeps(b).into())));
        tape.apply(Infinite, &[kept.select(losses, 0.0)])
    }

    /// Panics if a sequence has too few steps. It runs on a checking tape, which would report only the infinite loss.
    #[track_caller]
    fn assert_enough_steps(&self, positions: &Positions<T>) {
        for (b, (targets, &length)) in self.targets.iter().zip(&self.lengths[..]).enumerate() {
            let needed = steps_needed(targets);
            assert!(
                needed <= length || !positions.keeps(b),
                "ctc: the targets of sequence {b} need {needed} steps, one for each target and one between \
                 equal neighbours, but it has {length}, so the loss is infinite; drop the sequence by a \
                 mask, or count such losses as 0 by Ctc::zero_infinity"
            );
        }
    }

    /// Returns `L` of the longest target sequence.
    fn places(&self) -> usize {
        2 * self.targets.iter().map(Vec::len).max().unwrap_or(0) + 1
    }

    /// Returns `l'_s`, or a blank after the last target.
    fn extended(&self, b: usize, s: usize) -> usize {
        let target = if s % 2 == 1 { self.targets[b].get(s / 2) } else { None };
        target.copied().unwrap_or(self.blank)
    }

    fn may_skip_to(&self, b: usize, s: usize) -> bool {
        let target = self.extended(b, s);
        target != self.blank && s >= 2 && target != self.extended(b, s - 2)
    }

    fn may_end_at(&self, b: usize, s: usize) -> bool {
        let last = 2 * self.targets[b].len();
        s == last || s + 1 == last
    }

    /// Returns `[T, B, 1]`: 1 at the steps of a sequence, 0 beyond.
    fn within(&self) -> Tensor<T> {
        let (steps, batch) = (self.logits.shape()[0], self.targets.len());
        Tensor::from_fn([steps, batch, 1], |i| {
            T::of(f64::from(i / batch < self.lengths[i % batch]))
        })
    }

    /// Returns `[B, L]`: 1 where the condition holds, 0 elsewhere.
    fn indicator(&self, condition: impl Fn(usize, usize) -> bool) -> Tensor<T> {
        let places = self.places();
        let holds = |i: usize| T::of(condition(i / places, i % places).into());
        Tensor::from_fn([self.targets.len(), places], holds)
    }

    /// `ln p_t(l'_s)` `[T, B, L]`
    #[track_caller]
    fn emissions(&self, logits: Var<'t, T>, within: Var<'t, T>) -> Var<'t, T> {
        let log_probabilities = within.select(logits, 0.0).log_softmax(-1);
        let shape = logits.shape();
        let &[steps, batch, classes] = &shape[..] else { unreachable!("checked by ctc") };
        let places = self.places();
        let chosen: Vec<usize> = (0..steps * batch * places)
            .map(|i| {
                let (row, s) = (i / places, i % places);
                row * classes + self.extended(row % batch, s)
            })
            .collect();
        let elements = log_probabilities.reshape([shape.elements()]);
        elements.gather_rows(&chosen).reshape([steps, batch, places])
    }
}

/// Returns the logarithm of "no path leads here". It is the lowest finite number, so that its differences are not NaN
/// and every real path is greater. Adding an ordinary number does not change it.
fn nowhere<T: Scalar>() -> f64 {
    T::min_value().as_f64()
}

/// Returns `ln (eᵃ + eᵇ + eᶜ)`, with derivatives of any order. The largest term is factored out, so that nothing
/// overflows. It cancels in the sum, so no gradient need flow through it.
fn log_sum<'t, T: Scalar>(terms: [Var<'t, T>; 3]) -> Var<'t, T> {
    let [a, b, c] = terms;
    let largest = a.maximum(b).maximum(c).stop_gradient();
    let [a, b, c] = terms.map(|term| (term - largest).exp());
    largest + (a + b + c).ln()
}

/// Losses `[B]`, where the largest finite number stands for an infinite loss. The operation returns infinity for it,
/// with gradient zero.
#[derive(Clone, Copy, Debug)]
struct Infinite;

impl<T: Scalar> Operation<T> for Infinite {
    fn name(&self) -> &'static str {
        "ctc"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        Ok(inputs[0].into())
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].map(|loss| if loss.as_f64() == -nowhere::<T>() { T::infinity() } else { loss })
    }

    fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
        let (loss, g) = (at.input(0), at.cotangent());
        at.add(0, || loss.ge(-nowhere::<T>()).select(0.0, g));
    }
}
