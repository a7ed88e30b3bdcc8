//! Roles in processes of their own, signals, and a configuration that changes while the node runs.

use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kaskade_keys::{Plmn, ServingNetworkName, Supi};
use kaskade_net::role::seaf::AusfClient;
use kaskade_net::sbi::client::ClientOptions;
use kaskade_net::sbi::tls::ClientTls;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use crate::common::{Place, SUPI, Up, wait_until};

const HOME: &str = "data_dir = \"data\"\n[policy]\nserving_networks = [\"001-01\"]\n";

fn home(place: &Place, config: &str) {
    place.file("k.toml", config);
    place
        .with_secrets(&format!("subscriber add --supi {SUPI} --config k.toml"))
        .ok();
}

fn network() -> ServingNetworkName {
    ServingNetworkName::new(Plmn::new("001", "01").expect("a PLMN"), None)
}

fn supi() -> Supi {
    SUPI.parse().expect("a SUPI")
}

const TAKEN: &str = "the configuration was taken over";
const REFUSED: &str = "the configuration was not taken over";

#[test]
fn one_configuration_serves_a_process_for_each_role() {
    let place = Place::new();
    let port = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        free.local_addr().expect("an address").port()
    };
    let config = format!(
        "{HOME}[udm]\nlisten = \"127.0.0.1:{port}\"\n[ausf]\nlisten = \"127.0.0.1:0\"\n[ausf.udm]\nurl = \"http://127.0.0.1:{port}\"\n"
    );
    home(&place, &config);
    let own_address = |command: &mut Command| {
        command.env_remove("KASKADE_UDM_LISTEN");
    };
    let udm = Up::start_with(&place, "up --config k.toml --role udm", own_address);
    assert!(
        udm.greeting.contains("UDM") && !udm.greeting.contains("AUSF"),
        "{}",
        udm.greeting
    );
    let ausf = Up::start_with(&place, "up --config k.toml --role ausf --data other", own_address);
    assert!(ausf.greeting.contains("(another node)"), "{}", ausf.greeting);
    let attach = format!(
        "ue attach --supi {SUPI} --plmn 001-01 --state usim.json --ausf {}",
        ausf.ausf
    );
    assert!(
        place
            .with_secrets(&attach)
            .ok()
            .contains("keys that both sides have agree")
    );
    ausf.stop();
    udm.stop();

    let unknown = place.kaskade("up --config k.toml --role hss").refused();
    assert!(
        unknown.contains("hss") && unknown.contains("udm") && unknown.contains("ausf"),
        "{unknown}"
    );
    place.file("one.toml", &format!("{HOME}[udm]\n"));
    let without = place.kaskade("up --config one.toml --role ausf").refused();
    assert!(
        without.contains("ausf: has no section") && without.contains("[ausf]"),
        "{without}"
    );
    let alone = place.kaskade("up --role ausf").refused();
    assert!(alone.contains("there is no UDM for it"), "{alone}");
}

#[test]
fn a_second_node_on_the_same_folder_is_refused_and_the_first_goes_on() {
    let place = Place::new();
    home(&place, HOME);
    let up = Up::start(&place, "up --config k.toml");
    for second in ["up --config k.toml", "up --config k.toml --role udm", "up --data data"] {
        let said = place.kaskade(second).refused();
        assert!(
            said.contains("a node or another command has it open"),
            "{second}: {said}"
        );
    }
    let attach = format!(
        "ue attach --supi {SUPI} --plmn 001-01 --state usim.json --ausf {}",
        up.ausf
    );
    place.with_secrets(&attach).ok();
    up.stop();
    // It is free again.
    Up::start(&place, "up --config k.toml").stop();
}

