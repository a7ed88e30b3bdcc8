//! The contract, answer by answer: for each operation and each answer that its declaration allows, a row with a
//! request that gets it over HTTP/2.
//!
//! | File | What |
//! |---|---|
//! | `rows.rs` | the right request of each operation, and the rows that every operation has |
//! | `own.rs` | the rows of one operation alone |
//! | `world.rs` | the network functions that rows are asked of, and what is there when they are |
//! | `udm.rs` | a UDM of another make |
//! | `told.rs` | what an answer must be: status, cause, parameter, headers, body by the declaration and by 3GPP's OpenAPI file |
//!
//! An answer is a status with its cause. Of those that say that the server cannot (5xx but 501) one for each status is enough: which cause goes
//! with which reason is a table of `kaskade-flow`, with tests of its own.

mod akma;
mod own;
mod rows;
mod told;
mod udm;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use kaskade_net::sbi::service::{Operation, Service};
use kaskade_net::services::ALL;

use crate::common::http::Ask;

/// What a row is asked of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Scene {
    /// All is there, and everybody may.
    Open,
    /// Tokens are required.
    Guarded,
    /// The policy names nobody.
    Closed,
    /// Whoever asks is no AUSF.
    NotAusf,
    /// Each requester may ask once an hour.
    Spent,
    /// A connection has no room for a request.
    Narrow,
    /// The store's disk is full.
    DiskFull,
    /// The next network function is not there.
    Gone,
    /// Messages for the same contexts are in work.
    InWork,
    /// The UDM refuses to take reports back, for whatever reason makes the row's answer.
    Refused,
    /// What AKMA has is over: K_AKMA has expired, and users have no GPSI.
    Over,
}

/// One answer that an operation gives.
struct Row {
    /// The operation's label.
    of: &'static str,
    scene: Scene,
    /// With names of what the scene has in angle brackets.
    ask: Ask<'static>,
    status: u16,
    /// Nothing where it has none; one of several, with `|` between them.
    cause: &'static str,
    /// The parameter that is named, or nothing.
    param: &'static str,
}

/// An answer of an operation: label, status, cause.
type Answer = (String, u16, &'static str);

/// What no row can show.
struct Never {
    /// Labels of operations.
    of: &'static [&'static str],
    status: u16,
    cause: &'static str,
    why: &'static str,
}

const TRIGGERS: [&str; 4] = [
    "nudm-uecm.trigger_auth",
    "nudm-uecm.trigger_auth_by_get",
    "nudm-uecm.auth_trigger",
    "nudm-uecm.auth_trigger_by_get",
];

const NEVER: &[Never] = &[
    Never {
        of: &TRIGGERS,
        status: 400,
        cause: "MANDATORY_IE_MISSING",
        why: "AuthTriggerInfo has no member that must be there",
    },
    Never {
        of: &["naanf-akma.remove_context", "kaskade-nef-notices.service_disable"],
        status: 400,
        cause: "OPTIONAL_IE_INCORRECT",
        why: "the body has one member, which must be there",
    },
    Never {
        of: &["nausf-auth.delete", "nausf-auth.delete_eap"],
        status: 400,
        cause: "MANDATORY_IE_INCORRECT",
        why: "any text may be the name of a context: one that was never given is 404",
    },
    Never {
        of: &["kaskade-nef-notices.service_disable"],
        status: 401,
        cause: "",
        why: "an AAnF has no token for a URI that it was given: its random name is the proof",
    },
    Never {
        of: &["kaskade-nef-notices.service_disable"],
        status: 403,
        cause: "",
        why: "the same",
    },
    Never {
        of: &["nausf-auth.confirm", "nausf-auth.eap_session"],
        status: 500,
        cause: "",
        why: "the audit log must fill up between two messages: `no_k_seaf_leaves_without_room_for_its_record`",
    },
    Never {
        of: &["nudm-ueau.confirm_auth"],
        status: 500,
        cause: "",
        why: "the audit log must fill up after the vector whose success is reported was given",
    },
    Never {
        of: &["nudm-ueau.delete_auth"],
        status: 500,
        cause: "",
        why: "reports are kept in memory: nothing there can fail",
    },
];

/// All operations, by their label.
fn operations() -> BTreeMap<String, (&'static Service, &'static Operation)> {
    let all = ALL
        .iter()
        .flat_map(|service| service.operations.iter().map(move |operation| (*service, operation)));
    all.map(|(service, operation)| (operation.label(), (service, operation)))
        .collect()
}

