//! The first look into a store: whether it is ours, of which version, and whose data key seals it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kaskade_aka::sqn::NodeIndex;
use kaskade_crypto::seal::StoreKind;
use kaskade_faults::fault;
use kaskade_flow::UnixMillis;

use crate::audit::Anchor;
use crate::clock::{Clock, SystemClock, millis};
use crate::convert::{Conversion, convert};
use crate::copy;
use crate::embedded::EmbeddedEngine;
use crate::engine::{Batch, Blocking, Change, Engine, Expect, Serial, Table, Value};
use crate::error::{EngineError, StoreError, read_error};
use crate::master_key::MasterKey;
use crate::meta;
use crate::records::{OnRecord, apply_on_record};
use crate::rows::SUBSCRIBER;
use crate::seal::Sealer;

/// A store that is to be made where there is none.
pub(crate) struct Making {
    pub(crate) tick: Duration,
    pub(crate) record: Option<OnRecord>,
    /// There is no audit log.
    pub(crate) unrecorded: bool,
}

/// Who opens a store.
pub(crate) struct Opener<'o> {
    pub(crate) master_key: &'o MasterKey,
    /// Which of the home network's nodes it is.
    pub(crate) node: u16,
    /// Dates what the audit log is told of it.
    pub(crate) clock: &'o dyn Clock,
}

/// What a copy may have made of a store that is opened.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing: it is a store like any other.
    Open,
    /// It may have gone elsewhere.
    Gone,
}

impl Opener<'_> {
    pub(crate) fn now(&self) -> UnixMillis {
        match fault!("conversion-dated-elsewhere") {
            true => UnixMillis::new(millis(SystemClock::default().wall())),
            false => UnixMillis::new(millis(self.clock.wall())),
        }
    }
}

