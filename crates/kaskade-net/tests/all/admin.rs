//! The server of administration: HTTP/1.1 and HTTP/2 over TCP, TLS and a Unix socket, and what bounds its visitors.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::StatusCode;
use kaskade_net::admin::{Answering, Body, Handler, Limits, Listener, Request, Response, Unreadable, Visitor, serve};
use kaskade_net::sbi::server::Shutdown;
use kaskade_net::sbi::tls::ServerTls;
use tokio::net::UnixListener;
use tokio::task::JoinHandle;

use crate::common::without_interop;
use crate::tls::Pki;

/// Says who asks, counts what it gets, and answers in many pieces.
struct Desk;

const PIECES: usize = 500;

impl Handler for Desk {
    fn handle(&self, visitor: Arc<Visitor>, request: Request) -> Answering<'_> {
        Box::pin(async move {
            let (head, mut upload) = request.into_parts();
            match head.uri.path() {
                "/who" => Response::new(Body::whole(format!("{visitor} {:?}", head.version))),
                "/small" => match upload.whole(1000).await {
                    Ok(octets) => Response::new(Body::whole(octets.len().to_string())),
                    Err(why) => refused(why),
                },
                "/count" => {
                    let mut count = 0;
                    loop {
                        match upload.next().await {
                            Ok(Some(octets)) => count += octets.len(),
                            Ok(None) => return Response::new(Body::whole(count.to_string())),
                            Err(why) => return refused(why),
                        }
                    }
                }
                "/long" | "/broken" => {
                    let (mut producer, body) = Body::stream(2);
                    let breaks = head.uri.path() == "/broken";
                    tokio::spawn(async move {
                        for piece in 0..PIECES {
                            if !producer.send(format!("{piece}\n")).await {
                                return;
                            }
                        }
                        if breaks {
                            producer.break_off();
                        }
                    });
                    Response::new(body)
                }
                _ => std::future::pending().await,
            }
        })
    }
}

fn refused(why: Unreadable) -> Response {
    let mut answer = Response::new(Body::whole(why.to_string()));
    *answer.status_mut() = match why {
        Unreadable::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::REQUEST_TIMEOUT,
    };
    answer
}

struct Office {
    address: Option<SocketAddr>,
    shutdown: Shutdown,
    serving: JoinHandle<()>,
}

impl Office {
    fn open(listener: Listener, limits: Limits) -> Self {
        let (address, shutdown) = (listener.address(), Shutdown::new());
        let serving = tokio::spawn(serve(listener, Arc::new(Desk), limits, shutdown.clone()));
        Self {
            address,
            shutdown,
            serving,
        }
    }

    fn tcp(tls: Option<ServerTls>, limits: Limits) -> Self {
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        Self::open(Listener::tcp(free, tls).unwrap(), limits)
    }

    fn address(&self) -> SocketAddr {
        self.address.unwrap()
    }

    async fn close(self) {
        self.shutdown.begin();
        tokio::time::timeout(Duration::from_secs(20), self.serving)
            .await
            .expect("it ends")
            .unwrap();
    }
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.patience = Duration::from_millis(600);
    limits.idle = Duration::from_secs(2);
    limits
}

