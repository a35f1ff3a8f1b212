//! The settings of training, as flags and as the section `[training]`.

use clap::{ArgAction, Args, ValueEnum};
use serde::Serialize;

use crate::config::rules::{at_least_one, positive, rate, whole};

/// The section `[training]`.
#[derive(Args, Clone, Debug, PartialEq, Serialize)]
#[command(next_help_heading = "Training")]
pub struct TrainingSettings {
    /// Training steps in all, one window each; a resumed run counts those before, too
    #[arg(long, value_name = "N", default_value = "1500", value_parser = at_least_one)]
    pub steps: usize,

    /// Passes over the training text in all, in place of --steps. With --random-windows it is so on average
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs: Option<usize>,

    /// Steps between two measurements on the validation text [default: a tenth of all steps]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validate_every: Option<usize>,

    /// Streams of the text that are read side by side
    #[arg(long, value_name = "N", default_value = "32", value_parser = at_least_one)]
    pub batch_size: usize,

    /// Tokens in a window, through which the gradient flows back
    #[arg(long, value_name = "N", default_value = "64", value_parser = at_least_one)]
    pub window: usize,

    /// Draw the length of each window around --window, as AWD-LSTM does (Merity et al. 2018)
    #[arg(long, value_name = "BOOL", default_value_t = false, default_missing_value = "true",
          num_args = 0..=1, require_equals = true, action = ArgAction::Set)]
    pub random_windows: bool,

    /// Optimizer
    #[arg(long, value_enum, default_value_t = OptimizerKind::Adam)]
    pub optimizer: OptimizerKind,

    /// Highest learning rate
    #[arg(long, value_name = "RATE", default_value = "0.004", value_parser = positive)]
    pub learning_rate: f64,

    /// Schedule of the learning rate
    #[arg(long, value_enum, default_value_t = ScheduleKind::Cosine)]
    pub schedule: ScheduleKind,

    /// Momentum of --optimizer sgd
    #[arg(long, value_name = "MU", default_value = "0", value_parser = rate)]
    pub momentum: f64,

    /// Largest norm of the gradient
    #[arg(long, value_name = "NORM", default_value = "1", value_parser = positive)]
    pub clip: f64,

    /// Average of the weights over steps, which is evaluated and saved in their place
    #[arg(long, value_enum, default_value_t = AverageKind::None)]
    pub average: AverageKind,

    /// Decay of --average exponential
    #[arg(long, value_name = "DECAY", default_value = "0.999", value_parser = rate)]
    pub average_decay: f64,

    /// Interval N of --average triggered: it starts at a loss above the lowest of all earlier ones but the last N
    #[arg(long, value_name = "N", default_value = "5", value_parser = at_least_one)]
    pub average_patience: usize,

    /// Seed of the initial weights, dropout and window lengths
    #[arg(long, default_value = "1", value_parser = whole::<u64>)]
    pub seed: u64,
}

/// The optimizers by name.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum OptimizerKind {
    /// Adam with decoupled weight decay (Kingma and Ba 2015; Loshchilov and Hutter 2019)
    Adam,
    /// Stochastic gradient descent
    Sgd,
    /// RMSprop (Hinton 2012)
    RmsProp,
    /// Adagrad (Duchi et al. 2011)
    Adagrad,
}

/// The schedules of the learning rate by name.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum ScheduleKind {
    /// A rise over a twentieth of the steps, then a fall along half a cosine to a hundredth
    Cosine,
    /// The same at all steps
    Constant,
    /// A fall to a quarter whenever the validation loss no longer falls
    Plateau,
}

/// The averages of weights by name.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum AverageKind {
    /// No average
    None,
    /// An exponential moving average
    Exponential,
    /// The mean over all steps since the validation loss stopped falling (NT-ASGD; Merity et al. 2018)
    Triggered,
}
