//! The program over HTTP/2: the demonstration, and an emulated UE against a running home network.

use aws_lc_rs::hmac;

use crate::common::{K, OPC, Place, SUPI, Up};
use serde_json::Value;

fn state(place: &Place, name: &str) -> u64 {
    let text = std::fs::read_to_string(place.path(name)).expect("the state of the card");
    let state: Value = serde_json::from_str(&text).expect("JSON");
    let seq_ms = state["seq_ms"].as_array().expect("an array");
    seq_ms.iter().filter_map(Value::as_u64).max().expect("numbers")
}

#[test]
fn the_demonstration_runs_twice_on_the_same_data() {
    let place = Place::new();
    let demo = |more: &str| place.kaskade(&format!("up --demo --once --data demo {more}"));
    let first = demo("").ok();
    assert!(first.contains("created just now: 2 subscribers"), "{first}");
    assert!(
        first.contains("SUCI, profile A") && first.contains("All 25 keys that both sides have agree"),
        "{first}"
    );
    assert_eq!(
        first.matches('✓').count(),
        25 + 1 + 14 + 1,
        "each of the 25 keys of one UE and of the 14 of the other, and the legends:\n{first}"
    );
    assert!(!first.contains("0000000001"), "the SUPI is masked");
    let (key, seq) = (
        std::fs::read(place.path("demo/master.key")).expect("a key"),
        state(&place, "demo/demo-usim.json"),
    );
    let second = demo("").ok();
    assert!(
        !second.contains("created") && second.contains("2 subscribers"),
        "{second}"
    );
    assert_eq!(
        std::fs::read(place.path("demo/master.key")).expect("a key"),
        key,
        "the data is used again"
    );
    assert!(state(&place, "demo/demo-usim.json") > seq, "no SQN came twice");

    let hex = |text: &str| {
        text.split_whitespace()
            .filter(|word| word.len() == 64 && word.bytes().all(|c| c.is_ascii_hexdigit()))
            .count()
    };
    assert_eq!(hex(&second), 0, "keys are masked");
    assert!(hex(&demo("--reveal").ok()) > 6, "--reveal shows them");
    assert!(place.kaskade("up --once --data demo").refused().contains("--demo"));
}

/// The key of a tree that shows its octets.
fn revealed(tree: &str, name: &str) -> Vec<u8> {
    let is_its = |line: &&str| {
        let cells = line.trim_start_matches(['│', '├', '└', '─', ' ']);
        cells.split_whitespace().next() == Some(name)
    };
    let octets = |line: &str| line.split_whitespace().find_map(|word| hex::decode(word).ok());
    let mut below = tree.lines().skip_while(|line| !is_its(line)).skip(1);
    let found = below.find_map(|line| octets(line).filter(|octets| octets.len() == 32));
    found.unwrap_or_else(|| panic!("no {name}: {tree}"))
}

/// The KDF of TS 33.220 B.2.0, put together here.
fn kdf(key: &[u8], fc: u8, inputs: &[&[u8]]) -> Vec<u8> {
    let mut s = vec![fc];
    for input in inputs {
        s.extend_from_slice(input);
        s.extend_from_slice(&u16::try_from(input.len()).unwrap().to_be_bytes());
    }
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), &s)
        .as_ref()
        .to_vec()
}

#[test]
fn the_application_of_the_demonstration_has_the_keys_that_its_k_ausf_gives() {
    let place = Place::new();
    let demo = |more: &str| place.kaskade(&format!("up --demo --once --data demo {more}"));
    let both = demo("--reveal").ok();
    let (first, second) = both.split_once("imsi-00101********02 attached").expect("two UEs");
    for (tree, msin) in [(first, "1"), (second, "2")] {
        let login = format!("AKMA: af.example knows imsi-00101********0{msin}, HTTP Digest over TLS 1.3, ");
        assert!(tree.lines().any(|line| line.starts_with(&login)), "{tree}");
        let imsi = format!("00101000000000{msin}");
        let k_ausf = revealed(tree, "K_AUSF");
        let k_akma = kdf(&k_ausf, 0x80, &[b"AKMA", imsi.as_bytes()]);
        let af_id = [b"af.example".as_slice(), &[1, 0, 0, 0, 2]].concat();
        for (name, expected) in [
            ("A-TID", kdf(&k_ausf, 0x81, &[b"A-TID", imsi.as_bytes()])),
            ("K_AF", kdf(&k_akma, 0x82, &[&af_id])),
            ("K_AKMA", k_akma),
        ] {
            assert_eq!(revealed(tree, name), expected, "{name}");
        }
    }
    // The AAnF gave them, and wrote it down.
    let given = place
        .kaskade("audit show --data demo --action application-key-given --json")
        .ok();
    assert_eq!(json(&given).len(), 2, "{given}");

    // Of a folder that is older than AKMA.
    for msin in ["1", "2"] {
        let change = format!("subscriber change imsi-00101000000000{msin} --akma no --data demo");
        place.kaskade(&change).ok();
    }
    let without = demo("").ok();
    assert!(
        !without.contains("K_AKMA") && !without.contains("af.example"),
        "{without}"
    );
    assert_eq!(without.matches("no AKMA: see subscriber change --akma").count(), 2);
    assert!(
        without.contains("All 22 keys") && without.contains("All 11 keys"),
        "{without}"
    );
}

