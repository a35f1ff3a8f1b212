//! The experiments that run.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::error::Refusal;
use super::worker::Worker;

/// The number of experiments that run at once. Each has a thread.
const LIMIT: usize = 16;

/// The experiments that run. If there are too many, one ends: of those that no stream shows, or else of all, the one that
/// was not used for longest.
#[derive(Clone, Debug, Default)]
pub(super) struct Sessions {
    /// The one that was used last at the end.
    running: Arc<Mutex<Vec<Session>>>,
}

/// An experiment and its identifier.
type Session = (String, Arc<Worker>);

impl Sessions {
    /// Adds an experiment. Returns the identifier by which requests find it.
    pub(super) fn add(&self, worker: Arc<Worker>) -> String {
        let id = identifier();
        let mut running = self.lock();
        if running.len() == LIMIT {
            let unwatched = running.iter().position(|(_, worker)| !worker.is_watched());
            running.remove(unwatched.unwrap_or(0));
        }
        running.push((id.clone(), worker));
        id
    }

    /// Finds an experiment.
    pub(super) fn find(&self, id: &str) -> Result<Arc<Worker>, Refusal> {
        let mut running = self.lock();
        let place = place(&running, id)?;
        running[place..].rotate_left(1);
        let (_, worker) = running.last().expect("it was found");
        Ok(Arc::clone(worker))
    }

    /// Ends an experiment, and so its streams.
    pub(super) fn remove(&self, id: &str) -> Result<(), Refusal> {
        let mut running = self.lock();
        let place = place(&running, id)?;
        running.remove(place);
        Ok(())
    }

    /// Ends all experiments, and so their streams.
    pub(super) fn end(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Session>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn place(running: &[Session], id: &str) -> Result<usize, Refusal> {
    let place = running.iter().position(|(name, _)| name == id);
    place.ok_or_else(|| Refusal::NoExperiment { id: id.to_owned() })
}

/// Returns a name that nobody can guess, and that no earlier process gave.
fn identifier() -> String {
    let mut random = [0; 16];
    getrandom::fill(&mut random).expect("the system has random numbers");
    format!("{:032x}", u128::from_ne_bytes(random))
}
