//! A peer: the same work in another framework, in a process that times steps when it is told to.

use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use clap::ValueEnum;

use crate::works::Work;

/// The frameworks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Framework {
    /// PyTorch
    Torch,
    /// JAX
    Jax,
    /// Burn, which is compiled at its first use, for some minutes
    Burn,
    /// Candle, which is compiled at its first use, for some minutes
    Candle,
}

impl Framework {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Torch => "torch",
            Self::Jax => "jax",
            Self::Burn => "burn",
            Self::Candle => "candle",
        }
    }

    /// The command that runs a peer, without what the peer is told.
    fn command(self, python: &Path) -> Command {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("compare/peers");
        let name = self.name();
        match self {
            Self::Torch | Self::Jax => {
                let mut command = Command::new(python);
                command.arg("-B"); // writes no compiled copies of the scripts beside them
                command.arg(folder.join(format!("{name}_peer.py")));
                command
            }
            Self::Burn | Self::Candle => {
                let mut command = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
                command.current_dir(folder.join("rust")); // where Cargo finds its configuration
                command.args(["run", "--quiet", "--release", "--locked", "--features", name]);
                command.args(["--bin", &format!("{name}_peer"), "--"]);
                command
            }
        }
    }
}

/// Variables from which the peers in Rust take the number of threads.
const THREADS: [&str; 2] = ["RAYON_NUM_THREADS", "MATMUL_NUM_THREADS"];

/// Why a peer does not take part.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PeerError {
    /// There is no such Python.
    #[error("not installed: there is no `{0}`; give the path of a Python to --python")]
    NoPython(String),

    /// There is no such Cargo.
    #[error(
        "cannot be built: there is no `{0}`; install Rust, or set CARGO to the path of a Cargo"
    )]
    NoCargo(String),

    /// Python does not know the framework.
    #[error("not installed: `{python}` has no module {module}; see benches/compare/README.md")]
    Missing {
        /// The path of the Python.
        python: String,
        /// The missing module.
        module: String,
    },

    /// The peer has no variant of the work.
    #[error("has no such work")]
    NoSuchWork,

    /// The peer ended too early.
    #[error("stopped; its messages are on standard error")]
    Stopped,

    /// The peer gave an answer that this program does not understand.
    #[error("gave an answer that is not understood: `{0}`")]
    Answer(String),

    /// The operating system cannot run the peer or communicate with it.
    #[error("cannot be run or talked to: {0}")]
    Process(#[from] io::Error),
}

/// One way in which a peer does the work.
#[derive(Debug)]
pub(crate) struct Variant {
    pub(crate) name: String,
    /// See [`figure`](crate::figure).
    pub(crate) figure: f64,
    /// Seconds of every step so far.
    pub(crate) times: Vec<f64>,
}

/// A running peer.
#[derive(Debug)]
pub(crate) struct Peer {
    process: Child,
    answers: BufReader<ChildStdout>,
    pub(crate) variants: Vec<Variant>,
    /// Variants that failed: name and reason.
    pub(crate) failed: Vec<(String, String)>,
}

impl Peer {
    /// Starts a peer and waits until its variants are warm, which takes minutes if it compiles.
    pub(crate) fn start(
        framework: Framework,
        python: &Path,
        work: &Work,
        threads: usize,
    ) -> Result<Self, PeerError> {
        let mut command = framework.command(python);
        let mut process = command
            .args([work.name, &threads.to_string()])
            .args(work.sizes.named().map(|(name, size)| format!("{name}={size}")))
            .envs(THREADS.map(|variable| (variable, threads.to_string())))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => {
                    let program = command.get_program().display().to_string();
                    match framework {
                        Framework::Torch | Framework::Jax => PeerError::NoPython(program),
                        Framework::Burn | Framework::Candle => PeerError::NoCargo(program),
                    }
                }
                _ => PeerError::Process(error),
            })?;
        let answers = BufReader::new(process.stdout.take().expect("standard output is a pipe"));
        let (variants, failed) = (Vec::new(), Vec::new());
        let mut peer = Self { process, answers, variants, failed };
        peer.read_variants(python)?;
        Ok(peer)
    }

    fn read_variants(&mut self, python: &Path) -> Result<(), PeerError> {
        loop {
            let line = self.answer()?;
            match line.split('\t').collect::<Vec<_>>()[..] {
                ["ready"] if self.variants.is_empty() && self.failed.is_empty() => {
                    return Err(PeerError::NoSuchWork);
                }
                ["ready"] => return Ok(()),
                ["missing", module] => {
                    let (python, module) = (python.display().to_string(), module.to_owned());
                    return Err(PeerError::Missing { python, module });
                }
                ["variant", figure, name] => {
                    let figure = figure.parse().map_err(|_| PeerError::Answer(line.clone()))?;
                    let (name, times) = (name.to_owned(), Vec::new());
                    self.variants.push(Variant { name, figure, times });
                }
                ["failed", reason, name] => self.failed.push((name.to_owned(), reason.to_owned())),
                _ => return Err(PeerError::Answer(line)),
            }
        }
    }

    /// Takes steps of each variant in turn, for so many seconds each.
    pub(crate) fn run_blocks(&mut self, seconds: f64) -> Result<(), PeerError> {
        for index in 0..self.variants.len() {
            let requests = self.process.stdin.as_mut().expect("standard input is a pipe");
            writeln!(requests, "{index} {seconds}")?;
            let line = self.answer()?;
            let times: Result<Vec<f64>, _> = line.split(' ').map(str::parse).collect();
            self.variants[index].times.extend(times.map_err(|_| PeerError::Answer(line))?);
        }
        Ok(())
    }

    fn answer(&mut self) -> Result<String, PeerError> {
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            return Err(PeerError::Stopped);
        }
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for Peer {
    /// Waiting closes the process's input, at which it ends by itself.
    fn drop(&mut self) {
        let _ = self.process.wait(); // an error means that it has ended already
    }
}
