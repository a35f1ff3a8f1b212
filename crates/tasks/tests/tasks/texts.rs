//! Polarity, tagging, dates, genome and melody.

use std::collections::{BTreeMap, BTreeSet};

use bptt_tasks::Numerals::{English, German};
use bptt_tasks::{Dates, Genome, Melody, Polarity, Tagging};

use crate::{assert_near, rng};

const PRAISE: [&str; 6] = ["good", "great", "superb", "charming", "clever", "brilliant"];

/// A reader of its own: negations turn a clause around, and the last clause counts.
#[test]
fn polarity_follows_the_grammar() {
    let batch = Polarity.batch(&mut rng(), 2000);
    for (sentence, &class) in batch.inputs.sequences().iter().zip(&batch.targets) {
        let text = Polarity::text(sentence);
        let praises: Vec<bool> = (text.split(" and ").flat_map(|part| part.split(" but ")))
            .map(|clause| {
                let turns = clause.split(' ').filter(|w| ["not", "never", "doubt"].contains(w));
                let adjective = clause.split(' ').next_back().expect("a word");
                PRAISE.contains(&adjective) == turns.count().is_multiple_of(2)
            })
            .collect();
        assert_eq!(praises[praises.len() - 1], class == 1, "{text}");
        let agree = praises.iter().all(|praise| *praise == praises[0]);
        assert_eq!(agree, !text.contains(" but "), "{text}");
    }
}

/// Neither class is more frequent after any last word.
#[test]
fn polarity_without_a_memory() {
    let batch = Polarity.batch(&mut rng(), 20_000);
    let mut right = BTreeMap::<usize, [u32; 2]>::new();
    for (sentence, &class) in batch.inputs.sequences().iter().zip(&batch.targets) {
        right.entry(sentence[sentence.len() - 1]).or_default()[class] += 1;
    }
    assert_eq!(right.len(), 12);
    for counts in right.into_values() {
        let total = f64::from(counts[0] + counts[1]);
        assert_near(
            f64::from(counts[1]) / total,
            Polarity.memoryless_accuracy(),
            0.5 / total.sqrt(),
        );
    }
}

/// What a bag of words tells of the polarity: the junction, and how many words doubt, negate and praise.
#[test]
fn polarity_from_a_bag_of_words() {
    let count = 40_000;
    let batch = Polarity.batch(&mut rng(), count);
    let mut classes: BTreeMap<[usize; 6], [f64; 2]> = BTreeMap::new();
    for (sentence, &class) in batch.inputs.sequences().iter().zip(&batch.targets) {
        let text = Polarity::text(sentence);
        let number = |of: &[&str]| text.split(' ').filter(|word| of.contains(word)).count();
        let bag = [&["and"][..], &["but"], &["doubt"], &["not"], &["never"], &PRAISE].map(number);
        classes.entry(bag).or_default()[class] += 1.0;
    }
    let right: f64 = classes.values().map(|[a, b]| a.max(*b)).sum();
    let accuracy = Polarity.bag_of_words_accuracy();
    assert_near(
        right / count as f64,
        accuracy,
        f64::sqrt(accuracy * (1.0 - accuracy) / count as f64),
    );
}

/// The kinds of words determine the tags, and the tags follow each other as they should.
#[test]
fn whole_sentences_determine_their_tags() {
    let batch = Tagging.batch(&mut rng(), 2000);
    let mut tags_of: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (b, sentence) in batch.inputs.sequences().iter().enumerate() {
        let tags: Vec<usize> = (0..sentence.len()).map(|t| batch.targets[t * 2000 + b]).collect();
        let kinds = sentence.iter().map(|word| match word {
            0..4 => 'd',
            4..12 => 'a',
            _ => 'n',
        });
        let known = tags_of.entry(kinds.collect()).or_insert_with(|| tags.clone());
        assert_eq!(*known, tags, "{}", Tagging::text(sentence));
        let text: Vec<&str> = tags.iter().map(|&tag| Tagging::TAGS[tag]).collect();
        let text = text.join(" ").replace("adj ", "");
        let rest = text.strip_prefix("det noun verb det noun").expect("a sentence");
        assert!(["", " det noun"].contains(&rest), "{text}");
        let padding =
            (sentence.len()..batch.inputs.shape()[0]).map(|t| batch.targets[t * 2000 + b]);
        assert!(padding.into_iter().all(|tag| tag == Tagging::NO_TAG));
    }
    assert_eq!(tags_of.len(), 16 + 64, "all patterns");
}

