//! The services that the roles serve, and that this program asks others for: a declaration each.

pub mod naanf_akma;
pub mod nausf_auth;
pub mod nef_notices;
pub mod nnef_akma;
pub mod nudm_ueau;
pub mod nudm_uecm;
pub mod usage_keys;

use std::fmt::Write as _;

use kaskade_flow::Refusal;

use crate::sbi::service::{Operation, Service};

/// All of them.
pub static ALL: [&Service; 7] = [
    &nausf_auth::SERVICE,
    &nudm_ueau::SERVICE,
    &nudm_uecm::SERVICE,
    &naanf_akma::SERVICE,
    &nnef_akma::SERVICE,
    &nef_notices::SERVICE,
    &usage_keys::SERVICE,
];

/// `docs/sbi.md`: every operation, for readers.
pub fn page() -> String {
    let mut page = String::from(
        "# The service-based interfaces\n\n\
         Every operation that this program serves over HTTP/2, from the declarations in `crates/kaskade-net/src/services`: what it takes and answers, why\n\
         it may be refused, which scope of a token allows it, and where it is specified. [ausf-udm.md](ausf-udm.md) says what the roles do;\n\
         [refusals.md](refusals.md) what each reason is told as.\n\n\
         Written by `cargo run -p kaskade-net --example sbi > docs/sbi.md`.\n",
    );
    for service in ALL {
        let Service {
            name,
            version,
            title,
            clause,
            ..
        } = service;
        let _ = write!(page, "\n## `{name}` {version}\n\n{title} {clause}.\n\n");
        page.push_str("| Operation | Request | Answer | Scope | Source |\n|---|---|---|---|---|\n");
        for operation in service.operations {
            let Operation {
                method,
                path,
                title,
                scope,
                clause,
                ..
            } = operation;
            let request = operation
                .request
                .map_or("–".to_owned(), |body| format!("`{}`", body.name));
            let answer = answer(operation);
            let _ = writeln!(
                page,
                "| `{method} {path}`<br>{title} | {request} | {answer} | `{scope}` | {clause} |"
            );
        }
        page.push_str("\n| Operation | May be refused because of |\n|---|---|\n");
        for operation in service.operations {
            let _ = writeln!(page, "| `{}` | {} |", operation.name, names(operation.refusals));
        }
    }
    let _ = write!(
        page,
        "\n## Every operation\n\nMay be refused because of {}; one with a body because of {}; one that answers with a body \
         because of {}; one with a variable in its path because of {}.\n",
        names(Operation::ALWAYS),
        names(Operation::WITH_BODY),
        names(Operation::WITH_ANSWER),
        names(Operation::WITH_VARIABLES),
    );
    page
}

/// What an operation answers, in few words.
fn answer(operation: &Operation) -> String {
    let answer = operation.answer;
    let mut text = answer.status.to_string();
    if let Some(body) = answer.body {
        let _ = write!(text, " `{}`", body.name);
    }
    if answer.optional {
        text.push_str(", or 204");
    }
    if answer.location {
        text.push_str(", `Location`");
    }
    if answer.released {
        text.push_str(", on record first");
    }
    if answer.body.is_some_and(|body| body.secret) {
        text.push_str(", wiped");
    }
    text
}

fn names(refusals: &[Refusal]) -> String {
    let names: Vec<_> = refusals.iter().map(|refusal| refusal.name()).collect();
    names.join(", ")
}
