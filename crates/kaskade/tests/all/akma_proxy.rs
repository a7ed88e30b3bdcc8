//! `kaskade akma proxy` before an application of the test: UEs that register at a node, log in through the proxy by curl and by the program's own
//! UE, and are shut out when the home network says so.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;

use base64ct::{Base64, Encoding as _};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::Value;

use crate::common::{Place, SUPI, Up, wait_until};

const AF: &str = "af.example.com";
const GPSI: &str = "msisdn-491701234567";

/// An application of a few lines that knows nothing of AKMA: it says what it was sent.
fn application() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(stream));
        }
    });
    address
}

fn answer(stream: TcpStream) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let (mut head, mut length) = (String::new(), 0);
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).ok()? == 0 {
                return None;
            }
            let line = head.lines().last()?.to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let said = format!("{head}{} octets\n", body.len());
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{said}", said.len());
        reader.get_mut().write_all(answer.as_bytes()).ok()?;
    }
}

/// An authority, and the certificate of the proxy.
fn certificates(place: &Place) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "authority");
    place.file("ca.pem", &params.self_signed(&key).unwrap().pem());
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![AF.to_owned()]).unwrap();
    place.file("af.pem", &params.signed_by(&key, &issuer).unwrap().pem());
    place.file("af.key", &key.serialize_pem());
}

/// A port of this machine where nobody is.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn said<'u>(up: &'u Up, name: &str) -> &'u str {
    let line = up.greeting.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_else(|| panic!("{name} in {}", up.greeting)).trim()
}

/// A node with one subscriber who has AKMA.
fn node(place: &Place, notices: SocketAddr, more: &str) -> Up {
    place
        .with_secrets(&format!(
            "subscriber add --supi {SUPI} --akma --gpsi {GPSI} --data data"
        ))
        .ok();
    place.file(
        "kaskade.toml",
        &format!(
            "data_dir = \"data\"\n[policy]\nserving_networks = [\"001-01\"]\n[udm]\n[ausf]\n[aanf]\nlisten = \"127.0.0.1:0\"\n\
             [aanf.functions.portal]\nfqdn = \"{AF}\"\nprotocols = [\"http-digest\", \"tls-1.3-psk\", \"tls\"]\n\
             callers = [\"127.0.0.1\", \"nef\"]\nidentity = \"gpsi\"\n[aanf.callbacks.roots]\n\"127.0.0.1\" = [\"http://{notices}\"]\n{more}"
        ),
    );
    Up::start(place, "up --config kaskade.toml")
}

/// A proxy that asks there for its keys.
fn proxy(place: &Place, upstream: SocketAddr, more: &str) -> Up {
    let line = format!(
        "akma proxy --af AF.example.com --listen 127.0.0.1:0 --cert af.pem --key af.key --upstream http://{upstream} {more}"
    );
    Up::start(place, &line)
}

/// Where users come in.
fn users(proxy: &Up) -> SocketAddr {
    let url = said(proxy, "Proxy").split_whitespace().next().unwrap();
    url.strip_prefix("https://").unwrap().parse().unwrap()
}

/// A UE that registers and logs in; what it tells.
fn log_in(place: &Place, node: &Up, at: SocketAddr, more: &str) -> Value {
    let line = format!(
        "ue akma --af https://{AF}/hello --connect {at} --ausf {} --supi {SUPI} --home 001-01 --state usim.json --patience 20 --json --reveal {more}",
        node.ausf
    );
    serde_json::from_str(&place.with_secrets(&line).ok()).unwrap()
}

fn k_af(told: &Value) -> &str {
    let keys = told["keys"].as_array().unwrap();
    let key = keys.iter().find(|key| key["name"] == "K_AF").unwrap();
    key["value"].as_str().unwrap()
}

