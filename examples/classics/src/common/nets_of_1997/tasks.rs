//! The tasks of the experiments.

use std::collections::BTreeSet;
use std::ops::Range;

use bptt::prelude::*;
use bptt::tasks::languages::Language;

use super::entries::Sequence;
use crate::common::legal::are_legal_first;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Task {
    /// Experiment 1: predict the next symbol of a string. `targets` are those of all other symbols and of the next one.
    EmbeddedReber { targets: [f64; 2] },
    /// Experiments 2a and 2b: predict each next symbol, of an alphabet of `p + 1`. The last symbol of a sequence equals its
    /// first. Those between are always the same, or random.
    FirstAndLast { p: usize, is_random: bool },
    /// Experiment 2c: recall the second symbol at the trigger, after at least `q` distractors, each of `p` kinds.
    Trigger { p: usize, q: usize },
    /// Experiments 3a to 3c: the class that the first `signal` of at least `steps` numbers tell.
    TwoSequence { steps: usize, signal: usize, has_noisy_signal: bool, has_noisy_targets: bool },
    /// Experiments 4 and 5: the sum, or the product, of two marked numbers among at least `steps`. The number of the first pair
    /// counts as 0, in a product as 1. If this pair is one of the two and `marks_first_pair` holds, a net reads this number and the
    /// mark 1. In all other cases it reads a random number and the mark −1.
    Marked { steps: usize, is_product: bool, marks_first_pair: bool },
    /// Experiments 6a and 6b: the order of X and Y at two or three places.
    TemporalOrder { places: usize },
}

/// The number of symbols of the embedded Reber grammar.
const SYMBOLS: usize = 7;

/// A task as one network sees it.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    task: Task,
    /// The sequences to learn from; empty if each is drawn anew.
    training: Vec<Sequence>,
    /// The sequences of tests; empty if each is drawn anew.
    tests: Vec<Sequence>,
}

impl Source {
    /// Draws the training set and the test set, if there are any.
    pub(crate) fn new(task: &Task, rng: &mut impl Rng) -> Self {
        let [mut training, mut tests] = [Vec::new(), Vec::new()];
        if let Task::EmbeddedReber { targets } = *task {
            let language = "embedded-reber".parse().expect("it is known");
            let mut known = BTreeSet::new();
            for _ in 0..256 {
                let text = string(&language, rng);
                training.push(reber(&language, &text, targets));
                known.insert(text);
            }
            tests.clone_from(&training);
            while tests.len() < 512 {
                let text = string(&language, rng);
                if !known.contains(&text) {
                    tests.push(reber(&language, &text, targets));
                }
            }
        } else if let Task::TwoSequence { .. } = task {
            tests.extend((0..256).map(|_| task.draw(rng)));
        }
        Self { task: task.clone(), training, tests }
    }

    /// Draws a sequence to learn from.
    pub(crate) fn draw(&self, rng: &mut impl Rng) -> Sequence {
        match &self.training[..] {
            [] => self.task.draw(rng),
            training => training[rng.random_range(0..training.len())].clone(),
        }
    }

    /// Returns a sequence of the test that decides when a network has learned, without targets to learn from.
    pub(crate) fn test(&self, number: usize, rng: &mut impl Rng) -> Sequence {
        match self.tests.get(number) {
            Some(sequence) => Sequence { targets: Vec::new(), ..sequence.clone() },
            None => self.final_test(rng),
        }
    }

    /// Draws a new sequence, without targets to learn from.
    pub(crate) fn final_test(&self, rng: &mut impl Rng) -> Sequence {
        Sequence { targets: Vec::new(), ..self.task.draw(rng) }
    }

    /// Whether the outputs for a sequence are right, and the mean absolute error.
    pub(crate) fn judge(&self, outputs: &[f64], expected: &[f64]) -> (bool, f64) {
        let errors =
            outputs.iter().zip(expected).map(|(output, expected)| (output - expected).abs());
        let mean = errors.clone().sum::<f64>() / outputs.len() as f64;
        let is_legal = |legal: &f64| *legal == 1.0;
        let is_right = match self.task.tolerance() {
            Some(tolerance) => errors.into_iter().all(|error| error < tolerance),
            None => outputs.chunks_exact(SYMBOLS).zip(expected.chunks_exact(SYMBOLS)).all(
                |(outputs, legal)| {
                    are_legal_first(&outputs.iter().copied().zip(legal.iter().map(is_legal)))
                },
            ),
        };
        (is_right, mean)
    }
}

