//! `kaskade derive KEY`: which way is taken, what the options say, and which names are known. The values were computed with
//! another program, out of the formulas of TS 33.102, 33.401, 33.501 and RFC 9048.

use kaskade_keys::derivation::Rule;
use kaskade_keys::tree;
use serde_json::Value;

use crate::common::{K, OPC, Place, SUPI};

const RAND: &str = "23553cbe9637a89d218ae64dae47bf35";
const K_AMF: &str = "102e5cfcbeff87f2450364292274b03db629e9fd0c9ebbea5f9da63db7b39538";
const K_ASME: &str = "3cce8436530e49d1fb043a377d151d0d16f8d6c56aab6d8aee55d425f9272ee7";
const K_GNB: &str = "0bcddf305a0c8671b03eb81c736095d79b61941f33e475b813a080f3b3d4b2b3";
const K_ENB: &str = "738c2de3ea6844ee271077ac8ab4094412fe38fb0b554fe5911e9e75212fc76a";

/// K and a challenge of MILENAGE's test set 1, in network 001-01.
fn card() -> String {
    format!("--k {K} --opc {OPC} --rand {RAND} --sqn 32 --plmn 001-01")
}

fn document(place: &Place, line: &str) -> Value {
    serde_json::from_str(&place.kaskade(&format!("derive {line} --json --reveal")).ok()).expect("JSON")
}

/// The key's full name, and its value.
fn derived(place: &Place, line: &str) -> (String, String) {
    let document = document(place, line);
    let keys = document["keys"].as_array().expect("keys");
    let value = keys.last().expect("a key")["value"].as_str().expect("a value");
    (
        document["target"].as_str().expect("a name").to_owned(),
        value.to_owned(),
    )
}

#[track_caller]
fn is(place: &Place, line: &str, name: &str, value: &str) {
    assert_eq!(
        derived(place, line),
        (name.to_owned(), value.to_owned()),
        "derive {line}"
    );
}

#[test]
fn from_k_a_name_means_the_key_of_the_first_authentication() {
    let place = Place::new();
    let (card, in_5g) = (card(), format!("{} --supi {SUPI}", card()));
    for (key, options, value) in [
        ("K_gNB", "--abba 0000 -i uplink-nas-count=0", K_GNB),
        ("K_AMF", "", K_AMF),
        (
            "K_AMF",
            "--abba 0001",
            "6fb234d017c7581bbc5a6a53c48bcc8498a0c1ac897df7dcd9342baa8bf5db30",
        ),
        (
            "NH",
            "",
            "8f95d5dcbc696364edae4ddd91b0a1c1804a49193846f7a02923f5d5e80055df",
        ),
        ("K_NASenc", "", "d7e5c72494a0526ad048c8396e0c04c3"),
        ("K_NASint", "--nia 1", "0b9df31c232bf42aeb0d52e7c7a38127"),
        ("K_RRCenc", "--as-nea 3", "0dad08aca9dd792be982aae67ac01a8a"),
        ("K_RRCint", "--nia 3", "2f803957ce4cebfedfb9ed788059508f"),
        ("K_UPenc", "--nea 1", "d4b7fe99a8b7bfd55a51db08db484571"),
        ("K_UPint", "--as-nia 0", "bdb2be6d0c9b2c2f222e0c6caae452b5"),
        (
            "K_gNB",
            "--ul-nas-count 5",
            "c706597535acb8569da246d1aebf562aab33056cd3800f9791ccd1c8368e461b",
        ),
        (
            "K_N3IWF",
            "--ul-nas-count 5",
            "262af9afe75210d53fe122baef25c526bb1b6aef11354a6c84f6dbcf7027f3ae",
        ),
        (
            "K_AMF'",
            "-i direction=uplink -i nas-count=9",
            "6ce66c0bd0f44010b2736aba8d07553362bca82cae3eb00520182dfc3bb0cb5b",
        ),
    ] {
        let name = key.trim_end_matches('\'');
        is(&place, &format!("{key} {in_5g} {options}"), name, value);
    }
    for (key, options, value) in [
        ("K_ASME", "", K_ASME),
        ("K_eNB", "", K_ENB),
        ("K_NASint (EPS)", "--nia 1", "04a67d72e5369e617f94b17975eb813b"),
        ("K_UPenc (EPS)", "", "9f8c1236f028bc432eff18873ea04571"),
        (
            "NH (EPS)",
            "--ul-nas-count 0",
            "fc613b2890969251dfc72dd878329692e058d6f4a5aaebea2607a90224b7688e",
        ),
        (
            "MSK",
            "-i identity=0001010000000001",
            "0cdb93c0a2c87106c658315365b6e460882ab3b026cbebb762c78533284d200be448cf6eba23232ec6ed5d10d3e17679f7c4174fa387b5c1f8ab4b7cd7a46310",
        ),
        (
            "K_encr",
            "-i identity=0001010000000001",
            "79c8ebc6bd13e190b2c93014e0fa5062",
        ),
        (
            "K_re",
            "-i identity=0001010000000001",
            "477d5bb3fec7d5a219893ff19257159b848e8de85a6c0cdacc8af8651a2f8bd9",
        ),
    ] {
        let mut arguments = vec!["derive", key];
        arguments.extend(
            card.split(' ')
                .chain(options.split(' '))
                .filter(|word| !word.is_empty()),
        );
        arguments.extend(["--json", "--reveal"]);
        let document: Value = serde_json::from_str(&place.run(arguments).ok()).expect("JSON");
        assert_eq!(document["target"], key);
        assert_eq!(
            document["keys"].as_array().expect("keys").last().expect("a key")["value"],
            value,
            "{key}"
        );
    }
    // EMSK itself is never shown; by EAP-AKA' its first half is the K_AUSF.
    let emsk = document(&place, &format!("EMSK {card} -i identity=0001010000000001"));
    assert_eq!(emsk["keys"][1]["name"], "MK (EAP-AKA')");
    let nid = "K_SEAF --nid 000007ed9d5";
    is(
        &place,
        &format!("{nid} {card}"),
        "K_SEAF",
        "5007aefc2eb8e43e34566a9dd422af1725d1ec621acf2d0ffff0f8c0bb94490e",
    );
}

