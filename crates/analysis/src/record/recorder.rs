//! A recorder of training.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::entries::Record;
use super::error::RecordError;
use super::files::replace;
use super::log::{Entry, Log, read_log};
use super::recording::{LINES, Recording, holds_record};
use super::step::StepRecord;
use super::warnings::Warning;

const SUMMARIES: &str = "events.out.tfevents.bptt";
const PAGE: &str = "report.html";
const LOCK: &str = "record.lock";

/// The number of steps between two looks at the inside of the model, unless another is chosen.
const INTERVAL: usize = 200;

/// The gates of the library's cells.
const GATES: [&str; 7] = ["i", "f", "o", "r", "z", "i'", "f'"];

/// Records a training in a folder: JSON lines, an event file for TensorBoard, and a page of HTML.
///
/// | file | content |
/// |---|---|
/// | `record.jsonl` | the [records](Record), one JSON object a line |
/// | `events.out.tfevents.bptt` | the same numbers and distributions, for TensorBoard |
/// | `report.html` | the training on one page with [warnings](Warning), from [`report`](Self::report) |
/// | `record.lock` | locked by the process that records |
///
/// Of every step it records the loss, the learning rate and the norm of the gradient. At an [interval](Self::every) it
/// looks inside: norms and distributions of parameters, their gradients and [probed](bptt_autodiff::Probes) values,
/// update-to-weight ratios, saturation of gates, and gradients by lag. Each record is written at once, so a killed
/// program loses none.
///
/// ```
/// use bptt_analysis::record::Recorder;
/// use bptt_autodiff::Tape;
/// use bptt_layers::{Adam, Layer, Lstm, Optimizer, clip_norm};
/// use bptt_tensor::Tensor;
///
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path().join("first");
/// let mut rng = bptt_layers::rng(0);
/// let mut model = Lstm::<f32>::new(&mut rng, 3, 4);
/// let mut optimizer = Adam::new(0.01);
/// let xs = Tensor::normal([20, 2, 3], 0.0, 1.0, &mut rng);
///
/// let mut recorder = Recorder::create(&folder)?.every(10);
/// for step in 1..=30 {
///     let tape = Tape::new();
///     let probes = recorder.is_due(step).then(|| tape.probes());
///     let (ys, _) = model.forward(tape.constant(xs.clone()));
///     let loss = (ys - 0.5).square().mean_all();
///     let mut gradients = tape.backward(loss);
///     let norm = clip_norm(&model, &mut gradients, 1.0)?;
///     let record = recorder.step(step, loss.item().into()).gradient_norm(norm);
///     let record = record.learning_rate(optimizer.learning_rate());
///     let record = record.probes(probes).gradients(&model, &gradients);
///     drop(tape); // which would hold the parameters, so that they could not change in place
///     optimizer.step(&mut model, &gradients);
///     record.finish(&model)?;
/// }
/// for warning in recorder.report()? {
///     println!("{warning}");
/// }
/// # assert!(folder.join("report.html").exists());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Recorder {
    folder: PathBuf,
    log: Log<Record>,
    interval: usize,
    gates: Vec<String>,
    clock: Instant,
    /// The seconds of the training before this program started.
    before: f64,
    /// The last step whose loss or gradient was not finite.
    last_not_finite: Option<usize>,
    _lock: File,
}

impl Recorder {
    /// Creates the record of a new training in a folder, which need not exist.
    ///
    /// # Errors
    ///
    /// If the folder holds a record, if another training records to it, or if it cannot be written.
    pub fn create(folder: impl AsRef<Path>) -> Result<Self, RecordError> {
        let folder = folder.as_ref();
        fs::create_dir_all(folder).map_err(|source| RecordError::write(folder, source))?;
        let lock = lock(folder)?;
        if holds_record(folder) {
            return Err(RecordError::Exists { folder: folder.to_path_buf() });
        }
        let mut log = Log::create(&folder.join(LINES), &folder.join(SUMMARIES))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        log.append(&Record::Start { unix_seconds: now.as_secs_f64() })?;
        Ok(Self::with(folder, log, lock))
    }

