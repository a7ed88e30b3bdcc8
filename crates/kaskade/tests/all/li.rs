//! Lawful interception with the program: targets and feed over a socket of their own, across `kill -9`, and nothing of it for anybody else.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use serde_json::{Value, json};

use crate::common::{Place, SUPI, Up, files_below, wait_until};
use crate::monitor::{curl, root};

/// Of RFC 9048 case 1, by an independent derivation.
const A_KID: &str = "rid0.atid2yxx5GbRmkYHPJsa6ixVgbq8OV5DGCCYy3Byds_Kff8@5gc.mnc001.mcc001.3gppnetwork.org";
const K_AKMA: &str = "b404b6ab3ef4f7b47d18ba1744e2af7b89d2f162d094151e828adeb90dbf2619";
const K_AF: &str = "2c248b17e23040d40c5dcfb7b98dc5f6ac9a3eaf71bb01999b8602ef9c1730d3";
const XID: &str = "29f28e1c-f230-486a-a860-f5a784ab9172";

fn set_up(users: &str) -> Place {
    let place = Place::new();
    place.file(
        "kaskade.toml",
        &format!(
            "data_dir = \"data\"\n[policy]\nserving_networks = [\"001-01\"]\n[admin]\nlisten = \"127.0.0.1:0\"\n[log]\nfilter = \"debug\"\n\
             [udm]\n[ausf]\n[aanf]\nlisten = \"127.0.0.1:0\"\nausfs = [\"127.0.0.1\"]\n[aanf.functions.portal]\nfqdn = \"af.example.com\"\n\
             protocols = [\"http-digest\"]\ncallers = [\"127.0.0.1\"]\nidentity = \"supi\"\n[li]\ndirectory = \"li\"\n{users}"
        ),
    );
    place
        .with_secrets(&format!("subscriber add --supi {SUPI} --akma --data data"))
        .ok();
    place
}

fn post(up: &Up, operation: &str, body: &Value) -> String {
    let line = up.greeting.lines().find(|line| line.starts_with("AAnF "));
    let root = line.expect("an AAnF").split_whitespace().last().expect("a URL");
    let (url, body, json) = (
        format!("{root}/{operation}"),
        body.to_string(),
        "content-type: application/json",
    );
    curl(&["--http2-prior-knowledge", "-X", "POST", "-H", json, "-d", &body, &url])
}

fn registers(up: &Up) {
    let info = json!({ "supi": SUPI, "aKId": A_KID, "kAkma": K_AKMA });
    let registered: Value = serde_json::from_str(&post(up, "register-anchorkey", &info)).expect("JSON");
    assert_eq!(registered, info);
}

fn feed(place: &Place, from: u64) -> Vec<Value> {
    let text = place
        .kaskade(&format!("li feed --json --from {from} --config kaskade.toml"))
        .ok();
    text.lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

/// What anybody but the principal of interception can ask for.
fn seen_by_others(place: &Place, up: &Up) -> String {
    let mut seen = curl(&[&format!("{}/metrics", root(up))]);
    for path in ["health", "ready", "li/v1/targets", "kaskade-admin/v1/li/targets"] {
        seen.push_str(&curl(&[
            "--unix-socket",
            &socket(place, "data/admin.sock"),
            &format!("http://localhost/{path}"),
        ]));
    }
    for line in [
        "akma contexts --json",
        "akma keys --json",
        "audit show --json",
        "context list --json",
        "policy show --json",
        "store check",
    ] {
        let ran = place.kaskade(&format!("{line} --config kaskade.toml"));
        seen.push_str(&ran.stdout);
        seen.push_str(&ran.stderr);
    }
    seen
}

fn socket(place: &Place, name: &str) -> String {
    place.path(name).display().to_string()
}

#[test]
fn what_happens_to_a_target_is_in_the_feed_and_nowhere_else() {
    let place = set_up("");
    let (up, log) = Up::start_with_log(&place, "up --config kaskade.toml");
    let without = seen_by_others(&place, &up);
    let end = "--end 2999-12-31T23:59:59Z";
    let add = format!("li targets add - {end} --json --config kaskade.toml");
    let added = place.with_input(&add, &format!("{SUPI} {XID}\n"));
    let added: Value = serde_json::from_str(&added.ok()).expect("JSON");
    assert_eq!((&added["xid"], &added["state"]), (&json!(XID), &json!("active")));
    let again = place
        .kaskade(&format!("li targets add {SUPI} --xid {XID} --config kaskade.toml"))
        .refused();
    assert!(again.contains("already"), "{again}");
    registers(&up);
    let asked = json!({ "afId": "af.example.com0100000002", "aKId": A_KID });
    let told: Value = serde_json::from_str(&post(&up, "retrieve-applicationkey", &asked)).expect("JSON");
    up.signal("-KILL");
    drop(up);
    let up = Up::start(&place, "up --config kaskade.toml");
    wait_until("three records", || feed(&place, 1).len() == 3);
    let records = feed(&place, 1);
    assert_eq!(records[0]["notice"], "targetAdded");
    assert_eq!(records[0]["warrant"]["target"], SUPI);
    let content = [
        json!({ "aKID": A_KID, "sUPI": SUPI, "kAKMA": K_AKMA }),
        json!({ "type": "internal", "aKID": A_KID, "keyInfo": {
            "aFID": "af.example.com0100000002", "kAF": K_AF, "kAFExpTime": told["expiry"] } }),
    ];
    for ((record, content), (tag, event)) in records[1..]
        .iter()
        .zip(content)
        .zip([(92, "AAnFAnchorKeyRegister"), (93, "AAnFKAKMAApplicationKeyGet")])
    {
        assert_eq!(record["profile"], "AKMA-LI-P1");
        assert_eq!((&record["xid"], &record["supi"]), (&json!(XID), &json!(SUPI)));
        assert_eq!((&record["tag"], &record["event"]), (&json!(tag), &json!(event)));
        assert_eq!(record["content"], content);
    }
    assert_eq!(feed(&place, 3), records[2..]);
    // Keys are in the JSON alone.
    let plain = place.kaskade("li feed --config kaskade.toml").ok();
    assert!(
        plain.contains(A_KID) && !plain.contains(K_AF) && !plain.contains(K_AKMA),
        "{plain}"
    );
    let verified = place.kaskade("li verify --config kaskade.toml").ok();
    assert!(verified.contains("as it was written"), "{verified}");

    // What others see has neither the target nor the warrant, and says no more than without one.
    let seen = seen_by_others(&place, &up) + &std::fs::read_to_string(&log).expect("a log");
    assert!(seen.contains("application-key-given"), "{seen}");
    let lower = seen.to_lowercase();
    for word in [
        XID,
        SUPI,
        "intercept",
        "targetadded",
        "warrant",
        "li.sock",
        K_AF,
        K_AKMA,
    ] {
        assert!(!lower.contains(&word.to_lowercase()), "{word}: {seen}");
    }
    let names = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| line.starts_with("# TYPE "));
        lines.map(str::to_owned).collect()
    };
    assert_eq!(names(&seen), names(&without), "the same figures");
    let document = place.kaskade("admin openapi").ok();
    assert!(
        !document.contains("/li/") && !document.to_lowercase().contains("intercept"),
        "{document}"
    );

    let removed = "li targets remove - --config kaskade.toml";
    place.with_input(removed, &format!("{XID}\n")).ok();
    assert!(
        place
            .with_input(removed, &format!("{XID}\n"))
            .refused()
            .contains("no target")
    );
    registers(&up);
    up.stop();
    let up = Up::start(&place, "up --config kaskade.toml");
    let records = feed(&place, 4);
    assert_eq!(records.len(), 1, "{records:?}");
    assert_eq!(records[0]["notice"], "targetRemoved");
    up.stop();
    assert!(
        place
            .kaskade("li status --config kaskade.toml")
            .refused()
            .contains("no node answers")
    );
    looked_into(&place.path("li"));
}

