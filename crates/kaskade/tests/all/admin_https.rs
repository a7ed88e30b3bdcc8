//! Administration over HTTPS: who has which certificate may do what its role allows, by HTTP/1.1 and HTTP/2.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType};
use serde_json::Value;

use crate::common::{K, OPC, Place, SUPI, Up};

const CLIENTS: [&str; 6] = ["reader", "provisioner", "operator", "nobody", "several", "root"];

/// An authority, and certificates of the server and of clients.
fn certificates(place: &Place) {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "ca");
    place.file("ca.pem", &params.self_signed(&key).expect("signed").pem());
    let issuer = Issuer::new(params, key);
    let sign = |name: &str, names: Vec<String>, usage| {
        let key = KeyPair::generate().expect("a key");
        let uri = names.first().filter(|name| name.contains(':')).cloned();
        let mut params = CertificateParams::new(if uri.is_some() { Vec::new() } else { names }).expect("parameters");
        if let Some(uri) = uri {
            params.subject_alt_names = vec![SanType::URI(uri.try_into().expect("ASCII"))];
        }
        params.extended_key_usages = vec![usage];
        let pem = params.signed_by(&key, &issuer).expect("signed").pem();
        place.file(&format!("{name}.pem"), &pem);
        place.file(&format!("{name}.key"), &key.serialize_pem());
    };
    sign(
        "server",
        vec!["127.0.0.1".to_owned()],
        ExtendedKeyUsagePurpose::ServerAuth,
    );
    for name in CLIENTS {
        let names = match name {
            "several" => vec!["operator.example".to_owned(), "reader.example".to_owned()],
            "root" => vec!["uid:0".to_owned()],
            name => vec![format!("{name}.example")],
        };
        sign(name, names, ExtendedKeyUsagePurpose::ClientAuth);
    }
}

