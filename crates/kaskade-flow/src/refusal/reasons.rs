//! The table: every reason, and what each protocol tells of it.
//!
//! | Where a cell is from | What |
//! |---|---|
//! | SBI | TS 29.500 5.2.7.2 and the tables of the services; RFC 6750 for tokens; a status alone where no table has a cause |
//! | S6a, SWx | TS 29.272 7.4, TS 29.273 8.2.4, RFC 6733 7.1 |
//! | EAP | RFC 4187 6.3: a server that refuses notifies first |
//! | RADIUS | RFC 3579 2.2, 2.6.3: what a gateway may ask another server for is dropped, what concerns the user is rejected |
//! | GSUP | TS 24.008 10.5.5.14, as OsmoHLR uses it |
//! | EMSDP | project profile EMSDP-P1; what may not come from the UE gets no answer |
//! | exit | `sysexits.h` |
//!
//! What no source settles is the project profile "refusals", version 1: `docs/adr/0009-refusals.md`.

use super::table::{cell, refusals};
use super::{Bearer, Cause, Diameter, Eap, Emsdp, EmsdpCause, Exit, GmmCause, Gsup, Notification, Radius, Retry, Sbi};

// Short words for the cells.
use Diameter as D;
use Radius::{Again, Discard, Reject};

const fn cause(cause: Cause) -> Sbi {
    Sbi::cause_of(cause)
}

/// A cause whose peer may try again: after a second, if nobody knows better.
const fn soon(cause: Cause) -> Sbi {
    Sbi::cause_of(cause).retry_as(Retry::Soon)
}

/// A cause whose peer may try again when whoever refuses says.
const fn known(cause: Cause) -> Sbi {
    Sbi::cause_of(cause).retry_as(Retry::WhenKnown)
}

const fn status(status: u16) -> Sbi {
    Sbi::bare(status)
}

const fn gmm(cause: GmmCause) -> Gsup {
    Gsup::Error(cause)
}

const fn emsdp(cause: EmsdpCause) -> Emsdp {
    Emsdp::Reject(cause)
}

const GENERAL: Eap = Eap::Notify(Notification::General);
const DENIED: Eap = Eap::Notify(Notification::TemporarilyDenied);
const NOT_SUBSCRIBED: Eap = Eap::Notify(Notification::NotSubscribed);

