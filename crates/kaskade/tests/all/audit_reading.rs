//! `kaskade audit show` and `verify`: names of what they print, parts of a log, settings that would be raised.

use std::fs;

use crate::audit::{add, with_subscriber};
use crate::common::{K, OPC, Place};

/// What `show` prints has the names of `--json`, and `docs/audit.md` has them all.
#[test]
fn text_and_json_have_the_names_that_the_docs_list() {
    let place = with_subscriber();
    place.file("off.toml", "data_dir = \"kaskade-data\"\n[audit]\nenabled = false\n");
    add(&place, 12, " --config off.toml").ok();
    place.run(["subscriber", "export", "out.csv", "--with-secrets"]).ok();
    place.file(
        "cards.csv",
        &format!("imsi,k,opc\n001010000000003,{K},{OPC}\n001010000000004,{K},{OPC}\n"),
    );
    place.kaskade("subscriber import cards.csv").ok();
    let docs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/audit.md");
    let docs = fs::read_to_string(docs).expect("the page");
    let json = place.kaskade("audit show --json").ok();
    let text = place.kaskade("audit show").ok();
    let mut lines = text.lines();
    let columns: Vec<&str> = lines.next().expect("names").split_whitespace().collect();
    assert_eq!(columns, ["at", "outcome", "action", "peer", "subject"]);
    assert_eq!(json.lines().count(), lines.clone().count());
    assert_eq!(
        text.matches(" pseudonym=").count(),
        json.matches("\"pseudonym\"").count()
    );
    assert!(text.contains(" pseudonym="), "{text}");
    for (object, line) in json.lines().zip(lines) {
        let object: serde_json::Value = serde_json::from_str(object).expect("JSON");
        let object = object.as_object().expect("an object");
        for name in object.keys() {
            assert!(
                docs.contains(&format!("\n| `{name}` |")),
                "{name} is not in docs/audit.md"
            );
        }
        for (name, value) in line.split_whitespace().filter_map(|word| word.split_once('=')) {
            let told = object.get(name).unwrap_or_else(|| panic!("{name}: {line}"));
            let told = told.as_str().map_or_else(|| told.to_string(), str::to_owned);
            assert_eq!(told, value, "{line}");
        }
        let is_gap = object.contains_key("gap");
        let outcome = if is_gap {
            "gap"
        } else {
            object["outcome"].as_str().expect("text")
        };
        let at = if is_gap { &object["from"] } else { &object["at"] };
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[..2], [at.as_str().expect("text"), outcome]);
    }
}

/// A part of a log that was copied elsewhere: what it begins with, how far it was compared, and by which key.
#[test]
fn a_part_of_a_log_is_verified_as_one() {
    use kaskade_flow::event::{Action, Event, Outcome};
    use kaskade_store::MasterKey;
    use kaskade_store::audit::{AuditLog, AuditOptions};
    let place = with_subscriber();
    let key = MasterKey::open(&place.path("kaskade-data/master.key")).expect("a key");
    let private = |name: &str| {
        fs::create_dir_all(place.path(name)).expect("a folder");
        fs::set_permissions(place.path(name), std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("private");
    };
    let mut options = AuditOptions::new(&place.path("whole"));
    options.segment_bytes = AuditOptions::LEAST_SEGMENT;
    let log = AuditLog::open(options, &key).expect("a log");
    let first = log.head().expect("a head");
    for number in 0..24_000_u64 {
        let event = Event::new(Outcome::Noted, Action::Other, log.now()).correlated(number);
        while log.record(event).is_err() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }
    drop(log);
    for (part, segments) in [("later", &[2, 3][..]), ("middle", &[2]), ("holes", &[1, 3])] {
        private(part);
        for number in segments {
            let name = format!("audit-{number:010}.log");
            fs::copy(place.path("whole").join(&name), place.path(part).join(&name)).expect("copied");
        }
    }
    let verify = |line: &str| place.kaskade(&format!("audit verify {line}"));
    assert!(verify("later").refused().contains("is missing"));
    assert!(place.kaskade("audit show later").refused().contains("is missing"));
    let said = verify("later --part").ok();
    assert!(
        said.contains("begins with segment 2: earlier ones are not here") && said.contains("codes were not checked"),
        "{said}"
    );
    let said = verify("later --part --data kaskade-data").ok();
    assert!(
        said.contains(&format!("under master key {}", key.identifier())),
        "{said}"
    );
    assert!(said.contains("closed"), "{said}");
    let said = verify("middle --part").ok();
    assert!(said.contains("goes on in segment 3, which is not here"), "{said}");
    assert!(place.kaskade("audit show middle --part").ok().lines().count() > 1000);
    assert!(verify("holes --part").refused().contains("is missing"));
    let anchor: String = first.encode().iter().map(|octet| format!("{octet:02x}")).collect();
    let ran = verify(&format!("later --part --anchor {anchor}"));
    assert!(
        ran.success && ran.stderr.contains("nothing was compared with it"),
        "{ran:?}"
    );
    let ran = verify(&format!("whole --anchor {anchor}"));
    assert!(ran.success && ran.stderr.is_empty(), "{ran:?}");
    let segment = place.path("later/audit-0000000002.log");
    let mut octets = fs::read(&segment).expect("a segment");
    octets[100_000] ^= 1;
    fs::write(&segment, octets).expect("edited");
    assert!(verify("later --part").refused().contains("edited"));
}

#[test]
fn a_log_that_is_too_short_to_keep_is_said() {
    let place = Place::new();
    place.file("short.toml", "[audit]\nkeep_bytes = 4194304\n");
    let checked = place.kaskade("config check short.toml");
    let said = format!("{}{}", checked.stdout, checked.stderr);
    assert!(
        said.contains("Set audit.keep_bytes to 67108864 or more, or audit.segment_bytes to 1048576 or less"),
        "{said}"
    );
    place.file("even.toml", "[audit]\nkeep_bytes = 4194304\nsegment_bytes = 1048576\n");
    let checked = place.kaskade("config check even.toml");
    assert!(
        !format!("{}{}", checked.stdout, checked.stderr).contains("audit.keep_bytes"),
        "{checked:?}"
    );
}