const CONFIG: &str = "data_dir = \"data\"
[policy]
serving_networks = [\"001-01\"]
[admin]
listen = \"127.0.0.1:0\"
[admin.tls]
cert = \"server.pem\"
key = \"server.key\"
client_ca = \"ca.pem\"
[admin.roles]
\"reader.example\" = \"reader\"
\"Provisioner.example\" = \"provisioner\"
\"operator.example\" = \"operator\"
";

/// A node, and where it is administered.
fn start(place: &Place) -> (Up, String) {
    let up = Up::start(place, "up --config kaskade.toml");
    let line = up.greeting.lines().find_map(|line| line.strip_prefix("Metrics"));
    let root = line
        .and_then(|line| line.trim().strip_suffix("/metrics"))
        .expect("an address");
    let url = format!("{root}/admin/v1");
    (up, url)
}

/// Status, version of HTTP and body.
fn curl(place: &Place, url: &str, who: &str, arguments: &[&str]) -> (u16, String, Value) {
    let mut command = Command::new("curl");
    command
        .current_dir(place.path(""))
        .args(["-s", "--cacert", "ca.pem", "-w", "\n%{http_code} %{http_version}"]);
    if !who.is_empty() {
        command.args(["--cert", &format!("{who}.pem"), "--key", &format!("{who}.key")]);
    }
    let (path, arguments) = arguments.split_last().expect("a path");
    let output = command
        .args(arguments)
        .arg(format!("{url}{path}"))
        .output()
        .expect("curl");
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    let (body, end) = said.rsplit_once('\n').expect("an end");
    let (status, version) = end.split_once(' ').expect("two words");
    place.printed.borrow_mut().push_str(body);
    (
        status.parse().expect("a number"),
        version.to_owned(),
        serde_json::from_str(body).unwrap_or(Value::Null),
    )
}

fn home(place: &Place) -> bool {
    if Command::new("curl").arg("--version").output().is_err() {
        kaskade_oracle::not_here("curl");
        return false;
    }
    certificates(place);
    place.file("kaskade.toml", CONFIG);
    place
        .with_secrets(&format!("subscriber add --supi {SUPI} --data data"))
        .ok();
    true
}

#[test]
fn a_role_may_what_it_may_and_no_more() {
    let place = Place::new();
    if !home(&place) {
        return;
    }
    let (up, url) = start(&place);
    let new = format!("{{\"supi\":\"imsi-001010000000002\",\"k\":\"{K}\",\"opc\":\"{OPC}\"}}");
    let json = ["-H", "content-type: application/json", "-d"];
    let with = |method: &'static str, body: &'static str, path: &'static str| -> Vec<String> {
        let all = ["-X", method].into_iter().chain(json).chain([body, path]);
        all.map(str::to_owned).collect()
    };
    let add: Vec<String> = ["-X", "POST"]
        .into_iter()
        .chain(json)
        .chain([&*new, "/subscribers"])
        .map(str::to_owned)
        .collect();
    let look = vec!["/subscribers".to_owned()];
    let policy = with("PUT", "{\"serving_networks\":[\"001-01\"]}", "/policy");
    let key = with("POST", "{\"profile\":\"A\"}", "/hn-keys");
    let change = with("PATCH", "{\"akma\":true}", "/subscribers/imsi-001010000000001");
    let expected = [
        ("nobody", [403; 5]),
        ("reader", [200, 403, 403, 403, 403]),
        // Of two names the least counts.
        ("several", [200, 403, 403, 403, 403]),
        ("provisioner", [200, 201, 200, 403, 403]),
        ("operator", [200, 409, 200, 200, 201]),
    ];
    for (who, statuses) in expected {
        for (arguments, status) in [&look, &add, &change, &policy, &key].into_iter().zip(statuses) {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let (told, _, body) = curl(&place, &url, who, &arguments);
            assert_eq!(told, status, "{who} {arguments:?} {body}");
            if status == 403 {
                assert_eq!(body["reason"], "peer-not-authorized");
            }
        }
    }
    let retire = "/emsk/keys/imsi-001010000000001";
    for (who, statuses) in [
        ("nobody", [403; 3]),
        ("reader", [200, 200, 403]),
        ("provisioner", [200, 200, 403]),
        ("operator", [200, 200, 404]),
    ] {
        let asked = [
            &["/emsk/usages"][..],
            &["/emsk/keys?limit=1"],
            &["-X", "DELETE", retire],
        ];
        for (arguments, status) in asked.into_iter().zip(statuses) {
            let (told, _, body) = curl(&place, &url, who, arguments);
            assert_eq!(told, status, "{who} {arguments:?} {body}");
        }
    }
    for (option, version) in [("--http1.1", "1.1"), ("--http2", "2")] {
        let (status, told, page) = curl(&place, &url, "reader", &[option, "/subscribers?limit=1"]);
        assert_eq!((status, &*told), (200, version));
        assert_eq!(page["subscribers"][0]["supi"], SUPI);
    }
    let (none, ..) = curl(&place, &url, "", &["/subscribers"]);
    assert_eq!(none, 0, "without a certificate there is no connection");
    let (status, ..) = curl(&place, &url, "operator", &["-X", "POST", "/subscribers/import"]);
    assert_eq!(status, 415);
    // Whatever a certificate calls itself, it is no user of this machine.
    assert_eq!(curl(&place, &url, "root", &["/subscribers"]).0, 403);
    let reveal = "/subscribers?reveal_gpsi=true";
    for (who, status) in [("reader", 403), ("provisioner", 200)] {
        assert_eq!(curl(&place, &url, who, &[reveal]).0, status, "{who}");
    }
    place.kaskade(&format!("subscriber suspend {SUPI} --data data")).ok();
    up.stop();
    let entries = place.kaskade("audit show --json --data data").ok();
    let entries: Vec<Value> = entries
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let of = |outcome: &str, action: &str, kind: &str| {
        let found = entries.iter().rfind(|entry| {
            (&entry["outcome"], &entry["action"], &entry["peer_kind"])
                == (&outcome.into(), &action.into(), &kind.into())
        });
        found
            .unwrap_or_else(|| panic!("{outcome} {action} {kind}: {entries:?}"))
            .clone()
    };
    let uid = format!("uid:{}", rustix::process::geteuid().as_raw());
    let user = of("changed", "subscriber-suspended", "user");
    assert_eq!(user["peer"], uid);
    let named = entries
        .iter()
        .find(|entry| entry["peer"] == "uid:0" && entry["peer_kind"] == "name");
    let named = named.unwrap_or_else(|| panic!("{entries:?}"));
    assert_eq!(named["outcome"], "refused");
    assert_ne!(named["peer_id"], user["peer_id"]);
    assert_eq!(
        of("noted", "subscribers-exported", "name")["peer"],
        "provisioner.example"
    );
    let log = place.kaskade("audit show --data data").ok();
    for (who, what) in [
        ("provisioner.example", "subscriber-added"),
        ("operator.example", "policy-changed"),
    ] {
        assert!(
            log.lines().any(|line| line.contains(who) && line.contains(what)),
            "{who} {what}\n{log}"
        );
    }
    let refused = log
        .lines()
        .filter(|line| line.contains("refused") && line.contains("peer-not-authorized"));
    for who in ["reader.example", "nobody.example"] {
        assert!(refused.clone().any(|line| line.contains(who)), "{log}");
    }
    place.has_no(&[K, OPC], &["data"]);
}

