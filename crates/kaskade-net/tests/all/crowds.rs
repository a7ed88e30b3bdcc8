//! Crowds at the doors: whoever comes with a request is served, however many sit there.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use hyper_util::rt::{TokioExecutor, TokioIo};
use kaskade_net::role::seaf::AusfClient;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::common::raw::{self, END_HEADERS, END_STREAM, HEADERS, PING, frame, hello};
use crate::common::{Home, Link, snn, supi};
use crate::tls::Pki;

const PATH: &str = "/nausf-auth/v1/ue-authentications";

/// A challenge over a connection of its own, from this address.
async fn challenge_from(from: IpAddr, url: &str) -> Result<u16, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let stream = raw::connect_from(from, url).await.map_err(|error| text(&error))?;
    let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .map_err(|error| text(&error))?;
    tokio::spawn(connection);
    let body = r#"{"supiOrSuci":"imsi-001010000000001","servingNetworkName":"5G:mnc001.mcc001.3gppnetwork.org"}"#;
    let request = hyper::Request::post(format!("{url}{PATH}"))
        .header("content-type", "application/json")
        .body(http_body_util::Full::new(bytes::Bytes::from_static(body.as_bytes())))
        .unwrap();
    let answer = sender.send_request(request).await.map_err(|error| text(&error))?;
    Ok(answer.status().as_u16())
}

