//! What an answer must be.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame};
use kaskade_net::sbi::service::{Operation, Service};
use kaskade_testkit::schema::openapi;

use super::world::World;
use super::{Row, Scene};
use crate::common::http::{Ask, Told, send_unchecked, send_with};
use crate::common::schema::SERVICES;
use crate::common::{SUBSCRIBERS, supi};

type Operations = BTreeMap<String, (&'static Service, &'static Operation)>;

/// APIs of which 3GPP's file is at hand.
const WITH_FILE: [&str; 4] = ["nausf-auth", "nudm-ueau", "naanf-akma", "3gpp-akma"];

/// What was found.
#[derive(Default)]
pub(super) struct Seen {
    /// Rows that are not told what they say.
    pub(super) wrong: Vec<String>,
    /// Operations that have changed something.
    pub(super) changing: BTreeSet<&'static str>,
}

/// Of which a refusal by the store leaves that the caller holds a key, as long as nobody knows whether that is durable: it is told of the
/// end, and who asks again is written again (`kaskade_anchor::emsk`).
const TAKES_A_PLACE: [&str; 2] = ["kaskade-usage-keys.usage_key", "kaskade-usage-keys.domain_key"];

/// Asks for all rows of a world, and notes what is wrong with the answers.
pub(super) async fn by_all(world: &World, operations: &Operations, rows: &[Row], seen: &mut Seen) {
    let (slow, rows) = rows.iter().partition::<Vec<_>, _>(|row| row.status == 408);
    for row in rows {
        let (url, ask) = world.filled(row, operations[row.of]);
        world.prepare(row, &url, &ask).await;
        let before = world.state();
        let told = send_unchecked(&url, &ask).await;
        let after = world.state();
        if row.status < 400 && before != after {
            seen.changing.insert(row.of);
        }
        seen.judge(row, operations, (&ask, &told), (&before, &after));
    }
    // Those that wait for a body that never comes wait together.
    let before = world.state();
    let waiting = slow.into_iter().map(|row| {
        let (url, ask) = world.filled(row, operations[row.of]);
        let waits = tokio::spawn(async move { (send_with(&url, &ask, Never).await, ask) });
        (row, waits)
    });
    for (row, waits) in waiting.collect::<Vec<_>>() {
        let (told, ask) = waits.await.unwrap();
        seen.judge(row, operations, (&ask, &told), (&before, &world.state()));
    }
}

