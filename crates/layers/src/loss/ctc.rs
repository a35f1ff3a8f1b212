//! Connectionist temporal classification: the loss of labels that are not aligned with the steps.

use std::rc::Rc;

use bptt_autodiff::{Operation, Pullback, Var};
use bptt_tensor::{Scalar, Shape, ShapeError, Tensor};

use super::positions::{Positions, cost};
use super::{Loss, Terms};

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
/// included, changes nothing. A logit of −∞ forbids a class.
///
/// Labels that no path spells have an infinite loss with gradient zero. Either there are too few steps
/// ([`Ctc::steps_needed`]), or forbidden classes block every path. A [mask](Loss::masked) drops such a sequence, and
/// [`Ctc::zero_infinity`] counts its loss as 0. A [checking](bptt_autodiff::Tape::checking) tape refuses it.
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
/// blank. When the loss is taken on a checking tape: if no path spells the labels of a sequence that no
/// mask drops.
#[track_caller]
pub fn ctc<'t, T: Scalar>(
    logits: Var<'t, T>,
    lengths: &[usize],
    labels: &[impl AsRef<[usize]>],
    blank: usize,
) -> Loss<'t, T> {
    Ctc::new(blank).of(logits, lengths, labels)
}

/// [`ctc`] with options.
///
/// ```
/// # use bptt_autodiff::Tape;
/// # use bptt_layers::loss::Ctc;
/// # use bptt_tensor::Tensor;
/// # let tape = Tape::new();
/// # let logits = tape.variable(Tensor::<f64>::zeros([3, 2, 4]));
/// const BLANK: usize = 0;
/// let labels = [vec![1, 2], vec![3, 3, 3]];
/// assert_eq!(labels.each_ref().map(|l| Ctc::steps_needed(l)), [2, 5]); // of three
/// let losses = Ctc::new(BLANK).zero_infinity().of(logits, &[3, 3], &labels).per_position();
/// assert_eq!(losses.value().to_vec()[1], 0.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "options compute nothing until they are applied to logits"]
pub struct Ctc {
    blank: usize,
    zero_infinity: bool,
}

impl Ctc {
    /// CTC with this class as the blank, which stands for no label.
    pub fn new(blank: usize) -> Self {
        Self { blank, zero_infinity: false }
    }

    /// Counts an infinite loss as 0, with gradient zero. A few sequences that are too short for their labels then do
    /// not hide the loss of the others. The mean still counts these sequences in its divisor.
    pub fn zero_infinity(self) -> Self {
        Self { zero_infinity: true, ..self }
    }

    /// The smallest number of steps that spell these labels: one for each label, and one for a blank between equal
    /// neighbours. With fewer steps the labels are impossible, whatever the logits.
    #[must_use]
    pub fn steps_needed(labels: &[usize]) -> usize {
        labels.len() + labels.windows(2).filter(|pair| pair[0] == pair[1]).count()
    }

    /// The loss of `logits` `[T, B, C]`.
    ///
    /// # Panics
    ///
    /// As [`ctc`].
    #[track_caller]
    pub fn of<'t, T: Scalar>(
        self,
        logits: Var<'t, T>,
        lengths: &[usize],
        labels: &[impl AsRef<[usize]>],
    ) -> Loss<'t, T> {
        let blank = self.blank;
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
        assert!(
            blank < classes,
            "ctc of {shape}: the blank {blank} is not one of {classes} classes"
        );
        let labels: Rc<[Vec<usize>]> =
            labels.iter().map(|labels| labels.as_ref().to_vec()).collect();
        let is_wrong = |label: &&usize| **label == blank || **label >= classes;
        if let Some(label) = labels.iter().flatten().find(is_wrong) {
            panic!(
                "ctc of {shape}: label {label} is not one of {classes} classes other than the blank \
                 {blank}"
            );
        }
        let terms = CtcTerms { logits, lengths: lengths.into(), labels, options: self };
        Loss { terms: Terms::Ctc(terms), positions: Positions::new([batch]) }
    }
}

/// `−ln p(l)` of each sequence.
#[derive(Clone, Debug)]
pub(super) struct CtcTerms<'t, T> {
    logits: Var<'t, T>,
    lengths: Rc<[usize]>,
    labels: Rc<[Vec<usize>]>,
    options: Ctc,
}

