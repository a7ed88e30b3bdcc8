//! Commands beside a node that is busy, hangs, or is changed by others meanwhile.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::common::{K, OPC, Place, SUPI, Up, wait_until};

const SOCKET: &str = "data/admin.sock";
const OTHER_K: &str = "00112233445566778899aabbccddeeff";

fn home(place: &Place) -> Up {
    place
        .with_secrets(&format!("subscriber add --supi {SUPI} --data data"))
        .ok();
    place.file(
        "kaskade.toml",
        "data_dir = \"data\"\n[policy]\nserving_networks = [\"001-01\"]\n",
    );
    Up::start(place, "up --config kaskade.toml")
}

fn cards(place: &Place, from: u32, count: u32) {
    let lines: String = (from..from + count)
        .map(|number| format!("00101{number:010},{K},{OPC}\n"))
        .collect();
    place.file("cards.csv", &format!("imsi,k,opc\n{lines}"));
}

fn show(place: &Place, supi: &str) -> serde_json::Value {
    let shown = place
        .kaskade(&format!("subscriber show {supi} --json --data data"))
        .ok();
    serde_json::from_str(&shown).expect("JSON")
}

/// Passes octets on; `at_end` is called before what follows the end of an import goes on to the node.
fn pass(from: &mut UnixStream, to: &mut UnixStream, mut seen: impl FnMut(&[u8])) {
    let mut octets = [0; 65536];
    while let Ok(len @ 1..) = from.read(&mut octets) {
        seen(&octets[..len]);
        if to.write_all(&octets[..len]).is_err() {
            return;
        }
    }
}

/// What the file was checked against is not what it is written over: whoever was added in between stays, K and all.
#[test]
fn who_was_added_meanwhile_is_not_replaced() {
    let place = Place::new();
    let up = home(&place);
    cards(&place, 10, 5);
    place.file("other.csv", &format!("imsi,k,opc\n001010000000012,{OTHER_K},{OPC}\n"));
    // Between the command and its node, so that another comes between the two requests of the command.
    std::fs::rename(place.path(SOCKET), place.path("data/node.sock")).expect("moved");
    let listener = UnixListener::bind(place.path(SOCKET)).expect("a socket");
    let (node, other) = (place.path("data/node.sock"), AtomicBool::new(false));
    let mut before = None;
    let said = std::thread::scope(|scope| {
        scope.spawn(|| {
            let (mut command, _) = listener.accept().expect("the command");
            let mut stream = UnixStream::connect(&node).expect("the node");
            let (mut back, mut to_command) = (stream.try_clone().expect("a clone"), command.try_clone().expect("a clone"));
            let other = &other;
            scope.spawn(move || {
                pass(&mut back, &mut to_command, |octets| {
                    if String::from_utf8_lossy(octets).contains("\"event\":\"end\"") {
                        other.store(true, Ordering::Release);
                    }
                });
                // The command has its answer.
                let _ = to_command.shutdown(std::net::Shutdown::Both);
            });
            pass(&mut command, &mut stream, |octets| {
                let text = String::from_utf8_lossy(octets);
                if text.starts_with("POST") && !text.contains("dry_run") && before.is_none() {
                    wait_until("the check is over", || other.load(Ordering::Acquire));
                    let mut direct = UnixStream::connect(&node).expect("the node");
                    let body = format!("{{\"supi\":\"imsi-001010000000012\",\"k\":\"{OTHER_K}\",\"opc\":\"{OPC}\"}}");
                    let length = body.len();
                    let head = format!(
                        "POST /admin/v1/subscribers HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n\
                         content-length: {length}\r\n\r\n{body}"
                    );
                    direct.write_all(head.as_bytes()).expect("sent");
                    let mut answer = String::new();
                    direct.read_to_string(&mut answer).expect("an answer");
                    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
                    before = Some(answer);
                }
            });
            let _ = stream.shutdown(std::net::Shutdown::Both);
        });
        place.kaskade("subscriber import cards.csv --data data")
    });
    std::fs::rename(place.path("data/node.sock"), place.path(SOCKET)).expect("moved");
    let answer = before.expect("somebody was added");
    let said = said.refused();
    assert!(said.contains("line 4: ") && said.contains("exists already"), "{said}");
    assert!(said.contains("at least 0 of 5 subscribers are in"), "{said}");
    let fingerprint = show(&place, "imsi-001010000000012")["k_fingerprint"].clone();
    assert!(
        answer.contains(fingerprint.as_str().expect("a fingerprint")),
        "{answer}"
    );
    up.stop();
}

/// A place that others have is waited for some time, and is no fault of a line.
#[test]
fn a_node_that_is_busy_is_asked_again() {
    let place = Place::new();
    let up = home(&place);
    cards(&place, 10, 2);
    let hold = || {
        let mut stream = UnixStream::connect(place.path(SOCKET)).expect("a node");
        let head = "POST /admin/v1/subscribers/import HTTP/1.1\r\nhost: x\r\ncontent-type: text/csv\r\ntransfer-encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes()).expect("sent");
        let mut octets = [0; 1024];
        let len = stream.read(&mut octets).expect("a head");
        assert!(octets[..len].starts_with(b"HTTP/1.1 200"));
        stream
    };
    let held: [UnixStream; 4] = std::array::from_fn(|_| hold());
    let ran = place.kaskade("subscriber import cards.csv --data data --timeout 1");
    assert_eq!(ran.status, Some(75), "{ran:?}");
    assert!(
        ran.stderr.contains("go on already") && !ran.stderr.contains("line 1"),
        "{ran:?}"
    );
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_secs(1));
            drop(held);
        });
        let said = place.kaskade("subscriber import cards.csv --data data");
        assert!(said.success && said.stdout.contains("2 subscribers added"), "{said:?}");
    });
    up.stop();
}

