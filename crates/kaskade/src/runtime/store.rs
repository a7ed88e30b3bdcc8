//! The subscriber store of a data folder.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Result;
use kaskade::config::Config;
use kaskade_flow::event::Action;
use kaskade_store::audit::AuditLog;
use kaskade_store::embedded::EmbeddedEngine;
use kaskade_store::engine::Engine;
use kaskade_store::postgres::PostgresEngine;
use kaskade_store::private::PrivateError;
use kaskade_store::{Conversion, EngineError, StoreError, StoreOptions, StoreState, SubscriberStore, status_of};

use crate::console::{Progress, complain};
use crate::data_dir::DataDir;
use crate::exit::ToDo;
use crate::record::{beside, told, whole_store};

/// Opens the subscriber store of a data folder; makes one only in a folder that never had one.
pub(crate) fn open_store(data: &DataDir, config: &Config) -> Result<SubscriberStore> {
    open_or_make(data, config, data.has_no_store_yet()?)
}

/// Makes the store of a folder that never had one: whichever command makes a folder calls this before it makes anything else
/// there, so that no backup says of a folder in use that it has no store yet.
pub(crate) fn make_first_store(data: &DataDir, config: &Config) -> Result<()> {
    match data.has_no_store_yet()? {
        true => open_or_make(data, config, true).map(drop),
        false => Ok(()),
    }
}

/// Makes an empty store where there is none, or goes on where that was interrupted; the log is told of it.
pub(crate) fn make_store_again(data: &DataDir, config: &Config, audit: AuditLog) -> Result<()> {
    let mut options = store_options(config);
    options.create = true;
    options.making = whole_store(&audit, Action::StoreCreated);
    options.unrecorded = !audit.is_on();
    let store = open_with(data, config, options)?;
    told(&beside(&store, audit)?)
}

fn open_or_make(data: &DataDir, config: &Config, make: bool) -> Result<SubscriberStore> {
    let mut options = store_options(config);
    options.create = make;
    open_with(data, config, options)
}

fn open_with(data: &DataDir, config: &Config, options: StoreOptions) -> Result<SubscriberStore> {
    let opened = match config.store.server() {
        None => SubscriberStore::open(&data.subscribers(), data.master(), options),
        Some(server) => PostgresEngine::open(&server).map_err(read).and_then(|engine| {
            let name = engine.name().to_owned();
            SubscriberStore::with_engine(Arc::new(engine), &name, data.master(), options)
        }),
    };
    let store = opened.map_err(|error| {
        let remedy = match remedy(&error) {
            Some(IN_USE) if config.store.postgres.is_some() => Some(NUMBER_IN_USE),
            Some(_) if matches!(error, StoreError::Blank(_)) && config.store.postgres.is_some() && has_a_file(data) => {
                Some(IN_ITS_FILE)
            }
            remedy => remedy,
        };
        let mut error = anyhow::Error::new(error);
        if let Some(remedy) = remedy {
            error = error.context(ToDo::from(remedy));
        }
        error.context("cannot open the subscriber store")
    })?;
    data.has_a_store_now()?;
    Ok(store)
}

/// What a store lies in, and what errors call that. It is there already, and nobody else has it meanwhile.
pub(crate) fn engine_of(data: &DataDir, config: &Config) -> Result<(Arc<dyn Engine>, PathBuf), StoreError> {
    Ok(match config.store.server() {
        None => {
            let (path, cache) = (data.subscribers(), store_options(config).cache_bytes);
            let engine = EmbeddedEngine::open_existing(&path, cache).map_err(read)?;
            (Arc::new(engine), path)
        }
        Some(server) => {
            let engine = PostgresEngine::open(&server).map_err(read)?;
            let name = engine.name().to_owned();
            (Arc::new(engine), name)
        }
    })
}

fn read(error: EngineError) -> StoreError {
    StoreError::Read(Arc::new(error))
}

/// What a user can do about a store that somebody else has open.
pub(crate) const IN_USE: &str = "wait until that has ended, or stop the `kaskade up`, and run this then";
/// The same of a number in a database.
const NUMBER_IN_USE: &str = "wait until that has ended, or stop the `kaskade up`, and run this then; if this is to be a further node, \
                             give it another store.node_index";

/// Whether the folder has a store in a file, which opens.
fn has_a_file(data: &DataDir) -> bool {
    const CACHE: usize = 1 << 20;
    let file = data.subscribers();
    let status = EmbeddedEngine::open_existing(&file, CACHE).map_err(read);
    let status = status.and_then(|engine| status_of(&engine, &file, data.master()));
    status.is_ok_and(|status| matches!(status.state, StoreState::Open | StoreState::Earlier))
}

