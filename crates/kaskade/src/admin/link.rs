//! How a command reaches the operations: directly where no node runs, over the socket of the one that does.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use kaskade::config::Config;
use kaskade::import::ImportError;
use kaskade_store::SubscriberStore;

use super::operation::Operation;
use super::subscriber::{BrokenOff, SubscriberView, Together, Written};
use super::there::There;
use super::{Admin, Later, Log, NotDone, Principal};
use crate::data_dir::{DataArgs, DataDir};
use crate::record::Much;
use crate::runtime::store::{is_in_use, make_first_store, open_store};

pub(crate) use super::there::ImportFile;

/// Which data folder a command uses, and how.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct LinkArgs {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Open the store itself: a node that has it open is not asked over its socket, and must be stopped first
    #[arg(long, help_heading = "Data")]
    pub(crate) offline: bool,
    #[command(flatten)]
    pub(crate) patience: PatienceArgs,
}

/// How long a command waits for a node.
#[derive(clap::Args, Clone, Copy, Debug)]
pub(crate) struct PatienceArgs {
    /// How many seconds a node has for an answer before it is given up
    #[arg(long, help_heading = "Data", value_name = "SECONDS", default_value_t = 30,
          value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
}

impl PatienceArgs {
    const fn time(self) -> Duration {
        Duration::from_secs(self.timeout)
    }
}

/// What a command has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// It looks at what is not in the store.
    LookAside,
    /// It removes a home network key, which needs no store: one that is lost is not in the way.
    RemoveKey,
    /// It adds one, also where there is no data folder yet.
    AddKey,
    /// It looks.
    Look,
    /// It changes something that is there.
    Change,
    /// It adds something, also where there is no data folder yet.
    Add,
    /// It adds so many subscribers.
    Import(usize),
}

/// The way to the operations.
pub(crate) enum Link {
    /// In this process, which has the store open.
    Here(Box<Here>),
    /// In the node of this data folder.
    There(There),
}

/// The operations in this process.
pub(crate) struct Here {
    pub(crate) admin: Admin,
    data: Arc<DataDir>,
    by: Principal,
}

/// So many have room in a small segment of the audit log.
const FEW: usize = 4096;

impl Link {
    /// Finds the way; `told` is called where a data folder was made.
    pub(crate) fn open(
        args: &LinkArgs,
        config: &Config,
        purpose: Purpose,
        told: impl FnOnce(&DataDir),
    ) -> Result<Self> {
        let folder = &config.data_dir;
        if !args.offline
            && let Some(there) = Self::running(folder, args.patience.time())?
        {
            return Ok(there);
        }
        let data = match purpose {
            Purpose::Add | Purpose::Import(_) | Purpose::AddKey => DataDir::open_or_create(folder)?,
            _ => DataDir::open(folder)?,
        };
        let data = Arc::new(data);
        if data.is_new() {
            told(&data);
        }
        let store = match purpose {
            Purpose::LookAside => None,
            Purpose::AddKey | Purpose::RemoveKey => store_beside_keys(&data, config)?,
            _ => Some(Arc::new(open_store(&data, config)?)),
        };
        let much = match purpose {
            Purpose::Import(count) if count > FEW => Much::Yes,
            _ => Much::No,
        };
        let later = Later::new(store.clone(), Arc::clone(&data), config, much);
        let interception = match &store {
            Some(store) => crate::runtime::li::beside(config, store, &data)?,
            None => None,
        };
        let admin = Admin::new(store, Log::Later(Box::new(later)), &data, config)?;
        Ok(Self::Here(Box::new(Here {
            admin: admin.heard_by(interception),
            data,
            by: Principal::this_user(),
        })))
    }

    /// To the node of this data folder, where one runs, which has so long for an answer.
    pub(crate) fn running(folder: &std::path::Path, patience: Duration) -> Result<Option<Self>> {
        Ok(There::reach(folder, patience)?.map(Self::There))
    }

    /// Whether a node is asked.
    pub(crate) const fn is_there(&self) -> bool {
        matches!(self, Self::There(_))
    }

    /// The data folder.
    pub(crate) fn folder(&self) -> &std::path::Path {
        match self {
            Self::Here(here) => here.data.path(),
            Self::There(there) => there.folder(),
        }
    }

    /// What only the store can say of entries of a file.
    pub(crate) fn check_import(&self, file: &ImportFile<'_>, replace: bool) -> Result<Option<ImportError>, NotDone> {
        match self {
            Self::Here(here) => {
                let wrong = here.admin.check_import(file.entries, replace, Together::File)?;
                Ok(wrong.map(|wrong| wrong.first(ImportError::SHOWN)))
            }
            Self::There(there) => there.check_import(file, replace),
        }
    }

    /// Takes in entries of a file that were checked, told how many are in.
    pub(crate) fn write_import(
        &self,
        file: &ImportFile<'_>,
        replace: bool,
        progress: &mut dyn FnMut(usize),
    ) -> Result<Written, BrokenOff> {
        match self {
            Self::Here(here) => {
                let import = here.admin.begin_import()?;
                let written = here.admin.write_import(&here.by, import, file.entries, progress);
                let done = written
                    .as_ref()
                    .map_or_else(|broken| broken.done, |_| file.entries.len());
                // Each that is in has its entry in the store, whether the log can take it now or not.
                let ended = here.admin.end_import(&here.by, import, done);
                written.and_then(|written| ended.map(|()| written).map_err(|why| BrokenOff::after(done, why)))
            }
            Self::There(there) => there.write_import(file, replace, progress),
        }
    }

    /// Gives out all subscribers without secrets, on record before the first of them.
    pub(crate) fn export(&self, each: &mut dyn FnMut(&SubscriberView) -> Result<()>) -> Result<()> {
        match self {
            Self::Here(here) => here.admin.export(&here.by, each),
            Self::There(there) => there.export(each),
        }
    }

    /// The same with algorithm, K and operator code sealed: where no node runs.
    pub(crate) fn export_sealed(&self, each: &mut dyn FnMut(&SubscriberView, Vec<u8>) -> Result<()>) -> Result<()> {
        let here = self.here("nothing with a secret in it leaves that, sealed or not")?;
        here.admin.export_sealed(&here.by, each)
    }

    /// For what needs the store in this process.
    pub(crate) fn here(&self, why: &str) -> Result<&Here> {
        match self {
            Self::Here(here) => Ok(here),
            Self::There(there) => {
                bail!("a node runs in {}, and {why}: stop it first", there.folder().display())
            }
        }
    }

    /// Asks for an operation.
    pub(crate) fn ask<O: Operation>(&self, of: O::Of, query: O::Query, body: O::Body) -> Result<O::Answer, NotDone> {
        match self {
            Self::Here(here) => O::run(&here.admin, &here.by, of, query, body),
            Self::There(there) => there.ask::<O>(&of, &query, &body),
        }
    }
}

/// The store whose log has what happens to home network keys; `None` where it does not open and another command says why.
fn store_beside_keys(data: &DataDir, config: &Config) -> Result<Option<Arc<SubscriberStore>>> {
    make_first_store(data, config)?;
    match open_store(data, config) {
        Ok(store) => Ok(Some(Arc::new(store))),
        // Whoever has it open writes the log, too.
        Err(error) if is_in_use(&error) => Err(error),
        Err(_) => Ok(None),
    }
}
