//! Dropout before, between and after the layers. That of states and weights is part of the
//! [layers](super::cells::layer).

use bptt::Dropout;

use super::settings::RegularizationSettings;

/// The dropout of training, by place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Noise {
    /// Of whole words, in the embedding.
    pub(super) words: Dropout,
    /// Of units that the lowest layer reads.
    pub(super) input: Dropout,
    /// Of units that one layer hands to the next.
    pub(super) between: Dropout,
    /// Of units that the head reads.
    pub(super) output: Dropout,
}

impl Noise {
    pub(super) fn new(settings: &RegularizationSettings) -> Self {
        let &RegularizationSettings { dropout, locked_dropout, .. } = settings;
        let of_units = |rate| match locked_dropout {
            true => Dropout::new(rate).locked(),
            false => Dropout::new(rate),
        };
        Self {
            words: Dropout::new(settings.dropout_words),
            input: of_units(settings.dropout_input.unwrap_or(dropout)),
            between: of_units(dropout),
            output: of_units(settings.dropout_output.unwrap_or(dropout)),
        }
    }
}