/// What a user can do about an empty database beside a file.
const IN_ITS_FILE: &str =
    "the subscribers of this folder are in its file: `kaskade store copy --to postgres --yes` takes them there";

/// What a user can do about a store that does not open.
fn remedy(error: &StoreError) -> Option<&'static str> {
    const PUT_BACK: &str = "put a backup back and run `kaskade store skip-ahead --yes`";
    match error {
        StoreError::Read(cause) => match &**cause {
            EngineError::InUse(_) => Some(IN_USE),
            EngineError::Missing(_) => Some(
                "it is gone, though this folder had one, and a new one would issue the sequence numbers of the lost one \
                 again. Put a backup back and run `kaskade store skip-ahead --yes`; if it never had subscribers, or none of \
                 their cards is used any more, `kaskade store create --yes` makes an empty one",
            ),
            EngineError::Private(PrivateError::Kind { .. }) => Some(PUT_BACK),
            EngineError::Away { .. } => {
                Some("start the database, or mend the way to it; store.postgres of the configuration says where it is")
            }
            _ => None,
        },
        StoreError::Blank(_) => Some(
            "`kaskade store create --yes` goes on with making it, if that was interrupted. If this folder had subscribers, put a \
             backup back instead and run `kaskade store skip-ahead --yes`",
        ),
        StoreError::Gone { .. } => Some(
            "use the configuration that goes with it: with store.postgres for a database, without for the file. If the copy was interrupted, \
             run `kaskade store copy` again. If what it went to is lost for good: `kaskade store skip-ahead --yes --take-back`",
        ),
        StoreError::NoDataKey(_) => Some(PUT_BACK),
        StoreError::Tick { .. } => Some(
            "set sqn.tick_ms to the store's, which sequence numbers were issued by. If there were none yet, remove the store, and \
             `kaskade store create --yes` makes one with the other tick",
        ),
        StoreError::Clock(_) => Some("set the clock right; if it is right, raise sqn.longest_jump_days for this start"),
        StoreError::WrongMasterKey { .. } => Some(
            "put back the master key that it was sealed with; a further node needs a copy of the others' master.key",
        ),
        _ => None,
    }
}

/// Whether a store does not open because it, or the key that opens it, is lost: waiting or another setting does not help.
pub(crate) fn is_lost(error: &anyhow::Error) -> bool {
    match error.downcast_ref::<StoreError>() {
        Some(StoreError::Read(cause)) => matches!(
            **cause,
            EngineError::Missing(_) | EngineError::Corrupt { .. } | EngineError::Private(PrivateError::Kind { .. })
        ),
        Some(StoreError::Blank(_) | StoreError::NoDataKey(_) | StoreError::WrongMasterKey { .. }) => true,
        _ => false,
    }
}

/// Whether a store does not open because its server is away: it comes back by itself.
pub(crate) fn is_away(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(StoreError::Read(cause) | StoreError::Write(cause)) if matches!(**cause, EngineError::Away { .. }))
}

/// Whether a store does not open because another process has it open.
pub(crate) fn is_in_use(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(StoreError::Read(cause)) if matches!(**cause, EngineError::InUse(_)))
}

/// Shows how far a store of an earlier version is converted, and says it when it is.
fn converting() -> Arc<dyn Fn(Conversion) + Send + Sync> {
    let bar = OnceLock::new();
    Arc::new(move |conversion: Conversion| {
        let count = |number| usize::try_from(number).unwrap_or(usize::MAX);
        let bar = bar.get_or_init(|| Progress::of(count(conversion.total)));
        bar.at(count(conversion.done));
        if conversion.is_complete {
            bar.end();
            complain(&format!(
                "converted {} subscribers from store format {} to {}: an earlier version does not open this store any more",
                conversion.done, conversion.from, conversion.to
            ));
        }
    })
}

/// What the configuration says about the store. One that is not there is not made.
pub(crate) fn store_options(config: &Config) -> StoreOptions {
    let mut options = StoreOptions::default();
    options.create = false;
    options.node = config.node();
    options.cache_bytes = usize::try_from(config.store.cache_mib << 20).unwrap_or(usize::MAX);
    options.policy.delta = config.sqn.delta;
    options.policy.reuse = config.sqn.reuse.0;
    options.longest_jump = Some(Duration::from_secs(config.sqn.longest_jump_days * 86_400));
    options.converting = converting();
    options.tick = Some(Duration::from_millis(config.sqn.tick_ms));
    options
}
