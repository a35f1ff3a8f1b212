//! The texts of a list of runs.

use std::path::PathBuf;

use crate::text::{Corpus, TextError, TextSettings};

/// Opens texts, and keeps the last one for the runs that read it too.
#[derive(Debug)]
pub struct Texts {
    store: PathBuf,
    last: Option<(TextSettings, Corpus)>,
}

impl Texts {
    /// Returns texts whose tokens are kept in the folder `store` if they are too large for memory.
    #[must_use]
    pub fn new(store: PathBuf) -> Self {
        Self { store, last: None }
    }

    /// Returns the text of these settings.
    ///
    /// # Errors
    ///
    /// As [`Corpus::open`].
    pub fn open(&mut self, settings: &TextSettings) -> Result<&Corpus, TextError> {
        let last = self.last.take().filter(|(of, _)| of == settings); // frees another before the next is read
        let (_, corpus) = self.last.insert(match last {
            Some(last) => last,
            None => (settings.clone(), Corpus::open(settings, &self.store)?),
        });
        Ok(corpus)
    }
}
