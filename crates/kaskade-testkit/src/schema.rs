//! What a service answers and what it is asked, checked against a description of it.
//!
//! A description is JSON in the project's own words: where the service is, its operations with the answers that each may
//! give, and the form of their bodies. A problem is `"problem"`, or a list of the causes that it may have (`null`: none). A form uses a part of JSON Schema: `type`, `const`, `enum`, `pattern`, `anyOf`,
//! `properties`, `required`, `additionalProperties: false`, `items`, `$ref` to `#/schemas/<name>`. Where 3GPP's OpenAPI files
//! are at hand, [`openapi`] checks against them too.
//!
//! ```
//! use kaskade_testkit::schema::{Seen, Services};
//!
//! let folder = tempfile::tempdir()?;
//! let description = r##"{
//!     "api": "/keys/v1",
//!     "operations": [{
//!         "method": "GET", "path": "/{name}",
//!         "answers": { "200": { "content": ["application/json"], "schema": "Key" }, "404": "problem" }
//!     }],
//!     "schemas": { "Key": { "type": "object", "required": ["name"], "properties": { "name": { "type": "string" } } } }
//! }"##;
//! std::fs::write(folder.path().join("keys.json"), description)?;
//! let problem = r#"{ "schemas": { "ProblemDetails": { "type": "object" } } }"#;
//! std::fs::write(folder.path().join("problem.json"), problem)?;
//! let services = Services::read(folder.path(), &["keys.json"]);
//! let mut seen = Seen {
//!     method: "GET",
//!     path: "/keys/v1/k_amf",
//!     status: 200,
//!     content_type: Some("application/json"),
//!     location: None,
//!     body: br#"{ "name": "K_AMF" }"#,
//! };
//! assert_eq!(services.try_answer(&seen), Ok(()));
//! seen.body = b"{}";
//! assert!(services.try_answer(&seen).is_err());
//! # Ok::<(), std::io::Error>(())
//! ```

mod form;
pub mod openapi;

use std::path::Path;

use regex::Regex;
use serde_json::Value;

/// One HTTP answer.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The method of the request.
    pub method: &'a str,
    /// Its path, without a query.
    pub path: &'a str,
    /// The status of the answer.
    pub status: u16,
    /// Its content type.
    pub content_type: Option<&'a str>,
    /// Where it says that something is now.
    pub location: Option<&'a str>,
    /// Its body.
    pub body: &'a [u8],
}

/// Statuses that HTTP itself gives, whatever the operation.
const OF_HTTP: [u16; 4] = [405, 406, 408, 503];

/// Descriptions of services, out of one folder.
#[derive(Clone, Debug)]
pub struct Services {
    apis: Vec<Value>,
    problem: Value,
}

impl Services {
    /// Of descriptions that are at hand, and the form of `ProblemDetails` (TS 29.571 5.2.4.1).
    pub const fn new(apis: Vec<Value>, problem: Value) -> Self {
        Self { apis, problem }
    }

    /// Reads these files of a folder, and `problem.json`, the form of `ProblemDetails` (TS 29.571 5.2.4.1).
    ///
    /// # Panics
    /// When a file cannot be read, or is no JSON.
    pub fn read(folder: &Path, files: &[&str]) -> Self {
        Self {
            apis: files.iter().map(|file| load(folder, file)).collect(),
            problem: load(folder, "problem.json"),
        }
    }

    /// Checks an answer against the description, and against 3GPP's files where they are at hand.
    ///
    /// # Panics
    /// When the answer is not what one of them says.
    pub fn check_answer(&self, seen: &Seen<'_>) {
        if let Err(error) = self.try_answer(seen) {
            let body = String::from_utf8_lossy(seen.body);
            panic!("{} {} → {}: {error}\n{body}", seen.method, seen.path, seen.status);
        }
        openapi::check_answer(seen);
    }

    /// Checks the body of a request against the description, and against 3GPP's files where they are at hand.
    ///
    /// # Panics
    /// When the body is not what one of them says.
    pub fn check_request(&self, method: &str, path: &str, body: &[u8]) {
        let body: Value = serde_json::from_slice(body).unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        if let Err(error) = self.try_request(method, path, &body) {
            panic!("{method} {path}: {error}\n{body:#}");
        }
        openapi::check_request(method, path, &body);
    }

    /// Whether an answer is what the description says.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn try_answer(&self, seen: &Seen<'_>) -> Result<(), String> {
        let Some((api, operation)) = self.operation(seen.method, seen.path) else {
            if seen.status < 400 {
                return Err("success of an operation that does not exist".into());
            }
            return self.problem(seen);
        };
        match &operation["answers"][seen.status.to_string()] {
            Value::Null if OF_HTTP.contains(&seen.status) => self.problem(seen),
            Value::Null => Err("the operation does not have this status".into()),
            Value::String(_) => self.problem(seen),
            Value::Array(causes) => {
                self.problem(seen)?;
                let cause = &json(seen)?["cause"];
                match causes.contains(cause) {
                    true => Ok(()),
                    false => Err(format!("the operation does not have the cause {cause}")),
                }
            }
            answer => {
                let location = answer["location"].as_str();
                match (location, seen.location) {
                    (None, None) => {}
                    (Some(pattern), Some(uri)) if regex(pattern).is_match(uri) => {}
                    (expected, found) => return Err(format!("Location {found:?}, expected {expected:?}")),
                }
                let contents = answer["content"].as_array();
                let is_one = |seen: &str| contents.is_some_and(|all| all.iter().any(|one| one == seen));
                if !seen.content_type.map_or(contents.is_none(), is_one) {
                    return Err(format!("content type {:?}", seen.content_type));
                }
                match answer["schema"].as_str() {
                    Some(name) => form::check(api, name, &json(seen)?),
                    None if seen.body.is_empty() => Ok(()),
                    None => Err("a body".into()),
                }
            }
        }
    }

    /// Whether the body of a request is what the description says.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn try_request(&self, method: &str, path: &str, body: &Value) -> Result<(), String> {
        let found = self.operation(method, path);
        let found = found.and_then(|(api, operation)| Some((api, operation["request"].as_str()?)));
        let (api, name) = found.ok_or("no operation that takes a body")?;
        form::check(api, name, body)
    }

    fn operation(&self, method: &str, path: &str) -> Option<(&Value, &Value)> {
        self.apis.iter().find_map(|api| {
            let rest = path.strip_prefix(api["api"].as_str()?)?;
            let is_it = |operation: &&Value| {
                operation["method"] == method && operation["path"].as_str().is_some_and(|template| fits(template, rest))
            };
            Some((api, api["operations"].as_array()?.iter().find(is_it)?))
        })
    }

    fn problem(&self, seen: &Seen<'_>) -> Result<(), String> {
        if seen.content_type != Some("application/problem+json") {
            return Err(format!("content type {:?}", seen.content_type));
        }
        let body = json(seen)?;
        form::check(&self.problem, "ProblemDetails", &body)?;
        if body["status"] != seen.status {
            return Err("the status in the body is another one".into());
        }
        Ok(())
    }
}

fn load(folder: &Path, file: &str) -> Value {
    let octets = std::fs::read(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    serde_json::from_slice(&octets).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn json(seen: &Seen<'_>) -> Result<Value, String> {
    serde_json::from_slice(seen.body).map_err(|error| error.to_string())
}

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap_or_else(|error| panic!("{error}"))
}

fn fits(template: &str, path: &str) -> bool {
    let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len()
        && template
            .iter()
            .zip(&path)
            .all(|(name, segment)| name.starts_with('{') || name == segment)
}
