//! Cards and their sequence numbers, as an operator and an emulated UE see them.

use std::fs;

use crate::common::{Place, SUPI, Up};
use serde_json::Value;

const OTHER_K: &str = "00112233445566778899aabbccddeeff";
const OTHER_OPC: &str = "ffeeddccbbaa99887766554433221100";

fn config(place: &Place, more: &str) {
    place.file(
        "kaskade.toml",
        &format!("data_dir = \"data\"\n[policy]\nserving_networks = [\"001-01\"]\n{more}"),
    );
}

fn with_other(place: &Place, line: &str) -> crate::common::Ran {
    let arguments = line.split_whitespace().chain(["--k-file", "-", "--opc-file", "-"]);
    place.run_with(arguments, &format!("{OTHER_K}\n{OTHER_OPC}\n"), |_| {})
}

fn attach(up: &Up, more: &str) -> String {
    format!("ue attach --ausf {} --supi {SUPI} --plmn 001-01 {more}", up.ausf)
}

/// SEQ as an SQN in hexadecimal.
fn sqn(seq: u64) -> String {
    format!("{:012x}", seq << 5)
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

#[test]
fn a_new_card_begins_anew_and_the_old_one_goes_on() {
    let place = Place::new();
    config(&place, "");
    place
        .with_secrets(&format!("subscriber add --supi {SUPI} --data data --sqn 000200000000"))
        .ok();
    // What the issue of locked-out cards was: a card with another K, at 0.
    with_other(&place, &format!("subscriber add --supi {SUPI} --data data --replace")).ok();
    {
        let up = Up::start(&place, "up --config kaskade.toml");
        let attached = json(&with_other(&place, &attach(&up, "--json")).ok());
        assert_eq!(attached["resynchronised"], false, "{attached}");
    }
    place
        .kaskade(&format!("subscriber remove {SUPI} --yes --data data"))
        .ok();
    place
        .with_secrets(&format!("subscriber add --supi {SUPI} --data data --sqn 0"))
        .ok();
    let shown = json(
        &place
            .kaskade(&format!("subscriber show {SUPI} --json --data data"))
            .ok(),
    );
    assert!(shown["highest_sqn"].as_str().expect("hex") >= "000200000000", "{shown}");
}

/// Without `--state` the card begins at 0 each time; cards of other cores stand at other places.
#[test]
fn emulated_and_migrated_cards_attach_again_and_again() {
    let place = Place::new();
    config(&place, "");
    place
        .with_secrets(&format!(
            "subscriber add --supi {SUPI} --data data --sqn {}",
            sqn(1 << 40)
        ))
        .ok();
    for _ in 0..2 {
        let up = Up::start(&place, "up --config kaskade.toml");
        for _ in 0..4 {
            for seq in [0, 788_000_000, 1_790_000_000] {
                place
                    .with_secrets(&attach(&up, &format!("--json --sqn-ms {}", sqn(seq))))
                    .ok();
                place.with_secrets(&attach(&up, "--json")).ok();
            }
        }
    }
}

#[test]
fn a_backup_that_was_put_back_is_skipped_ahead() {
    let place = Place::new();
    config(&place, "");
    let skip = |more: &str| place.kaskade(&format!("store skip-ahead --data data {more}"));
    assert!(skip("--yes").refused().contains("no data folder"));
    place
        .with_secrets(&format!("subscriber add --supi {SUPI} --data data"))
        .ok();
    let backup = place.path("backup");
    fs::copy(place.path("data/subscribers.redb"), &backup).expect("copied");
    {
        let up = Up::start(&place, "up --config kaskade.toml");
        place.with_secrets(&attach(&up, "--state usim.json")).ok();
        assert!(skip("--yes").refused().contains("stop the `kaskade up`"));
    }
    fs::copy(&backup, place.path("data/subscribers.redb")).expect("put back");
    assert!(skip("").refused().contains("--yes"));
    let highest = || {
        let shown = json(
            &place
                .kaskade(&format!("subscriber show {SUPI} --json --data data"))
                .ok(),
        );
        u64::from_str_radix(shown["highest_sqn"].as_str().expect("hex"), 16).expect("hex") >> 5
    };
    let before = highest();
    let ran = skip("--yes --json");
    assert_eq!(ran.stderr, "");
    let done = json(&ran.ok());
    assert_eq!(done["subscribers"].as_u64(), Some(1));
    assert_eq!(done["at_least_seq"].as_u64(), Some(1 << 20));
    let moved = highest() - before;
    assert!((1 << 20..1 << 27).contains(&moved), "{moved}");
    assert!(skip("--yes").ok().contains("1 subscribers"), "twice does no harm");
    let up = Up::start(&place, "up --config kaskade.toml");
    place.with_secrets(&attach(&up, "--state usim.json")).ok();
}

#[test]
fn the_operator_lets_a_card_be_followed() {
    let place = Place::new();
    config(&place, "[sqn]\nreuse = \"never\"\n");
    place
        .with_secrets(&format!("subscriber add --supi {SUPI} --data data"))
        .ok();
    let allow = |more: &str| place.kaskade(&format!("subscriber allow-reuse --data data {more}"));
    assert!(allow(SUPI).refused().contains("--yes"));
    assert!(allow("imsi-001010000000009 --yes").refused().contains("no subscriber"));
    let ran = allow(&format!("{SUPI} --yes"));
    assert_eq!(ran.stderr, "");
    assert!(ran.ok().contains("next fresh AUTS"));
    let again = json(&allow(&format!("{SUPI} --yes --json")).ok());
    assert_eq!(
        (again["was_allowed"].as_bool(), again["sqn_reused"].as_u64()),
        (Some(true), Some(0))
    );
    let shown = place.kaskade(&format!("subscriber show {SUPI} --data data")).ok();
    assert!(shown.contains("Allowed"), "{shown}");
    // A card in step has no use for it, and keeps it.
    let up = Up::start(&place, "up --config kaskade.toml");
    place.with_secrets(&attach(&up, "")).ok();
}

/// With `reuse = "never"` a card below what it has shown stays refused until the operator allows it, however often it asks, and
/// the log says so; what it then gets was never used.
#[test]
fn a_card_below_what_it_has_shown_waits_for_the_operator() {
    for scheme in ["TIME_BASED", "GENERAL", "NON_TIME_BASED"] {
        let place = Place::new();
        config(&place, "[sqn]\nreuse = \"never\"\n");
        place
            .with_secrets(&format!(
                "subscriber add --supi {SUPI} --data data --sqn-scheme {scheme}"
            ))
            .ok();
        let up = Up::start(&place, "up --config kaskade.toml");
        place.with_secrets(&attach(&up, "--sqn-ms 00f000000000")).ok();
        for _ in 0..2 {
            place.with_secrets(&attach(&up, "")).refused();
        }
        let log = up.stop();
        assert!(
            log.contains("below one that this card has shown before") && log.contains("kaskade subscriber allow-reuse"),
            "{scheme}: {log}"
        );
        assert!(
            !log.contains("its answer to the next challenge may be"),
            "{scheme}: {log}"
        );
        place
            .kaskade(&format!("subscriber allow-reuse {SUPI} --yes --data data"))
            .ok();
        let up = Up::start(&place, "up --config kaskade.toml");
        place.with_secrets(&attach(&up, "")).ok();
        let log = up.stop();
        assert!(log.contains("with numbers never used before"), "{scheme}: {log}");
    }
}
