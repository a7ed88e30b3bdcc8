//! Cards of every algorithm set through the program: derived, added, imported, exported, attached, refused.

use crate::common::{K, OPC, Place, Up, mode, vectors};
use serde_json::Value;

const K256: &str = "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0efeeedecebeae9e8e7e6e5e4e3e2e1e0";
const TOPC: &str = "bd04d9530e87513c5d837ac2ad954623a8e2330c115305a73eb45d1f40cccbff";

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

fn value(document: &Value, name: &str) -> String {
    let keys = document["keys"].as_array().expect("keys");
    let key = keys.iter().find(|key| key["name"] == name).expect(name);
    key["value"].as_str().expect("revealed").to_owned()
}

#[test]
fn derive_gives_the_published_set_of_tuak() {
    let place = Place::new();
    let cases = vectors("tuak.json");
    let case = &cases[0];
    let text = |field: &str| case[field].as_str().expect("text");
    assert_eq!(
        (case["mac_bits"].as_u64(), case["res_bits"].as_u64()),
        (Some(64), Some(32))
    );
    let challenge = format!(
        "derive --json --reveal --algorithm tuak --res-octets 4 --rand {} --plmn 001-01 --k-file -",
        text("rand")
    );
    let autn = {
        let octets = |field| u64::from_str_radix(text(field), 16).expect("hex");
        let concealed = octets("sqn") ^ octets("f5_ak");
        format!("{concealed:012x}{}{}", text("amf"), text("f1_mac_a"))
    };
    let by_sqn = format!("--sqn {} --amf {}", text("sqn"), text("amf"));
    for (code, option) in [("topc", "--topc-file -"), ("top", "--top-file -")] {
        for challenged in [by_sqn.clone(), format!("--autn {autn}")] {
            let line = format!("{challenge} {option} {challenged}");
            let stdin = format!("{}\n{}\n", text("k"), text(code));
            let document = json(&place.run_with(line.split_whitespace(), &stdin, |_| {}).ok());
            assert_eq!(document["inputs"]["algorithm"], "TUAK");
            assert_eq!(document["challenge"]["autn"], autn);
            assert_eq!(document["inputs"]["sqn"], text("sqn"));
            for (name, field) in [("RES", "f2_res"), ("CK", "f3_ck"), ("IK", "f4_ik"), ("AK", "f5_ak")] {
                assert_eq!(value(&document, name), text(field), "{name}");
            }
        }
    }
    let stdin = format!("{}\n{}\n", text("k"), text("top"));
    let swapped = format!("{challenge} --topc-file - --autn {autn}");
    let said = place.run_with(swapped.split_whitespace(), &stdin, |_| {}).refused();
    assert!(said.contains("what you gave as TOPc is the TOP"), "{said}");
    place.has_no(&[text("k"), text("top"), text("topc")], &[]);
}

/// The challenge of the USIM test of srsRAN 4G.
#[test]
fn derive_opens_a_recorded_challenge_of_the_xor_set() {
    let place = Place::new();
    let line = "derive --json --reveal --algorithm xor --k 00112233445566778899aabbccddeeff \
                --rand 0c63a85413e6a4ced986fbe5ce9b625e --autn 6757b3c2b97090010c728a67579252b8 --plmn 001-01";
    let document = json(&place.kaskade(line).ok());
    assert_eq!(document["inputs"]["sqn"], "000000000021");
    assert_eq!(value(&document, "RES"), "0c728a6757b3c2b9511f515e02468ca1");
    assert_eq!(value(&document, "CK"), "728a6757b3c2b9511f515e02468ca10c");
    assert_eq!(value(&document, "AK"), "6757b3c2b951");
    let short = json(&place.kaskade(&format!("{line} --res-octets 4")).ok());
    assert_eq!(value(&short, "RES"), "0c728a67");
}

/// SUPI digit, options, standard input.
fn cards() -> Vec<(u8, String, String)> {
    let card = |digit, options: &str, stdin: &[&str]| (digit, options.to_owned(), stdin.join("\n") + "\n");
    vec![
        card(1, "--k-file - --opc-file -", &[K, OPC]),
        card(2, "--algorithm tuak --k-file - --topc-file -", &[K, TOPC]),
        card(
            3,
            "--algorithm TUAK --k-file - --top-file - --tuak-iterations 3 --res-octets 16",
            &[K256, TOPC],
        ),
        card(4, "--algorithm xor --k-file - --res-octets 5", &[K]),
        card(
            5,
            "--algorithm tuak --k-file - --topc-file - --res-octets 4",
            &[K256, TOPC],
        ),
    ]
}