fn string(language: &Language, rng: &mut impl Rng) -> String {
    let mut reader = language.reader();
    let mut text = String::from(reader.draw(rng));
    while !reader.is_between_sentences() {
        text.push(reader.draw(rng));
    }
    text
}

fn reber(language: &Language, text: &str, [low, high]: [f64; 2]) -> Sequence {
    let mut reader = language.reader();
    let [mut inputs, mut targets, mut expected] = [const { Vec::new() }; 3];
    for (symbol, next) in text.chars().zip(text.chars().skip(1)) {
        reader.read(symbol).expect("it is a string of the language");
        let legal: Vec<char> = reader.choices().map(|(symbol, _)| symbol).collect();
        for &of in language.alphabet() {
            inputs.push(f64::from(of == symbol));
            targets.push(if of == next { high } else { low });
            expected.push(f64::from(legal.contains(&of)));
        }
    }
    Sequence { inputs, targets, expected }
}

impl Task {
    /// The error below which each output has to be; `None` if legal outputs have to be the largest.
    fn tolerance(&self) -> Option<f64> {
        match *self {
            Self::EmbeddedReber { .. } => None,
            Self::FirstAndLast { .. } => Some(0.25),
            Self::Trigger { .. } => Some(0.2),
            Self::TwoSequence { has_noisy_targets, .. } => {
                Some(if has_noisy_targets { 0.1 } else { 0.2 })
            }
            Self::Marked { .. } => Some(0.04),
            Self::TemporalOrder { .. } => Some(0.3),
        }
    }

    /// Draws a sequence. Those of experiment 1 are drawn by [`Source::new`].
    fn draw(&self, rng: &mut impl Rng) -> Sequence {
        match *self {
            Self::EmbeddedReber { .. } => unreachable!("strings are drawn in sets"),
            Self::FirstAndLast { p, is_random } => first_and_last(rng, p, is_random),
            Self::Trigger { p, q } => trigger(rng, p, q),
            Self::TwoSequence { steps, signal, has_noisy_signal, has_noisy_targets } => {
                two_sequence(rng, [steps, signal], [has_noisy_signal, has_noisy_targets])
            }
            Self::Marked { steps, is_product, marks_first_pair } => {
                marked(rng, steps, is_product, marks_first_pair)
            }
            Self::TemporalOrder { places } => temporal_order(rng, places),
        }
    }
}

/// A length between `steps` and a tenth more.
fn length(rng: &mut impl Rng, steps: usize) -> usize {
    rng.random_range(steps..=steps + steps / 10)
}

fn first_and_last(rng: &mut impl Rng, p: usize, is_random: bool) -> Sequence {
    let class = p - 1 + rng.random_range(0..2);
    let between = (0..p - 1).map(|i| if is_random { rng.random_range(0..p - 1) } else { i });
    let symbols: Vec<usize> = [class].into_iter().chain(between).chain([class]).collect();
    let targets = one_hot(&symbols[1..], p + 1);
    let judged = if is_random { targets.len() - (p + 1) } else { 0 };
    Sequence {
        inputs: one_hot(&symbols[..p], p + 1),
        expected: targets[judged..].to_vec(),
        targets,
    }
}

fn two_sequence(
    rng: &mut impl Rng,
    [least, signal]: [usize; 2],
    [has_noisy_signal, has_noisy_targets]: [bool; 2],
) -> Sequence {
    let steps = length(rng, least);
    let is_first = rng.random::<bool>();
    let mut inputs = Tensor::normal([steps], 0.0, 0.2_f64.sqrt(), rng).to_vec();
    for x in &mut inputs[..signal] {
        let noise = if has_noisy_signal { *x } else { 0.0 };
        *x = noise + if is_first { 1.0 } else { -1.0 };
    }
    let expected = match (has_noisy_targets, is_first) {
        (false, is_first) => f64::from(is_first),
        (true, true) => 0.2,
        (true, false) => 0.8,
    };
    let noise = if has_noisy_targets { 0.1_f64.sqrt() } else { 0.0 };
    let target = Tensor::<f64>::normal([1], expected, noise, rng).item();
    Sequence { inputs, targets: vec![target], expected: vec![expected] }
}

