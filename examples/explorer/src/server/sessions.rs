//! The experiments that run.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use super::error::Refusal;
use super::worker::Worker;

/// The number of experiments that run at once. Each has a thread.
const MOST: usize = 16;

/// The experiments that run. If there are too many, the one that was not used for longest ends.
#[derive(Clone, Debug)]
pub(super) struct Sessions {
    /// What tells the experiments of this process from those of earlier ones.
    process: u128,
    running: Arc<Mutex<Running>>,
}

#[derive(Debug, Default)]
struct Running {
    created: usize,
    /// By name, the one that was used last at the end.
    workers: Vec<(String, Arc<Worker>)>,
}

impl Sessions {
    pub(super) fn new() -> Self {
        let process = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |it| it.as_nanos());
        Self { process, running: Arc::default() }
    }

    /// Adds an experiment, and returns the name by which requests find it.
    pub(super) fn add(&self, worker: Worker) -> (String, Arc<Worker>) {
        let mut running = self.lock();
        running.created += 1;
        let (id, worker) = (format!("{:x}-{}", self.process, running.created), Arc::new(worker));
        if running.workers.len() == MOST {
            running.workers.remove(0);
        }
        running.workers.push((id.clone(), Arc::clone(&worker)));
        (id, worker)
    }

    /// Finds an experiment.
    pub(super) fn find(&self, id: &str) -> Result<Arc<Worker>, Refusal> {
        let mut running = self.lock();
        let Some(place) = running.workers.iter().position(|(name, _)| name == id) else {
            return Err(Refusal::NoExperiment { id: id.to_owned() });
        };
        let found = running.workers.remove(place);
        let worker = Arc::clone(&found.1);
        running.workers.push(found);
        Ok(worker)
    }

    fn lock(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
