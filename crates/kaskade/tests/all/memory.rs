//! What the program takes at most, with peers that want it to take more: the real one, under a limit on its memory.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit, setrlimit};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};

use crate::common::{Place, SUPI, Up};

/// Addresses that the program may have, in octets.
const LIMIT: u64 = 1_500_000_000;
const OTHER: &str = "imsi-001010000000002";
const STREAMS: u32 = 128;
const SOURCES: u8 = 8;

/// What is stated for a part, in MiB.
fn stated(sentence: &str, part: &str) -> usize {
    let mut parts = sentence.split([':', ',']).map(str::trim);
    let octets = parts.find_map(|words| words.strip_prefix(part)?.trim().parse().ok());
    octets.unwrap_or_else(|| unreachable!("{part} in {sentence}"))
}

fn memory_line(printed: &str) -> String {
    let mut lines = printed.lines();
    let line = lines.find(|line| line.starts_with("memory: "));
    line.expect("a line about memory").to_owned()
}

fn home(place: &Place) {
    for supi in [SUPI, OTHER] {
        place
            .with_secrets(&format!("subscriber add --supi {supi} --data data"))
            .ok();
    }
    place.file(
        "kaskade.toml",
        "data_dir = \"data\"\n[policy]\nserving_networks = [\"001-01\"]\n",
    );
}

#[test]
fn the_worst_case_follows_the_configuration_and_the_limits_of_the_process() {
    let place = Place::new();
    home(&place);
    let usual = place.kaskade("config check kaskade.toml").ok();
    let sum = |printed: &str| {
        let line = memory_line(printed);
        let (sum, _) = line["memory: ".len()..].split_once(' ').expect("a sum");
        sum.parse::<usize>().expect("MiB")
    };
    assert_eq!(
        (
            stated(&memory_line(&usual), "requests"),
            stated(&memory_line(&usual), "connections")
        ),
        (512, 384)
    );
    let more = "data_dir = \"data\"\n[limits]\nrequests_mib = 1024\nmax_connections = 8192\n";
    place.file("more.toml", more);
    let raised = place.kaskade("config check more.toml").ok();
    assert_eq!(sum(&raised), sum(&usual) + 2 * 768 + 7 * 384, "{raised}");

    // With a limit below that, the check and the start say so.
    let under = |limit_kib: usize, arguments: &str| {
        let program = env!("CARGO_BIN_EXE_kaskade");
        let output = Command::new("sh")
            .args(["-c", &format!("ulimit -v {limit_kib}; exec {program} {arguments}")])
            .current_dir(place.path("."))
            .output()
            .expect("it runs");
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    };
    let told = under(1 << 21, "config check more.toml");
    assert!(
        told.contains("note: ") && told.contains("RLIMIT_AS allows 2048 MiB"),
        "{told}"
    );
    assert!(!under(1 << 24, "config check more.toml").contains("RLIMIT_AS"));
    let started = under(1 << 21, "up --demo --once --data demo");
    assert!(
        started.contains("WARN") && started.contains("RLIMIT_AS allows 2048 MiB"),
        "{started}"
    );
}

/// Unfinished bodies under headers of hundreds of fields, bodies that grow, answers without a window, answers that nobody
/// reads, and half a handshake, from eight addresses over all the connections that there are.
#[test]
fn peers_that_mean_harm_take_what_is_stated_and_an_honest_one_is_served() {
    let limit = getrlimit(Resource::Nofile);
    let files = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, files).expect("this process may open as many files as its hard limit says");
    let place = Place::new();
    home(&place);
    // A small house, so that what is beyond its bounds shows. A disk that stands still for a second, as other tests make it, is not what is tried
    // here: with an audit log that refuses nobody is served meanwhile.
    let house = "data_dir = \"data\"\n[policy]\nserving_networks = [\"001-01\"]\n[limits]\nmax_connections = 256\nmax_handshakes = 32\nrequests_mib = 8\n\
                 [audit]\nwhen_full = \"go on\"\n";
    place.file("kaskade.toml", house);
    let line = memory_line(&place.kaskade("config check kaskade.toml").ok());
    let up = Up::start(&place, "up --config kaskade.toml");
    let limit = Rlimit {
        current: Some(LIMIT),
        maximum: Some(LIMIT),
    };
    let pid = Pid::from_raw(i32::try_from(up.pid()).expect("a process")).expect("not 0");
    prlimit(Some(pid), Resource::As, limit).expect("a limit for the program");

    let attach = || {
        let command = format!(
            "ue attach --ausf {} --supi {SUPI} --plmn 001-01 --state usim.json --json",
            up.ausf
        );
        place.with_secrets(&command).ok()
    };
    attach();
    let attack = Attack::begin(&up.ausf);
    let begun = Instant::now();
    let mut served = 0;
    while begun.elapsed() < Duration::from_secs(9) {
        assert!(attach().contains("\"agrees\""));
        served += 1;
        std::thread::sleep(Duration::from_millis(200));
    }
    let opened = attack.end();
    let most = most_memory(up.pid());
    let log = up.stop();
    assert!(!log.contains("panicked"), "{log}");
    // Nobody has filled the tables of challenges and results, nor the store.
    let stated: usize = ["requests", "connections", "handshakes", "headers", "buckets", "program"]
        .map(|part| stated(&line, part))
        .iter()
        .sum();
    println!("{opened} connections, {served} attached, most memory: {most} MiB of {stated} MiB");
    assert!(opened >= HELD * usize::from(SOURCES), "the attack is one: {opened}");
    assert!(most < stated, "{most} MiB, and {stated} MiB are stated");
    assert!(most > 48, "the attack costs something: {most} MiB");
}

