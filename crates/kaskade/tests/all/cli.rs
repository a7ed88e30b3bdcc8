//! The program without a network: help, derivations against published runs, files, refusals.

use crate::common::{K, OPC, Place, SUPI, files_below, mode, vectors};
use kaskade_codec::usim_file::SuciCalcInfo;
use serde_json::Value;

#[test]
fn every_command_has_help_with_examples() {
    let place = Place::new();
    let help = place.kaskade("--help").ok();
    for command in [
        "up",
        "derive",
        "explain",
        "ue",
        "subscriber",
        "hn-key",
        "bench",
        "config",
        "completions",
    ] {
        assert!(help.contains(&format!("\n  {command} ")), "{command} is missing");
    }
    for command in [
        "up",
        "derive",
        "explain",
        "ue attach",
        "subscriber",
        "subscriber add",
        "hn-key",
        "hn-key import",
        "bench auth",
        "bench akma",
        "config",
        "completions",
        "subscriber export",
    ] {
        let help = place.kaskade(&format!("{command} --help")).ok();
        assert!(help.contains("Example"), "{command}: no example");
    }
    for command in [
        "subscriber import",
        "subscriber list",
        "subscriber show",
        "subscriber remove",
        "hn-key show",
        "hn-key list",
        "hn-key remove",
        "config check",
    ] {
        place.kaskade(&format!("{command} --help")).ok();
    }
    assert!(place.kaskade("derive --help").ok().contains("process list"));
    assert!(place.kaskade("--version").ok().starts_with("kaskade "));
    assert!(place.kaskade("completions bash").ok().contains("complete -F"));
}

/// The value of a key in the JSON of `derive --reveal`.
fn value<'d>(document: &'d Value, name: &str) -> &'d str {
    let keys = document["keys"].as_array().expect("keys");
    let key = keys.iter().find(|key| key["name"] == name).unwrap_or(&Value::Null);
    key["value"].as_str().unwrap_or("")
}

#[test]
fn derive_gives_the_published_runs() {
    let place = Place::new();
    let mut compared = 0;
    for case in vectors("kdf-5gs.json") {
        let field = |name: &str| case[name].as_str();
        let (Some(k), Some(opc), Some(rand), Some(snn)) =
            (field("k"), field("opc"), field("rand"), field("serving_network_name"))
        else {
            continue;
        };
        // Two sources have no well-formed serving network name: an MNC of two digits, and `internet`.
        if matches!(field("name"), Some("go-kausf-kseaf-2digit-mnc" | "free5gc-udm-av")) {
            let arguments = [
                "derive",
                "--k",
                k,
                "--opc",
                opc,
                "--rand",
                rand,
                "--sqn",
                "1",
                "--serving-network-name",
                snn,
            ];
            assert!(place.run(arguments).refused().contains("5G:mnc<3 digits>"));
            continue;
        }
        let mut arguments = vec![
            "derive",
            "--json",
            "--reveal",
            "--k-file",
            "-",
            "--opc-file",
            "-",
            "--rand",
            rand,
        ];
        arguments.extend(["--serving-network-name", snn]);
        match (field("autn"), field("sqn"), field("amf")) {
            (Some(autn), ..) => arguments.extend(["--autn", autn]),
            (None, Some(sqn), amf) => arguments.extend(["--sqn", sqn, "--amf", amf.unwrap_or("8000")]),
            other => unreachable!("{other:?}"),
        }
        let supi = field("supi").map(|digits| format!("imsi-{digits}"));
        if let Some(supi) = &supi {
            arguments.extend(["--supi", supi]);
        }
        let count = field("uplink_nas_count").map(|count| format!("0x{count}"));
        if let Some(count) = &count {
            arguments.extend(["--ul-nas-count", count]);
        }
        let printed = place.run_with(arguments, &format!("{k}\n{opc}\n"), |_| {}).ok();
        // One source takes the same octets for K and RAND.
        assert!(
            (k == rand || !printed.contains(k)) && !printed.contains(opc),
            "K and OPc are not shown, not even with --reveal"
        );
        let document: Value = serde_json::from_str(&printed).expect("JSON");
        for (of_case, of_document) in [
            ("ck", "CK"),
            ("ik", "IK"),
            ("ak", "AK"),
            ("res", "RES"),
            ("res_star", "RES*"),
            ("xres_star", "XRES*"),
            ("hxres_star", "HXRES*"),
            ("k_ausf", "K_AUSF"),
            ("k_seaf", "K_SEAF"),
            ("derived_k_ausf", "K_AUSF"),
            ("derived_k_seaf", "K_SEAF"),
            ("derived_k_amf", "K_AMF"),
            ("k_gnb", "K_gNB"),
        ] {
            if let Some(expected) = field(of_case) {
                assert_eq!(value(&document, of_document), expected, "{} {of_case}", case["name"]);
                compared += 1;
            }
        }
        if let Some(sqn) = field("sqn") {
            assert_eq!(document["inputs"]["sqn"], sqn, "{}", case["name"]);
        }
        if let Some(autn) = field("autn") {
            assert_eq!(document["challenge"]["autn"], autn, "{}", case["name"]);
        }
    }
    assert!(compared > 60, "{compared} values compared");
}

