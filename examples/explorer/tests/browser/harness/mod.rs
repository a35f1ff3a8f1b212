//! Runs the tests in one browser.

mod browser;
mod site;
mod stage;
mod tab;

use std::io::{self, Write};
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::Runtime;
use tokio::sync::{OnceCell, RwLock};

use self::browser::Browser;

pub(crate) use self::site::Site;
pub(crate) use self::stage::Stage;
pub(crate) use self::tab::Tab;

/// A list of faults that should be empty.
pub(crate) const NOTHING: [String; 0] = [];

/// A test of the page.
pub(crate) struct Test {
    pub(crate) name: &'static str,
    pub(crate) run: fn(Arc<Stage>) -> Performance,
    pub(crate) kind: Kind,
}

type Performance = Pin<Box<dyn Future<Output = ()> + Send>>;

/// When a test runs.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    /// Beside others.
    Beside,
    /// While no other test runs.
    Alone,
    /// While no other test runs, and only when it is asked for by `--ignored`.
    OnDemand,
}

/// Lists tests, which are functions of a stage.
macro_rules! tests {
    ($($kind:ident $name:ident)*) => {
        &[$($crate::harness::Test {
            name: stringify!($name),
            run: |stage| Box::pin($name(stage)),
            kind: $crate::harness::Kind::$kind,
        }),*]
    };
}
pub(crate) use tests;

pub(crate) const TESTS: &[Test] = tests![Beside complaints_are_noticed];

const NO_BROWSER: &str = "
==============================================================================
SKIPPED: the page of the explorer is NOT tested, since there is no browser.
`tools/browser` installs one, or `apt-get install chromium`. Any Chromium or
Chrome will do: put it on the PATH, or let the variable CHROME name it.
==============================================================================
";

/// Runs all tests that the command line chooses.
pub(crate) fn run<const N: usize>(tests: [&'static [Test]; N]) -> ExitCode {
    let arguments = Arguments::from_args();
    let executable = browser::executable();
    if executable.is_none() && !arguments.list {
        let _ = io::stderr().write_all(NO_BROWSER.as_bytes()); // cargo does not capture it
    }
    let runtime = Runtime::new().expect("a runtime");
    let house = Arc::new(House { executable, browser: OnceCell::new(), quiet: RwLock::new(()) });
    let trials = tests.into_iter().flatten().map(|test| {
        let (handle, house) = (runtime.handle().clone(), Arc::clone(&house));
        let is_ignored = test.kind == Kind::OnDemand || house.executable.is_none();
        Trial::test(test.name, move || handle.block_on(house.perform(test)))
            .with_ignored_flag(is_ignored)
    });
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    runtime.block_on(house.close());
    conclusion.exit_code()
}

/// What all tests share.
struct House {
    executable: Option<std::path::PathBuf>,
    browser: OnceCell<Arc<Browser>>,
    /// Is held for writing by a test that runs alone.
    quiet: RwLock<()>,
}

impl House {
    async fn perform(&self, test: &Test) -> Result<(), Failed> {
        let executable = self.executable.as_ref().ok_or("there is no browser")?;
        let launch = async || Arc::new(Browser::launch(executable).await);
        let browser = Arc::clone(self.browser.get_or_init(launch).await);
        let (_beside, _alone) = match test.kind {
            Kind::Beside => (Some(self.quiet.read().await), None),
            Kind::Alone | Kind::OnDemand => (None, Some(self.quiet.write().await)),
        };
        let stage = Arc::new(Stage::new(browser).await);
        let performed = tokio::spawn((test.run)(Arc::clone(&stage))).await;
        let complaints = stage.end().await;
        match performed {
            Err(panic) => Err(format!("{}\n{complaints}", message(panic)).into()),
            Ok(()) if complaints.is_empty() => Ok(()),
            Ok(()) => Err(complaints.into()),
        }
    }

    async fn close(&self) {
        if let Some(browser) = self.browser.get() {
            browser.close().await;
        }
    }
}

fn message(error: tokio::task::JoinError) -> String {
    let payload = error.into_panic();
    let text = payload.downcast_ref::<String>().cloned();
    text.or_else(|| payload.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default()
}

/// What a tab does wrong is noticed, or else no test would prove anything of it.
async fn complaints_are_noticed(stage: Arc<Stage>) {
    let tab = stage.open("/").await;
    tab.js::<()>(
        "console.error('an error'); console.warn('a warning');
        setTimeout(() => { throw new Error('thrown'); });
        await fetch('http://127.0.0.2:9/elsewhere').catch(() => {})",
    )
    .await;
    for said in ["an error", "a warning", "thrown", "http://127.0.0.2:9/elsewhere"] {
        tab.complains_of(said).await;
    }
}
