//! A bar on a terminal, plain lines elsewhere.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::lines::{keep_below, tell};

/// The time between two plain lines: short enough to show progress, and long enough for a log.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// Shows on standard error how far a loop is: by a bar on a terminal, by a line every ten seconds elsewhere.
#[derive(Debug)]
pub struct Bar {
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

impl Bar {
    /// Creates the display of a loop that has `done` some of its `total` steps already.
    #[must_use]
    pub fn new(done: usize, total: usize) -> Self {
        let display = if io::stderr().is_terminal() {
            let target = ProgressDrawTarget::stderr();
            let bar = ProgressBar::with_draw_target(Some(total as u64), target)
                .with_style(style())
                .with_position(done as u64);
            bar.reset_eta();
            keep_below(&bar);
            Display::Bar(bar)
        } else {
            Display::Lines(LINE_INTERVAL)
        };
        Self { started: Instant::now(), display }
    }

    /// Creates a display that shows nothing.
    #[must_use]
    pub fn hidden() -> Self {
        Self { started: Instant::now(), display: Display::Hidden }
    }

    /// Counts one more step. The bar shows the `message` beside it, and a `line` that is due is written. Both are given
    /// the time since the start.
    pub fn advance(
        &mut self,
        message: impl FnOnce(Duration) -> String,
        line: impl FnOnce(Duration) -> String,
    ) {
        let elapsed = self.started.elapsed();
        match &mut self.display {
            Display::Bar(bar) => {
                bar.set_message(message(elapsed));
                bar.inc(1);
            }
            Display::Lines(due) if elapsed >= *due => {
                *due = elapsed + LINE_INTERVAL;
                tell(&line(elapsed));
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

    /// Removes the bar, and leaves one line that sums up.
    pub fn finish(self, line: impl FnOnce(Duration) -> String) {
        if let Display::Bar(bar) = &self.display {
            bar.finish_and_clear();
        }
        self.note(&line(self.started.elapsed()));
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{bar:32} {pos}/{len}  {msg}  {eta} left")
        .expect("the template is a valid constant")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_bar_has_a_valid_template() {
        let _ = super::style();
    }
}
