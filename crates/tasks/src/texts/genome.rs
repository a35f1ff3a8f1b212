//! Reading frames of a genome.

use rand::{Rng, RngExt};

use crate::batch::{Batch, Symbols};

/// Random bases, and whether each lies in an open reading frame: behind a start codon `ATG`, in steps of three bases, up
/// to and including a stop codon, `TAA`, `TAG` or `TGA`.
///
/// ```text
/// bases   C A T G C T A A G G T A A C
/// labels  0 0 0 0 1 1 1 1 1 1 1 1 1 0      the first TAA is out of frame, the second in it
/// ```
///
/// A frame lasts for 64 bases on average, all of which have to be counted in threes.
///
/// ```
/// use bptt_tasks::Genome;
///
/// let bases = Genome::symbols("CATGCTAAGGTAAC").expect("bases");
/// assert_eq!(Genome::labels(&bases), [0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Genome;

impl Genome {
    /// The bases by their symbols.
    pub const BASES: [char; 4] = ['A', 'C', 'G', 'T'];

    /// Draws bases, and their [labels](Self::labels) `[T, B]`.
    #[must_use]
    pub fn batch(
        &self,
        rng: &mut impl Rng,
        [steps, batch]: [usize; 2],
    ) -> Batch<Symbols, Vec<usize>> {
        let symbols = (0..steps * batch).map(|_| rng.random_range(0..4)).collect();
        let inputs = Symbols { symbols, lengths: vec![steps; batch] };
        let labels: Vec<_> = inputs.sequences().iter().map(|bases| Self::labels(bases)).collect();
        Batch { inputs, targets: Symbols::new(&labels).symbols }
    }

    /// Returns 1 for each base within a reading frame, behind its start codon, else 0.
    ///
    /// # Panics
    ///
    /// If a symbol is not that of a base.
    #[track_caller]
    #[must_use]
    pub fn labels(bases: &[usize]) -> Vec<usize> {
        let mut state = CLOSED;
        let label = |&base: &usize| {
            let is_open = state >= OPEN;
            state = NEXT[state][base];
            usize::from(is_open)
        };
        bases.iter().map(label).collect()
    }

    /// Returns the symbols of bases, or `None` if there are other characters.
    #[must_use]
    pub fn symbols(text: &str) -> Option<Vec<usize>> {
        text.chars().map(|base| Self::BASES.iter().position(|&known| known == base)).collect()
    }

    /// Returns the share of bases that are labelled right at best from the last `width` bases, in sequences of `steps`. A
    /// window that is not full shows where a sequence begins, so that the answer is known.
    ///
    /// It is exact, and takes time in proportion to `4^width`.
    ///
    /// # Panics
    ///
    /// If `width` is 0.
    #[track_caller]
    #[must_use]
    pub fn window_accuracy(&self, width: usize, steps: usize) -> f64 {
        assert!(width > 0, "a window has at least one base");
        let mut state = States::default();
        state[CLOSED] = 1.0;
        let mut at_start = States::default(); // of a full window, summed over its places
        for _ in width..=steps {
            at_start.iter_mut().zip(state).for_each(|(sum, p)| *sum += p);
            let read = [0, 1, 2, 3].map(|base| after(&state, base));
            state = std::array::from_fn(|s| read.iter().map(|states| states[s] / 4.0).sum());
        }
        let known = steps.min(width - 1);
        (known as f64 + best(&at_start, width)) / steps as f64
    }

    /// Returns the share of bases that are labelled right at best from a base alone, exactly.
    #[must_use]
    pub fn memoryless_accuracy(&self, steps: usize) -> f64 {
        self.window_accuracy(1, steps)
    }
}

/// The probability of each state.
type States = [f64; 9];

/// No frame is open, and no codon that opens one has begun.
const CLOSED: usize = 0;
/// From this state on, a frame is open.
const OPEN: usize = 3;

/// The state after a base: `NEXT[state][base]`.
#[rustfmt::skip]
const NEXT: [[usize; 4]; 9] = [
 // A  C  G  T
    [1, 0, 0, 0], // closed
    [1, 0, 0, 2], // closed, after A
    [1, 0, 3, 0], // closed, after AT
    [4, 4, 4, 5], // open, between codons
    [6, 6, 6, 6], // open, after a first base that is not T
    [7, 6, 8, 6], // open, after T
    [3, 3, 3, 3], // open, after two bases of no stop codon
    [0, 3, 0, 3], // open, after TA: TAA and TAG close it
    [0, 3, 3, 3], // open, after TG: TGA closes it
];

/// The probabilities of states after a base is read.
fn after(states: &States, base: usize) -> States {
    let mut after = States::default();
    NEXT.iter().zip(states).for_each(|(next, p)| after[next[base]] += p);
    after
}

/// The sum over all windows of the probability of the more likely label of their last base. It does not depend on that
/// base.
fn best(states: &States, width: usize) -> f64 {
    match width {
        1 => f64::max(states[..OPEN].iter().sum(), states[OPEN..].iter().sum()),
        _ => (0..4).map(|base| best(&after(states, base), width - 1) / 4.0).sum(),
    }
}
