//! Tables: experiments of papers, beside the published numbers where the experiment is the same.

pub(crate) mod continual_reber;
pub(crate) mod counting;
pub(crate) mod distractors;
pub(crate) mod embedded_reber;
pub(crate) mod first_symbol;
pub(crate) mod marked_numbers;
pub(crate) mod polyphonic_music;
pub(crate) mod reber_deviations;
pub(crate) mod temporal_order;
pub(crate) mod two_sequence;
