//! docs/json.md: its examples are what the program prints.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::common::{K, OPC, Place, Up};

/// Values as they are in every run: digits of keys and fingerprints, times and sizes are not.
fn masked(name: &str, value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), masked(name, value)))
            .collect(),
        Value::Array(values) => values.iter().map(|value| masked(name, value)).collect(),
        Value::Number(_) if matches!(name, "octets" | "milliseconds" | "auditRows") => "#".into(),
        Value::String(text) if text.len() >= 8 && text.bytes().all(|c| c.is_ascii_hexdigit()) => "#".into(),
        Value::String(_) if matches!(name, "at" | "mark") => "#".into(),
        other => other.clone(),
    }
}

fn objects(text: &str) -> Vec<Value> {
    let values = serde_json::Deserializer::from_str(text).into_iter();
    values
        .map(|value| masked("", &value.unwrap_or_else(|error| panic!("{error}: {text}"))))
        .collect()
}

#[test]
fn the_page_about_json_shows_what_is_printed() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/json.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let place = Place::new();
    place.file("k.hex", &format!("{K}\n"));
    place.file("opc.hex", &format!("{OPC}\n"));
    place.file("cards.csv", &format!("imsi,k,opc\n001010000000002,{K},{OPC}\n"));
    place.file(
        "hn.hex",
        "c53c22208b61860b06c62e5406a7b330c2b577aa5558981510d128247d38bd1d\n",
    );
    let mut path = std::path::PathBuf::from(env!("CARGO_BIN_EXE_kaskade"));
    path.pop();
    let path = format!("{}:{}", path.display(), std::env::var("PATH").unwrap_or_default());
    let (mut rest, mut compared) = (page.as_str(), 0);
    while let Some((_, after)) = rest.split_once("```sh\n") {
        let (line, after) = after.split_once("```\n").expect("its end");
        let (between, after) = after.split_once("```json\n").expect("what it prints");
        assert!(between.len() < 200 && !between.contains("```"), "{line}: {between}");
        let (shown, after) = after.split_once("```").expect("its end");
        rest = after;
        let node = line.contains("kaskade context").then(|| Up::start(&place, "up"));
        let ran = Command::new("sh")
            .args(["-c", line])
            .current_dir(place.path(""))
            .env("PATH", &path)
            .output()
            .expect("sh");
        let (out, err) = (
            String::from_utf8_lossy(&ran.stdout),
            String::from_utf8_lossy(&ran.stderr),
        );
        let printed = if ran.status.success() { &out } else { &err };
        assert_eq!(objects(printed), objects(shown), "{line}: {out}{err}");
        if let Some(node) = node {
            node.stop();
        }
        compared += 1;
    }
    assert!(compared >= 24, "{compared}");
}
