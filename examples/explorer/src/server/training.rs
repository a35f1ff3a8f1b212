//! The loop of a thread that trains: commands between updates, and moments for the page.

use std::fmt;
use std::ops::Range;
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

/// The time after which an experiment pauses that nobody watches.
const UNWATCHED: Duration = Duration::from_secs(10);

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
    /// The number of updates at which playing pauses, if there is one.
    pub(super) goal: Option<usize>,
    /// What the net predicts for a validation sequence.
    pub(super) prediction: Prediction,
    /// Why there are no further updates, if the training has diverged.
    pub(super) divergence: Option<String>,
}

/// A frame, and the losses until then.
#[derive(Clone, Debug)]
pub(super) struct Moment {
    pub(super) frame: Frame,
    /// A reset begins another log.
    pub(super) log: Log,
    /// The number of losses until then, since the log may go on.
    pub(super) losses: usize,
}

/// The losses of all updates of a training.
#[derive(Clone, Debug, Default)]
pub(super) struct Log(Arc<Mutex<Vec<Losses>>>);

impl Log {
    /// Returns the losses of a range of updates.
    pub(super) fn range(&self, updates: Range<usize>) -> Vec<Losses> {
        self.lock()[updates].to_vec()
    }

    /// Returns all losses.
    pub(super) fn all(&self) -> Vec<Losses> {
        self.lock().clone()
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
}

/// Updates that follow by themselves.
struct Playing {
    interval: Duration,
    /// The time of the next update.
    next: Instant,
    /// The number of updates at which it pauses.
    goal: Option<usize>,
    /// The last time at which somebody watched.
    watched: Instant,
}

impl Playing {
    fn new(interval: Duration, goal: Option<usize>) -> Self {
        let now = Instant::now();
        Self { interval, next: now, goal, watched: now }
    }

    /// Tells whether it goes on. Without a goal it does so only while it is watched.
    fn goes_on(&mut self, is_watched: bool, now: Instant) -> bool {
        if is_watched {
            self.watched = now;
        }
        self.goal.is_some() || now - self.watched < UNWATCHED
    }
}

impl Training {
    /// Begins with the updates of the settings.
    pub(super) fn new(experiment: Experiment) -> Self {
        let goal = experiment.settings().updates;
        let playing = (goal > 0).then(|| Playing::new(Duration::ZERO, Some(goal)));
        Self { experiment, log: Log::default(), playing }
    }

    pub(super) fn moment(&self) -> Moment {
        let frame = Frame {
            updates: self.experiment.updates(),
            epochs: self.experiment.epochs(),
            is_playing: self.playing.is_some(),
            goal: self.playing.as_ref().and_then(|playing| playing.goal),
            prediction: self.experiment.predict(0),
            divergence: self.experiment.divergence().map(ToString::to_string),
        };
        Moment { frame, log: self.log.clone(), losses: self.log.lock().len() }
    }

    /// Carries out commands, and makes updates while it plays, until nobody can send commands any more.
    pub(super) fn run(
        mut self,
        commands: &Receiver<Command>,
        moments: &watch::Sender<Moment>,
        is_watched: &dyn Fn() -> bool,
    ) {
        let mut due = Instant::now();
        loop {
            let is_news = match self.next(commands) {
                Ok(command) => self.carry_out(command),
                Err(RecvTimeoutError::Timeout) => {
                    self.update();
                    self.playing.take_if(|it| !it.goes_on(is_watched(), Instant::now()));
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
                self.playing = can_play.then(|| Playing::new(interval, None));
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
        match self.experiment.update() {
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::{Duration, Instant};

    use tokio::sync::watch;

    use super::{Playing, Training, UNWATCHED};
    use crate::experiment::{Experiment, Settings};

    #[test]
    fn what_nobody_watches_goes_on_to_its_goal_alone() {
        let second = Duration::from_secs(1);
        let mut free = Playing::new(Duration::ZERO, None);
        let begin = free.watched;
        assert!(free.goes_on(false, begin + UNWATCHED - second));
        assert!(free.goes_on(true, begin + UNWATCHED));
        assert!(free.goes_on(false, begin + 2 * UNWATCHED - second));
        assert!(!free.goes_on(false, begin + 2 * UNWATCHED));
        let mut to_goal = Playing::new(Duration::ZERO, Some(1));
        assert!(to_goal.goes_on(false, begin + 9 * UNWATCHED));
    }

    /// Plays an experiment that was watched long ago, until it pauses. Returns its updates.
    fn updates(goal: Option<usize>) -> usize {
        let settings = Settings { hidden: vec![1], length: 2, ..Settings::default() };
        let mut training = Training::new(Experiment::new(&settings).expect("settings"));
        let long_ago = Instant::now().checked_sub(UNWATCHED).expect("a machine that runs");
        training.playing =
            Some(Playing { watched: long_ago, ..Playing::new(Duration::ZERO, goal) });
        let (publisher, mut moments) = watch::channel(training.moment());
        let (_commands, receiver) = mpsc::channel();
        std::thread::spawn(move || training.run(&receiver, &publisher, &|| false));
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let paused = runtime.block_on(moments.wait_for(|it| !it.frame.is_playing));
        paused.expect("it runs").frame.updates
    }

    #[test]
    fn an_experiment_pauses_that_nobody_watches() {
        assert_eq!(updates(None), 1);
        assert_eq!(updates(Some(3)), 3);
    }
}