/// A home network with one subscriber and the key pairs of TS 33.501 Annex C.4.
fn home(place: &Place) {
    place
        .with_secrets(&format!("subscriber add --supi {SUPI} --data data"))
        .ok();
    place.kaskade("hn-key generate --profile a --data data").ok();
    place.kaskade("hn-key generate --profile b --data data").ok();
    place.file(
        "kaskade.toml",
        "data_dir = \"data\"\n[policy]\nserving_networks = [\"001-01\", \"901-70\"]\n[log]\nfilter = \"debug\"\n",
    );
}

fn attach(place: &Place, up: &Up, more: &str) -> crate::common::Ran {
    place.with_secrets(&format!(
        "ue attach --ausf {} --supi {SUPI} --plmn 001-01 {more}",
        up.ausf
    ))
}

fn json(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

#[test]
fn an_emulated_ue_attaches() {
    let place = Place::new();
    home(&place);
    let keys: Value = serde_json::from_str(&place.kaskade("hn-key list --json --data data").ok()).expect("JSON");
    let public = |at: usize| keys["keys"][at]["public_key"].as_str().expect("a key").to_owned();
    let up = Up::start(&place, "up --config kaskade.toml");

    let tree = attach(&place, &up, "--state usim.json").ok();
    assert!(
        tree.contains("SUCI, null scheme") && tree.contains("keys that both sides have agree"),
        "{tree}"
    );
    let seq = state(&place, "usim.json");
    assert!(
        !place
            .with_secrets(&format!(
                "ue attach --ausf {} --supi imsi-001010000000002 --plmn 001-01 --state usim.json",
                up.ausf
            ))
            .success
    );

    let a = attach(
        &place,
        &up,
        &format!("--state usim.json --suci a --hn-key-id 1 --hn-public-key {}", public(0)),
    )
    .ok();
    assert!(a.contains("profile A"), "{a}");
    let b = format!(
        "--state usim.json --suci b --hn-key-id 2 --hn-public-key {} --repeat 5 --json",
        public(1)
    );
    let runs = json(&attach(&place, &up, &b).ok());
    assert_eq!(runs.len(), 5);
    for run in &runs {
        assert_eq!(
            (run["identity"].as_str(), run["resynchronised"].as_bool()),
            (Some("SUCI, profile B"), Some(false))
        );
        let keys = run["keys"].as_array().expect("keys");
        let names: Vec<&str> = keys.iter().filter_map(|key| key["name"].as_str()).collect();
        let once: std::collections::HashSet<_> = names.iter().collect();
        assert_eq!(
            (once.len(), names.len()),
            (keys.len(), keys.len()),
            "each key once: {names:?}"
        );
        // The network's names of the same values; counted as the text counts.
        let res = keys.iter().find(|key| key["name"] == "RES*").expect("RES*");
        assert_eq!(
            (&res["also"][0], &res["agrees"]),
            (&Value::from("XRES*"), &Value::from(true))
        );
        let count = |agrees: Value| keys.iter().filter(|key| key["agrees"] == agrees).count() as u64;
        assert_eq!(run["agree"], count(true.into()));
        assert_eq!(run["one_sided"], count(Value::Null));
        assert!(
            keys.iter()
                .all(|key| key["held_by"].as_array().is_some_and(|all| !all.is_empty()))
        );
        let sentence = format!(
            "All {} keys that both sides have agree; {} known to one side only",
            run["agree"], run["one_sided"]
        );
        assert!(a.contains(&sentence), "{sentence}: {a}");
        assert!(keys.len() >= 19 && keys.iter().all(|key| key["agrees"] != false && key["value"].is_null()));
        // Everything from RES* and K_SEAF on; CK, IK and K_AUSF do not leave the home network.
        let agree = |name: &str| {
            let named = |key: &&Value| key["name"] == name || key["also"][0] == name;
            keys.iter().find(named).is_some_and(|key| key["agrees"] == true)
        };
        for name in [
            "RES*", "HXRES*", "K_SEAF", "K_AMF", "K_NASenc", "K_gNB", "NH", "K_UPenc", "K_UPint",
        ] {
            assert!(agree(name), "{name}");
        }
        assert!(!agree("CK") && !agree("K_AUSF"));
    }
    assert!(
        state(&place, "usim.json") >= seq + 6,
        "every challenge had an SQN of its own"
    );

    let roaming = attach(&place, &up, "--state usim.json --serving 901-70 --suci supi --json").ok();
    assert_eq!(
        json(&roaming)[0]["serving_network_name"],
        "5G:mnc070.mcc901.3gppnetwork.org"
    );

    // The card of another network that is far ahead: AUTS, and a second challenge that it accepts.
    let ahead = json(&attach(&place, &up, "--sqn-ms 00f000000000 --json --repeat 2").ok());
    assert_eq!(ahead[0]["resynchronised"], true);
    assert_eq!(ahead[1]["resynchronised"], false, "one resynchronisation is enough");

    let busy = place.kaskade("subscriber list --data data --offline").refused();
    assert!(busy.contains("stop the `kaskade up`"), "{busy}");
    let log = up.stop();
    place.printed.borrow_mut().push_str(&log);
    assert!(
        log.contains("imsi-00101********01"),
        "the log at level debug names the masked SUPI:\n{log}"
    );
    assert!(!log.contains('\u{1b}'), "no colours into a pipe");
    assert!(!log.contains("0000000001"), "no SUPI in the log:\n{log}");
    assert!(place.kaskade("subscriber list --data data").ok().contains(SUPI));
    place.has_no(&[K, OPC], &["data"]);
}

#[test]
fn refusals_say_what_to_do() {
    let place = Place::new();
    home(&place);
    let up = Up::start(&place, "up --config kaskade.toml");
    let with = |k: &str, code: &str, more: &str| {
        let line = format!("ue attach --ausf {} --plmn 001-01 --k {k} {code} {more}", up.ausf);
        place.kaskade(&line).refused()
    };
    let other_k = with(&K.replace('4', "5"), &format!("--opc {OPC}"), &format!("--supi {SUPI}"));
    assert!(
        other_k.contains("MAC failure") && other_k.contains("cause 20"),
        "{other_k}"
    );
    let op = with(K, &format!("--op {OPC}"), &format!("--supi {SUPI}"));
    assert!(op.contains("is OP given as OPc?"), "{op}");
    let unknown = with(K, &format!("--opc {OPC}"), "--supi imsi-001010000000077");
    assert!(
        unknown.contains("no such subscriber") && unknown.contains("USER_NOT_FOUND"),
        "{unknown}"
    );
    let network = with(K, &format!("--opc {OPC}"), &format!("--supi {SUPI} --serving 310-410"));
    assert!(network.contains("SERVING_NETWORK_NOT_AUTHORIZED"), "{network}");
    let suci = format!(
        "--supi {SUPI} --suci a --hn-key-id 9 --hn-public-key 5a8d38864820197c3394b92613b20b91633cbd897119273bf8e4a6f4eec0a650"
    );
    let no_key = with(K, &format!("--opc {OPC}"), &suci);
    assert!(no_key.contains("no key pair of this identifier"), "{no_key}");
    let wrong_key = with(
        K,
        &format!("--opc {OPC}"),
        &suci.replace("--hn-key-id 9", "--hn-key-id 1"),
    );
    assert!(wrong_key.contains("does not open"), "{wrong_key}");
    up.stop();
    place.file(
        "udm.toml",
        "[udm]\nlisten = \"127.0.0.1:0\"\n[policy]\nserving_networks = [\"001-01\"]\n",
    );
    let udm = Up::start(&place, "up --config udm.toml");
    let address = udm
        .greeting
        .lines()
        .find_map(|line| line.strip_prefix("UDM"))
        .expect("a UDM");
    let address = address.trim().strip_suffix("/nudm-ueau/v1").expect("its service");
    let line = format!("ue attach --ausf {address} --supi {SUPI} --plmn 001-01");
    let no_ausf = place.with_secrets(&line).refused();
    assert!(
        no_ausf.contains("INVALID_API") && no_ausf.contains("is this the AUSF's address?"),
        "{no_ausf}"
    );
    udm.stop();

    let nobody = place
        .with_secrets(&format!(
            "ue attach --ausf http://127.0.0.1:1 --supi {SUPI} --plmn 001-01"
        ))
        .refused();
    assert!(
        nobody.contains("127.0.0.1:1") && nobody.contains("is the AUSF running there?"),
        "{nobody}"
    );
}

#[test]
fn over_tls() {
    let place = Place::new();
    home(&place);
    let made = std::process::Command::new("openssl")
        .current_dir(place.path("."))
        .args("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout tls.key -out tls.pem -days 2 -subj /CN=ausf".split(' '))
        .args(["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"])
        .output();
    let Ok(made) = made else {
        kaskade_oracle::missing_program("openssl", "apt-get install openssl");
        return;
    };
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let config = std::fs::read_to_string(place.path("kaskade.toml")).expect("a file");
    place.file(
        "tls.toml",
        &format!("{config}[udm]\n[ausf.tls]\ncert = \"tls.pem\"\nkey = \"tls.key\"\n"),
    );
    let up = Up::start(&place, "up --config tls.toml");
    assert!(up.ausf.starts_with("https://"), "{}", up.greeting);
    assert!(
        attach(&place, &up, "--ca tls.pem")
            .ok()
            .contains("keys that both sides have agree")
    );
    let no_authority = attach(&place, &up, "").refused();
    assert!(no_authority.contains("--ca"), "{no_authority}");
    up.stop();
}

#[test]
fn a_small_benchmark() {
    let place = Place::new();
    let printed = place
        .kaskade("bench auth --subscribers 200 --seconds 1 --connections 1 --streams 4 --json")
        .ok();
    let measured = &json(&printed)[0];
    assert_eq!(measured["subscribers"], 200);
    assert_eq!(measured["failures"], 0);
    for figure in [
        "authentications_per_second",
        "authentications_per_server_cpu_second",
        "p50_microseconds",
        "p99_microseconds",
        "p999_microseconds",
        "resident_octets",
        "disk_octets",
    ] {
        assert!(
            measured[figure].as_f64().is_some_and(|figure| figure > 0.0),
            "{figure}: {printed}"
        );
    }
}

/// In a small measurement: operations over the socket go on, and no authentication is lost by them or by an import.
#[test]
fn a_benchmark_beside_an_administrator() {
    let place = Place::new();
    for beside in ["operations", "import"] {
        let line = format!("bench auth --subscribers 200 --seconds 2 --streams 4 --json --beside {beside}");
        let printed = place.kaskade(&line).ok();
        let measured = &json(&printed)[0];
        assert_eq!(measured["failures"], 0, "{printed}");
        let done = &measured["beside"];
        let count = done["operations"].as_u64().or(done["imported"].as_u64());
        assert!(count.is_some_and(|count| count > 4), "{printed}");
    }
}

#[test]
fn every_profile_of_the_benchmark() {
    let place = Place::new();
    for (profile, identity, tls, n13) in [
        ("--suci null", "suci-null", false, false),
        ("--suci a", "suci-a", false, false),
        ("--suci b --n13", "suci-b", false, true),
        ("--suci a --tls --bound", "suci-a", true, false),
        ("--suci a --tls --n13", "suci-a", true, true),
    ] {
        let line =
            format!("bench auth --subscribers 20 --seconds 1 --connections 1 --streams 2 --threads 1 --json {profile}");
        let printed = place.kaskade(&line).ok();
        let measured = &json(&printed)[0];
        assert_eq!(measured["failures"], 0, "{profile}");
        assert!(
            measured["authentications"].as_u64().is_some_and(|count| count > 0),
            "{profile}"
        );
        let found = &measured["profile"];
        assert_eq!(
            (
                found["identity"].as_str(),
                found["tls"].as_bool(),
                found["n13"].as_bool()
            ),
            (Some(identity), Some(tls), Some(n13)),
            "{printed}"
        );
        let parts = ["two_requests", "suci", "derivations"].map(|part| measured["bound"][part].as_f64());
        let has_parts = parts.iter().all(|part| part.is_some_and(|us| us > 0.0));
        assert_eq!(has_parts, profile.contains("--bound"), "{printed}");
        assert_eq!(measured["times_the_bound"].is_number(), has_parts, "{printed}");
    }
    for wrong in [
        "--suci c",
        "--seconds 0",
        "--subscribers 0",
        "--connections 100000",
        "--seconds 18446744073709551615",
    ] {
        place.kaskade(&format!("bench auth {wrong}")).refused();
    }
}
