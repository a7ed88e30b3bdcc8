//! Every row against the value of a script that knows nothing of the rows: `interop/oracle/rows.py`.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};

use kaskade_keys::derivation::{Given, NamedKey, Octets, Row, Rule};
use kaskade_keys::tree;
use serde::Deserialize;

#[derive(Deserialize)]
struct File {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    parent: String,
    method: String,
    child: String,
    key: String,
    inputs: BTreeMap<String, String>,
    s: String,
    output: String,
}

const FILES: [&str; 4] = ["rows-apps.json", "rows-5gs.json", "rows-eps.json", "rows-umts.json"];

fn cases() -> Vec<Case> {
    FILES
        .iter()
        .flat_map(|file| {
            serde_json::from_value::<File>(kaskade_oracle::vectors(file))
                .unwrap()
                .cases
        })
        .collect()
}

fn check(row: &'static Row, case: &Case) {
    assert_eq!(row.child, case.child, "{}", case.name);
    let mut used = BTreeSet::new();
    let transcript = row
        .transcript(|spec| -> Result<Octets, String> {
            let option = spec.option();
            let text = case.inputs.get(&option).ok_or(format!("{}: no {option}", case.name))?;
            used.insert(option);
            match spec.given {
                Given::Text(form) => (form.parse)(text).map_err(|error| error.to_string()),
                Given::Key(_) => Ok(hex::decode(text).unwrap().into()),
                Given::Fixed(_) => Err(format!("{}: fixed, yet asked for", case.name)),
            }
        })
        .unwrap();
    assert_eq!(
        used.len(),
        case.inputs.len(),
        "{}: inputs that nobody asked for",
        case.name
    );
    assert_eq!(hex::encode(&*transcript.s()), case.s, "{}: S", case.name);
    let named = |name, digits: &str| NamedKey::from_octets(name, &hex::decode(digits).unwrap()).unwrap();
    let output = transcript.derive(&named(row.parent, &case.key)).unwrap();
    assert_eq!(output, named(row.child, &case.output), "{}: output", case.name);
}

#[test]
fn every_row_gives_the_value_of_the_independent_script() {
    let cases = cases();
    for row in tree::rows() {
        if let Rule::AlgorithmSet(_) = row.rule {
            continue; // vectors/milenage.json, tuak.json
        }
        let mut of_row = cases
            .iter()
            .filter(|case| case.parent == row.parent && case.method == row.method)
            .peekable();
        assert!(
            of_row.peek().is_some(),
            "no example of {}.{} ({})",
            row.parent,
            row.method,
            row.clause
        );
        of_row.for_each(|case| check(row, case));
    }
}

#[test]
fn every_example_has_its_row() {
    for case in cases() {
        let mut rows = tree::rows().filter(|row| row.parent == case.parent && row.method == case.method);
        assert!(rows.next().is_some(), "{}: no such row", case.name);
        assert!(rows.next().is_none(), "{}: two rows of one method", case.name);
    }
}
