//! The usual ways, against the specifications: the chains below are written from TS 33.102, 33.401, 33.501, 33.535, 33.220,
//! 33.163, 33.503, 33.533 and RFCs 9048, 9678, 5295 and 6696, not from the rows.
#![allow(clippy::unwrap_used, missing_docs)]

use kaskade_keys::derivation::Given;
use kaskade_keys::tree::{self, Search, Target};

/// The chain above each key; a name that stands before a colon is where the chain begins.
const FROM_K: &[(&str, &[&str])] = &[
    // TS 33.102 6.3: the authentication vector.
    ("K", &["RES", "CK", "IK", "AK", "CK||IK"]),
    // TS 33.102 6.8, Annex B; TS 43.020 H.6.
    ("K RES", &["SRES"]),
    (
        "K CK||IK",
        &["Kc", "Kc128", "Ki128", "CK'_CS||IK'_CS", "CK'_PS||IK'_PS"],
    ),
    ("K CK||IK Kc", &["CK||IK (GSM)", "Kc (4 times)"]),
    ("K CK||IK CK'_CS||IK'_CS", &["Kc'"]),
    // TS 33.401 6.2, Annex A.
    ("K CK||IK", &["K_ASME"]),
    (
        "K CK||IK K_ASME",
        &[
            "K_NASenc (EPS)",
            "K_NASint (EPS)",
            "K_eNB",
            "NH (EPS)",
            "NAS-token",
            "CK'||IK' (UTRAN)",
            "CK_SRVCC||IK_SRVCC",
        ],
    ),
    (
        "K CK||IK K_ASME K_eNB",
        &[
            "K_RRCenc (EPS)",
            "K_RRCint (EPS)",
            "K_UPenc (EPS)",
            "K_UPint (EPS)",
            "S-K_eNB",
            "S-K_gNB",
            "S-K_WT",
            "LWIP-PSK",
        ],
    ),
    ("K CK||IK K_ASME K_eNB S-K_eNB", &["K_UPenc (SeNB)"]),
    (
        "K CK||IK K_ASME K_eNB S-K_gNB",
        &["K_RRCenc (SgNB)", "K_RRCint (SgNB)", "K_UPenc (SgNB)", "K_UPint (SgNB)"],
    ),
    // TS 33.501 6.2, Annex A: 5G AKA.
    ("K CK||IK", &["K_AUSF", "RES*", "XRES*"]),
    ("K CK||IK RES*", &["HRES*"]),
    ("K CK||IK XRES*", &["HXRES*"]),
    (
        "K CK||IK K_AUSF",
        &[
            "K_SEAF",
            "SoR-MAC-I_AUSF",
            "SoR-MAC-I_UE",
            "UPU-MAC-I_AUSF",
            "UPU-MAC-I_UE",
        ],
    ),
    ("K CK||IK K_AUSF K_SEAF", &["K_AMF"]),
    (
        "K CK||IK K_AUSF K_SEAF K_AMF",
        &[
            "K_NASenc",
            "K_NASint",
            "K_gNB",
            "NH",
            "K_N3IWF",
            "K_TNGF",
            "K_TWIF",
            "K_WAGF",
            "K_ASME_SRVCC",
        ],
    ),
    (
        "K CK||IK K_AUSF K_SEAF K_AMF K_gNB",
        &["K_RRCenc", "K_RRCint", "K_UPenc", "K_UPint", "K_SN", "K_IAB"],
    ),
    (
        "K CK||IK K_AUSF K_SEAF K_AMF K_gNB K_SN",
        &["K_RRCenc (SN)", "K_RRCint (SN)", "K_UPenc (SN)", "K_UPint (SN)"],
    ),
    ("K CK||IK K_AUSF K_SEAF K_AMF K_TNGF", &["K_TIPSec", "K_TNAP", "K_FT"]),
    // TS 33.501 6.1.3.1, RFC 9048: EAP-AKA'.
    ("K CK||IK", &["CK'||IK'"]),
    ("K CK||IK CK'||IK'", &["MK (EAP-AKA')", "MK_ECDHE"]),
    (
        "K CK||IK CK'||IK' MK (EAP-AKA')",
        &["K_encr", "K_aut", "K_re", "MSK", "EMSK"],
    ),
    ("K CK||IK CK'||IK' MK (EAP-AKA') K_re", &["MK (EAP-AKA' re-auth)"]),
    ("K CK||IK CK'||IK' MK (EAP-AKA') MSK", &["PMK"]),
    (
        "K CK||IK CK'||IK' MK (EAP-AKA') EMSK",
        &["USRK", "DSRK", "rRK", "DSRK delivery authorization key", "K_AUSF_P"],
    ),
    // Project profile 5G-AKA-EMSK-1.
    ("K CK||IK K_AUSF", &["MK (5G AKA)"]),
    ("K CK||IK K_AUSF MK (5G AKA)", &["MSK (5G AKA)", "EMSK (5G AKA)"]),
    ("K CK||IK CK'||IK' MK (EAP-AKA') EMSK DSRK", &["DSUSRK"]),
    ("K CK||IK CK'||IK' MK (EAP-AKA') EMSK rRK", &["rIK", "rMSK"]),
    (
        "K CK||IK CK'||IK' MK (EAP-AKA') EMSK K_AUSF_P",
        &["CP-PRUK", "CP-PRUK ID*"],
    ),
    ("K CK||IK CK'||IK' MK (EAP-AKA') EMSK K_AUSF_P CP-PRUK", &["K_NR_ProSe"]),
    // RFC 4187: EAP-AKA.
    ("K CK||IK", &["MK (EAP-AKA)"]),
    ("K CK||IK MK (EAP-AKA)", &["K_aut (EAP-AKA)", "XKEY'"]),
    // TS 33.535, TS 33.220, TS 33.163, TR 33.863.
    ("K CK||IK K_AUSF", &["K_AKMA", "A-TID"]),
    ("K CK||IK K_AUSF K_AKMA", &["K_AF"]),
    ("K CK||IK K_AUSF K_AKMA K_AF", &["OSCORE master secret (AKMA)"]),
    ("K CK||IK", &["Ks", "e2m_int_key", "K_HSE"]),
    ("K CK||IK Ks", &["Ks_NAF", "Ks_ext_NAF", "Ks_int_NAF", "TMPI"]),
    ("K CK||IK e2m_int_key", &["e2m_key"]),
];

