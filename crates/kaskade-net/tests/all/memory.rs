//! What peers can make a node hold: a server in a process of its own, with little memory, and peers that mean harm.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use hyper::Request;
use hyper::body::Frame;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use kaskade_net::sbi::limits::{CONNECTION_OCTETS, Limits, STREAM_OCTETS};
use rustix::process::{Resource, Rlimit, setrlimit};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::common::raw::{self, END_HEADERS, END_STREAM, HEADERS, frame, hello};
use crate::common::{Home, Link, client, snn, supi};
use kaskade_net::role::seaf::AusfClient;
use kaskade_net::sbi::client::ClientOptions;

const PATH: &str = "/nausf-auth/v1/ue-authentications";
const CHILD: &str = "KASKADE_TEST_MEMORY_CHILD";

/// Not a test of its own: the server of the others, with 1.5 GB of addresses.
#[test]
fn server_with_little_memory() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let limit = Some(1_500_000_000);
    setrlimit(
        Resource::As,
        Rlimit {
            current: limit,
            maximum: limit,
        },
    )
    .unwrap();
    // As `kaskade up` does: with an arena for each thread the same load costs now more, now less.
    kaskade_store::bound_arenas();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let home = Home::start(Link::Local);
        println!("url={}", home.ausf_url());
        std::future::pending::<()>().await;
    });
}

struct Server {
    process: Child,
    url: String,
}

impl Server {
    fn start() -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["memory::server_with_little_memory", "--exact", "--nocapture"])
            .env(CHILD, "1")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let url = lines.find_map(|line| Some(line.ok()?.split_once("url=")?.1.to_owned()));
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            process,
            url: url.expect("a server"),
        }
    }

    /// The most memory it ever had, in octets; it must be alive.
    fn most_memory(&mut self) -> usize {
        assert!(self.process.try_wait().unwrap().is_none(), "the server has died");
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").trim().parse::<usize>().unwrap() * 1024
    }

    /// Somebody who comes with a request, over a new connection and over one that was there before.
    async fn serves(&mut self, before: &AusfClient) {
        let seaf = AusfClient::new(&self.url, ClientOptions::default()).unwrap();
        for seaf in [&seaf, before] {
            for index in 0..3 {
                let answer = seaf.authenticate(supi(index), snn()).await;
                assert!(answer.is_ok(), "{answer:?}");
            }
        }
        let most = self.most_memory();
        // The program itself, without peers, has some.
        let bound = Limits::default().worst_case(2).octets() + 32 * 1024 * 1024;
        println!("most memory: {} MiB of {} MiB", most >> 20, bound >> 20);
        assert!(most < bound, "{most} octets");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// 100 connections of 500 requests, each with 65 000 octets of a body that does not end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_do_not_end_cost_what_they_may() {
    raw::raise_descriptors(8192);
    let mut server = Server::start();
    let before = AusfClient::new(&server.url, ClientOptions::default()).unwrap();
    before.authenticate(supi(0), snn()).await.unwrap();
    let mut refused = 0;
    let mut held = Vec::new();
    for _ in 0..100 {
        let stream = TcpStream::connect(raw::address(&server.url)).await.unwrap();
        let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection);
        for _ in 0..500 {
            let mut sender = sender.clone();
            let url = server.url.clone();
            held.push(tokio::spawn(async move {
                let begun = unended();
                let request = Request::post(format!("{url}{PATH}"))
                    .header("content-type", "application/json")
                    .body(begun)
                    .unwrap();
                Some(sender.send_request(request).await.ok()?.status().as_u16())
            }));
        }
        tokio::task::yield_now().await;
    }
    for _ in 0..6 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        server.serves(&before).await;
    }
    for request in held {
        if request.is_finished() {
            refused += usize::from(request.await.unwrap() == Some(503));
        } else {
            request.abort();
        }
    }
    assert!(refused > 1000, "503 beyond the budget of a connection: {refused}");
    server.serves(&before).await;
}

/// 65 000 octets, and then nothing for ever.
fn unended() -> impl hyper::body::Body<Data = Bytes, Error = std::convert::Infallible> + Send + Unpin {
    static OCTETS: [u8; 13_000] = [b'{'; 13_000];
    Pieces(5, &OCTETS)
}

