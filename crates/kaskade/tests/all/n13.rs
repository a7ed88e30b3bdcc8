//! AUSF and UDM in two processes, over N13.

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};

use crate::common::{Place, SUPI, Up};

/// An authority, a server's and a client's certificate, and a stranger's authority.
fn certificates(place: &Place) {
    for authority in ["ca", "other"] {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, authority);
        let pem = params.self_signed(&key).expect("signed").pem();
        place.file(&format!("{authority}.pem"), &pem);
        if authority == "other" {
            continue;
        }
        let issuer = Issuer::new(params, key);
        for (name, usage) in [
            ("udm", ExtendedKeyUsagePurpose::ServerAuth),
            ("ausf", ExtendedKeyUsagePurpose::ClientAuth),
        ] {
            let key = KeyPair::generate().expect("a key");
            let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("parameters");
            params.extended_key_usages = vec![usage];
            let pem = params.signed_by(&key, &issuer).expect("signed").pem();
            place.file(&format!("{name}.pem"), &pem);
            place.file(&format!("{name}.key"), &key.serialize_pem());
        }
    }
}

/// The URL of the UDM in a greeting.
fn udm(up: &Up) -> String {
    let line = up.greeting.lines().find_map(|line| line.strip_prefix("UDM"));
    let url = line.expect("a UDM").trim();
    url.strip_suffix("/nudm-ueau/v1").expect("its own UDM").to_owned()
}

const POLICY: &str = "[policy]\nserving_networks = [\"001-01\"]\n";

#[test]
fn an_ausf_asks_the_udm_of_another_process() {
    let place = Place::new();
    certificates(&place);
    place
        .with_secrets(&format!("subscriber add --supi {SUPI} --data home"))
        .ok();
    let home = format!(
        "data_dir = \"home\"\n{POLICY}[udm.tls]\ncert = \"udm.pem\"\nkey = \"udm.key\"\nclient_ca = \"ca.pem\"\n[ausf]\n"
    );
    place.file("home.toml", &home);
    let home = Up::start(&place, "up --config home.toml");
    let udm = udm(&home);
    assert!(udm.starts_with("https://127.0.0.1:"), "{udm}");

    let attach = |place: &Place, up: &Up| {
        place.with_secrets(&format!(
            "ue attach --ausf {} --supi {SUPI} --plmn 001-01 --state usim.json",
            up.ausf
        ))
    };
    let ausf = |name: &str, settings: &str| {
        let text = format!("data_dir = \"{name}\"\n{POLICY}[ausf.udm]\n{settings}");
        place.file(&format!("{name}.toml"), &text);
        assert!(
            place
                .kaskade(&format!("config check {name}.toml"))
                .ok()
                .contains("in order")
        );
        Up::start(&place, &format!("up --config {name}.toml"))
    };
    let identity = "client_cert = \"ausf.pem\"\nclient_key = \"ausf.key\"\n";
    let front = ausf("front", &format!("url = \"{udm}\"\nca = \"ca.pem\"\n{identity}"));
    assert!(
        front.greeting.contains(&format!("{udm} (another node)")),
        "{}",
        front.greeting
    );
    let tree = attach(&place, &front).ok();
    assert!(tree.contains("keys that both sides have agree"), "{tree}");
    front.stop();

    // What does not fit is refused to the AMF, and the AUSF's log says why.
    for (name, settings, why) in [
        ("nameless", format!("url = \"{udm}\"\nca = \"ca.pem\"\n"), "certificate"),
        (
            "wary",
            format!("url = \"{udm}\"\nca = \"other.pem\"\n{identity}"),
            "no authority that is trusted here",
        ),
        (
            "clear",
            format!("url = \"{}\"\n", udm.replace("https", "http")),
            "https://",
        ),
    ] {
        let front = ausf(name, &settings);
        let said = attach(&place, &front).refused();
        assert!(said.contains("504"), "{name}: {said}");
        let log = front.stop();
        let line = log.lines().find(|line| line.contains("no vector from the UDM"));
        assert!(line.is_some_and(|line| line.contains(why)), "{name}: {log}");
    }
    let log = home.stop();
    for said in [
        "the peer has no certificate",
        "refuses this port's certificate",
        "speaks no TLS",
    ] {
        assert!(log.contains(said), "{said}: {log}");
    }
}

