//! What has come to its end is removed, a little at a time.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::super::engine::{Batch, Change, Cursor, Expect, Row, Table};
use super::{Records, opened};

/// How many rows are removed at once.
const BATCH: usize = 256;

#[derive(Default)]
pub(super) struct Sweeper {
    /// What was asked to be removed is on its way.
    busy: AtomicBool,
    /// The last row that cannot be removed: it cannot be read here, and is left as it is.
    behind: Mutex<Option<Row>>,
    swept: AtomicU64,
    /// The last page was full: there may be more.
    more: AtomicBool,
}

impl Records {
    /// How many records were removed at their end since the start.
    pub fn swept(&self) -> u64 {
        self.0.sweeper.swept.load(Ordering::Relaxed)
    }

    /// Whether what was found last is removed, and there may be more.
    pub(crate) fn sweeps_on(&self) -> bool {
        let Sweeper { busy, more, .. } = &self.0.sweeper;
        more.load(Ordering::Acquire) && !busy.load(Ordering::Acquire)
    }

    /// Removes some of what has come to its end. On the thread that writes: it queues removals, and waits for none.
    pub(crate) fn sweep_some(&self) {
        let Sweeper { busy, behind, .. } = &self.0.sweeper;
        if busy.load(Ordering::Acquire) {
            return;
        }
        self.hand_over();
        self.remove_left(BATCH);
        let now = self.now().get();
        let mut behind = behind.lock().unwrap_or_else(PoisonError::into_inner);
        let after = behind.as_ref().map(|row| (row.expires, row.table, &*row.key));
        let rows = pollster::block_on(self.0.engine.page(Cursor::Expired { now, after }, BATCH));
        // Reading fails for whoever reads next, too.
        let Ok(rows) = rows else { return };
        self.0.sweeper.more.store(rows.len() >= BATCH, Ordering::Release);
        if rows.is_empty() {
            // From the first on again.
            *behind = None;
            return;
        }
        let (mut messages, mut units) = (Vec::new(), Vec::new());
        for row in rows {
            if row.table == Table::OUTBOX {
                messages.extend(self.message_ended(&row.key));
            } else if self.is_whole(&row) {
                units.push(removal(row));
                continue;
            }
            *behind = Some(row);
        }
        if !messages.is_empty() {
            // A store that is closing leaves them to the next life.
            let _ = self.remove_messages(messages);
        }
        let count = units.len();
        for (number, unit) in units.into_iter().enumerate() {
            let records = self.clone();
            // They are done in order.
            let last = number + 1 == count;
            let settled = Box::new(move |done: bool| {
                let Sweeper { busy, swept, .. } = &records.0.sweeper;
                swept.fetch_add(done.into(), Ordering::Relaxed);
                if last {
                    busy.store(false, Ordering::Release);
                }
            });
            busy.store(true, Ordering::Release);
            if self.queue_own(unit, settled).is_err() {
                return;
            }
        }
    }

    /// Whether a row is a record that this program understands, as it was written.
    fn is_whole(&self, row: &Row) -> bool {
        let kind = self.kind(row.table.number());
        kind.is_some_and(|kind| opened(self.data_key(), &kind, (&row.key, row.expires), &row.octets).is_ok())
    }
}

fn removal(row: Row) -> Batch {
    let mut unit = Batch::seeing_ended();
    unit.push(Change {
        table: row.table,
        key: row.key,
        expect: Expect::Version(row.version),
        value: None,
    });
    unit
}