const RUN: &str =
    "derive --rand 5761c8647a28cbaeb20f45260f1a6733 --sqn 000000000020 --plmn 001-01 --supi imsi-001010000000001";

#[test]
fn values_are_shown_on_request_only() {
    let place = Place::new();
    let tree = place.with_secrets(RUN).ok();
    for name in [
        "K_AUSF",
        "K_SEAF",
        "K_AMF",
        "K_NASint",
        "K_gNB",
        "K_UPenc",
        "K_N3IWF",
        "NH",
        "HRES* = HXRES*",
    ] {
        assert!(tree.contains(name), "{name}:\n{tree}");
    }
    assert!(tree.lines().all(|line| line.chars().count() <= 120), "{tree}");
    assert!(!tree.contains("0000000001"), "the SUPI is masked");
    let hidden: Value = serde_json::from_str(&place.with_secrets(&format!("{RUN} --json")).ok()).expect("JSON");
    let shown: Value = serde_json::from_str(&place.with_secrets(&format!("{RUN} --json --reveal")).ok()).expect("JSON");
    let revealed = place.with_secrets(&format!("{RUN} --reveal")).ok();
    let explained = place.with_secrets(&format!("{RUN} --explain")).ok();
    let keys = shown["keys"].as_array().expect("keys");
    assert_eq!(keys.len(), 21);
    for (key, without) in keys.iter().zip(hidden["keys"].as_array().expect("keys")) {
        let octets = key["value"].as_str().expect("a value");
        assert!(without["value"].is_null() && key["fingerprint"] == without["fingerprint"]);
        let is_open = matches!(key["name"].as_str(), Some("HXRES*" | "HRES*"));
        assert!(is_open || !tree.contains(octets), "{}", key["name"]);
        assert!(is_open || !explained.contains(octets), "{}", key["name"]);
        assert!(revealed.contains(octets), "{}", key["name"]);
    }
    assert!(explained.contains("6a35473a6d6e633030312e") && explained.contains("(has a secret input: --reveal)"));
    place.has_no(&[K, OPC], &[]);
}

#[test]
fn derive_takes_op_and_the_environment() {
    let place = Place::new();
    let op = "cdc202d5123e20f62b6d676ac72cb318";
    let arguments = || RUN.split_whitespace();
    let environment = |name: &'static str, value: &'static str| {
        move |command: &mut std::process::Command| {
            command.env("KASKADE_K", K).env(name, value);
        }
    };
    let with_op = place
        .run_with(arguments().chain(["--op", op]), "", environment("X", ""))
        .ok();
    let with_opc = place.run_with(arguments(), "", environment("KASKADE_OPC", OPC)).ok();
    assert_ne!(with_op, with_opc);
    assert_eq!(with_opc, place.with_secrets(RUN).ok());
    // Without SUPI the tree ends at K_SEAF and says why.
    let short = place
        .with_secrets("derive --rand 5761c8647a28cbaeb20f45260f1a6733 --sqn 32 --plmn 001-01")
        .ok();
    assert!(short.contains("K_SEAF") && !short.contains("K_gNB") && short.contains("add --supi"));
}

