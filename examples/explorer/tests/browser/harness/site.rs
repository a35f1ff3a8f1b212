//! The server of the page, within the process of the tests.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// A server on a free port. It ends when this is dropped.
pub(crate) struct Site {
    address: SocketAddr,
    _stop: oneshot::Sender<()>,
}

impl Site {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel();
        let stopped = async {
            let _ = stopped.await; // its sender is dropped
        };
        tokio::spawn(explorer::server::serve(listener, stopped));
        Self { address, _stop: stop }
    }

    /// Returns the address of the page, without a slash at its end.
    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }
}