    /// Continues the record of a training that is resumed after so many updates. Records of later steps are cut off, so
    /// none is there twice.
    ///
    /// # Errors
    ///
    /// If the folder holds no record or a damaged one, if another training records to it, or if it cannot be written.
    /// The record then stays as it was.
    pub fn resume(folder: impl AsRef<Path>, step: usize) -> Result<Self, RecordError> {
        let folder = folder.as_ref();
        if !holds_record(folder) {
            return Err(RecordError::Missing { folder: folder.to_path_buf() });
        }
        let lock = lock(folder)?;
        let lines = folder.join(LINES);
        let records: Vec<Record> = read_log(&lines)?;
        let kept = records.iter().take_while(|record| record.step() <= step as u64).count();
        let log = Log::resume(&lines, &folder.join(SUMMARIES), kept)?;
        Ok(Self::with(folder, log, lock))
    }

    fn with(folder: &Path, log: Log<Record>, lock: File) -> Self {
        Self {
            folder: folder.to_path_buf(),
            interval: INTERVAL,
            gates: GATES.map(str::to_owned).to_vec(),
            clock: Instant::now(),
            before: log.seconds(),
            last_not_finite: None,
            log,
            _lock: lock,
        }
    }

    /// Sets the number of steps between two looks at the inside of the model, which is 200 without it. Each look takes
    /// time in proportion to the parameters and the probed values.
    ///
    /// # Panics
    ///
    /// If it is 0.
    #[track_caller]
    #[must_use]
    pub fn every(self, steps: usize) -> Self {
        assert!(steps > 0, "a recorder looks inside every 1 or more steps, not every 0");
        Self { interval: steps, ..self }
    }

    /// Sets the probes that are gates, by the last part of their names. Without it they are those of the library's cells:
    /// `i`, `f`, `o`, `r`, `z`, `i'` and `f'`. A value outside of `0..=1` belongs to no gate.
    #[must_use]
    pub fn gates<N: Into<String>>(self, names: impl IntoIterator<Item = N>) -> Self {
        Self { gates: names.into_iter().map(Into::into).collect(), ..self }
    }

    /// Returns whether the inside of the model is recorded at the step of this number. Steps are counted from 1. The
    /// first one is recorded too.
    #[must_use]
    pub fn is_due(&self, step: usize) -> bool {
        step == 1 || step.is_multiple_of(self.interval)
    }

    /// Begins the record of a training step: the number of updates made with it, and its loss. It is written by
    /// [`finish`](StepRecord::finish).
    pub fn step<T>(&mut self, step: usize, loss: f64) -> StepRecord<'_, T> {
        StepRecord::new(self, step, loss)
    }

    /// Records a loss on data that are not trained on, after so many updates.
    ///
    /// # Errors
    ///
    /// If a file cannot be written. What was recorded before is still there.
    pub fn validation(&mut self, step: usize, loss: f64) -> Result<(), RecordError> {
        let seconds = self.seconds();
        self.append(&Record::Validation { step: step as u64, loss, seconds })
    }

    /// Writes `report.html`, and returns the warnings on it.
    ///
    /// # Errors
    ///
    /// If the record cannot be read or the page cannot be written. An existing page then stays as it is.
    pub fn report(&self) -> Result<Vec<Warning>, RecordError> {
        self.log.sync()?;
        let recording = Recording::read(&self.folder)?;
        replace(&self.folder.join(PAGE), &recording.page())?;
        Ok(recording.warnings())
    }

    pub(super) fn append(&mut self, record: &Record) -> Result<(), RecordError> {
        self.log.append(record)
    }

    pub(super) fn seconds(&self) -> f64 {
        self.before + self.clock.elapsed().as_secs_f64()
    }

    /// Returns whether a number is the first one that is not finite, in a row of steps that have such numbers.
    pub(super) fn is_first_fault(&mut self, step: usize, number: f64) -> bool {
        let is_fault = !number.is_finite();
        let before = if is_fault { self.last_not_finite.replace(step) } else { None };
        is_fault && before.is_none_or(|last| last + 1 < step)
    }

    /// Returns whether a probe with values in this range is a gate.
    pub(super) fn is_gate(&self, name: &str, min: f64, max: f64) -> bool {
        let last = name.rsplit('.').next().unwrap_or(name);
        self.gates.iter().any(|gate| gate == last) && 0.0 <= min && max <= 1.0
    }
}

/// Locks a folder until the returned file is closed.
fn lock(folder: &Path) -> Result<File, RecordError> {
    let path = folder.join(LOCK);
    let file = File::options().write(true).create(true).truncate(false).open(&path);
    let file = file.map_err(|source| RecordError::write(&path, source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(RecordError::Taken { folder: folder.to_path_buf() }),
        Err(TryLockError::Error(source)) => Err(RecordError::write(&path, source)),
    }
}
