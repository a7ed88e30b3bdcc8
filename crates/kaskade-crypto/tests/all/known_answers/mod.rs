//! Reads the known answers under `vectors/`.
#![allow(clippy::panic, reason = "a test reports so")]

use serde_json::{Map, Value};

/// One case: named octet strings and texts.
pub(crate) struct Case(Map<String, Value>);

/// All cases of one file under `vectors/`.
pub(crate) fn load(file: &str) -> Vec<Case> {
    let Value::Array(cases) = kaskade_oracle::vectors(file)["cases"].take() else {
        panic!("vectors/{file}: no cases");
    };
    cases
        .into_iter()
        .map(|case| match case {
            Value::Object(case) => Case(case),
            _ => panic!("vectors/{file}: a case is no object"),
        })
        .collect()
}

#[allow(dead_code, reason = "each test takes what it needs")]
impl Case {
    /// What the case is called.
    pub(crate) fn name(&self) -> &str {
        self.text("name")
    }

    /// A text that must be there.
    pub(crate) fn text(&self, field: &str) -> &str {
        self.0
            .get(field)
            .and_then(Value::as_str)
            .unwrap_or_else(|| panic!("{:?} lacks {field}", self.0.get("name")))
    }

    /// A number that must be there.
    pub(crate) fn number(&self, field: &str) -> u64 {
        self.0
            .get(field)
            .and_then(Value::as_u64)
            .unwrap_or_else(|| panic!("{:?} lacks the number {field}", self.0.get("name")))
    }

    /// Whether the field is there.
    pub(crate) fn has(&self, field: &str) -> bool {
        self.0.contains_key(field)
    }

    /// Octets that may be missing.
    pub(crate) fn find(&self, field: &str) -> Option<Vec<u8>> {
        self.has(field).then(|| self.vec(field))
    }

    /// Octets that must be there.
    pub(crate) fn vec(&self, field: &str) -> Vec<u8> {
        hex::decode(self.text(field)).unwrap_or_else(|error| panic!("{} {field}: {error}", self.name()))
    }

    /// Octets that must be there, of fixed length.
    pub(crate) fn octets<const N: usize>(&self, field: &str) -> [u8; N] {
        let octets = self.vec(field);
        octets
            .try_into()
            .unwrap_or_else(|octets: Vec<u8>| panic!("{} {field}: {} octets", self.name(), octets.len()))
    }
}
