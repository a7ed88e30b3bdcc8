//! What lets other users in is refused, and no error shows a secret.
#![allow(clippy::print_stderr, reason = "what cannot be tried here is said")]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;

use crate::common::{K, OPC, Place, SUPI, Up, files_below, mode};
use kaskade::config::Config;

const NOBODY: u32 = 65_534;

fn mode_of(path: &Path) -> u32 {
    fs::metadata(path).expect("there").mode() & 0o7777
}

fn home(place: &Place) {
    place
        .with_secrets(&format!("subscriber add --supi {SUPI} --data data"))
        .ok();
    place.kaskade("hn-key generate --profile a --data data").ok();
    place.file(
        "kaskade.toml",
        "data_dir = \"data\"\n[policy]\nserving_networks = [\"001-01\"]\n",
    );
    Up::start(place, "up --config kaskade.toml").stop();
}

#[test]
fn whatever_lets_others_in_is_refused_with_the_command_that_mends_it() {
    let place = Place::new();
    home(&place);
    let all = files_below(&place.path("data"));
    assert!(all.len() >= 4, "{all:?}");
    let up = |place: &Place| place.kaskade("up --config kaskade.toml --demo --once --data data");
    up(&place).ok();
    let mut tried = 0;
    for file in files_below(&place.path("data")) {
        for wrong in [0o644, 0o660, 0o604] {
            mode(&file, wrong);
            let said = up(&place).refused();
            let name = file.file_name().and_then(|name| name.to_str()).expect("a name");
            assert!(
                said.contains(&format!("{wrong:04o}")) && said.contains("chmod 600") && said.contains(name),
                "{name}: {said}"
            );
            assert_eq!(mode_of(&file), wrong, "it is left as it is");
            mode(&file, 0o600);
            tried += 1;
        }
        match chown(&file, Some(NOBODY), None) {
            Ok(()) => {
                let said = up(&place).refused();
                assert!(
                    said.contains("belongs to user 65534") && said.contains("chown 0"),
                    "{said}"
                );
                chown(&file, Some(0), None).expect("back");
            }
            Err(_) => kaskade_oracle::not_here("root, who can give a file away"),
        }
    }
    assert!(
        tried >= 15,
        "master key, store, 2 home network keys, AUSF's identity, card: {tried}"
    );
    for (folder, wrong) in [
        ("data", 0o755),
        ("data", 0o711),
        ("data", 0o750),
        ("data/hn-keys", 0o755),
    ] {
        mode(&place.path(folder), wrong);
        let said = up(&place).refused();
        assert!(
            said.contains(&format!("{wrong:04o}")) && said.contains("chmod 700"),
            "{said}"
        );
        mode(&place.path(folder), 0o700);
    }
    if chown(place.path("data"), Some(NOBODY), None).is_ok() {
        assert!(up(&place).refused().contains("belongs to user 65534"));
        chown(place.path("data"), Some(0), None).expect("back");
    }
    mode(&place.path("."), 0o777);
    assert!(up(&place).refused().contains("chmod o-w"));
    mode(&place.path("."), 0o700);
    mode(&place.path("kaskade.toml"), 0o666);
    assert!(up(&place).refused().contains("chmod o-w"));
    mode(&place.path("kaskade.toml"), 0o644);
    up(&place).ok();
}

