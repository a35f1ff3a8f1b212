//! The progress of a loop: a bar on a terminal, plain lines elsewhere.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::lines::{keep_below, tell};

/// The time between two plain lines: short enough to show progress, and long enough for a log.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// The weight of a step in the smoothed loss. About the last twenty steps count.
const SMOOTHING: f64 = 0.05;

/// Reports training steps on standard error: their number, loss and speed, and the time left.
#[derive(Debug)]
pub struct Progress {
    meter: Meter,
    started: Instant,
    display: Display,
}

#[derive(Debug)]
enum Display {
    Bar(ProgressBar),
    /// Plain lines, the next one due at this time after the start.
    Lines(Duration),
    Hidden,
}

impl Progress {
    /// Creates a report of the steps from `done` to `total`. A resumed run has already `done` some. The speed is that
    /// of the `units`, such as `tokens`.
    #[must_use]
    pub fn new(done: usize, total: usize, units: &'static str) -> Self {
        let display = if io::stderr().is_terminal() {
            let target = ProgressDrawTarget::stderr();
            let bar = ProgressBar::with_draw_target(Some(total as u64), target)
                .with_style(bar_style())
                .with_position(done as u64);
            bar.reset_eta();
            keep_below(&bar);
            Display::Bar(bar)
        } else {
            Display::Lines(LINE_INTERVAL)
        };
        let meter = Meter { done, total, units, ..Meter::default() };
        Self { display, meter, ..Self::hidden() }
    }

    /// Creates a report that shows nothing, for `--quiet` and for programs that train on the side.
    #[must_use]
    pub fn hidden() -> Self {
        Self { meter: Meter::default(), started: Instant::now(), display: Display::Hidden }
    }

    /// Reports one more step, its mean `loss` in nats and the number of units that it has read.
    pub fn step(&mut self, loss: f64, read: usize) {
        self.meter.step(loss, read);
        let elapsed = self.started.elapsed();
        match &mut self.display {
            Display::Bar(bar) => {
                bar.set_message(self.meter.status(elapsed));
                bar.inc(1);
            }
            Display::Lines(due) if elapsed >= *due => {
                *due = elapsed + LINE_INTERVAL;
                tell(&self.meter.line(elapsed));
            }
            Display::Lines(_) | Display::Hidden => {}
        }
    }

    /// Writes `line` above the bar or among the lines.
    pub fn note(&self, line: &str) {
        if !matches!(self.display, Display::Hidden) {
            tell(line);
        }
    }

    /// Ends the report: removes the bar and leaves one line that sums up.
    pub fn finish(self) {
        if let Display::Bar(bar) = &self.display {
            bar.finish_and_clear();
        }
        if !matches!(self.display, Display::Hidden) {
            tell(&self.meter.line(self.started.elapsed()));
        }
    }
}

fn bar_style() -> ProgressStyle {
    ProgressStyle::with_template("{bar:32} {pos}/{len}  {msg}  {eta} left")
        .expect("the template is a valid constant")
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

    #[test]
    fn the_bar_has_a_valid_template() {
        let _ = bar_style();
    }
}