/// 1 200 connections of four kinds, and more of them while honest clients come.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_and_silent_crowds_stop_nobody() {
    raw::raise_descriptors(8192);
    let home = Home::start(Link::Local);
    let url = home.ausf_url().to_owned();
    let half_headers = [hello(None), frame(HEADERS, 0, 1, &raw::block("POST", PATH))].concat();
    let begun_body = [hello(None), frame(HEADERS, END_HEADERS, 1, &raw::block("POST", PATH))].concat();
    let kinds: [Vec<u8>; 4] = [Vec::new(), hello(None), half_headers, begun_body];
    let mut crowd = Vec::new();
    for at in 0..1200 {
        crowd.push(raw::say(&url, &kinds[at % 4]).await);
    }
    let more = tokio::spawn({
        let url = url.clone();
        async move {
            let mut crowd: Vec<TcpStream> = Vec::new();
            for at in 0.. {
                if let Ok(mut stream) = raw::connect_from([127, 0, 0, 1].into(), &url).await {
                    stream.write_all(&kinds[at % 4]).await.ok();
                    crowd.push(stream);
                }
                if crowd.len() > 2000 {
                    crowd.drain(..1000);
                }
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
        }
    });
    // One who came before, and speaks now and then.
    let steady = home.seaf();
    for round in 0..10 {
        for from in [[127, 0, 0, 1], [127, 0, 0, 2], [127, 0, 0, 9]] {
            assert_eq!(
                challenge_from(from.into(), &url).await,
                Ok(201),
                "{round}: from {from:?}"
            );
        }
        let answer = steady.authenticate(supi(0), snn()).await;
        assert!(answer.is_ok(), "{round}: {answer:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(!more.is_finished());
    more.abort();
}

/// Handshakes of mutual TLS that are never finished, 180 a second, without any certificate.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_open_handshakes_stop_nobody() {
    raw::raise_descriptors(8192);
    let pki = Pki::new();
    let home = Home::start_with(Link::Local, |setup| setup.server.tls = Some(pki.server(true)));
    let url = home.ausf_url().to_owned();
    // The first octets of a ClientHello, and no more.
    let begun = [
        &[0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xFC, 0x03, 0x03][..],
        &[7; 32],
    ]
    .concat();
    let attack = |from: [u8; 4]| {
        let (url, begun) = (url.clone(), begun.clone());
        tokio::spawn(async move {
            let mut crowd = Vec::new();
            loop {
                if let Ok(mut stream) = raw::connect_from(from.into(), &url).await {
                    stream.write_all(&begun).await.ok();
                    crowd.push(stream);
                }
                tokio::time::sleep(Duration::from_micros(5_500)).await;
            }
        })
    };
    let attacks = [attack([127, 0, 0, 1]), attack([127, 0, 0, 3])];
    tokio::time::sleep(Duration::from_millis(1500)).await;
    for round in 0..8 {
        // A new connection each time.
        let seaf = AusfClient::new(&url, pki.client(Some("client"))).unwrap();
        let answer = seaf.authenticate(supi(0), snn()).await;
        assert!(answer.is_ok(), "{round}: {answer:?}");
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    for attack in attacks {
        assert!(!attack.is_finished());
        attack.abort();
    }
}

#[tokio::test]
async fn a_handshake_has_one_deadline_for_all_its_parts() {
    let pki = Pki::new();
    let home = Home::start_with(Link::Local, |setup| {
        setup.server.tls = Some(pki.server(false));
        setup.server.limits.patience = Duration::from_millis(300);
    });
    let clear = Home::start_with(Link::Local, |setup| {
        setup.server.limits.patience = Duration::from_millis(300);
    });
    // One octet now and then: of a preface, of a preface without SETTINGS, of TLS.
    let drips: [(&str, Vec<u8>); 3] = [
        (clear.ausf_url(), raw::PREFACE.to_vec()),
        (clear.ausf_url(), [raw::PREFACE, &[0, 0]].concat()),
        (
            home.ausf_url(),
            vec![0x16, 0x03, 0x01, 0x00, 0xF0, 0x01, 0x00, 0x00, 0xEC, 0x03, 0x03],
        ),
    ];
    for (url, octets) in drips {
        let begin = Instant::now();
        let mut stream = raw::connect(url).await;
        for octet in octets {
            if stream.write_all(&[octet]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let (_, closed) = raw::frames(&mut stream, Duration::from_secs(2)).await;
        assert!(
            closed && begin.elapsed() < Duration::from_secs(2),
            "{:?}",
            begin.elapsed()
        );
    }
}

#[tokio::test]
async fn only_connections_without_requests_are_closed_when_idle() {
    let home = Home::start_with(Link::Local, |setup| {
        setup.server.limits.idle = Duration::from_millis(400);
    });
    let url = home.ausf_url();
    let mut idle = raw::say(url, &hello(None)).await;
    let begin = Instant::now();
    let (seen, closed) = raw::frames(&mut idle, Duration::from_secs(3)).await;
    assert!(
        closed && begin.elapsed() >= Duration::from_millis(390),
        "{:?}",
        begin.elapsed()
    );
    assert!(
        seen.iter().any(|(kind, ..)| *kind == raw::GOAWAY),
        "it is told: {seen:?}"
    );
    // Busy all the time, and longer than that.
    let mut busy = raw::say(url, &hello(None)).await;
    let get = raw::block("GET", "/");
    for request in 0..12 {
        let octets = frame(HEADERS, END_HEADERS | END_STREAM, 2 * request + 1, &get);
        busy.write_all(&octets).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (seen, _) = raw::frames(&mut busy, Duration::from_millis(100)).await;
    let answers = seen.iter().filter(|(kind, ..)| *kind == HEADERS).count();
    assert_eq!(answers, 12, "{seen:?}");
    // Nobody is asked by PING, which some clients do not answer while they are idle.
    assert!(seen.iter().all(|(kind, ..)| *kind != PING), "{seen:?}");
}

#[tokio::test]
async fn a_shutdown_waits_for_requests_only() {
    let home = Home::start(Link::Local);
    let url = home.ausf_url().to_owned();
    // Silent, in the middle of a preface, and idle without ever answering a PING.
    let silent = raw::connect(&url).await;
    let half = raw::say(&url, &raw::PREFACE[..10]).await;
    let mut deaf = raw::say(&url, &hello(None)).await;
    let get = frame(HEADERS, END_HEADERS | END_STREAM, 1, &raw::block("GET", "/"));
    deaf.write_all(&get).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let begin = Instant::now();
    home.shutdown().await;
    let took = begin.elapsed();
    assert!(took < Duration::from_millis(500), "{took:?}");
    let (seen, closed) = raw::frames(&mut deaf, Duration::from_secs(1)).await;
    assert!(closed && seen.iter().any(|(kind, ..)| *kind == raw::GOAWAY));
    drop((silent, half));
}

/// Streams reset as soon as they are opened, header blocks that do not end, empty frames: the connection is closed, and
/// others are served.
#[tokio::test]
async fn floods_of_frames_close_their_connection() {
    let home = Home::start(Link::Local);
    let url = home.ausf_url();
    let get = raw::block("POST", PATH);
    let mut rapid_reset = hello(None);
    for request in 0..4000 {
        let stream = 2 * request + 1;
        rapid_reset.extend(frame(HEADERS, END_HEADERS, stream, &get));
        rapid_reset.extend(frame(raw::RST_STREAM, 0, stream, &8u32.to_be_bytes()));
    }
    let mut continuation = [hello(None), frame(HEADERS, 0, 1, &get)].concat();
    for _ in 0..4000 {
        // A literal field of 200 octets, for ever.
        let field = [&[0x00, 0x01, b'x', 0x7F, 73][..], &[b'y'; 200]].concat();
        continuation.extend(frame(raw::CONTINUATION, 0, 1, &field));
    }
    let mut empty = [hello(None), frame(HEADERS, END_HEADERS, 1, &get)].concat();
    for _ in 0..200_000 {
        empty.extend(frame(raw::DATA, 0, 1, &[]));
    }
    for (name, octets) in [
        ("rapid reset", rapid_reset),
        ("CONTINUATION", continuation),
        ("empty DATA", empty),
    ] {
        let mut stream = raw::connect(url).await;
        // The server may close in the middle.
        let _ = stream.write_all(&octets).await;
        let (seen, closed) = raw::frames(&mut stream, Duration::from_secs(3)).await;
        let told = seen.iter().any(|(kind, ..)| *kind == raw::GOAWAY);
        assert!(closed || told, "{name}: {} frames", seen.len());
        assert_eq!(challenge_from([127, 0, 0, 1].into(), url).await, Ok(201), "{name}");
    }
}
