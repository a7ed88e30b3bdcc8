//! The hierarchy as a graph.
#![allow(clippy::unwrap_used, missing_docs)]

use kaskade_keys::derivation::{Given, Rule};
use kaskade_keys::tree;

#[test]
fn names_are_found_however_they_are_written() {
    for (written, key) in [
        ("K_AMF", "K_AMF"),
        ("kamf", "K_AMF"),
        ("k-amf", "K_AMF"),
        ("KNG-ran", ""),
    ] {
        assert_eq!(tree::find(written).unwrap_or_default(), key, "{written}");
    }
    let keys = tree::keys();
    for key in &keys {
        assert_eq!(tree::find(key), Some(*key));
        let lower = key.to_lowercase().replace('_', "-");
        assert_eq!(tree::find(&lower), Some(*key), "{lower}");
    }
}

/// Keys that come from elsewhere: from key management functions of PC5, from passwords, and from ephemeral keys.
const OUTSIDE: [&str; 8] = [
    "UP-PRUK",
    "discovery key",
    "PGK",
    "SLPK",
    "SLPGK",
    "H(A1)",
    "TLS_MK_Extr",
    "ECDHE shared secret",
];

#[test]
fn every_key_comes_from_k_or_from_a_known_place_outside() {
    for key in OUTSIDE {
        assert!(tree::keys().contains(&key) && tree::parent(key).is_none(), "{key}");
    }
    for key in tree::keys() {
        let mut roots = [tree::ROOT].into_iter().chain(OUTSIDE);
        assert!(
            roots.any(|root| tree::path(root, key).is_some()),
            "no chain of derivations to {key}"
        );
    }
    let path: Vec<_> = tree::path("K_AUSF", "K_RRCenc")
        .unwrap()
        .iter()
        .map(|row| row.child)
        .collect();
    assert_eq!(path, ["K_SEAF", "K_AMF", "K_gNB", "K_RRCenc"]);
    assert!(tree::path("K_gNB", "K_AMF").is_none(), "no way up");
    assert!(tree::path("K_AMF", "K_AMF").unwrap().is_empty());
}

#[test]
fn keys_fall_downwards_only_and_only_with_all_secrets() {
    let everything = tree::keys().len() - 1;
    let mut roots = vec!["K"];
    roots.extend(OUTSIDE);
    assert_eq!(
        tree::fallen(&roots).len() + OUTSIDE.len(),
        everything,
        "K brings all down that is not from elsewhere"
    );
    let of_k = tree::fallen(&["K"]);
    assert!(of_k.contains(&"K_AF") && of_k.contains(&"rMSK") && !of_k.contains(&"PTK"));
    assert!(
        of_k.contains(&"MK (EAP-AKA')") && !of_k.contains(&"MK_ECDHE"),
        "forward secrecy: K alone does not bring it down"
    );
    let of_k_gnb = tree::fallen(&["K_gNB"]);
    assert!(of_k_gnb.contains(&"K_UPenc") && of_k_gnb.contains(&"K_SN"));
    assert!(!of_k_gnb.contains(&"NH") && !of_k_gnb.contains(&"K_AMF"));
    assert!(!tree::fallen(&["CK"]).contains(&"CK||IK"), "IK is needed too");
    assert!(
        tree::fallen(&["K_ASME"]).contains(&"NH (EPS)"),
        "its SYNC-input comes from K_ASME as well"
    );
    assert!(tree::fallen(&["K_UPenc"]).is_empty());
}

#[test]
fn every_row_is_complete() {
    let keys = tree::keys();
    for row in tree::rows() {
        let name = format!("{} → {}", row.parent, row.child);
        assert!(
            row.clause.contains('.') || row.clause.starts_with("RFC ") || row.clause.contains("Annex"),
            "{name}"
        );
        assert!(!row.derived_by.is_empty() && !row.held_by.is_empty(), "{name}: holders");
        assert!(row.about.trim().ends_with('.'), "{name}: documentation");
        assert!(
            !row.life.renewed.is_empty() && !row.life.deleted.is_empty(),
            "{name}: life"
        );
        assert!(row.child_octets >= 4, "{name}: length");
        for spec in row.parameters {
            assert!(!spec.name.is_empty() && !spec.option().is_empty(), "{name}");
            match spec.given {
                Given::Text(form) => {
                    (form.parse)(form.example).unwrap_or_else(|error| panic!("{name}, {}: {error}", spec.name));
                }
                Given::Fixed(octets) => assert!(!octets().is_empty(), "{name}, {}", spec.name),
                Given::Key(names) => assert!(names.iter().all(|key| keys.contains(key)), "{name}, {}", spec.name),
            }
        }
        if let Rule::Kdf(_) = row.rule {
            assert!(matches!(row.child_octets, 8 | 16 | 32), "{name}");
        }
    }
}
