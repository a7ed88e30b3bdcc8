//! The audit log that operations write: a node's, or that of a command, which opens it with its first change.

use std::sync::{Arc, OnceLock};

use anyhow::Result;
use kaskade::config::Config;
use kaskade_flow::Refusal;
use kaskade_store::SubscriberStore;
use kaskade_store::audit::AuditLog;

use super::NotDone;
use crate::data_dir::DataDir;
use crate::exit;
use crate::record::{LogOf, Much, open_audit_alone, open_audit_of};

/// An audit log, open or to be opened.
pub(crate) enum Log {
    /// It is open.
    Open(AuditLog),
    /// It is opened with the first change: what is refused before leaves the log as it is.
    Later(Box<Later>),
}

/// A log that a command opens.
pub(crate) struct Later {
    store: Option<Arc<SubscriberStore>>,
    data: Arc<DataDir>,
    config: Config,
    much: Much,
    opened: OnceLock<Opened>,
}

/// One that was opened; closed when it goes.
enum Opened {
    Beside(LogOf<'static>),
    /// There is no store that could keep where it ends.
    Alone(Alone),
}

struct Alone(AuditLog);

impl Drop for Alone {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Later {
    /// Beside this store; alone where that is lost, and what is changed is not in it.
    pub(crate) fn new(store: Option<Arc<SubscriberStore>>, data: Arc<DataDir>, config: &Config, much: Much) -> Self {
        Self {
            store,
            data,
            config: config.clone(),
            much,
            opened: OnceLock::new(),
        }
    }

    fn open(&self) -> Result<Opened> {
        match &self.store {
            Some(store) => {
                let log = open_audit_of(store, &self.data, &self.config, self.much)?;
                Ok(Opened::Beside(log.sharing(Arc::clone(store))))
            }
            None => open_audit_alone(&self.data, &self.config, None).map(|log| Opened::Alone(Alone(log))),
        }
    }
}

impl Log {
    /// The log, open.
    pub(super) fn now(&self) -> Result<&AuditLog, NotDone> {
        let later = match self {
            Self::Open(log) => return Ok(log),
            Self::Later(later) => later,
        };
        let opened = match later.opened.get() {
            Some(opened) => opened,
            None => {
                let opened = later.open().map_err(not_opened)?;
                later.opened.get_or_init(|| opened)
            }
        };
        Ok(match opened {
            Opened::Beside(log) => log,
            Opened::Alone(Alone(log)) => log,
        })
    }
}

/// Why a log is not open, in the words of a command.
fn not_opened(error: anyhow::Error) -> NotDone {
    let why = exit::why(&error);
    // What to do is part of the words, which are all that is left of it.
    let error = exit::advised(error);
    NotDone {
        is_error: why.is_none(),
        ..NotDone::because(why.unwrap_or(Refusal::AuditFailed), format!("{error:#}"))
    }
}