/// By hand. A sentence has 7.25 words on average, 2.5 of them determiners. The word alone: the tag that is most frequent
/// for its kind is right for 1.25 words of each kind. Forward: 2 of the 2.5 other words of the subject and its verb,
/// and 1.25 of 1.5 of each object. Backward: all of the last object, 1.625 of 2 of what is before it, and the rest.
#[test]
fn tags_from_parts_of_sentences() {
    let assert_equal = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} instead of {b}");
    assert_equal(Tagging.memoryless_accuracy(), (2.5 + 1.25 + 1.25) / 7.25);
    assert_equal(Tagging.forward_accuracy(), (2.5 + 2.0 + 1.5 * 1.25) / 7.25);
    assert_equal(Tagging.backward_accuracy(), (2.5 + 1.5 + 1.625 + 1.25) / 7.25);
}

/// Reads the numbers of a date, in whatever order it has them.
#[test]
fn dates_are_those_of_the_text() {
    let batch = Dates.batch(&mut rng(), 3000);
    for (b, source) in batch.inputs.sequences().iter().enumerate() {
        let text = Dates::text(source);
        assert_eq!(Dates::symbols(&text).as_ref(), Some(source));
        let target: Vec<usize> = (0..11).map(|t| batch.targets[t * 3000 + b]).collect();
        assert_eq!(target[10], Dates::END);
        let iso = Dates::iso_text(&target);
        let [year, month, day] = iso.split('-').collect::<Vec<_>>()[..] else { panic!("{iso}") };
        let months =
            ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
        let named = months.iter().position(|name| text.contains(name)).map(|month| month + 1);
        let numbers: Vec<usize> = (text.split(|c: char| !c.is_ascii_digit()))
            .filter_map(|number| number.parse().ok())
            .collect();
        let (expected_month, expected_day, written_year) = match (named, &numbers[..]) {
            (Some(month), &[day, year]) => (month, day, year),
            (None, &[day, month, year]) => (month, day, year),
            _ => panic!("{text}"),
        };
        assert_eq!(month, format!("{expected_month:02}"), "{text}");
        assert_eq!(day, format!("{expected_day:02}"), "{text}");
        assert!(year.ends_with(&format!("{written_year:02}")), "{text}: {iso}");
        assert!(("1950".."2050").contains(&year), "{iso}");
    }
}

/// A scan by hand of all three frames at once.
#[test]
fn genome_labels_open_reading_frames() {
    let batch = Genome.batch(&mut rng(), [400, 30]);
    for (b, bases) in batch.inputs.sequences().iter().enumerate() {
        let text: String = bases.iter().map(|&base| Genome::BASES[base]).collect();
        let mut expected = vec![0; 400];
        let mut from = 0;
        while let Some(start) = text[from..].find("ATG").map(|start| from + start + 3) {
            let codons = (start..).step_by(3).take_while(|&at| at + 3 <= 400);
            let mut stops = codons.filter(|&at| ["TAA", "TAG", "TGA"].contains(&&text[at..at + 3]));
            from = stops.next().map_or(400, |stop| stop + 3);
            expected[start..from].fill(1);
        }
        let labels: Vec<usize> = (0..400).map(|t| batch.targets[t * 30 + b]).collect();
        assert_eq!(labels, expected, "{text}");
    }
}

