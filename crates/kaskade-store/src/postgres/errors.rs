//! What the server and the way to it say, in the words of an engine.

use std::error::Error as _;
use std::path::Path;

use kaskade_faults::fault;
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use crate::error::EngineError;

/// What an error of the client means.
pub(super) fn of(server: &Path, error: &Error) -> EngineError {
    let why = said(error);
    match error.code() {
        Some(code) => of_server(server, code, why),
        None if is_of_tls(error) => refused(server, format!("no TLS with it: {why}")),
        None if error.is_closed() || is_of_the_system(error) => away(server, why),
        None => refused(server, why),
    }
}

pub(super) fn away(server: &Path, why: impl Into<String>) -> EngineError {
    EngineError::Away {
        server: server.display().to_string(),
        why: why.into(),
    }
}

pub(super) fn refused(server: &Path, why: impl Into<String>) -> EngineError {
    EngineError::Refused {
        server: server.display().to_string(),
        why: why.into(),
    }
}

pub(super) fn unreliable(server: &Path, why: impl Into<String>) -> EngineError {
    EngineError::Unreliable {
        server: server.display().to_string(),
        why: why.into(),
    }
}

/// The same for another who waits.
pub(super) fn same(error: &EngineError) -> EngineError {
    match error {
        EngineError::Away { server, why } => away(Path::new(server), why.clone()),
        EngineError::Refused { server, why } => refused(Path::new(server), why.clone()),
        EngineError::Unreliable { server, why } => unreliable(Path::new(server), why.clone()),
        EngineError::TakenOver(server) => EngineError::TakenOver(server.clone()),
        EngineError::Full(server) => EngineError::Full(server.clone()),
        error => EngineError::Other(error.to_string()),
    }
}

/// Whether the server has undone a transaction, and the same may succeed when it is tried again.
pub(super) fn is_to_be_repeated(error: &Error) -> bool {
    let repeated = [
        &SqlState::T_R_SERIALIZATION_FAILURE,
        &SqlState::T_R_DEADLOCK_DETECTED,
        // Somebody else has made a row or a link since it was looked for.
        &SqlState::UNIQUE_VIOLATION,
    ];
    if fault!("postgres-same-row-not-repeated") && error.code() == Some(&SqlState::UNIQUE_VIOLATION) {
        return false;
    }
    error.code().is_some_and(|code| repeated.contains(&code))
}

/// PostgreSQL, appendix A: class and condition.
fn of_server(server: &Path, code: &SqlState, why: String) -> EngineError {
    match code.code() {
        "53100" => EngineError::Full(server.into()),
        // It is a standby that takes no changes, or has ended a transaction that stood still.
        "25006" | "25P03" => away(server, why),
        // Class 08: the way to it; 53: it has no room for another connection, or no memory; 57: it starts, stops, or somebody has it
        // stop; 58: its system fails.
        code if ["08", "53", "57", "58"].iter().any(|class| code.starts_with(class)) => away(server, why),
        // Class 28: who it is; 3D: which database; 42501: what it may; 42P01 and 3F000: no tables.
        "42501" => refused(server, format!("{why}: this user may not do that")),
        "42P01" | "3F000" => refused(server, format!("{why}: `kaskade store migrate` makes the tables")),
        code if code.starts_with("28") || code.starts_with("3D") => refused(server, why),
        code => EngineError::Other(format!("{}: {why} (SQLSTATE {code})", server.display())),
    }
}

/// Its innermost cause: the outer ones say only where it happened.
fn said(error: &Error) -> String {
    if let Some(said) = error.as_db_error() {
        return said.message().to_owned();
    }
    let mut inner: &dyn std::error::Error = error;
    while let Some(cause) = inner.source() {
        inner = cause;
    }
    inner.to_string()
}

fn is_of_the_system(error: &Error) -> bool {
    error.source().is_some_and(|cause| cause.is::<std::io::Error>())
}

/// What TLS found wrong comes as an error of the system, with the cause inside; without that, the connection broke while it shook hands.
fn is_of_tls(error: &Error) -> bool {
    match error.source().and_then(|cause| cause.downcast_ref::<std::io::Error>()) {
        Some(cause) => cause.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()),
        // The server has none, or its name is none.
        None => error.to_string().starts_with("error performing TLS handshake"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_by_itself_is_no_reason_to_end() {
        let of = |code: &str| of_server(Path::new("server"), &SqlState::from_code(code), String::new());
        for code in [
            "08006", "25006", "25P03", "53200", "53300", "57014", "57P01", "57P03", "58030", "58P01",
        ] {
            assert!(matches!(of(code), EngineError::Away { .. }), "{code}");
        }
        assert!(matches!(of("53100"), EngineError::Full(_)));
        for code in ["28P01", "3D000", "42501", "42P01"] {
            assert!(matches!(of(code), EngineError::Refused { .. }), "{code}");
        }
        assert!(matches!(of("XX001"), EngineError::Other(_)));
    }
}