#[test]
fn a_node_that_hangs_is_given_up() {
    let place = Place::new();
    let up = home(&place);
    up.signal("-STOP");
    for command in ["subscriber list", "policy show", "subscriber export -"] {
        let begin = Instant::now();
        let ran = place.kaskade(&format!("{command} --data data --timeout 1"));
        assert_eq!(ran.status, Some(69), "{ran:?}");
        assert!(ran.stderr.contains("has not answered for 1 s"), "{ran:?}");
        assert!(!ran.stderr.contains("is not known"), "{ran:?}");
        assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    }
    let ran = place.kaskade(&format!("subscriber suspend {SUPI} --data data --timeout 1"));
    assert!(ran.stderr.contains("whether it was done is not known"), "{ran:?}");
    // What is in files is checked without it.
    let begin = Instant::now();
    let verified = place.kaskade("audit verify --data data");
    assert!(
        verified.success && verified.stderr.contains("has not answered"),
        "{verified:?}"
    );
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
    up.signal("-CONT");
    place.kaskade("subscriber list --data data").ok();
    up.stop();
}

/// What is wrong is told as where no node runs: the first lines, and how many more.
#[test]
fn all_wrong_lines_are_counted() {
    let place = Place::new();
    let up = home(&place);
    cards(&place, 10, 5000);
    let added = place.kaskade("subscriber import cards.csv --data data");
    assert!(
        added.success && added.stdout.contains("5000 subscribers added"),
        "{added:?}"
    );
    let there = place.kaskade("subscriber import cards.csv --data data").refused();
    assert!(
        there.contains("and 4980 more errors") && there.contains("--replace"),
        "{there}"
    );
    let replaced = place.kaskade("subscriber import cards.csv --replace --data data");
    assert!(replaced.stdout.contains("5000 replaced"), "{replaced:?}");
    up.stop();
    let here = place.kaskade("subscriber import cards.csv --data data").refused();
    assert_eq!(here, there);
    let replaced = place.kaskade("subscriber import cards.csv --replace --data data");
    assert!(replaced.stdout.contains("5000 replaced"), "{replaced:?}");
}

/// Lines without what follows the clock.
fn without_sqn(lines: &str) -> Vec<serde_json::Value> {
    let line = |line: &str| {
        let mut object: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let members = object.as_object_mut().expect("an object");
        assert!(members.remove("sqn").is_some(), "{line}");
        object
    };
    lines.lines().map(line).collect()
}

/// Lines of JSON go in and out, with and without a node.
#[test]
fn lines_of_json_go_in_and_out() {
    let place = Place::new();
    let up = home(&place);
    let cards = format!(
        "{{\"supi\":\"imsi-001010000000031\",\"k\":\"{K}\",\"opc\":\"{OPC}\",\"methods\":[\"eap-aka-prime\",\"5g-aka\"],\"akma\":true}}\n\
         \n{{\"supi\":\"imsi-001010000000032\",\"k\":\"{K}\",\"opc\":\"{OPC}\",\"gpsi\":\"msisdn-491701234567\"}}\n"
    );
    place.file("cards.ndjson", &cards);
    let said = place.kaskade("subscriber import cards.ndjson --data data");
    assert!(said.stdout.contains("2 subscribers added"), "{said:?}");
    let again = place.kaskade("subscriber import cards.ndjson --data data").refused();
    assert!(again.contains("line 1: ") && again.contains("line 3: "), "{again}");
    let there = place.kaskade("subscriber export - --format ndjson --data data").ok();
    up.stop();
    assert_eq!(
        place.kaskade("subscriber import cards.ndjson --data data").refused(),
        again
    );
    let here = place.kaskade("subscriber export - --format ndjson --data data").ok();
    assert_eq!(without_sqn(&there), without_sqn(&here));
    assert!(
        here.contains("\"methods\":[\"eap-aka-prime\",\"5g-aka\"]") && here.contains("\"akma\":true"),
        "{here}"
    );
    place
        .kaskade("subscriber export out.jsonl --with-secrets --data data")
        .ok();
    let said = place.kaskade("subscriber import out.jsonl --replace --data data");
    assert!(said.stdout.contains("3 replaced"), "{said:?}");
    let back = place.kaskade("subscriber export - --format ndjson --data data").ok();
    // Its numbers go on above those that may have been issued.
    let but_sqn = |lines: &str| -> Vec<serde_json::Value> {
        let line = |line| {
            let mut line: serde_json::Value = serde_json::from_str(line).expect("JSON");
            line["sqn"].take();
            line
        };
        lines.lines().map(line).collect()
    };
    assert_eq!(but_sqn(&back), but_sqn(&here));
}