refusals! {
    // Who: the user and the card.
    UserNotFound = 2, "user-not-found", "Nobody of this identity is a subscriber of this home network.",
        sbi [cause(Cause::UserNotFound)] s6a [D::USER_UNKNOWN] swx [D::USER_UNKNOWN]
        eap [GENERAL] radius [Reject] gsup [gmm(GmmCause::ImsiUnknown)] emsdp [emsdp(EmsdpCause::UnknownUser)] exit [Exit::NoUser];
    SuciNotOpened = 9, "suci-rejected", "The SUCI does not open: its scheme output is wrong.",
        sbi [cause(Cause::InvalidSchemeOutput)] s6a [-] swx [-]
        eap [GENERAL] radius [Reject] gsup [-] emsdp [emsdp(EmsdpCause::UnknownUser)] exit [Exit::Data];
    SuciKeyUnknown = 64, "suci-key-unknown", "No key pair of this home network has the identifier in the SUCI.",
        sbi [cause(Cause::InvalidHnPublicKeyIdentifier)] s6a [-] swx [-]
        eap [GENERAL] radius [Reject] gsup [-] emsdp [emsdp(EmsdpCause::UnknownUser)] exit [Exit::Data];
    SuciSchemeUnsupported = 65, "suci-scheme-unsupported", "The protection scheme of the SUCI is not known here.",
        sbi [cause(Cause::UnsupportedProtectionScheme)] s6a [-] swx [-]
        eap [GENERAL] radius [Reject] gsup [-] emsdp [emsdp(EmsdpCause::UnknownUser)] exit [Exit::Data];
    AuthenticationRejected = 3, "authentication-rejected", "The user is not authenticated: RES, RES* or what stands for it is wrong, or the home network says so.",
        sbi [cause(Cause::AuthenticationRejected)] s6a [-] swx [-]
        eap [GENERAL] radius [Reject] gsup [-] emsdp [emsdp(EmsdpCause::NotAuthenticated)] exit [Exit::NotAllowed];
    AutsRejected = 4, "auts-rejected", "The AUTS is not of this card and this challenge.",
        sbi [cause(Cause::AuthenticationRejected)] s6a [D::UNABLE_TO_COMPLY] swx [D::UNABLE_TO_COMPLY]
        eap [GENERAL] radius [Reject] gsup [gmm(GmmCause::NetworkFailure)] emsdp [emsdp(EmsdpCause::NotAuthenticated)] exit [Exit::Data];
    MacFailure = 66, "mac-failure", "The message is not authentic: its integrity check fails.",
        sbi [cause(Cause::IntegrityCheckFail)] s6a [-] swx [-]
        eap [GENERAL] radius [Discard] gsup [-] emsdp [Emsdp::Discard] exit [Exit::Protocol];
    UeRefused = 67, "ue-refused", "The user's device has ended the run itself.",
        sbi [-] s6a [-] swx [-]
        eap [Eap::Failure] radius [Reject] gsup [-] emsdp [-] exit [Exit::Failed];
    MethodNotAllowed = 11, "method-not-allowed", "The subscription does not allow this method of authentication.",
        sbi [cause(Cause::AuthenticationRejected)] s6a [-] swx [D::AUTH_SCHEME_NOT_SUPPORTED]
        eap [GENERAL] radius [Reject] gsup [-] emsdp [emsdp(EmsdpCause::Unsupported)] exit [Exit::NotAllowed];
    MethodUnknown = 68, "method-unknown", "The method of authentication is not known here.",
        sbi [-] s6a [-] swx [D::AUTH_SCHEME_NOT_SUPPORTED]
        eap [GENERAL] radius [Reject] gsup [-] emsdp [emsdp(EmsdpCause::Unsupported)] exit [-];
    ForwardSecrecyRequired = 69, "forward-secrecy-required", "The run has no forward secrecy, which is required here.",
        sbi [cause(Cause::AuthenticationRejected)] s6a [-] swx [-]
        eap [GENERAL] radius [Reject] gsup [-] emsdp [-] exit [Exit::Failed];
    NumbersSpent = 17, "numbers-spent", "No sequence number is left that the card would accept.",
        sbi [cause(Cause::AuthenticationRejected)] s6a [D::UNABLE_TO_COMPLY] swx [D::UNABLE_TO_COMPLY]
        eap [GENERAL] radius [Reject] gsup [gmm(GmmCause::NetworkFailure)] emsdp [emsdp(EmsdpCause::Failure)] exit [Exit::Failed];
    CardReplaced = 70, "card-replaced", "The card was replaced by another in the middle.",
        sbi [cause(Cause::AuthenticationRejected)] s6a [D::AUTHENTICATION_DATA_UNAVAILABLE] swx [D::AUTHENTICATION_DATA_UNAVAILABLE]
        eap [GENERAL] radius [Reject] gsup [gmm(GmmCause::NetworkFailure)] emsdp [emsdp(EmsdpCause::Failure)] exit [Exit::Later];

    // Where and what for: the subscription.
    ServingNetworkNotAuthorized = 5, "serving-network-not-authorized", "The serving network may not authenticate users of this home network.",
        sbi [cause(Cause::ServingNetworkNotAuthorized)] s6a [D::AUTHORIZATION_REJECTED] swx [D::AUTHORIZATION_REJECTED]
        eap [GENERAL] radius [Reject] gsup [gmm(GmmCause::PlmnNotAllowed)] emsdp [emsdp(EmsdpCause::NotAllowed)] exit [Exit::NotAllowed];
    AccessBarred = 71, "access-barred", "The subscriber is barred for the time being.",
        sbi [cause(Cause::AuthenticationRejected)] s6a [D::AUTHORIZATION_REJECTED] swx [D::AUTHORIZATION_REJECTED]
        eap [DENIED] radius [Reject] gsup [gmm(GmmCause::IllegalMs)] emsdp [emsdp(EmsdpCause::NotAllowed)] exit [Exit::NotAllowed];
    RoamingNotAllowed = 72, "roaming-not-allowed", "The subscription does not allow this network.",
        sbi [cause(Cause::ServingNetworkNotAuthorized)] s6a [D::ROAMING_NOT_ALLOWED] swx [D::ROAMING_NOT_ALLOWED]
        eap [NOT_SUBSCRIBED] radius [Reject] gsup [gmm(GmmCause::RoamingNotAllowed)] emsdp [emsdp(EmsdpCause::NotAllowed)] exit [Exit::NotAllowed];
    RatNotAllowed = 73, "rat-not-allowed", "The subscription does not allow this radio access.",
        sbi [-] s6a [D::RAT_NOT_ALLOWED] swx [D::RAT_TYPE_NOT_ALLOWED]
        eap [NOT_SUBSCRIBED] radius [Reject] gsup [gmm(GmmCause::NoSuitableCells)] emsdp [emsdp(EmsdpCause::NotAllowed)] exit [-];
    ServiceNotSubscribed = 74, "service-not-subscribed", "The subscription does not have this service.",
        sbi [cause(Cause::AuthenticationRejected)] s6a [D::UNKNOWN_EPS_SUBSCRIPTION] swx [D::USER_NO_NON_3GPP_SUBSCRIPTION]
        eap [NOT_SUBSCRIBED] radius [Reject] gsup [gmm(GmmCause::GprsNotAllowed)] emsdp [emsdp(EmsdpCause::NotAllowed)] exit [Exit::NotAllowed];
    ServedElsewhere = 75, "served-elsewhere", "Another server has registered for this user.",
        sbi [-] s6a [-] swx [D::IDENTITY_ALREADY_REGISTERED]
        eap [-] radius [-] gsup [-] emsdp [-] exit [-];
    RealmNotServed = 76, "realm-not-served", "The realm is another home network's.",
        sbi [-] s6a [D::REALM_NOT_SERVED] swx [D::REALM_NOT_SERVED]
        eap [GENERAL] radius [Reject] gsup [-] emsdp [emsdp(EmsdpCause::UnknownUser)] exit [-];

    // Who asks.
    PeerNotAuthorized = 6, "peer-not-authorized", "The peer may not do this.",
        sbi [status(403)] s6a [D::AUTHORIZATION_REJECTED] swx [D::AUTHORIZATION_REJECTED]
        eap [-] radius [Discard] gsup [gmm(GmmCause::NetworkFailure)] emsdp [-] exit [Exit::NotAllowed];
    TokenMissing = 77, "token-missing", "A token is required, and there is none.",
        sbi [Sbi::challenged(401, Bearer::NoToken)] s6a [-] swx [-]
        eap [-] radius [-] gsup [-] emsdp [-] exit [Exit::NotAllowed];
    TokenInvalid = 78, "token-invalid", "The token is not valid here: not well formed, not signed by who may, or for somebody else.",
        sbi [Sbi::challenged(401, Bearer::InvalidToken)] s6a [-] swx [-]
        eap [-] radius [-] gsup [-] emsdp [-] exit [Exit::NotAllowed];
    TokenExpired = 79, "token-expired", "The token is not valid at this time.",
        sbi [Sbi::challenged(401, Bearer::InvalidToken)] s6a [-] swx [-]
        eap [-] radius [-] gsup [-] emsdp [-] exit [Exit::NotAllowed];
    ScopeInsufficient = 80, "scope-insufficient", "The token does not allow this operation.",
        sbi [Sbi::challenged(403, Bearer::InsufficientScope)] s6a [-] swx [-]
        eap [-] radius [-] gsup [-] emsdp [-] exit [Exit::NotAllowed];
    ClientNotAuthenticated = 130, "client-not-authenticated", "The client is not known to the token endpoint, or its secret is wrong.",
        sbi [status(401)] s6a [-] swx [-]
        eap [-] radius [-] gsup [-] emsdp [-] exit [Exit::NotAllowed];

    // What is asked for is not there, or not now.
    ContextNotFound = 7, "context-not-found", "There is no such context or registration: never was, is spent, or has expired.",
        sbi [cause(Cause::ContextNotFound)] s6a [D::UNKNOWN_SERVING_NODE] swx [D::IDENTITY_NOT_REGISTERED]
        eap [GENERAL] radius [Reject] gsup [gmm(GmmCause::ImsiUnknown)] emsdp [emsdp(EmsdpCause::UnknownSession)] exit [Exit::Unavailable];
    DataNotFound = 81, "data-not-found", "There is no such record.",
        sbi [cause(Cause::DataNotFound)] s6a [-] swx [-]
        eap [-] radius [-] gsup [-] emsdp [-] exit [Exit::Unavailable];
    ReauthenticationKeyUnknown = 82, "reauthentication-key-unknown", "No re-authentication key has this name: a whole run is needed.",
        sbi [-] s6a [-] swx [-]
        eap [Eap::ErpFailed] radius [Reject] gsup [-] emsdp [-] exit [Exit::Failed];
    InWork = 14, "conflict", "Another message for the same thing is in work, or was faster.",
        sbi [cause(Cause::ModificationNotAllowed)] s6a [-] swx [-]
        eap [Eap::Discard] radius [Discard] gsup [-] emsdp [Emsdp::Discard] exit [Exit::Later];
    AlreadyExists = 83, "already-exists", "There is one of this name already.",
        sbi [status(409)] s6a [-] swx [-]
        eap [-] radius [-] gsup [-] emsdp [-] exit [Exit::Failed];
    RevisionConflict = 84, "revision-conflict", "It was changed by somebody else meanwhile.",
        sbi [status(412)] s6a [-] swx [-]
        eap [-] radius [-] gsup [-] emsdp [-] exit [Exit::Later];
    CounterSpent = 85, "counter-spent", "The counter is at its end until there is a new key.",
        sbi [cause(Cause::CounterWrap)] s6a [-] swx [-]
        eap [-] radius [-] gsup [-] emsdp [emsdp(EmsdpCause::UnknownKey)] exit [Exit::Failed];

    // AKMA and BEST.
    AkmaKeyUnknown = 86, "akma-key-unknown", "No AKMA key has this A-KID.",
        sbi [status(204)] s6a [-] swx [-]
        eap [-] radius [-] gsup [-] emsdp [-] exit [Exit::Unavailable];
    AkmaNotAllowed = 87, "akma-not-allowed", "The subscription does not have AKMA, or not here.",
        sbi [status(403)] s6a [-] swx [-]
        eap [-] radius [-] gsup [-] emsdp [-] exit [Exit::NotAllowed];
    AfNotAuthorized = 88, "af-not-authorized", "The application function may not have keys for this AF_ID.",
        sbi [status(403)] s6a [-] swx [-]
        eap [-] radius [-] gsup [-] emsdp [-] exit [Exit::NotAllowed];
    BestNotEnabled = 89, "best-not-enabled", "The subscription does not have BEST, or not in this form.",
        sbi [status(403)] s6a [-] swx [-]
        eap [-] radius [-] gsup [-] emsdp [emsdp(EmsdpCause::NotAllowed)] exit [Exit::NotAllowed];
    EnterpriseUnknown = 90, "enterprise-unknown", "There is no such enterprise server.",
        sbi [status(404)] s6a [-] swx [-]
        eap [-] radius [-] gsup [-] emsdp [emsdp(EmsdpCause::UnknownEnterprise)] exit [Exit::Unavailable];
    EnterpriseKeyUnknown = 91, "enterprise-key-unknown", "No key of this user has this identifier.",
        sbi [status(404)] s6a [-] swx [-]
        eap [-] radius [-] gsup [-] emsdp [emsdp(EmsdpCause::UnknownKey)] exit [Exit::Unavailable];

    // How much.
    BudgetSpent = 10, "budget-spent", "Whoever asks has asked for too much.",
        sbi [known(Cause::NfCongestionRisk)] s6a [D::AUTHENTICATION_DATA_UNAVAILABLE] swx [D::AUTHENTICATION_DATA_UNAVAILABLE]
        eap [GENERAL] radius [Discard] gsup [gmm(GmmCause::Congestion)] emsdp [emsdp(EmsdpCause::Congestion)] exit [Exit::Later];
    NodeBudgetSpent = 92, "node-budget-spent", "All together ask for too much.",
        sbi [known(Cause::NfCongestion)] s6a [D::TOO_BUSY] swx [D::TOO_BUSY]
        eap [GENERAL] radius [Discard] gsup [gmm(GmmCause::Congestion)] emsdp [emsdp(EmsdpCause::Congestion)] exit [Exit::Later];
    Overloaded = 15, "overloaded", "There is no room for more at present.",
        sbi [soon(Cause::NfCongestion)] s6a [D::TOO_BUSY] swx [D::TOO_BUSY]
        eap [GENERAL] radius [Discard] gsup [gmm(GmmCause::Congestion)] emsdp [emsdp(EmsdpCause::Congestion)] exit [Exit::Later];
    AuditStalled = 93, "audit-stalled", "The audit log waits for its disk.",
        sbi [soon(Cause::NfCongestion)] s6a [D::AUTHENTICATION_DATA_UNAVAILABLE] swx [D::AUTHENTICATION_DATA_UNAVAILABLE]
        eap [GENERAL] radius [Discard] gsup [gmm(GmmCause::Congestion)] emsdp [emsdp(EmsdpCause::Congestion)] exit [Exit::Later];

    // What failed here.
    AuditFull = 13, "audit-full", "The audit log has no room.",
        sbi [cause(Cause::InsufficientResources)] s6a [D::UNABLE_TO_COMPLY] swx [D::UNABLE_TO_COMPLY]
        eap [GENERAL] radius [Discard] gsup [gmm(GmmCause::NetworkFailure)] emsdp [emsdp(EmsdpCause::Failure)] exit [Exit::NoSpace];
    AuditFailed = 94, "audit-failed", "The audit log has failed.",
        sbi [cause(Cause::SystemFailure)] s6a [D::UNABLE_TO_COMPLY] swx [D::UNABLE_TO_COMPLY]
        eap [GENERAL] radius [Discard] gsup [gmm(GmmCause::NetworkFailure)] emsdp [emsdp(EmsdpCause::Failure)] exit [Exit::Io];
    StoreFull = 95, "store-full", "The store has no room.",
        sbi [cause(Cause::InsufficientResources)] s6a [D::UNABLE_TO_COMPLY] swx [D::UNABLE_TO_COMPLY]
        eap [GENERAL] radius [Discard] gsup [gmm(GmmCause::NetworkFailure)] emsdp [emsdp(EmsdpCause::Failure)] exit [Exit::NoSpace];
    StoreFailed = 12, "store-failed", "The store does not work.",
        sbi [cause(Cause::SystemFailure)] s6a [D::UNABLE_TO_COMPLY] swx [D::UNABLE_TO_COMPLY]
        eap [GENERAL] radius [Discard] gsup [gmm(GmmCause::NetworkFailure)] emsdp [emsdp(EmsdpCause::Failure)] exit [Exit::Io];
    StoreAway = 140, "store-away", "The store cannot be reached for the moment.",
        sbi [soon(Cause::NfCongestion)] s6a [D::AUTHENTICATION_DATA_UNAVAILABLE] swx [D::AUTHENTICATION_DATA_UNAVAILABLE]
        eap [GENERAL] radius [Discard] gsup [gmm(GmmCause::Congestion)] emsdp [emsdp(EmsdpCause::Congestion)] exit [Exit::Later];
    NoRandomness = 96, "no-randomness", "The system gives no random numbers.",
        sbi [cause(Cause::SystemFailure)] s6a [D::UNABLE_TO_COMPLY] swx [D::UNABLE_TO_COMPLY]
        eap [GENERAL] radius [Discard] gsup [gmm(GmmCause::NetworkFailure)] emsdp [emsdp(EmsdpCause::Failure)] exit [Exit::System];
    Stopping = 97, "stopping", "The program is stopping.",
        sbi [cause(Cause::SystemFailure)] s6a [D::TOO_BUSY] swx [D::TOO_BUSY]
        eap [Eap::Discard] radius [Discard] gsup [gmm(GmmCause::NetworkFailure)] emsdp [emsdp(EmsdpCause::Congestion)] exit [Exit::Later];
    Internal = 98, "internal", "The program failed.",
        sbi [cause(Cause::SystemFailure)] s6a [D::UNABLE_TO_COMPLY] swx [D::UNABLE_TO_COMPLY]
        eap [GENERAL] radius [Discard] gsup [gmm(GmmCause::NetworkFailure)] emsdp [emsdp(EmsdpCause::Failure)] exit [Exit::Software];

    // What failed elsewhere.
    PeerUnreachable = 16, "peer-unreachable", "The other network function cannot be reached.",
        sbi [known(Cause::NetworkFailure)] s6a [D::UNABLE_TO_DELIVER] swx [D::UNABLE_TO_DELIVER]
        eap [GENERAL] radius [Discard] gsup [gmm(GmmCause::NetworkFailure)] emsdp [emsdp(EmsdpCause::Failure)] exit [Exit::Unavailable];
    PeerSilent = 99, "peer-silent", "The other network function does not answer, or not in its protocol.",
        sbi [known(Cause::UpstreamServerError)] s6a [D::UNABLE_TO_DELIVER] swx [D::UNABLE_TO_DELIVER]
        eap [GENERAL] radius [Discard] gsup [gmm(GmmCause::NetworkFailure)] emsdp [emsdp(EmsdpCause::Failure)] exit [Exit::Protocol];
    PeerFailed = 100, "peer-failed", "The other network function has failed, and does not say why.",
        sbi [known(Cause::UnspecifiedNfFailure)] s6a [D::UNABLE_TO_COMPLY] swx [D::UNABLE_TO_COMPLY]
        eap [GENERAL] radius [Discard] gsup [gmm(GmmCause::NetworkFailure)] emsdp [emsdp(EmsdpCause::Failure)] exit [Exit::Unavailable];
    NoVector = 101, "no-vector", "The home network could not make an authentication vector.",
        sbi [known(Cause::AvGenerationProblem)] s6a [D::AUTHENTICATION_DATA_UNAVAILABLE] swx [D::AUTHENTICATION_DATA_UNAVAILABLE]
        eap [GENERAL] radius [Discard] gsup [gmm(GmmCause::NetworkFailure)] emsdp [emsdp(EmsdpCause::Failure)] exit [Exit::Unavailable];

    // How it is asked.
    Malformed = 8, "malformed", "The message is not what its protocol says.",
        sbi [cause(Cause::InvalidMsgFormat)] s6a [D::INVALID_AVP_LENGTH] swx [D::INVALID_AVP_LENGTH]
        eap [Eap::Discard] radius [Discard] gsup [gmm(GmmCause::SemanticallyIncorrect)] emsdp [Emsdp::Discard] exit [Exit::Data];
    Unreadable = 102, "unreadable", "Not even the kind of the message can be read.",
        sbi [status(400)] s6a [-] swx [-]
        eap [Eap::Discard] radius [Discard] gsup [Gsup::Discard] emsdp [Emsdp::Discard] exit [-];
    EapPacketInvalid = 103, "eap-packet-invalid", "The EAP packet in the message cannot be used, and the run goes on.",
        sbi [-] s6a [-] swx [-]
        eap [Eap::Discard] radius [Again] gsup [-] emsdp [-] exit [-];
    IeMissing = 104, "ie-missing", "Something required is missing.",
        sbi [cause(Cause::MandatoryIeMissing)] s6a [D::MISSING_AVP] swx [D::MISSING_AVP]
        eap [GENERAL] radius [Discard] gsup [gmm(GmmCause::InvalidMandatory)] emsdp [emsdp(EmsdpCause::InvalidMessage)] exit [Exit::Data];
    IeIncorrect = 105, "ie-incorrect", "Something required is wrong.",
        sbi [cause(Cause::MandatoryIeIncorrect)] s6a [D::INVALID_AVP_VALUE] swx [D::INVALID_AVP_VALUE]
        eap [GENERAL] radius [Discard] gsup [gmm(GmmCause::InvalidMandatory)] emsdp [emsdp(EmsdpCause::InvalidMessage)] exit [Exit::Data];
    OptionalIeIncorrect = 106, "optional-ie-incorrect", "Something that need not be there is wrong.",
        sbi [cause(Cause::OptionalIeIncorrect)] s6a [D::INVALID_AVP_VALUE] swx [D::INVALID_AVP_VALUE]
        eap [GENERAL] radius [Discard] gsup [gmm(GmmCause::ConditionalIe)] emsdp [emsdp(EmsdpCause::InvalidMessage)] exit [Exit::Data];
    IeUnknown = 107, "ie-unknown", "Something that must be understood is not known here.",
        sbi [-] s6a [D::AVP_UNSUPPORTED] swx [D::AVP_UNSUPPORTED]
        eap [GENERAL] radius [-] gsup [gmm(GmmCause::IeUnknown)] emsdp [-] exit [-];
    ApiUnknown = 108, "api-unknown", "The API is not served here, or not in this version.",
        sbi [cause(Cause::InvalidApi)] s6a [D::APPLICATION_UNSUPPORTED] swx [D::APPLICATION_UNSUPPORTED]
        eap [-] radius [-] gsup [-] emsdp [-] exit [Exit::Unavailable];
    ResourceNotFound = 109, "resource-not-found", "The path names nothing.",
        sbi [cause(Cause::ResourceUriStructureNotFound)] s6a [-] swx [-]
        eap [-] radius [-] gsup [-] emsdp [-] exit [-];
    CommandUnsupported = 110, "command-unsupported", "The command is not known here, or not for this resource.",
        sbi [status(405)] s6a [D::COMMAND_UNSUPPORTED] swx [D::COMMAND_UNSUPPORTED]
        eap [Eap::Discard] radius [Discard] gsup [gmm(GmmCause::MessageUnknown)] emsdp [emsdp(EmsdpCause::Unsupported)] exit [-];
    VersionUnsupported = 111, "version-unsupported", "The version of the protocol is not known here.",
        sbi [-] s6a [D::UNSUPPORTED_VERSION] swx [D::UNSUPPORTED_VERSION]
        eap [-] radius [-] gsup [-] emsdp [emsdp(EmsdpCause::Unsupported)] exit [Exit::Protocol];
    FeatureUnsupported = 112, "feature-unsupported", "A feature that the request needs is not known here.",
        sbi [-] s6a [D::FEATURE_UNSUPPORTED] swx [D::FEATURE_UNSUPPORTED]
        eap [-] radius [-] gsup [-] emsdp [emsdp(EmsdpCause::Unsupported)] exit [-];
    LoopDetected = 113, "loop-detected", "The request was here before.",
        sbi [-] s6a [D::LOOP_DETECTED] swx [D::LOOP_DETECTED]
        eap [-] radius [-] gsup [-] emsdp [-] exit [-];
    NotAcceptable = 114, "not-acceptable", "The answer has no form that the peer takes.",
        sbi [status(406)] s6a [-] swx [-]
        eap [-] radius [-] gsup [-] emsdp [-] exit [-];
    MediaTypeUnsupported = 115, "media-type-unsupported", "The body has a form that is not read here.",
        sbi [status(415)] s6a [-] swx [-]
        eap [-] radius [-] gsup [-] emsdp [-] exit [-];
    TooLarge = 116, "too-large", "The body is too large.",
        sbi [status(413)] s6a [-] swx [-]
        eap [-] radius [-] gsup [-] emsdp [-] exit [Exit::Data];
    TooSlow = 117, "too-slow", "The request takes too long to arrive.",
        sbi [status(408)] s6a [-] swx [-]
        eap [-] radius [-] gsup [-] emsdp [-] exit [Exit::Later];

    // What a device refuses: the UE's end.
    NetworkNotAuthentic = 118, "network-not-authentic", "The challenge is not of the home network, or not for this use.",
        sbi [-] s6a [-] swx [-]
        eap [Eap::AuthenticationReject] radius [-] gsup [-] emsdp [-] exit [Exit::Protocol];
    PacketNotUsable = 119, "packet-not-usable", "The device cannot use what the network sent.",
        sbi [-] s6a [-] swx [-]
        eap [Eap::ClientError(0)] radius [-] gsup [-] emsdp [-] exit [Exit::Protocol];
}
