//! Services: one declaration per operation, and all that comes of it.
//!
//! [`service!`](crate::service) declares a service: for each operation its method, path, variables, bodies, answer, refusals,
//! scope and clause. Out of that come
//!
//! | What | Where |
//! |---|---|
//! | a trait, which the role implements | the module that declares it |
//! | the router, with 404, 405, 406, 413, 415, 400 and the question whether the caller may | `routes`, for [`Routes`] |
//! | the client, and the link that is one or the other | `Client`, `Link` |
//! | data: tables, labels, scopes, schemas, what to fuzz | `SERVICE`, [`Operation`] |
//!
//! A local call is static dispatch and boxes nothing; one over the wire is one box at either end.

mod answer;
mod caller;
mod failure;
mod link;
mod macros;
mod paths;
mod remote;
mod routes;

use std::fmt;

use hyper::Method;
use kaskade_codec::sbi::Body;
use kaskade_codec::sbi::path::push_segment;
use kaskade_flow::refusal::{Cause, Refusal};

pub use super::head::Authorization;
pub use answer::{Answer, Created, CreatedHere, Echo, Plain, Released, Told};
pub use caller::{Asker, Caller, CorrelationId, Principal};
pub use failure::{Elsewhere, NotDone};
pub use routes::{Api, Beside, Gate, Open, Replying, Routes};

use super::message::Content;
use super::write;

/// What [`service!`](crate::service) names.
#[doc(hidden)]
pub mod code {
    pub use std::borrow::Cow;
    pub use std::boxed::Box;
    pub use std::future::Future;

    pub use hyper::Method;
    pub use kaskade_codec::sbi::Variable;
    pub use kaskade_flow::Refusal;

    pub use super::link::Either;
    pub use super::remote::{Remote, path_to};
    pub use super::routes::{Asked, Served, reply};
    pub use super::variables;
    pub use crate::sbi::client::SbiClient;
    pub use crate::sbi::message::Content;
    pub use crate::sbi::problem::Problem;
}

/// A service: an API in one version.
#[derive(Debug)]
pub struct Service {
    /// Its name in the path, such as `nausf-auth`.
    pub name: &'static str,
    /// Its version in the path, such as `v1`.
    pub version: &'static str,
    /// What it is.
    pub title: &'static str,
    /// Where it is specified.
    pub clause: &'static str,
    /// Its operations.
    pub operations: &'static [Operation],
}

/// An operation of a service.
#[derive(Debug)]
pub struct Operation {
    /// The name of its service in the path.
    pub api: &'static str,
    /// Its name, unique within the service.
    pub name: &'static str,
    /// What it does, in one sentence.
    pub title: &'static str,
    /// Its method.
    pub method: Method,
    /// Its path behind name and version of the API, with variables in braces.
    pub path: &'static str,
    /// The body of its request.
    pub request: Option<BodyForm>,
    /// What it answers when it is done.
    pub answer: AnswerForm,
    /// Why it may be refused, beside what may happen to any operation: [`Operation::ALWAYS`], [`Operation::WITH_BODY`],
    /// [`Operation::WITH_ANSWER`] and [`Operation::WITH_VARIABLES`].
    pub refusals: &'static [Refusal],
    /// The scope of a token that allows it (TS 29.500 6.7.3).
    pub scope: &'static str,
    /// Where it is specified.
    pub clause: &'static str,
}

/// What an operation answers when it is done.
#[derive(Clone, Copy, Debug)]
pub struct AnswerForm {
    /// HTTP status.
    pub status: u16,
    /// What kind of body; nothing is sent where there is none.
    pub content: Content,
    /// Another kind that it may be, by what it tells.
    pub also: Option<Content>,
    /// The body.
    pub body: Option<BodyForm>,
    /// Whether `Location` names what was made.
    pub location: bool,
    /// Whether it holds what must be on record before it is told.
    pub released: bool,
    /// Whether there may be nothing to tell: 204 in place of `status`.
    pub optional: bool,
}

impl AnswerForm {
    /// Whether it has this status.
    pub const fn may_have(&self, status: u16) -> bool {
        status == self.status || self.optional && status == 204
    }
}

/// A body as data.
#[derive(Clone, Copy)]
pub struct BodyForm {
    /// What 3GPP calls it.
    pub name: &'static str,
    /// Whether it holds secrets.
    pub secret: bool,
    rewrite: fn(&[u8]) -> Option<Vec<u8>>,
}

