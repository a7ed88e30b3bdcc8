//! What a store is, for whoever looks at it from outside. Nothing of it is changed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kaskade_crypto::seal::StoreKind;
use kaskade_flow::UnixMillis;

use crate::MasterKey;
use crate::copy;
use crate::engine::{Blocking, Engine, Table};
use crate::error::{StoreError, read_error};
use crate::meta;
use crate::nodes::{self, NodeState};
use crate::rows::{ROWS, SUBSCRIBER};
use crate::unlock::data_key;

/// What [`status_of`] sees.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreStatus {
    /// The format of its rows.
    pub format: u64,
    /// Whether it opens.
    pub state: StoreState,
    /// How many subscribers.
    pub subscribers: u64,
    /// How far the clock of any node may go: since 1970; zero before the first number.
    pub mark: Duration,
    /// Messages that wait to be delivered.
    pub messages: u64,
    /// Rows of events that wait for the audit log of a node.
    pub events: u64,
    /// The nodes that share it, in the order of their numbers; none where nobody does.
    pub nodes: Vec<NodeState>,
}

/// Whether a store opens.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreState {
    /// It does.
    Open,
    /// It is of an earlier format, and is converted when it is opened.
    Earlier,
    /// Not before [`crate::skip_ahead`] has ended, which was interrupted.
    Skipping,
    /// Not before [`crate::copy`] has ended.
    Coming {
        /// What it is made out of.
        from: PathBuf,
        /// Since when.
        at: UnixMillis,
    },
    /// No more: it was copied.
    Gone {
        /// Where it is.
        to: PathBuf,
        /// Since when.
        at: UnixMillis,
    },
}

/// What a store is, on any engine; `name` is what errors call it. Blocks.
///
/// # Errors
/// When the store cannot be read, is blank, or does not open with this key.
pub fn status_of(engine: &dyn Engine, name: &Path, master_key: &MasterKey) -> Result<StoreStatus, StoreError> {
    let Some((sealer, kind)) = data_key(engine, name, master_key)? else {
        return Err(StoreError::Blank(name.into()));
    };
    let format = meta::number(engine, meta::FORMAT).map_err(read_error)?.unwrap_or(0);
    let keys = sealer.keys();
    if kind != StoreKind::Records {
        return Ok(StoreStatus {
            format,
            state: StoreState::Earlier,
            subscribers: engine.count(Table::SUBSCRIBERS).map_err(read_error)?,
            mark: Duration::ZERO,
            messages: 0,
            events: 0,
            nodes: Vec::new(),
        });
    }
    let state = match copy::state_of(engine, keys)? {
        StoreState::Open if meta::octets(engine, meta::SKIPPING).map_err(read_error)?.is_some() => StoreState::Skipping,
        state => state,
    };
    let tables = [SUBSCRIBER, Table::OUTBOX, Table::EVENTS];
    engine.declare(&tables).map_err(read_error)?;
    let [subscribers, messages, events] = tables.map(|table| engine.count(table).map_err(read_error));
    // What has come in part has no rows of its own yet.
    let (mark, nodes) = match state {
        StoreState::Coming { .. } => (Duration::ZERO, Vec::new()),
        _ => {
            let (tick, _) = meta::tick_and_keepers(engine, keys)?;
            let mark = nodes::highest_mark_of(engine, keys)?;
            let nodes = match engine.is_shared() {
                true => nodes::states(engine, keys, tick)?,
                false => Vec::new(),
            };
            (Duration::from_millis(mark.saturating_mul(tick)), nodes)
        }
    };
    Ok(StoreStatus {
        format,
        state,
        subscribers: subscribers?.div_ceil(ROWS),
        mark,
        messages: messages?,
        events: events?,
        nodes,
    })
}