#[test]
fn a_udm_that_cannot_be_meant_is_refused_before_the_start() {
    let place = Place::new();
    certificates(&place);
    for (settings, name, says) in [
        ("url = \"http://192.0.2.1:7778\"", "ausf.udm.url", "in clear"),
        ("url = \"http://[2001:db8::1]\"", "ausf.udm.url", "in clear"),
        ("url = \"https://127.0.0.1:1\"", "ausf.udm.url", "needs ca"),
        (
            "url = \"http://127.0.0.1:1\"\nca = \"ca.pem\"",
            "ausf.udm.url",
            "would not be used",
        ),
        ("url = \"ftp://127.0.0.1\"", "ausf.udm.url", "http://"),
        ("url = \"\"", "ausf.udm.url", "URL"),
        (
            "url = \"https://a\"\nca = \"ca.pem\"\ninsecure_h2c = true",
            "ausf.udm.insecure_h2c",
            "https",
        ),
        (
            "url = \"HTTPS://127.0.0.1:1\"\nca = \"ca.pem\"\ninsecure_h2c = true",
            "ausf.udm.insecure_h2c",
            "https",
        ),
        (
            "url = \"http://127.0.0.1:1\"\ninsecure_h2c = true",
            "ausf.udm.insecure_h2c",
            "loopback",
        ),
        (
            "url = \"http://127.9.9.9/udm\"\ninsecure_h2c = true",
            "ausf.udm.insecure_h2c",
            "loopback",
        ),
        (
            "url = \"http://[::1]\"\ninsecure_h2c = true",
            "ausf.udm.insecure_h2c",
            "loopback",
        ),
        (
            "url = \"http://[::ffff:127.0.0.1]:1\"\ninsecure_h2c = true",
            "ausf.udm.insecure_h2c",
            "loopback",
        ),
        ("ca = \"ca.pem\"", "ausf.udm", "no url"),
        ("insecure_h2c = true", "ausf.udm", "no url"),
        (
            "url = \"https://a\"\nca = \"ca.pem\"\nclient_cert = \"ausf.pem\"",
            "ausf.udm",
            "client_key",
        ),
        (
            "url = \"https://a\"\nca = \"ca.pem\"\nclient_key = \"ausf.key\"",
            "ausf.udm",
            "client_cert",
        ),
        (
            "url = \"https://a\"\nca = \"none.pem\"",
            "line 4, column 1: ausf.udm.ca: ",
            "none.pem",
        ),
        ("url = \"https://a b\"\nca = \"ca.pem\"", "ausf.udm.url", "URL"),
        (
            "url = \"https://a\"\nca = \"ca.pem\"\nclient_cert = \"ausf.pem\"\nclient_key = \"udm.key\"",
            "ausf.udm",
            "udm.key",
        ),
    ] {
        place.file("k.toml", &format!("data_dir = \"data\"\n[ausf.udm]\n{settings}\n"));
        for command in ["config check k.toml", "up --config k.toml"] {
            let said = place.kaskade(command).refused();
            assert!(
                said.contains(name) && said.contains(says),
                "{settings}: {command}: {said}"
            );
        }
    }
    // Where a name leads is not known before.
    for host in ["192.0.2.1:7778", "udm.example.org"] {
        place.file(
            "k.toml",
            &format!("[ausf.udm]\nurl = \"http://{host}\"\ninsecure_h2c = true\n"),
        );
        let said = place.kaskade("config check k.toml").ok();
        assert!(
            said.contains("in order") && said.contains("ausf.udm.insecure_h2c is true"),
            "{said}"
        );
    }
}

/// A filter of the log that says nothing, or something else than was meant.
#[test]
fn a_filter_of_the_log_that_is_not_understood_is_refused() {
    let place = Place::new();
    for (filter, says) in [
        ("", "directive 1 of 1"),
        ("inof", "`inof`"),
        ("info,loud", "directive 2 of 2, `loud`"),
        ("info,kaskade_net=", "`kaskade_net=`"),
        ("info,k as=debug", "path of modules"),
    ] {
        place.file(
            "k.toml",
            &format!("data_dir = \"data\"\n[log]\nfilter = \"{filter}\"\n"),
        );
        for command in ["config check k.toml", "up --config k.toml"] {
            let said = place.kaskade(command).refused();
            assert!(
                said.contains("line 3") && said.contains(says),
                "{filter}: {command}: {said}"
            );
        }
        place.file("k.toml", "data_dir = \"data\"\n");
        for command in [&["config", "check", "k.toml"], &["up", "--config", "k.toml"]] {
            // An empty variable is none.
            let filter = if filter.is_empty() { "," } else { filter };
            let says = if filter == "," { "directive 1 of 2" } else { says };
            let said = place.run_with(command, "", |command| {
                command.env("KASKADE_LOG", filter);
            });
            let said = said.refused();
            assert!(said.contains("KASKADE_LOG") && said.contains(says), "{filter}: {said}");
        }
    }
    place.file("k.toml", "[log]\nfilter = \"warn,kaskade_net=debug\"\n");
    place.kaskade("config check k.toml").ok();
}