#[test]
fn another_way_is_taken_where_its_input_is_given_or_via_names_it() {
    let place = Place::new();
    let card = card();
    for (line, name, value) in [
        (
            format!("K_gNB {card} -i eps-uplink-nas-count=7"),
            "K_gNB",
            "ed3075f56c1a8b19a00039f0b07e543d6ceb1f22858bf1282b31c522dcaf1703",
        ),
        (
            format!("K_gNB {card} --via 0x76 -i uplink-nas-count=0"),
            "K_gNB",
            "89dd335facee0a8e9fc586a1fed249537252f5326653bf745fab3442316810ff",
        ),
        (
            format!("K_gNB --from k-asme={K_ASME} --via 0x76"),
            "K_gNB",
            "89dd335facee0a8e9fc586a1fed249537252f5326653bf745fab3442316810ff",
        ),
        (
            format!("K_AUSF {card} -i identity=0001010000000001"),
            "K_AUSF",
            "41e04d4fc19d7280c5eeb1b47fd2c917dfa69a32f79225b606dbd717861edc6b",
        ),
        (
            format!("K_ASME --from k-amf={K_AMF} -i uplink-nas-count=9"),
            "K_ASME",
            "a9ee31a2dbe58949bc2be1d56aae7dd5dec20c2be098f4f3393221bd120a9172",
        ),
        (
            format!("K_ASME' --from k-amf={K_AMF} -i downlink-nas-count=9"),
            "K_ASME",
            "bcb23f772171a3c2130bb62ea87a12aed22fbbf5f299c7822100b054907e7f99",
        ),
        (
            format!("K_eNB* --from k-asme={K_ASME} -i pci=1 -i earfcn-dl=3350 --via nh-eps"),
            "K_eNB",
            "e123076a9a8c0f355fe87fd4ced3d963ae71792254090925799e5ff8e546bba8",
        ),
        (
            format!("k-enb-star --from k-enb={K_ENB} -i pci=1 -i earfcn-dl=3350"),
            "K_eNB",
            "5cccc755ee0f7117b90102854ea9ac2d08772520565171e3470f1e1274e9f034",
        ),
        (
            format!("K_NG-RAN* --from k-amf={K_AMF} -i pci=1 -i arfcn-dl=3 --via nh"),
            "K_gNB",
            "5d32afa5e174539a843e6ca603baccadad21471b542fba6d99941d6a3876984c",
        ),
        (
            format!("K_gNB --from k-gnb={K_GNB} -i pci=1 -i arfcn-dl=3"),
            "K_gNB",
            "0b9a4d83e6ede2238bc0d7747eb9c14b62c141ecdb83186689e00c105bbfb12e",
        ),
    ] {
        is(&place, &line, name, value);
    }
}

