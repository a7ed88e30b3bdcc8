//! `kaskade explain`: what it says of keys, FCs and clauses.

use crate::common::Place;
use kaskade_keys::tree;
use serde_json::Value;

fn json(place: &Place, line: &str) -> Value {
    serde_json::from_str(&place.kaskade(line).ok()).expect("JSON")
}

#[test]
fn a_key_an_fc_and_a_clause_are_found() {
    let place = Place::new();
    for written in ["K_SEAF", "kseaf", "k-seaf", "0x6C", "6c", "TS 33.501 A.6", "33.501 A.6"] {
        let page = place.kaskade(&format!("explain {written}")).ok();
        for fact in [
            "K_SEAF from K_AUSF",
            "FC 0x6C",
            "--input serving-network-name=5G:mnc001.mcc001.3gppnetwork.org",
            "ME, AUSF",
            "ME, SEAF",
            "Source      3GPP: TS 33.501 A.6",
            "kaskade derive K_SEAF --from k-ausf=-",
            "6c 35 47 3a",
            "FC P0──",
        ] {
            assert!(page.contains(fact), "{written}: {fact}\n{page}");
        }
        assert!(page.lines().all(|line| line.chars().count() <= 120), "{page}");
    }
    let specification = place.kaskade("explain 33.401").ok();
    assert!(
        specification.contains("K_eNB") && !specification.contains("33.501"),
        "{specification}"
    );
    let several = place.kaskade("explain K_gNB").ok();
    assert!(
        several.contains("K_gNB from K_AMF") && several.contains("K_gNB from NH, as K_NG-RAN*"),
        "{several}"
    );
    let named = place.kaskade("explain K_NG-RAN*").ok();
    assert!(named.contains("own name for K_gNB"), "{named}");
}

#[test]
fn every_key_every_fc_and_every_clause_has_a_page() {
    let place = Place::new();
    for key in tree::keys() {
        let page = place.run(["explain", key]).ok();
        let says = page.contains("Held by") || tree::parent(key).is_none() && page.contains("from elsewhere");
        assert!(page.contains(key) && says, "{page}");
    }
    let mut clauses: Vec<&str> = tree::rows().map(|row| row.clause).collect();
    clauses.dedup();
    for clause in clauses {
        assert!(place.run(["explain", clause]).ok().contains(clause), "{clause}");
    }
}

#[test]
fn what_is_unknown_is_refused_with_the_nearest() {
    let place = Place::new();
    let said = |line: &str| place.kaskade(line).refused();
    assert!(
        said("explain K_SAEF").contains("did you mean K_SEAF"),
        "{}",
        said("explain K_SAEF")
    );
    assert!(said("explain unheard-of-altogether").contains("kaskade explain --tree"));
    assert!(said("explain 0xEE").contains("no key, FC or clause"));
    assert!(said("explain 33.999").contains("no key, FC or clause"));
    assert!(said("explain --if-leaked").contains("needs a key"));
    let back = said("explain K_AMF --path K_gNB");
    assert!(back.contains("cannot be turned round"), "{back}");
}

#[test]
fn the_tree_has_every_key_once() {
    let place = Place::new();
    let tree_of = |line: &str| -> Vec<String> {
        let text = place.kaskade(line).ok();
        let names = text.lines().map(|line| {
            let name = line.trim_start_matches(['│', '├', '└', '─', ' ']);
            name.split("  ")
                .next()
                .unwrap_or("")
                .split(" = ")
                .next()
                .unwrap_or("")
                .to_owned()
        });
        names.filter(|name| !name.starts_with('→')).collect()
    };
    let mut all = tree_of("explain --tree");
    all.sort();
    let mut keys: Vec<&str> = tree::keys();
    keys.sort_unstable();
    assert_eq!(all, keys);
    let of_nh = tree_of("explain NH --tree");
    assert!(
        of_nh.iter().any(|key| key == "K_UPenc") && !of_nh.iter().any(|key| key == "K_AMF"),
        "{of_nh:?}"
    );
    let ascii = place
        .run_with(["explain", "--tree"], "", |command| _ = command.env("LANG", "C"))
        .ok();
    assert!(ascii.is_ascii(), "{ascii}");
}

