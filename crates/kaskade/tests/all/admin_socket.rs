//! Commands beside a node that runs: over its socket, at once effective, on record, and for nobody else.

use std::io::{Read, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Command;

use crate::common::{K, OPC, Place, SUPI, Up, mode};
use serde_json::{Value, json};

const SOCKET: &str = "data/admin.sock";

/// A home network in the folder `data`, with a configuration.
pub(crate) fn home(place: &Place) {
    place
        .with_secrets(&format!("subscriber add --supi {SUPI} --data data"))
        .ok();
    let config = "data_dir = \"data\"\n[policy]\nserving_networks = [\"001-01\"]\n";
    place.file("kaskade.toml", config);
}

pub(crate) fn start(place: &Place) -> Up {
    Up::start(place, "up --config kaskade.toml")
}

/// A request over the socket, in HTTP/1.1: status and body.
pub(crate) fn ask(place: &Place, method: &str, path: &str, body: Option<(&str, &[u8])>) -> (u16, String) {
    let mut stream = UnixStream::connect(place.path(SOCKET)).expect("a node that answers");
    let mut request = format!("{method} /admin/v1{path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n").into_bytes();
    match body {
        Some((kind, octets)) => {
            let length = octets.len();
            request.extend(format!("content-type: {kind}\r\ncontent-length: {length}\r\n\r\n").bytes());
            request.extend(octets);
        }
        None => request.extend(b"\r\n"),
    }
    stream.write_all(&request).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    place.printed.borrow_mut().push_str(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).expect("a status").parse().expect("a number");
    (status, body.to_owned())
}

pub(crate) fn ask_json(place: &Place, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let octets = body.to_string();
    let (status, body) = ask(place, method, path, Some(("application/json", octets.as_bytes())));
    (status, serde_json::from_str(&body).unwrap_or(Value::Null))
}

/// One after another, with what each prints.
fn session(place: &Place) -> Vec<String> {
    place.file(
        "cards.csv",
        &format!("imsi,k,opc,akma\n001010000000007,{K},{OPC},yes\n001010000000008,{K},{OPC},no\n"),
    );
    place.file(
        "cards.toml",
        &format!("[[subscriber]]\nsupi = \"imsi-001010000000009\"\nk = \"{K}\"\nopc = \"{OPC}\"\n"),
    );
    place.file("hn.hex", &"42".repeat(32));
    let mut said = Vec::new();
    let mut hear = |ran: crate::common::Ran| said.push(format!("{:?} {}{}", ran.status, ran.stdout, ran.stderr));
    hear(place.with_secrets("subscriber add --supi imsi-001010000000002 --gpsi msisdn-491701234567 --data data"));
    hear(place.with_secrets("subscriber add --supi imsi-001010000000002 --data data"));
    hear(place.with_secrets("subscriber add --supi imsi-001010000000003 --gpsi msisdn-491701234567 --data data"));
    for line in [
        "subscriber list --wide",
        "subscriber list --json",
        "subscriber show msisdn-491701234567",
        "subscriber show msisdn-491701234567 --reveal-gpsi --json",
        "subscriber show imsi-001010000000099",
        "subscriber change imsi-001010000000002 --methods eap-aka-prime,5g-aka --akma yes",
        "subscriber change imsi-001010000000002 --no-gpsi --json",
        "subscriber suspend imsi-001010000000002",
        "subscriber list --suspended yes",
        "subscriber resume imsi-001010000000002",
        "subscriber import cards.csv --dry-run",
        "subscriber import cards.csv",
        "subscriber import cards.csv",
        "subscriber import cards.toml",
        "subscriber import cards.toml",
        "subscriber list --akma yes --limit 1",
        "subscriber export -",
        "subscriber allow-reuse imsi-001010000000002",
        "subscriber allow-reuse imsi-001010000000002 --yes --json",
        "subscriber remove imsi-001010000000002",
        "subscriber remove imsi-001010000000002 --yes",
        "subscriber remove imsi-001010000000002 --yes",
        "hn-key list",
        "hn-key import hn.hex --profile a --id 7",
        "hn-key import hn.hex --profile a --id 7",
        "hn-key list --json",
        "hn-key show 7",
        "hn-key show 8",
        "hn-key remove 7 --yes",
        "hn-key generate --profile b --id 7",
        "emsk usages",
        "emsk usages --json",
        "emsk keys",
        "emsk keys --json --limit 1",
        "emsk retire imsi-001010000000001",
        "emsk retire imsi-001010000000099",
        "policy show --config kaskade.toml",
        "policy set --network 310-410 --json --config kaskade.toml",
        "policy show --config kaskade.toml",
        "policy reset --config kaskade.toml",
    ] {
        let data = if line.contains("--config") { "" } else { " --data data" };
        hear(place.kaskade(&format!("{line}{data}")));
    }
    said
}

#[test]
fn the_output_is_the_same_with_a_node_and_without() {
    let (with, without) = (Place::new(), Place::new());
    home(&with);
    home(&without);
    let up = start(&with);
    let (online, offline) = (session(&with), session(&without));
    // Time-based numbers follow the clock.
    let masked = |said: &str| {
        let words = said.split_inclusive([' ', '\n', ',', '"']);
        let number = |word: &str| {
            let digits = word.trim_end_matches([' ', '\n', ',', '"']);
            let time = digits.len() == 27 && digits.ends_with('Z');
            time || digits.len() == 12 && digits.bytes().all(|octet| octet.is_ascii_hexdigit())
        };
        words
            .map(|word| if number(word) { "# " } else { word })
            .collect::<String>()
    };
    for (online, offline) in online.iter().zip(&offline) {
        assert_eq!(masked(online), masked(offline));
    }
    assert_eq!(online.len(), offline.len());
    up.stop();
    assert!(!with.path(SOCKET).exists());
    // What was changed over the socket is in the store.
    assert!(with.kaskade("subscriber show imsi-001010000000009 --data data").success);
    with.has_no(&[K, OPC], &["data"]);
}

#[test]
fn a_change_has_effect_with_the_next_request() {
    let place = Place::new();
    home(&place);
    let up = start(&place);
    let attach = |more: &str| {
        let line = format!(
            "ue attach --ausf {} --supi {SUPI} --plmn 001-01 --state usim.json {more}",
            up.ausf
        );
        place.with_secrets(&line)
    };
    attach("").ok();
    place.kaskade(&format!("subscriber suspend {SUPI} --data data")).ok();
    let refused = attach("");
    assert!(
        !refused.success && refused.stderr.contains("AUTHENTICATION_REJECTED"),
        "{refused:?}"
    );
    place.kaskade(&format!("subscriber resume {SUPI} --data data")).ok();
    attach("").ok();
    // A key pair that was made a moment ago opens SUCIs, and one that was removed does not.
    place.kaskade("hn-key generate --profile a --data data").ok();
    let keys: Value = serde_json::from_str(&place.kaskade("hn-key list --json --data data").ok()).expect("JSON");
    let key = keys["keys"][0]["public_key"].as_str().expect("a key");
    let suci = format!("--suci a --hn-key-id 1 --hn-public-key {key}");
    attach(&suci).ok();
    place.kaskade("hn-key remove 1 --yes --data data").ok();
    assert!(attach(&suci).stderr.contains("INVALID_HN_PUBLIC_KEY_IDENTIFIER"));
    // So does a policy, which also stays at the next start.
    place.kaskade("policy set --network 310-410 --data data").ok();
    assert!(attach("").stderr.contains("SERVING_NETWORK_NOT_AUTHORIZED"));
    up.stop();
    let up = start(&place);
    let line = format!(
        "ue attach --ausf {} --supi {SUPI} --plmn 001-01 --state usim.json",
        up.ausf
    );
    assert!(
        place
            .with_secrets(&line)
            .stderr
            .contains("SERVING_NETWORK_NOT_AUTHORIZED")
    );
    place.kaskade("policy reset --data data").ok();
    place.with_secrets(&line).ok();
    // The AUSF remembers whom it has authenticated.
    let contexts: Value = serde_json::from_str(&place.kaskade("context list --json --data data").ok()).expect("JSON");
    assert_eq!((&contexts["pending"], &contexts["results"]), (&json!(0), &json!(1)));
    assert_eq!(contexts["contexts"][0]["supi"], "imsi-00101********01");
    let (status, _) = ask(&place, "GET", "/contexts?limit=1", None);
    assert_eq!(status, 200);
    up.stop();
    let none = place.kaskade("context list --data data").refused();
    assert!(none.contains("no AUSF runs here"), "{none}");
}

#[test]
fn a_challenge_that_waits_is_seen_by_fingerprint() {
    let place = Place::new();
    home(&place);
    let up = start(&place);
    let body = json!({ "supiOrSuci": SUPI, "servingNetworkName": "5G:mnc001.mcc001.3gppnetwork.org" }).to_string();
    let curl = Command::new("curl")
        .args([
            "-s",
            "--http2-prior-knowledge",
            "-H",
            "content-type: application/json",
            "-d",
            &body,
        ])
        .arg(format!("{}/nausf-auth/v1/ue-authentications", up.ausf))
        .output();
    let Ok(curl) = curl else {
        return kaskade_oracle::not_here("curl");
    };
    assert!(curl.status.success());
    let (status, seen) = ask(&place, "GET", &format!("/contexts?supi={SUPI}"), None);
    let seen: Value = serde_json::from_str(&seen).expect("JSON");
    assert_eq!((status, &seen["pending"]), (200, &json!(1)));
    let context = &seen["contexts"][0];
    assert_eq!(
        (&context["state"], &context["supi"]),
        (&json!("pending"), &json!("imsi-00101********01"))
    );
    assert_eq!(context["keys"][0]["name"], "K_AUSF");
    let fingerprint = context["keys"][0]["fingerprint"].clone();
    let (_, of_another) = ask(&place, "GET", "/contexts?supi=imsi-001010000000002", None);
    assert!(of_another.contains("\"contexts\":[]"), "{of_another}");
    up.stop();
    // The key that waited is the one that the UDM has given out.
    let log = place
        .kaskade("audit show --action vector-given --json --data data")
        .ok();
    let given: Value = serde_json::from_str(log.trim()).expect("one entry");
    assert_eq!((&given["key"], &given["fingerprint"]), (&json!("K_AUSF"), &fingerprint));
}

#[test]
fn a_killed_nodes_socket_is_replaced_and_a_living_ones_is_not() {
    let place = Place::new();
    home(&place);
    let up = start(&place);
    let found = std::fs::symlink_metadata(place.path(SOCKET)).expect("a socket");
    assert!(found.file_type().is_socket());
    assert_eq!(found.permissions().mode() & 0o777, 0o600);
    drop(up);
    assert!(place.path(SOCKET).exists(), "a killed node leaves it");
    // Nobody answers there: the store is opened here.
    place.kaskade("subscriber list --data data").ok();
    let up = start(&place);
    place.kaskade("subscriber list --data data").ok();
    let busy = place.kaskade("subscriber list --data data --offline").refused();
    assert!(busy.contains("stop the `kaskade up`"), "{busy}");
    // A node without its socket: the error says what to do.
    std::fs::remove_file(place.path(SOCKET)).expect("removed");
    let busy = place.kaskade("subscriber list --data data").refused();
    assert!(
        busy.contains("stop the `kaskade up`") && busy.contains("there is no data/admin.sock"),
        "{busy}"
    );
    // The cause first, then what to do.
    let cause = busy.find("a node or another command has it open");
    assert!(cause < busy.find("; wait until"), "{busy}");
    up.stop();
    // Whoever could put a socket into the folder is not told a K.
    let other = UnixListener::bind(place.path(SOCKET)).expect("a socket");
    mode(&place.path("data"), 0o777);
    let refused = place
        .with_secrets("subscriber add --supi imsi-001010000000002 --data data")
        .refused();
    assert!(refused.contains("it is not asked"), "{refused}");
    mode(&place.path("data"), 0o700);
    drop(other);
    std::fs::remove_file(place.path(SOCKET)).expect("removed");
    // Something that answers is not put aside, and what is no socket neither.
    let living = UnixListener::bind(place.path(SOCKET)).expect("a socket");
    let refused = Up::try_start(&place, "up --config kaskade.toml", |_| {});
    let Err((_, said)) = refused else {
        panic!("it took the socket of another")
    };
    assert!(said.contains("another node answers there"), "{said}");
    drop(living);
    std::fs::remove_file(place.path(SOCKET)).expect("removed");
    place.file(SOCKET, "precious");
    let Err((_, said)) = Up::try_start(&place, "up --config kaskade.toml", |_| {}) else {
        panic!("it took a file for its socket")
    };
    assert!(said.contains("is no socket"), "{said}");
    assert_eq!(std::fs::read_to_string(place.path(SOCKET)).expect("there"), "precious");
}

#[test]
fn a_folder_with_a_long_path_has_a_socket_too() {
    let place = Place::new();
    let long = format!("{}/{}", "a".repeat(60), "b".repeat(60));
    std::fs::create_dir_all(place.path(&"a".repeat(60))).expect("a folder");
    place
        .with_secrets(&format!("subscriber add --supi {SUPI} --data {long}"))
        .ok();
    let up = Up::start(&place, &format!("up --data {long}"));
    assert!(
        place
            .kaskade(&format!("subscriber list --data {long}"))
            .ok()
            .contains(SUPI)
    );
    up.stop();
}

#[test]
fn who_is_somebody_else_is_refused_and_that_is_on_record() {
    let place = Place::new();
    home(&place);
    let up = start(&place);
    let setpriv = Command::new("setpriv").arg("--version").output().is_ok();
    if !rustix::process::geteuid().is_root() || !setpriv {
        return kaskade_oracle::not_here("another user's processes (root, setpriv)");
    }
    // As if somebody had opened folder and socket to all.
    for (path, bits) in [("", 0o711), ("data", 0o711), (SOCKET, 0o666)] {
        mode(&place.path(path), bits);
    }
    let other = Command::new("setpriv")
        .args(["--reuid", "65534", "--clear-groups", "curl", "-s", "--unix-socket"])
        .arg(place.path(SOCKET))
        .arg("http://localhost/admin/v1/subscribers")
        .output()
        .expect("setpriv runs");
    let said = String::from_utf8_lossy(&other.stdout);
    assert!(
        said.contains("peer-not-authorized") && !said.contains(SUPI),
        "{said} {other:?}"
    );
    mode(&place.path("data"), 0o700);
    place.kaskade(&format!("subscriber suspend {SUPI} --data data")).ok();
    up.stop();
    let log = place.kaskade("audit show --data data").ok();
    let refused = log.lines().find(|line| line.contains("refused")).expect("a refusal");
    assert!(
        refused.contains("uid:65534") && refused.contains("peer-not-authorized"),
        "{log}"
    );
    let changed = log.lines().filter(|line| line.contains("subscriber-suspended"));
    let changed: Vec<&str> = changed.collect();
    assert!(matches!(changed[..], [line] if line.contains("uid:0")), "{log}");
}

#[test]
fn bodies_and_queries_are_read_strictly() {
    let place = Place::new();
    home(&place);
    let up = start(&place);
    let good = json!({ "supi": "imsi-001010000000002", "k": K, "opc": OPC });
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body
    };
    let mut without_k = good.clone();
    without_k.as_object_mut().expect("an object").remove("k");
    for (body, reason, param) in [
        (with("unknown", json!(1)), "optional-ie-incorrect", "/unknown"),
        (with("supi", json!("imsi-1")), "ie-incorrect", "/supi"),
        (with("supi", json!(5)), "ie-incorrect", "/supi"),
        (with("supi", Value::Null), "ie-incorrect", "/supi"),
        (with("k", json!("12")), "ie-incorrect", "/k"),
        (with("op", json!(OPC)), "ie-incorrect", ""),
        (with("algorithm", json!("MILENAGE")), "ie-incorrect", "/algorithm"),
        (with("tuak_iterations", json!(300)), "ie-incorrect", "/tuak_iterations"),
        (
            with("methods", json!(["5g-aka", "5g-aka"])),
            "ie-incorrect",
            "/methods/1",
        ),
        (with("methods", json!(["5g-aka", "none"])), "ie-incorrect", "/methods/1"),
        (with("akma", json!("yes")), "ie-incorrect", "/akma"),
        (with("gpsi", json!("491701234567")), "ie-incorrect", "/gpsi"),
        (json!({ "k": K, "opc": OPC }), "ie-missing", "/supi"),
        (without_k, "ie-missing", "/k"),
        (json!([]), "ie-incorrect", ""),
    ] {
        let (status, told) = ask_json(&place, "POST", "/subscribers", &body);
        assert_eq!((status, &told["reason"]), (400, &json!(reason)), "{body} {told}");
        let told_param = told["invalidParams"][0]["param"].as_str().unwrap_or_default();
        assert_eq!(told_param, param, "{body} {told}");
    }
    let text = good.to_string();
    let twice = text.replace("{", "{\"supi\":\"imsi-001010000000003\",");
    let escaped = text.replace("465b", "\\u00346 5b".replace(' ', "").as_str());
    let post = |kind: &str, octets: &[u8]| ask(&place, "POST", "/subscribers", Some((kind, octets)));
    for (kind, octets, expected) in [
        ("application/json", twice.as_bytes(), 400),
        ("application/json", escaped.as_bytes(), 400),
        ("application/json", b"{\"supi\":\"\xff\"}", 400),
        ("application/json", b"{", 400),
        ("application/json", b"", 400),
        ("application/json", format!("{text}{{}}").as_bytes(), 400),
        ("application/json; charset=latin1", text.as_bytes(), 415),
        ("text/plain", text.as_bytes(), 415),
        ("application/json", " ".repeat(70_000).as_bytes(), 413),
    ] {
        let (status, told) = post(kind, octets);
        assert_eq!(status, expected, "{kind} {told}");
    }
    for (path, expected, param) in [
        ("/subscribers?limit=0", 400, "?limit"),
        ("/subscribers?limit=1&limit=2", 400, "?limit"),
        ("/subscribers?lmit=1", 400, "?lmit"),
        ("/subscribers?after=%zz", 400, ""),
        ("/subscribers/imsi-1", 400, "{supiOrGpsi}"),
        ("/subscribers/imsi-001010000000099", 404, ""),
        ("/hn-keys/0", 405, ""),
        ("/nothing", 404, ""),
        ("/subscribers/%2e%2e/x", 404, ""),
    ] {
        let (status, told) = ask(&place, "GET", path, None);
        let told: Value = serde_json::from_str(&told).expect("a problem");
        let told_param = told["invalidParams"][0]["param"].as_str().unwrap_or_default();
        assert_eq!((status, told_param), (expected, param), "{path} {told}");
    }
    assert_eq!(ask_json(&place, "DELETE", "/hn-keys/0", &json!({})).0, 400);
    // Nothing of all that was taken.
    assert!(
        !place
            .kaskade("subscriber show imsi-001010000000002 --data data")
            .success
    );
    let (status, made) = ask_json(&place, "POST", "/subscribers", &good);
    assert_eq!((status, &made["algorithm"]), (201, &json!("MILENAGE")));
    assert_eq!(ask_json(&place, "POST", "/subscribers", &good).0, 409);
    assert_eq!(
        ask_json(
            &place,
            "PATCH",
            "/subscribers/imsi-001010000000002",
            &json!({ "gpsi": null })
        )
        .0,
        200
    );
    up.stop();
    place.has_no(&[K, OPC], &["data"]);
}

