//! Polarity, tagging, dates, genome and melody.

use std::collections::BTreeMap;

use bptt_tasks::{Dates, Genome, Melody, Polarity, Tagging};

use crate::{assert_near, rng};

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
                let praise = ["good", "great", "superb", "charming", "clever", "brilliant"];
                praise.contains(&adjective) == turns.count().is_multiple_of(2)
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

/// The words of a whole sentence determine its tags. The words up to a word do not.
#[test]
fn tags_depend_on_the_whole_sentence() {
    let batch = Tagging.batch(&mut rng(), 50_000);
    let tags = bptt_layers::batching::unpad_symbols(&batch.targets, &batch.inputs.lengths);
    let mut of_sentences = BTreeMap::new();
    let mut of_beginnings = BTreeMap::new();
    let mut open = 0;
    for (sentence, tags) in batch.inputs.sequences().into_iter().zip(tags) {
        for end in 1..=sentence.len() {
            let known = of_beginnings.entry(sentence[..end].to_vec()).or_insert(tags[end - 1]);
            open += usize::from(*known != tags[end - 1]);
        }
        let text = Tagging::text(&sentence);
        assert_eq!(of_sentences.entry(sentence).or_insert(tags.clone()), &tags, "{text}");
    }
    assert!(open > 10_000, "{open}");
}

#[test]
fn tagging_without_a_memory() {
    let batch = Tagging.batch(&mut rng(), 20_000);
    let tags = bptt_layers::batching::unpad_symbols(&batch.targets, &batch.inputs.lengths);
    let mut counts = [[0; 5]; Tagging::WORDS.len()];
    for (word, tag) in batch.inputs.sequences().concat().into_iter().zip(tags.concat()) {
        counts[word][tag] += 1;
    }
    let right: i32 = counts.iter().filter_map(|tags| tags.iter().max()).sum();
    let all = f64::from(counts.as_flattened().iter().sum::<i32>());
    assert_near(f64::from(right) / all, Tagging.memoryless_accuracy(), 0.5 / all.sqrt());
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

#[test]
fn genome_without_a_memory() {
    let batch = Genome.batch(&mut rng(), [100, 10_000]);
    let mut counts = [[0; 2]; 4];
    for (&base, &label) in batch.inputs.symbols.iter().zip(&batch.targets) {
        counts[base][label] += 1;
    }
    let right: i32 = counts.iter().filter_map(|labels| labels.iter().max()).sum();
    // Labels of a sequence are alike, so that a sequence counts as one draw.
    assert_near(f64::from(right) / 1e6, Genome.memoryless_accuracy(100), 0.5 / 1e2);
}

#[test]
fn tunes_have_the_form_aaba() {
    let tune = Melody::new(6);
    let batch = tune.batch(&mut rng(), 40);
    assert_eq!(batch.inputs.shape(), [23, 40]);
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

    let choices =
        |note: usize| (2 - usize::from(note < 2 || note > 5)) + 2 - usize::from(note % 7 == 0);
    let surprise = |b: usize| {
        let symbols = &batch.inputs.symbols;
        let walks = (0..4).chain(10..14).map(|t| (choices(symbols[t * count + b]) as f64).ln());
        (walks.sum::<f64>() + 8f64.ln()) / tune.steps() as f64
    };
    let mean = (0..count).map(surprise).sum::<f64>() / count as f64;
    assert_near(mean, tune.floor(), 0.2 / f64::sqrt(count as f64));
}
