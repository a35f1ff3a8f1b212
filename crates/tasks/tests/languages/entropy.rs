//! The entropy rates, each found in another way than by the grammar's equations.

use crate::{ALL, language};

fn assert_close(name: &str, expected: f64) {
    let rate = language(name).entropy_rate();
    assert!((rate - expected).abs() < 1e-13, "{name}: {rate} instead of {expected}");
}

/// A Reber sentence takes six even choices and has eight symbols in the mean: solve the graph by hand.
#[test]
fn reber() {
    assert_close("reber", 6.0 * 2f64.ln() / 8.0);
    assert_close("embedded-reber", 7.0 * 2f64.ln() / 12.0);
    assert_eq!(language("reber").sentence_length(), 8.0);
    assert_eq!(language("embedded-reber").sentence_length(), 12.0);
}

/// Nothing but `n` is random.
#[test]
fn counting() {
    assert_close("anbn:max=10,ratio=1", 10f64.ln() / 11.0);
    assert_close("anbncn:max=1000,ratio=1", 1000f64.ln() / 1501.5);
    assert_close("anbn:max=1", 0.0);
    for (ratio, max) in [(0.001, 3), (0.5, 20), (0.9, 100)] {
        let weights: Vec<f64> = (0..max).map(|n| f64::powi(ratio, n)).collect();
        let total: f64 = weights.iter().sum();
        let entropy: f64 = weights.iter().map(|w| -w / total * (w / total).ln()).sum();
        let mean: f64 = (1..).zip(&weights).map(|(n, w)| f64::from(n) * w / total).sum();
        assert_close(&format!("anbn:max={max},ratio={ratio}"), entropy / (2.0 * mean));
        assert_close(&format!("anbncn:max={max},ratio={ratio}"), entropy / (3.0 * mean));
    }
}

/// The depth is a birth-death chain: `π_{d+1} P(down) = π_d P(up)`. The choice of a kind adds `ln kinds` at each
/// opening.
#[test]
fn dyck() {
    for (kinds, depth, open) in [(1, 1, 0.5), (2, 8, 0.5), (4, 3, 0.7), (30, 30, 0.4)] {
        let choice = -open * f64::ln(open) - (1.0 - open) * f64::ln(1.0 - open);
        let opening = open * f64::from(kinds).ln();
        let (mut weight, mut total, mut entropy) = (1.0, 0.0, 0.0);
        for at in 0..depth {
            total += weight;
            entropy += weight * (choice + opening);
            let down = if at + 1 == depth { 1.0 } else { 1.0 - open };
            weight *= open / down;
        }
        total += weight;
        assert_close(&format!("dyck:kinds={kinds},depth={depth},open={open}"), entropy / total);
    }
}

/// The stationary distribution of a Markov chain by power iteration.
#[test]
fn markov() {
    for (order, symbols) in [(0, 6), (1, 26), (2, 5), (3, 3)] {
        let name = format!("markov:order={order},symbols={symbols},seed=11");
        let language = language(&name);
        let contexts = usize::pow(symbols, order);
        // The transition probabilities after the letters that are a context's digits.
        let table: Vec<Vec<f64>> = (0..contexts)
            .map(|context| {
                let mut reader = language.reader();
                for place in (0..order).rev() {
                    let digit = context / symbols.pow(place) % symbols;
                    reader.read(language.alphabet()[digit]).expect("every symbol may follow");
                }
                reader.choices().map(|(_, probability)| probability).collect()
            })
            .collect();
        let mut stationary = vec![1.0 / contexts as f64; contexts];
        for _ in 0..2000 {
            let mut next = vec![0.0; contexts];
            for (context, row) in table.iter().enumerate() {
                for (digit, probability) in row.iter().enumerate() {
                    next[(context * symbols + digit) % contexts] +=
                        stationary[context] * probability;
                }
            }
            stationary = next;
        }
        let row_entropy = |row: &Vec<f64>| row.iter().map(|p| -p * p.ln()).sum::<f64>();
        assert_close(
            &name,
            stationary.iter().zip(&table).map(|(pi, row)| pi * row_entropy(row)).sum(),
        );
    }
}

