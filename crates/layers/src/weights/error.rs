use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use bptt_tensor::{HalfPrecision, Shape};

use super::present::Present;

/// An error of saving or loading weights: the problem and the file.
///
/// The message includes all causes, so there is no [`source`](Error::source). The error of the operating system is in
/// [`problem`](Self::problem).
#[derive(Debug)]
pub struct WeightsError {
    /// The file, or `None` if the weights are not from a file.
    pub file: Option<PathBuf>,
    /// The group of the [`Archive`](super::Archive). It is empty for the whole archive.
    pub group: String,
    /// The problem.
    pub problem: Box<WeightsProblem>,
}

/// A problem with weights.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WeightsProblem {
    /// The file cannot be read; it may not exist.
    #[error("cannot be read: {0}")]
    Read(io::Error),

    /// The file cannot be written.
    #[error("cannot be written: {0}")]
    Write(io::Error),

    /// The file is not a safetensors file, or is not complete.
    #[error("is not a complete safetensors file: {0}")]
    Malformed(Box<dyn Error + Send + Sync>),

    /// The file differs from what was written.
    #[error(
        "is damaged: its checksum does not fit its contents; use another copy, or, if another program \
         has changed the file, let it leave out the text `bptt.crc32`"
    )]
    Damaged,

    /// Two tensors, or two texts, have the same name.
    #[error("has two entries named `{name}`; write it anew with one of each name")]
    Duplicate {
        /// The name.
        name: String,
    },

    /// There is no such tensor.
    #[error("has no tensor `{tensor}`; {present}")]
    MissingTensor {
        /// The tensor's name.
        tensor: String,
        /// The names of the archive's tensors.
        present: Present,
    },

    /// The archive has no such group.
    #[error("has no group `{group}`; {present}")]
    MissingGroup {
        /// The group, or the pattern of its name.
        group: String,
        /// The groups of the archive.
        present: Present,
    },

    /// Several groups match.
    #[error("has several groups `{pattern}`; {present}; choose one")]
    AmbiguousGroup {
        /// The pattern.
        pattern: String,
        /// The groups that match.
        present: Present,
    },

    /// The model has no parameter of this name.
    #[error("has a tensor `{tensor}` that has no place here; was it saved from another model?")]
    UnexpectedTensor {
        /// The tensor's name.
        tensor: String,
    },

    /// The tensor has another shape.
    #[error(
        "tensor `{tensor}` has shape {found}, but {expected} is needed; build the model with \
             the sizes it was saved with"
    )]
    WrongShape {
        /// The tensor's name.
        tensor: String,
        /// Its shape in the file.
        found: Shape,
        /// The shape of the parameter.
        expected: Shape,
    },

    /// The tensor has elements of a type that cannot be held exactly.
    #[error(
        "tensor `{tensor}` has elements of type {found}, which {expected} does not hold exactly"
    )]
    WrongType {
        /// The tensor's name.
        tensor: String,
        /// The type of its elements in the file, as safetensors names it.
        found: String,
        /// The type of the model's elements.
        expected: &'static str,
    },

    /// An element is too large for half precision.
    #[error(
        "tensor `{tensor}` has an element {value}, which is too large for {precision:?}; save it \
         in Bf16 or unrounded"
    )]
    Overflow {
        /// The tensor's name.
        tensor: String,
        /// The element.
        value: f64,
        /// The format.
        precision: HalfPrecision,
    },

    /// There is no such text.
    #[error("has no text `{text}`; {present}")]
    MissingText {
        /// The text's name.
        text: String,
        /// The names of the archive's texts.
        present: Present,
    },

    /// Nothing here has a text of this name.
    #[error("has a text `{text}` that has no place here; was it saved from another model?")]
    UnexpectedText {
        /// The text's name.
        text: String,
    },

    /// The weights belong to a model with other settings, such as another activation.
    #[error(
        "was trained with `{text}` {found}, and here it is {expected}; build the model with what it \
         was trained with"
    )]
    OtherSetting {
        /// The setting's name.
        text: String,
        /// The value in the file.
        found: String,
        /// The value in the model.
        expected: String,
    },

    /// The text cannot be parsed, for example as a number.
    #[error("text `{text}` cannot be understood: `{content}`")]
    UnreadableText {
        /// The text's name.
        text: String,
        /// The content of the text.
        content: String,
    },
}

impl WeightsError {
    pub(super) fn new(file: &Path, problem: WeightsProblem) -> Self {
        Self { file: Some(file.to_owned()), group: String::new(), problem: Box::new(problem) }
    }
}

impl fmt::Display for WeightsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(f, "{}: ", file.display())?,
            None => f.write_str("weights: ")?,
        }
        if !self.group.is_empty() {
            write!(f, "group `{}`: ", self.group)?;
        }
        self.problem.fmt(f)
    }
}

impl Error for WeightsError {}
