//! Why something is refused, and what each protocol tells of it.
//!
//! A network function says [`Refusal`]; the table of this module says what becomes of it:
//!
//! | Column | Told to | What |
//! |---|---|---|
//! | code and name | the audit log | [`Refusal::code`], [`Refusal::name`]: for ever |
//! | sentence | people | [`Refusal::sentence`] |
//! | [`Verdict::sbi`] | who asks over HTTP: network functions, application servers, administration | status, cause of TS 29.500 or of the service, `Retry-After`, challenge |
//! | [`Verdict::s6a`], [`Verdict::swx`] | who asks over Diameter | `Result-Code`, or `Experimental-Result` of 3GPP |
//! | [`Verdict::eap`] | the other end of EAP-AKA, EAP-AKA' or ERP | notification, failure, error, nothing |
//! | [`Verdict::radius`] | an access gateway | reject, the last challenge again, nothing |
//! | [`Verdict::gsup`] | who asks over GSUP | cause of TS 24.008 |
//! | [`Verdict::emsdp`] | a UE that speaks EMSDP | a reject of the project profile, nothing |
//! | [`Verdict::exit`] | whoever started the command | exit status |
//!
//! Every cell is an answer or "cannot happen": [`Told`]. `docs/refusals.md` is the table for readers. The wire is the business of
//! whoever writes the protocol: nothing here is a message. What else belongs to one refusal, when to try again and a sentence
//! about it, travels beside the reason: [`Refused`].
//!
//! ```
//! use kaskade_flow::refusal::{Refusal, Told};
//!
//! let Told::Answer(sbi) = Refusal::UserNotFound.verdict().sbi else { unreachable!() };
//! assert_eq!((sbi.status(), sbi.cause().map(|cause| cause.name())), (404, Some("USER_NOT_FOUND")));
//! let Told::Answer(s6a) = Refusal::UserNotFound.verdict().s6a else { unreachable!() };
//! assert_eq!(s6a.to_string(), "5001 USER_UNKNOWN (3GPP)");
//! ```

mod access;
mod cause;
mod diameter;
mod other;
mod reasons;
mod table;

use alloc::borrow::Cow;
use core::fmt;
use core::time::Duration;

pub use access::{Eap, Notification, Radius};
pub use cause::{Bearer, Cause, Retry, Sbi};
pub use diameter::{Diameter, Vendor};
pub use other::{Emsdp, EmsdpCause, Exit, GmmCause, Gsup};
pub use reasons::Refusal;

/// What a protocol tells of a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Told<T> {
    /// This.
    Answer(T),
    /// Nobody who speaks this protocol can be refused for that.
    CannotHappen,
}

impl<T: Copy> Told<T> {
    /// The answer, if there can be one.
    pub const fn answer(self) -> Option<T> {
        match self {
            Self::Answer(answer) => Some(answer),
            Self::CannotHappen => None,
        }
    }
}

/// What each protocol tells of one reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// HTTP: service-based interfaces, AKMA, BEST's enterprises, administration.
    pub sbi: Told<Sbi>,
    /// Diameter S6a and S6d (TS 29.272).
    pub s6a: Told<Diameter>,
    /// Diameter SWx (TS 29.273).
    pub swx: Told<Diameter>,
    /// EAP-AKA, EAP-AKA', ERP (RFC 4187, RFC 9048, RFC 6696).
    pub eap: Told<Eap>,
    /// RADIUS with EAP (RFC 3579).
    pub radius: Told<Radius>,
    /// GSUP.
    pub gsup: Told<Gsup>,
    /// EMSDP (TS 33.163) as the project profile EMSDP-P1 writes it.
    pub emsdp: Told<Emsdp>,
    /// The exit status of a command.
    pub exit: Told<Exit>,
}

/// The columns of [`Verdict`], as readers call them.
pub const COLUMNS: [&str; 8] = ["SBI", "S6a", "SWx", "EAP", "RADIUS", "GSUP", "EMSDP", "exit"];

impl Verdict {
    /// What stands in each of [`COLUMNS`]; `None` for what cannot happen.
    pub const fn cells(&self) -> [Option<&dyn fmt::Display>; 8] {
        const fn cell<T: fmt::Display>(told: &Told<T>) -> Option<&dyn fmt::Display> {
            match told {
                Told::Answer(answer) => Some(answer),
                Told::CannotHappen => None,
            }
        }
        [
            cell(&self.sbi),
            cell(&self.s6a),
            cell(&self.swx),
            cell(&self.eap),
            cell(&self.radius),
            cell(&self.gsup),
            cell(&self.emsdp),
            cell(&self.exit),
        ]
    }
}

impl fmt::Display for Refusal {
    /// The sentence without its full stop.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence().trim_end_matches('.'))
    }
}

impl core::error::Error for Refusal {}

/// One refusal: the reason, and what travels beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub why: Refusal,
    /// When to try again, where that is known better than the table says.
    pub retry_after: Option<Duration>,
    /// One more sentence for people: never a secret, never a whole identity.
    pub detail: Cow<'static, str>,
}

impl Refused {
    /// With the time after which the same may succeed.
    #[must_use]
    pub const fn after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// With a sentence for people.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = detail.into();
        self
    }

    /// How long the peer is told to wait: what is known, else what the table says, and nothing where waiting does not help.
    pub fn wait(&self) -> Option<Duration> {
        match self.why.verdict().sbi.answer()?.retry() {
            Retry::Never => None,
            Retry::WhenKnown => self.retry_after,
            Retry::Soon => Some(self.retry_after.unwrap_or(Duration::from_secs(1))),
        }
    }
}

impl From<Refusal> for Refused {
    fn from(why: Refusal) -> Self {
        Self {
            why,
            retry_after: None,
            detail: Cow::Borrowed(""),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.detail.is_empty() {
            true => self.why.fmt(f),
            false => write!(f, "{}: {}", self.why, self.detail),
        }
    }
}

impl core::error::Error for Refused {}

#[cfg(test)]
mod tests;
