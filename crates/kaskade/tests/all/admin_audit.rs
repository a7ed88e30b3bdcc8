//! The audit log and administration: entries over the socket, heads of a log that is written, and changes of keys without a node.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use serde_json::Value;

use crate::common::{K, OPC, Place, SUPI, Up};

fn home() -> Place {
    let place = Place::new();
    place
        .with_secrets(&format!("subscriber add --supi {SUPI} --data data"))
        .ok();
    place.file(
        "kaskade.toml",
        "data_dir = \"data\"\n[policy]\nserving_networks = [\"001-01\"]\n",
    );
    place
}

/// What a node answers on its socket: status and JSON.
fn get(place: &Place, path: &str) -> (u16, Value) {
    let mut stream = UnixStream::connect(place.path("data/admin.sock")).expect("a node that answers");
    let request = format!("GET /admin/v1{path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    place.printed.borrow_mut().push_str(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).expect("a status").parse().expect("a number");
    (status, serde_json::from_str(body).expect("JSON"))
}

/// All pages of so many, one after the other.
fn pages(place: &Place, limit: usize, more: &str) -> Vec<Value> {
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let (status, page) = get(place, &format!("/audit/entries?limit={limit}&after={after}{more}"));
        assert_eq!(status, 200, "{page}");
        let entries = page["entries"].as_array().expect("entries");
        assert!(entries.len() <= limit);
        all.extend(entries.iter().cloned());
        match page["next"].as_u64() {
            Some(next) => {
                assert!(next > after, "it goes on: {page}");
                after = next;
            }
            None => return all,
        }
    }
}

