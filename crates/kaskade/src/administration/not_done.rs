//! Why something was not done: a refusal of the table, and what travels with it.

use std::borrow::Cow;
use std::fmt;

use kaskade_flow::refusal::{Cause, Retry};
use kaskade_flow::{Refusal, Refused};
use kaskade_store::StoreError;
use kaskade_store::audit::AuditFull;
use serde::{Deserialize, Serialize};

/// Why an operation was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotDone {
    /// The reason, and words about it.
    pub refused: Refused,
    /// JSON Pointer of a member, or `{name}` of a variable, or `?name` of a parameter in the query.
    pub param: Option<String>,
    /// It was done all the same, and only the audit log has not taken all of it yet.
    pub is_done: bool,
    /// It is no refusal of the table that this stands for, but an error of a command.
    pub is_error: bool,
}

impl NotDone {
    /// For this reason, in these words: never a secret, never a whole identity.
    pub fn because(why: Refusal, detail: impl Into<Cow<'static, str>>) -> Self {
        Refused::from(why).with_detail(detail).into()
    }

    /// Because of one member or parameter.
    pub fn of(why: Refusal, param: impl Into<String>, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            param: Some(param.into()),
            ..Self::because(why, detail)
        }
    }

    /// The same of something that was done all the same: what to say before it.
    pub fn but_done(mut self, said: &str) -> Self {
        self.is_done = true;
        self.refused.detail = format!("{said} ({})", self.detail()).into();
        self
    }

    /// The reason.
    pub const fn why(&self) -> Refusal {
        self.refused.why
    }

    /// The words alone, or the sentence of the table where there are none.
    pub fn detail(&self) -> String {
        match self.refused.detail.is_empty() {
            true => self.refused.why.to_string(),
            false => self.refused.detail.clone().into_owned(),
        }
    }

    /// HTTP status; what nobody can be refused for over HTTP is a failure of this program.
    pub fn status(&self) -> u16 {
        self.why().verdict().sbi.answer().map_or(500, |sbi| sbi.status())
    }
}

impl From<Refused> for NotDone {
    fn from(refused: Refused) -> Self {
        Self {
            refused,
            param: None,
            is_done: false,
            is_error: false,
        }
    }
}

impl From<Refusal> for NotDone {
    fn from(why: Refusal) -> Self {
        Refused::from(why).into()
    }
}

impl From<StoreError> for NotDone {
    fn from(error: StoreError) -> Self {
        if let StoreError::GpsiTaken { owner, .. } = &error {
            let detail = format!(
                "belongs to {} (`kaskade subscriber show` with this GPSI shows which that is), and no two subscribers have the same",
                owner.masked()
            );
            return Self::of(Refusal::AlreadyExists, "/gpsi", detail);
        }
        let why = error.refusal().unwrap_or(Refusal::Internal);
        Self::because(why, error.to_string())
    }
}

impl From<AuditFull> for NotDone {
    fn from(full: AuditFull) -> Self {
        Self::because(full.refusal(), full.to_string())
    }
}

impl fmt::Display for NotDone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.param {
            Some(param) => write!(f, "{param}: {}", self.detail()),
            None => f.write_str(&self.detail()),
        }
    }
}

impl std::error::Error for NotDone {}

/// `application/problem+json` (RFC 9457) as this surface writes and reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProblemDetails {
    /// The sentence of the reason.
    title: String,
    /// HTTP status.
    status: u16,
    /// What is wrong, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    detail: String,
    /// The cause of TS 29.500, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    /// The name of the reason in docs/refusals.md and in the audit log.
    reason: String,
    /// The member or parameter that is wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    invalid_params: Vec<InvalidParam>,
    /// It was done all the same, and is on record in the store; the audit log has not taken all of it yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    done: bool,
}

/// One wrong parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
struct InvalidParam {
    /// JSON Pointer of a member, `{name}` of a variable in the path, or `?name` of a parameter in the query.
    param: String,
}

impl From<&NotDone> for ProblemDetails {
    fn from(not_done: &NotDone) -> Self {
        let why = not_done.why();
        let sbi = why.verdict().sbi.answer();
        Self {
            title: why.sentence().to_owned(),
            status: not_done.status(),
            detail: not_done.refused.detail.clone().into_owned(),
            cause: sbi
                .and_then(|sbi| sbi.cause())
                .map(|cause: Cause| cause.name().to_owned()),
            reason: why.name().to_owned(),
            invalid_params: not_done
                .param
                .clone()
                .map(|param| InvalidParam { param })
                .into_iter()
                .collect(),
            done: not_done.is_done,
        }
    }
}

impl From<ProblemDetails> for NotDone {
    fn from(problem: ProblemDetails) -> Self {
        let known = Refusal::ALL.iter().find(|why| why.name() == problem.reason);
        Self {
            refused: Refused::from(known.copied().unwrap_or(Refusal::PeerFailed)).with_detail(problem.detail),
            param: problem.invalid_params.into_iter().next().map(|invalid| invalid.param),
            is_done: problem.done,
            is_error: false,
        }
    }
}

impl NotDone {
    /// Seconds of `Retry-After`, where waiting helps.
    pub fn retry_after(&self) -> Option<u64> {
        let retry = self.why().verdict().sbi.answer()?.retry();
        if retry == Retry::Never {
            return None;
        }
        let wait = self.refused.wait()?;
        Some(
            u64::try_from(wait.as_nanos().div_ceil(1_000_000_000))
                .unwrap_or(u64::MAX)
                .max(1),
        )
    }
}