#[test]
fn roles_are_taken_over_while_it_runs() {
    let place = Place::new();
    if !home(&place) {
        return;
    }
    let (up, url) = start(&place);
    let reset = |who: &str| curl(&place, &url, who, &["-X", "DELETE", "/policy"]).0;
    assert_eq!((reset("reader"), reset("operator")), (403, 200));
    let swapped = CONFIG
        .replace("\"operator.example\" = \"operator\"\n", "")
        .replace("\"reader.example\" = \"reader\"", "\"reader.example\" = \"operator\"");
    place.file("kaskade.toml", &swapped);
    let sent = Command::new("kill").args(["-HUP", &up.pid().to_string()]).status();
    assert!(sent.expect("kill").success());
    let begun = std::time::Instant::now();
    while reset("reader") != 200 {
        assert!(begun.elapsed().as_secs() < 20, "the roles are those of before");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(reset("operator"), 403);
    // Who gave that role is on record before it was one.
    let log = place
        .kaskade("audit show --action configuration-taken-over --data data")
        .ok();
    assert!(log.contains("noted") && log.contains("uid:"), "{log}");
    up.stop();
}

#[test]
fn in_clear_nobody_has_a_role() {
    let place = Place::new();
    if !home(&place) {
        return;
    }
    place.file(
        "kaskade.toml",
        "data_dir = \"data\"\n[admin]\nlisten = \"127.0.0.1:0\"\n",
    );
    let (up, url) = start(&place);
    assert!(url.starts_with("http://127.0.0.1:"), "{url}");
    let (status, _, told) = curl(&place, &url, "", &["/subscribers"]);
    assert_eq!(status, 403);
    assert!(
        told["detail"].to_string().contains("in clear nobody administers"),
        "{told}"
    );
    up.stop();
}

#[test]
fn wrong_settings_of_administration_are_named() {
    let place = Place::new();
    let roles = |lines: &str| {
        format!(
            "[admin]\nlisten = \"127.0.0.1:9464\"\n[admin.tls]\ncert = \"a\"\nkey = \"b\"\nclient_ca = \"c\"\n[admin.roles]\n{lines}\n"
        )
    };
    for (text, expected) in [
        ("[admin]\nlisten = \"0.0.0.0:9464\"\n", "line 2"),
        (
            "[admin]\nlisten = \"127.0.0.1:9464\"\n[admin.roles]\nx = \"reader\"\n",
            "nobody could show one",
        ),
        (
            "[admin]\nlisten = \"127.0.0.1:9464\"\n[admin.tls]\ncert = \"a\"\nkey = \"b\"\nclient_ca = \"c\"\n[admin.roles]\nx = \"root\"\n",
            "expected reader, provisioner or operator",
        ),
        ("[admin.tls]\ncert = \"a\"\nkey = \"b\"\n", "without admin.listen"),
        (&roles("\"*.example.org\" = \"reader\""), "no certificate is called so"),
        (&roles("\"\" = \"reader\""), "no certificate is called so"),
        (
            &roles("\"UID:0\" = \"operator\""),
            "users of this machine are called so",
        ),
        (
            &roles("\"a.example\" = \"reader\"\n\"A.example\" = \"operator\""),
            "is there twice",
        ),
        (
            "[admin]\nlisten = \"127.0.0.1:9464\"\n[admin.tls]\ncert = \"a\"\n",
            "cert is set without key",
        ),
        ("[admin]\nport = 1\n", "unknown field `port`"),
    ] {
        place.file("k.toml", text);
        let said = place.kaskade("config check k.toml").refused();
        assert!(said.contains(expected), "{text}: {said}");
    }
}

/// A role that is taken away ends an import that goes on with its next batch.
#[test]
fn a_role_that_is_taken_away_ends_an_import() {
    let place = Place::new();
    if !home(&place) {
        return;
    }
    let (up, url) = start(&place);
    let batch = |from: u32| -> String {
        let lines = (from..from + 1100).map(|number| format!("00101{number:010},{K},{OPC}\n"));
        lines.collect()
    };
    let mut command = Command::new("curl");
    command.args([
        "-s",
        "-N",
        "--cacert",
        "ca.pem",
        "--cert",
        "provisioner.pem",
        "--key",
        "provisioner.key",
    ]);
    command.args(["-H", "content-type: text/csv", "-X", "POST", "-T", "."]);
    command
        .arg(format!("{url}/subscribers/import"))
        .current_dir(place.path("."));
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("curl");
    let mut lines = BufReader::new(child.stdout.take().expect("stdout")).lines();
    let mut stdin = child.stdin.take().expect("stdin");
    stdin
        .write_all(format!("imsi,k,opc\n{}", batch(100)).as_bytes())
        .expect("sent");
    let first = lines.next().expect("progress").expect("text");
    assert!(first.contains("\"imported\":1023"), "{first}");
    let without = CONFIG.replace("\"Provisioner.example\" = \"provisioner\"\n", "");
    place.file("kaskade.toml", &without);
    up.signal("-HUP");
    crate::common::wait_until("the role is gone", || {
        curl(&place, &url, "provisioner", &["/subscribers"]).0 == 403
    });
    stdin.write_all(batch(5000).as_bytes()).expect("sent");
    drop(stdin);
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    child.wait().expect("it ends");
    let end: Value = serde_json::from_str(rest.last().expect("an end")).expect("JSON");
    assert_eq!(end["problem"]["reason"], "peer-not-authorized", "{rest:?}");
    assert_eq!((&end["imported"], &end["next_line"]), (&1023.into(), &1025.into()));
    up.stop();
}