/// Nobody but its owner gets into the feed, and nothing is in it in clear.
fn looked_into(folder: &Path) {
    let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(folder), 0o700);
    for path in files_below(folder) {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        let content = std::fs::read(&path).expect("readable");
        let secrets = [
            SUPI.as_bytes().to_vec(),
            XID.into(),
            A_KID.into(),
            hex::decode(K_AF).expect("hex"),
            hex::decode(K_AKMA).expect("hex"),
        ];
        for secret in secrets {
            assert!(
                !content.windows(secret.len()).any(|octets| octets == secret),
                "{}",
                path.display()
            );
        }
    }
}

#[test]
fn a_user_who_is_not_named_is_told_nothing() {
    let own = std::fs::metadata("/proc/self").expect("proc").uid();
    let place = set_up(&format!("users = [{}]\n", own + 1));
    let up = Up::start(&place, "up --config kaskade.toml");
    for path in ["targets", "feed", "verify", "status"] {
        let refused = curl(&[
            "--unix-socket",
            &socket(&place, "li/li.sock"),
            &format!("http://localhost/li/v1/{path}"),
        ]);
        let refused: Value = serde_json::from_str(&refused).expect("JSON");
        assert_eq!(refused["status"], 403, "{path}: {refused}");
    }
    let refused = place
        .kaskade(&format!("li targets add {SUPI} --config kaskade.toml"))
        .refused();
    assert!(refused.contains("li.users"), "{refused}");
    up.stop();
}

#[test]
fn what_a_command_ends_without_a_node_is_reported_by_the_next() {
    let place = set_up("");
    let up = Up::start(&place, "up --config kaskade.toml");
    registers(&up);
    place
        .kaskade(&format!("li targets add {SUPI} --xid {XID} --config kaskade.toml"))
        .ok();
    up.stop();
    place
        .kaskade(&format!("akma disable {SUPI} --config kaskade.toml"))
        .ok();
    let up = Up::start(&place, "up --config kaskade.toml");
    wait_until("three records", || feed(&place, 1).len() == 3);
    let records = feed(&place, 2);
    assert_eq!(
        records[0]["event"],
        "AAnFStartOfInterceptWithEstablishedAKMAKeyMaterial"
    );
    assert_eq!(records[0]["content"]["kAKMA"], K_AKMA);
    assert_eq!(records[1]["event"], "AAnFAKMAContextRemovalRecord");
    let user = records[1]["content"]["nFID"].as_str().expect("a name");
    assert!(user.starts_with("uid:"), "{user}");
    up.stop();
}

#[test]
fn a_record_that_is_gone_is_found() {
    let place = set_up("");
    let up = Up::start(&place, "up --config kaskade.toml");
    place
        .kaskade(&format!("li targets add {SUPI} --xid {XID} --config kaskade.toml"))
        .ok();
    registers(&up);
    wait_until("two records", || feed(&place, 1).len() == 2);
    up.stop();
    let path = place.path("li/li-0000000001.feed");
    let whole = std::fs::read(&path).expect("a feed");
    std::fs::write(&path, &whole[..whole.len() - 40]).expect("cut");
    let up = Up::start(&place, "up --config kaskade.toml");
    let found = place.kaskade("li verify --config kaskade.toml").refused();
    assert!(found.contains("record 2"), "{found}");
    let status = place.kaskade("li status --config kaskade.toml").ok();
    assert!(status.contains("Trouble"), "{status}");
    // The service goes on.
    registers(&up);
    up.stop();
}