#[test]
fn a_changed_policy_is_taken_over_and_a_wrong_one_changes_nothing() {
    let place = Place::new();
    home(&place, HOME);
    let (up, log) = Up::start_with_log(&place, "up --config k.toml");
    let attach = |place: &Place, more: &str| {
        place.with_secrets(&format!(
            "ue attach --ausf {} --supi {SUPI} --home 001-01 --state usim.json {more}",
            up.ausf
        ))
    };
    assert!(attach(&place, "--serving 310-410").refused().contains("403"));
    place.file("k.toml", &HOME.replace("[\"001-01\"]", "[\"001-01\", \"310-410\"]"));
    up.reload(&log, TAKEN, 1);
    attach(&place, "--serving 310-410").ok();

    // Nothing of what is wrong, and nothing beside it.
    for (number, (wrong, says)) in [
        (
            "data_dir = \"data\"\n[policy]\nserving_networks = [\"001-0\"]\n",
            "line 3",
        ),
        ("data_dir = \"data\"\n[policy]\nnetworks = []\n", "line 3, column 1"),
        (
            "data_dir = \"data\"\n[policy]\n\n[limits]\nidle = 61\n",
            "line 5, column 1: limits.idle: only a new start",
        ),
        ("data_dir = \"other\"\n", "line 1, column 1: data_dir: only a new start"),
        ("data_dir = \"data\"\n[udm]\n", "ausf: only a new start"),
    ]
    .into_iter()
    .enumerate()
    {
        place.file("k.toml", wrong);
        up.reload(&log, REFUSED, number + 1);
        let text = std::fs::read_to_string(&log).expect("a log");
        let line = text.lines().rfind(|line| line.contains(REFUSED)).expect("a line");
        assert!(line.contains(says) && line.contains("k.toml"), "{says}: {line}");
        attach(&place, "--serving 310-410").ok();
    }
    place.file("k.toml", HOME);
    up.reload(&log, TAKEN, 2);
    assert!(attach(&place, "--serving 310-410").refused().contains("403"));

    // A key pair that was made meanwhile, and the filter of the log.
    place.kaskade("hn-key generate --profile b --config k.toml").ok();
    let public = place.kaskade("hn-key list --json --config k.toml").ok();
    let keys: serde_json::Value = serde_json::from_str(&public).expect("JSON");
    let key = keys.pointer("/keys/0").cloned().unwrap_or(keys);
    let id = key["id"].to_string();
    let hex = key["public_key"].as_str().expect("a key").to_owned();
    let concealed = format!("--suci b --hn-key-id {id} --hn-public-key {hex}");
    // The node made it itself, and does not lose it.
    attach(&place, &concealed).ok();
    place.file("k.toml", &format!("{HOME}[log]\nfilter = \"debug\"\n"));
    up.reload(&log, TAKEN, 3);
    attach(&place, &concealed).ok();
    let text = std::fs::read_to_string(&log).expect("a log");
    let (before, after) = text.rsplit_once(TAKEN).expect("said");
    assert!(!before.contains("DEBUG") && after.contains("DEBUG"), "{text}");
    up.stop();
}

/// An authority of its own for each call, and a certificate of it for this machine.
fn certificate(place: &Place, name: &str) {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    place.file(
        &format!("{name}-ca.pem"),
        &params.self_signed(&key).expect("signed").pem(),
    );
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("parameters");
    place.file(
        &format!("{name}.pem"),
        &params.signed_by(&key, &issuer).expect("signed").pem(),
    );
    place.file(&format!("{name}.key"), &key.serialize_pem());
}