impl BodyForm {
    /// That of a type.
    pub const fn of<T: Body>() -> Self {
        Self {
            name: T::NAME,
            secret: T::SECRET,
            rewrite: |octets| {
                let read = T::from_json(octets).ok()?;
                Some(write::body(&read).map_or_else(|_| Vec::new(), |written| written.to_vec()))
            },
        }
    }

    /// Reads any octets, and writes what it read: nothing where that has no form. `None` where they are no such body.
    ///
    /// For tests of both: secrets are not wiped.
    pub fn rewrite(&self, octets: &[u8]) -> Option<Vec<u8>> {
        (self.rewrite)(octets)
    }
}

impl fmt::Debug for BodyForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Operation {
    /// Why any operation may be refused.
    pub const ALWAYS: &[Refusal] = &[
        Refusal::PeerNotAuthorized,
        Refusal::TokenMissing,
        Refusal::TokenInvalid,
        Refusal::TokenExpired,
        Refusal::ScopeInsufficient,
        Refusal::CommandUnsupported,
        Refusal::ResourceNotFound,
        Refusal::Overloaded,
        Refusal::Internal,
    ];

    /// Why any operation with a body may be refused, too.
    pub const WITH_BODY: &[Refusal] = &[
        Refusal::Malformed,
        Refusal::Unreadable,
        Refusal::IeMissing,
        Refusal::IeIncorrect,
        Refusal::OptionalIeIncorrect,
        Refusal::MediaTypeUnsupported,
        Refusal::TooLarge,
        Refusal::TooSlow,
    ];

    /// Why any operation that answers with a body may be refused, too. Where there is none, `accept` says nothing (RFC 9110 12.5.1).
    pub const WITH_ANSWER: &[Refusal] = &[Refusal::NotAcceptable];

    /// Why any operation with variables in its path may be refused, too.
    pub const WITH_VARIABLES: &[Refusal] = &[Refusal::IeIncorrect];

    /// All reasons for which it may be refused.
    pub fn all_refusals(&self) -> impl Iterator<Item = Refusal> {
        let with_body = self.request.map_or(&[][..], |_| Self::WITH_BODY);
        let with_answer = self.answer.body.map_or(&[][..], |_| Self::WITH_ANSWER);
        let with_variables = match variables(self.path) {
            0 => &[][..],
            _ => Self::WITH_VARIABLES,
        };
        let parts = [self.refusals, Self::ALWAYS, with_body, with_answer, with_variables];
        parts.into_iter().flatten().copied()
    }

    /// Whether a refusal with this status and cause is one of them.
    pub fn may_tell(&self, status: u16, cause: Option<Cause>) -> bool {
        self.all_refusals()
            .filter_map(|refusal| refusal.verdict().sbi.answer())
            .any(|sbi| (sbi.status(), sbi.cause()) == (status, cause))
    }

    /// Its label in metrics and logs.
    pub fn label(&self) -> String {
        format!("{}.{}", self.api, self.name)
    }

    /// The segments of its path.
    pub(crate) fn segments(&self) -> impl Iterator<Item = Segment> + use<> {
        let path = self.path.strip_prefix('/').unwrap_or(self.path);
        path.split('/').map(|segment| {
            let variable = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            variable.map_or(Segment::Name(segment), Segment::Variable)
        })
    }
}

/// A segment of the path of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(hidden)]
pub enum Segment {
    /// It stands there.
    Name(&'static str),
    /// It is a variable of this name.
    Variable(&'static str),
}

impl Service {
    /// The bodies of all its requests and answers.
    pub fn bodies(&self) -> impl Iterator<Item = BodyForm> {
        let both = |operation: &Operation| [operation.request, operation.answer.body];
        self.operations.iter().flat_map(both).flatten()
    }

    /// The path of the API.
    pub(crate) fn base(&self) -> String {
        let mut path = String::with_capacity(128);
        for segment in [self.name, self.version] {
            path.push('/');
            push_segment(&mut path, segment);
        }
        path
    }
}

/// How many variables a path has.
#[doc(hidden)]
pub const fn variables(path: &str) -> usize {
    let (octets, mut at, mut count) = (path.as_bytes(), 0, 0);
    while at < octets.len() {
        if octets[at] == b'{' {
            count += 1;
        }
        at += 1;
    }
    count
}
