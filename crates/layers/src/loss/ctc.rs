//! Connectionist temporal classification: the loss of labels that are not aligned with the steps.

use std::rc::Rc;

use bptt_autodiff::Var;
use bptt_tensor::{Scalar, Tensor};

use super::positions::Positions;
use super::{Loss, Terms};

/// The logarithm of "no path leads here": finite, so that differences of it are numbers, and so low
/// that no path is lost against it.
const NOWHERE: f64 = -1e30;

/// The negative logarithm of the probability of each label sequence, whichever way it is aligned with
/// the steps (Graves et al. 2006), in nats and computed in log space.
///
/// At each step the softmax of `logits` `[T, B, C]` chooses a class, of which one is `blank`. What is
/// chosen spells a label sequence once repetitions are merged and then blanks are removed: `a a – a b`
/// spells `a a b`. The probability of the labels `l` is the sum over all paths that spell them. With
/// `l'`, the labels with blanks between and around them, `L = 2 |l| + 1` and `α₀ = (1, 0, 0, ..)`:
///
/// ```text
/// α_t(s) = (α_{t−1}(s) + α_{t−1}(s−1) + α_{t−1}(s−2)) p_t(l'_s)   the last if l'_s ≠ blank, l'_{s−2}
/// p(l) = α_T(L) + α_T(L−1)
/// ```
///
/// There is a position for each sequence `[B]`, and the mean divides by their number alone. (PyTorch
/// divides each loss by the number of its labels first: give `1 / |l|` as a mask to the
/// [sum](Loss::sum).) `lengths` are the steps of the sequences; whatever the logits hold beyond, NaN
/// included, changes nothing.
///
/// Labels for which a sequence is too short, as it needs a step for each and one more between equal
/// neighbours, have an infinite loss with gradient zero; a [mask](Loss::masked) drops them.
///
/// ```
/// use bptt_autodiff::Tape;
/// use bptt_layers::loss;
/// use bptt_tensor::Tensor;
///
/// let tape = Tape::new();
/// let logits = tape.variable(Tensor::<f64>::zeros([3, 2, 4])); // [T, B, C]
/// let labels: [&[usize]; 2] = [&[1, 1], &[3]];
/// let losses = loss::ctc(logits, &[3, 2], &labels, 0).per_position();
/// // the one path 1 – 1 of 4³, and the paths 3 3, – 3 and 3 – of 4²
/// let expected = [-(1.0 / 64.0_f64).ln(), -(3.0 / 16.0_f64).ln()];
/// assert!((losses.value().to_vec()[0] - expected[0]).abs() < 1e-12);
/// assert!((losses.value().to_vec()[1] - expected[1]).abs() < 1e-12);
/// ```
///
/// # Panics
///
/// If the logits do not have three axes; if there is not a length and a label sequence for each
/// sequence; if a length is greater than `T`; or if a label or the blank is no class, or a label is the
/// blank.
#[track_caller]
pub fn ctc<'t, T: Scalar>(
    logits: Var<'t, T>,
    lengths: &[usize],
    labels: &[impl AsRef<[usize]>],
    blank: usize,
) -> Loss<'t, T> {
    let shape = logits.shape();
    let &[steps, batch, classes] = &shape[..] else {
        panic!("ctc: logits are [T, B, C], not {shape}; reshape them");
    };
    assert!(
        lengths.len() == batch && labels.len() == batch,
        "ctc of {shape}: has {batch} sequences but {} lengths and {} label sequences; give one of \
         each for each",
        lengths.len(),
        labels.len(),
    );
    if let Some(length) = lengths.iter().find(|&&length| length > steps) {
        panic!("ctc of {shape}: a length of {length} is more than {steps} steps");
    }
    assert!(blank < classes, "ctc of {shape}: the blank {blank} is not one of {classes} classes");
    let labels: Rc<[Vec<usize>]> = labels.iter().map(|labels| labels.as_ref().to_vec()).collect();
    if let Some(label) = labels.iter().flatten().find(|&&label| label == blank || label >= classes)
    {
        panic!(
            "ctc of {shape}: label {label} is not one of {classes} classes other than the blank \
             {blank}"
        );
    }
    let terms = CtcTerms { logits, lengths: lengths.into(), labels, blank };
    Loss { terms: Terms::Ctc(terms), positions: Positions::new([batch]) }
}

