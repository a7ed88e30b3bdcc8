//! What HTTP tells: status, cause, when to try again.
//!
//! | Where | Source of the causes |
//! |---|---|
//! | every service | TS 29.500 5.2.7.2 |
//! | Nudm_UEAuthentication | TS 29.503 6.3.7 |
//! | Nausf_UEAuthentication | TS 29.509 6.1.7 |
//! | Nausf_SoRProtection, Nausf_UPUProtection | TS 29.509 6.2.7, 6.3.7 |
//! | Namf_Communication | TS 29.518 6.1.7 |

use core::fmt;

use super::Refusal;

macro_rules! causes {
    ($( $(#[$meta:meta])* $Cause:ident = $name:literal, $status:literal, $title:literal; )*) => {
        /// A machine-readable cause of a refusal (TS 29.571 5.2.4.1), with the one status code that it travels with.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Cause {
            $( $(#[$meta])* $Cause, )*
        }

        impl Cause {
            /// Every cause that this program sends or understands.
            pub const ALL: &[Self] = &[$(Self::$Cause),*];

            /// The cause as it travels.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$Cause => $name,)* }
            }

            /// The HTTP status code that it travels with.
            pub const fn status(self) -> u16 {
                match self { $(Self::$Cause => $status,)* }
            }

            /// A short title for people.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$Cause => $title,)* }
            }

            /// Reads a cause; `None` for one that this program does not know.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$Cause),)* _ => None }
            }
        }
    };
}

causes! {
    /// The API name or version is not served here (TS 29.500 5.2.7.2).
    InvalidApi = "INVALID_API", 400, "Unknown API or version";
    /// The body is not what its content type says (TS 29.500 5.2.7.2).
    InvalidMsgFormat = "INVALID_MSG_FORMAT", 400, "Malformed message";
    /// A required member is missing (TS 29.500 5.2.7.2).
    MandatoryIeMissing = "MANDATORY_IE_MISSING", 400, "Required member is missing";
    /// A required member, or a variable of the path, is wrong (TS 29.500 5.2.7.2).
    MandatoryIeIncorrect = "MANDATORY_IE_INCORRECT", 400, "Required member is wrong";
    /// An optional member is wrong (TS 29.500 5.2.7.2).
    OptionalIeIncorrect = "OPTIONAL_IE_INCORRECT", 400, "Optional member is wrong";
    /// The path names nothing under this API (TS 29.500 5.2.7.2).
    ResourceUriStructureNotFound = "RESOURCE_URI_STRUCTURE_NOT_FOUND", 404, "No such resource";
    /// The program failed; nothing is wrong with the request (TS 29.500 5.2.7.2).
    SystemFailure = "SYSTEM_FAILURE", 500, "Internal failure";
    /// Something that must be durable could not be written (TS 29.500 5.2.7.2).
    InsufficientResources = "INSUFFICIENT_RESOURCES", 500, "Out of resources";
    /// Unspecified failure of a peer (TS 29.500 5.2.7.2).
    UnspecifiedNfFailure = "UNSPECIFIED_NF_FAILURE", 500, "Unspecified failure";
    /// Too much to do (TS 29.500 5.2.7.2).
    NfCongestion = "NF_CONGESTION", 503, "Congestion";
    /// This peer asks too much (TS 29.500 5.2.7.2).
    NfCongestionRisk = "NF_CONGESTION_RISK", 429, "Too many requests";
    /// Nothing is changed at present: another message for the same resource is in work (TS 29.500 5.2.7.2).
    ModificationNotAllowed = "MODIFICATION_NOT_ALLOWED", 403, "Not to be changed now";
    /// The serving network may not authenticate this home network's users (TS 29.503 6.3.7.3, TS 29.509 6.1.7.3).
    ServingNetworkNotAuthorized = "SERVING_NETWORK_NOT_AUTHORIZED", 403, "Serving network is not authorised";
    /// The user cannot be authenticated this way (TS 29.503 6.3.7.3, TS 29.509 6.1.7.3).
    AuthenticationRejected = "AUTHENTICATION_REJECTED", 403, "Authentication rejected";
    /// No home network key pair has this identifier (TS 29.503 6.3.7.3, TS 29.509 6.1.7.3).
    InvalidHnPublicKeyIdentifier = "INVALID_HN_PUBLIC_KEY_IDENTIFIER", 403, "Unknown home network public key";
    /// The SUCI does not open (TS 29.503 6.3.7.3, TS 29.509 6.1.7.3).
    InvalidSchemeOutput = "INVALID_SCHEME_OUTPUT", 403, "The SUCI cannot be deconcealed";
    /// Nobody of that name in this home network (TS 29.503 6.3.7.3, TS 29.509 6.1.7.3).
    UserNotFound = "USER_NOT_FOUND", 404, "Unknown subscriber";
    /// The named record does not exist (TS 29.503 6.3.7.3).
    DataNotFound = "DATA_NOT_FOUND", 404, "No such record";
    /// The authentication context does not exist, is spent, or has expired (TS 29.509 6.1.7.3).
    ContextNotFound = "CONTEXT_NOT_FOUND", 404, "No such authentication context";
    /// The protection scheme of the SUCI is not supported (TS 29.503 6.3.7.3, TS 29.509 6.1.7.3).
    UnsupportedProtectionScheme = "UNSUPPORTED_PROTECTION_SCHEME", 501, "Unsupported protection scheme";
    /// The UDM could not make an authentication vector (TS 29.509 6.1.7.3).
    AvGenerationProblem = "AV_GENERATION_PROBLEM", 500, "No authentication vector";
    /// The UDM did not answer, or not in its protocol (TS 29.509 6.1.7.3).
    UpstreamServerError = "UPSTREAM_SERVER_ERROR", 504, "The UDM does not answer";
    /// The UDM cannot be reached (TS 29.509 6.1.7.3).
    NetworkFailure = "NETWORK_FAILURE", 504, "The UDM cannot be reached";
    /// The counter of a protected list is at its end until there is a new K_AUSF (TS 29.509 6.2.7.3, 6.3.7.3).
    CounterWrap = "COUNTER_WRAP", 503, "The counter is at its end";
    /// The message that came along is not authentic (TS 29.518 6.1.7.3).
    IntegrityCheckFail = "INTEGRITY_CHECK_FAIL", 403, "Integrity check failed";
}

