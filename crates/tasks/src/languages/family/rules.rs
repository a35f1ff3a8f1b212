//! The rules of the languages that have parameters.

use rand::RngExt;

use crate::languages::LanguageError;
use crate::languages::grammar::{Alternative, Rule, check_size};

/// Returns the rules of `aⁿbⁿ…` with `P(n) ∝ ratioⁿ` for `1 ≤ n ≤ max`. The `letters` are those behind the `a`.
///
/// Rule `i` follows the `i`-th `a`: one more, or `i` times each of the letters. The rules of the letters are the last
/// ones.
pub(super) fn counting(letters: &[char], max: usize, ratio: f64) -> Vec<Rule> {
    // odds[i] of one more `a` after `i`: ratio + ratio² + … + ratio^(max - i), to one.
    let mut odds = vec![0.0; max + 1];
    for i in (0..max).rev() {
        odds[i] = ratio * (1.0 + odds[i + 1]);
    }
    let mut rules = vec![vec![Alternative::new(1.0, 'a', [1])]];
    for (i, &odds) in odds.iter().enumerate().skip(1) {
        let end = (max + 1..).take(letters.len()).flat_map(|letter| std::iter::repeat_n(letter, i));
        let end: Vec<usize> = end.skip(1).collect();
        let mut rule = vec![Alternative::new(1.0 / (1.0 + odds), letters[0], end)];
        if i < max {
            rule.push(Alternative::new(odds / (1.0 + odds), 'a', [i + 1]));
        }
        rules.push(rule);
    }
    rules.extend(letters.iter().map(|&letter| vec![Alternative::new(1.0, letter, [])]));
    rules
}

/// What opens a bracket of each kind, and what closes it.
const BRACKETS: [&str; 2] = ["([{<abcdefghijklmnopqrstuvwxyz", ")]}>ABCDEFGHIJKLMNOPQRSTUVWXYZ"];

/// The number of kinds of brackets.
pub(super) const MOST_KINDS: usize = BRACKETS[0].len();

/// Returns the rules of balanced brackets of so many `kinds`, nested to `depth` at most.
///
/// The first rule is that of depth zero. Another one for each depth and kind goes on behind an open bracket, until that
/// is closed.
pub(super) fn dyck(kinds: usize, depth: usize, open: f64) -> Result<Vec<Rule>, LanguageError> {
    check_size(kinds.saturating_mul(depth).saturating_add(1))?;
    let [opening, closing] = BRACKETS.map(|symbols| symbols.chars().collect::<Vec<_>>());
    let inside = |depth: usize, kind: usize| 1 + (depth - 1) * kinds + kind;
    // A rule at `at`: it opens a bracket and comes back once that is closed, or ends.
    let rule = |at: usize, here: usize, end: char| -> Rule {
        if at == depth {
            return vec![Alternative::new(1.0, end, [])];
        }
        let opens = (0..kinds).map(|kind| {
            Alternative::new(open / kinds as f64, opening[kind], [inside(at + 1, kind), here])
        });
        opens.chain([Alternative::new(1.0 - open, end, [])]).collect()
    };
    let mut rules = vec![rule(0, 0, '.')];
    for at in 1..=depth {
        rules.extend((0..kinds).map(|kind| rule(at, inside(at, kind), closing[kind])));
    }
    Ok(rules)
}

/// Returns the rules of a Markov chain over the first letters, cut where it returns to the context `aa…a`.
///
/// A rule is a context: its letters are the digits of the rule's number. Its transition probabilities are drawn from
/// the uniform distribution over all (Dirichlet with parameters 1): the gaps between sorted uniform numbers. So they
/// are the same to the bit on every machine.
pub(super) fn markov(order: u32, symbols: usize, seed: u64) -> Result<Vec<Rule>, LanguageError> {
    let contexts = symbols.saturating_pow(order);
    check_size(contexts)?;
    let mut rng = bptt_layers::rng(seed);
    let rules = (0..contexts).map(|context| {
        let mut cuts: Vec<f64> = (1..symbols).map(|_| rng.random()).collect();
        cuts.push(1.0);
        cuts.sort_unstable_by(f64::total_cmp);
        let mut before = 0.0;
        let rule = ('a'..='z').zip(cuts).enumerate().map(|(digit, (symbol, cut))| {
            let probability = cut - std::mem::replace(&mut before, cut);
            let next = (context * symbols + digit) % contexts;
            let rest = if next == 0 { vec![] } else { vec![next] };
            Alternative::new(probability, symbol, rest)
        });
        rule.collect()
    });
    Ok(rules.collect())
}
