//! What a peer is told when a request fails: `ProblemDetails` and the closed list of causes (TS 29.571 5.2.4.1).
//!
//! | Where | Source of the causes |
//! |---|---|
//! | every service | TS 29.500 5.2.7.2 |
//! | Nudm_UEAuthentication | TS 29.503 6.3.7 |
//! | Nausf_UEAuthentication | TS 29.509 6.1.7 |
//!
//! A problem says the stage and the field, never a key and never a whole SUPI.

use std::borrow::Cow;

use hyper::StatusCode;

use super::client::Answer;
use super::json;

macro_rules! causes {
    ($( $(#[$meta:meta])* $Cause:ident = $name:literal, $status:ident, $title:literal; )*) => {
        /// A machine-readable cause of a refusal, with the one status code that it travels with.
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

            /// The status code it travels with.
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$Cause => StatusCode::$status,)* }
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
    InvalidApi = "INVALID_API", BAD_REQUEST, "Unknown API or version";
    /// The body is not what its content type says (TS 29.500 5.2.7.2).
    InvalidMsgFormat = "INVALID_MSG_FORMAT", BAD_REQUEST, "Malformed message";
    /// A required member is missing (TS 29.500 5.2.7.2).
    MandatoryIeMissing = "MANDATORY_IE_MISSING", BAD_REQUEST, "Required member is missing";
    /// A required member, or a variable of the path, is wrong (TS 29.500 5.2.7.2).
    MandatoryIeIncorrect = "MANDATORY_IE_INCORRECT", BAD_REQUEST, "Required member is wrong";
    /// An optional member is wrong (TS 29.500 5.2.7.2).
    OptionalIeIncorrect = "OPTIONAL_IE_INCORRECT", BAD_REQUEST, "Optional member is wrong";
    /// The path names nothing under this API (TS 29.500 5.2.7.2).
    ResourceUriStructureNotFound = "RESOURCE_URI_STRUCTURE_NOT_FOUND", NOT_FOUND, "No such resource";
    /// The program failed; nothing is wrong with the request (TS 29.500 5.2.7.2).
    SystemFailure = "SYSTEM_FAILURE", INTERNAL_SERVER_ERROR, "Internal failure";
    /// Something that must be durable could not be written (TS 29.500 5.2.7.2).
    InsufficientResources = "INSUFFICIENT_RESOURCES", INTERNAL_SERVER_ERROR, "Out of resources";
    /// Unspecified failure of a peer (TS 29.500 5.2.7.2).
    UnspecifiedNfFailure = "UNSPECIFIED_NF_FAILURE", INTERNAL_SERVER_ERROR, "Unspecified failure";
    /// Too much to do (TS 29.500 5.2.7.2).
    NfCongestion = "NF_CONGESTION", SERVICE_UNAVAILABLE, "Congestion";
    /// This peer asks too much (TS 29.500 5.2.7.2).
    NfCongestionRisk = "NF_CONGESTION_RISK", TOO_MANY_REQUESTS, "Too many requests";
    /// Nothing is changed at present: another message for the same resource is in work (TS 29.500 5.2.7.2).
    ModificationNotAllowed = "MODIFICATION_NOT_ALLOWED", FORBIDDEN, "Not to be changed now";
    /// The serving network may not authenticate this home network's users (TS 29.503 6.3.7.3, TS 29.509 6.1.7.3).
    ServingNetworkNotAuthorized = "SERVING_NETWORK_NOT_AUTHORIZED", FORBIDDEN, "Serving network is not authorised";
    /// The user cannot be authenticated this way (TS 29.503 6.3.7.3, TS 29.509 6.1.7.3).
    AuthenticationRejected = "AUTHENTICATION_REJECTED", FORBIDDEN, "Authentication rejected";
    /// No home network key pair has this identifier (TS 29.503 6.3.7.3, TS 29.509 6.1.7.3).
    InvalidHnPublicKeyIdentifier = "INVALID_HN_PUBLIC_KEY_IDENTIFIER", FORBIDDEN, "Unknown home network public key";
    /// The SUCI does not open (TS 29.503 6.3.7.3, TS 29.509 6.1.7.3).
    InvalidSchemeOutput = "INVALID_SCHEME_OUTPUT", FORBIDDEN, "The SUCI cannot be deconcealed";
    /// Nobody of that name in this home network (TS 29.503 6.3.7.3, TS 29.509 6.1.7.3).
    UserNotFound = "USER_NOT_FOUND", NOT_FOUND, "Unknown subscriber";
    /// The named record does not exist (TS 29.503 6.3.7.3).
    DataNotFound = "DATA_NOT_FOUND", NOT_FOUND, "No such record";
    /// The authentication context does not exist, is spent, or has expired (TS 29.509 6.1.7.3).
    ContextNotFound = "CONTEXT_NOT_FOUND", NOT_FOUND, "No such authentication context";
    /// The protection scheme of the SUCI is not supported (TS 29.503 6.3.7.3, TS 29.509 6.1.7.3).
    UnsupportedProtectionScheme = "UNSUPPORTED_PROTECTION_SCHEME", NOT_IMPLEMENTED, "Unsupported protection scheme";
    /// The UDM could not make an authentication vector (TS 29.509 6.1.7.3).
    AvGenerationProblem = "AV_GENERATION_PROBLEM", INTERNAL_SERVER_ERROR, "No authentication vector";
    /// The UDM did not answer, or not in its protocol (TS 29.509 6.1.7.3).
    UpstreamServerError = "UPSTREAM_SERVER_ERROR", GATEWAY_TIMEOUT, "The UDM does not answer";
    /// The UDM cannot be reached (TS 29.509 6.1.7.3).
    NetworkFailure = "NETWORK_FAILURE", GATEWAY_TIMEOUT, "The UDM cannot be reached";
}

/// One wrong parameter (TS 29.571 5.2.4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidParam {
    /// JSON Pointer of a member, `header <name>`, or `{<name>}` of a variable in the path.
    pub param: Cow<'static, str>,
    /// What was expected, and what came as far as it is no secret.
    pub reason: Cow<'static, str>,
}