/// The chains of what does not come from K.
const FROM_ELSEWHERE: &[(&str, &[&str])] = &[
    ("H(A1)", &["passwd", "Ks (GBA_Digest)"]),
    ("UP-PRUK", &["K_NRP"]),
    ("UP-PRUK K_NRP", &["K_NRP-sess"]),
    ("UP-PRUK K_NRP K_NRP-sess", &["NRPEK", "NRPIK"]),
    ("discovery key", &["DCR keystream"]),
    ("PGK", &["PTK"]),
    ("SLPK", &["K_SLP"]),
    ("SLPGK", &["SLPTK"]),
    ("SLPGK SLPTK", &["SLPEK", "SLPIK"]),
];

/// Keys' names have blanks in them, so a chain is read by the names that there are.
fn names(chain: &str) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = Vec::new();
    let mut rest = chain.trim();
    while !rest.is_empty() {
        let fits =
            |key: &&'static str| rest == *key || rest.strip_prefix(key).is_some_and(|rest| rest.starts_with(' '));
        let mut keys: Vec<&'static str> = tree::keys().into_iter().filter(fits).collect();
        keys.sort_by_key(|key| key.len());
        let key = keys.pop().unwrap();
        rest = rest[key.len()..].trim_start();
        names.push(key);
    }
    names
}

