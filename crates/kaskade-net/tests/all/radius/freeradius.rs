//! FreeRADIUS: its client asks our server, and its server is a proxy in front of ours.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use kaskade_codec::radius::{AttributeType, Told};
use kaskade_crypto::radius::SharedSecret;
use tempfile::TempDir;
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::toy::{Gateway, SECRET, assert_in, assert_rejected, cui, response, server, sum};
use super::udp::{Listening, run, socket_to};
use crate::common::without_interop;

const REMEDY: &str = "apt-get install freeradius freeradius-utils";
/// What the proxy shares with its client.
const OUTER: &[u8] = b"what the gateway has";

fn secret_text() -> &'static str {
    std::str::from_utf8(SECRET).unwrap()
}

/// Sends what `attributes` say by `radclient`, once; whether it took an answer, and what it printed.
async fn radclient(to: SocketAddr, command: &str, secret: &str, attributes: &str) -> Option<(bool, String)> {
    let mut program = Command::new("radclient");
    program.args(["-x", "-r", "1", "-t", "1", &to.to_string(), command, secret]);
    program
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let Ok(mut child) = program.spawn() else {
        kaskade_oracle::missing_program("`radclient`", REMEDY);
        return None;
    };
    child.stdin.take().unwrap().write_all(attributes.as_bytes()).unwrap();
    // The server is on this thread.
    let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap())
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    Some((output.status.success(), text))
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

/// A server of FreeRADIUS that passes everything on.
struct Proxy {
    process: Child,
    folder: TempDir,
    address: SocketAddr,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Proxy {
    async fn start(home: SocketAddr) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        // A port that was free a moment ago.
        let address = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        std::fs::write(
            folder.path().join("radiusd.conf"),
            configuration(folder.path(), address, home),
        )
        .unwrap();
        let program = ["freeradius", "/usr/sbin/freeradius"].into_iter().find_map(|program| {
            let mut command = Command::new(program);
            command.arg("-d").arg(folder.path()).args(["-f", "-l", "stdout"]);
            command
                .stdout(std::fs::File::create(folder.path().join("log")).unwrap())
                .spawn()
                .ok()
        });
        let Some(process) = program else {
            kaskade_oracle::missing_program("`freeradius`", REMEDY);
            return None;
        };
        let proxy = Self {
            process,
            folder,
            address,
        };
        proxy.is_ready().await;
        Some(proxy)
    }

    /// Waits until it answers.
    async fn is_ready(&self) {
        let socket = socket_to(self.address).await;
        let exchange = Gateway::under(SharedSecret::new(OUTER).unwrap(), b"monitor").exchange;
        for number in 0..100_u8 {
            let sent = exchange.status(number, &[number; 16]).unwrap();
            // Nobody listens yet: the kernel may say so.
            let _ = socket.send(sent.octets()).await;
            let mut buffer = [0; 4096];
            if let Ok(Ok(_)) = timeout(Duration::from_millis(100), socket.recv(&mut buffer)).await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        panic!("FreeRADIUS does not answer: {log}");
    }
}

fn configuration(folder: &Path, address: SocketAddr, home: SocketAddr) -> String {
    let folder = folder.display();
    let (outer, inner) = (std::str::from_utf8(OUTER).unwrap(), secret_text());
    let (listen, port, home_port) = (address.ip(), address.port(), home.port());
    format!(
        "prefix = /usr
libdir = /usr/lib/freeradius
logdir = {folder}
run_dir = {folder}
raddbdir = {folder}
pidfile = {folder}/pid
proxy_requests = yes
security {{
    reject_delay = 0
    status_server = yes
    max_attributes = 200
}}
proxy server {{
    default_fallback = no
}}
home_server kaskade {{
    type = auth
    ipaddr = 127.0.0.1
    port = {home_port}
    secret = \"{inner}\"
    status_check = status-server
    response_window = 10
}}
home_server_pool kaskade {{
    type = fail-over
    home_server = kaskade
}}
realm kaskade {{
    auth_pool = kaskade
    nostrip
}}
client gateway {{
    ipaddr = 127.0.0.1
    secret = \"{outer}\"
}}
modules {{
}}
server default {{
    listen {{
        type = auth
        ipaddr = {listen}
        port = {port}
    }}
    authorize {{
        update control {{
            Proxy-To-Realm := kaskade
        }}
    }}
}}
"
    )
}

#[tokio::test]
async fn freeradius_in_between_passes_runs_on() {
    if without_interop() {
        return;
    }
    let listening = Listening::start(server()).await;
    let Some(proxy) = Proxy::start(listening.address).await else {
        return;
    };
    let outer = || SharedSecret::new(OUTER).unwrap();
    let socket = socket_to(proxy.address).await;
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
