//! The baseline: an interpolated Witten–Bell n-gram model over the same characters.
//!
//! Let `c(h)` be the number of occurrences of a context `h` that are followed by a character. Let `N₁₊(h·)` be the
//! number of distinct characters seen after it, and `h'` the context without its oldest character. Then
//!
//! ```text
//! P(w|h) = (c(hw) + N₁₊(h·) P(w|h')) / (c(h) + N₁₊(h·))
//! ```
//!
//! down to the uniform distribution `1/V` below the empty context. For a context never seen, `P(w|h)` is `P(w|h')`.
//! (Bell, Cleary and Witten, *Text Compression*, 1990; in this interpolated form Chen and Goodman, "An empirical study
//! of smoothing techniques for language modeling", 1999.)

use rustc_hash::FxHashMap;

use crate::score::Nats;

/// Order of the baseline: three characters of context and the one they predict.
pub const BASELINE_ORDER: usize = 4;

/// Counts of all n-grams up to an order, as a trie.
#[derive(Clone, Debug)]
pub struct NGram {
    order: usize,
    vocabulary_size: usize,
    /// `nodes[ROOT]` is the empty string.
    nodes: Vec<Node>,
    /// Maps the node of a string and a character to the node of both together.
    children: FxHashMap<(u32, u32), u32>,
}

const ROOT: u32 = 0;

/// The counts of one string `h`.
#[derive(Clone, Copy, Debug, Default)]
struct Node {
    /// Occurrences of the string.
    count: u32,
    /// Occurrences that are followed by a character: `c(h) = Σ_w c(hw)`.
    followed: u32,
    /// Distinct characters that follow: `N₁₊(h·)`.
    distinct: u32,
}

impl NGram {
    /// Counts the n-grams of `tokens`, of 1 to `order` characters. A context of `order - 1` characters predicts the
    /// next.
    ///
    /// # Panics
    ///
    /// If `order` is zero, or if `tokens` have 2³² strings or more.
    #[must_use]
    pub fn count(order: usize, vocabulary_size: usize, tokens: &[u32]) -> Self {
        assert!(order > 0, "an n-gram has at least one character");
        let mut model = Self {
            order,
            vocabulary_size,
            nodes: vec![Node::default()],
            children: FxHashMap::default(),
        };
        // suffixes[k] is the node of the last k characters read.
        let mut suffixes = vec![ROOT];
        for &token in tokens {
            for suffix in &mut suffixes {
                *suffix = model.extend(*suffix, token);
            }
            suffixes.truncate(order - 1);
            suffixes.insert(0, ROOT);
        }
        model
    }

    /// Counts one more occurrence of `token` after the string of `node`, and returns the node of
    /// both together.
    fn extend(&mut self, node: u32, token: u32) -> u32 {
        let next = u32::try_from(self.nodes.len()).expect("fewer than 2³² strings");
        let child = *self.children.entry((node, token)).or_insert(next);
        let parent = &mut self.nodes[node as usize];
        parent.followed += 1;
        if child == next {
            parent.distinct += 1;
            self.nodes.push(Node::default());
        }
        self.nodes[child as usize].count += 1;
        child
    }

    /// Returns the node of `string`, if it was ever seen.
    fn find(&self, string: &[u32]) -> Option<u32> {
        string.iter().try_fold(ROOT, |node, &token| self.child(node, token))
    }

    fn child(&self, node: u32, token: u32) -> Option<u32> {
        self.children.get(&(node, token)).copied()
    }

    /// Returns `P(next | context)`. The `context` may have any length; its last `order - 1` characters count.
    #[must_use]
    pub fn probability(&self, context: &[u32], next: u32) -> f64 {
        let longest = context.len().min(self.order - 1);
        let mut probability = 1.0 / self.vocabulary_size as f64;
        for length in 0..=longest {
            // A longer context was not seen either.
            let Some(node) = self.find(&context[context.len() - length..]) else { break };
            let Node { followed, distinct, .. } = self.nodes[node as usize];
            if followed > 0 {
                let count = self.child(node, next).map_or(0, |c| self.nodes[c as usize].count);
                probability = (f64::from(count) + f64::from(distinct) * probability)
                    / (f64::from(followed) + f64::from(distinct));
            }
        }
        probability
    }