#[test]
fn modes_do_not_depend_on_the_umask() {
    for umask in ["000", "022", "077", "277", "777"] {
        let place = Place::new();
        mode(&place.path("."), 0o755);
        fs::create_dir(place.path("data")).expect("a folder that the user made");
        mode(&place.path("data"), 0o755);
        let program = env!("CARGO_BIN_EXE_kaskade");
        let run = |arguments: &str| {
            let mut command = std::process::Command::new("sh");
            command
                .current_dir(place.path("."))
                .args(["-c", &format!("umask {umask}; exec \"$0\" {arguments}")])
                .arg(program)
                .env("KASKADE_K", K)
                .env("KASKADE_OPC", OPC);
            let output = command.output().expect("sh");
            assert!(
                output.status.success(),
                "{umask}: {arguments}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        };
        run(&format!("subscriber add --supi {SUPI} --data data"));
        run("hn-key generate --profile b --data data");
        run("up --demo --once --data data");
        run("up --demo --once --data data");
        run("subscriber export out.csv --with-secrets --data data");
        for folder in ["data", "data/hn-keys"] {
            assert_eq!(mode_of(&place.path(folder)), 0o700, "{umask}: {folder}");
        }
        let mut files = files_below(&place.path("data"));
        files.push(place.path("out.csv"));
        assert!(files.len() >= 6, "{files:?}");
        for file in files {
            assert_eq!(mode_of(&file), 0o600, "{umask}: {}", file.display());
        }
    }
}

#[test]
fn planted_links_are_not_followed() {
    let place = Place::new();
    let victim = place.file("victim", "somebody's letters");
    // Before the first start, in a folder that the user made.
    for name in [
        "subscribers.redb.new",
        "subscribers.redb",
        "nf-instance-id",
        "demo-usim.json",
        "demo-usim.json.new",
        "demo-usim-2.json",
    ] {
        let folder = place.path("data");
        let _ = fs::remove_dir_all(&folder);
        place
            .with_secrets(&format!("subscriber add --supi {SUPI} --data data"))
            .ok();
        let _ = fs::remove_file(folder.join(name));
        symlink(&victim, folder.join(name)).expect("a link");
        if name == "subscribers.redb.new" {
            fs::remove_file(folder.join("subscribers.redb")).expect("removed");
            place.file("data/no-store-yet", "");
        }
        let _ = place.kaskade("up --demo --once --data data");
        assert_eq!(
            fs::read_to_string(&victim).expect("there"),
            "somebody's letters",
            "{name}"
        );
    }
    let _ = fs::remove_dir_all(place.path("data"));
    place
        .with_secrets(&format!("subscriber add --supi {SUPI} --data data"))
        .ok();
    // Exports make new files only.
    symlink(&victim, place.path("out.csv")).expect("a link");
    place.kaskade("subscriber export out.csv --data data").refused();
    let refused = place.kaskade("subscriber export out.xml --data data").refused();
    assert!(refused.contains("does not tell the format"), "{refused}");
    symlink(place.path("nowhere"), place.path("other.csv")).expect("a link");
    place.kaskade("subscriber export other.csv --data data").refused();
    assert!(!place.path("nowhere").exists());
    assert_eq!(fs::read_to_string(&victim).expect("there"), "somebody's letters");
}

/// What is probably not meant is said by the check and at each start, in the same words.
#[test]
fn the_check_and_the_start_warn_of_the_same() {
    let place = Place::new();
    for (text, notes) in [
        ("", 1),
        ("[policy]\nany_serving_network = true\n", 1),
        (
            "[udm]\nlisten = \"0.0.0.0:0\"\ninsecure_h2c = true\n[ausf]\nlisten = \"0.0.0.0:0\"\ninsecure_h2c = true\n",
            3,
        ),
        (
            "[policy]\nserving_networks = [\"001-01\"]\n[policy.reserved]\n\"310-410\" = [\"amf\"]\n",
            2,
        ),
        (
            "[policy]\nserving_networks = [\"001-01\"]\n[policy.access]\namf-set-1 = [\"nausf-auth\"]\n",
            1,
        ),
        (
            "[policy]\nserving_networks = [\"001-01\"]\n[policy.access]\nset-1 = [\"nausf-auth\"]\n[groups]\nset-1 = [\"127.0.0.1\"]\n",
            0,
        ),
        ("[ausf.udm]\nurl = \"http://udm.example.org\"\ninsecure_h2c = true\n", 2),
        ("[policy]\nserving_networks = [\"001-01\"]\n", 0),
    ] {
        place.file("k.toml", &format!("data_dir = \"data\"\n{text}"));
        let checked = place.kaskade("config check k.toml").ok();
        let said: Vec<&str> = checked.lines().filter_map(|line| line.strip_prefix("note: ")).collect();
        // About memory, which the log of the start says.
        let said: Vec<&str> = said
            .into_iter()
            .filter(|note| !note.contains("MiB of memory"))
            .collect();
        assert_eq!(said.len(), notes, "{text}: {checked}");
        let up = Up::start_with(&place, "up --config k.toml", |command| {
            if text.contains("0.0.0.0") {
                command
                    .env_remove("KASKADE_AUSF_LISTEN")
                    .env_remove("KASKADE_UDM_LISTEN");
            }
        });
        for note in said {
            assert!(up.greeting.lines().any(|line| line == note), "{note}: {}", up.greeting);
        }
        up.stop();
    }
}

#[test]
fn files_of_keys_that_others_read_are_refused() {
    let place = Place::new();
    place.file("k", K);
    place.file("opc", OPC);
    place.file(
        "hn.hex",
        "c53c22208b61860b06c62e5406a7b330c2b577aa5558981510d128247d38bd1d",
    );
    let add = format!("subscriber add --supi {SUPI} --data data --k-file k --opc-file opc");
    for file in ["k", "opc"] {
        mode(&place.path(file), 0o644);
        assert!(place.kaskade(&add).refused().contains("chmod 600"));
        mode(&place.path(file), 0o600);
    }
    mode(&place.path("hn.hex"), 0o640);
    let import = "hn-key import hn.hex --profile a --data data";
    assert!(place.kaskade(import).refused().contains("chmod 600"));
    mode(&place.path("hn.hex"), 0o600);
    if chown(place.path("k"), Some(NOBODY), None).is_ok() {
        assert!(place.kaskade(&add).refused().contains("belongs to user 65534"));
        chown(place.path("k"), Some(0), None).expect("back");
    }
    place.kaskade(&add).ok();
    place.kaskade(import).ok();
    // A pipe of the shell is nobody else's.
    let mut command = place.command();
    command.arg0("kaskade");
    let piped = std::process::Command::new("bash")
        .current_dir(place.path("."))
        .args([
            "-c",
            &format!("\"$0\" derive --k-file <(echo {K}) --opc-file <(echo {OPC}) --rand {K} --sqn 32 --plmn 001-01"),
        ])
        .arg(env!("CARGO_BIN_EXE_kaskade"))
        .output()
        .expect("bash");
    assert!(piped.status.success(), "{}", String::from_utf8_lossy(&piped.stderr));
}

/// Values that no number, and those that hardly any, may have.
const EXTREMES: [&str; 16] = [
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "340282366920938463463374607431768211456",
    "0",
    "-1",
    "1",
    "0x7fffffffffffffff",
    "nan",
    "-inf",
    "1e308",
    "0.5",
    "\"\"",
    "1979-05-27T07:32:00Z",
    "[1, 2]",
];

/// What a table needs beside a number, so that the number is used.
fn beside(table: &str) -> &'static str {
    match table {
        "oauth2" => "issuers = [\"4947a69a-f61b-4bc1-b9da-47c9c5d14b64\"]\n[oauth2.keys]\nnrf-1 = \"nrf.pem\"\n",
        "ausf" => "[udm]\n",
        "li" => "directory = \"li\"\n[aanf]\n",
        "nef.tokens" => {
            "key = \"nef.pem\"\n[nef.aanfs.home]\nrealm = \"5gc.mnc001.mcc001.3gppnetwork.org\"\nurl = \"http://127.0.0.1:1\"\n"
        }
        _ => "",
    }
}

/// A key that signs tokens, by OpenSSL.
pub(crate) const NEF: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgvJhRHAAd4ku9Qsr+
/OWw+3mLVdSE5owE6HgXmyi/2YGhRANCAARfXIpZ8bl6sZehCWYe9RU8aL7Q8i8m
xsqUwNO5k6QVfSNFEAtWINsalNzbdmICqiXXf1tcPMNWnZ/N44NHQKBv
-----END PRIVATE KEY-----
";

/// A key of an NRF, by OpenSSL.
const NRF: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEOPSBoYte1Mbqq7nLOn7KPu/7C8Z6
QH4QY32Etd9+F0Fim6SmvRgcwJ5jVmFXsYIda57VeJSG3xgZq+15dGQxFQ==
-----END PUBLIC KEY-----
";

/// Nobody else may read it.
fn own(file: &Path) {
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).expect("a mode");
}

