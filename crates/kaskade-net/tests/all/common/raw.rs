//! HTTP/2 frame by frame, for peers that a client library would not be.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const CONTINUATION: u8 = 9;

pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut octets = vec![len[1], len[2], len[3], kind, flags];
    octets.extend_from_slice(&stream.to_be_bytes());
    octets.extend_from_slice(payload);
    octets
}

/// Preface and SETTINGS, with a window for answers if it is not the usual one.
pub fn hello(window: Option<u32>) -> Vec<u8> {
    let mut settings = Vec::new();
    if let Some(window) = window {
        settings.extend_from_slice(&4u16.to_be_bytes());
        settings.extend_from_slice(&window.to_be_bytes());
    }
    [PREFACE, &frame(SETTINGS, 0, 0, &settings)].concat()
}

/// A header block (RFC 7541) of a JSON request. Every value is short and literal.
pub fn block(method: &str, path: &str) -> Vec<u8> {
    let mut block = vec![0x86];
    let mut literal = |name: u8, value: &str| {
        block.extend_from_slice(&[name, u8::try_from(value.len()).unwrap()]);
        block.extend_from_slice(value.as_bytes());
    };
    // Without indexing: :method is 2, :path 4, :authority 1, content-type 31 (15 and 16 more).
    literal(0x02, method);
    literal(0x04, path);
    literal(0x01, "127.0.0.1");
    block.extend_from_slice(&[0x0F, 16]);
    let json = "application/json";
    block.push(u8::try_from(json.len()).unwrap());
    block.extend_from_slice(json.as_bytes());
    block
}

pub fn address(url: &str) -> SocketAddr {
    let at = url.split("://").nth(1).unwrap();
    at.parse().unwrap()
}

/// A connection from this address of the loopback.
pub async fn connect_from(from: IpAddr, url: &str) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    socket.connect(address(url)).await
}

pub async fn connect(url: &str) -> TcpStream {
    TcpStream::connect(address(url)).await.unwrap()
}

/// A connection that has sent these octets.
pub async fn say(url: &str, octets: &[u8]) -> TcpStream {
    let mut stream = connect(url).await;
    stream.write_all(octets).await.unwrap();
    stream
}

/// The next frame: kind, flags, stream, payload. `None` when the connection ends.
pub async fn next_frame(stream: &mut TcpStream) -> Option<(u8, u8, u32, Vec<u8>)> {
    let mut head = [0; 9];
    stream.read_exact(&mut head).await.ok()?;
    let len = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let mut payload = vec![0; len as usize];
    stream.read_exact(&mut payload).await.ok()?;
    let on = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
    Some((head[3], head[4], on, payload))
}

/// All frames until the connection ends, or nothing comes for so long.
pub async fn frames(stream: &mut TcpStream, silence: Duration) -> (Vec<(u8, u8, u32, Vec<u8>)>, bool) {
    let mut seen = Vec::new();
    loop {
        match tokio::time::timeout(silence, next_frame(stream)).await {
            Ok(Some(frame)) => seen.push(frame),
            Ok(None) => return (seen, true),
            Err(_) => return (seen, false),
        }
    }
}

/// Whether the other side has closed the connection.
pub async fn is_closed(stream: &mut TcpStream) -> bool {
    frames(stream, Duration::from_millis(50)).await.1
}

/// Lets this process open more files than it may by default.
pub fn raise_descriptors(needed: u64) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < needed) {
        let raised = Rlimit {
            current: Some(needed),
            maximum: limit.maximum,
        };
        setrlimit(Resource::Nofile, raised).expect("the hard limit of open files is too low for this test");
    }
}
