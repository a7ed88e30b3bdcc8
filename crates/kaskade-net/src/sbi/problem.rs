//! What a peer is told when a request fails: `ProblemDetails` (TS 29.571 5.2.4.1), made of a [`Refusal`].
//!
//! Status, cause and whether to try again come from the table of [`kaskade_flow::refusal`]. A problem says the stage and the
//! field, never a key and never a whole SUPI.

use std::borrow::Cow;
use std::time::Duration;

use hyper::StatusCode;
use kaskade_faults::fault;
pub use kaskade_flow::refusal::Cause;
use kaskade_flow::refusal::{Bearer, Refusal, Refused};

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::client::Answer;
use super::write;

/// One wrong parameter (TS 29.571 5.2.4.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InvalidParam {
    /// JSON Pointer of a member, `header <name>`, or `{<name>}` of a variable in the path.
    pub param: Cow<'static, str>,
    /// What was expected, and what came as far as it is no secret.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub reason: Cow<'static, str>,
}

/// Why a request was refused, as the peer sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Why.
    pub why: Refusal,
    /// HTTP status.
    pub status: StatusCode,
    /// Cause of the service, where it defines one.
    pub cause: Option<Cause>,
    /// One sentence for people.
    pub detail: Cow<'static, str>,
    /// The wrong parameter, if that is the reason.
    pub invalid_param: Option<Box<InvalidParam>>,
    /// Value of `Allow`, with 405.
    pub allow: Option<Cow<'static, str>>,
    /// Value of `Retry-After` in seconds.
    pub retry_after: Option<u32>,
    /// `WWW-Authenticate`, where a token is missing or is not enough.
    pub bearer: Option<Bearer>,
    /// The scope that a token needs, which goes along with that.
    pub scope: Option<&'static str>,
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let retry_after = refused.wait().map(whole_seconds).filter(|_| !fault!("wait-not-told"));
        // What nobody can be refused for over HTTP is a failure of this program, when it is said all the same.
        let sbi = refused
            .why
            .verdict()
            .sbi
            .answer()
            .or(Refusal::Internal.verdict().sbi.answer());
        Self {
            why: refused.why,
            status: sbi
                .and_then(|sbi| StatusCode::from_u16(sbi.status()).ok())
                .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            cause: sbi.and_then(|sbi| sbi.cause()),
            detail: refused.detail,
            invalid_param: None,
            allow: None,
            retry_after,
            bearer: sbi.and_then(|sbi| sbi.bearer()),
            scope: None,
        }
    }
}

impl From<Refusal> for Problem {
    fn from(why: Refusal) -> Self {
        Refused::from(why).into()
    }
}

/// For `Retry-After`: whole seconds, one at least.
fn whole_seconds(wait: Duration) -> u32 {
    let seconds = wait.as_nanos().div_ceil(1_000_000_000).max(1);
    u32::try_from(seconds).unwrap_or(u32::MAX)
}

impl Problem {
    /// 405, with the methods that the resource has.
    pub fn method_not_allowed(allow: impl Into<Cow<'static, str>>) -> Self {
        let refused = Refused::from(Refusal::CommandUnsupported).with_detail("the resource does not have this method");
        Self {
            allow: Some(allow.into()),
            ..Self::from(refused)
        }
    }

    /// A refusal because of one parameter.
    pub fn parameter(why: Refusal, param: impl Into<Cow<'static, str>>, reason: impl Into<Cow<'static, str>>) -> Self {
        let mut problem = Self::from(why);
        problem.invalid_param = Some(Box::new(InvalidParam {
            param: param.into(),
            reason: reason.into(),
        }));
        problem
    }

    /// Adds a sentence for people.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = detail.into();
        self
    }

    /// Adds the scope that the operation asks for: a challenge has at least one parameter (RFC 6750 3).
    #[must_use]
    pub const fn with_scope(mut self, scope: &'static str) -> Self {
        self.scope = Some(scope);
        self
    }

    /// The body, `application/problem+json`.
    pub fn json(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        // Text and a number: each has a form.
        let _ = write::json(&mut out, self);
        out
    }
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        let title = match self.cause {
            Some(cause) => cause.title(),
            None => self.status.canonical_reason().unwrap_or("Refused"),
        };
        object.serialize_entry("title", title)?;
        object.serialize_entry("status", &self.status.as_u16())?;
        if !self.detail.is_empty() {
            object.serialize_entry("detail", &self.detail)?;
        }
        if let Some(cause) = self.cause {
            object.serialize_entry("cause", cause.name())?;
        }
        if let Some(invalid) = &self.invalid_param {
            object.serialize_entry("invalidParams", &[&**invalid])?;
        }
        object.end()
    }
}

/// What a peer said when it refused: status and, if it is known here, cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// HTTP status.
    pub status: StatusCode,
    /// Cause, when it is one of [`Cause`].
    pub cause: Option<Cause>,
    /// When to try again, in seconds.
    pub retry_after: Option<u32>,
}

impl Heard {
    /// Reads an error answer.
    pub fn of(answer: &Answer) -> Self {
        let mut heard = Self::parse(answer.status, &answer.body);
        heard.retry_after = answer.retry_after;
        heard
    }

    /// Reads status and body of an error answer. A body that is no `ProblemDetails` leaves the cause unknown.
    pub fn parse(status: StatusCode, body: &[u8]) -> Self {
        #[derive(serde::Deserialize)]
        struct Details<'a> {
            #[serde(borrow)]
            cause: Option<std::borrow::Cow<'a, str>>,
        }
        let cause = serde_json::from_slice::<Details<'_>>(body)
            .ok()
            .and_then(|details| Cause::from_name(&details.cause?));
        Self {
            status,
            cause,
            retry_after: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_told_to_wait_waits_long_enough() {
        let told = |why: Refusal, nanoseconds| {
            let problem = Problem::from(Refused::from(why).after(Duration::from_nanos(nanoseconds)));
            (problem.status.as_u16(), problem.retry_after)
        };
        assert_eq!(told(Refusal::NodeBudgetSpent, 0), (503, Some(1)));
        assert_eq!(told(Refusal::BudgetSpent, 1_000_000_001), (429, Some(2)));
        assert_eq!(told(Refusal::UserNotFound, 1), (404, None));
    }

    #[test]
    fn every_refusal_is_a_problem() {
        for why in Refusal::ALL {
            let problem = Problem::from(*why);
            let Some(sbi) = why.verdict().sbi.answer() else {
                assert_eq!(problem.cause, Some(Cause::SystemFailure), "{why}");
                continue;
            };
            assert_eq!(problem.status.as_u16(), sbi.status(), "{why}");
            assert_eq!((problem.cause, problem.bearer), (sbi.cause(), sbi.bearer()), "{why}");
            let heard = Heard::parse(problem.status, &problem.json());
            assert_eq!(heard.cause, sbi.cause(), "{why}");
        }
    }
}
