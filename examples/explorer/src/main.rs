//! `explorer`: serves the page, and opens it in the browser.

#![warn(clippy::print_stderr, clippy::print_stdout)] // they panic if the output is closed

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZero;
use std::process::ExitCode;
use std::thread;

use clap::Parser;
use programs::terminal::tell;
use tokio::net::TcpListener;

/// A page in the browser that trains recurrent networks and shows what happens inside.
#[derive(Debug, Parser)]
struct Args {
    /// The port on the loopback address; 0 for any that is free
    #[arg(long, default_value_t = 7227)]
    port: u16,
    /// Do not open the browser
    #[arg(long)]
    no_browser: bool,
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(
        "cannot listen on port {port}: {source}; another program may use it; choose another one with --port, or 0 for any"
    )]
    Listen { port: u16, source: io::Error },
    #[error("the threads of the training cannot be started: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    #[error("the server has ended: {0}")]
    Serve(io::Error),
}

#[tokio::main]
async fn main() -> ExitCode {
    match serve(&Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn serve(args: &Args) -> Result<(), Error> {
    leave_a_core_to_the_browser()?;
    let listen = |source| Error::Listen { port: args.port, source };
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, args.port));
    let listener = TcpListener::bind(address).await.map_err(listen)?;
    let address = format!("http://{}/", listener.local_addr().map_err(listen)?);
    let _ = writeln!(io::stdout(), "{address} (Ctrl-C ends the program)"); // nobody may read it
    if !args.no_browser {
        thread::spawn(move || open(&address)); // a browser in the terminal would end first
    }
    let stop = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    explorer::server::serve(listener, stop).await.map_err(Error::Serve)
}

fn open(address: &str) {
    if webbrowser::open(address).is_err() {
        tell("no browser was found; open the address yourself");
    }
}

/// Limits the threads of the training. The number of threads changes no result.
fn leave_a_core_to_the_browser() -> Result<(), rayon::ThreadPoolBuildError> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    rayon::ThreadPoolBuilder::new().num_threads((cores - 1).max(1)).build_global()
}