/// From K_ASME the usual keys are those of EPS; the mapping to 5G is another way.
#[test]
fn from_a_key_of_eps_a_name_means_the_key_of_eps() {
    let place = Place::new();
    let from = format!("--from k-asme={K_ASME}");
    for (key, options, name, value) in [
        ("K_NASint", "", "K_NASint (EPS)", "5ee20c5bbcce11559d1d3a5b5b0482fb"),
        (
            "K_NASenc",
            "--nea 1",
            "K_NASenc (EPS)",
            "80c3442659723e8fac15d8c9a35fc876",
        ),
        ("K_RRCenc", "", "K_RRCenc (EPS)", "ebb76e3ac8b0465f2cdcf9fa7815acba"),
        (
            "K_RRCint",
            "-i integrity-algorithm-identity=1",
            "K_RRCint (EPS)",
            "6c3709a57c96e181e2e2a60e163a1ada",
        ),
        (
            "K_UPenc",
            "--ul-nas-count 0",
            "K_UPenc (EPS)",
            "9f8c1236f028bc432eff18873ea04571",
        ),
        (
            "K_UPint",
            "--as-nia 3",
            "K_UPint (EPS)",
            "31a105897a774595db2f487cd5882583",
        ),
        (
            "NH",
            "",
            "NH (EPS)",
            "fc613b2890969251dfc72dd878329692e058d6f4a5aaebea2607a90224b7688e",
        ),
        (
            "K_NASint",
            "-i eps-uplink-nas-count=7",
            "K_NASint",
            "32369739002fa882fcd633ef2e1dff46",
        ),
    ] {
        is(&place, &format!("{key} {from} {options}"), name, value);
    }
    let ran = place.kaskade(&format!("derive K_NASint {from}"));
    assert!(ran.stderr.contains("K_NASint is K_NASint (EPS) here"), "{}", ran.stderr);
    is(
        &place,
        &format!("K_RRCenc --from k-enb={K_ENB}"),
        "K_RRCenc (EPS)",
        "ebb76e3ac8b0465f2cdcf9fa7815acba",
    );
}

/// Where two ways remain, both are named and nothing is guessed.
#[test]
fn what_is_ambiguous_is_refused_with_all_that_remains() {
    let place = Place::new();
    let card = card();
    for (line, named) in [
        (
            format!("K_gNB --from k-asme={K_ASME} -i uplink-nas-count=0"),
            vec!["--via 0x75 ", "--via 0x76 "],
        ),
        (
            format!("K_NASint --from k-asme={K_ASME} --via k-amf"),
            vec!["--via 0x75 ", "--via 0x76 "],
        ),
        (
            format!("K_eNB --from k-amf={K_AMF} -i uplink-nas-count=0"),
            vec!["--via 0x73 ", "--via 0x74 "],
        ),
        (
            format!("K_eNB* --from k-asme={K_ASME} -i pci=1 -i earfcn-dl=3350"),
            vec!["--via k-enb.k-enb-star ", "--via nh-eps "],
        ),
        (
            format!("K_NG-RAN* --from k-amf={K_AMF} -i pci=1 -i arfcn-dl=3"),
            vec!["--via k-gnb.k-ng-ran-star ", "--via nh "],
        ),
        (
            format!("MK --from ck-ik={K_AMF} -i identity=0001010000000001"),
            vec!["kaskade derive \"MK (EAP-AKA')\"", "kaskade derive \"MK (EAP-AKA)\""],
        ),
        (format!("K_HSE {card}"), vec!["--via 0x63 ", "--via \"ck'-ik'\""]),
    ] {
        let said = place.kaskade(&format!("derive {line}")).refused();
        for way in named {
            assert!(said.contains(way), "{line}: {way}\n{said}");
        }
    }
    // Each word that is printed chooses its way.
    let line = format!("derive K_gNB --from k-asme={K_ASME} -i uplink-nas-count=0 --json");
    for (via, row) in [("0x75 -i eps-uplink-nas-count=7", "0x75"), ("0x76", "0x76")] {
        let document: Value = serde_json::from_str(&place.kaskade(&format!("{line} --via {via}")).ok()).expect("JSON");
        assert!(
            document["keys"]
                .as_array()
                .expect("keys")
                .iter()
                .any(|key| key["fc"] == row),
            "{via}"
        );
    }
}

