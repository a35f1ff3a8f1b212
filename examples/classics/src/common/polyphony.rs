//! Generated polyphonic music.

use bptt::prelude::*;

/// The notes that can be struck.
pub(crate) const NOTES: usize = 36;
/// The steps of a bar.
const BAR: usize = 8;
/// The chords of a tonality, as notes above its root: I, ii, IV, V, vi.
const CHORDS: [[usize; 3]; 5] = [[0, 4, 7], [2, 5, 9], [5, 9, 12], [7, 11, 14], [9, 12, 16]];
/// The chords that may follow each.
const FOLLOWERS: [&[usize]; 5] = [&[1, 2, 3, 4], &[3], &[0, 1, 3], &[0, 4], &[1, 2]];
/// The steps of a bar at which each of three upper voices sounds, for each pattern.
const PATTERNS: [[&[usize]; 3]; 3] = [
    [&[0, 4], &[0, 4], &[0, 4]],
    [&[0, 3, 6], &[1, 4, 7], &[2, 5]],
    [&[0, 1], &[2, 3, 6, 7], &[4, 5]],
];

/// Draws pieces `[T, B, NOTES]` of `bars` bars, as zeros and ones. A piece has one of eight tonalities and one pattern. Its second
/// half repeats the chords of its first half.
pub(crate) fn pieces(rng: &mut impl Rng, bars: usize, batch: usize) -> Tensor<f32> {
    let mut notes = vec![0.0; bars * BAR * batch * NOTES];
    for piece in 0..batch {
        let root = rng.random_range(0..8);
        let pattern = PATTERNS[rng.random_range(0..PATTERNS.len())];
        let mut chord = 0;
        let mut chords = Vec::new();
        for bar in 0..bars {
            chords.push(if bar < bars / 2 { chord } else { chords[bar - bars / 2] });
            chord = FOLLOWERS[chord][rng.random_range(0..FOLLOWERS[chord].len())];
        }
        for (bar, chord) in chords.into_iter().enumerate() {
            let mut strike = |step: usize, note: usize| {
                notes[((bar * BAR + step) * batch + piece) * NOTES + note] = 1.0;
            };
            let [bass, upper] = [root, root + 12];
            (0..BAR).step_by(4).for_each(|step| strike(step, bass + CHORDS[chord][0]));
            for (voice, steps) in pattern.into_iter().enumerate() {
                steps.iter().for_each(|&step| strike(step, upper + CHORDS[chord][voice]));
            }
        }
    }
    Tensor::from_vec([bars * BAR, batch, NOTES], notes)
}
