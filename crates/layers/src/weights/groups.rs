//! Groups of archives, and renaming.

use std::collections::BTreeSet;

use bptt_tensor::Scalar;

use super::archive::Archive;
use super::error::{WeightsError, WeightsProblem};
use super::present::Present;
use crate::core::module::join;

/// The characters that end the name of a group.
const SEPARATORS: [char; 2] = ['.', '/'];

impl<T: Scalar> Archive<T> {
    /// The part whose names begin with `group` and a dot or a slash, without this prefix. Such a part was inserted by
    /// [`insert_group`](Self::insert_group), or is a layer of Keras. Groups may be nested: `encoder.lstm`.
    ///
    /// The part is empty if there are no such names. The error for a missing tensor then lists the groups of the
    /// archive.
    #[must_use]
    pub fn group(&self, group: &str) -> Self {
        let part = self.mapped(|name| {
            let rest = name.strip_prefix(group)?;
            Some(if rest.is_empty() { rest } else { rest.strip_prefix(SEPARATORS)? }.to_owned())
        });
        let is_absent = part.is_empty() && !group.is_empty();
        let beside = || is_absent.then(|| Present::near(group, &self.groups_beside(group)));
        Self {
            group: join(&self.group, group),
            beside: self.beside.clone().or_else(beside),
            ..part
        }
    }

    /// The only [`group`](Self::group) whose name matches `pattern`. Each `*` stands for any characters except dots
    /// and slashes.
    ///
    /// ```
    /// use bptt_layers::weights::Archive;
    /// use bptt_tensor::Tensor;
    ///
    /// let mut archive = Archive::<f32>::new();
    /// archive.insert("sequential_4/lstm_3/lstm_cell/bias", Tensor::ones([8]));
    /// archive.insert("sequential_4/dense/bias", Tensor::ones([2]));
    /// let lstm = archive.group_matching("sequential*/lstm_*")?;
    /// assert!(lstm.has_tensor("lstm_cell/bias"));
    /// # Ok::<(), bptt_layers::weights::WeightsError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If there is no such group, or more than one.
    pub fn group_matching(&self, pattern: &str) -> Result<Self, WeightsError> {
        let groups = self.groups_beside(pattern);
        let matching: Vec<_> = groups.iter().filter(|group| matches(group, pattern)).collect();
        match matching[..] {
            [group] => Ok(self.group(group)),
            [] => Err(self.error(WeightsProblem::MissingGroup {
                group: pattern.to_owned(),
                present: Present::near(pattern, &groups),
            })),
            _ => Err(self.error(WeightsProblem::AmbiguousGroup {
                pattern: pattern.to_owned(),
                present: Present::near(pattern, matching),
            })),
        }
    }

    /// The groups at the same depth of nesting as the pattern.
    fn groups_beside(&self, group: &str) -> BTreeSet<String> {
        let depth = group.matches(SEPARATORS).count();
        let ends = |name: &str| name.match_indices(SEPARATORS).nth(depth).map(|(end, _)| end);
        let names = self.tensors.keys().chain(self.texts.keys());
        names.filter_map(|name| Some(name[..ends(name)?].to_owned())).collect()
    }

    /// The tensors and texts whose names are `picked`, as a new archive.
    #[must_use]
    pub fn filtered(&self, picked: impl Fn(&str) -> bool) -> Self {
        self.mapped(|name| picked(name).then(|| name.to_owned()))
    }

    /// The same tensors and texts under other names.
    ///
    /// ```
    /// # use bptt_layers::weights::Archive;
    /// # use bptt_tensor::Tensor;
    /// # let mut archive = Archive::<f32>::new();
    /// # archive.insert("lstm_3/bias", Tensor::ones([8]));
    /// let archive = archive.renamed(|name| name.replace("lstm_3", "lstm"))?;
    /// let archive = archive.renamed(|name| format!("sequential/{name}"))?;
    /// assert!(archive.has_tensor("sequential/lstm/bias"));
    /// # Ok::<(), bptt_layers::weights::WeightsError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If two tensors or two texts get the same name.
    pub fn renamed(&self, rename: impl Fn(&str) -> String) -> Result<Self, WeightsError> {
        let mut taken = [BTreeSet::new(), BTreeSet::new()];
        let tensors = self.tensors.keys().map(|name| (0, name));
        let texts = self.texts.keys().map(|name| (1, name));
        for (kind, name) in tensors.chain(texts) {
            let name = rename(name);
            if !taken[kind].insert(name.clone()) {
                return Err(self.error(WeightsProblem::Duplicate { name }));
            }
        }
        Ok(self.mapped(|name| Some(rename(name))))
    }

    /// The tensors and texts for which `rename` returns a new name.
    fn mapped(&self, rename: impl Fn(&str) -> Option<String>) -> Self {
        Self {
            tensors: (self.tensors.iter())
                .filter_map(|(name, tensor)| Some((rename(name)?, tensor.clone())))
                .collect(),
            texts: (self.texts.iter())
                .filter_map(|(name, text)| Some((rename(name)?, text.clone())))
                .collect(),
            file: self.file.clone(),
            group: self.group.clone(),
            beside: self.beside.clone(),
        }
    }
}

/// Whether the name of a group matches this pattern.
fn matches(group: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => group == pattern,
        Some((start, rest)) => group.strip_prefix(start).is_some_and(|group| {
            let end = group.find(SEPARATORS).unwrap_or(group.len());
            let cuts = group.char_indices().map(|(cut, _)| cut).chain([group.len()]);
            cuts.take_while(|&cut| cut <= end).any(|cut| matches(&group[cut..], rest))
        }),
    }
}
