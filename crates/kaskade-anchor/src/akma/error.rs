//! Why an application key is not given.

use alloc::string::String;

use kaskade_flow::Refusal;
use kaskade_keys::id::{Fqdn, UaProtocolId};

/// Why application functions are not as they are told to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FunctionsError {
    /// Somebody asks in the name of one function by two rules.
    #[error("{fqdn}: {caller} asks in its name by another rule already; put both into one")]
    Twice {
        /// Which function.
        fqdn: Fqdn,
        /// Who.
        caller: String,
    },
    /// A lifetime of nothing.
    #[error("{0}: a lifetime of 0 seconds; give it at least 1")]
    NoLifetime(Fqdn),
    /// No protocol.
    #[error("{0}: no protocol is spoken with it: name one at least")]
    NoProtocol(Fqdn),
    /// A name that says nothing, or too much.
    #[error("{0}: the name of a caller has 1 to 255 octets")]
    Name(Fqdn),
}

/// Why a request is not admitted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAdmitted {
    /// The function is unknown, or another's: nobody is told which.
    #[error("whoever asks may not ask in the name of this application function")]
    FunctionNotOwned,
    /// The function is the caller's, and does not speak this.
    #[error("the application function does not speak the Ua* protocol {0}")]
    ProtocolNotAllowed(UaProtocolId),
    /// The function may not have keys of this subscriber.
    #[error("the application function may not have keys of this subscriber")]
    SubscriberNotAllowed,
}

impl NotAdmitted {
    /// Which row of the table of refusals it is.
    pub const fn refusal(&self) -> Refusal {
        Refusal::PeerNotAuthorized
    }
}

/// Why there is no key for whoever was admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AkmaError {
    /// The A-KID names no K_AKMA, or names it no more.
    #[error("the A-KID names no K_AKMA")]
    Unknown,
    /// The key has expired, and the same one is not given again.
    #[error("the key of this application function is over, or was revoked, until the user is authenticated again")]
    Over,
    /// As many hold keys of this subscriber as may.
    #[error("{0} keys are held below this K_AKMA, which is as many as may")]
    TooManyHolders(usize),
    /// Whoever asks holds as many as one may.
    #[error("whoever asks holds {0} keys below this K_AKMA, which is as many as one may")]
    TooManyOfOne(usize),
    /// The application function has as many as one may.
    #[error("the application function has {0} keys below this K_AKMA, which is as many as one may")]
    TooManyOfFunction(usize),
}