fn trigger(rng: &mut impl Rng, p: usize, q: usize) -> Sequence {
    let class = rng.random_range(0..2);
    let [trigger, begin, first] = [p, p + 1, p + 2];
    let mut symbols = vec![begin, first + class];
    symbols.extend((0..q).map(|_| rng.random_range(0..p)));
    while rng.random_range(0..10) > 0 {
        symbols.push(rng.random_range(0..p));
    }
    symbols.push(trigger);
    let targets = one_hot(&[class], 2);
    Sequence { inputs: one_hot(&symbols, p + 4), expected: targets.clone(), targets }
}

/// What the number of a first pair counts as.
fn neutral(is_product: bool) -> f64 {
    f64::from(is_product)
}

fn marked(rng: &mut impl Rng, least: usize, is_product: bool, marks_first_pair: bool) -> Sequence {
    let steps = length(rng, least);
    let first = rng.random_range(0..10);
    let second = rng.random_range(0..least / 2 - 1); // among those that are not marked yet
    let second = second + usize::from(second >= first);
    let (low, neutral) = (if is_product { 0.0 } else { -1.0 }, neutral(is_product));
    let mut inputs = Vec::with_capacity(2 * steps);
    for step in 0..steps {
        let is_marked = [first, second].contains(&step);
        let x = rng.random_range(low..1.0);
        inputs.extend(match (step, is_marked) {
            (0, true) if marks_first_pair => [neutral, 1.0],
            (0, _) => [x, -1.0],
            _ if step + 1 == steps => [x, -1.0],
            _ => [x, f64::from(is_marked)],
        });
    }
    let [a, b] = [first, second].map(|step| if step == 0 { neutral } else { inputs[2 * step] });
    let target = if is_product { a * b } else { 0.5 + (a + b) / 4.0 };
    Sequence { inputs, targets: vec![target], expected: vec![target] }
}

fn temporal_order(rng: &mut impl Rng, places: usize) -> Sequence {
    const BEGIN: usize = 6; // after a, b, c, d, X and Y
    let steps = rng.random_range(100..=110);
    let ranges: &[Range<usize>] =
        if places == 2 { &[10..21, 50..61] } else { &[10..21, 33..44, 66..77] };
    let mut symbols: Vec<usize> = (0..steps).map(|_| rng.random_range(0..4)).collect();
    (symbols[0], symbols[steps - 1]) = (BEGIN, BEGIN + 1);
    let mut class = 0;
    for range in ranges {
        let is_y = rng.random_range(0..2);
        symbols[rng.random_range(range.clone())] = 4 + is_y;
        class = 2 * class + is_y;
    }
    let targets = one_hot(&[class], 1 << places);
    Sequence { inputs: one_hot(&symbols, 8), expected: targets.clone(), targets }
}

