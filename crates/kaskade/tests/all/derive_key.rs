//! `kaskade derive KEY`: every derivation against the answers of an independent script, and what it refuses.

use crate::common::{K, OPC, Place, SUPI, mode, vectors};
use kaskade_keys::derivation::{Fingerprint, Given, Rule};
use kaskade_keys::tree;
use serde_json::Value;

const K_AMF: &str = "1111111111111111111111111111111111111111111111111111111111111111";

/// The JSON of the last key.
fn derived(printed: &str) -> Value {
    let document: Value = serde_json::from_str(printed).expect("JSON");
    let keys = document["keys"].as_array().expect("keys");
    assert_eq!(keys.last().expect("a key")["name"], document["target"]);
    keys.last().expect("a key").clone()
}

#[test]
fn every_derivation_gives_what_an_independent_script_computed() {
    let place = Place::new();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors");
    let mut seen: Vec<(String, String)> = Vec::new();
    for entry in std::fs::read_dir(folder).expect("vectors") {
        let name = entry.expect("a file").file_name().into_string().expect("UTF-8");
        if !name.starts_with("rows-") {
            continue;
        }
        for case in vectors(&name) {
            let field = |name: &str| case[name].as_str().expect("a text").to_owned();
            let (parent, method) = (field("parent"), field("method"));
            let row = tree::rows()
                .find(|row| row.parent == parent && row.method == method)
                .expect("a row");
            if let Rule::AlgorithmSet(_) = row.rule {
                continue;
            }
            let mut stdin = format!("{}\n", field("key"));
            let mut arguments: Vec<String> = ["derive", row.child, "--json", "--reveal", "--via"]
                .map(String::from)
                .to_vec();
            arguments.push(format!("{parent}.{method}"));
            arguments.extend(["--from".to_owned(), format!("{parent}=-")]);
            for spec in row.parameters {
                let value = &case["inputs"][spec.option()];
                match (spec.given, value.as_str()) {
                    (Given::Fixed(_), _) => {}
                    (Given::Text(_), Some(text)) => {
                        arguments.extend(["--input".to_owned(), format!("{}={text}", spec.option())]);
                    }
                    (Given::Key(names), Some(octets)) => {
                        stdin.push_str(&format!("{octets}\n"));
                        arguments.extend(["--from".to_owned(), format!("{}=-", names[0])]);
                    }
                    (_, None) => unreachable!("{}: {}", case["name"], spec.name),
                }
            }
            let key = derived(&place.run_with(&arguments, &stdin, |_| {}).ok());
            if key["value"].is_null() {
                // EMSKs and the blocks that they are cut from are never shown, so their fingerprints are compared.
                let makes = |emsk| tree::makers(emsk).any(|maker| maker.parent == row.child);
                let hidden = ["EMSK", "EMSK (5G AKA)"]
                    .into_iter()
                    .any(|emsk| row.child == emsk || makes(emsk));
                assert!(hidden, "{}", case["name"]);
                let output = hex::decode(field("output")).expect("hex");
                let fingerprint = Fingerprint::of_octets(row.child, &output).to_string();
                assert_eq!(key["fingerprint"], fingerprint, "{}", case["name"]);
            } else {
                assert_eq!(key["value"], case["output"], "{}", case["name"]);
            }
            if let Rule::Kdf(_) = row.rule {
                assert_eq!(key["s"], case["s"], "{}", case["name"]);
            }
            seen.push((parent, method));
        }
    }
    assert!(seen.len() >= 60, "{} cases", seen.len());
}