impl Cause {
    /// What a peer that says so means. The answer to that has this cause again.
    pub const fn means(self) -> Refusal {
        match self {
            Self::InvalidApi => Refusal::ApiUnknown,
            Self::InvalidMsgFormat => Refusal::Malformed,
            Self::MandatoryIeMissing => Refusal::IeMissing,
            Self::MandatoryIeIncorrect => Refusal::IeIncorrect,
            Self::OptionalIeIncorrect => Refusal::OptionalIeIncorrect,
            Self::ResourceUriStructureNotFound => Refusal::ResourceNotFound,
            Self::SystemFailure => Refusal::Internal,
            Self::InsufficientResources => Refusal::StoreFull,
            Self::UnspecifiedNfFailure => Refusal::PeerFailed,
            Self::NfCongestion => Refusal::Overloaded,
            Self::NfCongestionRisk => Refusal::BudgetSpent,
            Self::ModificationNotAllowed => Refusal::InWork,
            Self::ServingNetworkNotAuthorized => Refusal::ServingNetworkNotAuthorized,
            Self::AuthenticationRejected => Refusal::AuthenticationRejected,
            Self::InvalidHnPublicKeyIdentifier => Refusal::SuciKeyUnknown,
            Self::InvalidSchemeOutput => Refusal::SuciNotOpened,
            Self::UserNotFound => Refusal::UserNotFound,
            Self::DataNotFound => Refusal::DataNotFound,
            Self::ContextNotFound => Refusal::ContextNotFound,
            Self::UnsupportedProtectionScheme => Refusal::SuciSchemeUnsupported,
            Self::AvGenerationProblem => Refusal::NoVector,
            Self::UpstreamServerError => Refusal::PeerSilent,
            Self::NetworkFailure => Refusal::PeerUnreachable,
            Self::CounterWrap => Refusal::CounterSpent,
            Self::IntegrityCheckFail => Refusal::MacFailure,
        }
    }
}

/// Whether trying the same again later can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Retry {
    /// It cannot.
    Never,
    /// It can, when whoever refuses knows when.
    WhenKnown,
    /// It can; after a second if nobody knows better.
    Soon,
}

/// The `WWW-Authenticate: Bearer` that goes along (RFC 6750 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bearer {
    /// Without an error: there was no token.
    NoToken,
    /// `error="invalid_token"`.
    InvalidToken,
    /// `error="insufficient_scope"`.
    InsufficientScope,
}

impl Bearer {
    /// The value of `error`, if there is one.
    pub const fn error(self) -> Option<&'static str> {
        match self {
            Self::NoToken => None,
            Self::InvalidToken => Some("invalid_token"),
            Self::InsufficientScope => Some("insufficient_scope"),
        }
    }
}

/// What is told over HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sbi {
    status: u16,
    cause: Option<Cause>,
    retry: Retry,
    bearer: Option<Bearer>,
}

impl Sbi {
    /// A cause, with its status.
    pub(super) const fn cause_of(cause: Cause) -> Self {
        Self {
            cause: Some(cause),
            ..Self::bare(cause.status())
        }
    }

    /// A status without a cause: no table of causes has one for it.
    pub(super) const fn bare(status: u16) -> Self {
        Self {
            status,
            cause: None,
            retry: Retry::Never,
            bearer: None,
        }
    }

    pub(super) const fn retry_as(self, retry: Retry) -> Self {
        Self { retry, ..self }
    }

    pub(super) const fn challenged(status: u16, bearer: Bearer) -> Self {
        Self {
            bearer: Some(bearer),
            ..Self::bare(status)
        }
    }

    /// The HTTP status code. 204 says that there is nothing to give, which is no error to HTTP.
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The cause in `ProblemDetails`, where a table of 3GPP has one.
    pub const fn cause(&self) -> Option<Cause> {
        self.cause
    }

    /// Whether `Retry-After` makes sense.
    pub const fn retry(&self) -> Retry {
        self.retry
    }

    /// The challenge that goes along.
    pub const fn bearer(&self) -> Option<Bearer> {
        self.bearer
    }
}

impl fmt::Display for Sbi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        if let Some(cause) = self.cause {
            write!(f, " {}", cause.name())?;
        }
        match self.bearer.map(Bearer::error) {
            None => {}
            Some(None) => f.write_str(", Bearer")?,
            Some(Some(error)) => write!(f, ", Bearer {error}")?,
        }
        match self.retry {
            Retry::Never => Ok(()),
            Retry::WhenKnown => f.write_str(", later if known"),
            Retry::Soon => f.write_str(", later"),
        }
    }
}
