//! Why an operation was not done: here, over there, or on the way.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use hyper::StatusCode;
use kaskade_codec::sbi::Misread;
use kaskade_codec::sbi::misread::Wrong;
use kaskade_faults::fault;
use kaskade_flow::refusal::{Cause, Refusal, Refused};

use crate::sbi::client::{Answer, ClientError};
use crate::sbi::problem::{Heard, InvalidParam, Problem};
use crate::sbi::write::Unwritable;

/// Why an operation was not done: the reason, and what travels beside it.
#[derive(Debug)]
pub struct NotDone {
    refused: Refused,
    beside: Option<Box<Beside>>,
}

#[derive(Debug)]
enum Beside {
    Parameter(InvalidParam),
    Elsewhere(Elsewhere),
}

/// What a client has seen of an operation that was not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Elsewhere {
    /// The peer refused.
    #[error("the peer answered {} {}", .0.status.as_u16(), .0.cause.map_or("", Cause::name))]
    Refused(Heard),
    /// There was no answer.
    #[error("{0}")]
    Client(ClientError),
    /// The answer is not what the operation answers.
    #[error("the peer answered nonsense: {0}")]
    Nonsense(Cow<'static, str>),
}

impl NotDone {
    /// Because of one parameter: a JSON Pointer, or `{<name>}` of a variable in the path.
    pub fn parameter(why: Refusal, param: impl Into<Cow<'static, str>>, reason: impl Into<Cow<'static, str>>) -> Self {
        let parameter = InvalidParam {
            param: param.into(),
            reason: reason.into(),
        };
        Self {
            refused: why.into(),
            beside: Some(Box::new(Beside::Parameter(parameter))),
        }
    }

    /// Because of a peer, or of the way to it.
    pub fn elsewhere(elsewhere: Elsewhere) -> Self {
        let (why, retry_after) = match &elsewhere {
            Elsewhere::Refused(heard) => (meant(heard), heard.retry_after),
            Elsewhere::Client(error) => (error.refusal(), None),
            Elsewhere::Nonsense(_) => (Refusal::PeerSilent, None),
        };
        let mut refused = Refused::from(why);
        refused.retry_after = retry_after.map(|seconds| Duration::from_secs(seconds.into()));
        Self {
            refused,
            beside: Some(Box::new(Beside::Elsewhere(elsewhere))),
        }
    }

    /// Because the answer is not what the operation answers.
    pub fn nonsense(what: impl Into<Cow<'static, str>>) -> Self {
        Self::elsewhere(Elsewhere::Nonsense(what.into()))
    }

    /// Of an answer that is none of the operation's.
    pub(crate) fn heard(answer: &Answer) -> Self {
        if !answer.status.is_client_error() && !answer.status.is_server_error() {
            return Self::nonsense(format!("status {}", answer.status.as_u16()));
        }
        Self::elsewhere(Elsewhere::Refused(Heard::of(answer)))
    }

    /// Why.
    pub const fn why(&self) -> Refusal {
        self.refused.why
    }

    /// When to try again, where that is known.
    pub const fn retry_after(&self) -> Option<Duration> {
        self.refused.retry_after
    }

    /// Takes what a client has seen out; as it was where this process refused itself.
    ///
    /// # Errors
    /// The same, where there is nothing.
    pub fn into_seen(self) -> Result<Elsewhere, Self> {
        match self.beside.map(|beside| *beside) {
            Some(Beside::Elsewhere(elsewhere)) => Ok(elsewhere),
            beside => Err(Self {
                beside: beside.map(Box::new),
                ..self
            }),
        }
    }

    /// What a client has seen; `None` where this process refused itself.
    pub fn seen(&self) -> Option<&Elsewhere> {
        match self.beside.as_deref()? {
            Beside::Elsewhere(elsewhere) => Some(elsewhere),
            Beside::Parameter(_) => None,
        }
    }
}

/// The reason that a peer's answer stands for.
fn meant(heard: &Heard) -> Refusal {
    match heard.cause {
        Some(cause) => cause.means(),
        None if matches!(
            heard.status,
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
        ) =>
        {
            Refusal::PeerSilent
        }
        None => Refusal::PeerFailed,
    }
}

impl From<Refused> for NotDone {
    fn from(refused: Refused) -> Self {
        Self { refused, beside: None }
    }
}

impl From<Refusal> for NotDone {
    fn from(why: Refusal) -> Self {
        Refused::from(why).into()
    }
}

impl From<ClientError> for NotDone {
    fn from(error: ClientError) -> Self {
        Self::elsewhere(Elsewhere::Client(error))
    }
}

impl From<Unwritable> for NotDone {
    fn from(unwritable: Unwritable) -> Self {
        Refused::from(Refusal::Internal)
            .with_detail(unwritable.to_string())
            .into()
    }
}

/// A request whose body is wrong.
impl From<Misread> for NotDone {
    fn from(misread: Misread) -> Self {
        let what = misread.what();
        let (pointer, reason) = misread.into_parts();
        let why = match what {
            Wrong::Malformed => return Refused::from(Refusal::Malformed).with_detail(reason).into(),
            Wrong::Missing => Refusal::IeMissing,
            Wrong::Mandatory => Refusal::IeIncorrect,
            Wrong::Optional => Refusal::OptionalIeIncorrect,
        };
        Self::parameter(why, pointer, reason)
    }
}

impl From<NotDone> for Problem {
    fn from(not_done: NotDone) -> Self {
        let NotDone { refused, beside } = not_done;
        let mut problem = Self::from(refused);
        if let Some(Beside::Parameter(parameter)) = beside.map(|beside| *beside)
            && !fault!("wrong-parameter-not-named")
        {
            problem.invalid_param = Some(Box::new(parameter));
        }
        problem
    }
}

impl fmt::Display for NotDone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.beside.as_deref() {
            Some(Beside::Elsewhere(elsewhere)) => elsewhere.fmt(f),
            Some(Beside::Parameter(InvalidParam { param, reason })) => {
                write!(f, "{}: {param}: {reason}", self.refused)
            }
            None => self.refused.fmt(f),
        }
    }
}

impl std::error::Error for NotDone {}