#[test]
fn cards_of_every_set_attach() {
    let place = Place::new();
    for (digit, options, stdin) in cards() {
        let line = format!("subscriber add --supi imsi-00101000000000{digit} --data data {options}");
        place.run_with(line.split_whitespace(), &stdin, |_| {}).ok();
    }
    let line = "subscriber add --supi imsi-001010000000006 --data data --algorithm comp128v1 --k-file -";
    let added = place.run_with(line.split_whitespace(), &format!("{K}\n"), |_| {});
    assert!(
        added.success && added.stderr.contains("cannot authenticate in 4G or 5G"),
        "{added:?}"
    );

    let list = place.kaskade("subscriber list --data data").ok();
    for name in ["MILENAGE", "TUAK", "XOR", "COMP128v1", "TOPc ", "TOP ", "OPc "] {
        assert!(list.contains(name), "{name} is missing in\n{list}");
    }
    let shown = place.kaskade("subscriber show imsi-001010000000003 --data data").ok();
    assert!(shown.contains("TUAK, RES of 16 octets, iterations: 3"), "{shown}");
    let shown = json(
        &place
            .kaskade("subscriber show imsi-001010000000004 --data data --json")
            .ok(),
    );
    assert_eq!((&shown["algorithm"], &shown["res_octets"]), (&"XOR".into(), &5.into()));
    assert!(shown["operator_code"].is_null());

    place.file(
        "kaskade.toml",
        "data_dir = \"data\"\n[policy]\nserving_networks = [\"001-01\"]\n",
    );
    let up = Up::start(&place, "up --config kaskade.toml");
    for (digit, options, stdin) in cards() {
        let supi = format!("imsi-00101000000000{digit}");
        let line = format!(
            "ue attach --ausf {} --supi {supi} --plmn 001-01 {options} --repeat 2",
            up.ausf
        );
        let attached = place.run_with(line.split_whitespace(), &stdin, |_| {}).ok();
        assert!(attached.contains("keys that both sides have agree"), "{attached}");
        // A card that is ahead brings the home network into step with an AUTS of its own set.
        let ahead = format!("{line} --sqn-ms {}", ahead_of_the_clock());
        let attached = place.run_with(ahead.split_whitespace(), &stdin, |_| {}).ok();
        assert!(attached.contains("esynchronis"), "{attached}");
    }
    // The wrong set, and a set without vectors.
    let wrong = format!(
        "ue attach --ausf {} --supi imsi-001010000000001 --plmn 001-01 --algorithm xor --k-file -",
        up.ausf
    );
    let said = place
        .run_with(wrong.split_whitespace(), &format!("{K}\n"), |_| {})
        .refused();
    assert!(
        said.contains("MAC failure") && said.contains("the algorithm of this USIM"),
        "{said}"
    );
    let gsm = wrong.replace("xor", "comp128v3");
    let said = place
        .run_with(gsm.split_whitespace(), &format!("{K}\n"), |_| {})
        .refused();
    assert!(said.contains("GSM-only cards"), "{said}");
    let gsm = wrong.replace("000001 ", "000006 ");
    let said = place
        .run_with(gsm.split_whitespace(), &format!("{K}\n"), |_| {})
        .refused();
    assert!(said.contains("AUTHENTICATION_REJECTED"), "{said}");
    up.stop();
    place.has_no(&[K, OPC, TOPC, K256], &["data"]);
}

/// An SQN that no home network of today's clock has issued, within what a card accepts.
fn ahead_of_the_clock() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let seq = since.expect("after 1970").as_secs() + 1000;
    format!("{:012x}", seq << 5)
}