/// What is missing is missing of the usual way; another that happens to be complete is offered, not taken.
#[test]
fn an_incomplete_usual_way_is_not_left_for_another() {
    let place = Place::new();
    let card = card();
    for (line, missing, other) in [
        (
            format!("K_gNB {card} -i uplink-nas-count=0"),
            "SUPI (--supi imsi-001010000000001, or --input supi=",
            "--via 0x76 ",
        ),
        (
            format!("K_NASint {card}"),
            "SUPI (--supi imsi-001010000000001, or --input supi=",
            "kaskade derive \"K_NASint (EPS)\"",
        ),
        (
            format!("EMSK --k {K} --opc {OPC} --rand {RAND} -i identity=0001010000000001"),
            "serving network name (--plmn 001-01, or --input",
            "--via mk-eap-aka.emsk ",
        ),
    ] {
        let said = place.kaskade(&format!("derive {line}")).refused();
        assert!(said.contains(missing) && said.contains(other), "{line}\n{said}");
    }
    // The other ways of NH are ways that there are: each begins at CK||IK, and every step is a derivation.
    let said = place.kaskade(&format!("derive NH {card}")).refused();
    let ways = said.lines().filter(|line| line.contains(" → "));
    let mut seen = 0;
    for line in ways.filter(|line| line.starts_with("  ")) {
        let way = &line[line.find("CK||IK → ").expect("a beginning")..];
        let end = [", with ", " (0x", " (SHA"]
            .iter()
            .filter_map(|end| way.find(end))
            .min();
        let way = &way[..end.expect("functions")];
        let keys: Vec<&str> = way.split(" → ").collect();
        for pair in keys.windows(2) {
            let is_step = tree::rows().any(|row| {
                let parent_fits = row.parent == pair[0] || pair[0].trim_end_matches(['\'', '*']) == row.parent;
                parent_fits && (row.named == pair[1] || row.child == pair[1])
            });
            assert!(is_step, "{pair:?} of {line}");
        }
        seen += 1;
    }
    assert!(seen >= 3, "{said}");
}

