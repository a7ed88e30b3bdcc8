//! The exit status that an error stands for: what was refused, as the table of refusals says it; 1 for everything else.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, ErrorKind};

use kaskade::card::CardError;
use kaskade::config::ConfigError;
use kaskade::hex_field::HexError;
use kaskade::hn_key_file::HnKeyFileError;
use kaskade::import::ImportError;
use kaskade_flow::refusal::Exit;
use kaskade_flow::{Refusal, Refused};
use kaskade_net::role::seaf::AusfClientError;
use kaskade_store::audit::{AuditError, AuditFull};
use kaskade_store::private::{PrivateError, is_no_room};
use kaskade_store::{EngineError, MasterKeyError, StoreError, WritingStopped};

use crate::admin::NotDone;
use crate::console::failed_output;

/// The status after a failure of the store, for the supervisor.
pub(crate) const STORE_FAILED: u8 = match Refusal::StoreFailed.verdict().exit.answer() {
    Some(exit) => exit.number(),
    None => Exit::Failed.number(),
};

/// The exit status that an error stands for.
pub(crate) fn status(error: &anyhow::Error) -> u8 {
    let told = why(error).and_then(|why| why.verdict().exit.answer());
    let told = told.or_else(|| error.chain().find_map(of_caller));
    told.unwrap_or(Exit::Failed).number()
}

/// What is the matter with what the caller gave, or what the system lets it do: no refusal that a peer could be told.
fn of_caller(error: &(dyn std::error::Error + 'static)) -> Option<Exit> {
    if let Some(file) = file_of(error) {
        let is_barred = match file {
            PrivateError::Io { kind, .. } => *kind == ErrorKind::PermissionDenied,
            PrivateError::Mode { .. } | PrivateError::Owner { .. } | PrivateError::OpenParent { .. } => true,
            _ => false,
        };
        return is_barred.then_some(Exit::NotAllowed);
    }
    match error.downcast_ref().map(io::Error::kind) {
        Some(ErrorKind::PermissionDenied) => return Some(Exit::NotAllowed),
        // It is free when whoever has it has ended.
        Some(ErrorKind::AddrInUse) => return Some(Exit::Later),
        _ => {}
    }
    if matches!(error.downcast_ref(), Some(ConfigError::Writable(_))) {
        return Some(Exit::NotAllowed);
    }
    let is_data =
        error.is::<CardError>() || error.is::<HexError>() || error.is::<HnKeyFileError>() || error.is::<ImportError>();
    is_data.then_some(Exit::Data)
}

/// What is the matter with a file, whatever was to be done with it.
fn file_of<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e PrivateError> {
    let of_engine = |cause: &'e EngineError| match cause {
        EngineError::Private(file) => Some(file),
        _ => None,
    };
    if let Some(file) = error.downcast_ref() {
        return Some(file);
    }
    if let Some(cause) = error.downcast_ref() {
        return of_engine(cause);
    }
    if let Some(StoreError::Read(cause) | StoreError::Write(cause)) = error.downcast_ref() {
        return of_engine(cause);
    }
    if let Some(AuditError::Private(file)) = error.downcast_ref() {
        return Some(file);
    }
    match error.downcast_ref() {
        Some(MasterKeyError::File(file)) => Some(file),
        _ => None,
    }
}

/// The refusal that an error stands for.
pub(crate) fn why(error: &anyhow::Error) -> Option<Refusal> {
    error.chain().find_map(why_of)
}

fn why_of(error: &(dyn std::error::Error + 'static)) -> Option<Refusal> {
    if error.is::<WritingStopped>() {
        return Some(Refusal::StoreFailed);
    }
    if is_in_use(error) {
        return Some(Refusal::InWork);
    }
    if is_read_only(error) {
        return Some(Refusal::StoreFailed);
    }
    let store = error.downcast_ref().and_then(StoreError::refusal);
    let log = || error.downcast_ref().and_then(AuditError::refusal);
    let no_room = || {
        let file: Option<&PrivateError> = error.downcast_ref();
        file.filter(|file| file.is_no_room()).map(|_| Refusal::StoreFull)
    };
    let full = || error.downcast_ref().map(|full: &AuditFull| full.refusal());
    let ausf = || error.downcast_ref().map(AusfClientError::refusal);
    let said = || error.downcast_ref().map(|said: &Said| said.why);
    let refused = || error.downcast_ref().map(|refused: &Refused| refused.why);
    let output = || {
        failed_output(error).map(|kind| match is_no_room(kind) {
            true => Refusal::StoreFull,
            false => Refusal::StoreFailed,
        })
    };
    let not_done = || {
        let not_done: Option<&NotDone> = error.downcast_ref();
        not_done.filter(|not_done| !not_done.is_error).map(NotDone::why)
    };
    store
        .or_else(log)
        .or_else(full)
        .or_else(no_room)
        .or_else(ausf)
        .or_else(said)
        .or_else(refused)
        .or_else(output)
        .or_else(not_done)
}

/// Whether a node or another command has what is wanted: it goes when that has ended.
fn is_in_use(error: &(dyn std::error::Error + 'static)) -> bool {
    let of_engine = |cause: &EngineError| matches!(cause, EngineError::InUse(_));
    match error.downcast_ref() {
        Some(StoreError::Read(cause) | StoreError::Write(cause)) => of_engine(cause),
        _ => matches!(error.downcast_ref(), Some(AuditError::InUse(_))) || error.downcast_ref().is_some_and(of_engine),
    }
}

/// Whether a file system takes no changes: stores and logs are opened to write even where nothing is changed.
fn is_read_only(error: &(dyn std::error::Error + 'static)) -> bool {
    let of_file = |file: &PrivateError| {
        matches!(
            file,
            PrivateError::Io {
                kind: ErrorKind::ReadOnlyFilesystem,
                ..
            }
        )
    };
    let of_engine = |cause: &EngineError| matches!(cause, EngineError::Io { source, .. } if source.kind() == ErrorKind::ReadOnlyFilesystem);
    file_of(error).is_some_and(of_file)
        || error.downcast_ref().is_some_and(of_engine)
        || matches!(error.downcast_ref(), Some(StoreError::Read(cause) | StoreError::Write(cause)) if of_engine(cause))
}

/// The same error, with what to do where there is no room, or nothing can be written.
pub(crate) fn advised(error: anyhow::Error) -> anyhow::Error {
    if error.chain().any(is_read_only) {
        return error.context(ToDo::from(
            "the file system is read-only, and a store is opened to write even by who only looks: copy the data folder (or the \
             file) with its modes to a place that can be written, and name that copy",
        ));
    }
    let says_so = || format!("{error:#}").contains("run the command again");
    let is_done = error.is::<Done>()
        || error.is::<Untold>()
        || error.downcast_ref().is_some_and(|not_done: &NotDone| not_done.is_done);
    match status(&error) == Exit::NoSpace.number() && !is_done && !says_so() {
        true => error.context(ToDo::from("make room and run the command again")),
        false => error,
    }
}

/// What to do about an error: told behind its causes, though it is known where the outermost of them is.
#[derive(Debug)]
pub(crate) struct ToDo(Cow<'static, str>);

impl<T: Into<Cow<'static, str>>> From<T> for ToDo {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for ToDo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What follows a change that was done when its entry has not reached the log.
#[derive(Debug)]
pub(crate) struct Done;

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("done, and on record in the store: the audit log takes it at the next start when it has room")
    }
}

/// What follows a change that was made when nobody can be told of it.
#[derive(Debug)]
pub(crate) struct Untold;

impl fmt::Display for Untold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("done, but the output takes nothing")
    }
}