/// Several clients ask without end, while certificates and policy change: nobody notices.
#[test]
fn no_request_is_lost_while_certificates_and_policy_change() {
    let place = Place::new();
    certificate(&place, "old");
    certificate(&place, "new");
    let config = |name: &str, networks: &str| {
        format!(
            "data_dir = \"data\"\n[policy]\nserving_networks = [\"001-01\"{networks}]\n[budget]\nrequester = \"unlimited\"\n\
             serving_network = \"unlimited\"\nnode = \"unlimited\"\ncard = \"unlimited\"\ncard_of_requester = \"unlimited\"\n\
             [udm]\n[ausf.tls]\ncert = \"{name}.pem\"\nkey = \"{name}.key\"\n"
        )
    };
    home(&place, &config("old", ""));
    let (up, log) = Up::start_with_log(&place, "up --config k.toml");
    let client = |name: &str| {
        let mut options = ClientOptions::default();
        options.tls = Some(ClientTls::new(&place.path(&format!("{name}-ca.pem")), None).expect("an authority"));
        AusfClient::new(&up.ausf, options).expect("a client")
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let over = Arc::new(AtomicBool::new(false));
    let (asked, failed) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let seaf = client("old");
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (seaf, over, asked, failed) = (seaf.clone(), over.clone(), asked.clone(), failed.clone());
            runtime.spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    if seaf.authenticate(supi(), network()).await.is_err() {
                        failed.fetch_add(1, Ordering::Relaxed);
                    }
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let trusted = |name: &str| runtime.block_on(client(name).authenticate(supi(), network())).is_ok();
    wait_until("some are served", || asked.load(Ordering::Relaxed) > 50);
    assert!(trusted("old") && !trusted("new"));
    for round in 1..=10 {
        let name = if round % 2 == 0 { "old" } else { "new" };
        let networks = if round % 2 == 0 { "" } else { ", \"310-410\"" };
        place.file("k.toml", &config(name, networks));
        up.reload(&log, TAKEN, round);
        // From the next connection on; the connection of the others goes on.
        let other = if round % 2 == 0 { "new" } else { "old" };
        assert!(trusted(name) && !trusted(other), "{round}");
    }
    // A key that is not of the certificate: nothing is taken over.
    place.file(
        "new.key",
        &std::fs::read_to_string(place.path("old.key")).expect("a key"),
    );
    place.file("k.toml", &config("new", ""));
    up.reload(&log, REFUSED, 1);
    assert!(trusted("old"));
    // Clear text would come in the place of TLS.
    place.file(
        "k.toml",
        &config("old", "").replace("[ausf.tls]\ncert = \"old.pem\"\nkey = \"old.key\"\n", "[ausf]\n"),
    );
    up.reload(&log, REFUSED, 2);
    assert!(trusted("old"));
    let so_far = asked.load(Ordering::Relaxed);
    wait_until("they are still served", || asked.load(Ordering::Relaxed) > so_far + 50);
    over.store(true, Ordering::Relaxed);
    for task in tasks {
        runtime.block_on(task).expect("no panic");
    }
    assert_eq!(
        failed.load(Ordering::Relaxed),
        0,
        "of {}",
        asked.load(Ordering::Relaxed)
    );
    up.stop();
}

#[test]
fn the_manager_of_the_system_is_told() {
    let place = Place::new();
    home(&place, HOME);
    let path = place.path("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("a time-out");
    let up = Up::start_with(&place, "up --config k.toml", |command| {
        command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "200000");
    });
    let told = || {
        let mut octets = [0; 4096];
        let len = socket.recv(&mut octets).expect("a message");
        String::from_utf8_lossy(octets.get(..len).unwrap_or_default())
            .trim()
            .to_owned()
    };
    let next = || loop {
        match told() {
            beat if beat == "WATCHDOG=1" => {}
            other => return other,
        }
    };
    assert_eq!(next(), "READY=1");
    assert_eq!(told(), "WATCHDOG=1");
    assert_eq!(told(), "WATCHDOG=1");
    up.signal("-HUP");
    let reloading = next();
    let mut lines = reloading.lines();
    assert_eq!(lines.next(), Some("RELOADING=1"));
    let at = lines.next().and_then(|line| line.strip_prefix("MONOTONIC_USEC="));
    assert!(at.is_some_and(|at| at.parse::<u64>().is_ok()), "{reloading}");
    assert_eq!(next(), "READY=1\nSTATUS=the configuration was taken over");
    up.signal("-TERM");
    assert_eq!(next(), "STOPPING=1");
    let (status, log) = up.ends_within(Duration::from_secs(20));
    assert!(status.success(), "{log}");
    assert!(log.contains("stopped: all is on the disk"), "{log}");
}

/// Who read the greeting is gone before it is written.
#[test]
fn without_a_reader_it_runs_and_ends_in_order() {
    let place = Place::new();
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let admin = free.local_addr().expect("an address");
    drop(free);
    home(&place, &format!("{HOME}[admin]\nlisten = \"{admin}\"\n"));
    let log = place.path("log");
    let mut child = place
        .command()
        .args(["up", "--config", "k.toml"])
        .env("KASKADE_AUSF_LISTEN", "127.0.0.1:0")
        .env("KASKADE_UDM_LISTEN", "127.0.0.1:0")
        .stdout(std::process::Stdio::piped())
        .stderr(std::fs::File::create(&log).expect("a file"))
        .spawn()
        .expect("the program starts");
    drop(child.stdout.take());
    wait_until("it is watched", || std::net::TcpStream::connect(admin).is_ok());
    std::thread::sleep(Duration::from_millis(500));
    let ended = child.try_wait().expect("a child");
    let sent = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    let status = child.wait().expect("it ends");
    let said = std::fs::read_to_string(&log).expect("a log");
    assert!(ended.is_none() && sent.expect("kill").success(), "{ended:?}: {said}");
    assert!(
        status.success() && said.contains("stopped: all is on the disk"),
        "{said}"
    );
}

/// A UDM that takes every connection and answers nothing: its AUSF has a request in progress when it is to end.
#[test]
fn a_second_signal_ends_at_once() {
    let place = Place::new();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let udm = silent.local_addr().expect("an address");
    place.file("k.toml", &format!("{HOME}[ausf.udm]\nurl = \"http://{udm}\"\n"));
    for times in [1, 2] {
        let up = Up::start(&place, "up --config k.toml");
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let seaf = AusfClient::new(&up.ausf, ClientOptions::default()).expect("a client");
        let asking = runtime.spawn(async move { seaf.authenticate(supi(), network()).await });
        std::thread::sleep(Duration::from_millis(300));
        let begun = Instant::now();
        up.signal("-TERM");
        if times == 2 {
            std::thread::sleep(Duration::from_millis(200));
            up.signal("-TERM");
        }
        let (status, log) = up.ends_within(Duration::from_secs(20));
        let after = begun.elapsed();
        if times == 1 {
            assert!(
                status.success() && after > Duration::from_millis(1500),
                "{after:?}: {log}"
            );
            assert!(log.contains("stopped: all is on the disk"), "{log}");
        } else {
            assert!(
                status.code() == Some(1) && after < Duration::from_millis(1200),
                "{after:?}: {log}"
            );
            assert!(log.contains("ended at once"), "{log}");
        }
        asking.abort();
    }
}