#[test]
fn no_number_of_the_configuration_breaks_anything() {
    let place = Place::new();
    place.file("nrf.pem", NRF);
    own(&place.file("nef.pem", NEF));
    let ranges = Config::ranges();
    assert!(ranges.len() >= 9);
    let mut refusals = 0;
    for range in &ranges {
        let (table, key) = range.name.rsplit_once('.').expect("in a table");
        let beyond = [
            range.most.saturating_add(1).to_string(),
            range.most.to_string(),
            range.least.to_string(),
        ];
        for value in EXTREMES.iter().copied().chain(beyond.iter().map(String::as_str)) {
            place.file("x.toml", &format!("[{table}]\n\n{key} = {value}\n{}", beside(table)));
            let allowed = value
                .parse::<u64>()
                .is_ok_and(|value| (range.least..=range.most).contains(&value));
            for command in ["config check x.toml", "up --config x.toml --demo --once"] {
                if allowed && command.starts_with("up") {
                    continue;
                }
                let ran = place.kaskade(command);
                assert!(!ran.stderr.contains("panicked"), "{key} = {value}: {}", ran.stderr);
                // An index may still be refused for the number of nodes beside it.
                if allowed && key == "node_index" {
                    continue;
                }
                assert_eq!(ran.success, allowed, "{key} = {value}: {} {}", ran.stdout, ran.stderr);
                if !allowed {
                    refusals += 1;
                    assert!(ran.stderr.contains("line 3, column"), "{key} = {value}: {}", ran.stderr);
                    if value.parse::<i64>().is_ok() {
                        let expected = [
                            range.name.clone(),
                            value.into(),
                            range.least.to_string(),
                            range.most.to_string(),
                        ];
                        for part in expected {
                            assert!(ran.stderr.contains(&part), "{key} = {value}: {part}: {}", ran.stderr);
                        }
                    }
                }
            }
        }
    }
    assert!(refusals > 200, "{refusals}");
}