#[test]
fn refusals_name_field_expected_and_actual() {
    let place = Place::new();
    let said = |arguments: &str| place.with_secrets(arguments).refused();
    let rand = said("derive --rand 5761c8 --sqn 1 --plmn 001-01");
    assert!(
        rand.contains("RAND: 6 hexadecimal digits, expected 32 (16 octets)"),
        "{rand}"
    );
    let sqn = said("derive --rand 5761c8647a28cbaeb20f45260f1a6733 --sqn 281474976710656 --plmn 001-01");
    assert!(sqn.contains("48 bits"), "{sqn}");
    let plmn = said("derive --rand 5761c8647a28cbaeb20f45260f1a6733 --sqn 1 --plmn 001-1");
    assert!(plmn.contains("MNC: 1 digits, expected 2 or 3"), "{plmn}");
    let supi = said("derive --rand 5761c8647a28cbaeb20f45260f1a6733 --sqn 1 --plmn 001-01 --supi 001010000000001");
    assert!(supi.contains("imsi-<digits>"), "{supi}");
    let autn =
        said("derive --rand 5761c8647a28cbaeb20f45260f1a6733 --autn 6d0a517e5f2b8000f11421280c9a9b7c --plmn 901-70");
    assert!(
        autn.contains("MAC-A") && autn.contains("do not belong together"),
        "{autn}"
    );

    let run: Vec<&str> = RUN.split_whitespace().collect();
    let k = place.run(run.iter().chain(&["--k", &K[2..], "--opc", OPC])).refused();
    assert!(
        k.contains("K: 30 hexadecimal digits, expected 32 (16 octets)") && !k.contains(&K[2..]),
        "{k}"
    );
    let both = place
        .run(run.iter().chain(&["--k", K, "--opc", OPC, "--op", OPC]))
        .refused();
    assert!(both.contains("cannot be used with"), "{both}");
    let neither = place.run(run.iter().chain(&["--k", K])).refused();
    assert!(neither.contains("OPc differs from card to card"), "{neither}");

    let open = place.file("k", K);
    mode(&open, 0o644);
    let refused = place.run(run.iter().chain(&["--k-file", "k", "--opc", OPC])).refused();
    assert!(refused.contains("chmod 600"), "{refused}");
}

#[test]
fn op_taken_for_opc_is_noticed() {
    let place = Place::new();
    // AUTN of a run with OPc; the same octets given as OP cannot fit, and the program says what would.
    let autn = "6d0a517e5f2b8000f11421280c9a9b7c";
    let (k, opc) = ("70d49a71dd1a2b806a25abe0ef749f1e", "6f1bf53d624b3a43af6592854e2444c7");
    let arguments = [
        "derive",
        "--rand",
        "5761c8647a28cbaeb20f45260f1a6733",
        "--autn",
        autn,
        "--plmn",
        "901-70",
        "--k",
        k,
        "--op",
        opc,
    ];
    let said = place.run(arguments).refused();
    assert!(said.contains("what you gave as OP is the OPc"), "{said}");
}

#[test]
fn tables_and_trees_suit_the_output() {
    let place = Place::new();
    let coloured = place.with_secrets(&format!("{RUN} --color always")).ok();
    assert!(coloured.contains("\u{1b}[1m"));
    let plain = place.with_secrets(RUN).ok();
    assert!(!plain.contains('\u{1b}'), "no colours into a pipe");
    let arguments = || RUN.split_whitespace().chain(["--k", K, "--opc", OPC]);
    let ascii = place
        .run_with(arguments(), "", |command| _ = command.env("LANG", "C"))
        .ok();
    assert!(
        ascii.is_ascii() && ascii.contains("`-CK||IK") && ascii.contains("SQN xor AK"),
        "{ascii}"
    );
    let narrow = place
        .run_with(arguments(), "", |command| _ = command.env("COLUMNS", "100"))
        .ok();
    assert!(
        narrow.lines().skip(8).all(|line| line.chars().count() <= 100),
        "{narrow}"
    );
    // A terminal of its own, if util-linux can make one.
    let terminal = |no_colour: &str| {
        let line = format!("{} {RUN} --k {K} --opc {OPC}", env!("CARGO_BIN_EXE_kaskade"));
        let mut script = std::process::Command::new("script");
        script
            .args(["-qec", &line, "/dev/null"])
            .env("TERM", "xterm")
            .env("LANG", "C.UTF-8")
            .env("NO_COLOR", no_colour);
        script
            .output()
            .ok()
            .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
    };
    match (terminal(""), terminal("1")) {
        (Some(colours), Some(none)) => {
            assert!(colours.contains("\u{1b}[1m"), "{colours}");
            assert!(none.contains("K_AUSF") && !none.contains("\u{1b}[1m"), "{none}");
        }
        _ => kaskade_oracle::missing_program("script", "apt-get install bsdutils"),
    }
}