/// Opens the data key, or makes one for an empty store that has none yet, if that is to be made. A store of an earlier format is
/// converted, and `tell` told how far that is.
pub(crate) fn unlock(
    engine: &dyn Engine,
    name: &Path,
    (opener, state): (&Opener<'_>, State),
    new: Option<&Making>,
    tell: &dyn Fn(Conversion),
) -> Result<Sealer, StoreError> {
    let &Opener { master_key, node, .. } = opener;
    if let Some((sealer, kind)) = data_key(engine, name, master_key)? {
        copy::refuse(engine, name, sealer.keys(), state)?;
        declare(engine)?;
        has_serials_left(engine, node)?;
        if kind != StoreKind::Records {
            convert(engine, &sealer, opener, kind, tell)?;
        }
        return Ok(sealer);
    }
    let path = PathBuf::from(name);
    if !engine.is_empty().map_err(read_error)? && !fault!("data-key-made-over-rows") {
        return Err(StoreError::NoDataKey(path));
    }
    let Some(&Making {
        tick,
        record,
        unrecorded,
    }) = new
    else {
        return Err(StoreError::Blank(path));
    };
    declare(engine)?;
    let (sealer, sealed) = Sealer::create(master_key)?;
    let tick = meta::coded_tick(sealer.keys(), millis(tick).max(1), &[node]);
    let mut batch = Batch::default();
    batch.put(Table::META, meta::FORMAT, &meta::KNOWN_FORMAT.to_be_bytes());
    batch.put(Table::META, meta::TICK_MS, &tick);
    meta::put_head(sealer.keys(), node, None, &mut batch);
    let since = if unrecorded { opener.now().get() } else { 0 };
    meta::put_unrecorded(sealer.keys(), node, since, &mut batch);
    batch.put(Table::META, meta::MARK, &meta::coded(sealer.keys(), meta::MARK, 0));
    batch.put(Table::META, meta::MASTER_KEY_ID, master_key.identifier().as_bytes());
    batch.push(Change {
        table: Table::META,
        key: meta::DATA_KEY.into(),
        expect: match engine.is_shared() {
            true => Expect::Absent,
            false => Expect::Any,
        },
        value: Some(Value {
            octets: sealed.into(),
            ..Value::default()
        }),
    });
    let made = apply_on_record(engine, sealer.data_key(), node, &mut batch, record);
    match made.map_err(|error| StoreError::Write(Arc::new(error))) {
        Ok(()) => Ok(sealer),
        // Another node may have made it at the same time.
        Err(error) => match data_key(engine, name, master_key)? {
            Some((sealer, StoreKind::Records)) if engine.is_shared() => {
                copy::refuse(engine, name, sealer.keys(), state)?;
                Ok(sealer)
            }
            _ => Err(error),
        },
    }
}

/// The data key and the kind of store that it is of; `None` when there is none. Changes nothing.
pub(crate) fn data_key(
    engine: &dyn Engine,
    name: &Path,
    master_key: &MasterKey,
) -> Result<Option<(Sealer, StoreKind)>, StoreError> {
    let path = PathBuf::from(name);
    let Some(sealed) = meta::octets(engine, meta::DATA_KEY).map_err(read_error)? else {
        return Ok(None);
    };
    let found = meta::number(engine, meta::FORMAT).map_err(read_error)?.unwrap_or(0);
    if !(meta::FIRST_FORMAT..=meta::KNOWN_FORMAT).contains(&found) && found != meta::GONE_FORMAT {
        return Err(StoreError::Format {
            path,
            found,
            known: meta::KNOWN_FORMAT,
        });
    }
    let expected = meta::octets(engine, meta::MASTER_KEY_ID)
        .map_err(read_error)?
        .unwrap_or_default();
    let opened = Sealer::open(master_key, &sealed).ok_or_else(|| StoreError::WrongMasterKey {
        path,
        expected: String::from_utf8_lossy(&expected).into_owned(),
        given: master_key.identifier(),
    });
    let (sealer, kind) = opened?;
    let at_least = match kind {
        StoreKind::First => meta::FIRST_FORMAT,
        StoreKind::Coded => meta::FIRST_FORMAT + 1,
        StoreKind::Records => meta::KNOWN_FORMAT,
    };
    if found < at_least {
        return Err(StoreError::ChangedMeta("format"));
    }
    Ok(Some((sealer, kind)))
}

/// The number of the last commit has no code, and whoever raises it must not bring the store to the end of them.
fn has_serials_left(engine: &dyn Engine, node: u16) -> Result<(), StoreError> {
    for node in [0, node] {
        let Serial(last) = pollster::block_on(engine.serial(node)).map_err(read_error)?;
        if last > u64::MAX / 2 && !fault!("serial-of-no-store-taken") {
            return Err(StoreError::ChangedMeta("number of its last commit"));
        }
    }
    Ok(())
}

fn declare(engine: &dyn Engine) -> Result<(), StoreError> {
    // All that a store has of its own, before it is one: on a full disk it is either made, or blank.
    engine
        .declare(&[SUBSCRIBER, Table::OUTBOX, Table::EVENTS])
        .map_err(|error| StoreError::Write(Arc::new(error)))
}

/// Whether the file is a store that holds nothing, not even a data key: what is left where the making of one was
/// interrupted. Such a file loses nothing when it becomes a new store.
///
/// # Errors
/// [`EngineError`], also when there is none, it is damaged, or another process has it open.
pub fn is_blank(path: &Path) -> Result<bool, EngineError> {
    // All of it are a few pages.
    const CACHE: usize = 1 << 20;
    EmbeddedEngine::open_existing(path, CACHE)?.is_empty()
}

/// What a store keeps of the audit log of a node, each part as it was read: one may have been edited, and the other not.
#[derive(Clone, Debug)]
pub struct KeptOfLog {
    /// How far the log had come when its head was last kept; `None` when it never was.
    pub head: Result<Option<Anchor>, StoreError>,
    /// Since when the store may have been changed without a log; `None` when it was not.
    pub unrecorded: Result<Option<UnixMillis>, StoreError>,
}

impl KeptOfLog {
    /// Of a store that never kept anything.
    const NOTHING: Self = Self {
        head: Ok(None),
        unrecorded: Ok(None),
    };

    /// The head, where nothing is lost.
    ///
    /// # Errors
    /// [`StoreError::ChangedMeta`] when any part is not as it was written.
    pub fn whole(self) -> Result<Option<Anchor>, StoreError> {
        self.unrecorded.and(self.head)
    }
}

/// How far the audit log of a node had come when a store last kept its head; `None` when it never did. The store is not open otherwise.
///
/// # Errors
/// As [`kept_of_audit_log`], and [`StoreError::ChangedMeta`] when any part of that is not as it was written.
pub fn kept_audit_head(path: &Path, master_key: &MasterKey, node: NodeIndex) -> Result<Option<Anchor>, StoreError> {
    kept_of_audit_log(path, master_key, node)?.whole()
}

/// What a store keeps of the audit log of a node. The store is not open otherwise.
///
/// # Errors
/// [`EngineError::InUse`] when another process has it open; as [`crate::SubscriberStore::open`] otherwise.
pub fn kept_of_audit_log(path: &Path, master_key: &MasterKey, node: NodeIndex) -> Result<KeptOfLog, StoreError> {
    const CACHE: usize = 1 << 20;
    let engine = EmbeddedEngine::open_existing(path, CACHE).map_err(read_error)?;
    kept_of_audit_log_on(&engine, path, master_key, node)
}

/// [`kept_of_audit_log`] of a store on any engine; `name` is what errors call it.
///
/// # Errors
/// As [`kept_of_audit_log`].
pub fn kept_of_audit_log_on(
    engine: &dyn Engine,
    name: &Path,
    master_key: &MasterKey,
    node: NodeIndex,
) -> Result<KeptOfLog, StoreError> {
    match data_key(engine, name, master_key)? {
        Some((sealer, StoreKind::Records)) => {
            // One that has come in part knows nothing of a log yet.
            copy::refuse(engine, name, sealer.keys(), State::Gone)?;
            let (keys, node) = (sealer.keys(), node.index().into());
            Ok(KeptOfLog {
                head: meta::audit_head(engine, keys, node),
                unrecorded: meta::unrecorded_since(engine, keys, node).map(|since| since.map(UnixMillis::new)),
            })
        }
        // Nobody kept one in the earlier formats, and looking for it converts nothing.
        Some(_) => Ok(KeptOfLog::NOTHING),
        None => {
            let opener = Opener {
                master_key,
                node: node.index().into(),
                clock: &SystemClock::default(),
            };
            unlock(engine, name, (&opener, State::Open), None, &|_| ()).map(|_| KeptOfLog::NOTHING)
        }
    }
}

/// Keeps this as the head of the audit log of a node, in place of what a store kept, also where that is not as it was written. The
/// store is not open otherwise.
///
/// # Errors
/// As [`kept_audit_head`], and when writing fails.
pub fn keep_audit_head(path: &Path, master_key: &MasterKey, node: NodeIndex, head: &Anchor) -> Result<(), StoreError> {
    const CACHE: usize = 1 << 20;
    let engine = EmbeddedEngine::open_existing(path, CACHE).map_err(read_error)?;
    keep_audit_head_on(&engine, path, master_key, node, head)
}

/// [`keep_audit_head`] of a store on any engine; `name` is what errors call it.
///
/// # Errors
/// As [`keep_audit_head`].
pub fn keep_audit_head_on(
    engine: &dyn Engine,
    name: &Path,
    master_key: &MasterKey,
    node: NodeIndex,
    head: &Anchor,
) -> Result<(), StoreError> {
    let node = node.index().into();
    let opener = Opener {
        master_key,
        node,
        clock: &SystemClock::default(),
    };
    let sealer = unlock(engine, name, (&opener, State::Open), None, &|_| ())?;
    let (tick, mut keepers) = meta::tick_and_keepers(engine, sealer.keys())?;
    let since = match meta::unrecorded_since(engine, sealer.keys(), node) {
        // Nobody knows since when: the next log has a gap from the beginning of time.
        Err(StoreError::ChangedMeta(_)) => 1,
        since => since?.unwrap_or(0),
    };
    if !keepers.contains(&node) {
        keepers.push(node);
    }
    let mut batch = Batch::default();
    batch.put(
        Table::META,
        meta::TICK_MS,
        &meta::coded_tick(sealer.keys(), tick, &keepers),
    );
    meta::put_unrecorded(sealer.keys(), node, since, &mut batch);
    meta::put_head(sealer.keys(), node, Some(head), &mut batch);
    let Serial(last) = pollster::block_on(engine.serial(node)).map_err(read_error)?;
    let kept = engine.apply_as(node, Serial(last + 1), &batch);
    kept.map_err(|error| StoreError::Write(Arc::new(error)))
}