/// The grammar of agreement, solved by hand. Both numbers have the same expectations.
#[test]
fn agreement() {
    let (ln2, entropy) = (2f64.ln(), |ps: &[f64]| ps.iter().map(|p| -p * p.ln()).sum::<f64>());
    // With the constants of the rules after a noun, in a relative clause and in a gap:
    // gap = c + .3 (relative + gap), relative = b + .4 gap, noun = a + .3 (relative + noun).
    let noun = |a: f64, b: f64, c: f64| {
        let relative = (0.7 * b + 0.4 * c) / (0.7 - 0.12);
        (a + 0.3 * relative) / 0.7
    };
    let length = 2.0 + noun(1.3, 1.3, 1.0);
    let (a, b) = (entropy(&[0.4, 0.3, 0.3]), entropy(&[0.3, 0.3, 0.2, 0.2]));
    let sentence = ln2 + noun(a + 0.3 * ln2, b + 0.3 * ln2, entropy(&[0.7, 0.3]));
    assert!((language("pcfg").sentence_length() - length).abs() < 1e-13);
    assert_close("pcfg", sentence / length);
}

/// The mean surprisal of a long sample, within four standard errors. Sentences are independent: the error of the ratio
/// follows from the spread of `surprisal - rate · length` over sentences.
#[test]
fn surprisals_of_a_sample_average_to_the_entropy_rate() {
    for name in ALL {
        let language = language(name);
        let rate = language.entropy_rate();
        let text = language.generate(1, 200_000);
        let surprisals = language.surprisals(&text);
        let mut reader = language.reader();
        let (mut excess, mut variance) = (0.0, 0.0);
        let mut sentence = 0.0;
        for (symbol, surprisal) in text.chars().zip(surprisals) {
            sentence += surprisal - rate;
            reader.read(symbol).expect("a legal symbol");
            if reader.is_between_sentences() {
                excess += sentence;
                variance += sentence * sentence;
                sentence = 0.0;
            }
        }
        let error = f64::sqrt(variance);
        assert!(excess.abs() < 4.0 * error, "{name}: {excess} ± {error}");
        // The sample is large enough to tell a difference of one percent of a nat.
        assert!(error / (text.len() as f64) < 2.5e-3, "{name}: {error}");
    }
}

/// The entropies of `ab` and `aabb` by hand: an `a` is followed by `b` in two of three cases, a `b` by `a`. Two symbols
/// leave what follows the first `a` open, and `ab`. Three tell all but the even choice itself.
#[test]
fn entropy_of_a_window() {
    let choice = |p: f64| -p * p.ln() - (1.0 - p) * f64::ln(1.0 - p);
    let ln2 = 2f64.ln();
    let twice = language("anbn:max=2");
    // Of six symbols, `ba` and `ab` precede two and two, of which each is even, and `aa` and `bb` one and one.
    for (symbols, expected) in
        [(0, ln2), (1, choice(1.0 / 3.0)), (2, 2.0 / 3.0 * ln2), (3, ln2 / 3.0)]
    {
        let entropy = twice.entropy_given(symbols).expect("few windows");
        assert!((entropy - expected).abs() < 1e-14, "{symbols}: {entropy} instead of {expected}");
    }
    assert_eq!(language("pcfg").entropy_given(1), None);
}

/// A window of the order tells all of a Markov chain. A longer window never tells less, and never more than everything.
#[test]
fn longer_windows_tell_more() {
    let dyck = "dyck:kinds=2,depth=3,open=0.5";
    for name in ["reber", "embedded-reber", "anbncn:max=6", dyck, "markov:order=2,symbols=4,seed=7"]
    {
        let language = language(name);
        let mut shorter = f64::INFINITY;
        for symbols in 0..=2 {
            let entropy = language.entropy_given(symbols).expect("few windows");
            assert!(entropy <= shorter + 1e-13, "{name}, {symbols}");
            assert!(entropy >= language.entropy_rate() - 1e-13, "{name}, {symbols}");
            shorter = entropy;
        }
        if name.starts_with("markov") {
            assert!((shorter - language.entropy_rate()).abs() < 1e-13, "{name}");
        }
    }
    let markov = language("markov:order=2,symbols=4,seed=7");
    assert!(markov.entropy_given(1) > Some(markov.entropy_rate() + 0.01));
}