/// The most memory that a process ever had, in MiB.
fn most_memory(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it lives");
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = most.and_then(|most| most.trim().strip_suffix(" kB")?.parse::<usize>().ok());
    kib.expect("a number") / 1024
}

struct Attack {
    over: Arc<AtomicBool>,
    opened: Arc<AtomicUsize>,
    thread: std::thread::JoinHandle<()>,
}

impl Attack {
    fn begin(url: &str) -> Self {
        let to: SocketAddr = url
            .strip_prefix("http://")
            .and_then(|at| at.parse().ok())
            .expect("an address");
        let (over, opened) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let runs = (over.clone(), opened.clone());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let sources = (2..2 + SOURCES)
                    .map(|last| tokio::spawn(from_one_source(last, to, runs.0.clone(), runs.1.clone())));
                for source in sources.collect::<Vec<_>>() {
                    source.await.expect("a source of harm");
                }
            });
        });
        Self { over, opened, thread }
    }

    fn end(self) -> usize {
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().expect("it ends");
        self.opened.load(Ordering::Relaxed)
    }
}

/// Connections that one source holds: all of them together are nearly as many as the node takes.
const HELD: usize = 30;

async fn from_one_source(last: u8, to: SocketAddr, over: Arc<AtomicBool>, opened: Arc<AtomicUsize>) {
    let kinds = [fields(), bodies(), no_window(), unread(), PREFACE[..20].to_vec()];
    let more = more_of_bodies();
    let mut held = VecDeque::new();
    for turn in 0.. {
        if over.load(Ordering::Relaxed) {
            return;
        }
        if held.len() == HELD {
            // What is held grows, slowly enough for the flow control.
            let (mut stream, kind) = held.pop_front().expect("many");
            if kind != 1 || say(&mut stream, &more).await {
                held.push_back((stream, kind));
            }
            tokio::time::sleep(Duration::from_millis(if kind == 1 { 5 } else { 0 })).await;
            continue;
        }
        let kind = [1, 0, 1, 2, 1, 4, 1, 0, 1, 3][turn % 10];
        let connected = async {
            let socket = TcpSocket::new_v4()?;
            socket.bind(SocketAddr::from(([127, 0, 0, last], 0)))?;
            socket.connect(to).await
        };
        if let Ok(Ok(mut stream)) = tokio::time::timeout(PATIENCE, connected).await {
            opened.fetch_add(1, Ordering::Relaxed);
            say(&mut stream, &kinds[kind]).await;
            held.push_back((stream, kind));
        }
    }
}

/// How long a write may take: whoever does not read cannot write for ever.
const PATIENCE: Duration = Duration::from_millis(500);

/// Writes this, or as much as there is room for. False when the server has closed.
async fn say(stream: &mut TcpStream, octets: &[u8]) -> bool {
    !matches!(
        tokio::time::timeout(PATIENCE, stream.write_all(octets)).await,
        Ok(Err(_))
    )
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).expect("a short frame").to_be_bytes();
    let mut octets = vec![len[1], len[2], len[3], kind, flags];
    octets.extend_from_slice(&stream.to_be_bytes());
    octets.extend_from_slice(payload);
    octets
}

fn hello(window: u32) -> Vec<u8> {
    let window = [&4u16.to_be_bytes()[..], &window.to_be_bytes()].concat();
    [PREFACE, &frame(SETTINGS, 0, 0, &window)].concat()
}

/// The header block of a POST, literally (RFC 7541).
fn post() -> Vec<u8> {
    let mut block = vec![0x83, 0x86];
    for (name, value) in [(4, "/nausf-auth/v1/ue-authentications"), (1, "x")] {
        block.extend_from_slice(&[name, u8::try_from(value.len()).expect("short")]);
        block.extend_from_slice(value.as_bytes());
    }
    block.extend_from_slice(b"\x0F\x10\x10application/json");
    block
}

fn on_all(window: u32, frames: impl Fn(u32) -> Vec<u8>) -> Vec<u8> {
    let streams = (0..STREAMS).map(|stream| frames(2 * stream + 1));
    [hello(window), streams.collect::<Vec<_>>().concat()].concat()
}

/// 220 fields of one octet, by their index: each costs the peer one octet.
fn fields() -> Vec<u8> {
    on_all(0xFFFF, |stream| {
        let first = if stream == 1 { &b"\x40\x01a\x00"[..] } else { &[] };
        frame(HEADERS, END_HEADERS, stream, &[&post(), first, &[0xBE; 220]].concat())
    })
}

/// Together less than the 65 535 octets that a connection may send before it has heard of more.
fn bodies() -> Vec<u8> {
    on_all(0xFFFF, |stream| {
        [
            frame(HEADERS, END_HEADERS, stream, &post()),
            frame(DATA, 0, stream, &[b' '; 500]),
        ]
        .concat()
    })
}

fn more_of_bodies() -> Vec<u8> {
    let streams = (0..STREAMS).map(|stream| frame(DATA, 0, 2 * stream + 1, &[b' '; 450]));
    streams.collect::<Vec<_>>().concat()
}

fn authentication(stream: u32) -> Vec<u8> {
    let body = format!("{{\"supiOrSuci\":\"{OTHER}\",\"servingNetworkName\":\"5G:mnc001.mcc001.3gppnetwork.org\"}}");
    let head = frame(HEADERS, END_HEADERS, stream, &post());
    [head, frame(DATA, END_STREAM, stream, body.as_bytes())].concat()
}

fn no_window() -> Vec<u8> {
    on_all(0, authentication)
}

fn unread() -> Vec<u8> {
    let batches =
        (1..10).flat_map(|batch| (0..STREAMS).map(move |stream| authentication(2 * (STREAMS * batch + stream) + 1)));
    [
        on_all(0x7FFF_FFFF, authentication),
        batches.collect::<Vec<_>>().concat(),
    ]
    .concat()
}
