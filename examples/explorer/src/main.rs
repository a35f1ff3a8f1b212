//! `explorer`: serves the page, and opens it in the browser.

#![warn(clippy::print_stderr, clippy::print_stdout)] // they panic if the output is closed

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;

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
        "cannot listen on port {port}: {source}; another program may have it, so choose another one, or 0 for any, by --port"
    )]
    Listen { port: u16, source: io::Error },
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
    let listen = |source| Error::Listen { port: args.port, source };
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, args.port));
    let listener = TcpListener::bind(address).await.map_err(listen)?;
    let address = format!("http://{}/", listener.local_addr().map_err(listen)?);
    let _ = writeln!(io::stdout(), "{address} (Ctrl-C ends the program)"); // nobody may read it
    if !args.no_browser && webbrowser::open(&address).is_err() {
        tell("no browser was found; open the address in one");
    }
    let stop = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    explorer::server::serve(listener, stop).await.map_err(Error::Serve)
}