/// As far as answers are told apart here.
fn answer(of: &str, status: u16, cause: &'static str) -> Answer {
    let cause = if status >= 500 && status != 501 { "" } else { cause };
    (of.to_owned(), status, cause)
}

/// All that the declarations allow.
fn declared() -> BTreeSet<Answer> {
    let mut all = BTreeSet::new();
    for (label, (_, operation)) in operations() {
        all.insert(answer(&label, operation.answer.status, ""));
        if operation.answer.optional {
            all.insert(answer(&label, 204, ""));
        }
        for refusal in operation.all_refusals() {
            let sbi = refusal.verdict().sbi.answer().unwrap();
            let cause = sbi.cause().map_or("", |cause| cause.name());
            all.insert(answer(&label, sbi.status(), cause));
        }
    }
    all
}

/// Each answer that a declaration allows is shown, or is in the list of those that no request can get; and nothing else is.
#[test]
fn every_declared_answer_has_a_row() {
    let declared = declared();
    let rows = rows::all();
    let shown: BTreeSet<Answer> = rows.iter().map(|row| answer(row.of, row.status, row.cause)).collect();
    let mut never = BTreeSet::new();
    for Never { of, status, cause, why } in NEVER {
        assert!(!why.is_empty());
        for label in *of {
            assert!(
                never.insert(answer(label, *status, cause)),
                "{label} {status} {cause}: twice"
            );
        }
    }
    let named = |answers: Vec<&Answer>| {
        let lines = answers
            .iter()
            .map(|(of, status, cause)| format!("{of} → {status} {cause}"));
        lines.collect::<Vec<_>>().join("\n")
    };
    let missing: Vec<_> = declared
        .iter()
        .filter(|answer| !shown.contains(*answer) && !never.contains(*answer))
        .collect();
    assert!(missing.is_empty(), "declared, and no row shows it:\n{}", named(missing));
    let undeclared: Vec<_> = shown.iter().filter(|answer| !declared.contains(*answer)).collect();
    assert!(undeclared.is_empty(), "shown, and not declared:\n{}", named(undeclared));
    let in_vain: Vec<_> = never
        .iter()
        .filter(|answer| !declared.contains(*answer) || shown.contains(*answer))
        .collect();
    assert!(
        in_vain.is_empty(),
        "in the list of what no row shows, in vain:\n{}",
        named(in_vain)
    );
    println!(
        "{} operations, {} answers declared: {} shown by {} rows, {} by none",
        operations().len(),
        declared.len(),
        shown.len(),
        rows.len(),
        never.len()
    );
}

/// Status, cause, parameter and headers of each, its body by the declaration and by 3GPP's file; and what is refused changes nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_of_the_contract_is_given_over_the_wire() {
    let (of_nef, at_home) = rows::all()
        .into_iter()
        .partition::<Vec<_>, _>(|row| world::is_of_nef(row.of));
    let asked = [(of_nef, true), (at_home, false)].map(|(rows, of_nef)| tokio::spawn(told_by(rows, of_nef)));
    let (mut wrong, mut changing) = (Vec::new(), BTreeSet::new());
    for one in asked {
        let seen = one.await.unwrap();
        wrong.extend(seen.wrong);
        changing.extend(seen.changing);
    }
    assert!(wrong.is_empty(), "{} rows:\n{}", wrong.len(), wrong.join("\n"));
    // What is looked at for changes shows them: each operation that is done changes something, but that a message may be gone already.
    let unseen: Vec<_> = operations()
        .into_keys()
        .filter(|label| !changing.contains(label.as_str()) && !TRIGGERS.contains(&label.as_str()))
        .collect();
    assert!(unseen.is_empty(), "nothing has changed when they were done: {unseen:?}");
}

async fn told_by(rows: Vec<Row>, of_nef: bool) -> told::Seen {
    let operations = operations();
    let mut scenes: BTreeMap<Scene, Vec<Row>> = BTreeMap::new();
    let mut asked = Vec::new();
    for row in rows {
        match row.status {
            // What is done changes what is there: each has a world of its own.
            ..400 => asked.push((row.scene, vec![row])),
            _ => scenes.entry(row.scene).or_default().push(row),
        }
    }
    asked.extend(scenes);
    let mut seen = told::Seen::default();
    for (scene, rows) in asked {
        let world = world::World::start(scene, of_nef).await;
        told::by_all(&world, &operations, &rows, &mut seen).await;
        world.end().await;
    }
    seen
}
