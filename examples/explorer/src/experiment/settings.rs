//! What an experiment is determined by.

use serde::{Deserialize, Serialize};

use programs::cells::CellKind;

/// The settings of an experiment. Together with the number of updates they determine every number that the page shows:
/// all random numbers come from the seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// What is learned.
    pub task: TaskKind,
    /// The cell of all layers.
    pub cell: CellKind,
    /// The hidden size of each layer, from the input up.
    pub hidden: Vec<usize>,
    /// The optimizer.
    pub optimizer: OptimizerKind,
    /// The learning rate.
    pub rate: f64,
    /// The number of sequences of an update.
    pub batch: usize,
    /// The number of steps of a sequence.
    pub length: usize,
    /// The standard deviation of the noise of the training data. The waves themselves range from −1 to 1.
    pub noise: f64,
    /// The largest norm of a gradient; 0 for no limit.
    pub clip: f64,
    /// The seed of all random numbers.
    pub seed: u32,
    /// The number of updates before the page shows the experiment.
    pub updates: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            task: TaskKind::Sine,
            cell: CellKind::Lstm,
            hidden: vec![8],
            optimizer: OptimizerKind::Adam,
            rate: 0.01,
            batch: 8,
            length: 24,
            noise: 0.0,
            clip: 1.0,
            seed: 0,
            updates: 0,
        }
    }
}

/// What is learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskKind {
    /// The next value of a sine.
    Sine,
    /// The next value of a saw.
    Saw,
    /// The next value of a square wave.
    Square,
    /// The next value of a sum of two sines.
    Sines,
    /// The next character of a short text.
    Text,
}

/// How parameters are changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OptimizerKind {
    /// Adam (Kingma and Ba 2015).
    Adam,
    /// Gradient descent.
    Sgd,
    /// `RMSprop` (Hinton 2012).
    RmsProp,
}

/// A setting that no experiment can have.
#[derive(Clone, Debug, PartialEq, Serialize, thiserror::Error)]
#[error("{setting} is {value}; {mend}")]
pub struct SettingsError {
    /// The name of the setting.
    pub setting: &'static str,
    /// What it was.
    pub value: String,
    /// What it may be.
    pub mend: &'static str,
}

/// The largest number of layers.
const LAYERS: usize = 4;
/// The largest hidden size.
const HIDDEN: usize = 256;

impl Settings {
    /// Checks that there is such an experiment, and that it does not take the machine.
    ///
    /// # Errors
    ///
    /// The first setting that is out of its range.
    pub fn check(&self) -> Result<(), SettingsError> {
        let Self { hidden, rate, batch, length, noise, clip, updates, .. } = self;
        let is_finite = |value: f64, most: f64| (0.0..=most).contains(&value);
        let faults = [
            (
                !(1..=LAYERS).contains(&hidden.len()),
                ("hidden", format!("{} layers", hidden.len()), "give 1 to 4 layers"),
            ),
            (
                hidden.iter().any(|size| !(1..=HIDDEN).contains(size)),
                ("hidden", format!("{hidden:?}"), "give each layer 1 to 256 units"),
            ),
            (
                hidden.iter().any(|size| size % self.cell.granularity() != 0),
                (
                    "hidden",
                    format!("{hidden:?}"),
                    "give each layer an even number of units, since blocks have two cells",
                ),
            ),
            (
                !is_finite(*rate, 10.0) || *rate == 0.0,
                ("rate", rate.to_string(), "give a learning rate above 0, and at most 10"),
            ),
            (!(1..=256).contains(batch), ("batch", batch.to_string(), "give 1 to 256 sequences")),
            (!(2..=200).contains(length), ("length", length.to_string(), "give 2 to 200 steps")),
            (!is_finite(*noise, 2.0), ("noise", noise.to_string(), "give a deviation of 0 to 2")),
            (
                !is_finite(*clip, 1e6),
                ("clip", clip.to_string(), "give a norm of 0 to 1000000, where 0 is no limit"),
            ),
            (*updates > 100_000, ("updates", updates.to_string(), "give 0 to 100000 updates")),
        ];
        let fault = faults.into_iter().find(|(is_fault, _)| *is_fault);
        fault.map_or(Ok(()), |(_, (setting, value, mend))| {
            Err(SettingsError { setting, value, mend })
        })
    }
}