/// Returns a row for each symbol, with one 1.
fn one_hot(symbols: &[usize], size: usize) -> Vec<f64> {
    let mut rows = vec![0.0; symbols.len() * size];
    symbols.iter().enumerate().for_each(|(row, symbol)| rows[row * size + symbol] = 1.0);
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The place of the one 1 of each row.
    fn symbols(rows: &[f64], size: usize) -> Vec<usize> {
        let place = |row: &[f64]| row.iter().position(|&x| x == 1.0).expect("a symbol");
        rows.chunks_exact(size).map(place).collect()
    }

    #[test]
    fn targets_follow_from_what_is_read() {
        let rng = &mut bptt::rng(0);
        for _ in 0..200 {
            let it = Task::FirstAndLast { p: 5, is_random: true }.draw(rng);
            let (read, next) = (symbols(&it.inputs, 6), symbols(&it.targets, 6));
            assert_eq!((&read[1..], read[0]), (&next[..4], next[4]));
            assert!(read[0] >= 4 && read[1..].iter().all(|&symbol| symbol < 4));
            assert_eq!(symbols(&it.expected, 6), next[4..]);

            let it = Task::Trigger { p: 3, q: 4 }.draw(rng);
            let read = symbols(&it.inputs, 7);
            assert_eq!((read[0], read[read.len() - 1]), (4, 3));
            assert!(read.len() >= 7 && read[2..read.len() - 1].iter().all(|&symbol| symbol < 3));
            assert_eq!(symbols(&it.targets, 2), [read[1] - 5]);

            for (is_product, marks_first_pair) in
                [(false, false), (true, false), (false, true), (true, true)]
            {
                let it = Task::Marked { steps: 50, is_product, marks_first_pair }.draw(rng);
                let pairs = it.inputs.chunks_exact(2);
                let marked: Vec<f64> =
                    pairs.filter(|pair| pair[1] == 1.0).map(|pair| pair[0]).collect();
                let target = match (&marked[..], is_product) {
                    (&[a, b], true) => a * b,
                    (&[a, b], false) => 0.5 + (a + b) / 4.0,
                    (&[a], true) if !marks_first_pair => a, // the other was the first pair
                    (&[a], false) if !marks_first_pair => 0.5 + a / 4.0,
                    _ => panic!("{marked:?}"),
                };
                assert_eq!(it.targets, [target]);
                let marks: Vec<f64> = it.inputs.chunks_exact(2).map(|pair| pair[1]).collect();
                let at: Vec<usize> = (0..marks.len()).filter(|&step| marks[step] == 1.0).collect();
                assert!((50..=55).contains(&marks.len()));
                assert!(at.len() == 1 || at[0] < 10, "the first of two is among the first ten");
                assert!(at.iter().all(|&step| step < 25));
                assert_eq!(marks[marks.len() - 1], -1.0);
                assert!(
                    marks[0] == -1.0 || marks_first_pair && it.inputs[0] == neutral(is_product)
                );
            }

            let it = Task::TemporalOrder { places: 3 }.draw(rng);
            let read = symbols(&it.inputs, 8);
            let order = read.iter().filter(|symbol| (4..6).contains(*symbol));
            let class = order.fold(0, |class, symbol| 2 * class + symbol - 4);
            assert_eq!(symbols(&it.targets, 8), [class]);
            assert_eq!((read[0], read[read.len() - 1]), (6, 7));
        }
    }

    #[test]
    fn classes_of_numbers_have_their_targets() {
        let rng = &mut bptt::rng(1);
        let task = |has_noisy_signal, has_noisy_targets| Task::TwoSequence {
            steps: 20,
            signal: 3,
            has_noisy_signal,
            has_noisy_targets,
        };
        for _ in 0..100 {
            let it = task(false, false).draw(rng);
            assert!(it.inputs[..3].iter().all(|x| *x == it.inputs[0]));
            assert_eq!(it.expected, [f64::from(it.inputs[0] == 1.0)]);
            assert_eq!(it.targets, it.expected);
            let it = task(false, true).draw(rng);
            assert_eq!(it.expected, [if it.inputs[0] == 1.0 { 0.2 } else { 0.8 }]);
            assert_ne!(it.targets, it.expected);
            let it = task(true, false).draw(rng);
            assert!((20..=22).contains(&it.inputs.len()));
            assert!(it.inputs[..3].iter().all(|x| x.abs() != 1.0), "the signal has noise");
            assert!(it.inputs[0] != it.inputs[1]);
        }
    }

    #[test]
    fn a_final_test_is_of_new_sequences() {
        let rng = &mut bptt::rng(2);
        let task = Task::TwoSequence {
            steps: 20,
            signal: 1,
            has_noisy_signal: false,
            has_noisy_targets: false,
        };
        let source = Source::new(&task, rng);
        let known: Vec<_> = (0..256).map(|number| source.test(number, rng).inputs).collect();
        assert_eq!(source.test(7, rng).inputs, known[7]);
        assert!((0..300).all(|_| !known.contains(&source.final_test(rng).inputs)));
    }

    #[test]
    fn strings_of_the_test_are_others_than_those_of_training() {
        let rng = &mut bptt::rng(3);
        let source = Source::new(&Task::EmbeddedReber { targets: [0.1, 0.9] }, rng);
        let training: Vec<_> = source.training.iter().map(|it| &it.inputs).collect();
        assert_eq!((training.len(), source.tests.len()), (256, 512));
        assert!(source.tests[256..].iter().all(|it| !training.contains(&&it.inputs)));
        let it = &source.tests[300];
        let (read, next) = (symbols(&it.inputs, 7), it.targets.chunks_exact(7));
        assert_eq!(read[read.len() - 1], read[1], "the second symbol comes back");
        assert!(next.zip(&read[1..]).all(|(targets, &symbol)| targets[symbol] == 0.9));
        let (right, _) = source.judge(&it.targets, &it.expected);
        assert!(!right, "where two symbols may follow, both have to be above the others");
        assert!(source.judge(&it.expected, &it.expected).0);
    }
}
