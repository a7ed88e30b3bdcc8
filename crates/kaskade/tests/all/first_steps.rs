//! What a new user tries first: options that would be ignored, a demonstration beside a real network, checks that promise.

use std::fs;

use crate::common::{K, OPC, Place, SUPI, Up, files_below};

const OTHER: &str = "imsi-001010000000077";

#[test]
fn an_option_that_would_not_be_used_is_refused() {
    let place = Place::new();
    let attach = format!("ue attach --ausf http://127.0.0.1:9 --supi {SUPI}");
    for (more, option, add) in [
        ("--home 001-01 --hn-public-key 00", "--hn-public-key", "--suci a"),
        ("--home 001-01 --suci null --hn-key-id 1", "--hn-key-id", "--suci a"),
        ("--home 001-01 --suci supi --hn-key-id 2", "--hn-key-id", "--suci b"),
        (
            "--home 001-01 --suci supi --routing-indicator 0",
            "--routing-indicator",
            "--suci null",
        ),
        ("--home 001-01 --ca ca.pem", "--ca", "--ausf https"),
    ] {
        let said = place.with_secrets(&format!("{attach} {more}")).refused();
        assert!(
            said.contains(&format!("error: {option} ")) && said.contains(add),
            "{more}: {said}"
        );
    }
    // What is used gets as far as the network, and its error is told once.
    for more in ["--home 001-01 --routing-indicator 12", "--home 001-01 --suci supi"] {
        let said = place.with_secrets(&format!("{attach} {more}")).refused();
        assert!(said.contains("no connection"), "{said}");
        assert_eq!(said.matches("no connection").count(), 1, "{said}");
        assert_eq!(said.matches("os error").count(), 1, "{said}");
    }
}

#[test]
fn both_operator_codes_in_the_environment_are_refused() {
    let place = Place::new();
    let run = |line: &str, more: &[(&str, &str)]| {
        place.run_with(line.split_whitespace(), "", |command| {
            command.env("KASKADE_K", K).envs(more.iter().copied());
        })
    };
    let both = [("KASKADE_OPC", OPC), ("KASKADE_OP", OPC)];
    let derive = format!("derive --rand {OPC} --sqn 1 --plmn 001-01 --supi {SUPI}");
    for line in [
        derive.clone(),
        format!("subscriber add --supi {SUPI} --data data"),
        format!("ue attach --supi {SUPI} --home 001-01"),
    ] {
        let said = run(&line, &both).refused();
        assert!(
            said.contains("KASKADE_OPC") && said.contains("KASKADE_OP "),
            "{line}: {said}"
        );
    }
    let both = [("KASKADE_TOPC", "00"), ("KASKADE_TOP", "00")];
    let said = run(&format!("{derive} --algorithm tuak"), &both).refused();
    assert!(said.contains("KASKADE_TOPC and KASKADE_TOP "), "{said}");
    // One, or one that an option overrides, is enough.
    run(&derive, &[("KASKADE_OPC", OPC), ("KASKADE_TOP", "00")]).ok();
    run(
        &format!("{derive} --opc {OPC}"),
        &[("KASKADE_OPC", K), ("KASKADE_OP", K)],
    )
    .ok();
}

#[test]
fn the_demonstration_leaves_real_networks_alone() {
    let place = Place::new();
    place.file("e.toml", "data_dir = \"real\"\n");
    place
        .with_secrets(&format!("subscriber add --supi {OTHER} --config e.toml"))
        .ok();
    let before = files_below(&place.path("real"));
    let demo = place.kaskade("up --demo --once --config e.toml").ok();
    assert!(demo.contains("kaskade-demo"), "{demo}");
    place
        .run_with(["up", "--demo", "--once"], "", |command| {
            command.env("KASKADE_DATA_DIR", "real");
        })
        .ok();
    let said = place.kaskade("up --demo --once --data real").refused();
    assert!(said.contains("not of the demonstration"), "{said}");
    assert_eq!(files_below(&place.path("real")), before);
    let listed = place.kaskade("subscriber list --data real").ok();
    assert!(listed.contains(OTHER) && !listed.contains(SUPI), "{listed}");
    for _ in 0..2 {
        place.kaskade("up --demo --once --data new").ok();
    }
    // No NRF and no AAnF of others hear of it, and nobody's monitoring sees it.
    let nrf = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    nrf.set_nonblocking(true).expect("a socket");
    let address = nrf.local_addr().expect("an address");
    let config = format!(
        "[nrf]\nurl = \"http://{address}\"\n[admin]\nlisten = \"{address}\"\n\
         [udm]\n[ausf.aanf]\nurl = \"http://{address}\"\n"
    );
    place.file("watched.toml", &config);
    let demo = place.kaskade("up --demo --once --config watched.toml").ok();
    assert!(!demo.contains("Metrics"), "{demo}");
    let asked = nrf.accept().expect_err("nobody").kind();
    assert_eq!(asked, std::io::ErrorKind::WouldBlock);
}

