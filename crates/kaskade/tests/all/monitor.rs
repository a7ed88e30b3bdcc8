//! Health, readiness and metrics of a node that runs.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use kaskade_keys::{Plmn, ServingNetworkName, Supi};
use kaskade_net::role::seaf::AusfClient;
use kaskade_net::sbi::client::ClientOptions;

use crate::common::{Place, SUPI, Up};

const CONFIG: &str = "data_dir = \"data\"\n[policy]\nserving_networks = [\"001-01\"]\n[admin]\nlisten = \"127.0.0.1:0\"\n[budget]\n\
                      card = \"unlimited\"\ncard_of_requester = \"unlimited\"\n";

pub(crate) fn curl(args: &[&str]) -> String {
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--max-time", "20"])
        .args(args)
        .output()
        .expect("curl");
    assert!(output.status.success(), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Where a node is watched.
pub(crate) fn root(up: &Up) -> String {
    let line = up.greeting.lines().find_map(|line| line.strip_prefix("Metrics"));
    let url = line.expect("an address").trim();
    url.strip_suffix("/metrics").expect("a path").to_owned()
}

/// Samples by name and labels, as they stand there.
fn samples(text: &str) -> BTreeMap<String, u64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').expect("a value");
            (name.to_owned(), value.parse().expect("a number"))
        })
        .collect()
}

/// Says what Prometheus's own tool says, where it is here.
fn promtool(text: &str) {
    let program = std::env::var_os("KASKADE_PROMTOOL").unwrap_or_else(|| "promtool".into());
    let child = Command::new(program)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        kaskade_oracle::not_here("promtool, of Debian's package prometheus (KASKADE_PROMTOOL names it)");
        return;
    };
    child
        .stdin
        .take()
        .expect("stdin")
        .write_all(text.as_bytes())
        .expect("written");
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    // TS 28.552 knows no suffix.
    let others: Vec<&str> = said
        .lines()
        .filter(|line| !line.is_empty())
        .filter(|line| !line.starts_with("fivegs_") || !line.contains("_total"))
        .collect();
    assert!(others.is_empty(), "{said}");
}

fn network(mcc_mnc: (&str, &str)) -> ServingNetworkName {
    ServingNetworkName::new(Plmn::new(mcc_mnc.0, mcc_mnc.1).expect("a PLMN"), None)
}

#[test]
fn figures_follow_what_is_asked_for_and_are_read_under_load() {
    let place = Place::new();
    place.file("k.toml", CONFIG);
    place
        .with_secrets(&format!("subscriber add --supi {SUPI} --config k.toml"))
        .ok();
    let up = Up::start(&place, "up --config k.toml");
    let root = root(&up);
    let metrics = format!("{root}/metrics");
    let before = samples(&curl(&[&metrics]));
    assert_eq!(before["fivegs_ausffunction_auth_authreq"], 0);
    assert_eq!(before["kaskade_store_subscribers"], 1);
    assert_eq!(before["kaskade_ready"], 1);

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let seaf = AusfClient::new(&up.ausf, ClientOptions::default()).expect("a client");
    let supi: Supi = SUPI.parse().expect("a SUPI");
    let unknown: Supi = "imsi-001010000000999".parse().expect("a SUPI");
    let (good, bad) = (40_u64, 7_u64);
    // Stays connected when its clone is gone.
    let connected = seaf.clone();
    let load = runtime.spawn(async move {
        for _ in 0..good {
            let challenge = seaf
                .authenticate(supi.clone(), network(("001", "01")))
                .await
                .expect("a challenge");
            // No RES*: the authentication has failed.
            assert!(
                seaf.confirm(&challenge.confirmation, None)
                    .await
                    .expect("an answer")
                    .is_none()
            );
        }
        for _ in 0..bad {
            seaf.authenticate(unknown.clone(), network(("001", "01")))
                .await
                .expect_err("nobody");
        }
        seaf.authenticate(supi, network(("310", "410")))
            .await
            .expect_err("not authorised");
    });
    let mut last = 0;
    while !load.is_finished() {
        let now = samples(&curl(&["--http2-prior-knowledge", &metrics]))["fivegs_ausffunction_auth_authreq"];
        assert!(now >= last, "a counter only grows");
        last = now;
    }
    runtime.block_on(load).expect("no panic");
    let text = curl(&["--http1.1", &metrics]);
    let after = samples(&text);
    drop(connected);
    for (name, value) in [
        ("fivegs_ausffunction_auth_authreq", good + bad + 1),
        ("fivegs_ausffunction_auth_authsucc", 0),
        ("fivegs_ausffunction_auth_authfail", good),
        ("kaskade_ausf_challenges_total", good),
        ("kaskade_ausf_contexts", 0),
        ("kaskade_udm_vectors_total", good),
        ("kaskade_refusals_total{reason=\"user-not-found\"}", bad),
        ("kaskade_refusals_total{reason=\"serving-network-not-authorized\"}", 1),
        (
            "kaskade_requests_total{service=\"nausf-auth\",operation=\"authenticate\",class=\"2xx\"}",
            good,
        ),
        (
            "kaskade_requests_total{service=\"nausf-auth\",operation=\"authenticate\",class=\"4xx\"}",
            bad + 1,
        ),
        (
            "kaskade_requests_total{service=\"nausf-auth\",operation=\"confirm\",class=\"2xx\"}",
            good,
        ),
        ("kaskade_over_budget_total{role=\"udm\"}", 0),
        ("kaskade_connections", 1),
        ("kaskade_audit_admits", 1),
        ("kaskade_store_commit_failures_total", 0),
    ] {
        assert_eq!(after.get(name), Some(&value), "{name}\n{text}");
    }
    assert!(
        after["kaskade_store_commits_total"] > 0 && after["kaskade_store_octets"] > 0,
        "{text}"
    );
    assert!(!text.contains("001010000000001"), "no subscriber is named");
    promtool(&text);
    up.stop();
}

