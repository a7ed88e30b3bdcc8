//! What `docs/psk.md` says is what happens.

use kaskade_net::psk::{Alert, HandshakeError};
use tokio::net::TcpListener;

use super::peers::client_with;
use crate::common::without_interop;

/// The example, as it is run.
#[allow(dead_code, reason = "a test does not begin where the program does")]
#[path = "../../../examples/psk.rs"]
mod example;

const PAGE: &str = include_str!("../../../../../docs/psk.md");

#[tokio::test]
async fn the_page_shows_what_the_example_prints() {
    let (_, printed) = PAGE.split_once("<!-- psk:begin -->\n```text\n").unwrap();
    let (printed, _) = printed.split_once("\n```").unwrap();
    let lines = example::both_ends().await.unwrap();
    assert_eq!(lines, printed.lines().collect::<Vec<_>>());
}

#[tokio::test]
async fn the_command_of_the_page_gets_in() {
    if without_interop() {
        return;
    }
    let (_, command) = PAGE.split_once("openssl s_client -connect 127.0.0.1:4433 ").unwrap();
    let (command, _) = command.split_once("\n```").unwrap();
    let options: Vec<_> = command.split_whitespace().filter(|word| *word != "\\").collect();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let theirs = client_with(listener.local_addr().unwrap(), &options);
    let left = tokio::select! {
        ended = example::serve(listener) => panic!("{ended:?}"),
        left = theirs.end() => left,
    };
    assert_eq!(left.output, "welcome\n", "{}", left.errors);
}

#[test]
fn the_errors_of_the_page_are_those_of_the_code() {
    let error = HandshakeError::Alert(Alert(47)).to_string();
    assert!(PAGE.contains(&format!("```text\n{error}\n```")));
}
