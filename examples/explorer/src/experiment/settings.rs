//! What an experiment is determined by.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use programs::cells::CellKind;

use super::limits::{
    BATCH, CLASSES, CLIP, LARGEST_LOOK, LARGEST_NET, LARGEST_UPDATE, LAYERS, LENGTH, NOISE, RATE,
    SettingsError, TEXT, UNITS, UPDATES,
};

/// The settings of an experiment. Together with the number of updates they determine every number that the page shows:
/// all random numbers come from the seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// What is learned.
    pub task: TaskKind,
    /// The text of the task [`TaskKind::Text`], which repeats endlessly. Other tasks ignore it.
    pub text: String,
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
    /// The number of updates after which the training pauses.
    pub updates: usize,
}

/// The default of [`Settings::text`].
const DEFAULT_TEXT: &str = "the sun rises in the east and sets in the west; the wind comes from the sea and goes to the hills. \
                    she sells sea shells by the sea shore, and the shells that she sells are sea shells i am sure. ";

impl Default for Settings {
    fn default() -> Self {
        Self {
            task: TaskKind::Sine,
            text: DEFAULT_TEXT.to_owned(),
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

impl Settings {
    /// Checks that there is such an experiment, and that it does not take the machine.
    ///
    /// # Errors
    ///
    /// The first setting that is out of its range.
    pub fn check(&self) -> Result<(), SettingsError> {
        self.check_text()?;
        self.check_layers()?;
        RATE.check(self.rate)?;
        BATCH.check(self.batch as f64)?;
        LENGTH.check(self.length as f64)?;
        NOISE.check(self.noise)?;
        CLIP.check(self.clip)?;
        UPDATES.check(self.updates as f64)?;
        self.check_work()
    }

    fn check_text(&self) -> Result<(), SettingsError> {
        TEXT.check(self.text.chars().count() as f64)?;
        CLASSES.check(self.characters().len() as f64)?;
        match self.text.chars().find(|c| c.is_control()) {
            Some(c) => {
                let value = format!("a text with `{}`", c.escape_default());
                Err(SettingsError::new("text", value, "one line without tabs"))
            }
            None => Ok(()),
        }
    }

    fn check_layers(&self) -> Result<(), SettingsError> {
        LAYERS.check(self.hidden.len() as f64)?;
        let granularity = self.cell.granularity();
        for &units in &self.hidden {
            UNITS.check(units as f64)?;
            if units % granularity != 0 {
                let range = format!(
                    "a multiple of {granularity}, since each block has {granularity} cells"
                );
                return Err(SettingsError::new("hidden", units, range));
            }
        }
        Ok(())
    }

    /// Checks that the settings together do not ask too much of the page and of the machine.
    fn check_work(&self) -> Result<(), SettingsError> {
        let Self { hidden, length, batch, .. } = self;
        let inputs = [self.features()].into_iter().chain(hidden.iter().copied());
        let weights: usize = inputs.zip(hidden).map(|(inputs, size)| size * (inputs + size)).sum();
        if weights > LARGEST_NET {
            let value = hidden.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
            let range = format!("smaller layers, with at most {LARGEST_NET} weights in each gate");
            return Err(SettingsError::new("hidden", value, range));
        }
        let units: usize = hidden.iter().sum();
        let longest = LENGTH.at_most(LARGEST_LOOK / units, "steps, or fewer units");
        longest.check(*length as f64)?;
        let largest = LARGEST_UPDATE / (length * weights);
        BATCH.at_most(largest, "sequences, or fewer steps or units").check(*batch as f64)
    }

    /// Returns the number of features of an input: the different characters of a text, or the value of a function.
    pub(super) fn features(&self) -> usize {
        match self.task {
            TaskKind::Text => self.characters().len(),
            _ => 1,
        }
    }

    /// Returns the different characters of the text in their order.
    pub(super) fn characters(&self) -> BTreeSet<char> {
        self.text.chars().collect()
    }

    /// Returns the largest norm of a gradient.
    pub(super) fn largest_norm(&self) -> f64 {
        if self.clip == 0.0 { f64::INFINITY } else { self.clip }
    }
}