    /// Returns the mean of `-ln P` over all of `tokens` but the first, each predicted from those before it. A model
    /// that reads `tokens` from their beginning predicts the same tokens.
    ///
    /// # Panics
    ///
    /// If there are fewer than two tokens, since nothing is predicted.
    #[must_use]
    pub fn score(&self, tokens: &[u32]) -> Nats {
        assert!(tokens.len() > 1, "{} characters leave none to predict", tokens.len());
        let total = (1..tokens.len())
            .fold(0.0, |sum, i| sum - self.probability(&tokens[..i], tokens[i]).ln());
        Nats(total / (tokens.len() - 1) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// "abab" over {a, b, c}, by hand. No context: a and b twice each, so
    /// P(a) = (2 + 2·⅓) / (4 + 2) = 4/9 and P(c) = (0 + 2·⅓) / 6 = 1/9. After a: b twice, so
    /// P(b|a) = (2 + 1·4/9) / (2 + 1) = 22/27, P(c|a) = (0 + 1/9) / 3 = 1/27. After b, which ends
    /// the text and is followed once: P(a|b) = (1 + 4/9) / 2 = 13/18.
    #[test]
    fn agrees_with_a_hand_computation() {
        let (a, b, c) = (0, 1, 2);
        let model = NGram::count(2, 3, &[a, b, a, b]);
        assert_eq!(model.nodes.len(), 5, "the empty string, a, b, ab, ba, and none longer");
        let close = |p: f64, expected: f64| assert!((p - expected).abs() < 1e-15, "{p} {expected}");
        close(model.probability(&[], a), 4.0 / 9.0);
        close(model.probability(&[], c), 1.0 / 9.0);
        close(model.probability(&[a], b), 22.0 / 27.0);
        close(model.probability(&[a], c), 1.0 / 27.0);
        close(model.probability(&[b], a), 13.0 / 18.0);
        close(model.probability(&[c], a), 4.0 / 9.0); // a context never seen predicts like no context
        close(model.probability(&[a, c, b], a), 13.0 / 18.0); // only the last counts
        // "abc" predicts b after a and c after b, where P(c|b) = (0 + 1/9) / 2 = 1/18.
        let nats = -((22.0_f64 / 27.0).ln() + (1.0_f64 / 18.0).ln()) / 2.0;
        close(model.score(&[a, b, c]).0, nats);
    }

    #[test]
    fn the_empty_model_is_uniform() {
        let model = NGram::count(4, 5, &[]);
        assert_eq!(model.probability(&[1, 2, 3], 4), 0.2);
        let certain = NGram::count(4, 1, &[]).score(&[0, 0]);
        assert_eq!(certain.to_string(), "0.0000 nats, 0.0000 bits per character");
    }

    #[test]
    fn every_context_has_a_distribution() {
        let text: Vec<u32> = (0..500).map(|i| (i * i + i / 7) % 11).collect();
        let model = NGram::count(4, 13, &text);
        let contexts: [&[u32]; 6] =
            [&[], &text[..1], &text[..3], &text[497..], &[12, 12, 12], &[12, text[0], text[1]]];
        for context in contexts {
            let sum: f64 = (0..13).map(|next| model.probability(context, next)).sum();
            assert!((sum - 1.0).abs() < 1e-12, "{context:?}: {sum}");
            assert!((0..13).all(|next| model.probability(context, next) > 0.0), "{context:?}");
        }
    }

    /// The trie against counts made by searching the text, straight from the definition.
    #[test]
    fn agrees_with_the_definition() {
        fn probability(text: &[u32], size: u32, context: &[u32], next: u32) -> f64 {
            let shorter = match context {
                [] => 1.0 / f64::from(size),
                [_, rest @ ..] => probability(text, size, rest, next),
            };
            let after: Vec<u32> = text
                .windows(context.len() + 1)
                .filter(|w| w[..context.len()] == *context)
                .map(|w| w[context.len()])
                .collect();
            let count = after.iter().filter(|&&w| w == next).count() as f64;
            let distinct = (0..size).filter(|w| after.contains(w)).count() as f64;
            if after.is_empty() {
                return shorter;
            }
            (count + distinct * shorter) / (after.len() as f64 + distinct)
        }
        let text: Vec<u32> = (0..300).map(|i| (i * i * i + i / 5) % 7).collect();
        let model = NGram::count(3, 8, &text);
        for (first, second, next) in (0..512).map(|i| (i / 64, i / 8 % 8, i % 8)) {
            let expected = probability(&text, 8, &[first, second], next);
            let actual = model.probability(&[first, second], next);
            assert!((actual - expected).abs() < 1e-14, "{first} {second} {next}");
        }
    }
}