#[test]
fn from_the_middle_and_from_the_top_is_the_same() {
    let place = Place::new();
    let run = format!("--rand 5761c8647a28cbaeb20f45260f1a6733 --sqn 32 --plmn 001-01 --supi {SUPI}");
    let whole: Value =
        serde_json::from_str(&place.with_secrets(&format!("derive {run} --json --reveal")).ok()).expect("JSON");
    let value = |name: &str| -> String {
        let keys = whole["keys"].as_array().expect("keys");
        let key = keys.iter().find(|key| key["name"] == name).expect("the key");
        key["value"].as_str().expect("a value").to_owned()
    };
    let inputs = "-i abba=0000 -i uplink-nas-count=0 -i ciphering-algorithm-identity=NEA2";
    let from_k = place
        .with_secrets(&format!("derive K_UPenc {run} {inputs} --json --reveal"))
        .ok();
    assert_eq!(derived(&from_k)["value"], value("K_UPenc"));
    let steps: Value = serde_json::from_str(&from_k).expect("JSON");
    let steps: Vec<&str> = steps["keys"]
        .as_array()
        .expect("keys")
        .iter()
        .filter_map(|key| key["name"].as_str())
        .collect();
    assert_eq!(steps, ["K_AUSF", "K_SEAF", "K_AMF", "K_gNB", "K_UPenc"]);
    for (from, target, inputs) in [
        ("K_SEAF", "K_AMF", format!("-i abba=0000 -i supi={SUPI}")),
        ("K_AMF", "K_gNB", "-i uplink-nas-count=0".to_owned()),
        ("K_AMF", "NH", "-i uplink-nas-count=0".to_owned()),
        ("K_gNB", "K_RRCint", "-i integrity-algorithm-identity=NIA2".to_owned()),
    ] {
        let line = format!("derive {target} --from {from}={} {inputs} --json --reveal", value(from));
        assert_eq!(
            derived(&place.kaskade(&line).ok())["value"],
            value(target),
            "{target} from {from}"
        );
    }
    // The parts of a key that was put together.
    let parts = format!(
        "derive K_SEAF --from ck={} --from ik={} --plmn 001-01 -i sqn-xor-ak={} --json --reveal",
        value("CK"),
        value("IK"),
        &whole["challenge"]["autn"].as_str().expect("AUTN")[..12]
    );
    assert_eq!(derived(&place.kaskade(&parts).ok())["value"], value("K_SEAF"));
    let ck = place
        .with_secrets("derive CK --rand 5761c8647a28cbaeb20f45260f1a6733 --json --reveal")
        .ok();
    assert_eq!(derived(&ck)["value"], value("CK"));
    place.has_no(&[K, OPC], &[]);
}

#[test]
fn keys_are_shown_on_request_only_and_may_come_from_a_file() {
    let place = Place::new();
    place.file("k-amf", K_AMF);
    let line = "derive NH --from k-amf=@k-amf -i uplink-nas-count=0";
    let hidden = place.kaskade(&format!("{line} --explain")).ok();
    let shown = place.kaskade(&format!("{line} --reveal --json")).ok();
    let nh = derived(&shown)["value"].as_str().expect("a value").to_owned();
    let json = place.kaskade(&format!("{line} --json")).ok();
    let k_gnb = derived(
        &place
            .kaskade("derive K_gNB --from k-amf=@k-amf -i uplink-nas-count=0 --reveal --json")
            .ok(),
    );
    let k_gnb = k_gnb["value"].as_str().expect("a value").to_owned();
    for text in [&hidden, &json] {
        assert!(
            !text.contains(&nh) && !text.contains(&k_gnb) && !text.contains(K_AMF),
            "{text}"
        );
    }
    // S of NH has K_gNB in it.
    assert!(
        hidden.contains("6f ** ** **") && hidden.contains("** 00 20"),
        "{hidden}"
    );
    assert!(derived(&json)["s"].is_null() && derived(&shown)["s"].as_str().expect("S").contains(&k_gnb));
    assert!(hidden.contains("6e 00 00 00 00 00 04 01 00 01") && hidden.contains("FC P0───────── L0─── P1 L1───"));
    mode(&place.path("k-amf"), 0o644);
    assert!(place.kaskade(line).refused().contains("chmod 600"));
}

#[test]
fn what_is_missing_is_asked_for_all_at_once() {
    let place = Place::new();
    let said = |line: &str| place.kaskade(line).refused();
    let missing = said(&format!("derive K_SN --from k-seaf={K_AMF}"));
    for part in [
        "SUPI (--supi imsi-001010000000001, or --input supi=imsi-001010000000001",
        "for K_AMF by TS 33.501 A.7",
        "SN Counter (--input sn-counter=0",
        "for K_SN by TS 33.501 A.16",
    ] {
        assert!(missing.contains(part), "{part}\n{missing}");
    }
    assert!(!missing.contains(K_AMF));
    let up = said(&format!("derive K_AMF --from k-gnb={K_AMF}"));
    assert!(
        up.contains("cannot be turned round") && up.contains("--from k-seaf=-"),
        "{up}"
    );
    let none = said("derive K_gNB");
    assert!(
        none.contains("no key is given") && none.contains("--from k-amf=-"),
        "{none}"
    );
    let line = format!("derive K_HSE --from ck-ik={K_AMF} --plmn 001-01 -i sqn-xor-ak=55f328b43577");
    let ways = said(&line);
    assert!(
        ways.contains("2 ways") && ways.contains("--via 0x63") && ways.contains("ck'-ik'"),
        "{ways}"
    );
    for (via, parent) in [("0x63", "CK||IK"), ("ck'-ik'", "CK'||IK'"), ("ck-ik.k-hse", "CK||IK")] {
        let key = derived(&place.kaskade(&format!("{line} --via {via} --json")).ok());
        assert_eq!(key["parent"], parent);
    }
}

