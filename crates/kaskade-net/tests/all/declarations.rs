//! The declarations of the services: what readers are told of them, and what they must say.

use std::collections::BTreeSet;

use kaskade_net::services::{ALL, page};

#[test]
fn readers_are_told_what_is_declared() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/sbi.md");
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        written == page(),
        "docs/sbi.md is stale: `cargo run -p kaskade-net --example sbi > docs/sbi.md`"
    );
}

#[test]
fn every_operation_says_who_may_what_and_why_not() {
    let mut labels = BTreeSet::new();
    for service in ALL {
        assert!(!service.title.is_empty() && !service.clause.is_empty());
        let mut asked = BTreeSet::new();
        for operation in service.operations {
            let label = operation.label();
            assert_eq!(operation.api, service.name, "{label}");
            assert!(labels.insert(label.clone()), "{label}: twice");
            // Variables by any name are one path.
            let path = operation
                .path
                .split('/')
                .map(|name| if name.starts_with('{') { "{}" } else { name });
            let path = path.collect::<Vec<_>>().join("/");
            assert!(
                asked.insert((operation.method.to_string(), path)),
                "{label}: two of one path and method"
            );
            assert!(
                operation.path.starts_with('/') && !operation.path.ends_with('/'),
                "{label}"
            );
            assert!(
                operation.title.ends_with('.') && operation.clause.contains(' '),
                "{label}: {}",
                operation.title
            );
            assert!(
                operation.scope.split(':').next() == Some(service.name),
                "{label}: the scope of another API"
            );
            for refusal in operation.all_refusals() {
                assert!(
                    refusal.verdict().sbi.answer().is_some(),
                    "{label}: nobody can be told {refusal:?} here"
                );
            }
            let twice = operation.refusals.iter().collect::<BTreeSet<_>>().len() != operation.refusals.len();
            assert!(!twice, "{label}: a refusal twice");
            // A secret is on record before it is told, and goes with POST or PUT only: a GET is kept on the way.
            let answer = operation.answer;
            let secret = answer.body.is_some_and(|body| body.secret);
            assert!(!secret || answer.released && operation.method != "GET", "{label}");
        }
    }
}
