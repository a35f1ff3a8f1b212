//! A list without repetitions, with an index.

use std::collections::HashMap;
use std::hash::Hash;
use std::ops::Deref;

/// A list without repetitions.
#[derive(Clone, Debug)]
pub(crate) struct Indexed<I> {
    items: Vec<I>,
    places: HashMap<I, usize>,
}

impl<I: Clone + Eq + Hash> Indexed<I> {
    /// The position of an item. Adds the item if it is new.
    pub(crate) fn place(&mut self, item: I) -> usize {
        *self.places.entry(item).or_insert_with_key(|item| {
            self.items.push(item.clone());
            self.items.len() - 1
        })
    }

    /// The position of an item, if the list contains it.
    pub(crate) fn find(&self, item: &I) -> Option<usize> {
        self.places.get(item).copied()
    }

    pub(crate) fn into_items(self) -> Vec<I> {
        self.items
    }
}

impl<I> Default for Indexed<I> {
    fn default() -> Self {
        Self { items: Vec::new(), places: HashMap::new() }
    }
}

impl<I: Clone + Eq + Hash> FromIterator<I> for Indexed<I> {
    fn from_iter<L: IntoIterator<Item = I>>(items: L) -> Self {
        let mut indexed = Self::default();
        items.into_iter().for_each(|item| _ = indexed.place(item));
        indexed
    }
}

impl<I> Deref for Indexed<I> {
    type Target = [I];

    fn deref(&self) -> &[I] {
        &self.items
    }
}
