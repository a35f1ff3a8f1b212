//! The progress of a training.

use std::time::Duration;

use indicatif::HumanDuration;

use super::bar::Bar;

/// The weight of a step in the smoothed loss. About the last twenty steps count.
const SMOOTHING: f64 = 0.05;

/// Reports training steps on standard error: their number, loss and speed, and the time left.
#[derive(Debug)]
pub struct Progress {
    meter: Meter,
    bar: Bar,
}

impl Progress {
    /// Creates a report of the steps from `done` to `total`. A resumed run has already `done` some. The speed is that
    /// of the `units`, such as `tokens`.
    #[must_use]
    pub fn new(done: usize, total: usize, units: &'static str) -> Self {
        let meter = Meter { done, total, units, ..Meter::default() };
        Self { meter, bar: Bar::new(done, total) }
    }

    /// Creates a report that shows nothing, for `--quiet` and for programs that train on the side.
    #[must_use]
    pub fn hidden() -> Self {
        Self { meter: Meter::default(), bar: Bar::hidden() }
    }

    /// Reports one more step, its mean `loss` in nats and the number of units that it has read.
    pub fn step(&mut self, loss: f64, read: usize) {
        self.meter.step(loss, read);
        let meter = &self.meter;
        self.bar.advance(|elapsed| meter.status(elapsed), |elapsed| meter.line(elapsed));
    }

    /// Writes `line` above the bar or among the lines.
    pub fn note(&self, line: &str) {
        self.bar.note(line);
    }

    /// Ends the report: removes the bar and leaves one line that sums up.
    pub fn finish(self) {
        let meter = self.meter;
        self.bar.finish(|elapsed| meter.line(elapsed));
    }
}

/// The reported numbers, independent of clocks and terminals.
#[derive(Debug, Default)]
struct Meter {
    done: usize,
    total: usize,
    /// The steps and units since the start of the report.
    steps: usize,
    read: usize,
    units: &'static str,
    /// Smoothed over the last steps; `None` before the first.
    loss: Option<f64>,
}

impl Meter {
    fn step(&mut self, loss: f64, read: usize) {
        self.done += 1;
        self.steps += 1;
        self.read += read;
        let smoothed = |before| before + SMOOTHING * (loss - before);
        self.loss = Some(self.loss.map_or(loss, smoothed));
    }

    /// Loss and speed, `elapsed` after the start.
    fn status(&self, elapsed: Duration) -> String {
        let seconds = elapsed.as_secs_f64();
        let rate = if seconds > 0.0 { self.read as f64 / seconds } else { 0.0 };
        match self.loss {
            Some(loss) => format!("loss {loss:.3}  {rate:.0} {}/s", self.units),
            None => "no step yet".to_owned(),
        }
    }

    /// The time for the remaining steps at the mean speed so far.
    fn left(&self, elapsed: Duration) -> Option<Duration> {
        let remaining = self.total.saturating_sub(self.done);
        let is_known = self.steps > 0 && remaining > 0;
        is_known.then(|| elapsed.mul_f64(remaining as f64 / self.steps as f64))
    }

    fn line(&self, elapsed: Duration) -> String {
        let left = self.left(elapsed);
        let left = left.map_or(String::new(), |left| format!("  {:#} left", HumanDuration(left)));
        format!("step {}/{}  {}{left}", self.done, self.total, self.status(elapsed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_step_loss_speed_and_the_time_left() {
        let mut meter = Meter { done: 40, total: 100, units: "tokens", ..Meter::default() };
        assert_eq!(meter.line(Duration::ZERO), "step 40/100  no step yet");
        meter.step(2.0, 512);
        meter.step(1.0, 512);
        let line = meter.line(Duration::from_secs(4));
        assert_eq!(line, "step 42/100  loss 1.950  256 tokens/s  2m left");
        meter.done = 100;
        let line = meter.line(Duration::from_secs(4));
        assert_eq!(line, "step 100/100  loss 1.950  256 tokens/s");
    }
}
