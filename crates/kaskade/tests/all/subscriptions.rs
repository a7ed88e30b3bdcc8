//! What a subscription allows: in by options and files, out by tables, JSON and files, and what is refused with which words.

use std::path::Path;

use serde_json::{Value, json};

use crate::common::{K, OPC, Place, SUPI, mode};

const OTHER: &str = "imsi-001010000000002";
const GPSI: &str = "msisdn-491701234567";

fn document(place: &Place, line: &str) -> Value {
    serde_json::from_str(&place.kaskade(line).ok()).expect("JSON")
}

/// What a subscriber may do, as JSON with its GPSI in full.
fn allowed(place: &Place, who: &str, data: &str) -> Value {
    let all = document(
        place,
        &format!("subscriber show {who} --json --reveal-gpsi --data {data}"),
    );
    let names = ["methods", "gpsi", "routing_indicator", "akma", "best", "eps_profile"];
    names
        .into_iter()
        .map(|name| (name.to_owned(), all[name].clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn add(place: &Place, supi: &str, options: &str) {
    place
        .with_secrets(&format!("subscriber add --supi {supi} --data data {options}"))
        .ok();
}

#[test]
fn options_are_what_is_shown() {
    let place = Place::new();
    add(
        &place,
        SUPI,
        &format!(
            "--methods eap-aka-prime,5g-aka,eps-aka --gpsi {GPSI} --routing-indicator 0012 --akma --best separated-umts \
             --eps-profile iot,gold"
        ),
    );
    add(&place, OTHER, "--best");
    let all = json!({
        "methods": ["eap-aka-prime", "5g-aka", "eps-aka"],
        "gpsi": GPSI,
        "routing_indicator": "0012",
        "akma": true,
        "best": "separated-umts",
        "eps_profile": "iot,gold",
    });
    assert_eq!(allowed(&place, SUPI, "data"), all);
    assert_eq!(allowed(&place, GPSI, "data"), all, "its GPSI finds it");
    let plain = json!({
        "methods": ["5g-aka"], "gpsi": null, "routing_indicator": null, "akma": false, "best": "yes", "eps_profile": null,
    });
    assert_eq!(allowed(&place, OTHER, "data"), plain);
    let masked = "msisdn-**********67";
    for command in [
        "list",
        "list --json",
        &format!("show {SUPI}"),
        &format!("show {SUPI} --json"),
    ] {
        let shown = place.kaskade(&format!("subscriber {command} --data data")).ok();
        assert!(shown.contains(masked) && !shown.contains(GPSI), "{shown}");
        assert!(shown.contains("eap-aka-prime"), "{shown}");
        let shown = place
            .kaskade(&format!("subscriber {command} --reveal-gpsi --data data"))
            .ok();
        assert!(shown.contains(GPSI), "{shown}");
    }
    place
        .kaskade(&format!("subscriber allow-reuse {GPSI} --yes --data data"))
        .ok();
    assert!(
        place
            .kaskade(&format!("subscriber remove {GPSI} --data data"))
            .refused()
            .contains(SUPI)
    );
    place
        .kaskade(&format!("subscriber remove {GPSI} --yes --data data"))
        .ok();
    let gone = place.kaskade(&format!("subscriber show {GPSI} --data data")).refused();
    assert!(gone.contains(&format!("there is no subscriber {GPSI}")), "{gone}");
}

#[test]
fn wrong_options_say_what_is_right() {
    let place = Place::new();
    for (options, expected) in [
        (
            "--methods 5g-aka,eap",
            "word 2 is no method: expected 5g-aka, eap-aka-prime",
        ),
        ("--methods 5g-aka,5g-aka", "5g-aka is there twice"),
        ("--gpsi 491701234567", "msisdn- and 5 to 15 digits"),
        ("--gpsi msisdn-1234", "msisdn- and 5 to 15 digits"),
        ("--routing-indicator 12345", "expected 1 to 4"),
        ("--best gladly", "expected yes, no or separated-umts"),
        ("--best no", "leave --best out"),
        ("--eps-profile ü", "1 to 64 printable ASCII characters"),
    ] {
        let said = place
            .with_secrets(&format!("subscriber add --supi {SUPI} --data data {options}"))
            .refused();
        assert!(said.contains(expected), "{options}: {said}");
    }
    let arguments =
        format!("subscriber add --supi {SUPI} --data data --algorithm comp128v1 --k-file - --methods 5g-aka");
    let said = place
        .run_with(arguments.split_whitespace(), &format!("{K}\n"), |_| {})
        .refused();
    assert!(
        said.contains("--methods: 5g-aka needs a USIM") && !place.path("data").exists(),
        "{said}"
    );
    let said = place.kaskade("subscriber show 491701234567 --data data").refused();
    assert!(said.contains("a SUPI") && said.contains("a GPSI"), "{said}");
}

#[test]
fn no_two_subscribers_have_the_same_gpsi() {
    let place = Place::new();
    add(&place, SUPI, &format!("--gpsi {GPSI}"));
    for replace in ["", "--replace"] {
        let said = place
            .with_secrets(&format!(
                "subscriber add --supi {OTHER} --gpsi {GPSI} --data data {replace}"
            ))
            .refused();
        // Masked, as in an import: only what was typed is said in full.
        assert!(
            said.contains(&format!("{GPSI} belongs to imsi-00101********01")) && !said.contains(SUPI),
            "{said}"
        );
    }
    // The same subscriber keeps it.
    add(&place, SUPI, &format!("--gpsi {GPSI} --replace --akma"));

    let file = |lines: &[(u32, &str)]| {
        let lines: Vec<_> = lines
            .iter()
            .map(|(n, gpsi)| format!("imsi-0010100000{n:05},{K},{OPC},{gpsi}\n"))
            .collect();
        place.file("cards.csv", &format!("supi,k,opc,gpsi\n{}", lines.concat()));
        place.kaskade("subscriber import cards.csv --replace --data data")
    };
    let said = file(&[(2, "msisdn-12345"), (3, GPSI)]).refused();
    assert!(
        said.contains(
            "line 3: gpsi: msisdn-**********67 belongs to imsi-00101********01, which is not in the file (look"
        ) && said.contains("nothing was written"),
        "{said}"
    );
    let said = file(&[(2, GPSI), (1, ""), (3, GPSI)]).refused();
    assert!(
        said.contains("line 4: gpsi: msisdn-**********67 stands in line 2 already"),
        "{said}"
    );
    // Two that are in the file may exchange theirs, however far they stand from each other.
    file(&[(2, "msisdn-12345")]).ok();
    let mut lines: Vec<_> = (10..9000).map(|n| (n, "")).collect();
    lines.insert(0, (1, "msisdn-12345"));
    lines.push((2, GPSI));
    file(&lines).ok();
    assert_eq!(allowed(&place, GPSI, "data"), allowed(&place, OTHER, "data"));
    assert_eq!(allowed(&place, "msisdn-12345", "data"), allowed(&place, SUPI, "data"));
}

#[test]
fn files_carry_a_subscription_there_and_back() {
    let place = Place::new();
    place.file(
        "cards.csv",
        &format!(
            "supi,algorithm,k,opc,methods,gpsi,routing_indicator,akma,best,eps_profile\n\
             {SUPI},,{K},{OPC},eap-aka-prime 5g-aka,{GPSI},17,yes,separated-umts,gold\n\
             {OTHER},,{K},{OPC},none,extid-meter17@things.example,,no,yes,\n\
             imsi-001010000000003,comp128v2,{K},,gsm-aka,,,,,\n\
             imsi-001010000000004,comp128v2,{K},,,,,,,\n"
        ),
    );
    place.kaskade("subscriber import cards.csv --data data").ok();
    let before = |n| allowed(&place, &format!("imsi-00101000000000{n}"), "data");
    assert_eq!(before(1)["methods"], json!(["eap-aka-prime", "5g-aka"]));
    assert_eq!(before(2)["methods"], json!([]));
    assert_eq!(before(2)["gpsi"], "extid-meter17@things.example");
    assert_eq!(before(3)["methods"], json!(["gsm-aka"]));
    assert_eq!(before(4)["methods"], json!([]));
    for end in ["csv", "toml"] {
        place
            .kaskade(&format!("subscriber export all.{end} --with-secrets --data data"))
            .ok();
        let same = place.path(end);
        std::fs::create_dir(&same).expect("a folder");
        mode(&same, 0o700);
        std::fs::copy(place.path("data/master.key"), same.join("master.key")).expect("copied");
        place.kaskade(&format!("store create --yes --data {end}")).ok();
        place.kaskade(&format!("subscriber import all.{end} --data {end}")).ok();
        for n in 1..=4 {
            assert_eq!(
                allowed(&place, &format!("imsi-00101000000000{n}"), end),
                before(n),
                "{end}"
            );
        }
    }
    // What a sealed card is shows when it is opened.
    let text = std::fs::read_to_string(place.path("all.csv")).expect("text");
    let wrong = text.replace("gsm-aka", "5g-aka");
    assert_ne!(text, wrong);
    place.file("wrong.csv", &wrong);
    let said = place
        .kaskade("subscriber import wrong.csv --replace --data data")
        .refused();
    assert!(said.contains("line 4: methods: 5g-aka needs a USIM"), "{said}");
    // What CSV would read as something else stands in quotation marks.
    let odd = "extid-a,b\"c@d";
    let arguments = [
        "subscriber",
        "add",
        "--supi",
        "imsi-001010000000005",
        "--k",
        K,
        "--opc",
        OPC,
        "--data",
        "data",
        "--gpsi",
        odd,
        "--eps-profile",
        "iot,gold",
    ];
    place.run(arguments).ok();
    place
        .kaskade("subscriber export odd.csv --with-secrets --data data")
        .ok();
    place
        .kaskade("subscriber remove imsi-001010000000005 --yes --data data")
        .ok();
    place.kaskade("subscriber import odd.csv --replace --data data").ok();
    let back = allowed(&place, "imsi-001010000000005", "data");
    assert_eq!((&back["gpsi"], &back["eps_profile"]), (&json!(odd), &json!("iot,gold")));
}

#[test]
fn wrong_fields_of_files_say_which() {
    let place = Place::new();
    for (name, value, expected) in [
        ("methods", "5g", "methods: word 1 is no method"),
        ("gpsi", "tel-1", "gpsi: "),
        ("routing_indicator", "x", "routing indicator"),
        ("akma", "1", "akma: expected yes or no"),
        ("best", "true", "best: expected yes, no or separated-umts"),
        ("eps_profile", "a b", "eps_profile: expected a name"),
    ] {
        place.file("wrong.csv", &format!("supi,k,opc,{name}\n{SUPI},{K},{OPC},{value}\n"));
        let in_csv = place.kaskade("subscriber import wrong.csv --data data").refused();
        place.file(
            "wrong.toml",
            &format!("[[subscriber]]\nsupi = \"{SUPI}\"\nk = \"{K}\"\nopc = \"{OPC}\"\n{name} = \"{value}\"\n"),
        );
        let in_toml = place.kaskade("subscriber import wrong.toml --data data").refused();
        for said in [in_csv, in_toml] {
            assert!(
                said.contains(expected) && said.contains("nothing was written"),
                "{said}"
            );
        }
    }
}

#[test]
fn a_store_of_an_earlier_version_is_converted_and_that_is_said() {
    for (of, format) in [("first", 1), ("second", 2)] {
        let place = Place::new();
        let folder = place.path("data");
        std::fs::create_dir(&folder).expect("a folder");
        mode(&folder, 0o700);
        let from = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../kaskade-store/tests/stores")
            .join(of);
        for name in ["master.key", "subscribers.redb"] {
            std::fs::copy(from.join(name), folder.join(name)).expect("copied");
            mode(&folder.join(name), 0o600);
        }
        // Whichever command comes first.
        let command = match format {
            1 => "subscriber list --data data",
            _ => "store skip-ahead --yes --data data",
        };
        let first = place.kaskade(command);
        let said = format!("converted 7 subscribers from store format {format} to 3");
        assert_eq!(first.stderr.matches(&said).count(), 1, "{}", first.stderr);
        assert!(!first.stdout.contains("converted"));
        first.ok();
        let second = place.kaskade("subscriber list --data data");
        assert!(!second.stderr.contains("converted"), "{}", second.stderr);
        assert!(second.ok().contains("7 of 7"));
    }
}