fn chain(rows: &[&'static kaskade_keys::derivation::Row]) -> Vec<&'static str> {
    let first = rows.first().map(|row| row.parent);
    first.into_iter().chain(rows.iter().map(|row| row.child)).collect()
}

/// The ways that are equally usual, as chains.
fn usual(from: &str, name: &str) -> Vec<Vec<&'static str>> {
    let have = |key: &str| key == from;
    let ways = Search::new(&have, true).usual(&tree::targets(name));
    ways.iter().map(|(_, way)| chain(&way.chain())).collect()
}

#[test]
fn every_key_has_the_usual_chain_of_its_specification() {
    let mut seen: Vec<&str> = Vec::new();
    for (above, keys) in FROM_K.iter().chain(FROM_ELSEWHERE) {
        let above = names(above);
        for key in *keys {
            seen.push(key);
            let expected: Vec<&str> = above.iter().copied().chain([*key]).collect();
            // From the root, and from every key on the way: CK||IK, K_ASME, K_AMF, CK'||IK', …
            for (at, from) in above.iter().enumerate() {
                let rows = tree::path(from, key).unwrap();
                assert_eq!(chain(&rows), expected[at..], "{key} from {from}");
                let all = usual(from, key);
                if *key == "K_HSE" {
                    continue;
                }
                assert_eq!(all, [expected[at..].to_vec()], "{key} from {from}");
            }
        }
    }
    for key in tree::keys() {
        let comes_from_elsewhere = tree::parent(key).is_none();
        assert!(seen.contains(&key) != comes_from_elsewhere, "{key} has no expectation");
    }
}

/// What the last derivation of the usual way is, where a parent makes the child in several ways.
#[test]
fn the_usual_derivation_is_the_one_of_the_first_authentication() {
    for (child, parent, clause) in [
        ("K_ASME", "CK||IK", "TS 33.401 A.2"),
        ("K_AUSF", "CK||IK", "TS 33.501 A.2"),
        ("K_AMF", "K_SEAF", "TS 33.501 A.7"),
        ("K_gNB", "K_AMF", "TS 33.501 A.9"),
        ("K_eNB", "K_ASME", "TS 33.401 A.3"),
        ("CK'||IK'", "CK||IK", "TS 33.501 A.3"),
        ("EMSK", "MK (EAP-AKA')", "RFC 9048 3.3"),
        ("MSK", "MK (EAP-AKA')", "RFC 9048 3.3"),
        ("K_encr", "MK (EAP-AKA')", "RFC 9048 3.3"),
        ("K_re", "MK (EAP-AKA')", "RFC 9048 3.3"),
        ("CK'||IK' (UTRAN)", "K_ASME", "TS 33.401 A.8"),
        ("CK_SRVCC||IK_SRVCC", "K_ASME", "TS 33.401 A.12"),
        ("K_TNAP", "K_TNGF", "TS 33.501 A.22"),
        ("K_IAB", "K_gNB", "TS 33.501 A.23"),
        ("rRK", "EMSK", "RFC 6696 4.1"),
    ] {
        let usual: Vec<_> = tree::makers(child).filter(|row| tree::is_usual(row)).collect();
        assert_eq!(usual.len(), 1, "{child}");
        assert_eq!((usual[0].parent, usual[0].clause), (parent, clause), "{child}");
    }
    let of_hse: Vec<_> = tree::makers("K_HSE").filter(|row| tree::is_usual(row)).collect();
    assert_eq!(
        of_hse.len(),
        2,
        "TS 33.163: by 5G AKA or by EAP-AKA', and the inputs are the same"
    );
}

/// From the middle of one system, a name means that system's key; where no way is usual, all that are left are given.
#[test]
fn from_a_key_of_one_system_a_name_means_its_own_keys() {
    for (from, name, expected) in [
        ("K_ASME", "K_NASint", vec!["K_ASME K_NASint (EPS)"]),
        ("K_ASME", "K_NASenc", vec!["K_ASME K_NASenc (EPS)"]),
        ("K_ASME", "NH", vec!["K_ASME NH (EPS)"]),
        ("K_ASME", "K_RRCenc", vec!["K_ASME K_eNB K_RRCenc (EPS)"]),
        ("K_ASME", "K_RRCint", vec!["K_ASME K_eNB K_RRCint (EPS)"]),
        ("K_ASME", "K_UPenc", vec!["K_ASME K_eNB K_UPenc (EPS)"]),
        ("K_ASME", "K_UPint", vec!["K_ASME K_eNB K_UPint (EPS)"]),
        ("K_eNB", "K_UPenc", vec!["K_eNB K_UPenc (EPS)"]),
        ("S-K_eNB", "K_UPenc", vec!["S-K_eNB K_UPenc (SeNB)"]),
        ("S-K_gNB", "K_RRCint", vec!["S-K_gNB K_RRCint (SgNB)"]),
        ("K_SN", "K_UPint", vec!["K_SN K_UPint (SN)"]),
        ("K_AMF", "K_NASint", vec!["K_AMF K_NASint"]),
        ("K_AMF", "NH", vec!["K_AMF NH"]),
        ("K_gNB", "K_UPenc", vec!["K_gNB K_UPenc"]),
        ("CK||IK", "K_NASint", vec!["CK||IK K_AUSF K_SEAF K_AMF K_NASint"]),
        // TS 33.501 A.14 and A.15: idle mode or handover.
        ("K_ASME", "K_AMF", vec!["K_ASME K_AMF"; 2]),
        ("K_ASME", "K_gNB", vec!["K_ASME K_AMF K_gNB"; 2]),
        ("K_AMF", "K_ASME", vec!["K_AMF K_ASME"; 2]),
        ("K_AMF", "K_eNB", vec!["K_AMF K_ASME K_eNB"; 2]),
        ("K_AMF", "K_NASint (EPS)", vec!["K_AMF K_ASME K_NASint (EPS)"; 2]),
        // TS 33.401 A.5, TS 33.501 A.11, A.12: from the key in use or from a fresh NH, to a gNB or an ng-eNB.
        ("K_eNB", "K_eNB*", vec!["K_eNB K_eNB"]),
        ("K_ASME", "K_eNB*", vec!["K_ASME NH (EPS) K_eNB", "K_ASME K_eNB K_eNB"]),
        ("NH", "K_NG-RAN*", vec!["NH K_gNB"; 2]),
        (
            "K_AMF",
            "K_NG-RAN*",
            vec![
                "K_AMF K_gNB K_gNB",
                "K_AMF K_gNB K_gNB",
                "K_AMF NH K_gNB",
                "K_AMF NH K_gNB",
            ],
        ),
        ("K_AMF", "K_AMF'", vec!["K_AMF K_AMF"]),
        ("K_ASME", "K_AMF'", vec!["K_ASME K_AMF"; 2]),
        ("K_AMF", "K_ASME'", vec!["K_AMF K_ASME"; 2]),
        // RFC 4187 and RFC 9048 call their master keys MK, that of re-authentication as well; so does the profile for 5G AKA.
        (
            "CK||IK",
            "MK",
            vec![
                "CK||IK CK'||IK' MK (EAP-AKA')",
                "CK||IK CK'||IK' MK (EAP-AKA') K_re MK (EAP-AKA' re-auth)",
                "CK||IK K_AUSF MK (5G AKA)",
                "CK||IK MK (EAP-AKA)",
            ],
        ),
        ("K_re", "MK", vec!["K_re MK (EAP-AKA' re-auth)"]),
        // TS 33.501 6.1.3.1 and I.2.2.2: of EAP-AKA' the EMSK, not the MSK; of another method what it gives.
        ("CK'||IK'", "K_AUSF", vec!["CK'||IK' MK (EAP-AKA') EMSK K_AUSF"]),
        ("EMSK", "K_AUSF", vec!["EMSK K_AUSF"]),
        ("MSK", "K_AUSF", vec!["MSK K_AUSF"]),
        ("K_TWIF", "K_TNAP", vec!["K_TWIF K_TNAP"]),
        ("CK'_PS||IK'_PS", "K_ASME", vec!["CK'_PS||IK'_PS K_ASME"]),
        ("DSRK", "rRK", vec!["DSRK rRK"]),
        ("Kc", "Kc'", vec!["Kc Kc (4 times) Kc'"]),
    ] {
        let mut expected: Vec<Vec<&str>> = expected.iter().map(|chain| names(chain)).collect();
        let mut found = usual(from, name);
        expected.sort();
        found.sort();
        assert_eq!(found, expected, "{name} from {from}");
    }
    for (from, name) in [("MK (EAP-AKA)", "K_AUSF"), ("K_gNB", "K_AMF"), ("K_UPenc", "K_RRCenc")] {
        assert!(usual(from, name).is_empty(), "{name} from {from}");
    }
}

/// A way is made of derivations that fit together, and each key in it is made in one way only.
#[test]
fn every_way_can_be_gone() {
    let mut ways = 0;
    for from in ["CK||IK", "K_ASME", "K_AMF", "K_gNB", "CK'||IK'", "MSK"] {
        let have = |key: &str| key == from;
        let search = Search::new(&have, false);
        for key in tree::keys() {
            let all = search.ways(Target::key(key), tree::MOST_UNUSUAL);
            for (at, way) in all.iter().enumerate() {
                ways += 1;
                assert!(!all[..at].contains(way), "{:?} twice", chain(&way.chain()));
                let rows = way.chain();
                assert_eq!((rows[0].parent, rows.last().unwrap().child), (from, key));
                assert!(
                    rows.windows(2).all(|pair| pair[0].child == pair[1].parent),
                    "{:?}",
                    chain(&rows)
                );
                let mut at_hand = vec![from];
                let mut made: Vec<&str> = Vec::new();
                for step in way.steps() {
                    assert!(at_hand.contains(&step.row.parent), "{}", step.row.child);
                    for (source, spec) in step.keys.iter().zip(step.row.keys()) {
                        assert!(spec.contains(&source.name()));
                        let missing = matches!(source, tree::Source::Missing(_));
                        assert!(missing || at_hand.contains(&source.name()), "{}", step.row.child);
                    }
                    // A handover makes the next key of the same name, from the first or from the NH that goes with it.
                    let renews = step.row.named.ends_with(['*', '\'']) && !tree::is_usual(step.row);
                    assert!(renews || !made.contains(&step.row.child), "{} twice", step.row.child);
                    made.push(step.row.child);
                    at_hand.push(step.row.child);
                }
                let keys = way
                    .row
                    .parameters
                    .iter()
                    .filter(|spec| matches!(spec.given, Given::Key(_)));
                assert_eq!(keys.count(), way.keys.len());
            }
        }
    }
    assert!(ways > 1000, "{ways}");
}

/// A shell takes stars and apostrophes for its own; people write primes in many ways, or leave out what is no letter.
#[test]
fn a_name_is_found_as_people_write_it() {
    let spell = |name: &str, prime: &str, star: &str| {
        let name = name.replace('\'', prime).replace('*', star);
        name.split(['_', '|', ' ', '(', ')'])
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join("-")
    };
    let mut names: Vec<&str> = tree::keys();
    names.extend(tree::rows().map(|row| row.named));
    for name in names {
        let meant = tree::targets(name);
        assert_eq!(meant[0].name(), name);
        for (prime, star) in [
            ("'", "*"),
            ("-prime-", "-star-"),
            ("\u{2019}", "\u{2217}"),
            ("\u{2032}", "*"),
            ("prime", "star"),
        ] {
            let written = spell(name, prime, star).trim_end_matches('-').to_owned();
            for written in [
                written.to_lowercase(),
                written.to_uppercase(),
                written.replace('-', "_"),
            ] {
                assert_eq!(tree::targets(&written), meant, "{written}");
            }
        }
    }
    for (written, name) in [
        ("k-enb-star", "K_eNB*"),
        ("kamf'", "K_AMF'"),
        ("K-NG-RAN-STAR", "K_NG-RAN*"),
        ("k'asme", "K'_ASME"),
    ] {
        assert_eq!(tree::targets(written)[0].named, Some(name), "{written}");
    }
    assert!(tree::targets("KNG").is_empty());
}
