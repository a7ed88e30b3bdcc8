//! Checks messages against 3GPP's OpenAPI files, where they are at hand (`interop/openapi/validate.py`).
//!
//! `KASKADE_OPENAPI` names their folder. Where they are not at hand, the summary of the tests counts what was not checked.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock};

use serde_json::{Value, json};

use super::Seen;

struct Validator {
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    _process: Child,
}

/// Folder of the OpenAPI files: `KASKADE_OPENAPI`, or one beside the checkout. They are 3GPP's and not part of this project.
fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("KASKADE_OPENAPI").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/openapi")),
        PathBuf::from,
    );
    folder
        .join("TS29509_Nausf_UEAuthentication.yaml")
        .exists()
        .then_some(folder)
}

fn validator() -> Option<&'static Mutex<Validator>> {
    static VALIDATOR: OnceLock<Option<Mutex<Validator>>> = OnceLock::new();
    VALIDATOR
        .get_or_init(|| {
            let folder = folder()?;
            let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../interop/openapi/validate.py");
            // The interpreter that has the modules, as `cargo xtask test` finds it.
            let python = std::env::var_os("KASKADE_PYTHON").unwrap_or_else(|| "python3".into());
            let mut process = Command::new(python)
                .arg(script)
                .arg(folder)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .expect("python3, with PyYAML and jsonschema");
            Some(Mutex::new(Validator {
                input: process.stdin.take().expect("a pipe"),
                output: BufReader::new(process.stdout.take().expect("a pipe")),
                _process: process,
            }))
        })
        .as_ref()
}

fn ask(message: &Value) {
    let Some(validator) = validator() else {
        kaskade_oracle::not_here("3GPP's OpenAPI files (KASKADE_OPENAPI names their folder)");
        return;
    };
    let mut answer = String::new();
    {
        let mut validator = validator.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        writeln!(validator.input, "{message}").expect("the validator runs");
        validator.output.read_line(&mut answer).expect("the validator answers");
    }
    let answer: Value = serde_json::from_str(&answer).expect(
        "the validator answers; it needs PyYAML and jsonschema: apt-get install python3-yaml python3-jsonschema",
    );
    assert_eq!(answer["ok"], true, "against OpenAPI: {}\n{message:#}", answer["error"]);
}

/// Checks an answer.
///
/// # Panics
/// When it is not what the OpenAPI file says.
pub fn check_answer(seen: &Seen<'_>) {
    ask(&json!({
        "method": seen.method,
        "path": seen.path,
        "status": seen.status,
        "contentType": seen.content_type,
        "location": seen.location,
        "body": String::from_utf8_lossy(seen.body),
    }));
}

/// Checks the body of a request.
///
/// # Panics
/// When it is not what the OpenAPI file says.
pub fn check_request(method: &str, path: &str, body: &Value) {
    ask(&json!({ "method": method, "path": path, "request": body }));
}