/// Of all sequences of seven bases.
#[test]
fn genome_from_a_window() {
    const STEPS: usize = 7;
    for width in 1..=8 {
        let mut classes: BTreeMap<(usize, Vec<usize>), [f64; 2]> = BTreeMap::new();
        for number in 0..4usize.pow(STEPS as u32) {
            let bases: Vec<usize> = (0..STEPS).map(|t| number >> (2 * t) & 3).collect();
            for (t, class) in Genome::labels(&bases).into_iter().enumerate() {
                let begin = (t + 1).saturating_sub(width);
                let is_at_start = t + 1 < width; // the window is not full
                classes
                    .entry((usize::from(is_at_start) * (t + 1), bases[begin..=t].into()))
                    .or_default()[class] += 1.0;
            }
        }
        let right: f64 = classes.values().map(|[a, b]| a.max(*b)).sum();
        let accuracy = right / classes.values().flatten().sum::<f64>();
        let exact = Genome.window_accuracy(width, STEPS);
        assert!((exact - accuracy).abs() < 1e-12, "{width}: {exact} instead of {accuracy}");
    }
}

#[test]
fn tunes_have_the_form_aaba() {
    let tune = Melody::new(6);
    let batch = tune.batch(&mut rng(), 40);
    assert_eq!(batch.inputs.shape(), [23, 40]);
    assert_eq!(Melody::new(3).text(&[0, 1, 7, 6]), "C4 D4 C5\nB4");
    for (b, notes) in batch.inputs.sequences().iter().enumerate() {
        let mut notes = notes.clone();
        notes.push(batch.targets[22 * 40 + b]);
        assert_eq!(notes[..6], notes[6..12]);
        assert_eq!(notes[..6], notes[18..]);
        for phrase in notes.chunks(6) {
            assert!(phrase.windows(2).all(|pair| (1..=2).contains(&pair[0].abs_diff(pair[1]))));
        }
    }
}

/// The entropy of a note given the one before, in many tunes; and the surprise of the phrases A and B.
#[test]
fn floor_and_baseline_of_tunes() {
    let (tune, count) = (Melody::new(5), 40_000);
    let batch = tune.batch(&mut rng(), count);
    let mut pairs = [[0.0f64; 8]; 8];
    for (&from, &to) in batch.inputs.symbols.iter().zip(&batch.targets) {
        pairs[from][to] += 1.0 / count as f64;
    }
    let entropy = pairs.iter().map(|next| {
        let total: f64 = next.iter().sum();
        next.iter().filter(|p| **p > 0.0).map(|p| -p * (p / total).ln()).sum::<f64>()
    });
    let entropy = entropy.sum::<f64>() / tune.steps() as f64;
    assert!((entropy - tune.memoryless_loss()).abs() < 2e-3);

    let choices = |note: usize| {
        (2 - usize::from(!(2..=5).contains(&note))) + 2 - usize::from(note.is_multiple_of(7))
    };
    let surprise = |b: usize| {
        let symbols = &batch.inputs.symbols;
        let walks = (0..4).chain(10..14).map(|t| (choices(symbols[t * count + b]) as f64).ln());
        (walks.sum::<f64>() + 8f64.ln()) / tune.steps() as f64
    };
    let mean = (0..count).map(surprise).sum::<f64>() / count as f64;
    assert_near(mean, tune.floor(), 0.2 / f64::sqrt(count as f64));
}

#[test]
fn numbers_in_words() {
    let text = |number| [English, German].map(|language| language.text(&language.words(number)));
    assert_eq!(text(0), ["zero", "null"]);
    assert_eq!(text(1), ["one", "eins"]);
    assert_eq!(text(17), ["seventeen", "siebzehn"]);
    assert_eq!(text(30), ["thirty", "dreißig"]);
    assert_eq!(text(61), ["sixty one", "ein und sechzig"]);
    assert_eq!(text(99), ["ninety nine", "neun und neunzig"]);
    assert_eq!(German.names(&[61, 7]), [29, 7, 28, 30, 24, 30, 30, 30]);
    for language in [English, German] {
        let distinct: BTreeSet<Vec<usize>> =
            (0..100).map(|number| language.words(number)).collect();
        assert_eq!(distinct.len(), 100);
        let words: BTreeSet<usize> = distinct.into_iter().flatten().collect();
        assert_eq!(words.len(), language.vocabulary().len(), "each word is used");
    }
}