/// All numbers at one end of their ranges together: the node starts, and authenticates.
#[test]
fn the_ends_of_the_ranges_work() {
    for most in [false, true] {
        let place = Place::new();
        let mut text = String::new();
        for range in Config::ranges() {
            let (table, key) = range.name.rsplit_once('.').expect("in a table");
            let value = match (most, key) {
                (true, _) => range.most,
                (false, _) => range.least,
            };
            text.push_str(&format!("[{table}]\n{key} = {value}\n{}", beside(table)));
        }
        place.file("nrf.pem", NRF);
        own(&place.file("nef.pem", NEF));
        let text = merged(&text);
        place.file("x.toml", &text);
        place.kaskade("config check x.toml").ok();
        let ran = place.kaskade("up --config x.toml --demo --once");
        assert!(!ran.stderr.contains("panicked"), "{text}: {}", ran.stderr);
        assert!(ran.success, "{text}: {}{}", ran.stdout, ran.stderr);
    }
}

/// Tables that stand several times become one.
fn merged(text: &str) -> String {
    let mut tables: std::collections::BTreeMap<&str, Vec<&str>> = std::collections::BTreeMap::new();
    let mut table = "";
    for line in text.lines() {
        if line.starts_with('[') {
            table = line;
        } else {
            let lines = tables.entry(table).or_default();
            // What stands beside several numbers of a table stands there once.
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
    }
    tables
        .iter()
        .map(|(table, lines)| format!("{table}\n{}\n", lines.join("\n")))
        .collect()
}

#[test]
fn no_error_shows_a_secret() {
    let place = Place::new();
    let files = [
        ("a.toml", format!("data_dir = \"x\"\nk = \"{K}\"\n")),
        ("b.toml", format!("[store]\ncache_mib = \"{K}\"\n")),
        ("c.toml", format!("[store]\ncache_mib = {K}\n")),
        ("d.toml", format!("[{K}]\na = 1\n")),
        ("e.toml", format!("{K} = 1\n")),
        ("f.toml", format!("[policy]\nserving_networks = [\"{K}\"]\n")),
        ("g.toml", format!("[policy]\nany_serving_network = \"{K}\"\n")),
        ("h.toml", format!("[log]\nfilter = {K}\n")),
        ("i.toml", format!("data_dir = \"x\nk = \"{K}\"\n")),
        ("j.toml", format!("[udm]\nlisten = \"{K}\"\n")),
        ("k.toml", format!("[sqn]\nscheme = \"{K}\"\n")),
        ("l.toml", format!("[log]\nfilter = \"kaskade={K}\"\n")),
        ("m.toml", format!("[policy.reserved]\n\"001-01\" = [\"a {K}\"]\n")),
        ("n.toml", format!("[groups]\n{K} = [\"{OPC}\"]\nb = [\"{OPC}\"]\n")),
    ];
    for (name, text) in &files {
        place.file(name, text);
        let checked = place.kaskade(&format!("config check {name}"));
        if *name != "l.toml" {
            let said = checked.refused();
            assert!(said.contains("line ") && said.contains("column "), "{name}: {said}");
        }
        place.kaskade(&format!("up --config {name}")).refused();
        place.file("s.toml", &text.replace("data_dir", "supi"));
        place.kaskade("subscriber import s.toml --data data").refused();
        place.file("s.csv", &text.replace('\n', ","));
        place.kaskade("subscriber import s.csv --data data").refused();
    }
    for csv in [
        format!("{K},{OPC}\n"),
        "abcdefabcdefabcdefabcdefabcdefab\n".to_owned(),
        format!("imsi,k,opc\n{K},{K},{OPC}\n"),
        format!("imsi,k,opc\n001010000000001,{K}{OPC},{OPC}\n"),
        format!("imsi,k,opc,amf\n001010000000001,{K},{OPC},{K}\n"),
        format!("imsi,k,opc,algorithm\n001010000000001,{K},{OPC},{K}\n"),
        format!("imsi,k,opc,sqn_scheme\n001010000000001,{K},{OPC},{K}\n"),
        format!("imsi,k,opc,res_octets\n001010000000001,{K},{OPC},{K}\n"),
    ] {
        place.file("s.csv", &csv);
        place.kaskade("subscriber import s.csv --data data").refused();
    }
    // A state file that is something else.
    place.file(
        "usim.json",
        &format!("{{\"version\": \"{K}\", \"supi\": \"x\", \"seq_ms\": []}}"),
    );
    let attach = format!("ue attach --supi {SUPI} --home 001-01 --state usim.json");
    place.with_secrets(&attach).refused();
    place.file("usim.json", &format!("{{\"{K}\": 1}}"));
    place.with_secrets(&attach).refused();
    // The command line: in the wrong place, or of the wrong form.
    let spoiled = format!("{}x", &K[..31]);
    for arguments in [
        format!("derive {K}"),
        format!("derive --{K}"),
        format!("derive --k{K} --opc {OPC}"),
        format!("derive --sqn {spoiled} --k-file -"),
        format!("derive --amf {spoiled}"),
        format!("derive --supi {spoiled}"),
        format!("derive --plmn={spoiled}"),
        format!("derive --k {spoiled} --opc {OPC} --rand {K} --sqn 1 --plmn 001-01"),
        format!("derive --k {K} --opc {spoiled} --rand {K} --sqn 1 --plmn 001-01"),
        format!("derive --k {K} --opc {OPC} --op {OPC} --rand {K}"),
        format!("derive --k {K} --opc {OPC} --algorithm {spoiled}"),
        format!("derive --from k={spoiled} K_gNB"),
        format!("derive --from k_amf={spoiled} K_gNB"),
        format!("derive K_gNB --from k-amf={K}"),
        format!("derive K_gNB --from {spoiled}"),
        format!("ue attach --supi {SUPI} --sqn-ms {spoiled}"),
        format!("ue attach --supi {SUPI} --hn-key-id {spoiled}"),
        format!("derive K_gNB --from k-amf={OPC}{OPC} --input {spoiled}"),
        format!("derive K_gNB --from k-amf={OPC}{OPC} --input {spoiled}=1"),
        format!("derive K_gNB --from k-amf={OPC}{OPC} --input uplink-nas-count={K}"),
        format!("derive K_gNB --from k-amf={OPC}{OPC} --input k-gnb.{K}=1 --input {K}.k=1"),
        format!("derive K_gNB --from k-amf={OPC}{OPC} --via {spoiled}"),
        format!("derive K_AUSF --k {K} --opc {OPC} --rand {K} --sqn 1 --plmn 001-01 --via {spoiled}"),
        format!("explain --path {spoiled}"),
        format!("explain --if-leaked {spoiled}"),
        format!("explain K_gNB --path K_AMF --via {spoiled}"),
        format!("explain K_gNB --path {spoiled}"),
        // A value where the name of a file is expected.
        format!("derive --k-file {K} --opc-file {OPC} --rand {K}"),
        format!("derive K_gNB --from k-amf=@{K}"),
        format!("subscriber import {K} --data data"),
        format!("subscriber import {K}.csv --data data"),
        format!("subscriber list --data {K}"),
        format!("hn-key import {K} --profile a --data data"),
        format!("up --config {K}"),
        format!("config check {K}"),
        format!("ue attach --supi {SUPI} --hn-public-key {spoiled}"),
        format!("subscriber show {spoiled}"),
        format!("subscriber add --supi {SUPI} --k {spoiled} --opc {OPC} --data data"),
        format!("subscriber add --supi {SUPI} --k {K} --opc {OPC} --tuak-iterations {spoiled} --data data"),
        format!("subscriber {K}"),
        format!("--color {K} up"),
        K.to_owned(),
        format!("explain {K}"),
        format!("bench auth --subscribers {K}"),
        format!("bench akma --contexts {K}"),
        format!("completions {K}"),
    ] {
        place.kaskade(&arguments).refused();
    }
    for variable in [
        "KASKADE_UDM_LISTEN",
        "KASKADE_AUSF_LISTEN",
        "KASKADE_LOG",
        "KASKADE_K",
        "KASKADE_OPC",
        "KASKADE_OP",
    ] {
        let arguments = match variable {
            "KASKADE_LOG" | "KASKADE_UDM_LISTEN" | "KASKADE_AUSF_LISTEN" => "up --data data".to_owned(),
            _ => format!("derive --rand {OPC} --sqn 1 --plmn 001-01"),
        };
        let value = match variable {
            "KASKADE_LOG" => format!("kaskade={K}"),
            _ => spoiled.clone(),
        };
        let ran = place.run_with(arguments.split_whitespace(), "", |command| {
            command.env(variable, &value);
        });
        ran.refused();
    }
    let printed = place.printed.borrow().to_lowercase();
    for secret in [&K[..20], &OPC[..20], "abcdefabcdefabcdefabcdef"] {
        let lines: Vec<&str> = printed.lines().filter(|line| line.contains(secret)).collect();
        assert!(lines.is_empty(), "{lines:#?}");
    }
}
