//! What is changed over the socket: whoever is named is reached, and the log says what it was.

use serde_json::{Value, json};

use crate::admin_socket::{ask, ask_json, home, start};
use crate::common::{K, OPC, Place, SUPI};

/// A SUPI may have what separates the segments of a path.
#[test]
fn a_name_with_a_slash_is_reached() {
    let place = Place::new();
    home(&place);
    let up = start(&place);
    let (supi, gpsi) = ("nai-a/b%c@example.org", "extid-x/y@example.org");
    let new = json!({ "supi": supi, "gpsi": gpsi, "k": K, "opc": OPC });
    assert_eq!(ask_json(&place, "POST", "/subscribers", &new).0, 201);
    for path in [
        "/subscribers/nai-a%2Fb%25c@example.org",
        "/subscribers/extid-x%2fy@example.org",
    ] {
        let (status, told) = ask(&place, "GET", path, None);
        assert!(status == 200 && told.contains(supi), "{path}: {status} {told}");
    }
    assert_eq!(ask(&place, "GET", "/subscribers/nai-a/b%25c@example.org", None).0, 404);
    place.kaskade(&format!("subscriber suspend {supi} --data data")).ok();
    place
        .kaskade(&format!("subscriber allow-reuse {gpsi} --yes --data data"))
        .ok();
    place
        .kaskade(&format!("subscriber remove {gpsi} --yes --data data"))
        .ok();
    assert!(!place.kaskade(&format!("subscriber show {supi} --data data")).success);
    up.stop();
}

/// Each change says in the log what it was, and what changes nothing is not in it.
#[test]
fn the_log_says_what_was_changed() {
    let place = Place::new();
    home(&place);
    let up = start(&place);
    let path = format!("/subscribers/{SUPI}");
    for (body, status) in [
        (json!({}), 200),
        (json!({ "suspended": null }), 400),
        (json!({ "suspended": true }), 200),
        (json!({ "suspended": true }), 200),
        (json!({ "suspended": false }), 200),
        (json!({ "akma": true }), 200),
    ] {
        let (told, answer) = ask_json(&place, "PATCH", &path, &body);
        assert_eq!(told, status, "{body} {answer}");
    }
    place.kaskade("policy set --none --data data").ok();
    place.kaskade("policy reset --data data").ok();
    let key = json!({ "profile": "A", "id": 27 });
    assert_eq!(ask_json(&place, "POST", "/hn-keys", &key).0, 201);
    place.kaskade("hn-key remove 27 --yes --data data").ok();
    up.stop();
    let log = place.kaskade("audit show --json --data data").ok();
    let entries: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let begin = entries.iter().position(|entry| entry["action"] == "store-opened");
    let changes: Vec<_> = entries[begin.expect("a node")..]
        .iter()
        .filter(|entry| entry["peer_kind"] == "user")
        .map(|entry| {
            (
                entry["outcome"].as_str().expect("text"),
                entry["action"].as_str().expect("text"),
            )
        })
        .collect();
    let expected = [
        ("changed", "subscriber-suspended"),
        ("changed", "subscriber-resumed"),
        ("changed", "subscriber-changed"),
        ("changed", "policy-changed"),
        ("changed", "policy-reset"),
        ("changed", "hn-key-created"),
        // That it is to go, and that it is gone.
        ("noted", "hn-key-removed"),
        ("changed", "hn-key-removed"),
    ];
    assert_eq!(changes, expected, "{log}");
    assert_eq!(
        entries.iter().filter(|entry| entry["key"] == "hn-key-27").count(),
        3,
        "{log}"
    );
}

/// Nobody reads what an AUSF alone would keep.
#[test]
fn an_ausf_alone_takes_no_subscribers() {
    let place = Place::new();
    home(&place);
    place.file(
        "kaskade.toml",
        "data_dir = \"data\"\n[policy]\nserving_networks = [\"001-01\"]\n[ausf.udm]\nurl = \"http://127.0.0.1:9\"\n",
    );
    let up = start(&place);
    place.file("cards.csv", &format!("imsi,k,opc\n001010000000002,{K},{OPC}\n"));
    let add = place.with_secrets("subscriber add --supi imsi-001010000000002 --data data");
    for refused in [
        add,
        place.kaskade("hn-key generate --profile a --data data"),
        place.kaskade("subscriber import cards.csv --data data"),
    ] {
        let said = refused.refused();
        assert!(said.contains("ask the node of the UDM"), "{said}");
    }
    up.stop();
}

/// A link may lead to the node of another folder.
#[test]
fn a_link_in_the_place_of_the_socket_is_not_followed() {
    let (place, other) = (Place::new(), Place::new());
    home(&place);
    home(&other);
    let up = start(&other);
    std::os::unix::fs::symlink(other.path("data/admin.sock"), place.path("data/admin.sock")).expect("a link");
    let said = place.kaskade("subscriber list --data data").refused();
    assert!(said.contains("is a link and no socket"), "{said}");
    up.stop();
}