async fn curl(args: &[&str]) -> Output {
    let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
    let run = move || {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--max-time", "20"]).args(args);
        curl.output().unwrap()
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

async fn told(args: &[&str]) -> String {
    let output = curl(args).await;
    assert!(output.status.success(), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn whole_list() -> String {
    (0..PIECES).map(|piece| format!("{piece}\n")).collect()
}

/// The whole desk, by both versions of HTTP.
async fn try_all(root: &str, args: &[&str], visitor: &str, http_2: &str, folder: &Path) {
    let large = folder.join("large");
    std::fs::write(&large, vec![b'x'; 3_000_000]).unwrap();
    let upload = format!("@{}", large.display());
    for (version, name) in [("--http1.1", "HTTP/1.1"), (http_2, "HTTP/2.0")] {
        let ask = |path: &str, more: &[&str]| {
            let url = format!("{root}{path}");
            let all: Vec<String> = [args, &[version], more, &[&url]]
                .concat()
                .iter()
                .map(|arg| (*arg).to_owned())
                .collect();
            async move { told(&all.iter().map(String::as_str).collect::<Vec<_>>()).await }
        };
        assert_eq!(ask("/who", &[]).await, format!("{visitor} {name}"));
        assert_eq!(
            ask("/count", &["--data-binary", &upload, "-H", "expect:"]).await,
            "3000000"
        );
        assert_eq!(ask("/small", &["--data-binary", "12345"]).await, "5");
        let refused = ask(
            "/small",
            &["--data-binary", &upload, "-H", "expect:", "-w", " %{http_code}"],
        )
        .await;
        assert_eq!(refused, "the body has more than 1000 octets 413", "{name}");
        assert_eq!(ask("/long", &[]).await, whole_list());
        let url = format!("{root}/broken");
        let broken = curl(&[args, &[version, url.as_str()]].concat()).await;
        assert!(
            !broken.status.success(),
            "{name}: an end is missing, and nobody may take it for one"
        );
    }
}

#[tokio::test]
async fn both_versions_over_tcp_tls_and_a_unix_socket() {
    if without_interop() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let office = Office::tcp(None, limits());
    let root = format!("http://{}", office.address());
    try_all(&root, &[], "127.0.0.1", "--http2-prior-knowledge", folder.path()).await;
    office.close().await;

    let pki = Pki::new();
    let office = Office::tcp(Some(pki.server(true)), limits());
    let root = format!("https://{}", office.address());
    let (ca, cert, key) = (pki.arg("ca.pem"), pki.arg("client.pem"), pki.arg("client.key"));
    let args = ["--cacert", &ca, "--cert", &cert, "--key", &key];
    try_all(&root, &args, "localhost", "--http2", folder.path()).await;
    let stranger = curl(&["--cacert", &ca, &format!("{root}/who")]).await;
    assert!(!stranger.status.success(), "{stranger:?}");
    // Another authority from the next handshake on.
    let other = Pki::new();
    let tls = pki.server(true);
    let listener = Listener::tcp(SocketAddr::from(([127, 0, 0, 1], 0)), Some(tls)).unwrap();
    let current = listener.tls().unwrap().clone();
    let renewed = Office::open(listener, limits());
    let who = format!("https://{}/who", renewed.address());
    told(&[&args[..], &[&who]].concat()).await;
    current.replace_by(&other.server(true).with_http_1());
    assert!(!curl(&[&args[..], &[&who]].concat()).await.status.success());
    let (ca, cert, key) = (other.arg("ca.pem"), other.arg("client.pem"), other.arg("client.key"));
    assert_eq!(
        told(&["--http1.1", "--cacert", &ca, "--cert", &cert, "--key", &key, &who]).await,
        "localhost HTTP/1.1"
    );
    office.close().await;
    renewed.close().await;

    let path = folder.path().join("s");
    let office = Office::open(Listener::unix(UnixListener::bind(&path).unwrap()), limits());
    let path = path.to_str().unwrap();
    let uid = rustix::process::getuid().as_raw();
    let visitor = format!("uid {uid}");
    try_all(
        "http://here",
        &["--unix-socket", path],
        &visitor,
        "--http2-prior-knowledge",
        folder.path(),
    )
    .await;
    office.close().await;
}

#[tokio::test]
async fn administration_in_clear_is_for_this_machine() {
    for open in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let refused = Listener::tcp(open.parse().unwrap(), None).unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::PermissionDenied, "{refused}");
        assert!(refused.to_string().contains("loopback"), "{refused}");
    }
    Listener::tcp("0.0.0.0:0".parse().unwrap(), Some(Pki::new().server(false))).unwrap();
}

/// What is there when the peer has closed, and after how long.
fn until_closed(address: SocketAddr, said: &[u8]) -> (String, Duration) {
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
    stream.write_all(said).unwrap();
    let begun = Instant::now();
    let mut read = Vec::new();
    // Reset or closed: it is over.
    let ended = stream.read_to_end(&mut read);
    assert!(
        ended
            .as_ref()
            .err()
            .is_none_or(|error| error.kind() == std::io::ErrorKind::ConnectionReset),
        "{ended:?}"
    );
    (String::from_utf8_lossy(&read).into_owned(), begun.elapsed())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_nothing_half_a_head_or_half_a_body_is_let_go() {
    let office = Office::tcp(None, limits());
    let address = office.address();
    let in_time = |said: &'static [u8]| tokio::task::spawn_blocking(move || until_closed(address, said));
    let tls = Office::tcp(Some(Pki::new().server(false)), limits());
    let of_tls = tls.address();
    let silent_in_tls = tokio::task::spawn_blocking(move || until_closed(of_tls, b""));
    let all = [
        in_time(b""),
        in_time(b"GET /who HTT"),
        in_time(b"PRI * HTTP/2.0\r\n\r\nSM"),
        in_time(b"POST /count HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n12345"),
        in_time(b"POST /small HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n12345"),
        silent_in_tls,
    ];
    for (at, waiting) in all.into_iter().enumerate() {
        let (told, after) = waiting.await.unwrap();
        assert!(after < Duration::from_secs(8), "{at}: {after:?}");
        if at == 3 || at == 4 {
            assert!(
                told.starts_with("HTTP/1.1 408") && told.contains("did not come in time"),
                "{told}"
            );
        }
    }
    // A head that is too large, or has too many fields.
    let fields: String = (0..200).map(|at| format!("x-{at}: y\r\n")).collect();
    let large = format!("GET /who HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "y".repeat(40_000));
    for head in [format!("GET /who HTTP/1.1\r\nhost: a\r\n{fields}\r\n"), large] {
        let (told, _) = tokio::task::spawn_blocking(move || until_closed(address, head.as_bytes()))
            .await
            .unwrap();
        assert!(told.is_empty() || told.starts_with("HTTP/1.1 431"), "{told}");
    }
    office.close().await;
    tls.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_house_closes_what_is_idle_and_a_shutdown_ends_what_does_not() {
    let mut few = limits();
    few.connections = 3;
    few.drain = Duration::from_millis(300);
    let office = Office::tcp(None, few);
    let address = office.address();
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            stream.write_all(b"GET /who HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
            let mut told = [0; 12];
            stream.read_exact(&mut told).unwrap();
            assert_eq!(&told, b"HTTP/1.1 200");
            stream
        })
        .collect();
    let newest = tokio::task::spawn_blocking(move || {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream
            .write_all(b"GET /who HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
            .unwrap();
        let mut told = String::new();
        stream.read_to_string(&mut told).unwrap();
        told
    });
    assert!(newest.await.unwrap().ends_with("127.0.0.1 HTTP/1.1"));
    drop(waiting);
    let never = tokio::task::spawn_blocking(move || until_closed(address, b"GET /never HTTP/1.1\r\nhost: a\r\n\r\n"));
    tokio::time::sleep(Duration::from_millis(200)).await;
    office.close().await;
    assert_eq!(never.await.unwrap().0, "");
}

/// Somebody with a shell and `xargs`, or a portal that opens all of its connections at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_come_at_once_and_all_are_answered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let office = Office::open(Listener::unix(UnixListener::bind(&path).unwrap()), Limits::default());
    let ask = |path: &Path| {
        let path = path.to_owned();
        tokio::task::spawn_blocking(move || {
            let mut stream = std::os::unix::net::UnixStream::connect(path).unwrap();
            write!(stream, "GET /who HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).map(|_| answer)
        })
    };
    let asked: Vec<_> = (0..60).map(|_| ask(&path)).collect();
    for answer in asked {
        let answer = answer.await.unwrap().expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    office.close().await;
    if without_interop() {
        return;
    }
    let pki = Pki::new();
    let office = Office::tcp(Some(pki.server(true).with_http_1()), Limits::default());
    let who = format!("https://{}/who?[1-60]", office.address());
    let (ca, cert, key) = (pki.arg("ca.pem"), pki.arg("client.pem"), pki.arg("client.key"));
    let at_once = [
        "--parallel",
        "--parallel-immediate",
        "--parallel-max",
        "60",
        "--http1.1",
        "-w",
        " %{http_code} ",
    ];
    let identity = ["--cacert", &ca, "--cert", &cert, "--key", &key, &who];
    let answers = told(&[&at_once[..], &identity[..]].concat()).await;
    assert_eq!(answers.matches(" 200 ").count(), 60, "{answers}");
    office.close().await;
}
