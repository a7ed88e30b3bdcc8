//! What a run of the tests did and could not do, written down for `cargo xtask test`: a test that passes shows nothing.

use crate::{SKIP_VARIABLE, skipping};
use serde_json::Value;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Environment variable with the folder of the records; without it nothing is written.
pub const RECORDS_VARIABLE: &str = "KASKADE_RECORDS";

/// Environment variable with the name of a file of [`vectors`] that comes with every octet string changed, so that
/// whoever compares its answers fails.
pub const SPOILED_VARIABLE: &str = "KASKADE_SPOILED_VECTORS";

/// A file under `vectors/`, such as `milenage.json`, as the tests read it. That it was read is written down.
///
/// # Panics
/// If it is not there, or no JSON.
#[must_use]
pub fn vectors(file: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors").join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut value: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("vectors/{file}: {error}"));
    record("vectors", file);
    if std::env::var(SPOILED_VARIABLE).is_ok_and(|spoiled| spoiled == file) {
        spoil(&mut value["cases"]);
    }
    value
}

/// Says that a test, or a part of it, did not run because something that is no part of the project is not here, such as
/// 3GPP's own files. `cargo xtask test` counts and shows it.
pub fn not_here(what: &str) {
    eprintln!("not here: {what}");
    record("not-here", what);
}

/// For a test that needs a program: fails with what to do, unless the environment allows to go on without.
///
/// # Panics
/// If nothing allows it.
pub fn missing_program(what: &str, remedy: &str) {
    assert!(
        skipping(),
        "{what} is missing. Install it: {remedy} (`cargo xtask test` does it as root), or set {SKIP_VARIABLE}=1 to skip."
    );
    not_here(&format!("{what} ({SKIP_VARIABLE} is set)"));
}

/// Changes the last digit of every octet string.
fn spoil(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(spoil),
        Value::Object(members) => members.values_mut().for_each(spoil),
        Value::String(text) if text.len() >= 2 && text.bytes().all(|c| c.is_ascii_hexdigit()) => {
            let last = if text.ends_with('0') { '1' } else { '0' };
            text.pop();
            text.push(last);
        }
        _ => {}
    }
}

/// Adds a line to the records: what, the program, and the test.
fn record(kind: &str, what: &str) {
    let Some(folder) = std::env::var_os(RECORDS_VARIABLE).map(PathBuf::from) else {
        return;
    };
    let program = std::env::current_exe().unwrap_or_default();
    let thread = std::thread::current();
    // The harness names the thread after the test.
    let line = format!("{what}\t{}\t{}\n", program.display(), thread.name().unwrap_or("?"));
    let written = std::fs::create_dir_all(&folder).and_then(|()| {
        let mut file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(folder.join(kind))?;
        file.write_all(line.as_bytes())
    });
    if let Err(error) = written {
        panic!("{RECORDS_VARIABLE}={}: {error}", folder.display());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_octet_string_is_spoiled_and_no_text() {
        let mut value = serde_json::json!([{ "name": "a name", "k": "00ff", "in": { "list": ["aa", "b0"] }, "n": 7 }]);
        spoil(&mut value);
        let expected = serde_json::json!([{ "name": "a name", "k": "00f0", "in": { "list": ["a0", "b1"] }, "n": 7 }]);
        assert_eq!(value, expected);
    }
}
