//! The program, as it is started and stopped.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Output, Stdio};

/// The program, which ends with the test.
struct Explorer {
    child: Child,
    /// The address without `http://`, and without a path.
    address: String,
}

impl Explorer {
    fn start() -> Self {
        let mut child = command("0").stdout(Stdio::piped()).spawn().expect("the program starts");
        let mut line = String::new();
        let output = child.stdout.as_mut().expect("an output");
        BufReader::new(output).read_line(&mut line).expect("a line");
        let address = line.strip_prefix("http://").and_then(|it| it.split_once('/'));
        let address = address.expect("an address").0.to_owned();
        Self { child, address }
    }

    fn send(&self, request: &str, body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        let (host, length) = (&self.address, body.len());
        let headers = "Content-Type: application/json\r\nConnection: close";
        write!(
            stream,
            "{request} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n{headers}\r\n\r\n{body}"
        )
        .expect("it reads");
        stream
    }

    fn answer(&self, request: &str, body: &str) -> String {
        let mut answer = String::new();
        self.send(request, body).read_to_string(&mut answer).expect("an answer");
        answer
    }
}

impl Drop for Explorer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(port: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_explorer"));
    command.args(["--no-browser", "--port", port]);
    command
}

#[test]
fn it_serves_the_page_and_ends_while_streams_are_open() {
    let mut explorer = Explorer::start();
    let page = explorer.answer("GET /", "");
    assert!(page.starts_with("HTTP/1.1 200 OK") && page.contains("<!doctype html>"), "{page}");
    let created = explorer.answer("POST /api/experiments", "{}");
    assert!(created.starts_with("HTTP/1.1 201 Created"), "{created}");
    let (_, id) = created.split_once("\"id\":\"").expect("an identifier");
    let (id, _) = id.split_once('"').expect("an identifier");
    let played = explorer.answer(&format!("POST /api/experiments/{id}/play"), "");
    assert!(played.starts_with("HTTP/1.1 204"), "{played}");
    let mut stream = explorer.send(&format!("GET /api/experiments/{id}/events"), "");
    let mut begin = [0; 12];
    stream.read_exact(&mut begin).expect("an answer");
    assert_eq!(&begin, b"HTTP/1.1 200");
    let interrupt = Command::new("kill").args(["-INT", &explorer.child.id().to_string()]).status();
    assert!(interrupt.expect("a signal").success());
    assert!(explorer.child.wait().expect("a status").success());
    let mut rest = String::new();
    stream.read_to_string(&mut rest).expect("an end");
    assert!(rest.contains("event: ended"), "{rest}");
}

#[test]
fn a_port_that_is_taken_is_told() {
    let explorer = Explorer::start();
    let (_, port) = explorer.address.split_once(':').expect("a port");
    let Output { status, stderr, .. } = command(port).output().expect("the program starts");
    let message = String::from_utf8_lossy(&stderr);
    assert_eq!(status.code(), Some(1), "{message}");
    assert!(message.contains(&format!("cannot listen on port {port}")), "{message}");
    assert!(message.contains("--port"), "{message}");
}