struct Pieces(usize, &'static [u8]);

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.0 == 0 {
            return std::task::Poll::Pending;
        }
        self.0 -= 1;
        std::task::Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(self.1)))))
    }
}

/// Requests that wait for the first octet of their body, as many as there may be: what a stream costs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_wait_cost_what_they_may() {
    raw::raise_descriptors(8192);
    let mut server = Server::start();
    let before = AusfClient::new(&server.url, ClientOptions::default()).unwrap();
    before.authenticate(supi(0), snn()).await.unwrap();
    let empty = server.most_memory();
    let mut held = Vec::new();
    for _ in 0..200 {
        let mut octets = hello(None);
        for request in 0..120 {
            octets.extend(frame(HEADERS, END_HEADERS, 2 * request + 1, &raw::block("POST", PATH)));
        }
        held.push(raw::say(&server.url, &octets).await);
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    server.serves(&before).await;
    let each = (server.most_memory() - empty) / (200 * 120);
    println!("a request that waits costs {each} octets");
    assert!(each < STREAM_OCTETS + CONNECTION_OCTETS / 120, "{each}");
}

/// Requests whose answers nobody reads: no window for them, or no reading of the socket.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_nobody_reads_cost_what_they_may() {
    raw::raise_descriptors(8192);
    let mut server = Server::start();
    let before = AusfClient::new(&server.url, ClientOptions::default()).unwrap();
    before.authenticate(supi(0), snn()).await.unwrap();
    let mut held = Vec::new();
    for (window, batches) in [(Some(0), 1), (None, 20)] {
        for _ in 0..200 {
            held.push(raw::say(&server.url, &hello(window)).await);
        }
        let from = held.len() - 200;
        for batch in 0..batches {
            for stream in &mut held[from..] {
                let octets = requests(120 * batch, 120);
                // Whoever does not read cannot write for ever.
                let write = tokio::time::timeout(Duration::from_millis(50), stream.write_all(&octets));
                write.await.ok();
            }
        }
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_millis(300)).await;
            server.serves(&before).await;
        }
    }
}

/// So many requests that get a short refusal, from this one on.
fn requests(from: u32, count: u32) -> Vec<u8> {
    let get = raw::block("GET", "/nausf-auth/v1/nothing-of-that-name-is-here");
    let headers = (from..from + count).map(|at| frame(HEADERS, END_HEADERS | END_STREAM, 2 * at + 1, &get));
    headers.collect::<Vec<_>>().concat()
}

#[tokio::test]
async fn an_answer_that_is_not_read_is_dropped_with_its_connection() {
    let home = Home::start_with(Link::Local, |setup| {
        setup.server.limits.patience = Duration::from_millis(400);
    });
    let url = home.ausf_url();
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut deaf = socket.connect(raw::address(url)).await.unwrap();
    deaf.write_all(&hello(None)).await.unwrap();
    let writes = async {
        for batch in 0.. {
            // The write fails when the server has closed.
            if deaf.write_all(&requests(100 * batch, 100)).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let closed = tokio::time::timeout(Duration::from_secs(20), writes).await;
    closed.expect("the server closes");
    let answer = client(url).send(hyper::Method::GET, "/", None).await.unwrap();
    assert_eq!(answer.status.as_u16(), 400);
}

/// A connection that is full is told so, with the time to try again.
#[tokio::test]
async fn a_full_connection_is_told_to_come_back() {
    let home = Home::start_with(Link::Local, |setup| {
        setup.server.limits.octets_per_connection = 64 * 1024;
    });
    let mut stream = raw::say(home.ausf_url(), &hello(None)).await;
    for request in 0..40 {
        let post = frame(HEADERS, END_HEADERS, 2 * request + 1, &raw::block("POST", PATH));
        stream.write_all(&post).await.unwrap();
    }
    let (seen, _) = raw::frames(&mut stream, Duration::from_millis(500)).await;
    let bodies: Vec<_> = seen
        .iter()
        .filter(|(kind, ..)| *kind == raw::DATA)
        .map(|(.., body)| String::from_utf8_lossy(body).into_owned())
        .collect();
    assert!(bodies.len() > 10, "{bodies:?}");
    assert!(
        bodies
            .iter()
            .all(|body| body.contains("\"status\":503") && body.contains("NF_CONGESTION"))
    );
}