/// Every option is an input where there is one, and refused where there is none.
#[test]
fn no_option_is_dropped() {
    let place = Place::new();
    let card = format!("--k {K} --opc {OPC} --rand {RAND}");
    let from_amf = format!("--from k-amf={K_AMF}");
    // Option, where it changes the key, where it is of no use.
    for (option, used, unused) in [
        (
            "--nea 1",
            format!("K_NASenc {from_amf}"),
            format!("K_NASint {from_amf}"),
        ),
        (
            "--nia 1",
            format!("K_NASint {from_amf}"),
            format!("K_NASenc {from_amf}"),
        ),
        (
            "--as-nea 1",
            format!("K_UPenc {from_amf}"),
            format!("K_NASenc {from_amf}"),
        ),
        (
            "--as-nia 1",
            format!("K_RRCint {from_amf}"),
            format!("K_NASint {from_amf}"),
        ),
        (
            "--ul-nas-count 1",
            format!("K_gNB {from_amf}"),
            format!("K_NASint {from_amf}"),
        ),
        (
            "--abba 0001",
            format!("K_AMF {card} --sqn 32 --plmn 001-01 --supi {SUPI}"),
            format!("K_gNB {from_amf}"),
        ),
        (
            "--supi imsi-001010000000002",
            format!("K_AMF --from k-seaf={K_AMF}"),
            format!("K_eNB {card} --sqn 32 --plmn 001-01"),
        ),
        (
            "--plmn 001-01",
            format!("K_SEAF --from k-ausf={K_AMF}"),
            format!("CK {card}"),
        ),
        (
            "--serving-network-name 5G:mnc001.mcc001.3gppnetwork.org",
            format!("K_SEAF --from k-ausf={K_AMF}"),
            format!("K_gNB {from_amf}"),
        ),
        (
            "--nid 000007ed9d5",
            format!("K_AUSF {card} --sqn 32 --plmn 001-01"),
            format!("K_ASME {card} --sqn 32 --plmn 001-01"),
        ),
        ("--sqn 32", format!("K_ASME {card} --plmn 001-01"), format!("CK {card}")),
        ("--autn 95ea6c4431638000", String::new(), format!("K_gNB {from_amf}")),
        (
            "--amf 8000",
            String::new(),
            format!("K_ASME {card} --sqn 32 --plmn 001-01"),
        ),
        (
            &format!("--rand {RAND}") as &str,
            format!("RES* --from ck-ik={K_AMF} --plmn 001-01 -i res=00112233"),
            format!("K_gNB {from_amf}"),
        ),
        (&card as &str, "CK".to_owned(), format!("K_gNB {from_amf}")),
    ] {
        let name = option.split(' ').next().expect("an option");
        let option = if name == "--autn" {
            "--autn 95ea6c4431638000e3d6d41ad4bcd7b4"
        } else {
            option
        };
        if !used.is_empty() {
            place.kaskade(&format!("derive {used} {option}")).ok();
            let other = place.kaskade(&format!("derive {used}"));
            // Without it either a default enters, or it is missing.
            if other.success {
                let with = derived(&place, &format!("{used} {option}"));
                assert_ne!(with, derived(&place, &used), "{option} changes nothing of {used}");
            }
        }
        let said = place.kaskade(&format!("derive {unused} {option}")).refused();
        assert!(
            said.contains(name) && said.contains("does not use"),
            "{unused} {option}\n{said}"
        );
    }
    // Of an AUTN without K the first octets are an input; with K its MAC-A is checked, which is a use.
    let autn = document(
        &place,
        &format!("K_ASME --from ck-ik={K_AMF} --plmn 001-01 --autn 95ea6c4431638000e3d6d41ad4bcd7b4"),
    );
    let text = document(
        &place,
        &format!("K_ASME --from ck-ik={K_AMF} --plmn 001-01 -i sqn-xor-ak=95ea6c443163"),
    );
    assert_eq!(autn["keys"], text["keys"]);
    // K without a challenge, and options of one 5G AKA run that ends above them.
    let said = place
        .kaskade(&format!("derive K_gNB {from_amf} --k {K} --opc {OPC}"))
        .refused();
    assert!(said.contains("--k needs --rand"), "{said}");
    for option in [
        "--nea 1",
        "--nia 1",
        "--as-nea 1",
        "--as-nia 1",
        "--ul-nas-count 1",
        "--abba 0000",
    ] {
        let said = place
            .kaskade(&format!("derive {card} --sqn 32 --plmn 001-01 {option}"))
            .refused();
        let name = option.split(' ').next().expect("an option");
        assert!(said.contains(name) && said.contains("--supi"), "{said}");
    }
    let said = place
        .kaskade(&format!("derive --all {from_amf} --supi {SUPI} -i pci=3"))
        .refused();
    assert!(said.contains("--input pci, --supi"), "{said}");
}