impl Seen {
    fn judge(
        &mut self,
        row: &Row,
        operations: &Operations,
        (ask, told): (&Ask<'_>, &Told),
        (before, after): (&[String], &[String]),
    ) {
        let mut found = of(row, operations[row.of], ask, told);
        // A holder counts from the moment on when its record is on its way: that may be durable though the disk is full.
        let takes_place = row.scene == Scene::DiskFull && TAKES_A_PLACE.contains(&row.of);
        if row.status >= 400 && before != after && !takes_place {
            found = found.and(Err(format!("something has changed: {}", differences(before, after))));
        }
        note(&mut self.wrong, row, ask, told, found);
    }
}

fn note(wrong: &mut Vec<String>, row: &Row, ask: &Ask<'_>, told: &Told, found: Result<(), String>) {
    let Err(error) = found else { return };
    let body = ask.body.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
    let short = |text: &str| text.chars().take(600).collect::<String>();
    wrong.push(format!(
        "{} → {} {} in {:?}: {error}\n  asked: {} {} {}\n  told: {} {:?} {}",
        row.of,
        row.status,
        row.cause,
        row.scene,
        ask.method,
        ask.path,
        short(&body),
        told.status,
        told.headers,
        short(&String::from_utf8_lossy(&told.body)),
    ));
}

fn differences(before: &[String], after: &[String]) -> String {
    let only = |of: &[String], not: &[String]| {
        let lines = of.iter().filter(|line| !not.contains(line));
        lines.cloned().collect::<Vec<_>>().join("; ")
    };
    format!("it was {}, and is {}", only(before, after), only(after, before))
}

/// Whether an answer is that of the row.
fn of(row: &Row, asked: (&Service, &Operation), ask: &Ask<'_>, told: &Told) -> Result<(), String> {
    let (service, operation) = asked;
    let is = |what: &str, right: bool| match right {
        true => Ok(()),
        false => Err(what.to_owned()),
    };
    is("another status", told.status == row.status)?;
    let seen = kaskade_testkit::schema::Seen {
        method: ask.method,
        path: ask.path.split('?').next().unwrap_or_default(),
        status: told.status,
        content_type: told.header("content-type"),
        location: told.header("location"),
        body: &told.body,
    };
    SERVICES.try_answer(&seen)?;
    if WITH_FILE.contains(&service.name) {
        let checked = catch_unwind(AssertUnwindSafe(|| openapi::check_answer(&seen)));
        is("not what 3GPP's file says", checked.is_ok())?;
    }
    headers(row, operation, told)?;
    if row.status >= 400 {
        return problem(row, told);
    }
    match operation.answer.may_have(told.status) && told.status != 204 {
        true => is("no body", !told.body.is_empty()),
        false => is("a body", told.body.is_empty() && told.header("content-type").is_none()),
    }
}

fn headers(row: &Row, operation: &Operation, told: &Told) -> Result<(), String> {
    let is = |name: &str, wanted: bool| match told.header(name).is_some() == wanted {
        true => Ok(()),
        false => Err(format!("{name}: {:?}, expected: {wanted}", told.header(name))),
    };
    let made = operation.answer.location && row.status == operation.answer.status;
    is("location", made)?;
    is("allow", row.status == 405)?;
    if row.status == 405 {
        let (told, declared) = (told.header("allow").unwrap_or_default(), allowed(operation));
        let told: Vec<_> = told.split(", ").collect();
        if told != declared {
            return Err(format!("allow: {told:?}, expected {declared:?}"));
        }
    }
    // Who is asked for a token is told which (RFC 6750 3), and nobody else.
    let challenge = told.header("www-authenticate");
    let of_scope = row.status == 403 && challenge.is_some();
    is("www-authenticate", row.status == 401 || of_scope)?;
    if let Some(challenge) = challenge {
        let scope = format!("scope=\"{}\"", operation.scope);
        let error = match (row.status, told_token(row)) {
            (403, _) => Some("insufficient_scope"),
            (_, true) => Some("invalid_token"),
            (_, false) => None,
        };
        let error = error.map_or(String::new(), |error| format!("error=\"{error}\", "));
        let expected = format!("Bearer {error}{scope}");
        if challenge != expected {
            return Err(format!("www-authenticate: {challenge}, expected: {expected}"));
        }
    }
    let wait = told.header("retry-after");
    match row.status {
        429 | 503 => match wait.and_then(|wait| wait.parse::<u32>().ok()) {
            Some(1..=3600) => Ok(()),
            _ => Err(format!("retry-after: {wait:?}")),
        },
        ..=499 | 501 if wait.is_some() => Err(format!("retry-after: {wait:?}")),
        _ => Ok(()),
    }
}

/// Whether the request has a token.
fn told_token(row: &Row) -> bool {
    row.ask.headers.iter().any(|(name, _)| *name == "authorization")
}

/// Methods of a path, in the order of their declarations.
fn allowed(operation: &Operation) -> Vec<&'static str> {
    let services = kaskade_net::services::ALL.iter();
    let own = services.filter(|service| service.name == operation.api);
    own.flat_map(|service| service.operations)
        .filter(|other| other.path == operation.path)
        .map(|other| other.method.as_str())
        .collect()
}

fn problem(row: &Row, told: &Told) -> Result<(), String> {
    let content = told.header("content-type");
    if content != Some("application/problem+json") {
        return Err(format!("content type {content:?}"));
    }
    let json = told.json();
    let cause = json["cause"].as_str().unwrap_or_default();
    if !row.cause.split('|').any(|one| one == cause) {
        return Err(format!("cause {cause}"));
    }
    let named = json["invalidParams"][0]["param"].as_str().unwrap_or_default();
    if named != row.param {
        return Err(format!("the parameter {named:?} is named, expected {:?}", row.param));
    }
    let reason = json["invalidParams"][0]["reason"].as_str().unwrap_or_default();
    if named.is_empty() != reason.is_empty() || json["title"].as_str().unwrap_or_default().is_empty() {
        return Err("no reason for people".to_owned());
    }
    let text = json.to_string();
    for of in 0..SUBSCRIBERS {
        if text.contains(&supi(of).sbi()["imsi-".len()..]) {
            return Err("it names a subscriber".to_owned());
        }
    }
    Ok(())
}

/// A body that never comes.
struct Never;

impl Body for Never {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}
