//! `openssl s_client` and `openssl s_server`.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use kaskade_net::psk::{Profile, PskSuite};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpStream, UdpSocket};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::{IDENTITY, KEY};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A program that ends with the test.
pub(super) struct Program(Child);

/// What it left.
pub(super) struct Left {
    pub(super) is_success: bool,
    pub(super) output: String,
    pub(super) errors: String,
}

impl Left {
    /// The alert that it was sent.
    pub(super) fn alert(&self) -> Option<u8> {
        let (_, number) = self.errors.split_once("SSL alert number ")?;
        number.split_whitespace().next()?.parse().ok()
    }
}

impl Program {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new("openssl");
        // Nothing of this machine's configuration.
        command
            .args(arguments)
            .env("OPENSSL_CONF", "/dev/null")
            .kill_on_drop(true);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Self(command.spawn().unwrap())
    }

    pub(super) async fn write(&mut self, text: &str) {
        self.0.stdin.as_mut().unwrap().write_all(text.as_bytes()).await.unwrap();
    }

    /// Its output up to a line that holds this.
    pub(super) async fn read_to(&mut self, what: &str) -> String {
        let output = self.0.stdout.as_mut().unwrap();
        let (mut text, mut lines) = (String::new(), BufReader::new(output));
        let found = async {
            while !text.contains(what) {
                assert_ne!(
                    lines.read_line(&mut text).await.unwrap(),
                    0,
                    "{what:?} is not in {text:?}"
                );
            }
        };
        assert!(timeout(PATIENCE, found).await.is_ok(), "no {what:?} in time");
        text
    }

    /// Until it ends by itself.
    pub(super) async fn end(mut self) -> Left {
        let output = async {
            let (mut output, mut errors) = (String::new(), String::new());
            let (from, and) = (self.0.stdout.as_mut().unwrap(), self.0.stderr.as_mut().unwrap());
            let (a, b) = tokio::join!(from.read_to_string(&mut output), and.read_to_string(&mut errors));
            a.and(b).unwrap();
            let is_success = self.0.wait().await.unwrap().success();
            Left {
                is_success,
                output,
                errors,
            }
        };
        timeout(PATIENCE, output).await.unwrap()
    }
}

/// Options that say what a profile says.
pub(super) fn options(profile: Profile) -> Vec<&'static str> {
    match profile {
        Profile::Tls13 => vec!["-tls1_3", "-ciphersuites", "TLS_AES_128_GCM_SHA256"],
        Profile::Tls12(suite) => vec!["-tls1_2", "-cipher", suite.openssl_name()],
        Profile::Dtls12(suite) => vec!["-dtls1_2", "-cipher", suite.openssl_name()],
        _ => unreachable!("a profile that the tests do not know"),
    }
}

/// `s_client` with these options and no others.
pub(super) fn client_with(address: SocketAddr, options: &[&str]) -> Program {
    let address = address.to_string();
    Program::start(&[&["s_client", "-connect", &address], options].concat())
}

/// `s_client` of a profile with a key of hexadecimal digits.
pub(super) fn client(address: SocketAddr, profile: Profile, identity: &str, key: &str) -> Program {
    let rest = ["-quiet", "-psk_identity", identity, "-psk", key];
    client_with(address, &[&options(profile)[..], &rest].concat())
}

/// `s_client` that holds the right key.
pub(super) fn honest_client(address: SocketAddr, profile: Profile) -> Program {
    client(address, profile, IDENTITY, &hex::encode(KEY))
}

/// An address of this machine where nobody is.
async fn free_address(is_udp: bool) -> SocketAddr {
    match is_udp {
        true => UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap(),
        false => {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            listener.local_addr().unwrap()
        }
    }
}

/// `s_server` with these options and no others, and where it is.
pub(super) async fn server_with(is_udp: bool, options: &[&str]) -> (Program, SocketAddr) {
    let address = free_address(is_udp).await;
    let port = address.to_string();
    let program = Program::start(&[&["s_server", "-quiet", "-accept", &port], options].concat());
    (program, address)
}

/// `s_server` of a profile that holds the right key, and where it is.
pub(super) async fn honest_server(profile: Profile) -> (Program, SocketAddr) {
    let key = hex::encode(KEY);
    let rest = [
        "-nocert",
        "-psk_identity",
        IDENTITY,
        "-psk",
        &key,
        "-psk_hint",
        "3GPP-AKMA",
    ];
    server_with(profile.is_for_datagrams(), &[&options(profile)[..], &rest].concat()).await
}

/// A connection with a server that is just being started.
pub(super) async fn connect(address: SocketAddr) -> TcpStream {
    for _ in 0..600 {
        if let Ok(stream) = TcpStream::connect(address).await {
            return stream;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("nobody listens on {address}");
}

/// Every profile over streams.
pub(super) fn stream_profiles() -> impl Iterator<Item = Profile> {
    let of_1_2 = PskSuite::ALL.iter().map(|suite| Profile::Tls12(*suite));
    std::iter::once(Profile::Tls13).chain(of_1_2)
}

/// Every profile over datagrams.
pub(super) fn datagram_profiles() -> impl Iterator<Item = Profile> {
    PskSuite::ALL.iter().map(|suite| Profile::Dtls12(*suite))
}