#[test]
fn what_is_asked_for_wrongly_is_refused_and_there_is_nothing_by_default() {
    let place = Place::new();
    place.file("k.toml", CONFIG);
    let up = Up::start(&place, "up --config k.toml");
    let root = root(&up);
    let status = |args: &[&str]| curl(&[args, &["-o", "/dev/null", "-w", "%{http_code}"]].concat());
    for (path, code) in [
        ("/health", "200"),
        ("/ready", "200"),
        ("/ready?x=1", "200"),
        ("/", "404"),
        ("/metrics/", "404"),
        ("/nausf-auth/v1/ue-authentications", "404"),
    ] {
        assert_eq!(status(&[&format!("{root}{path}")]), code, "{path}");
    }
    assert_eq!(status(&["-X", "POST", &format!("{root}/metrics")]), "405");
    assert_eq!(status(&["--head", &format!("{root}/metrics")]), "200");
    let health = curl(&[&format!("{root}/health")]);
    assert!(
        health.contains("\"status\":\"up\"") && health.contains(env!("CARGO_PKG_VERSION")),
        "{health}"
    );
    up.stop();
    let quiet = Up::start(&place, "up");
    assert!(!quiet.greeting.contains("Metrics"), "{}", quiet.greeting);
    quiet.stop();
    for (admin, says) in [
        (
            "listen = \"0.0.0.0:9464\"",
            "admin.listen: 0.0.0.0:9464 is open to other machines",
        ),
        (
            "tls = { cert = \"a\", key = \"b\" }",
            "admin.tls: is set without admin.listen",
        ),
        (
            "listen = \"127.0.0.1:1\"\ntls = { cert = \"a\" }",
            "cert is set without key",
        ),
        (
            "listen = \"127.0.0.1:1\"\ntls = { cert = \"a.pem\", key = \"b.pem\" }",
            "line 3, column 9: admin.tls.cert: ",
        ),
        (
            "listen = \"0.0.0.0:7777\"\ntls = { cert = \"a.pem\", key = \"b.pem\" }",
            "line 2, column 1: admin.listen: 0.0.0.0:7777 is where ausf listens (127.0.0.1:7777): name another port",
        ),
    ] {
        place.file("wrong.toml", &format!("[admin]\n{admin}\n"));
        for command in ["config check wrong.toml", "up --config wrong.toml"] {
            let said = place.kaskade(command).refused();
            assert!(said.contains(says), "{admin}: {said}");
        }
    }
}

/// A UDM that answers nothing keeps the AUSF in its end for a while.
#[test]
fn a_node_that_stops_is_not_ready_and_says_why() {
    let place = Place::new();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let udm = silent.local_addr().expect("an address");
    place.file("k.toml", &format!("{CONFIG}[ausf.udm]\nurl = \"http://{udm}\"\n"));
    let up = Up::start(&place, "up --config k.toml");
    let ready = format!("{}/ready", root(&up));
    assert!(curl(&[&ready]).contains("\"ready\":true"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let seaf = AusfClient::new(&up.ausf, ClientOptions::default()).expect("a client");
    let asking = runtime.spawn(async move {
        let supi: Supi = SUPI.parse().expect("a SUPI");
        seaf.authenticate(supi, network(("001", "01"))).await
    });
    std::thread::sleep(Duration::from_millis(300));
    up.signal("-TERM");
    let begun = Instant::now();
    loop {
        let said = curl(&["-w", " %{http_code}", &ready]);
        if said.ends_with("503") {
            assert!(
                said.contains("\"ready\":false") && said.contains("the node is stopping"),
                "{said}"
            );
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(2), "{said}");
    }
    let (status, log) = up.ends_within(Duration::from_secs(20));
    assert!(status.success(), "{log}");
    asking.abort();
}