#[test]
fn config_prints_reads_and_refuses() {
    let place = Place::new();
    let printed = place.kaskade("config").ok();
    place.file("kaskade.toml", &printed);
    assert!(place.kaskade("config check kaskade.toml").ok().contains("in order"));
    place.file("wrong.toml", "[ausf]\nlisten = \"127.0.0.1:1\"\nport = 7\n");
    let said = place.kaskade("config check wrong.toml").refused();
    assert!(
        said.contains("wrong.toml") && said.contains("line 3") && said.contains("port"),
        "{said}"
    );
    assert!(
        place
            .kaskade("config check nothing.toml")
            .refused()
            .contains("nothing.toml")
    );
}

fn add(place: &Place, supi: &str) {
    place
        .with_secrets(&format!("subscriber add --supi {supi} --data data"))
        .ok();
}

#[test]
fn subscribers_come_and_go() {
    let place = Place::new();
    add(&place, SUPI);
    let again = place
        .with_secrets(&format!("subscriber add --supi {SUPI} --data data"))
        .refused();
    assert!(again.contains("exists already: --replace"), "{again}");
    place
        .with_secrets(&format!(
            "subscriber add --supi {SUPI} --data data --replace --amf b9b9"
        ))
        .ok();
    let list = place.kaskade("subscriber list --data data").ok();
    assert!(
        list.contains(SUPI) && list.contains("b9b9") && list.contains("1 of 1"),
        "{list}"
    );
    let shown: Value = serde_json::from_str(
        &place
            .kaskade(&format!("subscriber show {SUPI} --data data --json"))
            .ok(),
    )
    .expect("JSON");
    assert_eq!(shown["operator_code"], "OPc");
    let nobody = place.kaskade("subscriber show imsi-001019999999999 --data data");
    assert_eq!(nobody.status, Some(67), "EX_NOUSER");
    assert!(nobody.refused().contains("there is no subscriber"));
    assert!(
        place
            .kaskade(&format!("subscriber remove {SUPI} --data data"))
            .refused()
            .contains("--yes")
    );
    place
        .kaskade(&format!("subscriber remove {SUPI} --data data --yes"))
        .ok();
    assert!(
        place
            .kaskade("subscriber list --data data")
            .ok()
            .contains("no subscribers")
    );
    place.has_no(&[K, OPC], &["data"]);
}

#[test]
fn imports_are_all_or_nothing() {
    let place = Place::new();
    place.file(
        "cards.csv",
        &format!("imsi,k,opc,op\n001010000000001,{K},{OPC},\n001010000000002,{K},,{OPC}\n"),
    );
    assert!(
        place
            .kaskade("subscriber import cards.csv --data data --dry-run")
            .ok()
            .contains("2 subscribers")
    );
    assert!(!place.path("data").exists(), "a dry run creates nothing");
    place.kaskade("subscriber import cards.csv --data data").ok();
    let again = place.kaskade("subscriber import cards.csv --data data").refused();
    assert!(
        again.contains("line 2:") && again.contains("line 3:") && again.contains("--replace"),
        "{again}"
    );
    place.kaskade("subscriber import cards.csv --data data --replace").ok();

    place.file(
        "wrong.csv",
        &format!(
            "imsi,k,opc\n001010000000003,{K},{OPC}\n001010000000004,{},{OPC}\n",
            &K[..30]
        ),
    );
    let said = place.kaskade("subscriber import wrong.csv --data data").refused();
    assert!(
        said.contains("line 3: k: 30 hexadecimal digits, expected 32") && said.contains("nothing was written"),
        "{said}"
    );
    place.file("untyped.csv", &format!("imsi,k,op_opc\n001010000000005,{K},{OPC}\n"));
    let said = place.kaskade("subscriber import untyped.csv --data data").refused();
    assert!(said.contains("does not say whether the value is OP or OPc"), "{said}");
    assert!(
        place.kaskade("subscriber list --data data").ok().contains("2 of 2"),
        "nothing of a wrong file is in"
    );
    place.has_no(&[K, OPC], &["data"]);
}