#[test]
fn refusals_name_what_is_wrong_and_never_the_key() {
    let place = Place::new();
    let said = |arguments: &str| {
        let said = place.kaskade(&format!("derive {arguments}")).refused();
        assert!(!said.contains(&K_AMF[..62]), "{said}");
        said
    };
    let count = "-i uplink-nas-count=0";
    let short = said(&format!("K_gNB --from k-amf={} {count}", &K_AMF[2..]));
    assert!(
        short.contains("K_AMF: 62 hexadecimal digits, expected 64 (32 octets)"),
        "{short}"
    );
    assert!(
        said(&format!("K_gNB --from kamv={K_AMF} {count}")).contains("did you mean"),
        "names are checked"
    );
    let unknown = said(&format!("K_gNB --from k-amf={K_AMF} -i uplink-nas-cout=0"));
    assert!(unknown.contains("did you mean uplink-nas-count?"), "{unknown}");
    let range = said(&format!("K_gNB --from k-amf={K_AMF} -i uplink-nas-count=16777216"));
    assert!(
        range.contains("uplink-nas-count") && range.contains("16777215"),
        "{range}"
    );
    let unused = said(&format!("K_gNB --from k-amf={K_AMF} {count} -i pci=3"));
    assert!(unused.contains("does not use --input pci"), "{unused}");
    assert!(said(&format!("--from k-amf={K_AMF}")).contains("need the KEY"));
    assert!(said(&format!("K_gNB --from k={K} {count}")).contains("--k-file"));
    assert!(said("K --all").contains("cannot be used with"));
    assert!(said("K").contains("never printed"));
    assert!(said(&format!("K_gNB --from {K_AMF}")).contains("KEY=HEX"));
    assert!(said("--all").contains("needs a key"));
}

#[test]
fn all_that_follows_is_derived() {
    let place = Place::new();
    let line = format!(
        "derive --all --from k-amf={K_AMF} -i uplink-nas-count=0 -i ciphering-algorithm-identity=2 -i integrity-algorithm-identity=2"
    );
    let text = place.kaskade(&line).ok();
    for key in ["K_NASint", "K_gNB", "K_UPint", "K_N3IWF", "K_TNAP"] {
        assert!(text.contains(key), "{key}\n{text}");
    }
    assert!(
        !text.contains("K_ASME ") && text.contains("--input sn-counter=0: K_SN"),
        "{text}"
    );
    let document: Value = serde_json::from_str(&place.kaskade(&format!("{line} --json")).ok()).expect("JSON");
    let keys = document["keys"].as_array().expect("keys");
    assert!(
        keys.len() >= 12 && keys.iter().all(|key| key["value"].is_null()),
        "{}",
        keys.len()
    );
}

/// EMSK never leaves, however it is asked for, nor does a block that it is cut from; its children do.
#[test]
fn emsk_is_never_shown() {
    let place = Place::new();
    let secret = "ck'-ik'=0093962d0dd84aa5684b045c9edffa04ccfc230ca74fcc96c0a5d61164f5a76c";
    let derive = |key: &str, extra: &[&str]| {
        let inputs = [
            "derive",
            key,
            "--from",
            secret,
            "--input",
            "identity=0555444333222111",
            "--reveal",
        ];
        place
            .run_with([&inputs[..], extra].concat(), "", |_| {})
            .ok()
            .to_lowercase()
    };
    let emsk = "f861703cd775590e16c7679ea3874ada866311de290764d760cf76df647ea01c313f69924bdd7650";
    let k_encr = "766fa0a6c317174b812d52fbcd11a179";
    for extra in [&[][..], &["--json"], &["--explain"]] {
        let text = derive("EMSK", extra);
        assert!(!text.contains(emsk), "{extra:?} shows EMSK");
        assert!(!text.contains(k_encr), "{extra:?} shows MK");
    }
    assert!(derive("K_encr", &[]).contains(k_encr));
}