/// `−ln p(l)` of each sequence.
#[derive(Clone, Debug)]
pub(super) struct CtcTerms<'t, T> {
    logits: Var<'t, T>,
    lengths: Rc<[usize]>,
    labels: Rc<[Vec<usize>]>,
    blank: usize,
}

impl<'t, T: Scalar> CtcTerms<'t, T> {
    #[track_caller]
    pub(super) fn per_position(&self, positions: &Positions<T>) -> Var<'t, T> {
        let tape = self.logits.tape();
        let (batch, places) = (self.labels.len(), self.places());
        let within = tape.constant(self.within());
        let skips = tape.constant(self.log_mask(|b, s| self.may_skip_to(b, s)));
        let ends = tape.constant(self.log_mask(|b, s| self.may_end_at(b, s)));
        let emissions = self.emissions(positions.kept(self.logits), within);
        // ln α [B, 2 + L], behind two columns that no path reaches
        let start = Tensor::from_fn([batch, 2 + places], |i| log(i % (2 + places) == 2));

        // the reverse of the three overlapping parts is run operation by operation
        let scanned = tape.scan(&[emissions, within], &[tape.constant(start)]).run(|x, state| {
            let (emission, within, paths) = (x[0], x[1], state[0]);
            let [two_before, before, here] =
                [0, 1, 2].map(|place| paths.slice(-1, place..place + places));
            let reached = log_sum([here, before, two_before + skips]) + emission;
            let paths = [paths.slice(-1, 0..2), within.select(reached, here)];
            (vec![], vec![Var::concat(&paths, -1)])
        });
        let losses = -(scanned.state[0].slice(-1, 2..2 + places) + ends).logsumexp(-1);
        let impossible = |b: usize| positions.keeps(b) && !self.is_possible(b);
        if !(0..batch).any(impossible) {
            return losses; // without an infinity, which a checking tape would find
        }
        let impossible = Tensor::from_fn([batch], |b| T::of(f64::from(impossible(b))));
        tape.constant(impossible).select(f64::INFINITY, losses)
    }

    /// `L`, for the most labels.
    fn places(&self) -> usize {
        2 * self.labels.iter().map(Vec::len).max().unwrap_or(0) + 1
    }

    /// `l'_s`; a blank behind the last.
    fn extended(&self, b: usize, s: usize) -> usize {
        let label = if s % 2 == 1 { self.labels[b].get(s / 2) } else { None };
        label.copied().unwrap_or(self.blank)
    }

    fn may_skip_to(&self, b: usize, s: usize) -> bool {
        let label = self.extended(b, s);
        label != self.blank && s >= 2 && label != self.extended(b, s - 2)
    }

    fn may_end_at(&self, b: usize, s: usize) -> bool {
        let last = 2 * self.labels[b].len();
        s == last || s + 1 == last
    }

    /// Whether there are enough steps: one for each label, and a blank between equal neighbours.
    fn is_possible(&self, b: usize) -> bool {
        let labels = &self.labels[b];
        let repeats = labels.windows(2).filter(|pair| pair[0] == pair[1]).count();
        labels.len() + repeats <= self.lengths[b]
    }

    /// `[T, B, 1]`: 1 at the steps of a sequence, 0 beyond.
    fn within(&self) -> Tensor<T> {
        let (steps, batch) = (self.logits.shape()[0], self.labels.len());
        Tensor::from_fn([steps, batch, 1], |i| {
            T::of(f64::from(i / batch < self.lengths[i % batch]))
        })
    }

    /// `[B, L]`: the logarithm of 1 where the condition holds, of 0 elsewhere.
    fn log_mask(&self, condition: impl Fn(usize, usize) -> bool) -> Tensor<T> {
        let places = self.places();
        Tensor::from_fn([self.labels.len(), places], |i| log(condition(i / places, i % places)))
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

/// The logarithm of 1 or, nearly, of 0.
fn log<T: Scalar>(holds: bool) -> T {
    if holds { T::zero() } else { T::of(NOWHERE) }
}

/// `ln (eᵃ + eᵇ + eᶜ)`, with derivatives of any order: the largest of them, which is taken out so that
/// nothing overflows, cancels in the sum, so no gradient need flow through it.
fn log_sum<'t, T: Scalar>(terms: [Var<'t, T>; 3]) -> Var<'t, T> {
    let [a, b, c] = terms;
    let largest = a.maximum(b).maximum(c).stop_gradient();
    let [a, b, c] = terms.map(|term| (term - largest).exp());
    largest + (a + b + c).ln()
}
