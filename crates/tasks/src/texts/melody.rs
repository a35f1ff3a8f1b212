//! Small tunes.

use rand::{Rng, RngExt};

use crate::batch::{Batch, Symbols};

/// Tunes of the form A A B A, whose next note is to be predicted.
///
/// A phrase begins on any note of the scale, and each note lies one or two steps above or below the one before. All
/// choices are equally likely. Phrases A are the same. So a model that remembers the first can foresee half of the tune.
///
/// ```
/// use bptt_tasks::Melody;
///
/// let tune = Melody::new(8);
/// assert_eq!(tune.steps(), 31); // of 32 notes, the last is only a target
/// assert!(tune.floor() < 0.6 * tune.memoryless_loss());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Melody {
    phrase: usize,
}

/// The form, as which phrase comes when.
const FORM: [usize; 4] = [0, 0, 1, 0];

const NOTES: usize = Melody::SCALE.len();

impl Melody {
    /// The notes of the symbols, the scale of C major, as MIDI numbers.
    pub const SCALE: [u8; 8] = [60, 62, 64, 65, 67, 69, 71, 72];

    /// Creates tunes with phrases of this many notes.
    ///
    /// # Panics
    ///
    /// If it is 0.
    #[track_caller]
    #[must_use]
    pub fn new(phrase: usize) -> Self {
        assert!(phrase > 0, "a phrase has at least one note");
        Self { phrase }
    }

    /// Returns the number of steps, one less than that of notes.
    #[must_use]
    pub fn steps(&self) -> usize {
        FORM.len() * self.phrase - 1
    }

    /// Draws tunes without their last notes, and the next note of each step, `[T, B]`.
    #[must_use]
    pub fn batch(&self, rng: &mut impl Rng, batch: usize) -> Batch<Symbols, Vec<usize>> {
        let tunes: Vec<Vec<usize>> = (0..batch).map(|_| self.tune(rng)).collect();
        let part = |from: usize| {
            let parts = tunes.iter().map(|tune| tune[from..from + self.steps()].to_vec());
            Symbols::new(&parts.collect::<Vec<_>>())
        };
        Batch { inputs: part(0), targets: part(1).symbols }
    }

    fn tune(&self, rng: &mut impl Rng) -> Vec<usize> {
        let mut phrase = || {
            let mut notes = vec![rng.random_range(0..NOTES)];
            while notes.len() < self.phrase {
                let next = neighbours(notes[notes.len() - 1]);
                notes.push(next[rng.random_range(0..next.len())]);
            }
            notes
        };
        let phrases = [phrase(), phrase()];
        FORM.iter().flat_map(|&which| phrases[which].iter().copied()).collect()
    }

    /// Writes notes by their names and octaves, a phrase on each line.
    ///
    /// # Panics
    ///
    /// If a symbol is not that of a note of the scale.
    #[track_caller]
    #[must_use]
    pub fn text(&self, notes: &[usize]) -> String {
        const NAMES: [&str; NOTES] = ["C4", "D4", "E4", "F4", "G4", "A4", "B4", "C5"];
        let phrases = notes.chunks(self.phrase).map(|notes| super::text(&NAMES, notes));
        phrases.collect::<Vec<_>>().join("\n")
    }

    /// Returns the least expected cross-entropy per note: only the phrases A and B themselves are uncertain, and the
    /// very first note is not to be predicted.
    #[must_use]
    pub fn floor(&self) -> f64 {
        let walk = |places: [f64; NOTES]| {
            let of_note = |note: usize| places[note] * (neighbours(note).len() as f64).ln();
            (0..NOTES).map(of_note).sum::<f64>()
        };
        let phrase: f64 = self.places().take(self.phrase - 1).map(walk).sum();
        (2.0 * phrase + (NOTES as f64).ln()) / self.steps() as f64
    }

    /// Returns the cross-entropy per note of the best prediction from the note before alone: the entropy of a note given
    /// the one before, over all places of the tune.
    #[must_use]
    pub fn memoryless_loss(&self) -> f64 {
        let entropy = self.pairs().into_iter().map(|next| {
            let total: f64 = next.iter().sum();
            next.iter().filter(|&&p| p > 0.0).map(|p| -p * (p / total).ln()).sum::<f64>()
        });
        entropy.sum::<f64>() / self.steps() as f64
    }

    /// Returns how often a note is expected to follow another one in a tune.
    fn pairs(&self) -> [[f64; NOTES]; NOTES] {
        let mut pairs = [[0.0; NOTES]; NOTES];
        for places in self.places().take(self.phrase - 1) {
            for (note, place) in places.into_iter().enumerate() {
                let next = neighbours(note);
                for &to in &next {
                    pairs[note][to] += FORM.len() as f64 * place / next.len() as f64;
                }
            }
        }
        let after = |places, steps: usize| (0..steps).fold(places, |places, _| step(places));
        for first in 0..NOTES {
            let mut start = [0.0; NOTES];
            start[first] = 1.0 / NOTES as f64;
            let same = after(start, self.phrase - 1);
            let other = after([1.0 / NOTES as f64; NOTES], self.phrase - 1);
            for (last, next) in pairs.iter_mut().enumerate() {
                // A follows A once. B follows A, and A follows B.
                next[first] += same[last] + 2.0 * other[last] / NOTES as f64;
            }
        }
        pairs
    }

    /// Returns the distributions of the notes of a phrase, one after the other.
    fn places(&self) -> impl Iterator<Item = [f64; NOTES]> {
        std::iter::successors(Some([1.0 / NOTES as f64; NOTES]), |&places| Some(step(places)))
    }
}

/// Returns the distribution of the note after a note of this distribution.
fn step(places: [f64; NOTES]) -> [f64; NOTES] {
    let mut after = [0.0; NOTES];
    for (note, place) in places.into_iter().enumerate() {
        let next = neighbours(note);
        next.iter().for_each(|&to| after[to] += place / next.len() as f64);
    }
    after
}

/// Returns the notes that may follow one within a phrase.
fn neighbours(note: usize) -> Vec<usize> {
    let near = note.saturating_sub(2)..=(note + 2).min(NOTES - 1);
    near.filter(|&other| other != note).collect()
}