#[test]
fn an_option_and_an_input_that_contradict_each_other_are_refused() {
    let place = Place::new();
    let card = card();
    let from_amf = format!("--from k-amf={K_AMF}");
    for (line, named) in [
        (
            format!("K_NASenc {from_amf} -i ciphering-algorithm-identity=2 --nea 1"),
            ["--input ciphering-algorithm-identity", "--nea"],
        ),
        (
            format!("K_NASint {from_amf} -i k-nasint.integrity-algorithm-identity=2 --nia 1"),
            ["--input k-nasint.integrity-algorithm-identity", "--nia"],
        ),
        (
            format!("K_UPenc {from_amf} -i ciphering-algorithm-identity=2 --as-nea 1"),
            ["--input ciphering-algorithm-identity", "--as-nea"],
        ),
        (
            format!("K_UPint {from_amf} -i integrity-algorithm-identity=2 --as-nia 1"),
            ["--input integrity-algorithm-identity", "--as-nia"],
        ),
        (
            format!("K_gNB {from_amf} -i uplink-nas-count=2 --ul-nas-count 1"),
            ["--input uplink-nas-count", "--ul-nas-count"],
        ),
        (
            format!("K_AMF {card} --supi {SUPI} -i supi=imsi-001010000000002"),
            ["--input supi", "--supi"],
        ),
        (
            format!("K_AMF {card} --supi {SUPI} --abba 0000 -i abba=0001"),
            ["--input abba", "--abba"],
        ),
        (
            format!("K_AUSF {card} -i serving-network-name=001-02"),
            ["--input serving-network-name", "--plmn"],
        ),
        (format!("K_ASME {card} -i sn-id=001-02"), ["--input sn-id", "--plmn"]),
        (
            format!("K_ASME {card} -i sqn-xor-ak=000000000000"),
            ["--input sqn-xor-ak", "--sqn"],
        ),
        (
            format!("RES* --k {K} --opc {OPC} --rand {RAND} --plmn 001-01 -i res=00112233"),
            ["--input res", "--rand"],
        ),
        (format!("K_ASME {card} --from ck-ik={K_AMF}"), ["--from ck-ik", "--k"]),
        (
            format!("K_AMF --from k-seaf={K_AMF} --from k-seaf={K_ASME}"),
            ["K_SEAF is given twice", "--from k-seaf"],
        ),
        (
            format!("K_gNB {from_amf} -i uplink-nas-count=1 -i uplink-nas-count=2"),
            ["--input uplink-nas-count", "twice"],
        ),
    ] {
        let said = place.kaskade(&format!("derive {line}")).refused();
        assert!(named.iter().all(|name| said.contains(name)), "{line}\n{said}");
    }
    // The same said twice is no contradiction, and an input goes before a default.
    let nea1 = "64dc03c35cbdb7a7091f30088bdc89e8";
    is(
        &place,
        &format!("K_NASenc {from_amf} --nea 1 -i ciphering-algorithm-identity=NEA1"),
        "K_NASenc",
        nea1,
    );
    is(
        &place,
        &format!("K_NASenc {from_amf} -i ciphering-algorithm-identity=1"),
        "K_NASenc",
        nea1,
    );
    // A default that entered is said.
    let document = document(&place, &format!("K_UPenc {from_amf} --as-nea 3"));
    assert_eq!(document["defaults"], serde_json::json!(["--ul-nas-count 0"]));
    let text = place.kaskade(&format!("derive K_UPenc {from_amf}")).ok();
    assert!(text.contains("By default: --ul-nas-count 0, --nea 2"), "{text}");
}

/// RES has 4 to 16 octets, as the algorithm set decides.
#[test]
fn res_has_the_length_that_its_set_gives_it() {
    let place = Place::new();
    for octets in 1..=20 {
        let res = "a5".repeat(octets);
        let ran = place.kaskade(&format!("derive SRES --from res={res} --json"));
        if (4..=16).contains(&octets) {
            ran.ok();
        } else {
            let said = ran.refused();
            assert!(said.contains("RES: ") && said.contains("from 8 to 32"), "{said}");
        }
    }
    // c2 of TS 33.102 6.8.1.2: the four words of RES, filled up with zeros, one over the other.
    is(&place, "SRES --from res=00112233", "SRES", "00112233");
    is(&place, "SRES --from res=0011223344556677", "SRES", "44444444");
    is(&place, "SRES --from res=001122334455", "SRES", "44442233");
    is(
        &place,
        "SRES --from res=000102030405060708090a0b0c0d0e0f",
        "SRES",
        "00000000",
    );
    let k256 = "aa".repeat(32);
    let topc = format!("--topc {}", "bb".repeat(32));
    for (set, octets) in [
        (format!("--k {K} --opc {OPC}"), 8),
        (format!("--algorithm xor --k {K}"), 16),
        (format!("--algorithm xor --res-octets 5 --k {K}"), 5),
        (format!("--algorithm tuak {topc} --k {K}"), 8),
        (format!("--algorithm tuak --res-octets 4 {topc} --k {k256}"), 4),
        (format!("--algorithm tuak --res-octets 16 {topc} --k {k256}"), 16),
    ] {
        let res = document(&place, &format!("RES --rand {RAND} {set}"));
        let res = &res["keys"][0];
        assert_eq!(
            (&res["octets"], res["value"].as_str().expect("a value").len()),
            (&octets.into(), 2 * octets),
            "{set}"
        );
        // Without --reveal the length is said all the same, in the whole run too.
        let line = format!("derive --rand {RAND} {set} --sqn 32 --plmn 001-01 --json");
        let whole: Value = serde_json::from_str(&place.kaskade(&line).ok()).expect("JSON");
        let mut keys = whole["keys"].as_array().expect("keys").iter();
        let res = keys.find(|key| key["name"] == "RES").expect("RES");
        assert_eq!(res["octets"], octets, "{set}");
        // And RES* takes it.
        document(&place, &format!("RES* --rand {RAND} {set} --plmn 001-01"));
    }
    let page = place.kaskade("explain RES").ok();
    assert!(page.contains("4 to 16 octets (32 to 128 bits)"), "{page}");
}