#[test]
fn exports_and_imports_know_every_set() {
    let place = Place::new();
    place.file(
        "cards.csv",
        &format!(
            "supi,algorithm,k,opc,topc,top,tuak_iterations,res_octets\n\
             imsi-001010000000001,,{K},{OPC},,,,\n\
             imsi-001010000000002,tuak,{K},,{TOPC},,,\n\
             imsi-001010000000003,Tuak,{K256},,,{TOPC},3,16\n\
             imsi-001010000000004,xor,{K},,,,,5\n\
             imsi-001010000000005,COMP128v2,{K},,,,,\n"
        ),
    );
    place.file(
        "more.toml",
        &format!(
            "[[subscriber]]\nsupi = \"imsi-001010000000006\"\nalgorithm = \"tuak\"\nk = \"{K256}\"\ntop = \"{TOPC}\"\n\
             tuak_iterations = \"2\"\nres_octets = \"4\"\n"
        ),
    );
    place.kaskade("subscriber import cards.csv --data data").ok();
    place.kaskade("subscriber import more.toml --data data").ok();
    let list = |data: &str| -> Vec<Value> {
        let text = place.kaskade(&format!("subscriber list --json --data {data}")).ok();
        text.lines().map(json).collect()
    };
    let before = list("data");
    assert_eq!(before.len(), 6);
    assert_eq!(before[5]["tuak_iterations"], 2);
    for file in ["export.csv", "export.toml"] {
        place
            .kaskade(&format!("subscriber export {file} --with-secrets --data data"))
            .ok();
        let same = place.path(&format!("same-{file}"));
        std::fs::create_dir(&same).expect("a folder");
        mode(&same, 0o700);
        std::fs::copy(place.path("data/master.key"), same.join("master.key")).expect("copied");
        // As far as this folder knows, its store is lost.
        place.kaskade(&format!("store create --yes --data same-{file}")).ok();
        place
            .kaskade(&format!("subscriber import {file} --data same-{file}"))
            .ok();
        for (before, after) in before.iter().zip(list(&format!("same-{file}"))) {
            for field in [
                "supi",
                "algorithm",
                "k_fingerprint",
                "operator_code",
                "operator_code_fingerprint",
                "res_octets",
                "tuak_iterations",
            ] {
                assert_eq!(before[field], after[field], "{field}");
            }
        }
    }
    for name in ["cards.csv", "more.toml"] {
        std::fs::remove_file(place.path(name)).expect("removed");
    }
    place.has_no(&[K, OPC, TOPC, K256], &["."]);
}

#[test]
fn refusals_name_what_does_not_fit() {
    let place = Place::new();
    let add = |options: &str| {
        let line = format!("subscriber add --supi imsi-001010000000001 --data data {options}");
        place.kaskade(&line).refused()
    };
    for (options, expected) in [
        (format!("--k {K} --topc {TOPC}"), "TOPc is given, but milenage has none"),
        (
            format!("--algorithm tuak --k {K} --opc {OPC}"),
            "OPc is given, but tuak has none",
        ),
        (format!("--algorithm tuak --k {K}"), "give TOPc"),
        (
            format!("--algorithm tuak --k {K}00 --topc {TOPC}"),
            "K of 17 octets, expected one of [16, 32]",
        ),
        (
            format!("--algorithm tuak --k {K} --topc {OPC}"),
            "TOPc: 32 hexadecimal digits, expected 64",
        ),
        (
            format!("--algorithm tuak --k {K} --topc {TOPC} --res-octets 6"),
            "RES of 6 octets, expected one of [4, 8, 16]",
        ),
        (
            format!("--algorithm tuak --k {K} --topc {TOPC} --tuak-iterations 0"),
            "tuak-iterations",
        ),
        (
            format!("--algorithm xor --k {K} --op {OPC}"),
            "OP is given, but xor has none",
        ),
        (
            format!("--algorithm xor --k {K} --res-octets 3"),
            "RES of 3 octets, expected 4 to 16",
        ),
        (
            format!("--algorithm xor --k {K} --tuak-iterations 1"),
            "--tuak-iterations is given, but xor has none",
        ),
        (
            format!("--algorithm comp128v1 --k {K} --res-octets 8"),
            "--res-octets is given, but comp128v1 has none",
        ),
        (
            format!("--algorithm a3a8 --k {K}"),
            "expected one of milenage, tuak, xor, comp128v1",
        ),
        (
            format!("--k {K} --opc {OPC} --res-octets 8"),
            "--res-octets is given, but milenage has none",
        ),
    ] {
        let said = add(&options);
        assert!(said.contains(expected), "{options}\n{said}");
    }
    // What is in the environment for other cards does not disturb.
    let line = "subscriber add --supi imsi-001010000000001 --data data --algorithm xor";
    let added = place.run_with(line.split_whitespace(), "", |command| {
        command.env("KASKADE_K", K).env("KASKADE_OPC", OPC);
    });
    assert!(added.success, "{}", added.stderr);
}