#[test]
fn a_check_finds_what_a_start_would() {
    let place = Place::new();
    let check = |variables: &[(&str, &str)]| {
        place.run_with(["config", "check", "k.toml"], "", |command| {
            command.envs(variables.iter().copied());
        })
    };
    let pair = |name: &str| {
        let key = rcgen::KeyPair::generate().expect("a key");
        let parameters = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).expect("parameters");
        let pem = parameters.self_signed(&key).expect("a certificate").pem();
        place.file(&format!("{name}.pem"), &pem);
        place.file(&format!("{name}.key"), &key.serialize_pem());
    };
    pair("a");
    pair("b");
    place.file("empty.pem", "");
    for (tls, file, (setting, line)) in [
        ("cert = \"none.pem\"\nkey = \"a.key\"", "none.pem", ("cert", 2)),
        ("cert = \"a.pem\"\nkey = \"none.key\"", "none.key", ("key", 3)),
        ("cert = \"a.pem\"\nkey = \"b.key\"", "b.key", ("cert", 2)),
        ("cert = \"empty.pem\"\nkey = \"a.key\"", "empty.pem", ("cert", 2)),
        ("cert = \"a.pem\"\nkey = \"empty.pem\"", "empty.pem", ("key", 3)),
        (
            "cert = \"a.pem\"\nkey = \"a.key\"\nclient_ca = \"none.pem\"",
            "none.pem",
            ("client_ca", 4),
        ),
        (
            "cert = \"a.pem\"\nkey = \"a.key\"\nclient_ca = \"empty.pem\"",
            "empty.pem",
            ("client_ca", 4),
        ),
    ] {
        for (service, other) in [("udm", "ausf"), ("ausf", "udm")] {
            place.file("k.toml", &format!("[{service}.tls]\n{tls}\n[{other}]\n"));
            let said = check(&[]).refused();
            let place_of_it = format!("line {line}, column 1: {service}.tls.{setting}: ");
            assert!(said.contains(file) && said.contains(&place_of_it), "{tls}: {said}");
            // Before anything is made.
            let started = place.kaskade("up --config k.toml --data fresh").refused();
            assert!(started.contains(&place_of_it), "{tls}: {started}");
            assert!(!place.path("fresh").exists(), "{tls}");
        }
    }
    place.file(
        "k.toml",
        "[ausf.tls]\ncert = \"a.pem\"\nkey = \"a.key\"\nclient_ca = \"b.pem\"\n[udm]\n",
    );
    assert!(check(&[]).ok().contains("in order"));
    place.file("k.toml", "[store]\nnode_index = 40\n");
    let said = check(&[]).refused();
    assert_eq!(said.matches("node_index").count(), 1, "{said}");
    place.file("k.toml", "");
    check(&[]).ok();
    for (name, value) in [
        ("KASKADE_AUSF_LISTEN", "nowhere"),
        ("KASKADE_AUSF_LISTEN", "0.0.0.0:7777"),
        ("KASKADE_UDM_LISTEN", "0.0.0.0:7778"),
        ("KASKADE_AUSF_LISTEN", "[::]:7778"),
        ("KASKADE_LOG", "kaskade=loudly"),
    ] {
        let said = check(&[(name, value)]).refused();
        assert!(said.contains(name), "{name}={value}: {said}");
    }
    check(&[("KASKADE_AUSF_LISTEN", "127.0.0.1:0"), ("KASKADE_LOG", "debug")]).ok();
}

