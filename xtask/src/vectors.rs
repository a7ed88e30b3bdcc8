//! `cargo xtask vectors`: the known answers under `vectors/`.

use crate::{records, shell};
use anyhow::{Context as _, Result, bail};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::path::Path;

/// Fields that hold text. Every other text in a case is octets in hex.
const TEXT_FIELDS: &[&str] = &[
    "aka_algorithm",
    "algorithm",
    "authorization",
    "auts_result",
    "challenge",
    "child",
    "comment",
    "direction_name",
    "expected_result",
    "from",
    "function",
    "generation",
    "identity",
    "mcc",
    "method",
    "mnc",
    "msin",
    "nai",
    "name",
    "name_sent",
    "network_name",
    "next_reauthentication",
    "operation",
    "parent",
    "password",
    "profile",
    "protection_scheme",
    "pseudonym",
    "reauthentication",
    "security_header",
    "serving_network_name",
    "sres_method",
    "supi",
    "supi_type",
];

/// Checks every file's form and its original; all findings are printed, and the cases counted.
pub(crate) fn check() -> Result<String> {
    let files = shell::files(&shell::root().join("vectors"), "json")?;
    if files.is_empty() {
        bail!("vectors/ holds no JSON file");
    }
    let originals = shell::root().join("../shared/vectors");
    let (mut findings, mut total, mut compared) = (Vec::new(), 0, 0);
    let mut alone = Vec::new();
    for path in &files {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let text = std::fs::read_to_string(path).with_context(|| shell::relative(path))?;
        let (cases, mut found) = form(&text);
        total += cases;
        println!("vectors: {name}: {cases} cases");
        match original(&originals.join(name.as_ref()))? {
            Some(original) => {
                compared += 1;
                if original != text {
                    found.push("differs from the original of the same name".to_owned());
                }
            }
            None => alone.push(name.into_owned()),
        }
        findings.extend(
            found
                .into_iter()
                .map(|finding| format!("{}: {finding}", shell::relative(path))),
        );
    }
    for name in alone {
        records::note(&format!(
            "the original of vectors/{name}, which has no place in the repository"
        ))?;
    }
    if findings.is_empty() {
        return Ok(format!(
            "{} files, {total} cases, {compared} files compared with their originals",
            files.len()
        ));
    }
    findings.iter().for_each(|finding| println!("{finding}"));
    bail!(
        "{} findings about vectors; their form is told in xtask/src/vectors.rs",
        findings.len()
    )
}

/// The text of an original, if there is one.
fn original(path: &Path) -> Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}

/// The number of cases in a file, and what is wrong with its form.
fn form(text: &str) -> (usize, Vec<String>) {
    let file: Value = match serde_json::from_str(text) {
        Ok(file) => file,
        Err(error) => return (0, vec![format!("no JSON: {error}")]),
    };
    let mut findings = Vec::new();
    if file["source"].as_str().is_none_or(str::is_empty) {
        findings.push("\"source\" does not say where the cases come from".to_owned());
    }
    let cases = file["cases"].as_array().map_or(&[][..], Vec::as_slice);
    if cases.is_empty() {
        findings.push("\"cases\" holds no case".to_owned());
    }
    let mut names = BTreeSet::new();
    for (case, number) in cases.iter().zip(1..) {
        let fields = case.as_object().cloned().unwrap_or_default();
        match fields.get("name").and_then(Value::as_str) {
            None | Some("") => findings.push(format!("case {number} has no name")),
            Some(name) if !names.insert(name.to_owned()) => findings.push(format!("two cases are called {name}")),
            Some(name) => findings.extend(
                octets(&fields, &fields)
                    .into_iter()
                    .map(|found| format!("{name}: {found}")),
            ),
        }
    }
    (cases.len(), findings)
}

/// What is wrong with the octet strings of an object of `case`.
fn octets(object: &Map<String, Value>, case: &Map<String, Value>) -> Vec<String> {
    // The scheme output of a network-specific identifier is the text of the NAI: TS 33.501 C.4.
    let text = |field: &str| TEXT_FIELDS.contains(&field) || (field == "scheme_output" && case.contains_key("nai"));
    let hex = |text: &str| text.len().is_multiple_of(2) && text.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'));
    let mut findings = Vec::new();
    for (field, value) in object.iter().filter(|(field, _)| !text(field)) {
        let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        for value in values {
            match value {
                Value::String(text) if !hex(text) => findings.push(format!(
                    "{field} is not whole octets in lower-case hex ({text:?}); if it is text, add it to TEXT_FIELDS"
                )),
                // What a person types for an input of a row.
                Value::Object(_) if field == "inputs" && case.contains_key("method") => {}
                Value::Object(inner) => findings.extend(octets(inner, case)),
                _ => {}
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_good_file_is_counted() {
        let text = r#"{"source": "s", "cases": [{"name": "a", "k": "00ff", "list": ["aa"], "n": 7}, {"name": "b"}]}"#;
        assert_eq!(form(text), (2, vec![]));
    }

    #[test]
    fn a_missing_original_is_none_and_an_unreadable_one_an_error() {
        assert_eq!(original(&shell::root().join("no-such-file")).expect("none"), None);
        assert!(original(&shell::root().join("Cargo.toml")).expect("read").is_some());
        assert!(original(shell::root()).is_err());
    }

    #[test]
    fn each_fault_is_found() {
        for (fault, text) in [
            ("no JSON", "{"),
            ("no source", r#"{"source": "", "cases": [{"name": "a"}]}"#),
            ("no case", r#"{"source": "s", "cases": []}"#),
            ("no name", r#"{"source": "s", "cases": [{"k": "00"}]}"#),
            (
                "same name",
                r#"{"source": "s", "cases": [{"name": "a"}, {"name": "a"}]}"#,
            ),
            ("odd length", r#"{"source": "s", "cases": [{"name": "a", "k": "0"}]}"#),
            ("upper case", r#"{"source": "s", "cases": [{"name": "a", "k": "AB"}]}"#),
            (
                "not hex, inside",
                r#"{"source": "s", "cases": [{"name": "a", "in": [{"k": "zz"}]}]}"#,
            ),
        ] {
            assert_eq!(form(text).1.len(), 1, "{fault}");
        }
    }

    #[test]
    fn the_scheme_output_of_an_nai_is_text() {
        let case = |extra| format!(r#"{{"source": "s", "cases": [{{"name": "a", "scheme_output": "type1"{extra}}}]}}"#);
        assert_eq!(form(&case(r#", "nai": "user@realm""#)).1.len(), 0);
        assert_eq!(form(&case("")).1.len(), 1);
    }
}
