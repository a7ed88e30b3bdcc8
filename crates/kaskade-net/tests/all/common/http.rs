//! Requests as a stranger would send them, by a bare HTTP/2 client and by curl. Every answer is checked against the schemas.

use std::convert::Infallible;
use std::process::{Command, Stdio};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Body;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use kaskade_testkit::schema::Seen;
use serde_json::Value;
use tokio::net::TcpStream;

use super::schema::SERVICES;

/// A request.
#[derive(Clone, Debug)]
pub struct Ask<'a> {
    pub method: &'a str,
    pub path: String,
    pub headers: Vec<(&'a str, String)>,
    pub body: Option<Vec<u8>>,
}

impl<'a> Ask<'a> {
    /// With a JSON body.
    pub fn json(method: &'a str, path: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        Self::bare(method, path)
            .header("content-type", "application/json")
            .body(body)
    }

    /// With nothing.
    pub fn bare(method: &'a str, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            headers: Vec::new(),
            body: None,
        }
    }

    pub fn header(mut self, name: &'a str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Told {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Told {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(&found.1)
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The text of a member, by JSON Pointer.
    pub fn text(&self, pointer: &str) -> String {
        let json = self.json();
        let text = json.pointer(pointer).and_then(Value::as_str);
        text.unwrap_or_else(|| panic!("no {pointer} in {json}")).to_owned()
    }

    fn check(&self, ask: &Ask<'_>) {
        let seen = Seen {
            method: ask.method,
            path: ask.path.split('?').next().unwrap(),
            status: self.status,
            content_type: self.header("content-type"),
            location: self.header("location"),
            body: &self.body,
        };
        SERVICES.check_answer(&seen);
    }
}

/// Sends a request over a connection of its own.
pub async fn send(url: &str, ask: &Ask<'_>) -> Told {
    let told = send_unchecked(url, ask).await;
    told.check(ask);
    told
}

/// As [`send`], for a path in a spelling that the schemas do not know, or a body that they do not allow.
pub async fn send_unchecked(url: &str, ask: &Ask<'_>) -> Told {
    let body = Full::new(Bytes::from(ask.body.clone().unwrap_or_default()));
    send_with(url, ask, body).await
}

/// The same with a body that comes as it likes, in place of the request's own.
pub async fn send_with<B>(url: &str, ask: &Ask<'_>, body: B) -> Told
where
    B: Body<Data = Bytes, Error = Infallible> + Send + Unpin + 'static,
{
    let address = url.strip_prefix("http://").unwrap();
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let mut request = Request::builder().method(ask.method).uri(format!("{url}{}", ask.path));
    for (name, value) in &ask.headers {
        request = request.header(*name, value);
    }
    let response = sender.send_request(request.body(body).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let headers = parts.headers.iter();
    Told {
        status: parts.status.as_u16(),
        headers: headers
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect(),
        body: body.collect().await.unwrap().to_bytes().to_vec(),
    }
}

/// Lets curl send a request. `extra` are further arguments.
pub async fn curl(url: &str, ask: &Ask<'_>, extra: &[&str]) -> Told {
    let (status, told) = try_curl(url, ask, extra).await;
    assert!(status == 0, "curl ended with {status}: {ask:?}");
    let told = told.expect("an answer");
    told.check(ask);
    told
}

/// Lets curl send a request; gives its exit code, and the answer if there was one.
pub async fn try_curl(url: &str, ask: &Ask<'_>, extra: &[&str]) -> (i32, Option<Told>) {
    let mut command = Command::new("curl");
    command.args([
        "--silent",
        "--include",
        "--max-time",
        "20",
        "--path-as-is",
        "-X",
        ask.method,
    ]);
    if url.starts_with("http://") {
        command.arg("--http2-prior-knowledge");
    }
    command.args(extra);
    // curl adds a content type of its own to a body.
    if !ask
        .headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("content-type"))
    {
        command.args(["-H", "content-type:"]);
    }
    for (name, value) in &ask.headers {
        command.arg("-H").arg(format!("{name}: {value}"));
    }
    if ask.body.is_some() {
        command.args(["--data-binary", "@-"]).stdin(Stdio::piped());
    } else {
        command.stdin(Stdio::null());
    }
    command.arg(format!("{url}{}", ask.path));
    let body = ask.body.clone();
    let run = move || {
        let mut process = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("curl: apt-get install curl, or KASKADE_SKIP_INTEROP=1");
        if let (Some(mut input), Some(body)) = (process.stdin.take(), body) {
            // A server that refuses may not read it all.
            let _ = std::io::Write::write_all(&mut input, &body);
        }
        process.wait_with_output().unwrap()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    (output.status.code().unwrap_or(-1), parse(&output.stdout))
}

fn parse(output: &[u8]) -> Option<Told> {
    let mut rest = output;
    // An interim answer (100) comes before the answer.
    while rest.starts_with(b"HTTP/2 1") {
        rest = &rest[rest.windows(4).position(|window| window == b"\r\n\r\n")? + 4..];
    }
    let end = rest.windows(4).position(|window| window == b"\r\n\r\n")?;
    let (head, body) = (std::str::from_utf8(&rest[..end]).ok()?, &rest[end + 4..]);
    let mut lines = head.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/2 ")?.trim().parse().ok()?;
    let headers = lines.filter_map(|line| line.split_once(": "));
    Some(Told {
        status,
        headers: headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        body: body.to_vec(),
    })
}
