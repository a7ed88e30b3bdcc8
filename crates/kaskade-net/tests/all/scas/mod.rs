//! Cases of the security assurance specifications of 3GPP (SCAS) for UDM, AUSF, AAnF and NEF: a test for each, called like it. `table` says
//! which case each shows, and which cases are not for this program; docs/scas.md is printed of it.

mod akma;
mod bodies;
mod net;
mod oam;
mod table;
mod tokens;
mod transport;
mod udm;
mod web;
mod wire;

use std::collections::BTreeSet;
use std::process::Command;

use table::{CASES, OTHERS, page};

#[test]
fn readers_are_told_which_cases_are_shown() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/scas.md");
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        written == page(),
        "docs/scas.md is stale: `cargo run -p kaskade-net --example scas > docs/scas.md`"
    );
}

/// The tests of this module that this program has, as it lists them itself.
fn tests(only_ignored: bool) -> BTreeSet<String> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--list", "--format", "terse"]);
    if only_ignored {
        command.arg("--ignored");
    }
    let listed = command.output().unwrap();
    assert!(listed.status.success());
    let text = String::from_utf8(listed.stdout).unwrap();
    let names = text.lines().filter_map(|line| line.strip_suffix(": test"));
    let own = names.filter(|name| name.starts_with("scas::"));
    let names = own.filter_map(|name| name.rsplit("::").next());
    names
        .filter(|name| name.starts_with("tc_"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_case_has_its_test_and_every_test_its_case() {
    let of_table: BTreeSet<String> = CASES.iter().map(|case| case.test.to_owned()).collect();
    assert_eq!(of_table.len(), CASES.len(), "a test is in two rows");
    assert_eq!(of_table, tests(false));
    assert_eq!(tests(true), BTreeSet::new(), "a test that never runs shows nothing");
    let mut names = BTreeSet::new();
    for case in CASES {
        // A case with a name gives it to its test; one without gives its clause.
        let begin = match case.name {
            "" => format!("tc_{}_{}_", case.spec.replace('.', ""), case.clause.replace('.', "_")),
            name => name.to_ascii_lowercase(),
        };
        assert!(case.test.starts_with(&begin), "{}: not {begin}", case.test);
        assert!(case.shown.ends_with('.') && !case.roles.is_empty(), "{}", case.test);
        assert!(case.name.is_empty() || names.insert(case.name), "{}: twice", case.name);
    }
    for other in OTHERS {
        assert!(other.why.ends_with('.'), "{}", other.names);
        assert!(!names.contains(other.names), "{}: shown and not", other.names);
    }
}