#[test]
fn a_leak_falls_down_and_not_up() {
    let place = Place::new();
    let leak = json(&place, "explain K_gNB --if-leaked --json");
    let names = |field: &str| -> Vec<String> {
        let list = leak[field].as_array().expect("a list").iter();
        list.map(|entry| entry["key"].as_str().or(entry.as_str()).expect("a name").to_owned())
            .collect()
    };
    let (fallen, safe) = (names("fallen"), names("not_fallen"));
    assert_eq!(fallen, tree::fallen(&["K_gNB"]));
    assert!(
        safe.contains(&"K_AMF".to_owned()) && safe.contains(&"NH".to_owned()),
        "{safe:?}"
    );
    assert!(safe.iter().all(|key| !fallen.contains(key)));
    let by_holder = leak["by_holder"]["RAN"].as_array().expect("a group");
    assert!(by_holder.contains(&Value::from("K_UPenc")));
    let alone = place.kaskade("explain CK --if-leaked").ok();
    assert!(alone.contains("no other key falls"), "{alone}");
    let both = place.kaskade("explain CK,IK --if-leaked").ok();
    assert!(both.contains("K_AUSF") && both.contains("CK||IK"), "{both}");
    let nothing = place.kaskade("explain K_UPenc --if-leaked").ok();
    assert!(nothing.contains("cannot be turned round"), "{nothing}");
}

#[test]
fn json_has_every_derivation() {
    let place = Place::new();
    let all = json(&place, "explain --json");
    let derivations = all["derivations"].as_array().expect("derivations");
    assert_eq!(derivations.len(), tree::rows().count());
    assert_eq!(all["keys"].as_array().expect("keys").len(), tree::keys().len());
    for (entry, row) in derivations.iter().zip(tree::rows()) {
        assert_eq!(entry["name"], row.child);
        assert_eq!(entry["clause"], row.clause);
        assert_eq!(
            entry["parameters"].as_array().expect("parameters").len(),
            row.parameters.len()
        );
    }
    let path = json(&place, "explain K_RRCenc --path K_AUSF --json");
    let steps: Vec<&str> = path["derivations"]
        .as_array()
        .expect("derivations")
        .iter()
        .filter_map(|row| row["name"].as_str())
        .collect();
    assert_eq!(steps, ["K_SEAF", "K_AMF", "K_gNB", "K_RRCenc"]);
}

#[test]
fn the_overview_says_how_to_go_on() {
    let overview = Place::new().kaskade("explain").ok();
    assert!(overview.contains(&format!("{} keys", tree::keys().len())), "{overview}");
    for command in overview
        .lines()
        .filter_map(|line| line.trim().strip_prefix("kaskade explain "))
    {
        let arguments = command.split("  ").next().unwrap_or("");
        Place::new().kaskade(&format!("explain {arguments}")).ok();
    }
}

#[test]
fn the_commands_that_it_prints_work() {
    let place = Place::new();
    let bin = std::path::Path::new(env!("CARGO_BIN_EXE_kaskade"))
        .parent()
        .expect("a folder");
    for row in json(&place, "explain --json")["derivations"]
        .as_array()
        .expect("derivations")
    {
        let command = row["command"].as_str().expect("a command");
        let mut stdin = String::new();
        if command.contains("--k-file") {
            stdin.push_str(&format!("{}\n{}\n", crate::common::K, crate::common::OPC));
        } else {
            let keys = row["parameters"].as_array().expect("parameters").iter();
            let keys = keys
                .filter(|spec| spec["given"] == "key")
                .map(|spec| spec["octets_of_key"].as_u64());
            for octets in [row["parent_octets"].as_u64()].into_iter().chain(keys) {
                let digits = 2 * usize::try_from(octets.expect("a length")).expect("a small number");
                stdin.push_str(&format!("{}\n", "1".repeat(digits)));
            }
        }
        let mut shell = std::process::Command::new("sh");
        shell
            .args(["-c", &format!("{command} --json")])
            .env("PATH", format!("{}:/usr/bin:/bin", bin.display()))
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped());
        let mut child = shell.spawn().expect("a shell");
        std::io::Write::write_all(&mut child.stdin.take().expect("stdin"), stdin.as_bytes()).expect("written");
        let output = child.wait_with_output().expect("it ends");
        assert!(
            output.status.success(),
            "{command}\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let steps = document["keys"].as_array().expect("keys");
        assert_eq!(steps.len(), 1, "{command}");
        assert_eq!(
            (&steps[0]["parent"], &steps[0]["via"]),
            (&row["parent"], &row["via"]),
            "{command}"
        );
    }
}
