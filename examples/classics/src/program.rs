//! Programs, and the texts that they come from.

use std::fmt;

use crate::error::Result;
use crate::session::Session;

/// One task, mechanism or study, which [`run`](Self::run) carries out and judges.
pub(crate) struct Program {
    /// The name on the command line.
    pub(crate) name: &'static str,
    /// What it shows, in one line: a clause that follows "shows that".
    pub(crate) shows: &'static str,
    /// The texts, with the heading of the section.
    pub(crate) sources: &'static [(Text, &'static str)],
    pub(crate) run: fn(&mut Session) -> Result<()>,
}

/// A text on recurrent networks. Each has a guide in `docs/classics`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Text {
    /// "Recurrent neural network", INT301 Bio-computation, week 10 (Xi'an Jiaotong-Liverpool University, 2021).
    Int301,
    /// James L. Crowley, "Recurrent neural networks" (Intelligent Systems, lesson 12, ENSIMAG, 2020).
    Crowley,
    /// Andrea Asperti, "Recurrent neural networks" (slides).
    Asperti,
    /// Nguyen Hoang Tan, "Recurrent neural networks (RNNs): a gentle introduction and overview".
    Tan,
    /// "Recurrent neural networks", the text of the exercise exploRNN.
    ExploRnn,
    /// Sepp Hochreiter and Jürgen Schmidhuber, "Long short-term memory" (Neural Computation 9, 1997).
    Lstm,
    /// Felix Gers, Jürgen Schmidhuber and Fred Cummins, "Learning to forget" (Neural Computation 12, 2000).
    Forgetting,
    /// Felix Gers and Jürgen Schmidhuber, "LSTM recurrent networks learn simple context-free and context-sensitive languages"
    /// (IEEE Transactions on Neural Networks 12, 2001).
    Counting,
    /// Chung, Gulcehre, Cho and Bengio, "Empirical evaluation of gated recurrent neural networks
    /// on sequence modeling" (2014).
    Evaluation,
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Int301 => "INT301",
            Self::Crowley => "Crowley",
            Self::Asperti => "Asperti",
            Self::Tan => "Tan",
            Self::ExploRnn => "exploRNN",
            Self::Lstm => "Long short-term memory",
            Self::Forgetting => "Learning to forget",
            Self::Counting => "Context-free and context-sensitive languages",
            Self::Evaluation => "Empirical evaluation of gated nets",
        })
    }
}

impl Text {
    /// The name of the file of its guide in `docs/classics`.
    #[cfg(test)]
    pub(crate) fn guide(self) -> &'static str {
        match self {
            Self::Int301 => "int301.md",
            Self::Crowley => "crowley.md",
            Self::Asperti => "asperti.md",
            Self::Tan => "tan.md",
            Self::ExploRnn => "explornn.md",
            Self::Lstm => "lstm-1997.md",
            Self::Forgetting | Self::Counting | Self::Evaluation => "lstm-later.md",
        }
    }
}
