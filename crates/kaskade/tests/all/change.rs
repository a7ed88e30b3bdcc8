//! What changes of a subscriber without its K, and how it is listed.

use serde_json::{Value, json};

use crate::common::{K, OPC, Place, SUPI, Up};

const OTHER: &str = "imsi-001010000000002";

fn shown(place: &Place, who: &str) -> Value {
    let line = format!("subscriber show {who} --json --reveal-gpsi --data data");
    serde_json::from_str(&place.kaskade(&line).ok()).expect("JSON")
}

#[test]
fn a_change_keeps_what_it_does_not_name() {
    for scheme in ["TIME_BASED", "GENERAL", "NON_TIME_BASED"] {
        let place = Place::new();
        place.file(
            "kaskade.toml",
            "data_dir = \"data\"\n[policy]\nserving_networks = [\"001-01\"]\n",
        );
        let add = format!(
            "subscriber add --supi {SUPI} --data data --sqn-scheme {scheme} --sqn 000200000000 --gpsi msisdn-12345 --akma \
             --best separated-umts --eps-profile gold --routing-indicator 0012 --methods eap-aka-prime,5g-aka"
        );
        place.with_secrets(&add).ok();
        let change = |options: &str| place.kaskade(&format!("subscriber change {options} --data data"));
        let mut expected = shown(&place, SUPI);
        // The highest that can have been issued goes with the time, in that scheme.
        let mut highest = String::new();
        let mut stays = |mut now: Value, expected: &Value| {
            let at = now["highest_sqn"].as_str().expect("there").to_owned();
            assert!(*highest <= *at, "{highest} and then {at}");
            if scheme != "TIME_BASED" {
                assert_eq!(at, expected["highest_sqn"], "{scheme}");
            }
            highest = at;
            now["highest_sqn"] = expected["highest_sqn"].clone();
            assert_eq!(now, *expected, "{scheme}");
        };
        change(&format!("{SUPI} --akma no")).ok();
        expected["akma"] = json!(false);
        stays(shown(&place, SUPI), &expected);
        change("msisdn-12345 --gpsi msisdn-54321 --best yes --no-routing-indicator --methods 5g-aka --amf 0000").ok();
        for (name, value) in [
            ("gpsi", json!("msisdn-54321")),
            ("best", json!("yes")),
            ("routing_indicator", Value::Null),
            ("methods", json!(["5g-aka"])),
            ("amf", json!("0000")),
        ] {
            expected[name] = value;
        }
        stays(shown(&place, SUPI), &expected);
        let printed: Value = serde_json::from_str(
            &change(&format!(
                "{SUPI} --no-gpsi --no-eps-profile --best no --routing-indicator 7 --json"
            ))
            .ok(),
        )
        .expect("JSON");
        for (name, value) in [
            ("gpsi", Value::Null),
            ("best", json!("no")),
            ("eps_profile", Value::Null),
            ("routing_indicator", json!("7")),
        ] {
            expected[name] = value;
        }
        stays(printed, &expected);
        stays(shown(&place, SUPI), &expected);
        let log = place.kaskade("audit show --data data").ok();
        assert_eq!(log.matches("subscriber-changed").count(), 3, "{log}");
        // Its card goes on where it was.
        let up = Up::start(&place, "up --config kaskade.toml");
        let attach = format!(
            "ue attach --ausf {} --supi {SUPI} --plmn 001-01 --sqn-ms 000200000000 --json",
            up.ausf
        );
        let attached: Value = serde_json::from_str(&place.with_secrets(&attach).ok()).expect("JSON");
        assert_eq!(attached["resynchronised"], false, "{attached}");
    }
}

#[test]
fn a_change_that_cannot_be_says_why() {
    let place = Place::new();
    place
        .with_secrets(&format!("subscriber add --supi {SUPI} --data data --gpsi msisdn-12345"))
        .ok();
    let line = format!(
        "subscriber add --supi {OTHER} --data data --algorithm comp128v1 --sqn-scheme NON_TIME_BASED --k-file -"
    );
    let added = place.run_with(line.split_whitespace(), &format!("{K}\n"), |_| {});
    assert!(
        added.stderr.contains("no interface of this program gives triplets"),
        "{}",
        added.stderr
    );
    added.ok();
    let before = shown(&place, OTHER);
    let change = |options: &str| {
        place
            .kaskade(&format!("subscriber change {options} --data data"))
            .refused()
    };
    assert!(change(OTHER).contains("required"));
    assert!(change(&format!("{OTHER} --methods 5g-aka")).contains("--methods: 5g-aka needs a USIM"));
    let taken = change(&format!("{OTHER} --gpsi msisdn-12345"));
    assert!(
        taken.contains("belongs to imsi-00101********01") && !taken.contains(SUPI),
        "{taken}"
    );
    assert!(change("imsi-001010000000003 --akma yes").contains("no subscriber imsi-001010000000003"));
    assert!(change(&format!("{OTHER} --gpsi msisdn-99999 --no-gpsi")).contains("cannot be used with"));
    assert_eq!(shown(&place, OTHER), before);
}

#[test]
fn no_row_is_lost_in_silence() {
    let place = Place::new();
    let lines: String = (1..=2001)
        .map(|n| format!("imsi-0010100000{n:05},{K},{OPC},yes\n"))
        .collect();
    place.file("cards.csv", &format!("supi,k,opc,akma\n{lines}"));
    place.kaskade("subscriber import cards.csv --data data").ok();
    let list = |options: &str| place.kaskade(&format!("subscriber list {options} --data data"));
    let all = list("--json");
    assert_eq!(all.stderr, "");
    assert_eq!(all.ok().lines().count(), 2001);
    let some = list("--json --limit 5");
    assert!(
        some.stderr
            .contains("5 of 2001 subscribers; more: --after imsi-001010000000005"),
        "{}",
        some.stderr
    );
    assert_eq!(some.ok().lines().count(), 5);
    let last = list("--json --limit 1 --after imsi-001010000002000");
    assert_eq!(last.stderr, "", "nothing is left");
    assert_eq!(last.ok().lines().count(), 1);
    let text = list("").ok();
    assert!(
        text.contains("1000 of 2001 subscribers") && text.contains("more: --after imsi-001010000001000"),
        "{text}"
    );
    assert!(
        !list("--after imsi-001010000001001").ok().contains("more:"),
        "the last thousand"
    );
    let wide = list("--wide --limit 1").ok();
    for column in ["Routing", "AKMA", "BEST", "EPS profile"] {
        assert!(wide.contains(column) && !text.contains(column), "{wide}");
    }
}
