//! The program ends and starts again while the page is open.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use crate::address::EXACT;
use crate::harness::{Stage, Test, tests};
use crate::views;

pub(crate) const TESTS: &[Test] = tests![Beside a_restart_of_the_program_is_survived];

/// The program, which ends when this is dropped.
struct Program(Child);

impl Program {
    /// Starts the program on a port, and returns its origin, too.
    fn start(port: u16) -> (Self, String) {
        let port = port.to_string();
        let mut child = Command::new(env!("CARGO_BIN_EXE_explorer"))
            .args(["--no-browser", "--port", &port])
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("it prints its address");
        let address = line.split_whitespace().next().expect("it prints its address");
        (Self(child), address.trim_end_matches('/').to_owned())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill(); // it may have ended
        let _ = self.0.wait();
    }
}

async fn a_restart_of_the_program_is_survived(stage: Arc<Stage>) {
    let (program, origin) = Program::start(0);
    let tab = stage.tab().await;
    tab.excuse("Failed to load resource").await; // while there is no server, and of the lost experiment
    tab.open(&origin, "/?hidden=4&seed=2&view=cell").await;
    tab.until("document.getElementById('walk-h')").await;
    for updates in 1..=3 {
        views::forget(&tab).await;
        tab.click("#step").await;
        tab.until_updates(updates).await;
        views::drawn(&tab, "cell").await;
    }
    let state = format!(
        "JSON.stringify([document.getElementById('status').textContent, document.querySelector('#status').dataset.updates, {EXACT}])"
    );
    let before: String = tab.js(&state).await;

    drop(program);
    tab.until("document.getElementById('notice').textContent.length > 10").await; // it says that the connection is lost
    let lost = tab.text("#notice").await;
    views::forget(&tab).await;
    let port = origin.rsplit_once(':').expect("a port").1.parse().expect("a port");
    let (_program, again) = Program::start(port);
    assert_eq!(origin, again);
    tab.until("/restart/.test(document.getElementById('notice').textContent)").await;
    assert!(
        !tab.text("#notice").await.contains(&lost),
        "it still says that the connection is lost"
    );
    views::drawn(&tab, "cell").await; // what is shown is of the new experiment, not of the one before
    tab.until_updates(3).await;
    tab.until(&format!("{state} === {}", serde_json::json!(before))).await;

    views::forget(&tab).await;
    tab.click("#step").await;
    tab.until_updates(4).await;
    views::drawn(&tab, "cell").await;
    let after: String = tab.js(&state).await;
    let undisturbed = stage.tab().await; // the same experiment without a restart
    undisturbed.excuse("Failed to load resource").await; // it is told what the log has of the other tab
    undisturbed.open(&origin, "/?hidden=4&seed=2&view=cell&updates=4").await;
    undisturbed.until_updates(4).await;
    undisturbed.until(&format!("{state} === {}", serde_json::json!(after))).await;
}