/// Whatever name `explain` lists, `derive` knows: keys, and derivations' own names.
#[test]
fn derive_knows_every_name_that_explain_lists() {
    let place = Place::new();
    let listed: Value = serde_json::from_str(&place.kaskade("explain --json").ok()).expect("JSON");
    let rows = listed["derivations"].as_array().expect("derivations");
    let mut names: Vec<&str> = rows
        .iter()
        .flat_map(|row| [row["name"].as_str(), row["named"].as_str()])
        .flatten()
        .collect();
    names.extend(
        listed["keys"]
            .as_array()
            .expect("keys")
            .iter()
            .filter_map(|key| key["name"].as_str()),
    );
    names.sort_unstable();
    names.dedup();
    assert!(names.len() > 120, "{}", names.len());
    for name in names {
        place.run(["explain", name]).ok();
        let said = place.run(["derive", name]).refused();
        assert!(
            !said.contains("is no key") && !said.contains("did you mean"),
            "{name}: {said}"
        );
        if name != tree::ROOT {
            let octets = "11".repeat(200);
            let said = place
                .run(["derive", "K_NASint", "--from", &format!("{name}={octets}1")])
                .refused();
            assert!(!said.contains("is no key"), "{name}: {said}");
        }
    }
    // Each derivation by its own name, from its parent.
    for row in tree::rows().filter(|row| row.named != row.child) {
        if let Rule::AlgorithmSet(_) = row.rule {
            continue;
        }
        let shell = row.named.to_lowercase().replace('*', "-star").replace('\'', "-prime");
        for name in [row.named, &shell] {
            let from = format!("{}={}", row.parent, "11".repeat(usize::from(row.parent_octets)));
            let mut arguments = vec![
                "derive".to_owned(),
                name.to_owned(),
                "--from".to_owned(),
                from,
                "--json".to_owned(),
            ];
            for (spec, form) in row.texts() {
                arguments.extend(["--input".to_owned(), format!("{}={}", spec.option(), form.example)]);
            }
            for key in row.keys() {
                arguments.extend(["--from".to_owned(), format!("{}={}", key[0], "11".repeat(32))]);
            }
            let document: Value = serde_json::from_str(&place.run(&arguments).ok()).expect("JSON");
            let last = document["keys"]
                .as_array()
                .expect("keys")
                .last()
                .expect("a key")
                .clone();
            assert_eq!(
                (&last["named"], &last["parent"]),
                (&row.named.into(), &row.parent.into()),
                "{arguments:?}"
            );
        }
    }
}

#[test]
fn a_path_is_the_usual_way() {
    let place = Place::new();
    let path = |line: &str| -> Vec<String> {
        let document: Value =
            serde_json::from_str(&place.kaskade(&format!("explain {line} --json")).ok()).expect("JSON");
        let rows = document["derivations"].as_array().expect("derivations").iter();
        rows.map(|row| row["name"].as_str().expect("a name").to_owned())
            .collect()
    };
    assert_eq!(path("K_gNB --path K"), ["CK||IK", "K_AUSF", "K_SEAF", "K_AMF", "K_gNB"]);
    assert_eq!(path("K_NASint --path ck-ik"), ["K_AUSF", "K_SEAF", "K_AMF", "K_NASint"]);
    assert_eq!(path("EMSK --path K"), ["CK||IK", "CK'||IK'", "MK (EAP-AKA')", "EMSK"]);
    assert_eq!(path("K_NASint --path K_ASME"), ["K_NASint (EPS)"]);
    assert_eq!(path("K_NASint --path K_ASME --via 0x75"), ["K_AMF", "K_NASint"]);
    assert_eq!(path("K_eNB* --path K_eNB"), ["K_eNB"]);
    let said = place.kaskade("explain K_gNB --path K_ASME").refused();
    assert!(said.contains("--via 0x75 ") && said.contains("--via 0x76 "), "{said}");
    for key in tree::keys() {
        let page = place
            .run(["explain", key])
            .ok()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        if let Some(rows) = tree::path(tree::ROOT, key).filter(|rows| !rows.is_empty()) {
            let chain: Vec<&str> = rows.iter().map(|row| row.child).collect();
            let chain = format!("From K K → {}", chain.join(" → "));
            assert!(page.contains(&chain), "{chain}\n{page}");
        }
    }
}
