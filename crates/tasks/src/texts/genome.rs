//! Open reading frames.

use std::collections::BTreeMap;

use rand::{Rng, RngExt};

use crate::batch::{Batch, Symbols};

/// Random bases, and whether each lies in an open reading frame: after a start codon `ATG`, in steps of three bases, up
/// to and including a stop codon, `TAA`, `TAG` or `TGA`.
///
/// What has to be remembered is whether a frame is open, and the place within the codon.
///
/// ```
/// use bptt_tasks::Genome;
///
/// let symbols = Genome::symbols("CATGCATAACTAGC").expect("bases");
/// //                             outside, ATG; CAT AAC TAG within the frame, C outside
/// assert_eq!(Genome::labels(&symbols), [0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Genome;

const START: [usize; 3] = [0, 3, 2];
const STOPS: [[usize; 3]; 3] = [[3, 0, 0], [3, 0, 2], [3, 2, 0]];

impl Genome {
    /// The bases of the symbols.
    pub const BASES: [char; 4] = ['A', 'C', 'G', 'T'];

    /// Draws random bases, and their [labels](Self::labels) `[T, B]`.
    #[must_use]
    pub fn batch(
        &self,
        rng: &mut impl Rng,
        [steps, batch]: [usize; 2],
    ) -> Batch<Symbols, Vec<usize>> {
        let bases = Self::BASES.len();
        let mut drawn = || (0..steps).map(|_| rng.random_range(0..bases)).collect::<Vec<_>>();
        let sequences: Vec<Vec<usize>> = (0..batch).map(|_| drawn()).collect();
        let labels: Vec<_> = sequences.iter().map(|sequence| Self::labels(sequence)).collect();
        Batch { inputs: Symbols::new(&sequences), targets: Symbols::new(&labels).symbols }
    }

    /// Returns 1 for each base within an open reading frame, behind its start codon, and 0 for the others.
    #[must_use]
    pub fn labels(bases: &[usize]) -> Vec<usize> {
        let mut place = Place::default();
        bases.iter().map(|&base| usize::from(place.read(base))).collect()
    }

    /// Returns the symbols of bases, or `None` if there are other characters.
    #[must_use]
    pub fn symbols(text: &str) -> Option<Vec<usize>> {
        text.chars().map(|base| Self::BASES.iter().position(|&known| known == base)).collect()
    }

    /// Returns the share of bases that are labelled right by the more frequent label of each base, exactly.
    #[must_use]
    pub fn memoryless_accuracy(&self, steps: usize) -> f64 {
        let mut places = BTreeMap::from([(Place::default(), 1.0)]);
        let mut shares = [[0.0; 2]; 4];
        for _ in 0..steps {
            let mut next = BTreeMap::<Place, f64>::new();
            for (place, probability) in places {
                for (base, shares) in shares.iter_mut().enumerate() {
                    let mut after = place;
                    shares[usize::from(after.read(base))] += probability / 4.0;
                    *next.entry(after).or_default() += probability / 4.0;
                }
            }
            places = next;
        }
        shares.iter().map(|[outside, within]| outside.max(*within)).sum::<f64>() / steps as f64
    }
}

/// The place of a reader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    is_open: bool,
    /// How many bases of the codon have been read within a frame.
    phase: usize,
    /// The last two bases, as far as they may belong to a codon.
    last: [Option<usize>; 2],
}

impl Place {
    /// Reads a base. Returns whether it lies within a frame.
    fn read(&mut self, base: usize) -> bool {
        let was_open = self.is_open;
        let [first, second] = self.last;
        let codon = [first, second, Some(base)];
        let is = |known: [usize; 3]| codon == known.map(Some);
        self.last = [second, Some(base)];
        if was_open {
            self.phase = (self.phase + 1) % 3;
            self.is_open = self.phase > 0 || !STOPS.into_iter().any(is);
        } else {
            self.is_open = is(START);
        }
        if self.phase == 0 && (was_open || self.is_open) {
            self.last = [None; 2];
        }
        was_open
    }
}