/// A refusal in the words of the command that it happened to.
#[derive(Debug)]
struct Said {
    why: Refusal,
    text: String,
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Said {}

/// A refusal that is told in these words.
pub(crate) fn refused(why: Refusal, text: impl Into<String>) -> anyhow::Error {
    let text = text.into();
    Said { why, text }.into()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use anyhow::{Context as _, anyhow};

    #[test]
    fn what_to_do_without_room_is_said_once_and_not_after_it_was_done() {
        let full = || anyhow::Error::from(AuditFull::NoRoom);
        let advice = "make room and run the command again";
        assert!(format!("{:#}", advised(full())).contains(advice));
        let but_done = NotDone::from(AuditFull::NoRoom).but_done(&Done.to_string());
        for said in [
            full().context(Done),
            full().context(advice),
            but_done.into(),
            anyhow!("anything"),
        ] {
            let before = format!("{said:#}");
            assert_eq!(format!("{:#}", advised(said)), before);
        }
    }

    #[test]
    fn a_status_says_what_was_refused() {
        let full = || Arc::new(EngineError::Full("x".into()));
        let read_only = || PrivateError::Io {
            path: "x".into(),
            reason: "os error 30".into(),
            kind: ErrorKind::ReadOnlyFilesystem,
        };
        for (error, expected) in [
            (anyhow!("anything"), 1),
            (
                PrivateError::Mode {
                    path: "x".into(),
                    mode: 0o644,
                    expected: 0o600,
                }
                .into(),
                77,
            ),
            (
                MasterKeyError::File(PrivateError::Owner {
                    path: "x".into(),
                    owner: 1,
                    us: 0,
                })
                .into(),
                77,
            ),
            (io::Error::from(ErrorKind::PermissionDenied).into(), 77),
            (io::Error::from(ErrorKind::AddrInUse).into(), 75),
            (io::Error::from(ErrorKind::NotFound).into(), 1),
            (ConfigError::Writable("x".into()).into(), 77),
            (
                kaskade::hex_field::octets::<16>("K", "12").expect_err("short").into(),
                65,
            ),
            (StoreError::UnknownSubscriber.into(), 67),
            (StoreError::AlreadyExists.into(), 1),
            (StoreError::Write(full()).into(), 73),
            (StoreError::Read(Arc::new(EngineError::Failed)).into(), 74),
            (StoreError::Read(Arc::new(EngineError::InUse("x".into()))).into(), 75),
            (AuditError::InUse("x".into()).into(), 75),
            (read_only().into(), 74),
            (StoreError::Read(Arc::new(read_only().into())).into(), 74),
            (WritingStopped(full()).into(), 74),
            (AuditFull::NoRoom.into(), 73),
            (AuditFull::Stopping.into(), 75),
            (AuditError::System("no thread".into()).into(), 1),
            (AusfClientError::Nonsense("?".into()).into(), 76),
            (Refused::from(Refusal::BudgetSpent).into(), 75),
            (refused(Refusal::UserNotFound, "nobody"), 67),
            (NotDone::from(Refusal::StoreFull).into(), 73),
        ] {
            let error: anyhow::Error = error;
            assert_eq!(status(&error), expected, "{error}");
            let within = Err::<(), _>(error).context("more").context("about it").unwrap_err();
            assert_eq!(status(&within), expected);
            let is_read_only = format!("{within:#}").contains("os error 30");
            let said = format!("{:#}", advised(within));
            assert_eq!(said.contains("copy the data folder"), is_read_only, "{said}");
        }
    }
}