#[test]
fn exports_are_sealed_and_read_back_with_the_same_master_key_only() {
    let place = Place::new();
    place.file(
        "cards.csv",
        &format!("imsi,k,opc,op,amf\n001010000000001,{K},{OPC},,8001\n001010000000002,{K},,{OPC},\n"),
    );
    place.kaskade("subscriber import cards.csv --data data").ok();
    let public = place.kaskade("subscriber export - --data data").ok();
    assert!(
        public.starts_with("supi,amf,sqn_scheme,sqn,methods,gpsi,routing_indicator,akma,best,eps_profile,suspended\n")
            && !public.contains("sealed")
    );
    for file in ["export.csv", "export.toml"] {
        place
            .kaskade(&format!("subscriber export {file} --with-secrets --data data"))
            .ok();
        use std::os::unix::fs::PermissionsExt;
        let metadata = std::fs::metadata(place.path(file)).expect("written");
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        assert!(
            place
                .kaskade(&format!("subscriber export {file} --data data"))
                .refused()
                .contains("there is one already")
        );

        // Another master key: refused. The same one: the same subscribers.
        let other = format!("other-{file}");
        assert!(
            place
                .kaskade(&format!("subscriber import {file} --data {other}"))
                .refused()
                .contains("another master key")
        );
        let same = place.path(&format!("same-{file}"));
        std::fs::create_dir(&same).expect("a folder");
        mode(&same, 0o700);
        std::fs::copy(place.path("data/master.key"), same.join("master.key")).expect("copied");
        let import = format!("subscriber import {file} --data same-{file}");
        // As far as this folder knows, its store is lost.
        assert!(place.kaskade(&import).refused().contains("store create --yes"));
        place.kaskade(&format!("store create --yes --data same-{file}")).ok();
        place.kaskade(&import).ok();
        for supi in ["imsi-001010000000001", "imsi-001010000000002"] {
            let show = |data: &str| -> Value {
                let shown = place
                    .kaskade(&format!("subscriber show {supi} --data {data} --json"))
                    .ok();
                serde_json::from_str(&shown).expect("JSON")
            };
            let (before, after) = (show("data"), show(&format!("same-{file}")));
            for field in [
                "k_fingerprint",
                "operator_code",
                "operator_code_fingerprint",
                "amf",
                "sqn_scheme",
            ] {
                assert_eq!(before[field], after[field], "{field}");
            }
            assert!(
                before["highest_sqn"].as_str() <= after["highest_sqn"].as_str(),
                "SQN does not go back"
            );
        }
    }
    // Sealed secrets moved to another SUPI do not open.
    let moved = std::fs::read_to_string(place.path("export.csv"))
        .expect("text")
        .replace("0000000001,", "0000000009,");
    place.file("moved.csv", &moved);
    assert!(
        place
            .kaskade("subscriber import moved.csv --data data")
            .refused()
            .contains("for another SUPI")
    );
    std::fs::remove_file(place.path("cards.csv")).expect("removed");
    place.has_no(&[K, OPC], &["."]);
}