fn shown(place: &Place, more: &str) -> Vec<Value> {
    let lines = place.kaskade(&format!("audit show --json --data data {more}")).ok();
    lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

#[test]
fn entries_come_page_by_page_and_are_those_that_are_shown() {
    let place = home();
    let up = Up::start(&place, "up --config kaskade.toml");
    for action in ["suspend", "resume", "suspend", "resume"] {
        place.kaskade(&format!("subscriber {action} {SUPI} --data data")).ok();
    }
    place.kaskade("hn-key generate --profile a --data data").ok();
    let whole = shown(&place, "");
    assert!(whole.len() > 6, "{whole:?}");
    for limit in [1, 3, 1000] {
        assert_eq!(pages(&place, limit, ""), whole);
    }
    let changed = shown(&place, "--action subscriber-suspended");
    assert_eq!(changed.len(), 2);
    assert_eq!(pages(&place, 1, "&action=subscriber-suspended"), changed);
    assert_eq!(pages(&place, 2, &format!("&supi={SUPI}&outcome=changed")).len(), 5);
    assert_eq!(pages(&place, 2, "&supi=imsi-001010000000002"), Vec::<Value>::new());
    let by = changed[0]["peer"].as_str().expect("who");
    assert_eq!(
        pages(&place, 100, &format!("&peer={by}&action=subscriber-suspended")),
        changed
    );
    assert_eq!(pages(&place, 100, "&since=2020-01-01T00:00:00Z"), whole);
    assert!(pages(&place, 100, "&until=2020-01-01T00:00:00Z").is_empty());
    let newest = get(&place, "/audit/entries?limit=1").1["newest"]
        .as_u64()
        .expect("a number");
    let (_, last) = get(&place, &format!("/audit/entries?after={}", newest - 1));
    assert_eq!(last["entries"][0], *whole.last().expect("entries"));
    for wrong in [
        "after=-1",
        "since=yesterday",
        "action=nothing",
        "outcome=x",
        "limit=1001",
        "peer=",
    ] {
        let (status, told) = get(&place, &format!("/audit/entries?{wrong}"));
        let (name, _) = wrong.split_once('=').expect("a parameter");
        assert_eq!(
            (status, &told["invalidParams"][0]["param"]),
            (400, &format!("?{name}").into()),
            "{told}"
        );
    }
    let (_, head) = get(&place, "/audit/head");
    let anchor = head["anchor"].as_str().expect("an anchor");
    place
        .kaskade(&format!("audit verify --anchor {anchor} --data data"))
        .ok();
    up.stop();
    place
        .kaskade(&format!("audit verify --anchor {anchor} --data data"))
        .ok();
    place.has_no(&[K, OPC], &["data"]);
}

/// Whoever cuts the tail of a log that a node writes is found while it runs.
#[test]
fn a_tail_that_is_cut_beside_a_node_is_found() {
    let place = home();
    let up = Up::start(&place, "up --config kaskade.toml");
    place.kaskade(&format!("subscriber suspend {SUPI} --data data")).ok();
    place.kaskade("audit verify --data data").ok();
    // The segment as it was before the change, put in the place of what the node writes.
    let (folder, segment) = (place.path("data/audit"), place.path("data/audit/audit-0000000001.log"));
    let before = fs::read(&segment).expect("a segment");
    place.kaskade(&format!("subscriber resume {SUPI} --data data")).ok();
    let after = fs::read(&segment).expect("a segment");
    assert_ne!(before, after, "{}", folder.display());
    fs::write(&segment, &before).expect("put back");
    let said = place.kaskade("audit verify --data data").refused();
    assert!(said.contains("not as it was written"), "{said}");
    fs::write(&segment, &after).expect("as it is");
    place.kaskade("audit verify --data data").ok();
    up.stop();
}

/// Keys of the home network are on record whether a node runs or not, and also where the store is lost.
#[test]
fn keys_that_change_without_a_node_are_on_record() {
    let place = home();
    let keys = |place: &Place| -> Vec<(String, String)> {
        let of = |entry: &Value| (entry["action"].to_string(), entry["key"].to_string());
        let entries = shown(place, "");
        let keys = entries
            .iter()
            .filter(|entry| entry["action"].to_string().contains("hn-key"));
        keys.map(of).collect()
    };
    place.kaskade("hn-key generate --profile a --data data").ok();
    place.kaskade("hn-key generate --profile b --id 7 --data data").ok();
    // What is refused, and what only looks, leaves the log as it is.
    let before = shown(&place, "").len();
    place.kaskade("hn-key remove 7 --data data").refused();
    place
        .kaskade("hn-key generate --profile b --id 7 --data data")
        .refused();
    place.kaskade("hn-key list --data data").ok();
    assert_eq!(shown(&place, "").len(), before);
    place.kaskade("hn-key remove 7 --yes --data data").ok();
    let entry = |action: &str, id: u8| (format!("\"{action}\""), format!("\"hn-key-{id}\""));
    let removed = |id: u8| [entry("hn-key-removed", id), entry("hn-key-removed", id)];
    let mut expected = vec![entry("hn-key-created", 1), entry("hn-key-created", 7)];
    expected.extend(removed(7));
    assert_eq!(keys(&place), expected);
    place.kaskade("audit verify --data data").ok();
    // A store that is lost is not in the way, and the entry is there all the same.
    let (store, backup) = (place.path("data/subscribers.redb"), place.path("backup"));
    fs::rename(&store, &backup).expect("moved");
    place.kaskade("hn-key generate --profile a --id 9 --data data").ok();
    expected.push(entry("hn-key-created", 9));
    assert_eq!(keys(&place), expected);
    fs::rename(&backup, &store).expect("put back");
    place.kaskade("audit verify --data data").ok();
    place.kaskade("hn-key remove 9 --yes --data data").ok();
    expected.extend(removed(9));
    assert_eq!(keys(&place), expected);
    // Beside a node that is not asked: its log is its own.
    let up = Up::start(&place, "up --config kaskade.toml");
    let said = place.kaskade("hn-key remove 1 --yes --offline --data data").refused();
    assert!(said.contains("stop the `kaskade up`"), "{said}");
    up.stop();
    assert_eq!(keys(&place), expected);
}

/// Nothing with a K in it leaves a node, and the error says what to do.
#[test]
fn secrets_are_not_exported_beside_a_node() {
    let place = home();
    fs::create_dir(place.path("out")).expect("a folder");
    let up = Up::start(&place, "up --config kaskade.toml");
    let said = place
        .kaskade("subscriber export out/sealed.csv --with-secrets --data data")
        .refused();
    assert!(
        said.contains("stop it first") && !place.path("out/sealed.csv").exists(),
        "{said}"
    );
    place.kaskade("subscriber export out/plain.csv --data data").ok();
    up.stop();
    place
        .kaskade("subscriber export out/sealed.csv --with-secrets --data data")
        .ok();
    place.has_no(&[K, OPC], &["data", "out"]);
}
