//! Counts of all strings of tokens up to a length, as a trie in sorted arrays.

use rayon::prelude::*;

use crate::text::Tokens;

/// How often each token follows each string of a text, for strings of 0 to `order - 1` tokens.
///
/// A level lists its strings in lexicographic order, and each string's followers in order of their tokens. A string and
/// its follower are a string of the next level, at the follower's index. So there are no pointers, and a string of `k`
/// tokens takes 8 bytes as a follower and 4 as a context.
#[derive(Clone, Debug)]
pub(super) struct Trie {
    /// `levels[k]` holds the strings of `k` tokens and their followers. `levels[0]` holds the empty string alone.
    levels: Vec<Level>,
}

/// The index of the empty string in its level.
pub(super) const EMPTY: u32 = 0;

/// All strings of one length, and what follows each.
#[derive(Clone, Debug)]
pub(super) struct Level {
    /// String `i` has the followers `starts[i]..starts[i + 1]`.
    starts: Vec<u32>,
    /// The token of each follower, ascending for one string.
    tokens: Vec<u32>,
    /// Follower `j` counts `cumulative[j + 1] - cumulative[j]`. So the sum of a string's counts is one difference.
    cumulative: Vec<u32>,
}

impl Trie {
    /// Counts the strings of 1 to `order` tokens in `text`, of fewer than 2³² tokens.
    ///
    /// The positions of the text are sorted by one more token at each level. A group of equal strings is sorted by its
    /// next token alone.
    pub(super) fn count(order: usize, text: &Tokens) -> Self {
        let length = u32::try_from(text.len()).expect("fewer than 2³² tokens");
        let mut keys: Vec<u64> = (0..u64::from(length)).collect();
        let mut bounds = vec![0, length];
        let levels = (0..order)
            .map(|length| {
                let following = Following { text, length };
                following.sort_groups(&mut keys, &bounds);
                let level = following.collect_level(&mut keys, &bounds);
                bounds.clone_from(&level.cumulative);
                level
            })
            .collect();
        Self { levels }
    }

    /// Replaces the counts of all strings `s` but the longest by `N₁₊(·s)`, the number of distinct tokens before `s`.
    pub(super) fn into_continuations(mut self) -> Self {
        // The index of each context without its oldest token, in the level below.
        let mut suffixes = vec![EMPTY; self.levels[0].tokens.len()];
        for longer in 1..self.levels.len() {
            let (below, above) = self.levels.split_at_mut(longer);
            let (shorter, longer) = (&mut below[longer - 1], &above[0]);
            // Each string s of the longer level is preceded by one token more: a distinct string.
            suffixes = longer.suffixes(&suffixes, shorter);
            let mut counts = vec![0; shorter.tokens.len()];
            for &suffix in &suffixes {
                counts[suffix as usize] += 1;
            }
            shorter.cumulative = cumulate(&counts);
        }
        self
    }

    /// Returns the level of each length of context, from 0.
    pub(super) fn levels(&self) -> &[Level] {
        &self.levels
    }
}

impl Level {
    /// Returns the number of strings.
    pub(super) fn strings(&self) -> usize {
        self.starts.len() - 1
    }

    /// Returns the counts of a string's followers.
    pub(super) fn counts(&self, string: u32) -> impl Iterator<Item = u32> {
        self.followers(string).map(|follower| self.count(follower))
    }

    /// Returns the counts of all followers of all strings.
    pub(super) fn all_counts(&self) -> impl ExactSizeIterator<Item = u32> {
        self.cumulative.windows(2).map(|ends| ends[1] - ends[0])
    }

    /// Returns the sum of the counts of a string's followers.
    pub(super) fn total(&self, string: u32) -> u32 {
        let [first, end] = [0, 1].map(|next| self.starts[string as usize + next]);
        self.cumulative[end as usize] - self.cumulative[first as usize]
    }

    /// Returns the index of `token` among the followers, if it follows the string.
    pub(super) fn follower(&self, string: u32, token: u32) -> Option<u32> {
        let range = self.followers(string);
        let first = range.start;
        let found = self.tokens[first as usize..range.end as usize].binary_search(&token).ok()?;
        Some(first + found as u32)
    }

