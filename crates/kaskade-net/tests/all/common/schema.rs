//! What answers and requests are checked against: the declarations of the services with the forms in `schema/`, and 3GPP's
//! descriptions where they are at hand.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use kaskade_net::sbi::service::{Operation, Service};
use kaskade_net::services;
use kaskade_testkit::schema::Services;
use serde_json::{Value, json};

pub static SERVICES: LazyLock<Services> = LazyLock::new(|| {
    let apis = services::ALL.iter().map(|service| described(service)).collect();
    Services::new(apis, forms("problem"))
});

fn forms(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("schema/{name}.json"));
    let octets = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&octets).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A service as its declaration says, with the forms of its bodies, which say what is expected in words of their own.
fn described(service: &Service) -> Value {
    let mut api = forms(service.name);
    for body in service.bodies() {
        assert!(
            api["schemas"][body.name].is_object(),
            "schema/{}.json has no {}",
            service.name,
            body.name
        );
    }
    let base = format!("/{}/{}", service.name, service.version);
    let operations = service.operations.iter().map(|operation| of(operation, &base));
    api["operations"] = operations.collect();
    api["api"] = base.into();
    api
}

fn of(operation: &Operation, base: &str) -> Value {
    let mut problems = BTreeMap::<u16, Vec<Value>>::new();
    for refusal in operation.all_refusals() {
        if let Some(sbi) = refusal.verdict().sbi.answer() {
            let cause = sbi.cause().map_or(Value::Null, |cause| cause.name().into());
            problems.entry(sbi.status()).or_default().push(cause);
        }
    }
    let mut answers: serde_json::Map<String, Value> = problems
        .into_iter()
        .map(|(status, causes)| (status.to_string(), causes.into()))
        .collect();
    let mut done = json!({});
    if let Some(body) = operation.answer.body {
        let answer = &operation.answer;
        let contents = [Some(answer.content), answer.also];
        let contents = contents.iter().flatten().map(|content| content.media_type());
        done["content"] = contents.collect::<Vec<_>>().into();
        done["schema"] = body.name.into();
    }
    if operation.answer.location {
        // Letters, digits and hyphens: none of them means anything to a pattern.
        let segments = operation.path.split('/').map(|segment| match segment.starts_with('{') {
            true => "[^/]+".to_owned(),
            false => segment.to_owned(),
        });
        let path = segments.collect::<Vec<_>>().join("/");
        // Nobody guesses a name of 16 characters.
        done["location"] = format!("^https?://[^/]+(/.*)?{base}{path}/[A-Za-z0-9_-]{{16,}}$").into();
    }
    let before = answers.insert(operation.answer.status.to_string(), done);
    assert!(
        before.is_none(),
        "{}: an answer and a refusal have one status",
        operation.label()
    );
    if operation.answer.optional {
        answers.insert("204".to_owned(), json!({}));
    }
    let mut described = json!({ "method": operation.method.as_str(), "path": operation.path, "answers": answers });
    if let Some(body) = operation.request {
        described["request"] = body.name.into();
    }
    described
}
