//! The loop of a thread that trains: commands between updates, and moments for the page.

use std::fmt;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::watch;

use crate::experiment::{Experiment, Losses, Prediction};

/// The shortest time between two moments: the page draws 60 in a second.
const FRAME: Duration = Duration::from_micros(16_600);
/// The time between two moments is at least this many times the time that one takes, so that most time is left to the
/// training.
const SHARE: u32 = 4;

/// What the page shows of a moment.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Frame {
    /// The number of updates.
    pub(super) updates: usize,
    /// The number of epochs.
    pub(super) epochs: f64,
    /// Whether updates follow by themselves.
    pub(super) is_playing: bool,
    /// The time that the updates took.
    pub(super) seconds: f64,
    /// What the net predicts for a validation sequence.
    pub(super) prediction: Prediction,
    /// Why there are no further updates, if the training has diverged.
    pub(super) divergence: Option<String>,
}

/// A frame, and the log of the losses until then.
#[derive(Clone, Debug)]
pub(super) struct Moment {
    pub(super) frame: Frame,
    /// A reset begins another log.
    pub(super) log: Log,
}

/// The losses of all updates of a training.
#[derive(Clone, Debug, Default)]
pub(super) struct Log(Arc<Mutex<Vec<Losses>>>);

impl Log {
    /// Returns the losses after the first `told` ones.
    pub(super) fn since(&self, told: usize) -> Vec<Losses> {
        self.lock().get(told..).unwrap_or_default().to_vec()
    }

    /// Tells whether this is the log of the same training.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Losses>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A question about the experiment. It sends its own answer.
pub(super) type Question = Box<dyn FnOnce(&Experiment, &Log) + Send>;

/// What the page wants of an experiment.
pub(super) enum Command {
    /// Make updates, one after the other, with at least this time from one to the next.
    Play { interval: Duration },
    /// Stop doing so.
    Pause,
    /// Make one update.
    Step,
    /// Go back to the time before the first update.
    Reset,
    /// Answer a question.
    Ask(Question),
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Play { interval } => f.debug_struct("Play").field("interval", interval).finish(),
            Self::Pause => f.write_str("Pause"),
            Self::Step => f.write_str("Step"),
            Self::Reset => f.write_str("Reset"),
            Self::Ask(_) => f.write_str("Ask"),
        }
    }
}

/// An experiment, and how it is played.
pub(super) struct Training {
    experiment: Experiment,
    log: Log,
    playing: Option<Playing>,
    /// The time that updates took.
    spent: Duration,
}

/// Updates that follow by themselves.
struct Playing {
    interval: Duration,
    /// The time of the next update.
    next: Instant,
    /// The number of updates at which it pauses.
    goal: Option<usize>,
}

impl Training {
    /// Begins with the updates of the settings.
    pub(super) fn new(experiment: Experiment) -> Self {
        let goal = experiment.settings().updates;
        let playing = Playing { interval: Duration::ZERO, next: Instant::now(), goal: Some(goal) };
        Self {
            experiment,
            log: Log::default(),
            playing: (goal > 0).then_some(playing),
            spent: Duration::ZERO,
        }
    }

    pub(super) fn moment(&self) -> Moment {
        let frame = Frame {
            updates: self.experiment.updates(),
            epochs: self.experiment.epochs(),
            is_playing: self.playing.is_some(),
            seconds: self.spent.as_secs_f64(),
            prediction: self.experiment.predict(0),
            divergence: self.experiment.divergence().map(ToString::to_string),
        };
        Moment { frame, log: self.log.clone() }
    }

    /// Carries out commands, and makes updates while it plays, until nobody can send commands any more.
    pub(super) fn run(mut self, commands: &Receiver<Command>, moments: &watch::Sender<Moment>) {
        let mut due = Instant::now();
        loop {
            let is_news = match self.next(commands) {
                Ok(command) => self.carry_out(command),
                Err(RecvTimeoutError::Timeout) => {
                    self.update();
                    self.playing.is_none()
                }
                Err(RecvTimeoutError::Disconnected) => return,
            };
            if is_news || self.is_worth_a_frame(due) {
                let now = Instant::now();
                moments.send_replace(self.moment());
                due = now + FRAME.max(now.elapsed() * SHARE);
            }
        }
    }

    /// Tells whether it is time for a frame while it plays, or whether no update will come until it is.
    fn is_worth_a_frame(&self, due: Instant) -> bool {
        self.playing.as_ref().is_some_and(|playing| due <= Instant::now().max(playing.next))
    }

    /// Waits for a command, while it plays until the next update is due.
    fn next(&self, commands: &Receiver<Command>) -> Result<Command, RecvTimeoutError> {
        match &self.playing {
            Some(playing) => {
                commands.recv_timeout(playing.next.saturating_duration_since(Instant::now()))
            }
            None => commands.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    /// Carries out a command. Returns whether the page should see it at once.
    fn carry_out(&mut self, command: Command) -> bool {
        match command {
            Command::Play { interval } => {
                let can_play = self.experiment.divergence().is_none();
                let playing = Playing { interval, next: Instant::now(), goal: None };
                self.playing = can_play.then_some(playing);
            }
            Command::Pause => self.playing = None,
            Command::Step => {
                self.playing = None;
                self.update();
            }
            Command::Reset => {
                let settings = self.experiment.settings();
                let experiment = Experiment::new(settings).expect("the settings were checked");
                *self = Self { playing: None, ..Self::new(experiment) };
            }
            Command::Ask(question) => {
                question(&self.experiment, &self.log);
                return false;
            }
        }
        true
    }

    fn update(&mut self) {
        let begin = Instant::now();
        let losses = self.experiment.update();
        self.spent += begin.elapsed();
        match losses {
            Ok(losses) => self.log.lock().push(losses),
            Err(_) => self.playing = None, // frames tell the divergence
        }
        if let Some(playing) = &mut self.playing {
            playing.next = (playing.next + playing.interval).max(Instant::now());
        }
        let updates = self.experiment.updates();
        self.playing.take_if(|playing| playing.goal == Some(updates));
    }
}