#[test]
fn the_document_is_what_the_operations_say() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/admin-openapi.json");
    let kept = std::fs::read_to_string(path).expect("docs/admin-openapi.json");
    let said = Place::new().kaskade("admin openapi").ok();
    assert!(
        kept == said,
        "stale: cargo run -p kaskade -- admin openapi > docs/admin-openapi.json"
    );
}

/// The table of the page has every operation, and what the page does can be done.
#[test]
fn the_page_says_what_there_is_and_its_commands_run() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = std::fs::read_to_string(root.join("docs/administration.md")).expect("the page");
    let place = Place::new();
    let document: Value = serde_json::from_str(&place.kaskade("admin openapi").ok()).expect("JSON");
    let mut rows = 0;
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            let (title, about) = (&operation["summary"], operation["description"].as_str().expect("text"));
            let role = about
                .trim_start_matches("For the role ")
                .trim_end_matches(" and above.");
            let title = title.as_str().expect("text");
            let row = format!("| `{} {path}` | {role} | {title} |", method.to_uppercase());
            assert!(page.contains(&row), "{row}");
            rows += 1;
        }
    }
    assert_eq!(
        page.matches("| `").count() - 3,
        rows,
        "the table has no other rows, beside those of the roles"
    );
    if Command::new("curl").arg("--version").output().is_err() {
        return kaskade_oracle::not_here("curl");
    }
    let (_, rest) = page.split_once("<!-- session:begin -->\n```sh\n").expect("the session");
    let (session, _) = rest.split_once("```\n<!-- session:end -->").expect("its end");
    let mut path = std::path::PathBuf::from(env!("CARGO_BIN_EXE_kaskade"));
    path.pop();
    // Pasted as a whole.
    let all = format!("{}:{}", path.display(), std::env::var("PATH").unwrap_or_default());
    let ran = Command::new("sh")
        .args([
            "-ec",
            &format!("trap 'kill $!' EXIT\n{session}trap - EXIT\nkill $!\nwait $!"),
        ])
        .current_dir(place.path(""))
        .env("PATH", all)
        .env("KASKADE_AUSF_LISTEN", "127.0.0.1:0")
        .env("KASKADE_UDM_LISTEN", "127.0.0.1:0")
        .output()
        .expect("sh");
    let said = String::from_utf8_lossy(&ran.stdout);
    place.printed.borrow_mut().push_str(&said);
    assert!(
        ran.status.success() && !said.contains("\"status\":4"),
        "{said} {}",
        String::from_utf8_lossy(&ran.stderr)
    );
    assert!(
        place
            .kaskade("subscriber show imsi-001010000000002 --data home")
            .success
    );
    place.has_no(&[K, OPC], &["home"]);
}
