//! `openssl s_client` and `openssl s_server`.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use kaskade_net::psk::{Profile, PskSuite};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use super::{IDENTITY, KEY};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A program that ends with the test.
pub(super) struct Program {
    process: Child,
    /// Not while somebody reads it.
    output: Option<BufReader<ChildStdout>>,
}

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

/// Work on a thread that may wait, in its time.
async fn waiting<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let done = timeout(PATIENCE, tokio::task::spawn_blocking(work)).await;
    done.expect("another program takes too long").unwrap()
}

impl Program {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new("openssl");
        // Nothing of this machine's configuration.
        command.args(arguments).env("OPENSSL_CONF", "/dev/null");
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let process = command.spawn();
        let mut process = process.expect("openssl: apt-get install openssl, or KASKADE_SKIP_INTEROP=1");
        let output = process.stdout.take().map(BufReader::new);
        Self { process, output }
    }

    /// Gives it a line, which fits into the pipe.
    pub(super) fn write(&mut self, text: &str) {
        self.process.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// Its output up to a line that holds this.
    pub(super) async fn read_to(&mut self, what: &'static str) -> String {
        let mut output = self.output.take().unwrap();
        let (output, text) = waiting(move || {
            let mut text = String::new();
            while !text.contains(what) {
                assert_ne!(output.read_line(&mut text).unwrap(), 0, "{what:?} is not in {text:?}");
            }
            (output, text)
        })
        .await;
        self.output = Some(output);
        text
    }

    /// Until it ends by itself.
    pub(super) async fn end(mut self) -> Left {
        let mut from = self.output.take().unwrap();
        let mut and = self.process.stderr.take().unwrap();
        let (output, errors) = waiting(move || {
            let read = |from: &mut dyn Read| {
                let mut text = String::new();
                from.read_to_string(&mut text).unwrap();
                text
            };
            std::thread::scope(|threads| {
                let errors = threads.spawn(move || read(&mut and));
                (read(&mut from), errors.join().unwrap())
            })
        })
        .await;
        let is_success = self.process.wait().unwrap().success();
        Left {
            is_success,
            output,
            errors,
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
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