#[test]
fn files_that_let_others_in_are_refused() {
    let place = Place::new();
    add(&place, SUPI);
    place.kaskade("hn-key generate --profile a --data data").ok();
    let master = place.path("data/master.key");
    mode(&master, 0o640);
    let said = place.kaskade("subscriber list --data data").refused();
    assert!(said.contains("0640") && said.contains("0600"), "{said}");
    mode(&master, 0o600);
    mode(&place.path("data"), 0o777);
    assert!(
        place
            .kaskade("subscriber list --data data")
            .refused()
            .contains("chmod 700")
    );
    mode(&place.path("data"), 0o700);
    mode(&place.path("data/hn-keys/001.key"), 0o644);
    assert!(place.kaskade("hn-key list --data data").refused().contains("chmod 600"));
    mode(&place.path("data/hn-keys/001.key"), 0o600);
    place.kaskade("hn-key list --data data").ok();

    // The key file is bound to its identifier, and to the master key.
    std::fs::rename(place.path("data/hn-keys/001.key"), place.path("data/hn-keys/002.key")).expect("moved");
    assert!(place.kaskade("hn-key list --data data").refused().contains("002.key"));
    std::fs::rename(place.path("data/hn-keys/002.key"), place.path("data/hn-keys/001.key")).expect("moved");
    std::fs::remove_file(&master).expect("removed");
    let said = place
        .with_secrets("subscriber add --supi imsi-001010000000002 --data data")
        .refused();
    assert!(said.contains("put the master key back"), "{said}");
    let octets: Vec<u8> = std::fs::read(place.path("data/hn-keys/001.key")).expect("there");
    assert_eq!(octets.len(), 70, "nothing was overwritten");
    assert!(
        place
            .kaskade("subscriber list --data nowhere")
            .refused()
            .contains("no data folder")
    );
}

#[test]
fn home_network_keys_and_the_card() {
    let place = Place::new();
    let suci = vectors("suci.json");
    let private = |name: &str| -> String {
        let case = suci.iter().find(|case| case["name"] == name).expect(name);
        case["home_network_private_key"].as_str().expect("a key").to_owned()
    };
    let (a, b) = (private("ts33501-c.4.3.1"), private("ts33501-c.4.4.1"));
    place.file("a.hex", &a);
    place.file("b.hex", &b);
    assert!(
        place
            .kaskade("hn-key import a.hex --data data")
            .refused()
            .contains("--profile a")
    );
    place
        .kaskade("hn-key import b.hex --profile b --id 27 --data data")
        .ok();
    place
        .kaskade("hn-key import a.hex --profile a --id 30 --data data")
        .ok();
    let taken = place
        .kaskade("hn-key import a.hex --profile a --id 30 --data data")
        .refused();
    assert!(taken.contains("the identifier 30 is taken"), "{taken}");
    place
        .kaskade("hn-key import a.hex --profile a --id 0 --data data")
        .refused();

    // The published keys under the published identifiers make the published file.
    let shown = place.kaskade("hn-key show 27 30 --null-scheme --json --data data").ok();
    let shown: Value = serde_json::from_str(&shown).expect("JSON");
    let published = &vectors("usim-files.json")[0]["ef_suci_calc_info"];
    assert_eq!(
        shown["ef_suci_calc_info"].as_str().expect("hex").to_lowercase(),
        published.as_str().expect("hex")
    );
    let point = suci
        .iter()
        .find(|case| case["name"] == "ts33501-c.4.4.1")
        .expect("case");
    assert_eq!(
        shown["keys"][0]["uncompressed"],
        point["home_network_public_key_uncompressed"]
    );

    place.kaskade("hn-key generate --profile b --data data").ok();
    let text = place.kaskade("hn-key show 1 --data data").ok();
    let file = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("A002"))
        .expect("the file");
    let info = SuciCalcInfo::parse(&hex::decode(format!("A002{file}")).expect("hex")).expect("a file of the card");
    assert_eq!(
        (info.keys().len(), info.keys()[0].key_id.0, info.keys()[0].octets.len()),
        (1, 1, 33)
    );
    assert!(place.kaskade("hn-key list --data data").ok().contains("P-256"));
    assert!(place.kaskade("hn-key remove 1 --data data").refused().contains("--yes"));
    place.kaskade("hn-key remove 1 --yes --data data").ok();
    assert!(
        place
            .kaskade("hn-key show 1 --data data")
            .refused()
            .contains("no home network key with identifier 1")
    );
    let sealed = files_below(&place.path("data/hn-keys"));
    assert_eq!(sealed.len(), 3, "two keys, and one spent identifier: {sealed:?}");
    let all = files_below(&place.path("data"));
    let beside = |name: &str| all.iter().any(|path| path.ends_with(name));
    assert!(beside("master.key") && beside("subscribers.redb"), "{all:?}");
    place.has_no(&[&a, &b], &["data"]);
}