/// What curl is told as the user of a login.
fn curl(place: &Place, login: &Value, at: SocketAddr, more: &[&str]) -> String {
    let password = Base64::encode_string(&hex::decode(k_af(login)).unwrap());
    let mut command = Command::new("curl");
    command.args([
        "--silent",
        "--show-error",
        "--max-time",
        "20",
        "--digest",
        "--http1.1",
        "--resolve",
    ]);
    command.arg(format!("{AF}:{}:127.0.0.1", at.port()));
    command.arg("--cacert").arg(place.path("ca.pem"));
    command
        .arg("--user")
        .arg(format!("{}:{password}", login["a_kid"].as_str().unwrap()));
    command.args(["--write-out", "%{http_code}"]).args(more);
    let output = command.arg(format!("https://{AF}:{}/a?b=c", at.port())).output();
    let output = output.expect("curl: apt-get install curl");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn users_log_in_before_an_application_that_knows_nothing_of_it() {
    let place = Place::new();
    certificates(&place);
    let (notices, upstream) = (free(), application());
    let node = node(&place, notices, "");
    let aanf = said(&node, "AAnF").strip_suffix("/naanf-akma/v1").unwrap().to_owned();
    let more = format!("--aanf {aanf} --notices {notices} --notices-at http://{notices}");
    let running = proxy(&place, upstream, &more);
    assert!(
        said(&running, "Proxy").contains("af.example.com"),
        "{}",
        running.greeting
    );
    let at = users(&running);

    let login = log_in(&place, &node, at, "--af-ca ca.pem");
    assert_eq!(
        (&login["status"], &login["af_showed_the_key"]),
        (&200.into(), &true.into())
    );
    let of_ue = login["body"].as_str().unwrap();
    assert!(of_ue.starts_with("GET /hello HTTP/1.1"), "{of_ue}");
    assert!(of_ue.contains(&format!("sim-user: {GPSI}")), "{of_ue}");

    // Another client of HTTP Digest, with fields that it may not say, and a body of some size.
    place.file("upload", &"x".repeat(3_000_000));
    let upload = format!("@{}", place.path("upload").display());
    let forged = [
        "-H",
        "Sim-User: msisdn-1",
        "-H",
        "sim_user: msisdn-1",
        "-H",
        "X-Forwarded-For: 192.0.2.1",
    ];
    let told = curl(&place, &login, at, &[&forged[..], &["--data-binary", &upload]].concat());
    assert!(told.ends_with("3000000 octets\n200"), "{told}");
    let field = |name: &str| -> Vec<&str> { told.lines().filter_map(|line| line.strip_prefix(name)).collect() };
    assert_eq!(field("sim-user: "), [GPSI], "{told}");
    assert_eq!(field("sim-a-kid: "), [login["a_kid"].as_str().unwrap()]);
    assert_eq!(
        (field("x-forwarded-for: "), field("x-forwarded-proto: ")),
        (vec!["127.0.0.1"], vec!["https"])
    );
    assert!(
        !told.contains("msisdn-1\r") && !told.to_lowercase().contains("authorization"),
        "{told}"
    );

    // A certificate is renewed while connections go on: curl takes the new authority alone.
    certificates(&place);
    running.signal("-HUP");
    wait_until("the new certificate", || {
        let mut command = Command::new("curl");
        command.args(["--silent", "--output", "/dev/null", "--resolve"]);
        command
            .arg(format!("{AF}:{}:127.0.0.1", at.port()))
            .arg("--cacert")
            .arg(place.path("ca.pem"));
        command
            .arg(format!("https://{AF}:{}/", at.port()))
            .status()
            .unwrap()
            .success()
    });
    assert!(curl(&place, &login, at, &[]).ends_with("200"));

    // The home network ends the key.
    place.kaskade(&format!("akma revoke {SUPI} --config kaskade.toml")).ok();
    wait_until("the end of the key", || curl(&place, &login, at, &[]).ends_with("403"));
    let log = running.stop();
    assert!(log.contains("keys disabled by the home network"), "{log}");
    assert!(!log.contains(k_af(&login)) && !log.contains(GPSI), "{log}");
}

#[test]
fn outside_the_operators_domain_the_keys_come_by_the_nef() {
    let place = Place::new();
    certificates(&place);
    let secret: Value = serde_json::from_str(&place.kaskade("nef secret portal --json").ok()).unwrap();
    place.file("secret", &format!("{}\n", secret["clientSecret"].as_str().unwrap()));
    place.file("tokens.pem", crate::doors::NEF);
    let of_nef = format!(
        "[nef]\nlisten = \"127.0.0.1:0\"\n[nef.tokens]\nkey = \"tokens.pem\"\n[nef.afs.portal]\ndomains = [\"{AF}\"]\n\
         protocols = [\"0100000002\"]\nsecret_hash = \"{}\"\ngpsi = true\n[nef.aanfs.home]\nrealm = \"5gc.mnc001.mcc001.3gppnetwork.org\"\n",
        secret["secretHash"].as_str().unwrap()
    );
    let (node, upstream) = (node(&place, free(), &of_nef), application());
    let nef = said(&node, "NEF").strip_suffix("/3gpp-akma/v1").unwrap().to_owned();
    let credentials = "--client-id portal --client-secret secret";
    let running = proxy(&place, upstream, &format!("--nef {nef} {credentials}"));
    let at = users(&running);
    let login = log_in(&place, &node, at, "--af-ca ca.pem");
    assert!(
        login["body"].as_str().unwrap().contains(&format!("sim-user: {GPSI}")),
        "{login}"
    );
    running.stop();

    // Who does not want to know who users are is told the login alone; the application is gone meanwhile.
    let running = proxy(&place, free(), &format!("--nef {nef} {credentials} --anonymous"));
    assert!(curl(&place, &login, users(&running), &[]).ends_with("502"));
    running.stop();
    let running = proxy(&place, upstream, &format!("--nef {nef} {credentials} --anonymous"));
    let told = curl(&place, &login, users(&running), &[]);
    assert!(
        told.contains("sim-a-kid: rid0.atid") && !told.contains("sim-user"),
        "{told}"
    );
    running.stop();

    // Another secret, of the right form.
    place.file("secret", &"A".repeat(43));
    let running = proxy(&place, upstream, &format!("--nef {nef} {credentials}"));
    assert!(curl(&place, &login, users(&running), &[]).ends_with("503"));
    let log = running.stop();
    assert!(log.contains("compare client_id and client_secret"), "{log}");
}

#[cfg(feature = "psk")]
#[test]
fn ues_with_k_af_as_the_key_of_tls_get_through_the_proxy() {
    let place = Place::new();
    certificates(&place);
    let (node, upstream) = (node(&place, free(), ""), application());
    let aanf = said(&node, "AAnF").strip_suffix("/naanf-akma/v1").unwrap().to_owned();
    let suite = "TLS_PSK_WITH_AES_128_GCM_SHA256";
    let (of_1_3, of_1_2) = (free(), free());
    let more = format!("--aanf {aanf} --psk tls1.3@{of_1_3} --psk tls1.2={suite}@{of_1_2}");
    let running = proxy(&place, upstream, &more);
    let identity = |login: &Value| format!("3GPP-AKMA{}", login["a_kid"].as_str().unwrap());
    for (psk, at, options) in [
        (
            "tls1.3".to_owned(),
            of_1_3,
            ["-tls1_3", "-ciphersuites", "TLS_AES_128_GCM_SHA256"],
        ),
        (
            format!("tls1.2={suite}"),
            of_1_2,
            ["-tls1_2", "-cipher", "PSK-AES128-GCM-SHA256"],
        ),
    ] {
        let login = log_in(&place, &node, at, &format!("--psk {psk}"));
        let body = login["body"].as_str().unwrap();
        assert!(body.contains(&format!("sim-user: {GPSI}")), "{body}");
        // And another client of TLS, with a field that it may not say.
        let mut theirs = Command::new("openssl")
            .args([
                "s_client",
                "-quiet",
                "-connect",
                &at.to_string(),
                "-psk_identity",
                &identity(&login),
            ])
            .args(["-psk", k_af(&login)])
            .args(options)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("openssl: apt-get install openssl");
        let request = format!("GET /s HTTP/1.1\r\nHost: {AF}\r\nSim-User: root\r\nConnection: close\r\n\r\n");
        theirs.stdin.as_mut().unwrap().write_all(request.as_bytes()).unwrap();
        let told = String::from_utf8(theirs.wait_with_output().unwrap().stdout).unwrap();
        assert!(told.starts_with("HTTP/1.1 200"), "{told}");
        assert!(
            told.contains(&format!("sim-user: {GPSI}\r\n")) && !told.contains("root"),
            "{told}"
        );
    }
    running.stop();
}

#[test]
fn what_cannot_be_served_is_refused_with_what_to_do() {
    let place = Place::new();
    certificates(&place);
    let right = "akma proxy --af af.example.com --listen 127.0.0.1:0 --cert af.pem --key af.key --upstream http://127.0.0.1:1 --aanf http://127.0.0.1:1";
    for (from, to, says) in [
        ("--aanf http://127.0.0.1:1", "", "--aanf <URL>"),
        ("--aanf http://127.0.0.1:1", "--aanf https://aanf.example", "needs --ca"),
        (
            "--aanf http://127.0.0.1:1",
            "--aanf http://192.0.2.1:1",
            "keys would travel in clear",
        ),
        (
            "--aanf http://127.0.0.1:1",
            "--aanf http://127.0.0.1:1 --ca ca.pem",
            "--ca is for TLS",
        ),
        (
            "--aanf http://127.0.0.1:1",
            "--nef http://127.0.0.1:1 --client-id a",
            "--client-secret",
        ),
        (
            "--aanf http://127.0.0.1:1",
            "--aanf http://127.0.0.1:1 --client-id a --client-secret af.key",
            "--nef",
        ),
        (
            "--upstream http://127.0.0.1:1",
            "--upstream https://127.0.0.1:1",
            "expected http://, a host and a port",
        ),
        ("--listen", "--notices-at https://af.example.com --listen", "--notices"),
        (
            "--listen",
            "--notices 0.0.0.0:1 --notices-at http://af.example.com --listen",
            "could end logins",
        ),
        (
            "--listen",
            "--notices 127.0.0.1:1 --notices-at https://af.example.com/path --listen",
            "a host and a port alone",
        ),
        ("--cert af.pem", "--cert nowhere.pem", "nowhere.pem"),
        ("--cert af.pem", "--cert ca.pem", "certificate and key"),
        ("--af af.example.com", "--af 12*", "a letter, a digit"),
        ("--listen", "--max-connections 0 --listen", "at least 1"),
        ("--listen", "--psk dtls1.2@127.0.0.1:1 --listen", "tls1.2="),
    ] {
        let told = place.kaskade(&right.replace(from, to)).refused();
        assert!(told.contains(says), "{to}: {told}");
    }
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ran = place.kaskade(&right.replace("127.0.0.1:0", &address));
    assert_eq!(ran.status, Some(75), "{}", ran.stderr);
    assert!(ran.stderr.contains("--listen: cannot listen on"), "{}", ran.stderr);
    if !cfg!(feature = "psk") {
        let told = place.kaskade(&format!("{right} --psk tls1.3@127.0.0.1:0")).refused();
        assert!(told.contains("built with the feature psk"), "{told}");
    }
}