impl<'t, T: Scalar> CtcTerms<'t, T> {
    #[track_caller]
    pub(super) fn losses(&self, positions: &Positions<T>) -> Var<'t, T> {
        let tape = self.logits.tape();
        if tape.is_checking() && !self.options.zero_infinity {
            self.assert_enough_steps(positions);
        }
        let (batch, places) = (self.labels.len(), self.places());
        let low = nowhere::<T>();
        let within = tape.constant(self.within());
        let skips = tape.constant(self.indicator(|b, s| self.may_skip_to(b, s)));
        let ends = tape.constant(self.indicator(|b, s| self.may_end_at(b, s)));
        let emissions = self.emissions(positions.kept(self.logits), within);
        // ln α [B, 2 + L], behind two columns that no path reaches
        let start = Tensor::from_fn([batch, 2 + places], |i| {
            if i % (2 + places) == 2 { T::zero() } else { T::of(low) }
        });

        // the reverse of the three overlapping parts is run operation by operation
        let scanned = tape.scan(&[emissions, within], &[tape.constant(start)]).run(|x, state| {
            let (emission, within, paths) = (x[0], x[1], state[0]);
            let [two_before, before, here] =
                [0, 1, 2].map(|place| paths.slice(-1, place..place + places));
            let reached = log_sum([here, before, skips.select(two_before, low)]);
            let reached = reached + emission;
            let reached = reached.lt(low).select(low, reached);
            let here = within.select(reached, here);
            (vec![], vec![Var::concat(&[paths.slice(-1, 0..2), here], -1)])
        });
        let paths = scanned.state[0].slice(-1, 2..2 + places);
        let losses = cost(ends.select(paths, low).logsumexp(-1));
        if self.options.zero_infinity {
            return losses.ge(-low).select(0.0, losses);
        }
        // a checking tape would object to the infinite loss of a sequence that the mask drops
        let kept = tape.constant(Tensor::from_fn([batch], |b| T::of(positions.keeps(b).into())));
        tape.apply(Infinite, &[kept.select(losses, 0.0)])
    }

    /// Panics on a checking tape before it finds the infinite loss, since this message says why.
    #[track_caller]
    fn assert_enough_steps(&self, positions: &Positions<T>) {
        for (b, (labels, &length)) in self.labels.iter().zip(&self.lengths[..]).enumerate() {
            let needed = Ctc::steps_needed(labels);
            assert!(
                needed <= length || !positions.keeps(b),
                "ctc: the labels of sequence {b} need {needed} steps, one for each label and one between \
                 equal neighbours, but it has {length}, so the loss is infinite; drop the sequence by a \
                 mask, or count such losses as 0 by Ctc::zero_infinity"
            );
        }
    }

    /// `L`, for the most labels.
    fn places(&self) -> usize {
        2 * self.labels.iter().map(Vec::len).max().unwrap_or(0) + 1
    }

    /// `l'_s`; a blank behind the last.
    fn extended(&self, b: usize, s: usize) -> usize {
        let label = if s % 2 == 1 { self.labels[b].get(s / 2) } else { None };
        label.copied().unwrap_or(self.options.blank)
    }

    fn may_skip_to(&self, b: usize, s: usize) -> bool {
        let label = self.extended(b, s);
        label != self.options.blank && s >= 2 && label != self.extended(b, s - 2)
    }

    fn may_end_at(&self, b: usize, s: usize) -> bool {
        let last = 2 * self.labels[b].len();
        s == last || s + 1 == last
    }

    /// `[T, B, 1]`: 1 at the steps of a sequence, 0 beyond.
    fn within(&self) -> Tensor<T> {
        let (steps, batch) = (self.logits.shape()[0], self.labels.len());
        Tensor::from_fn([steps, batch, 1], |i| {
            T::of(f64::from(i / batch < self.lengths[i % batch]))
        })
    }

    /// `[B, L]`: 1 where the condition holds, 0 elsewhere.
    fn indicator(&self, condition: impl Fn(usize, usize) -> bool) -> Tensor<T> {
        let places = self.places();
        let holds = |i: usize| T::of(condition(i / places, i % places).into());
        Tensor::from_fn([self.labels.len(), places], holds)
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

/// The logarithm of "no path leads here". It is the lowest finite number, so that its differences are not NaN and
/// every real path is greater. Adding an ordinary number does not change it.
fn nowhere<T: Scalar>() -> f64 {
    T::min_value().as_f64()
}

/// `ln (eᵃ + eᵇ + eᶜ)`, with derivatives of any order: the largest of them, which is taken out so that
/// nothing overflows, cancels in the sum, so no gradient need flow through it.
fn log_sum<'t, T: Scalar>(terms: [Var<'t, T>; 3]) -> Var<'t, T> {
    let [a, b, c] = terms;
    let largest = a.maximum(b).maximum(c).stop_gradient();
    let [a, b, c] = terms.map(|term| (term - largest).exp());
    largest + (a + b + c).ln()
}

/// Losses `[B]`. The largest finite number stands for an infinite loss and becomes one here, with gradient zero.
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