    /// Returns the count of a follower.
    pub(super) fn count(&self, follower: u32) -> u32 {
        self.cumulative[follower as usize + 1] - self.cumulative[follower as usize]
    }

    fn followers(&self, string: u32) -> std::ops::Range<u32> {
        self.starts[string as usize]..self.starts[string as usize + 1]
    }

    /// Returns the suffix of each string with its follower: the index, among the followers of the `shorter` level, of
    /// both without the oldest token. `suffixes` has those of the strings alone.
    fn suffixes(&self, suffixes: &[u32], shorter: &Level) -> Vec<u32> {
        let mut longer = vec![0; self.tokens.len()];
        for (string, &suffix) in suffixes.iter().enumerate() {
            for follower in self.followers(string as u32) {
                let token = self.tokens[follower as usize];
                let known = shorter.follower(suffix, token);
                longer[follower as usize] = known.expect("a part of a string occurs with it");
            }
        }
        longer
    }
}

/// The tokens that follow the strings of one length.
///
/// A key is an occurrence of a string: its position in the lower half, and the token that follows in the upper half. A
/// sort of keys thus looks up each token once.
#[derive(Clone, Copy)]
struct Following<'a> {
    text: &'a Tokens,
    length: usize,
}

impl Following<'_> {
    /// Looks up the following tokens of all keys, and sorts each group by them. The groups lie between `bounds`, which
    /// are relative to the first.
    fn sort_groups(self, keys: &mut [u64], bounds: &[u32]) {
        /// The least number of keys that make a task of their own.
        const TASK: usize = 1 << 14;
        let groups = bounds.len() - 1;
        if groups > 1 && keys.len() > TASK {
            let middle = groups / 2;
            let (left, right) = keys.split_at_mut((bounds[middle] - bounds[0]) as usize);
            rayon::join(
                || self.sort_groups(left, &bounds[..=middle]),
                || self.sort_groups(right, &bounds[middle..]),
            );
            return;
        }
        for key in &mut *keys {
            *key = self.key(*key as u32);
        }
        for ends in bounds.windows(2) {
            let [first, end] = [0, 1].map(|i| (ends[i] - bounds[0]) as usize);
            keys[first..end].par_sort_unstable();
        }
    }

    fn key(self, position: u32) -> u64 {
        let token = if self.is_end(position) { 0 } else { self.text.get(self.next(position)) };
        u64::from(token) << 32 | u64::from(position)
    }

    /// Returns whether the text ends with the string at `position`.
    fn is_end(self, position: u32) -> bool {
        self.next(position) == self.text.len()
    }

    fn next(self, position: u32) -> usize {
        position as usize + self.length
    }

    /// Counts the followers of each group of sorted keys. The key where the text ends is removed, so that the level's
    /// cumulative counts bound the groups of the next level.
    fn collect_level(self, keys: &mut Vec<u64>, bounds: &[u32]) -> Level {
        let (mut starts, mut tokens, mut cumulative) = (vec![0], Vec::new(), vec![0]);
        let mut kept = 0;
        for ends in bounds.windows(2) {
            let first = tokens.len();
            for i in ends[0] as usize..ends[1] as usize {
                let key = keys[i];
                if self.is_end(key as u32) {
                    continue;
                }
                keys[kept] = key;
                kept += 1;
                let token = (key >> 32) as u32;
                if tokens.len() == first || tokens.last() != Some(&token) {
                    tokens.push(token);
                    cumulative.push(0);
                }
                cumulative[tokens.len()] = kept as u32;
            }
            starts.push(tokens.len() as u32);
        }
        keys.truncate(kept);
        Level { starts, tokens, cumulative }
    }
}

/// Returns the sums of the first 0, 1, … counts.
fn cumulate(counts: &[u32]) -> Vec<u32> {
    let mut sum = 0;
    let sums = counts.iter().map(|count| {
        sum += count;
        sum
    });
    std::iter::once(0).chain(sums).collect()
}