#[test]
fn reservations_without_effect_are_noted() {
    let place = Place::new();
    let notes = |text: &str| {
        place.file("k.toml", text);
        let said = place.kaskade("config check k.toml").ok();
        assert!(said.contains("in order"), "{said}");
        said.matches("policy.reserved").count()
    };
    let listed = "[policy]\nserving_networks = [\"310-410\"]\n[policy.reserved]\n";
    assert_eq!(notes(&format!("{listed}\"310-410\" = [\"192.0.2.1\"]\n")), 0);
    assert_eq!(notes(&format!("{listed}\"310-410\" = [\"sepp.partner.example\"]\n")), 1);
    assert_eq!(notes(&format!("{listed}\"901-70\" = [\"192.0.2.1\"]\n")), 1);
    let group = format!("{listed}\"310-410\" = [\"partner\"]\n[groups]\npartner = [\"192.0.2.1\"]\n");
    assert_eq!(notes(&group), 0);
}

#[test]
fn an_identifier_of_a_removed_key_is_not_given_again() {
    let place = Place::new();
    let run = |line: &str| place.kaskade(&format!("{line} --data data"));
    run("hn-key generate --profile a").ok();
    run("hn-key remove 1 --yes").ok();
    let said = run("hn-key generate --profile a --id 1").refused();
    assert!(said.contains("none is given twice"), "{said}");
    assert!(run("hn-key generate --profile b").ok().contains("home network key 2"));
    let said = run("hn-key generate --profile b --id 2").refused();
    assert!(said.contains("taken") && !said.contains("remove"), "{said}");
    // A key that came back from a backup, and is removed once more.
    let folder = place.path("data/hn-keys");
    fs::copy(folder.join("002.key"), place.path("backup")).expect("copied");
    run("hn-key remove 2 --yes").ok();
    fs::copy(place.path("backup"), folder.join("002.key")).expect("copied");
    run("hn-key remove 2 --yes").ok();
    assert!(run("hn-key generate --profile b").ok().contains("home network key 3"));
}

#[test]
fn a_budget_that_is_used_up_is_called_so() {
    let place = Place::new();
    place.file(
        "k.toml",
        "data_dir = \"data\"\n[policy]\nserving_networks = [\"001-01\"]\n[budget]\ncard_of_requester = \"1/h burst 2\"\n",
    );
    place
        .with_secrets(&format!("subscriber add --supi {SUPI} --data data"))
        .ok();
    let up = Up::start(&place, "up --config k.toml");
    let attach = format!("ue attach --ausf {} --supi {SUPI} --home 001-01 --repeat 9", up.ausf);
    let said = place.with_secrets(&attach).refused();
    assert!(
        said.contains("budget")
            && said.contains("used up")
            && said.contains("card_of_requester")
            && said.contains("429"),
        "{said}"
    );
}

#[test]
fn a_measurement_with_few_subscribers_is_sound_or_refused() {
    let place = Place::new();
    let bench = |line: &str| place.kaskade(&format!("bench auth --seconds 1 --dir . {line}"));
    let said = bench("--subscribers 1000,15").refused();
    assert!(
        said.contains("15 subscribers") && said.contains("16 --subscribers"),
        "{said}"
    );
    bench("--subscribers 2 --connections 2 --streams 4").ok();
}

#[test]
fn the_end_of_the_sequence_numbers_is_told() {
    let place = Place::new();
    let add = |sqn: &str| {
        place.with_secrets(&format!(
            "subscriber add --supi {SUPI} --data data --replace --sqn {sqn}"
        ))
    };
    let allow = || {
        place
            .kaskade(&format!("subscriber allow-reuse {SUPI} --yes --data data"))
            .ok()
    };
    assert!(!add("000000001000").stderr.contains("new K"));
    assert!(!allow().contains("new K"));
    let ran = add("ffffffffffff");
    assert!(
        ran.stderr.contains("no SQN is left") && ran.stderr.contains("new K"),
        "{}",
        ran.stderr
    );
    ran.ok();
    assert!(allow().contains("new K"));
}
