//! FreeRADIUS: its client asks our server, and its server is a proxy in front of ours.

use std::net::SocketAddr;

use kaskade_codec::radius::{AttributeType, Told};
use kaskade_crypto::radius::SharedSecret;
use kaskade_oracle::RadiusProxy;

use super::toy::{Gateway, SECRET, assert_in, assert_rejected, cui, response, server, sum};
use super::udp::{Listening, run, socket_to};
use crate::common::without_interop;

/// What the proxy shares with its client.
const OUTER: &[u8] = b"what the gateway has";

fn secret_text() -> &'static str {
    std::str::from_utf8(SECRET).unwrap()
}

/// [`kaskade_oracle::radclient`], on another thread: the server is on this one.
async fn radclient(to: SocketAddr, command: &str, secret: &str, attributes: &str) -> Option<(bool, String)> {
    let [command, secret, attributes] = [command, secret, attributes].map(str::to_owned);
    let run = move || kaskade_oracle::radclient(to, &command, &secret, &attributes);
    tokio::task::spawn_blocking(run).await.unwrap()
}

#[tokio::test]
async fn radclient_asks_and_is_told() {
    if without_interop() {
        return;
    }
    let listening = Listening::start(server()).await;
    let (to, secret) = (listening.address, secret_text());
    let Some((alive, text)) = radclient(to, "status", secret, "Message-Authenticator = 0x00\n").await else {
        return;
    };
    assert!(alive && text.contains("Received Access-Accept"), "{text}");
    let identity = hex::encode(response(7, 1, b"alice"));
    let ask = format!(
        "User-Name = alice\nEAP-Message = 0x{identity}\nMessage-Authenticator = 0x00\nProxy-State = 0x0102\nProxy-State = 0x03\n"
    );
    let (_, text) = radclient(to, "auth", secret, &ask).await.unwrap();
    assert!(text.contains("Received Access-Challenge"), "{text}");
    assert!(text.contains("EAP-Message = 0x01080006ff01"), "{text}");
    let after = text.split_once("Received").unwrap().1;
    let states: Vec<_> = after
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Proxy-State = "))
        .collect();
    assert_eq!(states, ["0x0102", "0x03"], "{text}");
    let refused = hex::encode(response(7, 1, b"refused"));
    *listening.server.eap().refusal.lock().unwrap() = kaskade_flow::Refusal::UserNotFound;
    let ask = format!("User-Name = refused\nEAP-Message = 0x{refused}\nMessage-Authenticator = 0x00\n");
    let (_, text) = radclient(to, "auth", secret, &ask).await.unwrap();
    assert!(
        text.contains("Received Access-Reject") && text.contains("EAP-Message = 0x04070004"),
        "{text}"
    );
    // Without the code, under another secret, and without EAP: no answer.
    let handled = listening.server.eap().handled();
    let plain = "User-Name = alice\nUser-Password = password\n";
    let right = format!("User-Name = alice\nEAP-Message = 0x{identity}\nMessage-Authenticator = 0x00\n");
    for (secret, attributes) in [
        (secret, plain),
        ("another", &*right),
        (secret, "User-Name = alice\nMessage-Authenticator = 0x00\n"),
    ] {
        let (answered, text) = radclient(to, "auth", secret, attributes).await.unwrap();
        assert!(!answered && text.contains("No reply from server"), "{text}");
    }
    assert_eq!(listening.server.eap().handled(), handled);
    assert_eq!(sum(&listening.server, "not_authentic"), 2);
    listening.end().await;
}

#[tokio::test]
async fn freeradius_in_between_passes_runs_on() {
    if without_interop() {
        return;
    }
    let listening = Listening::start(server()).await;
    let folder = tempfile::tempdir().unwrap();
    let (at, home) = (folder.path().to_owned(), listening.address);
    let started = tokio::task::spawn_blocking(move || {
        let secrets = [secret_text(), std::str::from_utf8(OUTER).unwrap()];
        RadiusProxy::start(&at, home, secrets)
    });
    let Some(proxy) = started.await.unwrap() else {
        return;
    };
    let outer = || SharedSecret::new(OUTER).unwrap();
    let socket = socket_to(proxy.address()).await;
    for name in [&b"alice@example.org"[..], b"bob"] {
        let mut gateway = Gateway::under(outer(), name)
            .saying(AttributeType::ChargeableUserIdentity, &[0])
            .saying(AttributeType::ProxyState, b"from farther out");
        let told = run(&mut gateway, &socket).await;
        let Told::Accept { cui: told_cui, .. } = &told else {
            unreachable!("{told:?}")
        };
        assert_eq!(*told_cui, Some(cui(name)));
        // The proxy has taken the key out under one secret and hidden it under another.
        assert_in(told, name);
    }
    assert_eq!(sum(&listening.server, "accepts"), 2);
    let mut gateway = Gateway::under(outer(), b"refused");
    *listening.server.eap().refusal.lock().unwrap() = kaskade_flow::Refusal::UserNotFound;
    let told = run(&mut gateway, &socket).await;
    assert_rejected(&told, 0);
    drop(proxy);
    listening.end().await;
}