/// Why a request was refused, as the peer sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// HTTP status.
    pub status: StatusCode,
    /// Cause of the service, where it defines one.
    pub cause: Option<Cause>,
    /// One sentence for people.
    pub detail: Cow<'static, str>,
    /// The wrong parameter, if that is the reason.
    pub invalid_param: Option<Box<InvalidParam>>,
    /// Value of `Allow`, with 405.
    pub allow: Option<&'static str>,
    /// Value of `Retry-After` in seconds, with 429 and 503.
    pub retry_after: Option<u32>,
}

impl From<Cause> for Problem {
    fn from(cause: Cause) -> Self {
        Self {
            status: cause.status(),
            cause: Some(cause),
            detail: Cow::Borrowed(""),
            invalid_param: None,
            allow: None,
            retry_after: None,
        }
    }
}

impl Problem {
    /// A refusal by HTTP itself, without a cause of the service.
    pub const fn http(status: StatusCode, detail: &'static str) -> Self {
        Self {
            status,
            cause: None,
            detail: Cow::Borrowed(detail),
            invalid_param: None,
            allow: None,
            retry_after: None,
        }
    }

    /// 405, with the methods that the resource has.
    pub const fn method_not_allowed(allow: &'static str) -> Self {
        let mut problem = Self::http(StatusCode::METHOD_NOT_ALLOWED, "the resource does not have this method");
        problem.allow = Some(allow);
        problem
    }

    /// A refusal because of one parameter.
    pub fn parameter(cause: Cause, param: impl Into<Cow<'static, str>>, reason: impl Into<Cow<'static, str>>) -> Self {
        let mut problem = Self::from(cause);
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

    /// Adds when to try again, in seconds from now: `Retry-After` (RFC 9110 10.2.3).
    #[must_use]
    pub const fn with_retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The body, `application/problem+json`.
    pub fn json(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        let mut object = json::Object::new(&mut out);
        let title = match self.cause {
            Some(cause) => cause.title(),
            None => self.status.canonical_reason().unwrap_or("Refused"),
        };
        object.text("title", title);
        object.number("status", self.status.as_u16().into());
        if !self.detail.is_empty() {
            object.text("detail", &self.detail);
        }
        if let Some(cause) = self.cause {
            object.text("cause", cause.name());
        }
        if let Some(invalid) = &self.invalid_param {
            object.array_of_one("invalidParams", |object| {
                object.text("param", &invalid.param);
                if !invalid.reason.is_empty() {
                    object.text("reason", &invalid.reason);
                }
            });
        }
        object.end();
        out
    }
}

/// What a peer said when it refused: status and, if it is known here, cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: StatusCode,
    /// Cause, when it is one of [`Cause`].
    pub cause: Option<Cause>,
    /// When to try again, in seconds.
    pub retry_after: Option<u32>,
}

impl Refusal {
    /// Reads an error answer.
    pub fn of(answer: &Answer) -> Self {
        let mut refusal = Self::parse(answer.status, &answer.body);
        refusal.retry_after = answer.retry_after;
        refusal
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
