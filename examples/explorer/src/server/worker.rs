//! The thread of an experiment, as the server sees it.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock, Weak, mpsc};
use std::thread;

use tokio::sync::{oneshot, watch};

use super::error::Refusal;
use super::training::{Command, Log, Moment, Training};
use crate::experiment::{Experiment, Settings, SettingsError};

/// An experiment that runs in a thread of its own. The thread ends when this is dropped.
#[derive(Debug)]
pub(super) struct Worker {
    commands: mpsc::Sender<Command>,
    moments: watch::Receiver<Moment>,
    fault: Fault,
    viewers: Arc<Viewer>,
}

/// What each stream holds of the experiment that it shows. The experiment holds one more.
#[derive(Debug)]
pub(super) struct Viewer;

/// What a thread said when it panicked.
type Fault = Arc<OnceLock<String>>;

impl Worker {
    /// Starts an experiment, which first makes the updates of its settings.
    ///
    /// # Errors
    ///
    /// If a setting is out of its range.
    pub(super) fn start(settings: &Settings) -> Result<Self, SettingsError> {
        let training = Training::new(Experiment::new(settings)?);
        let fault = Fault::default();
        let (publisher, moments) = watch::channel(training.moment());
        let (sender, commands) = mpsc::channel();
        let told = Arc::clone(&fault);
        let viewers = Arc::new(Viewer);
        let others = Arc::downgrade(&viewers);
        thread::spawn(move || {
            let run =
                AssertUnwindSafe(|| training.run(&commands, &publisher, &|| is_watched(&others)));
            if let Err(panic) = catch_unwind(run) {
                let _ = told.set(message(&*panic)); // before the channels close
            }
        });
        Ok(Self { commands: sender, moments, fault, viewers })
    }

    /// Returns the moments that the page shows. The newest one replaces those that were not seen.
    pub(super) fn moments(&self) -> watch::Receiver<Moment> {
        self.moments.clone()
    }

    /// Returns what a stream holds as long as it shows the experiment.
    pub(super) fn viewer(&self) -> Arc<Viewer> {
        Arc::clone(&self.viewers)
    }

    /// Tells whether a stream shows the experiment.
    pub(super) fn is_watched(&self) -> bool {
        is_watched(&Arc::downgrade(&self.viewers))
    }

    /// Returns why an experiment whose thread has ended is no more, even when the worker is dropped.
    pub(super) fn end(&self) -> impl Fn() -> Refusal + Send + use<> {
        let fault = Arc::clone(&self.fault);
        move || match fault.get() {
            Some(message) => Refusal::Failed { message: message.clone() },
            None => Refusal::Ended,
        }
    }

    /// Carries out a command.
    ///
    /// # Errors
    ///
    /// If the experiment has ended.
    pub(super) fn command(&self, command: Command) -> Result<(), Refusal> {
        self.commands.send(command).map_err(|_| self.end()())
    }

    /// Answers a question about the experiment between two updates.
    ///
    /// # Errors
    ///
    /// If the experiment has ended.
    pub(super) async fn ask<R: Send + 'static>(
        &self,
        question: impl FnOnce(&Experiment, &Log) -> R + Send + 'static,
    ) -> Result<R, Refusal> {
        let (answer, answered) = oneshot::channel();
        self.command(Command::Ask(Box::new(move |experiment, log| {
            if !answer.is_closed() {
                let _ = answer.send(question(experiment, log)); // nobody may wait any more
            }
        })))?;
        match answered.await {
            Ok(answer) => Ok(answer),
            Err(_) => Err(self.ended().await),
        }
    }

    /// Waits for the end of the thread. Returns its reason.
    async fn ended(&self) -> Refusal {
        let mut moments = self.moments();
        while moments.changed().await.is_ok() {}
        self.end()()
    }
}

fn is_watched(viewers: &Weak<Viewer>) -> bool {
    viewers.strong_count() > 1
}

/// Returns the message of a panic.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}
