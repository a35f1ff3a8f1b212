//! The thread of an experiment.

use std::sync::mpsc::{self, RecvTimeoutError, TryRecvError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::{oneshot, watch};

use super::error::Refusal;
use crate::experiment::{Experiment, Losses, Prediction, Settings, SettingsError};

/// The shortest time between two frames.
const FRAME: Duration = Duration::from_micros(16_600);

/// What the page shows of a moment.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Frame {
    /// The number of updates.
    pub updates: usize,
    /// The number of epochs.
    pub epochs: f64,
    /// Whether updates follow by themselves.
    pub is_playing: bool,
    /// What the net predicts for a validation sequence.
    pub prediction: Prediction,
    /// Why there are no further updates, if the training has diverged.
    pub divergence: Option<String>,
}

type Question = Box<dyn FnOnce(&mut Experiment) + Send>;

enum Command {
    Play,
    Pause,
    Step,
    Reset,
    Ask(Question),
}

/// What to do with an experiment.
#[derive(Clone, Copy, Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Make updates, one after the other.
    Play,
    /// Stop doing so.
    Pause,
    /// Make one update.
    Step,
    /// Go back to the first update.
    Reset,
}

/// An experiment that runs in a thread of its own. The thread ends when this is dropped.
#[derive(Debug)]
pub struct Worker {
    commands: mpsc::Sender<Command>,
    frames: watch::Receiver<Frame>,
    losses: Arc<Mutex<Vec<Losses>>>,
}

impl Worker {
    /// Starts an experiment, which first makes the updates of its settings.
    ///
    /// # Errors
    ///
    /// If a setting is out of its range.
    pub fn start(settings: &Settings) -> Result<Self, SettingsError> {
        let experiment = Experiment::new(settings)?;
        let losses = Arc::default();
        let goal = settings.updates;
        let state = State { experiment, losses: Arc::clone(&losses), is_playing: goal > 0, goal };
        let (publisher, frames) = watch::channel(state.frame());
        let (commands, received) = mpsc::channel();
        thread::spawn(move || state.run(&received, &publisher));
        Ok(Self { commands, frames, losses })
    }

    /// Returns the frames. The newest one replaces those that were not seen.
    #[must_use]
    pub fn frames(&self) -> watch::Receiver<Frame> {
        self.frames.clone()
    }

    /// Returns the losses from an update on.
    #[must_use]
    pub fn losses(&self, from: usize) -> Vec<Losses> {
        lock(&self.losses).get(from..).unwrap_or_default().to_vec()
    }

    /// Carries out an action.
    ///
    /// # Errors
    ///
    /// If the experiment has ended.
    pub fn act(&self, action: Action) -> Result<(), Refusal> {
        let command = match action {
            Action::Play => Command::Play,
            Action::Pause => Command::Pause,
            Action::Step => Command::Step,
            Action::Reset => Command::Reset,
        };
        self.commands.send(command).map_err(|_| Refusal::Ended)
    }

    /// Answers a question about the experiment between two updates.
    ///
    /// # Errors
    ///
    /// If the experiment has ended.
    pub async fn ask<R: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Experiment) -> R + Send + 'static,
    ) -> Result<R, Refusal> {
        let (answer, answered) = oneshot::channel();
        let question: Question = Box::new(move |experiment| {
            let _ = answer.send(question(experiment)); // nobody may wait any more
        });
        self.commands.send(Command::Ask(question)).map_err(|_| Refusal::Ended)?;
        answered.await.map_err(|_| Refusal::Ended)
    }
}

fn lock(losses: &Mutex<Vec<Losses>>) -> MutexGuard<'_, Vec<Losses>> {
    losses.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The state of the thread.
struct State {
    experiment: Experiment,
    losses: Arc<Mutex<Vec<Losses>>>,
    is_playing: bool,
    /// The number of updates at which playing pauses, if it is ahead.
    goal: usize,
}

impl State {
    fn frame(&self) -> Frame {
        Frame {
            updates: self.experiment.losses().len(),
            epochs: self.experiment.epochs(),
            is_playing: self.is_playing,
            prediction: self.experiment.predict(0),
            divergence: self.experiment.divergence().map(str::to_owned),
        }
    }

    fn run(mut self, commands: &mpsc::Receiver<Command>, frames: &watch::Sender<Frame>) {
        let mut shown = Instant::now();
        loop {
            let command = if self.is_playing {
                match commands.try_recv() {
                    Ok(command) => Some(command),
                    Err(TryRecvError::Empty) => None,
                    Err(TryRecvError::Disconnected) => return,
                }
            } else {
                match commands.recv_timeout(Duration::from_secs(3600)) {
                    Ok(command) => Some(command),
                    Err(RecvTimeoutError::Timeout) => continue,
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            };
            let is_due = match command {
                Some(command) => self.carry_out(command),
                None => {
                    self.update();
                    shown.elapsed() >= FRAME || !self.is_playing
                }
            };
            if is_due {
                shown = Instant::now();
                frames.send_replace(self.frame());
            }
        }
    }

    /// Carries out a command. Returns whether the page should see it.
    fn carry_out(&mut self, command: Command) -> bool {
        match command {
            Command::Play => (self.is_playing, self.goal) = (true, 0),
            Command::Pause => self.is_playing = false,
            Command::Step => {
                self.is_playing = false;
                self.update();
            }
            Command::Reset => {
                let settings = self.experiment.settings().clone();
                self.experiment = Experiment::new(&settings).expect("they were checked before");
                self.is_playing = false;
                lock(&self.losses).clear();
            }
            Command::Ask(question) => {
                question(&mut self.experiment);
                return false;
            }
        }
        true
    }

    fn update(&mut self) {
        self.experiment.update();
        let known = self.experiment.losses();
        let mut losses = lock(&self.losses);
        let told = losses.len();
        losses.extend_from_slice(&known[told..]);
        let is_at_goal = known.len() == self.goal;
        self.is_playing &= !is_at_goal && self.experiment.divergence().is_none();
    }
}
