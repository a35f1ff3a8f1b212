//! Connectionist temporal classification: a loss of targets without an alignment to the steps.

use std::rc::Rc;

use bptt_autodiff::Var;
use bptt_tensor::Scalar;

use super::reduction::{Loss, Terms};
use super::terms::ctc::{CtcTerms, steps_needed};
use super::terms::positions::Positions;

/// Returns the CTC loss of each target sequence (Graves et al. 2006): the negative logarithm of its probability, in
/// nats. The probability is summed over all alignments with the steps, in log space.
///
/// At each step, the softmax of `logits` `[T, B, C]` is the distribution of a class. One class is `blank`. A path of
/// classes spells a target sequence: repetitions are merged, then blanks are removed, so `a a – a b` spells `a a b`.
/// The probability of the targets `l` is the sum over all paths that spell them. Let `l'` be the targets with blanks
/// between and around them, `L = 2 |l| + 1` its length and `α₀ = (1, 0, 0, ..)`. Then:
///
/// ```text
/// α_t(s) = (α_{t−1}(s) + α_{t−1}(s−1) + α_{t−1}(s−2)) p_t(l'_s)   the last if l'_s ≠ blank, l'_{s−2}
/// p(l) = α_T(L) + α_T(L−1)
/// ```
///
/// There is a position for each sequence `[B]`, and the mean divides by their number alone. (PyTorch divides each loss
/// by the number of its targets first: use `1 / |l|` as a mask of the [sum](Loss::sum).) `lengths` are the numbers of
/// steps of the sequences. Logits beyond them, NaN included, have no influence. A logit of −∞ forbids a class.
///
/// Targets that no path spells have an infinite loss with gradient zero. Either there are too few steps
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
/// let targets: [&[usize]; 2] = [&[1, 1], &[3]];
/// let losses = loss::ctc(logits, &[3, 2], &targets, 0).per_position();
/// // the one path 1 – 1 of 4³, and the paths 3 3, – 3 and 3 – of 4²
/// let expected = [-(1.0 / 64.0_f64).ln(), -(3.0 / 16.0_f64).ln()];
/// assert!((losses.value().to_vec()[0] - expected[0]).abs() < 1e-12);
/// assert!((losses.value().to_vec()[1] - expected[1]).abs() < 1e-12);
/// ```
///
/// # Panics
///
/// If the logits do not have three axes. If there is not a length and a target sequence for each sequence, or if a
/// length is greater than `T`. If a target or the blank is not a class, or if a target is the blank. On a checking
/// tape, [`Loss::sum`], [`Loss::mean`] and [`Loss::per_position`] panic if no path spells the targets of a sequence
/// that no mask drops.
#[track_caller]
pub fn ctc<'t, T: Scalar>(
    logits: Var<'t, T>,
    lengths: &[usize],
    targets: &[impl AsRef<[usize]>],
    blank: usize,
) -> Loss<'t, T> {
    Ctc::new(blank).of(logits, lengths, targets)
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
/// let targets = [vec![1, 2], vec![3, 3, 3]];
/// assert_eq!(targets.each_ref().map(|l| Ctc::steps_needed(l)), [2, 5]); // of three
/// let losses = Ctc::new(BLANK).zero_infinity(true).of(logits, &[3, 3], &targets).per_position();
/// assert_eq!(losses.value().to_vec()[1], 0.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "options compute nothing until they are applied to logits"]
pub struct Ctc {
    blank: usize,
    zero_infinity: bool,
}

impl Ctc {
    /// Creates CTC with this class as the blank, which stands for no target.
    pub fn new(blank: usize) -> Self {
        Self { blank, zero_infinity: false }
    }

    /// Sets whether an infinite loss counts as 0, with gradient zero. A few sequences that are too short for their targets then do
    /// not hide the loss of the others. The mean still counts these sequences in its divisor.
    pub fn zero_infinity(self, zero_infinity: bool) -> Self {
        Self { zero_infinity, ..self }
    }

    /// Returns the smallest number of steps that spell these targets: one for each target, and one for a blank between
    /// equal neighbours. With fewer steps the targets are impossible for any logits.
    #[must_use]
    pub fn steps_needed(targets: &[usize]) -> usize {
        steps_needed(targets)
    }

    /// Returns the loss of `logits` `[T, B, C]`.
    ///
    /// # Panics
    ///
    /// As [`ctc`].
    #[track_caller]
    pub fn of<'t, T: Scalar>(
        self,
        logits: Var<'t, T>,
        lengths: &[usize],
        targets: &[impl AsRef<[usize]>],
    ) -> Loss<'t, T> {
        let blank = self.blank;
        let shape = logits.shape();
        let &[steps, batch, classes] = &shape[..] else {
            panic!("ctc: logits are [T, B, C], not {shape}; reshape them");
        };
        assert!(
            lengths.len() == batch && targets.len() == batch,
            "ctc of {shape}: has {batch} sequences but {} lengths and {} target sequences; give one of \
             each for each",
            lengths.len(),
            targets.len(),
        );
        if let Some(length) = lengths.iter().find(|&&length| length > steps) {
            panic!("ctc of {shape}: a length of {length} is more than {steps} steps");
        }
        assert!(
            blank < classes,
            "ctc of {shape}: the blank {blank} is not one of {classes} classes"
        );
        let targets: Rc<[Vec<usize>]> =
            targets.iter().map(|targets| targets.as_ref().to_vec()).collect();
        let is_wrong = |target: &&usize| **target == blank || **target >= classes;
        if let Some(target) = targets.iter().flatten().find(is_wrong) {
            panic!(
                "ctc of {shape}: target {target} is not one of {classes} classes other than the blank \
                 {blank}"
            );
        }
        let (lengths, zero_infinity) = (lengths.into(), self.zero_infinity);
        let terms = CtcTerms { logits, lengths, targets, blank, zero_infinity };
        Loss::of_terms(Terms::Ctc(terms), Positions::new([batch]))
    }
}
